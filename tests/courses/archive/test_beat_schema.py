"""What the OpenAPI schema says of playing is true: a stranger who has nothing but it signs in, plays, and is answered
as its examples say. On a school that runs for real, through the doors of production.
"""

from __future__ import annotations

import http.cookies
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from courses.archive import api, tokens
from courses.catalogue.setup import ensure_tree
from tests.courses.archive.conftest import add_version
from tests.courses.archive.server import Answer, Server, database_url
from tests.factories import CourseFactory, LessonFactory, MemberFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("servers")]

PATH = "/api/archive/beats"
SHOWN_ELSEWHERE = {"too_big", "busy"}
"""Answers without a request that one could print: test_hostile_beats.py and test_full_disk.py ask for them."""


@dataclass
class Stranger:
    """Keeps cookies as a browser does, and knows the schema."""

    server: Server
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        answer = self.server.ask(method, path, body, sent)
        for line in answer.cookies:
            for name, one in http.cookies.SimpleCookie(line).items():
                self.cookies[name] = one.value
        return answer

    def sign_in(self, name: str, password: str) -> Answer:
        """Steps 1 and 2 of what POST play says."""
        self.ask("GET", "/accounts/login/")
        form = {"login": name, "password": password, "csrfmiddlewaretoken": self.cookies["csrftoken"]}
        return self.ask(
            "POST",
            "/accounts/login/",
            urlencode(form).encode(),
            Content_Type="application/x-www-form-urlencoded",
        )

    def play(self, version: str, **headers: str) -> Answer:
        """Step 4."""
        more = {
            "Content_Type": "application/json",
            "X_CSRFToken": self.cookies.get("csrftoken", ""),
        } | headers
        return self.ask("POST", "/api/archive/play", json.dumps({"version": version}).encode(), **more)


@pytest.fixture
def member():
    ensure_tree()
    return MemberFactory(username="lixiang", password="study-2026")


@pytest.fixture
def version(db):
    ensure_tree()
    return add_version(LessonFactory(parent=CourseFactory(), title="第一讲"))


@pytest.fixture
def server(member, version, tmp_path) -> Iterator[Server]:
    with Server(database_url(tmp_path), tmp_path) as running:
        yield running
        assert "Traceback" not in running.said(), running.said()[-3000:]


@pytest.fixture
def stranger(server) -> Stranger:
    return Stranger(server)


def told(server: Server, path: str, method: str = "post") -> dict[str, Any]:
    schema = server.ask("GET", "/api/openapi.json").json()
    return schema["paths"][path][method]


def examples(place: dict[str, Any]) -> dict[str, Any]:
    return {
        name: one["value"] for name, one in place["content"]["application/json"].get("examples", {}).items()
    }


def test_a_stranger_comes_by_a_token_as_the_schema_says(stranger, member, version):
    answers = {
        status: examples(answer) if "content" in answer else {}
        for status, answer in told(stranger.server, "/api/archive/play")["responses"].items()
    }
    # given nobody who is signed in
    stranger.ask("GET", "/accounts/login/")
    refused = stranger.play(str(version.uuid))
    assert (refused.status, refused.json()) == (401, answers["401"]["not_signed_in"])
    assert stranger.sign_in("lixiang", "wrong").status == 200 and "sessionid" not in stranger.cookies
    # when she signs in and asks what she may study
    assert stranger.sign_in("lixiang", "study-2026").status == 302 and "sessionid" in stranger.cookies
    found = stranger.ask("GET", "/api/archive/lessons").json()
    assert found == [{"version": str(version.uuid), "title": "第一讲", "kind": "LECTURE", "duration_s": 600}]
    # then she is given leave to play it, and nothing else
    opened = stranger.play(found[0]["version"])
    assert opened.status == 200
    assert set(opened.json()) == set(answers["200"]["open"])
    same = {"kind", "duration_s", "needed_s", "beat_seconds", "completed", "speed_cap", "free_seek"}
    assert {name: opened.json()[name] for name in same} == {
        name: answers["200"]["open"][name] for name in same
    }
    no_token = stranger.play(found[0]["version"], X_CSRFToken="")
    assert (no_token.status, no_token.json()) == (403, answers["403"]["no_csrf_token"])
    absent = stranger.play("00000000-0000-4000-8000-000000000000")
    assert absent.status == 404 and absent.json().items() >= answers["404"]["not_open"].items()
    assert stranger.play("nonsense").status == 422


