"""A client of the LRS with every scope, its requests over HTTP in both versions, and statements to send."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from courses.archive.xapi import api, statements

V1, V2 = "1.0.3", "2.0.0"


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


class Lrs:
    """Requests to /xapi/ as one client in one version: `lrs.post("statements", body)`."""

    def __init__(self, client, authorization: str | None, version: str | None = V1) -> None:
        self.client, self.authorization, self.version = client, authorization, version

    def speaking(self, version: str | None) -> Lrs:
        return Lrs(self.client, self.authorization, version)

    def request(self, method: str, path: str, body: Any = None, /, *, headers=None, type=None, **params):
        said = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()
        }
        query = f"?{urlencode(said)}" if said else ""
        sent = {"authorization": self.authorization, "x-experience-api-version": self.version}
        sent |= headers or {}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        kind = type or ("application/json" if body is not None else "")
        return self.client.generic(
            method,
            f"/xapi/{path}{query}",
            content,
            content_type=kind,
            headers={name: value for name, value in sent.items() if value is not None},
        )

    def get(self, path: str, **more):
        return self.request("GET", path, **more)

    def head(self, path: str, **more):
        return self.request("HEAD", path, **more)

    def post(self, path: str, body: Any = None, **more):
        return self.request("POST", path, body, **more)

    def put(self, path: str, body: Any = None, **more):
        return self.request("PUT", path, body, **more)

    def delete(self, path: str, **more):
        return self.request("DELETE", path, **more)

    def ids(self, **filters) -> list[str]:
        """The ids of the statements that the filters find."""
        answer = self.get("statements", **filters)
        assert answer.status_code == 200, answer.content
        return [one["id"] for one in answer.json()["statements"]]


@pytest.fixture(autouse=True)
def forgetful():
    """Each test has a database of its own: what the process remembers of another's would be wrong."""
    statements._learned.forget()


@pytest.fixture
def lrs_client(db):
    return api.add_client("外部课件", scopes="all", key="provider", secret="s3cret")[0]


@pytest.fixture
def lrs(client, lrs_client):
    return Lrs(client, basic("provider", "s3cret"))


@pytest.fixture(params=[V1, V2])
def either(request, lrs):
    """The same client, once in each version."""
    return lrs.speaking(request.param)


@pytest.fixture
def with_scopes(client, db):
    """`with_scopes("statements/write")`: requests as a client that holds these scopes only."""

    def make(scopes: str) -> Lrs:
        added, secret = api.add_client(f"client of {scopes}", scopes=scopes)
        return Lrs(client, basic(added.key, secret))

    return make


AGENT = {"objectType": "Agent", "name": "学员甲", "mbox": "mailto:jia@example.com"}
GROUP = {"objectType": "Group", "name": "第一组", "mbox": "mailto:group@example.com"}
ACTIVITY = {
    "objectType": "Activity",
    "id": "http://example.com/lessons/7",
    "definition": {
        "name": {"zh-CN": "第七讲", "en-GB": "Lesson 7", "en-US": "Lesson 7"},
        "description": {"zh-CN": "一次课", "en-GB": "A lesson", "en-US": "A lesson"},
        "type": "http://adlnet.gov/expapi/activities/lesson",
        "moreInfo": "http://example.com/about/7",
        "extensions": {"http://example.com/ext/place": "X:\\rooms\\1", "http://example.com/ext/null": None},
    },
}
VERB = {
    "id": "http://adlnet.gov/expapi/verbs/attended",
    "display": {"zh-CN": "参加了", "en-GB": "attended", "en-US": "attended"},
}
CONTEXT = {
    "registration": "ec531277-b57b-4c15-8d91-d292c5b2b8f7",
    "instructor": {"objectType": "Agent", "mbox": "mailto:teacher@example.com"},
    "team": GROUP,
    "contextActivities": {"category": [{"id": "http://example.com/categories/a"}]},
    "revision": "3",
    "platform": "课件",
    "language": "tlh",
    "statement": {"objectType": "StatementRef", "id": "6690e6c9-3ef0-4ed3-8b37-7f3964730bee"},
    "extensions": {"http://example.com/ext/speed": {"any": [None, 1, "x"]}},
}
RESULT = {
    "score": {"scaled": 0.95, "raw": 95, "min": 0, "max": 100},
    "success": True,
    "completion": True,
    "response": "好",
    "duration": "PT1H0M0S",
    "extensions": {"http://example.com/ext/minutes": "x"},
}


def statement(**parts: Any) -> dict[str, Any]:
    """A valid statement with `parts` in place; a part that is None is left out."""
    made = {"actor": AGENT, "verb": VERB, "object": ACTIVITY} | parts
    return copy.deepcopy({name: part for name, part in made.items() if part is not None})


def sub_statement(**parts: Any) -> dict[str, Any]:
    return {"objectType": "SubStatement"} | statement(**parts)


def new_id() -> str:
    return str(uuid4())


def change(value: Any, path: str, new: Any) -> Any:
    """A deep copy of `value` with what stands at `path` (`a.b.0.c`) replaced; `...` removes it."""
    made = copy.deepcopy(value)
    *way, last = path.split(".")
    inner = made
    for step in way:
        inner = inner[int(step)] if isinstance(inner, list) else inner.setdefault(step, {})
    where = int(last) if isinstance(inner, list) else last
    if new is ...:
        del inner[where]
    else:
        inner[where] = new
    return made
