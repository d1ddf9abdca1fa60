"""multipart/mixed in and out (xAPI 1.0.3 Data 2.4.11, Communication 1.5; RFC 2046)."""

from __future__ import annotations

import hashlib
import json

import pytest

from courses.archive.xapi import statements
from courses.archive.xapi.attachments import boundary_of, split
from courses.archive.xapi.errors import BadRequest
from courses.archive.xapi.models import LrsAttachment, Statement
from tests.courses.archive.xapi.conftest import new_id, statement, sub_statement

pytestmark = pytest.mark.django_db

BOUNDARY = "-------314159265358979323846"
TYPE = f"multipart/mixed; boundary={BOUNDARY}"
ONE, TWO = b"here is a simple attachment", b"\r\n--\x00\xff binary \r\n-- not the end\r\n"


def digest(content: bytes, how=hashlib.sha256) -> str:
    return how(content).hexdigest()


def about(content: bytes, *, how=hashlib.sha256, **more) -> dict:
    return {
        "usageType": "http://example.com/attachment-usage/test",
        "display": {"en-US": "A test"},
        "contentType": "text/plain",
        "length": len(content),
        "sha2": digest(content, how),
    } | more


def part(content: bytes, headers: str = "", *, how=hashlib.sha256) -> bytes:
    said = headers or (
        f"Content-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\nX-Experience-API-Hash: {digest(content, how)}"
    )
    return said.encode() + b"\r\n\r\n" + content


def first(made, kind: str = "application/json") -> bytes:
    return f"Content-Type: {kind}\r\n\r\n".encode() + json.dumps(made).encode()


def multipart(*parts: bytes, boundary: str = BOUNDARY, preamble: bytes = b"") -> bytes:
    line = b"--" + boundary.encode()
    return preamble + b"".join(line + b"\r\n" + one + b"\r\n" for one in parts) + line + b"--\r\n"


def parse(answer) -> tuple[dict, dict[str, bytes]]:
    assert answer["Content-Type"].startswith("multipart/mixed; boundary=")
    text, parts = split(answer.content, answer["Content-Type"].split("boundary=")[1])
    return json.loads(text), {one.sha2: one.content for one in parts}


def test_what_comes_in_goes_out_byte_for_byte(either):
    made = statement(
        id=new_id(), attachments=[about(ONE), about(TWO, contentType="application/octet-stream")]
    )
    body = multipart(first(made), part(ONE), part(TWO))

    assert either.post("statements", body, type=TYPE).json() == [made["id"]]

    found, parts = parse(either.get("statements", statementId=made["id"], attachments=True))
    assert found["attachments"] == made["attachments"]
    assert parts == {digest(ONE): ONE, digest(TWO): TWO}
    found, parts = parse(either.get("statements", attachments=True))
    assert [one["id"] for one in found["statements"]] == [made["id"]] and len(parts) == 2
    raw = either.get("statements", statementId=made["id"], attachments=True).content
    assert raw.count(digest(ONE).encode()) == 2


@pytest.mark.parametrize("attachments", [{}, {"attachments": False}])
def test_without_attachments_the_answer_is_json(either, attachments):
    made = statement(id=new_id(), attachments=[about(ONE)])
    either.post("statements", multipart(first(made), part(ONE)), type=TYPE)
    answer = either.get("statements", statementId=made["id"], **attachments)
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["attachments"] == made["attachments"]
    assert either.get("statements", **attachments)["Content-Type"] == "application/json"


def test_put_and_a_sub_statement_and_other_digests(either):
    made = statement(
        id=new_id(),
        attachments=[about(ONE, how=hashlib.sha512)],
        object=sub_statement(attachments=[about(TWO, how=hashlib.sha384)]),
    )
    body = multipart(first(made), part(ONE, how=hashlib.sha512), part(TWO, how=hashlib.sha384))
    assert either.put("statements", body, type=TYPE, statementId=made["id"]).status_code == 204
    _found, parts = parse(either.get("statements", statementId=made["id"], attachments=True))
    assert set(parts.values()) == {ONE, TWO}


