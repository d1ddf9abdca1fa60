"""A member, a lesson of ten minutes, a clock that the test moves, and phones that post beats over HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db.models import BinaryField, ExpressionWrapper, F
from django.utils import timezone

from courses.archive import api
from courses.archive.models import (
    Beat,
    LearningArchive,
    LessonState,
    PlayLease,
    StudyHourEntry,
)
from courses.catalogue.models import LessonVersion
from people.models import PostRole
from tests.factories import (
    CourseFactory,
    LessonFactory,
    MemberFactory,
    PartyOrganizationFactory,
    PostFactory,
)


class Clock:
    """The server's clock: stands still until the test moves it."""

    def __init__(self) -> None:
        self.at = datetime(2026, 9, 30, 1, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Phone:
    """One play session of one member on one device, with a clock of its own (`skew` seconds wrong)."""

    def __init__(self, client, clock: Clock, member, version, *, skew: float = 0) -> None:
        self.client, self.clock, self.skew = client, clock, skew
        self.play = api.play(member, version)
        self.seq = 0
        self.position_ms = 0
        self.queue: list[dict] = []

    @property
    def clock_ms(self) -> int:
        return int((self.clock.at.timestamp() + self.skew) * 1000)

    def note(self, *intervals, position_ms=None, **more) -> dict:
        """Make a beat now and keep it in the queue."""
        self.position_ms = intervals[-1][1] if intervals else (position_ms or self.position_ms)
        beat = {
            "seq": self.seq,
            "intervals": [list(one) for one in intervals],
            "position_ms": self.position_ms,
            "rate": 1,
            "visible": True,
            "clock_ms": self.clock_ms,
        } | more
        self.seq += 1
        self.queue.append(beat)
        return beat

    def watch(self, seconds: float, *, speed: float = 1, step: float = 15, **more) -> None:
        """Play on from where we are, a beat each `step` seconds of wall time; nothing is sent."""
        while seconds > 0:
            wall = min(step, seconds)
            self.clock.advance(wall)
            start = self.position_ms
            self.note((start, start + int(wall * speed * 1000)), **more)
            seconds -= wall

    def post(self, beats=None, *, token=None, **more):
        """Send `beats` (default: the queue) in one request."""
        body = {
            "token": self.play.token if token is None else token,
            "beats": self.queue if beats is None else beats,
        } | more
        return self.client.post("/api/archive/beats", body, content_type="application/json")

    def flush(self, *, batch: int = 200):
        """Send the queue as a player does: in batches, and forget what was answered with 200."""
        answer = None
        while self.queue:
            answer = self.post(self.queue[:batch], sent_ms=self.clock_ms)
            if answer.status_code != 200:
                return answer
            done = set(answer.json()["accepted"] + answer.json()["duplicates"])
            self.queue = [beat for beat in self.queue if beat["seq"] not in done]
        return answer

    def take(self):
        return self.client.post(
            "/api/archive/lease", {"token": self.play.token}, content_type="application/json"
        )


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture
def member(db):
    return MemberFactory()


@pytest.fixture
def course(db):
    return CourseFactory()


@pytest.fixture
def lesson(course):
    return LessonFactory(parent=course)


def add_version(
    lesson, *, duration_s: int = 600, kind: str = "LECTURE", carry: str = "AGAIN", new_parts=()
) -> LessonVersion:
    """The next version; by default one to which nothing carries over."""
    return LessonVersion.objects.create(
        lesson=lesson,
        number=lesson.versions.count() + 1,
        duration_s=duration_s,
        kind=kind,
        title=lesson.title,
        carry=carry,
        new_parts=[list(part) for part in new_parts],
    )


@pytest.fixture
def version(lesson) -> LessonVersion:
    return add_version(lesson)


@pytest.fixture
def phone_of(client, clock):
    """`phone_of(member, version)`: a phone on which the lesson was opened just now."""

    def make(member, version, **more) -> Phone:
        return Phone(client, clock, member, version, **more)

    return make


@pytest.fixture
def phone(phone_of, member, version) -> Phone:
    return phone_of(member, version)


def _columns(model) -> list:
    """All of them; a beat's body as its bytes, since a test may have broken one."""
    names = [field.attname for field in model._meta.concrete_fields]
    if model is Beat:
        return [name for name in names if name != "body"] + [
            ExpressionWrapper(F("body"), output_field=BinaryField())
        ]
    return names


@pytest.fixture
def nothing_moved():
    """Call it twice: the second time everything that the archive keeps must be as the first time."""
    seen = []

    def look() -> None:
        rows = [
            sorted(model._base_manager.order_by().values_list(*_columns(model)), key=repr)
            for model in (Beat, LessonState, PlayLease, StudyHourEntry, LearningArchive)
        ]
        seen.append(repr(rows))
        assert seen[0] == seen[-1]

    return look


@pytest.fixture(autouse=True)
def seals_file(settings, tmp_path):
    """Where the seals are kept outside the database: a file of the test's own."""
    settings.STUDY = settings.STUDY | {"SEALS_FILE": tmp_path / "seals" / "archive.jsonl"}
    return settings.STUDY["SEALS_FILE"]


# Who decides: a committee with an organiser, a branch below it with a secretary


@pytest.fixture
def committee(clock):
    return PartyOrganizationFactory(code="001.002", name="桂花社区党委")


@pytest.fixture
def branch(committee):
    return PartyOrganizationFactory(parent=committee, code="001.002.001")


@pytest.fixture
def organiser(committee):
    return PostFactory(member=MemberFactory(organization=committee, name="周敏")).member


@pytest.fixture
def secretary(branch):
    return PostFactory(member=MemberFactory(organization=branch, name="陈刚"), role=PostRole.SECRETARY).member


def verified(capsys, *words) -> dict:
    """What `manage.py rebuild_archive` says, as JSON; exit code 1 is no failure here."""
    try:
        call_command("rebuild_archive", "--json", *words)
    except SystemExit as ended:
        assert ended.code == 1
    return json.loads(capsys.readouterr().out)
