"""multipart/mixed in and out (Communication 1.5.2). Pure: bytes in, parts out.

Parsed by hand: the email package decodes and folds what must stay bytes, and Django's parser knows
form-data only.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from courses.archive.xapi.errors import BadRequest

__all__ = ["Attachment", "boundary_of", "check_parts", "content_type_of", "join", "plain_header", "split"]

_PARAMETER = re.compile(r";\s*([\w!#$&^.+-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;\"]+))")
_HASHES = {56: hashlib.sha224, 64: hashlib.sha256, 96: hashlib.sha384, 128: hashlib.sha512}
MAX_PARTS = 200


@dataclass(frozen=True)
class Attachment:
    """One part after the first: its bytes, the digest that its header names, and its media type."""

    sha2: str
    content_type: str
    content: bytes


def content_type_of(header: str) -> str:
    """The media type of a Content-Type header without its parameters, in lower case."""
    return header.partition(";")[0].strip().lower()


def plain_header(value: str) -> str:
    """A header's value that can be kept and answered again. Raises BadRequest unless it is visible ASCII."""
    if not value.isascii() or not value.isprintable():
        raise BadRequest("the Content-Type holds characters that a header cannot have")
    return value


def boundary_of(header: str) -> str:
    """The boundary of a multipart Content-Type header. Raises BadRequest when there is none."""
    for name, quoted, plain in _PARAMETER.findall(header):
        if name.lower() == "boundary" and (quoted or plain):
            found = quoted or plain
            if len(found) > 200:
                raise BadRequest("the boundary is too long")
            return found
    raise BadRequest("multipart/mixed needs a boundary in its Content-Type header")


def split(body: bytes, boundary: str) -> tuple[bytes, list[Attachment]]:
    """The JSON of the first part and the attachments after it (RFC 2046 §5.1). Raises BadRequest."""
    parts = [_part(raw) for raw in _raw_parts(body, boundary.encode("latin-1", "replace"))]
    headers, statements = parts[0]
    if content_type_of(headers.get("content-type", "")) != "application/json":
        raise BadRequest("the first part must be of type application/json")
    found = []
    for headers, content in parts[1:]:
        digest = headers.get("x-experience-api-hash", "").lower()
        if not digest:
            raise BadRequest("a part lacks its header X-Experience-API-Hash")
        if headers.get("content-transfer-encoding", "").lower() != "binary":
            raise BadRequest("a part lacks its header Content-Transfer-Encoding: binary")
        make = _HASHES.get(len(digest))
        if make is None or make(content).hexdigest() != digest:
            raise BadRequest(f"the bytes of a part do not have the digest {digest[:128]}")
        kind = plain_header(headers.get("content-type", "application/octet-stream"))[:255]
        found.append(Attachment(digest, kind, content))
    return statements, found


def check_parts(statements: Iterable[dict[str, Any]], parts: Sequence[Attachment]) -> None:
    """Every attachment has its bytes or a fileUrl, and every part belongs to one. Raises BadRequest."""
    named, without_url = set(), set()
    for statement in statements:
        for attachment in attachments_of(statement):
            digest = attachment["sha2"].lower()
            named.add(digest)
            if "fileUrl" not in attachment:
                without_url.add(digest)
    came = {part.sha2 for part in parts}
    if came - named:
        raise BadRequest("a part belongs to no attachment of any statement")
    if without_url - came:
        raise BadRequest("an attachment has neither its bytes in a part nor a fileUrl")


def attachments_of(statement: dict[str, Any]) -> list[dict[str, Any]]:
    """The attachments of a statement and of its SubStatement."""
    found = list(statement.get("attachments", ()))
    if statement["object"].get("objectType") == "SubStatement":
        found.extend(statement["object"].get("attachments", ()))
    return found


def join(statements: str, parts: Iterable[Attachment]) -> tuple[str, bytes]:
    """(Content-Type header, body) of an answer with attachments."""
    boundary = "lrs-" + secrets.token_hex(16)
    pieces = [b"--%s\r\nContent-Type: application/json\r\n\r\n" % boundary.encode(), statements.encode()]
    for part in parts:
        pieces.append(
            f"\r\n--{boundary}\r\nContent-Type: {part.content_type}\r\n"
            f"Content-Transfer-Encoding: binary\r\nX-Experience-API-Hash: {part.sha2}\r\n\r\n".encode()
        )
        pieces.append(part.content)
    pieces.append(f"\r\n--{boundary}--\r\n".encode())
    return f"multipart/mixed; boundary={boundary}", b"".join(pieces)


def _raw_parts(body: bytes, boundary: bytes) -> list[bytes]:
    delimiter = re.compile(rb"(?:\A|\r\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?:\r\n|\Z)")
    parts: list[bytes] = []
    start, at = -1, 0
    while found := delimiter.search(body, at):
        if start >= 0:
            parts.append(body[start : found.start()])
        if found.group(1):
            break
        start = found.end()
        # The line break before the next delimiter may be the one that ends this line.
        at = max(found.start() + 1, found.end() - 2)
        if len(parts) > MAX_PARTS:
            raise BadRequest("there are too many parts")
    else:
        raise BadRequest("the closing boundary is missing")
    if not parts:
        raise BadRequest("there is no part")
    return parts


def _part(raw: bytes) -> tuple[dict[str, str], bytes]:
    head, gap, content = raw.partition(b"\r\n\r\n")
    if not gap:
        raise BadRequest("a part has no headers")
    headers: dict[str, str] = {}
    for line in head.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequest("a line among the headers of a part is no header")
        headers[name.strip().lower()] = value.strip()
    return headers, content