def test_the_same_bytes_are_kept_once_and_answered_once(either):
    batch = [statement(attachments=[about(ONE), about(ONE)]), statement(attachments=[about(ONE)])]
    assert either.post("statements", multipart(first(batch), part(ONE)), type=TYPE).status_code == 200
    assert LrsAttachment.objects.count() == 1
    _found, parts = parse(either.get("statements", attachments=True))
    assert parts == {digest(ONE): ONE}


URL = "http://example.com/file.txt"


def test_a_file_url_instead_of_bytes_or_beside_them(either):
    made = statement(id=new_id(), attachments=[about(ONE, fileUrl=URL)])
    assert either.post("statements", made).status_code == 200
    assert (
        either.post(
            "statements", multipart(first(statement(attachments=[about(ONE, fileUrl=URL)]))), type=TYPE
        ).status_code
        == 200
    )
    with_bytes = multipart(first(statement(attachments=[about(ONE, fileUrl=URL)])), part(ONE))
    assert either.post("statements", with_bytes, type=TYPE).status_code == 200
    assert either.post("statements", multipart(first(statement())), type=TYPE).status_code == 200
    assert parse(either.get("statements", statementId=made["id"], attachments=True))[1] == {}


def test_bytes_of_others_are_not_had_by_naming_their_digest(either):
    either.post("statements", multipart(first(statement(attachments=[about(ONE)])), part(ONE)), type=TYPE)
    mine = statement(id=new_id(), attachments=[about(ONE, fileUrl=URL)])
    either.post("statements", mine)
    assert parse(either.get("statements", statementId=mine["id"], attachments=True))[1] == {}


GOOD = statement(attachments=[about(ONE)])
HASH = f"X-Experience-API-Hash: {digest(ONE)}"
BINARY = "Content-Transfer-Encoding: binary"


@pytest.mark.parametrize(
    "body, kind",
    [
        (multipart(first(GOOD), part(ONE)), "multipart/form-data; boundary=" + BOUNDARY),
        (multipart(first(GOOD), part(ONE)), "multipart/mixed;"),
        (multipart(first(GOOD), part(ONE)), "multipart/mixed; boundary="),
        (multipart(first(GOOD), part(ONE)), "multipart/mixed; boundary=other"),
        (multipart(first(GOOD), part(ONE)), "application/json"),
        (multipart(first(GOOD), part(ONE)), "text/plain"),
        (multipart(first(GOOD), part(ONE)), ""),
        (json.dumps(GOOD).encode(), "application/json"),
        (json.dumps(GOOD).encode(), "multipart/form-data; boundary=" + BOUNDARY),
        (json.dumps(GOOD).encode(), TYPE),
        (json.dumps(statement()).encode(), "application/x-www-form-urlencoded"),
        (multipart(first(GOOD, "text/plain"), part(ONE)), TYPE),
        (multipart(json.dumps(GOOD).encode(), part(ONE)), TYPE),
        (multipart(first(GOOD)), TYPE),
        (multipart(first(GOOD), first(GOOD), part(ONE)), TYPE),
        (multipart(first(GOOD), part(ONE), part(TWO)), TYPE),
        (multipart(first(GOOD), part(TWO)), TYPE),
        (multipart(first(statement()), part(ONE)), TYPE),
        (multipart(first(GOOD), part(ONE, f"Content-Type: text/plain\r\n{BINARY}")), TYPE),
        (multipart(first(GOOD), part(ONE, f"Content-Type: text/plain\r\n{HASH}")), TYPE),
        (multipart(first(GOOD), part(ONE, f"{HASH}\r\nContent-Transfer-Encoding: base64")), TYPE),
        (multipart(first(GOOD), part(TWO, f"{BINARY}\r\n{HASH}")), TYPE),
        (multipart(first(GOOD), part(ONE, f"{BINARY}\r\nX-Experience-API-Hash: {'0' * 64}")), TYPE),
        (multipart(first(GOOD), part(ONE, f"{BINARY}\r\nX-Experience-API-Hash: x")), TYPE),
        (multipart(first(GOOD) + b"\r\n" + part(ONE)), TYPE),
        (first(GOOD) + b"\r\n" + multipart(part(ONE)), TYPE),
        (multipart(first(GOOD), part(ONE))[: -len(BOUNDARY) - 6], TYPE),
        (multipart(first(GOOD), b"no headers at all"), TYPE),
        (multipart(first(GOOD), b"broken\r\n\r\nx"), TYPE),
        (multipart(), TYPE),
        (b"", TYPE),
    ],
)
def test_what_is_refused(either, body, kind):
    answer = either.request("POST", "statements", body, type=kind)
    assert answer.status_code == 400, answer.content
    assert not Statement.objects.exists()
    assert not LrsAttachment.objects.exists()


