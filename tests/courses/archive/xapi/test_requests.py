"""What holds for every request: methods, versions, credentials, the alternate syntax, HEAD, about, sizes."""

from __future__ import annotations

import json
from io import BytesIO
from urllib.parse import quote, urlencode

import pytest
from django.core.handlers.wsgi import LimitedStream
from django.test import RequestFactory

from courses.archive.xapi import endpoints, requests
from courses.archive.xapi.models import LrsDocument, Statement
from tests.courses.archive.xapi.conftest import AGENT, V1, V2, Lrs, basic, new_id, statement

pytestmark = pytest.mark.django_db

RESOURCES = ["statements", "activities/state", "activities/profile", "agents/profile", "agents", "activities"]
FORM = "application/x-www-form-urlencoded"


def version_of(answer) -> str:
    return answer["X-Experience-API-Version"]


# versions


@pytest.mark.parametrize(
    "said, answered",
    [
        ("1.0", V1),
        ("1.0.0", V1),
        ("1.0.1", V1),
        ("1.0.2", V1),
        ("1.0.3", V1),
        ("1.0.9", V1),
        ("2.0", V2),
        ("2.0.0", V2),
        ("2.0.1", V2),
    ],
)
def test_the_latest_patch_version_answers(lrs, said, answered):
    answer = lrs.speaking(said).get("statements")
    assert (answer.status_code, version_of(answer)) == (200, answered)


@pytest.mark.parametrize("path", RESOURCES)
@pytest.mark.parametrize("said", [None, "", "0.8", "0.95", "1.1.0", "3.0.0", "1.0.x", "2", "x"])
def test_another_version_is_refused(lrs, path, said):
    lrs = lrs.speaking(said)
    made = statement(id=new_id())
    answers = [lrs.get(path), Lrs(lrs.client, None, said).get(path)]
    if path == "statements":
        answers += [
            lrs.post(path, made),
            lrs.put(path, made, statementId=made["id"]),
            lrs.get(path, statementId=made["id"]),
        ]
    for answer in answers:
        assert answer.status_code == 400
        assert version_of(answer) in (V1, V2)
        assert ("X-Experience-API-Consistent-Through" in answer) is (path == "statements")
    assert not Statement.objects.exists()


def test_who_says_no_version_hears_2_0_0_about_something_and_1_0_3_about_a_resource(lrs):
    lrs = lrs.speaking(None)
    for path in RESOURCES:
        assert version_of(lrs.get(path)) == V1
    assert version_of(lrs.get("statements", statementId=new_id())) == V2
    assert version_of(lrs.post("statements", statement())) == V2
    assert version_of(lrs.put("statements", statement(), statementId=new_id())) == V2


@pytest.mark.parametrize("said, versions", [
    (V1, ["1.0.0", "1.0.1", "1.0.2", "1.0.3"]),
    (V2, ["1.0.0", "1.0.1", "1.0.2", "1.0.3", "2.0.0"]),
    (None, ["1.0.0", "1.0.1", "1.0.2", "1.0.3", "2.0.0"]),
])  # fmt: skip
def test_about_is_for_everybody(client, said, versions):
    stranger = Lrs(client, None, said)
    answer = stranger.get("about")
    assert (answer.status_code, answer.json()) == (200, {"version": versions})
    assert answer["Content-Type"] == "application/json"
    assert stranger.head("about").content == b""
    assert stranger.post("about", {}).status_code == 405


# methods


@pytest.mark.parametrize(
    "path, methods",
    [("statements", ["DELETE", "PATCH"]), ("activities", ["DELETE", "POST", "PUT"]), ("agents", ["DELETE", "POST", "PUT"]),
     ("activities/state", ["PATCH"]), ("activities/profile", ["PATCH"]), ("agents/profile", ["PATCH"])],
)  # fmt: skip
@pytest.mark.parametrize("authorized", [False, True])
def test_other_methods_are_refused_before_anything_else(either, path, methods, authorized):
    lrs = either if authorized else Lrs(either.client, None, "1.0.1")
    for method in methods:
        answer = lrs.request(method, path, agent=AGENT)
        assert answer.status_code == 405
        assert "GET" in answer["Allow"] and method not in answer["Allow"]


