"""A school that imported a package, and AUs that speak over HTTP as course content does."""

from __future__ import annotations

import base64
import json
import uuid
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from courses.archive.cmi5 import launching
from courses.archive.cmi5.vocabulary import (
    CATEGORY_CMI5,
    CATEGORY_MOVE_ON,
    COMPLETED,
    EXTENSION,
    FAILED,
    INITIALIZED,
    LAUNCH_DATA,
    PASSED,
    PREFERENCES,
    TERMINATED,
)
from courses.archive.xapi import clients
from courses.archive.xapi.models import Statement
from tests.courses.archive.cmi5.packages import au, block, package, structure

VERBS = {
    "initialized": INITIALIZED,
    "completed": COMPLETED,
    "passed": PASSED,
    "failed": FAILED,
    "terminated": TERMINATED,
}
RESULTS = {
    "completed": {"completion": True, "duration": "PT1S"},
    "passed": {"success": True, "duration": "PT1S"},
    "failed": {"success": False, "duration": "PT1S"},
    "terminated": {"duration": "PT5S"},
}
LEARNER = {"account": {"homePage": "https://provider.example/", "name": "4711"}}


class Content:
    """A launched AU: knows nothing but its launch URL, and speaks with a client that holds no cookies."""

    def __init__(self, client, url: str) -> None:
        self.client, self.url = client, url
        said = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        self.endpoint, self.fetch_url = said["endpoint"], said["fetch"]
        self.actor, self.registration = json.loads(said["actor"]), said["registration"]
        self.activity = said["activityId"]
        self.token = ""
        self.launch_data: dict = {}

    def ask(self, method: str, resource: str, query: dict | None = None, body=None, **more):
        headers = {"X-Experience-API-Version": "1.0.3"} | more.pop("headers", {})
        if self.token:
            headers.setdefault("Authorization", f"Basic {self.token}")
        kind = more.pop("content_type", "application/json")
        data = body if isinstance(body, (bytes, str)) else b"" if body is None else json.dumps(body)
        return self.client.generic(
            method,
            f"{urlsplit(self.endpoint).path}/{resource}",
            data,
            content_type=kind,
            query_params=query or {},
            headers=headers,
        )

    def fetch(self) -> dict:
        return self.client.post(urlsplit(self.fetch_url).path).json()

    def document(self, method: str, name: str, body=None, **more):
        query = {
            "stateId": name,
            "activityId": self.activity,
            "agent": json.dumps(self.actor),
            "registration": self.registration,
        }
        return self.ask(method, "activities/state", query, body, **more)

    def preferences(self, method: str = "GET", body=None, agent=None, **more):
        query = {"profileId": PREFERENCES, "agent": json.dumps(agent or self.actor)}
        return self.ask(method, "agents/profile", query, body, **more)

    def start(self) -> Content:
        """As every AU begins: token, launch data, preferences, initialized."""
        self.token = self.fetch()["auth-token"]
        self.launch_data = json.loads(self.document("GET", LAUNCH_DATA).content)
        assert self.preferences().status_code in (200, 404)
        assert self.say("initialized").status_code == 204
        return self

    @property
    def session(self) -> str:
        return self.launch_data["contextTemplate"]["extensions"][f"{EXTENSION}sessionid"]

    def statement(self, verb: str, **result) -> dict:
        context = json.loads(json.dumps(self.launch_data["contextTemplate"]))
        said = {
            "id": str(uuid.uuid4()),
            "timestamp": "2026-09-30T01:00:00.000Z",
            "actor": self.actor,
            "verb": {"id": VERBS.get(verb, verb)},
            "object": {"id": self.activity},
            "context": context | {"registration": self.registration},
        }
        if verb in VERBS:
            categories = [{"id": CATEGORY_CMI5}]
            if verb in ("completed", "passed", "failed"):
                categories.append({"id": CATEGORY_MOVE_ON})
            context["contextActivities"]["category"] = categories
            if verb in RESULTS:
                said["result"] = RESULTS[verb] | result
        return said

    def put(self, statement: dict):
        return self.ask("PUT", "statements", {"statementId": statement["id"]}, statement)

    def say(self, verb: str, **result):
        return self.put(self.statement(verb, **result))


def recorded(registration: str) -> list[dict]:
    """The statements of a registration in the order in which they were stored."""
    rows = Statement.objects.filter(registration=registration).order_by("stored_at", "id")
    return [json.loads(row.body) for row in rows]


def verbs(registration: str) -> list[str]:
    return [one["verb"]["id"].rpartition("/")[2] for one in recorded(registration)]


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.STUDY = {**settings.STUDY, "CMI5_DIR": tmp_path / "cmi5"}


@pytest.fixture
def imported(db):
    """imported(structure or inner XML, files): a course; by default one unit in one block, CompletedAndPassed."""

    def take_in(inner: str = "", files=None, **options):
        inner = inner or block(au(0, url="index.html?x=1", attributes='moveOn="CompletedAndPassed"'))
        return launching.import_course(package(structure(inner), files), "application/zip", **options)

    return take_in


def program_with(scopes: str, name: str = "Provider") -> Client:
    """A client of the LRS over HTTP: it signs in with each request. `key` is its user name."""
    made, secret = clients.add_client(name, scopes=scopes)
    token = base64.b64encode(f"{made.key}:{secret}".encode()).decode()
    program = Client(headers={"Authorization": f"Basic {token}"})
    program.key = made.key
    return program


@pytest.fixture
def program(db):
    """A program with the scope cmi5: program.post(path, …)."""
    return program_with("cmi5 statements/read")


@pytest.fixture
def content(client):
    """content(course, au, …): a launched AU of a learner whom we do not know."""

    def begin(course, index: int = 0, *, actor=None, **options) -> Content:
        begun = launching.launch(course, index, actor=actor or LEARNER, site="http://testserver", **options)
        return Content(client, begun.url)

    return begin
