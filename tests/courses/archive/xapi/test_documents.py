"""States and profiles over HTTP (xAPI 1.0.3 Communication 2.2-2.7, 3.1; IEEE 9274.1.1 §4.1.4, 4.1.6)."""

from __future__ import annotations

import hashlib
import json
from email.utils import parsedate_to_datetime

import pytest

from courses.archive.xapi import values
from courses.archive.xapi.models import LrsDocument
from tests.courses.archive.xapi.conftest import AGENT, GROUP, V1, V2, new_id

pytestmark = pytest.mark.django_db

ACTIVITY_ID = "http://example.com/activities/1"
ACCOUNT = {"objectType": "Agent", "account": {"homePage": "http://example.com/users", "name": "Rick"}}
STATE, ACTIVITY_PROFILE, AGENT_PROFILE = "activities/state", "activities/profile", "agents/profile"
PLACES = {
    STATE: {"activityId": ACTIVITY_ID, "agent": ACCOUNT, "stateId": "s"},
    ACTIVITY_PROFILE: {"activityId": ACTIVITY_ID, "profileId": "p"},
    AGENT_PROFILE: {"agent": ACCOUNT, "profileId": "p"},
}
NAMES = {STATE: "stateId", ACTIVITY_PROFILE: "profileId", AGENT_PROFILE: "profileId"}
NEW = {"If-None-Match": "*"}
every_resource = pytest.mark.parametrize("path", PLACES)


def etag(content: bytes) -> str:
    return '"' + hashlib.sha1(content, usedforsecurity=False).hexdigest() + '"'


def place(path: str, **more) -> dict:
    return PLACES[path] | more


def without(params: dict, name: str) -> dict:
    return {other: value for other, value in params.items() if other != name}


@every_resource
def test_put_get_head_delete(either, path):
    content = b'{"a": 1,  "b": [2]}'
    assert either.put(path, content, type="application/json", headers=NEW, **place(path)).status_code == 204

    answer = either.get(path, **place(path))
    assert answer.status_code == 200
    assert answer.content == content
    assert answer["Content-Type"] == "application/json"
    assert answer["ETag"] == etag(content)
    assert parsedate_to_datetime(answer["Last-Modified"]) == LrsDocument.objects.get().updated_at.replace(
        microsecond=0
    )
    head = either.head(path, **place(path))
    assert (head.status_code, head.content, head["ETag"]) == (200, b"", answer["ETag"])

    assert either.delete(path, **place(path)).status_code == 204
    assert either.get(path, **place(path)).status_code == 404
    assert either.delete(path, **place(path)).status_code == 204


@every_resource
@pytest.mark.parametrize(
    "content, kind",
    [(b"\x00\xff any bytes \r\n", "application/octet-stream"), ("甲".encode(), "text/plain; charset=utf-8"),
     (b"1", "application/x-www-form-urlencoded"), (b"true", "application/json"), (b"[1]", "application/json")],
)  # fmt: skip
def test_any_bytes_of_any_type_come_back(either, path, content, kind):
    assert either.post(path, content, type=kind, **place(path)).status_code == 204
    answer = either.get(path, **place(path))
    assert (answer.content, answer["Content-Type"]) == (content, kind)


@every_resource
def test_post_merges_the_top_level(either, path):
    first = {"car": {"make": "Ford", "model": "Escape"}, "driver": "Dale", "kept": 1}
    assert either.post(path, first, **place(path)).status_code == 204
    assert either.post(path, {"car": {"make": "Dodge"}, "driver": None}, **place(path)).status_code == 204
    found = either.get(path, **place(path))
    assert found.json() == {"car": {"make": "Dodge"}, "driver": None, "kept": 1}
    assert found["Content-Type"] == "application/json"


@every_resource
@pytest.mark.parametrize(
    "before, before_type, came, came_type",
    [
        (b'{"a": 1}', "application/json", b"abc", "application/octet-stream"),
        (b'{"a": 1}', "application/json", b'{"a": 2}', "text/plain"),
        (b'{"a": 1}', "application/json", b'{"a": 2}{', "application/json"),
        (b'{"a": 1}', "application/json", b"[1]", "application/json"),
        (b"/ asdf /", "application/octet-stream", b'{"a": 2}', "application/json"),
        (b"[1]", "application/json", b'{"a": 2}', "application/json"),
    ],
)
def test_only_json_objects_merge(either, path, before, before_type, came, came_type):
    either.post(path, before, type=before_type, **place(path))
    row = LrsDocument.objects.values().get()
    assert either.post(path, came, type=came_type, **place(path)).status_code == 400
    assert LrsDocument.objects.values().get() == row
    assert either.get(path, **place(path)).content == before