@pytest.mark.parametrize(
    "path, params",
    [
        ("statements", {}),
        ("agents", {"agent": AGENT}),
        ("activities", {"activityId": "http://e.com/a"}),
        ("about", {}),
    ],
)
def test_head_is_get_without_a_body(either, path, params):
    either.post("statements", statement())
    get, head = either.get(path, **params), either.head(path, **params)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Type", "Content-Length", "X-Experience-API-Version"):
        assert head[name] == get[name]


def test_a_page_of_another_site_may_ask_with_a_credential(client):
    answer = client.options("/xapi/statements", headers={"origin": "http://elsewhere.example"})
    assert answer.status_code == 204
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "Authorization" in answer["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer


# credentials


@pytest.mark.parametrize(
    "header",
    [None, "", basic("foo", "bar"), basic("provider", "wrong"), basic("provider", ""), basic("", ""), "Basic x", "Basic",
     "Basic:" + basic("provider", "s3cret")[6:], "Bearer s3cret", "Basic !!!", "Basic /w==", "Basic cHJvdmlkZXI=", "Digest x"],
)  # fmt: skip
def test_without_a_known_credential_nothing_is_answered(either, header):
    stranger = Lrs(either.client, header, either.version)
    made = statement(id=new_id())
    for answer in (
        stranger.put("statements", made, statementId=made["id"]),
        stranger.post("statements", made),
        stranger.get("statements"),
        stranger.get("agents", agent=AGENT),
        stranger.delete("activities/state", activityId="http://e.com", agent=AGENT, stateId="x"),
    ):
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Basic ")
    assert not Statement.objects.exists()


# the alternate request syntax (Communication 1.3)


def alternate(lrs, method: str, form: dict | bytes, *, kind: str = FORM, headers=None, **params):
    body = form if isinstance(form, bytes) else urlencode(form, quote_via=quote).encode()
    return lrs.request("POST", "statements", body, type=kind, headers=headers, method=method, **params)


BARE = {"authorization": None, "x-experience-api-version": None}


def test_get_and_put_as_a_form(lrs):
    made = statement(id=new_id())
    put = {
        "statementId": made["id"],
        "content": json.dumps(made),
        "X-Experience-API-Version": V1,
        "Authorization": lrs.authorization,
        "Content-Type": "application/json",
    }
    assert alternate(lrs, "PUT", put, headers=BARE).status_code == 204
    found = alternate(lrs, "GET", {"limit": "1"})
    assert [one["id"] for one in found.json()["statements"]] == [made["id"]]
    assert found.json()["more"] == ""
    assert (
        alternate(lrs, "PUT", {"statementId": new_id(), "content": json.dumps(statement())}).status_code
        == 204
    )
    assert alternate(lrs, "POST", {"content": json.dumps(statement())}).status_code == 200


def test_a_state_as_a_form(lrs):
    place = {"activityId": "http://e.com/a", "agent": json.dumps(AGENT), "stateId": "s"}
    form = urlencode(place | {"content": "甲&=", "Content-Type": "text/plain", "If-None-Match": "*"}).encode()
    for status in (204, 412):
        assert lrs.request("POST", "activities/state", form, type=FORM, method="PUT").status_code == status
    answer = lrs.get("activities/state", **place)
    assert (answer.content.decode(), answer["Content-Type"]) == ("甲&=", "text/plain")
    assert (
        lrs.request(
            "POST", "activities/state", urlencode(place).encode(), type=FORM, method="DELETE"
        ).status_code
        == 204
    )
    assert lrs.get("activities/state", **place).status_code == 404


@pytest.mark.parametrize(
    "method, form, more",
    [
        ("PUT", {"content": json.dumps(statement())}, {}),
        ("PUT", {"statementId": new_id()}, {}),
        ("PUT", {"statementId": new_id(), "content": json.dumps(statement())}, {"statementId": new_id()}),
        (
            "PUT",
            {"statementId": new_id(), "content": json.dumps(statement()), "X-Experience-API-Version": "0.8"},
            {},
        ),
        (
            "PUT",
            {"statementId": new_id(), "content": json.dumps(statement()), "X-Experience-API-Version": V2},
            {},
        ),
        ("PUT", {"statementId": new_id(), "content": json.dumps(statement()), "foo": "bar"}, {}),
        ("PUT", b"", {}),
        (
            "PUT",
            json.dumps({"statementId": "7f9c3f0e-0f3a-4c55-9d7e-2a8d3f4b5c61", "content": "{}"}).encode(),
            {},
        ),
        ("PUT", b"\xff\xff=%ff", {}),
        ("PUT", b"a=1&a=2", {}),
        ("PATCH", {}, {}),
        ("DELETE", {}, {}),
        ("get", {}, {}),
    ],
)
def test_bad_forms(lrs, method, form, more):
    assert alternate(lrs, method, form, **more).status_code == 400
    assert not Statement.objects.exists()


def test_a_form_is_posted_and_is_a_form(lrs):
    form = {"statementId": new_id(), "content": json.dumps(statement())}
    assert alternate(lrs, "PUT", form, kind="application/json").status_code == 400
    assert alternate(lrs, "PUT", form, kind="").status_code == 400
    for method in ("PUT", "GET"):
        answer = lrs.request(method, "statements", urlencode(form).encode(), type=FORM, method="POST")
        assert answer.status_code == 400
    assert not Statement.objects.exists()


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_version_2_has_no_such_syntax(lrs, method):
    form = {"statementId": new_id(), "content": json.dumps(statement()), "Authorization": lrs.authorization}
    assert alternate(lrs.speaking(V2), method, form).status_code == 400
    assert alternate(lrs.speaking(V2), method, b"", kind="application/json").status_code == 400
    assert alternate(lrs, method, form | {"X-Experience-API-Version": V2}, headers=BARE).status_code == 400
    assert not Statement.objects.exists()


# sizes and broken bytes


def test_too_large_is_413(either, settings):
    settings.LRS = settings.LRS | {"MAX_BODY_BYTES": 2000}
    made = statement(result={"response": "x" * 2000})
    assert either.post("statements", made).status_code == 413
    assert (
        either.post(
            "activities/state",
            b"x" * 2001,
            type="text/plain",
            activityId="http://e.com",
            agent=AGENT,
            stateId="s",
        ).status_code
        == 413
    )
    assert not Statement.objects.exists()
    assert either.post("statements", statement()).status_code == 200


def test_more_than_django_takes_by_itself_is_fine(either):
    assert either.post("statements", statement(result={"response": "x" * 3_000_000})).status_code == 200


def test_too_many_at_once(either):
    assert either.post("statements", [statement()] * 1001).status_code == 400


DEEP = b'{"http://e.com/x":' + b"[" * 200 + b"]" * 200 + b"}"
GOOD = json.dumps(statement(result={"extensions": 0})).encode()


@pytest.mark.parametrize(
    "inside",
    [DEEP, DEEP.replace(b"[", b'{"a":').replace(b"]", b"}").replace(b'{"a":}', b"{}"), b'{"http://e.com/x": "\\u0000"}',
     b'{"http://e.com/x": "\\ud800"}', b'{"http://e.com/x": {"\\udc00": 1}}', b'{"http://e.com/x": 1, "http://e.com/x": 1}',
     b'{"http://e.com/x": 1e999}', b'{"http://e.com/x": NaN}', b'{"http://e.com/x": Infinity}', b'{"http://e.com/x": "\xff"}',
     b'{"http://e.com/x": "\xed\xa0\x80"}', b'{"http://e.com/x": "a\x00b"}', b'{"http://e.com/x": ' + b"9" * 5000 + b"}",
     b"[" * 100_000, b'{"http://e.com/x": {"a\\u0000": 1}}'],
)  # fmt: skip
def test_json_that_cannot_be_kept_is_400(either, inside):
    body = GOOD.replace(b'"extensions": 0', b'"extensions": ' + inside)
    assert either.post("statements", body, type="application/json").status_code == 400
    assert either.post("statements", b"\xef\xbb\xbf" + GOOD, type="application/json").status_code == 400
    assert not Statement.objects.exists()


def test_a_backslash_before_u0000_is_text(either):
    response = "\\u0000 \\ud800"
    uuid = either.post("statements", statement(result={"response": response})).json()[0]
    assert either.get("statements", statementId=uuid).json()["result"]["response"] == response


@pytest.mark.parametrize(
    "query",
    [
        "verb=%00",
        "verb=%ff",
        "verb=http://e.com/%00",
        "agent=%7B%22mbox%22%3A%22mailto:a%40b%22%2C%22name%22%3A%22%5Cud800%22%7D",
        "verb=http://e.com&verb=http://e.com",
        "&".join(["a=1"] * 200),
        "statementId=%00",
        "limit=%D9%A3",
        "limit=99999999999",
    ],
)
def test_broken_parameters(either, query):
    headers = {"authorization": either.authorization, "x-experience-api-version": either.version}
    assert either.client.get(f"/xapi/statements?{query}", headers=headers).status_code == 400


def test_a_document_shown_by_a_browser_runs_nothing(either):
    place = {"activityId": "http://e.com/a", "agent": AGENT, "stateId": "s"}
    either.post("activities/state", b"<script>1</script>", type="text/html", **place)
    assert either.get("activities/state", **place)["Content-Security-Policy"] == "default-src 'none'; sandbox"


class Body(BytesIO):
    """A body that remembers how much of it was read."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.given = 0

    def read(self, most: int = -1, /) -> bytes:
        piece = super().read(most)
        self.given += len(piece)
        return piece


def sent(lrs, body: Body, *, authorization, kind="application/json", length=None, query="", **environ):
    """The answer to a POST of statements whose body is `body`, as a web server hands it over."""
    request = RequestFactory().post(f"/xapi/statements{query}", b"", content_type=kind)
    request.META.pop("CONTENT_LENGTH", None)
    if length is not None:
        request.META["CONTENT_LENGTH"] = str(length)
    request.META |= {"CONTENT_TYPE": kind, "wsgi.input": body, "HTTP_X_EXPERIENCE_API_VERSION": V1} | environ
    if authorization:
        request.META["HTTP_AUTHORIZATION"] = authorization
    request._stream = LimitedStream(body, length or 0)
    return endpoints.statements_resource(request)


@pytest.mark.parametrize("length", [30_000_000, 15_000_000])
def test_of_a_strangers_body_little_is_read(lrs, length):
    body = Body(b"x" * length)
    assert sent(lrs, body, authorization=basic("provider", "wrong"), length=length).status_code == 401
    assert body.given <= requests.HEARD_OUT + 4 * requests.PIECE


def test_of_a_body_that_is_too_large_little_is_read(lrs):
    body = Body(b"x" * 30_000_000)
    assert sent(lrs, body, authorization=lrs.authorization, length=30_000_000).status_code == 413
    assert body.given <= requests.HEARD_OUT + 4 * requests.PIECE


def test_a_form_that_holds_its_own_credential_is_small(lrs, settings):
    made = statement(result={"response": "x" * 1_200_000})
    form = {"content": json.dumps(made), "X-Experience-API-Version": V1, "Authorization": lrs.authorization}
    assert alternate(lrs, "POST", form, headers=BARE).status_code == 413
    assert not Statement.objects.exists()
    assert alternate(lrs, "POST", form, headers={"x-experience-api-version": None}).status_code == 200
    wrong = form | {"Authorization": basic("provider", "wrong"), "content": json.dumps(statement())}
    assert alternate(lrs, "POST", wrong, headers=BARE).status_code == 401
    assert Statement.objects.count() == 1


def test_a_body_without_a_stated_length_is_read(lrs, settings):
    content = json.dumps(statement()).encode()
    chunked = {"authorization": lrs.authorization, "HTTP_TRANSFER_ENCODING": "chunked"}
    assert sent(lrs, Body(content), **chunked).status_code == 200
    assert Statement.objects.count() == 1
    settings.LRS = settings.LRS | {"MAX_BODY_BYTES": 100}
    assert sent(lrs, Body(content), **chunked).status_code == 413
    assert Statement.objects.count() == 1


@pytest.mark.parametrize("said", ["1.0.\u00b2", "1.0.", "1.0.1.1", "1.0.3 ", "2.0.\u0663"])
def test_a_version_is_written_in_digits(lrs, said):
    assert lrs.request("GET", "statements", headers={"x-experience-api-version": said}).status_code == 400


@pytest.mark.parametrize("version", ["1.0.12345", "1.0.1234", "1.0.\u0663"])
def test_a_version_that_has_no_room_is_refused(either, version):
    assert either.post("statements", statement(version=version)).status_code == 400
    assert not Statement.objects.exists()


@pytest.mark.parametrize("kind", ["text/plain\0", "text/plain\r\nX-A: b", "text/\x7f", "\u6587"])
def test_a_content_type_in_a_form_is_plain(lrs, kind):
    form = {"activityId": "http://e.com/a", "agent": json.dumps(AGENT), "stateId": "s", "content": "x"}
    body = urlencode(form | {"Content-Type": kind}).encode()
    answer = lrs.request("POST", "activities/state", body, type=FORM, method="PUT")
    assert answer.status_code == 400
    assert not LrsDocument.objects.exists()
