"""Signed statements: a JWS as an attachment (xAPI 1.0.3 Data 2.6; RFC 7515)."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from courses.archive.xapi import signatures
from courses.archive.xapi.models import Statement
from tests.courses.archive.xapi.conftest import CONTEXT, new_id, statement
from tests.courses.archive.xapi.test_attachments import TYPE, about, first, multipart, parse, part

pytestmark = pytest.mark.django_db

SIGNATURE = "http://adlnet.gov/expapi/attachments/signature"
ALGORITHMS = {"RS256": hashes.SHA256(), "RS384": hashes.SHA384(), "RS512": hashes.SHA512()}
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def b64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def certificate(key) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "课件")])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()


def sign(payload, algorithm: str = "RS256", *, key=KEY, **header) -> bytes:
    said = b64(json.dumps({"alg": algorithm} | header).encode())
    over = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signed = said + b"." + b64(over)
    if algorithm in ALGORITHMS:
        signature = key.sign(signed, padding.PKCS1v15(), ALGORITHMS[algorithm])
    else:
        code = hmac.HMAC(b"key", hashes.SHA256())
        code.update(signed)
        signature = code.finalize()
    return signed + b"." + b64(signature)


def send(lrs, made: dict, jws: bytes, **attachment):
    told = {"usageType": SIGNATURE, "contentType": "application/octet-stream"} | attachment
    whole = made | {"attachments": [*made.get("attachments", []), about(jws, **told)]}
    return lrs.post("statements", multipart(first(whole), part(jws)), type=TYPE)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("with_certificate", [False, True])
def test_a_good_signature_is_kept_with_its_statement(either, algorithm, with_certificate):
    made = statement(id=new_id(), context=CONTEXT, timestamp="2026-01-02T03:04:05.678Z")
    header = {"x5c": [certificate(KEY)]} if with_certificate else {}
    jws = sign(made, algorithm, **header)

    assert send(either, made, jws).status_code == 200

    _found, parts = parse(either.get("statements", statementId=made["id"], attachments=True))
    assert list(parts.values()) == [jws]


def test_the_order_of_keys_and_what_is_set_on_the_way_do_not_matter(either):
    made = statement(id=new_id(), context={"contextActivities": {"category": {"id": "http://example.com/c"}}})
    payload = dict(reversed(made.items()))
    del payload["id"]
    assert send(either, made, sign(payload)).status_code == 200
    assert send(either, statement(), sign(statement())).status_code == 200


def test_a_duration_is_compared_to_the_hundredth_of_a_second(either):
    signed, sent, longer = (
        statement(id=new_id(), result={"duration": f"P1DT12H36M{seconds}S"})
        for seconds in ("0.12", "0.1237", "0.13")
    )
    assert send(either, sent, sign(signed | {"id": sent["id"]})).status_code == 200
    assert send(either, longer, sign(signed | {"id": longer["id"]})).status_code == 400


def bad_base64(jws: bytes) -> bytes:
    return jws.replace(b".", b".!", 1)


MADE = statement(id="6690e6c9-3ef0-4ed3-8b37-7f3964730bee", timestamp="2026-01-02T03:04:05.678Z")


@pytest.mark.parametrize(
    "jws, attachment",
    [
        (sign(MADE), {"contentType": "text/plain; charset=ascii"}),
        (sign(MADE, "HS256"), {}),
        (sign(MADE, "none"), {}),
        (sign(json.dumps(MADE).replace('"', "'", 1).encode()), {}),
        (sign(MADE | {"id": new_id()}), {}),
        (sign(MADE | {"timestamp": "2026-01-02T03:04:05.679Z"}), {}),
        (sign(MADE | {"verb": {"id": "http://example.com/verbs/other"}}), {}),
        (sign({"verb": 5}), {}),
        (sign([]), {}),
        (sign(MADE, x5c=[certificate(OTHER_KEY)]), {}),
        (sign(MADE, x5c=["x"]), {}),
        (sign(MADE, x5c=[]), {}),
        (sign(MADE, x5c=5), {}),
        (sign(MADE, x5c=[certificate(ec.generate_private_key(ec.SECP256R1()))]), {}),
        (sign(MADE, key=OTHER_KEY, x5c=[certificate(KEY)]), {}),
        (bad_base64(sign(MADE)), {}),
        (sign(MADE).rpartition(b".")[0], {}),
        (b"x", {}),
        (b"..", {}),
        (b"\xff.\xff.\xff", {}),
    ],
)
def test_a_bad_signature_is_refused(either, jws, attachment):
    answer = send(either, MADE, jws, **attachment)
    assert answer.status_code == 400
    assert not Statement.objects.exists()


def test_a_signature_that_is_named_often_is_verified_once(lrs, monkeypatch):
    made = statement(id=new_id())
    jws = sign(made, x5c=[certificate(KEY)])
    named = about(jws, usageType=SIGNATURE, contentType="application/octet-stream")
    verified = []
    monkeypatch.setattr(signatures, "_verify", lambda *given: verified.append(given))
    body = multipart(first(made | {"attachments": [named] * 50}), part(jws))
    assert lrs.post("statements", body, type=TYPE).status_code == 200
    assert len(verified) == 1