@every_resource
@pytest.mark.parametrize("content", [b'{"a": 1}[', b"{", b'{"a": 1, "a": 2}', b"\xff", b'{"a": NaN}'])
def test_what_says_it_is_json_must_be(either, path, content):
    for method in ("PUT", "POST"):
        answer = either.request(method, path, content, type="application/json", headers=NEW, **place(path))
        assert answer.status_code == 400
    assert not LrsDocument.objects.exists()


# who it belongs to


@every_resource
def test_each_parameter_is_needed(either, path):
    for name in PLACES[path]:
        params = without(place(path), name)
        answers = [
            either.put(path, {}, headers=NEW, **params),
            either.post(path, {}, **params),
        ]
        if not (path == STATE and name == "stateId"):
            answers.append(either.delete(path, **params))
        if name != NAMES[path]:
            answers.append(either.get(path, **params))
        assert {answer.status_code for answer in answers} == {400}, name
    assert not LrsDocument.objects.exists()


BAD = [
    ("activityId", "true"), ("activityId", "1"), ("activityId", "not an iri"), ("agent", "not JSON"), ("agent", True),
    ("agent", {"name": "x"}), ("agent", {"objectType": "Group", "member": [AGENT]}), ("registration", "true"), ("registration", "x"),
    ("since", "true"), ("since", "not a timestamp"), ("foo", "bar"), ("StateId", "x"), ("ActivityId", "http://e.com"),
]  # fmt: skip


@every_resource
@pytest.mark.parametrize("name, bad", BAD)
def test_bad_parameters(either, path, name, bad):
    params = place(path) | {name: bad}
    answers = [
        either.put(path, {}, headers=NEW, **params),
        either.post(path, {}, **params),
        either.get(path, **params),
        either.delete(path, **params),
    ]
    if name == "since":
        answers = answers[:3]
    assert {answer.status_code for answer in answers} == {400}
    assert not LrsDocument.objects.exists()


def test_states_are_told_apart_by_everything(either):
    registration = new_id()
    places = [
        place(STATE),
        place(STATE, stateId="S"),
        place(STATE, agent=AGENT),
        place(STATE, agent=GROUP),
        place(STATE, activityId=ACTIVITY_ID + "/"),
        place(STATE, registration=registration),
        place(STATE, registration=new_id()),
    ]
    for number, params in enumerate(places):
        assert either.put(STATE, {"number": number}, **params).status_code == 204
    for number, params in enumerate(places):
        assert either.get(STATE, **params).json() == {"number": number}
    named = place(STATE, agent=ACCOUNT | {"name": "又名"}, registration=registration.upper())
    assert either.get(STATE, **named).json() == {"number": 5}


@every_resource
def test_the_ids_of_many_and_since(either, path):
    name = NAMES[path]
    either.post(path, {}, **place(path) | {name: "one"})
    at = values.as_text(LrsDocument.objects.get().updated_at)
    either.post(path, {}, **place(path) | {name: "二"})
    many = without(place(path), name)

    assert either.get(path, **many).json() == ["one", "二"]
    assert either.get(path, **many, since=at).json() == ["二"]
    assert either.get(path, **many, since="2012-06-01T19:09:13.245Z").json() == ["one", "二"]
    assert (
        either.get(
            path,
            **many | {"agent": GROUP} if path != ACTIVITY_PROFILE else many | {"activityId": "http://e.com"},
        ).json()
        == []
    )


def test_many_states_are_of_all_registrations_unless_one_is_asked_for(either):
    registration = new_id()
    either.put(STATE, {}, **place(STATE))
    either.put(STATE, {}, **place(STATE, stateId="r", registration=registration))
    either.put(STATE, {}, **place(STATE, agent=AGENT))
    many = without(place(STATE), "stateId")

    assert either.get(STATE, **many).json() == ["s", "r"]
    assert either.get(STATE, **many, registration=registration).json() == ["r"]
    assert either.delete(STATE, **many, registration=registration).status_code == 204
    assert either.get(STATE, **many).json() == ["s"]
    assert either.delete(STATE, **many).status_code == 204
    assert either.get(STATE, **many).json() == []
    assert LrsDocument.objects.count() == 1


# concurrency


