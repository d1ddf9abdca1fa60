"""Signed statements: a JWS over the statement, as an attachment (xAPI 1.0.3 Data 2.6; RFC 7515). Pure.

The signature is checked with the certificate in its x5c header. Whether that certificate is to be
trusted is another question, which nobody asks an LRS; without one, only form and content are checked.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from courses.archive.xapi import references, strict_json, values
from courses.archive.xapi.attachments import Attachment
from courses.archive.xapi.errors import BadRequest, StatementInvalid
from courses.archive.xapi.formats import with_lists
from courses.archive.xapi.validation import SIGNATURE

__all__ = ["check_signatures"]

_ALGORITHMS: dict[str, hashes.HashAlgorithm] = {
    "RS256": hashes.SHA256(),
    "RS384": hashes.SHA384(),
    "RS512": hashes.SHA512(),
}


def check_signatures(statement: dict[str, Any], parts: Sequence[Attachment]) -> None:
    """Raises StatementInvalid when an attachment claims to be a signature and is none of this statement."""
    by_digest = {part.sha2: part for part in parts}
    for number, attachment in enumerate(statement.get("attachments", ())):
        if attachment["usageType"] != SIGNATURE:
            continue
        path = f"attachments[{number}]"
        if attachment["contentType"].partition(";")[0].strip().lower() != "application/octet-stream":
            raise StatementInvalid(path + ".contentType", "a signature is of type application/octet-stream")
        # Once checked it is good: the same bytes are named again for nothing.
        part = by_digest.pop(attachment["sha2"].lower(), None)
        if part is not None:
            _check(part.content, statement, path)


def _check(jws: bytes, statement: dict[str, Any], path: str) -> None:
    pieces = jws.strip().split(b".")
    if len(pieces) != 3:
        raise StatementInvalid(path, "is not a JWS in compact form")
    try:
        header = strict_json.loads(_decode(pieces[0]), what="the header of the signature")
        said = strict_json.loads(_decode(pieces[1]), what="the payload of the signature")
        signature = _decode(pieces[2])
    except (BadRequest, binascii.Error, ValueError) as bad:
        raise StatementInvalid(path, f"is not a JWS: {bad}") from bad
    if not isinstance(header, dict) or header.get("alg") not in _ALGORITHMS:
        raise StatementInvalid(path, "a signature uses RS256, RS384 or RS512")
    if not isinstance(said, dict) or not _covers(said, statement):
        raise StatementInvalid(path, "the signature is over another statement")
    chain = header.get("x5c")
    if chain is not None:
        _verify(chain, pieces[0] + b"." + pieces[1], signature, _ALGORITHMS[header["alg"]], path)


def _covers(said: dict[str, Any], statement: dict[str, Any]) -> bool:
    """Whether the payload is this statement: the signed one has no signature attached yet, and may lack
    what is set on the way (id, timestamp); nothing that it does say may differ."""
    try:
        signed = _comparable(said)
    except (KeyError, TypeError, AttributeError):
        return False
    if signed != _comparable(statement):
        return False
    if "id" in said and str(said["id"]).lower() != str(statement.get("id", said["id"])).lower():
        return False
    if "timestamp" in said and "timestamp" in statement:
        return values.moment(said["timestamp"]) == values.moment(statement["timestamp"])
    return True


def _comparable(statement: dict[str, Any]) -> str:
    plain = dict(statement)
    others = [one for one in plain.pop("attachments", ()) if one.get("usageType") != SIGNATURE]
    if others:
        plain["attachments"] = others
    return references.comparable(with_lists(plain))


def _verify(chain: Any, signed: bytes, signature: bytes, algorithm: hashes.HashAlgorithm, path: str) -> None:
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(chain[0], validate=True))
        public = certificate.public_key()
    except (ValueError, TypeError, IndexError, KeyError, binascii.Error) as bad:
        raise StatementInvalid(path, "the certificate of the signature cannot be read") from bad
    if not isinstance(public, rsa.RSAPublicKey):
        raise StatementInvalid(path, "the certificate of the signature has no RSA key")
    try:
        public.verify(signature, signed, padding.PKCS1v15(), algorithm)
    except InvalidSignature as bad:
        raise StatementInvalid(path, "the signature does not verify") from bad


def _decode(text: bytes) -> bytes:
    if b"=" in text:
        raise ValueError("base64url without padding is expected")
    return base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