def test_every_example_of_the_beats_is_answered_as_the_schema_says(server, member, version):
    described = told(server, PATH)
    asked = examples(described["requestBody"])
    answered = {
        name: (int(status), value)
        for status, answer in described["responses"].items()
        for name, value in examples(answer).items()
    }
    assert set(asked) == set(answered) - SHOWN_ELSEWHERE
    assert {status for status, _value in answered.values()} == {200, 401, 404, 409, 413, 422, 503}
    header = described["responses"]["503"]["headers"]["Retry-After"]
    assert header["schema"]["type"] == "integer"
    # given a lesson that was opened an hour ago, and a token of three days ago
    now = timezone.now()
    token = api.play(member, version, now=now - timedelta(hours=1)).token
    tokens_of = {"expired": tokens.issue(member.pk, version.pk, now=now - timedelta(days=3))[0]}
    between = {
        "another_device": lambda: newer_device(server, member, version),
        "withdrawn": lambda: withdraw(server, version),
    }
    for name, request in asked.items():
        # when each example is sent, in the order of the schema
        between.get(name, lambda: None)()
        body = request | ({"token": tokens_of.get(name, token)} if name != "bad_token" else {})
        answer = server.beats(body)
        # then it is answered as its example says
        status, value = answered[name]
        assert answer.status == status, (name, answer)
        said = answer.json()
        assert {key: said.get(key) for key in value} == value, name
        assert not any(said[key] for key in set(said) - set(value)), (name, said)


def newer_device(server: Server, member, version) -> None:
    newer = api.play(member, version, now=timezone.now() - timedelta(minutes=1)).token
    beat = {"seq": 0, "intervals": [], "position_ms": 45000, "clock_ms": 0}
    assert server.beats({"token": newer, "beats": [beat]}).status == 200
    time.sleep(6)  # for five seconds after the hand-over the older one's beats are still taken


def withdraw(server: Server, version) -> None:
    """By hand in the database that the school runs on, as an editor would in the admin."""
    server.sql(f"UPDATE wagtailcore_page SET live = false WHERE id = {version.lesson_id}")


def test_what_the_schema_says_of_a_beat_is_what_is_taken(server, member, version):
    """The bounds in the schema are those of the door: at them a beat is taken, beyond them refused."""
    described = told(server, PATH)["requestBody"]["content"]["application/json"]["schema"]["properties"]
    beat = described["beats"]["items"]["properties"]
    token = api.play(member, version, now=timezone.now() - timedelta(hours=1)).token
    good = {"seq": 0, "intervals": [[0, 1000]], "position_ms": 1000, "clock_ms": 1790000000000}

    def status(number: int, **more: Any) -> int:
        return server.beats({"token": token, "beats": [good | {"seq": number} | more]}).status

    most_ms = beat["position_ms"]["maximum"]
    assert status(1, position_ms=most_ms) == 200
    assert status(2, position_ms=most_ms + 1) == 422
    assert status(3, intervals=[[0, 1]] * beat["intervals"]["maxItems"]) == 200
    assert status(4, intervals=[[0, 1]] * (beat["intervals"]["maxItems"] + 1)) == 422
    assert status(5, rate=beat["rate"]["maximum"]) == 200
    assert status(6, rate=beat["rate"]["maximum"] + 0.1) == 422
    assert status(7, rate=beat["rate"]["minimum"]) == 200
    assert status(8, rate=beat["rate"]["minimum"] / 2) == 422
    assert status(9, clock_ms=beat["clock_ms"]["maximum"]) == 200
    assert status(10, clock_ms=beat["clock_ms"]["maximum"] + 2) == 422
    assert status(beat["seq"]["exclusiveMaximum"] - 1) == 200
    assert status(beat["seq"]["exclusiveMaximum"]) == 422
    many = described["beats"]["maxItems"]
    full = [good | {"seq": 100 + number} for number in range(many + 1)]
    assert server.beats({"token": token, "beats": full}).status == 422
    assert server.beats({"token": token, "beats": full[:many]}).status == 200
    # and nothing of what was refused is in the log
    kept = {row[0] for row in server.sql("SELECT seq FROM archive_beat")}
    assert kept == {1, 3, 5, 7, 9, beat["seq"]["exclusiveMaximum"] - 1, *range(100, 100 + many)}
