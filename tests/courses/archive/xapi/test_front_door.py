"""The LRS through the door that uvicorn serves: bodies in pieces, answers without a body, HEAD."""

from __future__ import annotations

import asyncio
import hashlib
import json

import pytest
from django.db import connection

from courses.archive.xapi.models import Statement
from portal import asgi
from tests.courses.archive.xapi.conftest import new_id, statement

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = "学习记录".encode()
SHA2 = hashlib.sha256(TEXT).hexdigest()


@pytest.fixture
def ask(lrs, monkeypatch):
    """`ask(method, path, query, *pieces)`: status, headers and body of the answer."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)  # the door's threads leave none open

    def send(method: str, path: str, query: str = "", *pieces: bytes, type: str = "application/json"):
        waiting = [{"type": "http.request", "body": one, "more_body": True} for one in pieces]
        waiting.append({"type": "http.request", "body": b"", "more_body": False})
        said: list[dict] = []

        async def receive() -> dict:
            if waiting:
                return waiting.pop(0)
            await asyncio.Event().wait()
            raise AssertionError

        async def answer(message: dict) -> None:
            said.append(message)

        headers = {
            "host": "testserver",
            "authorization": lrs.authorization,
            "x-experience-api-version": "1.0.3",
        }
        if pieces:
            headers |= {"content-type": type, "transfer-encoding": "chunked"}
        scope = {
            "type": "http",
            "method": method,
            "path": f"/xapi/{path}",
            "query_string": query.encode(),
            "http_version": "1.1",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        asyncio.run(asyncio.wait_for(asgi.application(scope, receive, answer), 20))
        told = {name.decode().lower(): value.decode() for name, value in said[0]["headers"]}
        return said[0]["status"], told, b"".join(one.get("body", b"") for one in said[1:])

    return send


def test_a_statement_that_comes_in_pieces_is_stored_and_answered_without_a_body(ask):
    made = statement(id=new_id())
    body = json.dumps(made).encode()
    status, headers, answer = ask("PUT", "statements", f"statementId={made['id']}", body[:20], body[20:])
    assert (status, answer) == (204, b"")
    assert headers["x-experience-api-version"] == "1.0.3"
    assert headers.get("content-length", "0") == "0"
    assert str(Statement.objects.get().uuid) == made["id"]


def test_head_says_how_long_the_answer_of_get_is_and_sends_none_of_it(ask):
    body = json.dumps(statement()).encode()
    assert ask("POST", "statements", "", body)[0] == 200
    for path, query in (("statements", "limit=1"), ("about", "")):
        status, headers, answer = ask("GET", path, query)
        assert (status, int(headers["content-length"])) == (200, len(answer))
        status, of_head, answer = ask("HEAD", path, query)
        assert (status, answer) == (200, b"")
        assert of_head["content-length"] == headers["content-length"]
        assert of_head["x-experience-api-version"] == headers["x-experience-api-version"]


def test_an_attachment_comes_behind_a_boundary_of_odd_letters(ask):
    attachment = {
        "usageType": "http://example.com/attachment-usage/test",
        "display": {"zh-CN": "附件"},
        "contentType": "text/plain",
        "length": len(TEXT),
        "sha2": SHA2,
    }
    made = json.dumps(statement(attachments=[attachment])).encode()
    body = b"\r\n".join(
        [
            b"--'()+_,-./:=?",
            b"content-type: application/json",
            b"",
            made,
            b"--'()+_,-./:=?",
            b"Content-Type:text/plain",
            b"Content-Transfer-Encoding:binary",
            b"X-Experience-API-Hash:" + SHA2.encode(),
            b"",
            TEXT,
            b"--'()+_,-./:=?--",
        ]
    )
    kind = 'multipart/mixed; boundary="\'()+_,-./:=?"'
    status, _headers, answer = ask("POST", "statements", "", body[:300], body[300:], type=kind)
    assert status == 200, answer
    status, headers, answer = ask("GET", "statements", "attachments=true")
    assert status == 200
    assert headers["content-type"].startswith("multipart/mixed; boundary=")
    assert TEXT in answer


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_an_empty_body_is_no_statement(ask, method):
    assert ask(method, "statements", f"statementId={new_id()}" if method == "PUT" else "", b"")[0] == 400