@every_resource
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_if_match(either, path, method):
    either.post(path, {"name": "old"}, **place(path))
    row = LrsDocument.objects.values().get()
    tag = either.get(path, **place(path))["ETag"]

    def send(header):
        body = None if method == "DELETE" else {"name": "new"}
        return either.request(method, path, body, headers={"If-Match": header}, **place(path)).status_code

    for wrong in ('"1234"', "1234", '"' + "1" * 40 + '"', 'W/"x", "y"'):
        assert send(wrong) == 412
    assert LrsDocument.objects.values().get() == row

    assert send(tag) == 204
    if method == "DELETE":
        assert send(tag) == send("*") == 412
    else:
        assert either.get(path, **place(path)).json() == {"name": "new"}
        assert send(tag) == 412 if method == "PUT" else 204
        assert send(f'"other", {either.get(path, **place(path))["ETag"]}') == 204
        assert send("*") == 204


@every_resource
def test_if_none_match(either, path):
    assert either.put(path, {"name": "first"}, headers=NEW, **place(path)).status_code == 204
    row = LrsDocument.objects.values().get()
    assert either.put(path, {"name": "second"}, headers=NEW, **place(path)).status_code == 412
    assert either.post(path, {"name": "second"}, headers=NEW, **place(path)).status_code == 412
    same = {"If-None-Match": f'"{row["etag"]}"'}
    assert either.put(path, {"name": "second"}, headers=same, **place(path)).status_code == 412
    assert LrsDocument.objects.values().get() == row
    assert either.put(path, {}, headers={"If-None-Match": '"other"'}, **place(path)).status_code == 204


@pytest.mark.parametrize(
    "path, version, fresh, again",
    [
        (STATE, V1, 204, 204),
        (STATE, V2, 204, 409),
        (ACTIVITY_PROFILE, V1, 400, 409),
        (ACTIVITY_PROFILE, V2, 204, 409),
        (AGENT_PROFILE, V1, 400, 409),
        (AGENT_PROFILE, V2, 204, 409),
    ],
)
def test_put_without_a_condition(lrs, path, version, fresh, again):
    lrs = lrs.speaking(version)
    assert lrs.put(path, {"name": "first"}, **place(path)).status_code == fresh
    lrs.post(path, {"name": "first"}, **place(path))

    answer = lrs.put(path, {"name": "second"}, **place(path))

    assert answer.status_code == again
    kept = lrs.get(path, **place(path)).json()
    assert kept == {"name": "second" if again == 204 else "first"}
    if again == 409:
        assert b"ETag" in answer.content


@every_resource
def test_a_merge_and_a_deletion_need_no_condition(either, path):
    either.post(path, {"a": 1}, **place(path))
    assert either.post(path, {"b": 1}, **place(path)).status_code == 204
    assert either.delete(path, **place(path)).status_code == 204


@every_resource
def test_the_tag_and_the_time_change_with_the_content(either, path):
    either.post(path, {"a": 1}, **place(path))
    before = LrsDocument.objects.get()
    either.post(path, {"b": 1}, **place(path))
    after = LrsDocument.objects.get()
    assert after.etag != before.etag and after.updated_at > before.updated_at
    assert json.loads(bytes(after.content)) == {"a": 1, "b": 1}


@every_resource
def test_a_program_sees_and_moves_no_documents_of_others(lrs, with_scopes, path):
    scope = "state" if path == STATE else "profile"
    narrow, other = with_scopes(scope), with_scopes(f"{scope} ")
    reader = with_scopes(f"{scope} all/read")
    assert lrs.put(path, b"theirs", type="text/plain", headers=NEW, **place(path)).status_code == 204

    assert narrow.get(path, **place(path)).status_code == 404
    assert narrow.get(path, **without(place(path), NAMES[path])).json() == []
    assert reader.get(path, **place(path)).content == b"theirs"
    tag = {"If-Match": etag(b"theirs")}
    for one in (narrow, reader):
        for headers in (tag, NEW, {}):
            assert one.put(path, b"x", type="text/plain", headers=headers, **place(path)).status_code == 403
            assert one.post(path, b"x", type="text/plain", headers=headers, **place(path)).status_code == 403
        assert one.delete(path, **place(path)).status_code == 204
    if path == STATE:
        assert narrow.delete(path, **without(place(path), NAMES[path])).status_code == 204
    assert lrs.get(path, **place(path)).content == b"theirs"

    mine = place(path, **{NAMES[path]: "mine"})
    assert narrow.put(path, b"mine", type="text/plain", headers=NEW, **mine).status_code == 204
    assert narrow.get(path, **mine).content == b"mine"
    assert narrow.get(path, **without(place(path), NAMES[path])).json() == ["mine"]
    assert other.get(path, **mine).status_code == 404
    assert lrs.get(path, **mine).content == b"mine"
    assert narrow.delete(path, **mine).status_code == 204
    assert lrs.get(path, **mine).status_code == 404
