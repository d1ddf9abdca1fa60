"""Histories of study, handed in shuffled, doubled, split and late: the log and the state are what they would have been.

Through the real log, over the wire, by both doors: each history is handed in by two members, by one in order through
Django alone, by the other in disorder through the short way of production; every fifth by a third member, in disorder
through Django. HISTORIES says how many (60; `HISTORIES=1000 ./run test tests/courses/archive/test_histories.py`), HISTORIES_SEED which.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from courses.archive import tokens
from courses.archive.spans import watched_seconds
from people.models import Member, MemberStatus
from portal.settings.environment import ROOT
from tests.courses.archive.conftest import add_version
from tests.courses.archive.server import DJANGO_ALONE, Server, database_url
from tests.factories import LessonFactory, PartyOrganizationFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("servers")]

NUMBER = int(os.environ.get("HISTORIES") or 60)
SEED = int(os.environ.get("HISTORIES_SEED") or random.randrange(2**32))
LENGTH_S = 180
HOUR_S = 3600.0


@dataclass
class Session:
    """One session of play: when it was opened, and its beats, each with the moment when it happened (seconds ago)."""

    opened_ago_s: float
    beats: list[tuple[float, dict[str, Any]]] = field(default_factory=list)


@dataclass
class Studied:
    """What one person did with the lesson, on one device after the other, or now on this one and now on that; honest,
    whatever she did."""

    sessions: list[Session]
    honest: bool
    """Whether everything was played as it counts: forward, seen, at normal speed, on in the order of the sessions."""
    too_late: bool

    @property
    def intervals(self) -> list[tuple[int, int]]:
        return [
            (start, end)
            for one in self.sessions
            for _ago_s, beat in one.beats
            for start, end in beat["intervals"]
        ]


def study(chance: random.Random) -> Studied:
    too_late, honest = chance.random() < 0.1, chance.random() < 0.4
    ago_s = chance.choice([30.0, 31.5]) * HOUR_S if too_late else chance.uniform(6.0, 22.0) * HOUR_S
    sessions: list[Session] = []
    number = chance.choice([1, 1, 2, 3])
    # Opened when it is begun, or all of them in the morning.
    early = chance.random() < 0.5
    for _ in range(number if early else 0):
        ago_s -= chance.uniform(1, 60)
        sessions.append(Session(opened_ago_s=ago_s))
    position_ms = 0
    order = list(range(number))
    if early and number > 1 and chance.random() < 0.5:
        order += chance.choices(order, k=2)
        honest = False
    for place in order:
        if place == len(sessions):
            ago_s -= chance.uniform(1, 60)
            sessions.append(Session(opened_ago_s=ago_s))
        one = sessions[place]
        for _ in range(chance.randint(1, 16)):
            step_s = chance.choice([15.0, 15.0, 15.0, chance.uniform(0.2, 29)])
            did = (
                "play"
                if honest
                else chance.choice(["play"] * 6 + ["back", "ahead", "hidden", "fast", "pause"])
            )
            beat: dict[str, Any] = {"seq": len(one.beats)}
            if did == "pause":
                ago_s -= chance.uniform(1, 300)
                beat["intervals"] = []
            else:
                if did == "back":
                    position_ms = chance.randint(0, position_ms)
                if did == "ahead":
                    position_ms = min(position_ms + chance.randint(0, 200_000), LENGTH_S * 1000)
                ago_s -= step_s
                played_ms = int(step_s * 1000) * (2 if did == "fast" else 1)
                beat["intervals"] = [[position_ms, position_ms + played_ms]]
                position_ms += played_ms
                beat |= {"visible": False} if did == "hidden" else {}
                beat |= {"rate": 2} if did == "fast" else {}
            beat["position_ms"] = position_ms
            one.beats.append((ago_s, beat))
        ago_s -= chance.uniform(1, 120)
    return Studied(sessions, honest, too_late)


@dataclass
class Delivery:
    """A batch: of which session, and which of its beats."""

    session: int
    beats: list[int]


def in_order(studied: Studied) -> list[Delivery]:
    """Each session at once and in order."""
    return [Delivery(n, list(range(len(one.beats)))) for n, one in enumerate(studied.sessions)]


def in_disorder(studied: Studied, chance: random.Random) -> list[Delivery]:
    """Everything, in pieces of any size, shuffled, some of it again in other pieces."""
    pieces: list[Delivery] = []
    for number, one in enumerate(studied.sessions):
        beats = list(range(len(one.beats)))
        chance.shuffle(beats)
        beats += chance.sample(beats, chance.randint(0, len(beats)))
        while beats:
            size = chance.randint(1, 14)
            pieces.append(Delivery(number, list(dict.fromkeys(beats[:size]))))
            beats = beats[size:]
    chance.shuffle(pieces)
    return pieces


@dataclass
class Phone:
    """Hands a history in for one member; with a clock of its own."""

    server: Server
    member_id: int
    tokens: list[str]
    clock_ms: int
    """Its clock at the moment from which all «ago» is reckoned, which is `begun_s` by ours."""
    begun_s: float

    def hand_in(self, studied: Studied, deliveries: list[Delivery]) -> None:
        for one in deliveries:
            session = studied.sessions[one.session]
            beats = [
                beat | {"clock_ms": self.clock_ms - int(ago_s * 1000)}
                for ago_s, beat in (session.beats[place] for place in one.beats)
            ]
            body = {"token": self.tokens[one.session], "beats": beats}
            for _ in range(200):
                since_ms = int((time.time() - self.begun_s) * 1000)
                answer = self.server.beats(body | {"sent_ms": self.clock_ms + since_ms})
                if answer.status != 503:
                    break
            assert answer.status == 200, (answer, self.member_id, one)
            said = answer.json()
            assert {*said["accepted"], *said["duplicates"]} == set(one.beats)


@pytest.fixture
def version(db):
    return add_version(LessonFactory(), duration_s=LENGTH_S)


@pytest.fixture
def members(db) -> list[Member]:
    """Three for each history, of whom the last is not always needed."""
    branch = PartyOrganizationFactory()
    made = [
        Member(
            username=f"h{n}",
            name="党员",
            status=MemberStatus.FULL,
            organization=branch,
            activated_at=timezone.now(),
        )
        for n in range(3 * NUMBER)
    ]
    for one in made:
        one.set_unusable_password()
    return Member.objects.bulk_create(made)


@pytest.fixture
def doors(version, members, tmp_path) -> Iterator[tuple[Server, Server]]:
    """The short way of production, and Django alone, on one database."""
    url = database_url(tmp_path)
    folders = [tmp_path / "short", tmp_path / "plain"]
    for folder in folders:
        folder.mkdir()
    with Server(url, folders[0]) as short, Server(url, folders[1], DJANGO_ALONE) as plain:
        yield short, plain
        for server in (short, plain):
            assert "Traceback" not in server.said(), server.said()[-3000:]


def test_any_history_in_any_delivery_ends_in_the_same_log_and_the_same_state(doors, version, members):
    short, plain = doors
    now = timezone.now()
    histories: list[Studied] = []

    def live(number: int) -> None:
        chance = random.Random(SEED + number)
        studied = histories[number]
        ways = [(plain, in_order(studied)), (short, in_disorder(studied, chance))]
        if number % 5 == 0:
            ways.append((plain, in_disorder(studied, chance)))
        for place, (server, deliveries) in enumerate(ways):
            member = members[3 * number + place]
            opened = [
                tokens.issue(member.pk, version.pk, now=now - timedelta(seconds=one.opened_ago_s))[0]
                for one in studied.sessions
            ]
            skew_s = chance.choice([0, 366 * 86_400, -366 * 86_400])
            phone = Phone(server, member.pk, opened, int((now.timestamp() + skew_s) * 1000), now.timestamp())
            phone.hand_in(studied, deliveries)

    # given histories of study, and members for each
    histories += [study(random.Random(SEED + number)) for number in range(NUMBER)]
    # when each is handed in in order, and in disorder
    with ThreadPoolExecutor(3) as many:
        list(many.map(live, range(NUMBER)))
    manage(short, "fold_beats", "--once")
    # then each log has each beat once
    counted = dict(short.sql("SELECT member_id, count(*) FROM archive_beat GROUP BY member_id"))
    beats = [sum(len(one.beats) for one in studied.sessions) for studied in histories]
    numbers = [number for number in range(3 * NUMBER) if number % 3 < 2 or number // 3 % 5 == 0]
    assert [counted[members[n].pk] for n in numbers] == [beats[n // 3] for n in numbers]
    # and each state is that of the one who handed in in order
    states = {
        row[0]: (bytes(row[1]), *row[2:6], row[6] is not None)
        for row in short.sql(
            "SELECT member_id, watched, watched_s, needed_s, position_ms, frontier_ms, completed_at FROM archive_lessonstate"
        )
    }
    hours = dict(short.sql("SELECT member_id, count(*) FROM archive_studyhourentry GROUP BY member_id"))
    wrong = []
    for number, studied in enumerate(histories):
        mine = [members[3 * number + place].pk for place in range(3 if number % 5 == 0 else 2)]
        kept = [states[pk] for pk in mine]
        brought = [hours.get(pk, 0) for pk in mine]
        if len(set(kept)) > 1 or brought != [int(one[-1]) for one in kept]:
            wrong.append((SEED + number, [one[1:] for one in kept], brought))
        # of honest study every second counts; of what came too late none
        played = watched_seconds(studied.intervals, LENGTH_S)
        expected = 0 if studied.too_late else played.bit_count()
        if kept[0][1] > expected or ((studied.honest or studied.too_late) and kept[0][1] != expected):
            wrong.append((SEED + number, kept[0][1:], "expected", expected))
    assert wrong == [], f"{len(wrong)} of {NUMBER}, HISTORIES_SEED={SEED}"
    # and the log tells every state again
    rebuilt = json.loads(manage(short, "rebuild_archive", "--verify", "--json"))
    assert rebuilt == {"states": len(numbers), "wrong": 0, "unreadable": 0, "damaged": 0}
    # and it was about something
    assert (
        any(hours.values())
        and any(one.too_late for one in histories)
        and any(one.honest for one in histories)
    )
    assert sum(len(one.sessions) > 1 for one in histories) > NUMBER / 10


def manage(server: Server, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "site/manage.py", *words],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "portal.settings.test", "DATABASE_URL": server.url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr[-3000:]
    return done.stdout