def test_space_around_headers_is_free(either):
    said = f"CONTENT-TYPE:text/plain\r\ncontent-transfer-encoding:Binary\r\nx-experience-api-hash:{digest(ONE).upper()}"
    made = statement(attachments=[about(ONE)])
    body = multipart(
        f"Content-Type:application/json\r\n\r\n{json.dumps(made)}".encode(), part(ONE, said), preamble=b"\r\n"
    )
    assert either.post("statements", body, type=f'Multipart/Mixed; Boundary="{BOUNDARY}"').status_code == 200


def test_a_body_without_a_last_line_break(either):
    body = multipart(first(statement(attachments=[about(b"")])), part(b""))[:-2]
    assert either.post("statements", body, type=TYPE).status_code == 200


@pytest.mark.parametrize(
    "header, boundary",
    [
        ("multipart/mixed; boundary=x", "x"),
        ('multipart/mixed; charset=utf-8; boundary="x y"', "x y"),
        ("multipart/mixed;boundary=x;a=b", "x"),
    ],
)
def test_boundaries(header, boundary):
    assert boundary_of(header) == boundary


@pytest.mark.parametrize(
    "header", ["multipart/mixed", "multipart/mixed; a=b", f"multipart/mixed; boundary={'x' * 300}"]
)
def test_no_boundary(header):
    with pytest.raises(BadRequest):
        boundary_of(header)


@pytest.mark.parametrize(
    "kind", [b"text/plain\0", b"text/\x01plain", b"text/plain\x7f", b"text/\xe6\x96\x87"]
)
def test_a_part_whose_type_cannot_be_kept_is_refused(either, kind):
    made = statement(id=new_id(), attachments=[about(ONE)])
    bad = part(ONE).replace(b"text/plain", kind)
    assert either.post("statements", multipart(first(made), bad), type=TYPE).status_code == 400
    assert not Statement.objects.exists()
    assert not LrsAttachment.objects.exists()


@pytest.mark.parametrize("ascending", [False, True])
def test_a_page_with_attachments_ends_where_it_would_be_too_large(either, monkeypatch, ascending):
    monkeypatch.setattr(statements, "PAGE_BYTES", 25_000)
    contents = [bytes([number]) * 10_000 for number in range(4)]
    made = [statement(id=new_id(), attachments=[about(one)]) for one in [*contents, contents[3]]]
    for one, content in zip(made, [*contents, contents[3]], strict=True):
        body = multipart(first(one), part(content))
        assert either.post("statements", body, type=TYPE).status_code == 200

    pages, bodies = [], []
    answer = either.get("statements", attachments=True, ascending=ascending)
    while True:
        found, parts = parse(answer)
        assert len(answer.content) < 26_000
        pages.append([one["id"] for one in found["statements"]])
        bodies += parts.values()
        if not found["more"]:
            break
        answer = either.request(
            "GET",
            found["more"].removeprefix("/xapi/").partition("?")[0],
            more=found["more"].partition("more=")[2],
        )

    ids = [one["id"] for one in made]
    assert [uuid for page in pages for uuid in page] == (ids if ascending else ids[::-1])
    assert [len(page) for page in pages] == ([2, 3] if ascending else [3, 2])
    assert set(bodies) == set(contents)
    assert len(either.get("statements", ascending=ascending).json()["statements"]) == 5


def test_one_statement_is_answered_however_large(either, monkeypatch):
    monkeypatch.setattr(statements, "PAGE_BYTES", 1)
    made = statement(id=new_id(), attachments=[about(ONE)])
    either.post("statements", multipart(first(made), part(ONE)), type=TYPE)
    assert parse(either.get("statements", attachments=True))[1] == {digest(ONE): ONE}
