"""Other programs play our lessons: what their Video Profile statements tell counts as any playing does, and no more."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from courses.archive.models import Beat, LessonState, StudyHourEntry
from courses.archive.xapi import accounts, outside, own_player, statements, values
from courses.archive.xapi.models import OutsideReport, OutsideSession, Statement
from courses.archive.xapi.outside import beats_of
from courses.archive.xapi.video_profile import CATEGORY, EXTENSIONS, VERBS, beyond, united
from people.models import AuditEntry
from tests.courses.archive.conftest import add_version
from tests.courses.archive.xapi.conftest import Lrs
from tests.factories import MemberFactory


class Player:
    """Another program's player of one lesson for one member: posts statements about one session."""

    def __init__(self, lrs: Lrs, clock, commits, member, version) -> None:
        self.lrs, self.clock, self.commits = lrs, clock, commits
        self.actor, self.activity = accounts.actor_of(member), own_player.lesson_iri(version)
        self.session, self.registration = str(uuid4()), str(uuid4())

    def made(self, verb: str, segments: str | None = None, /, **more: Any) -> dict[str, Any]:
        told = {} if segments is None else {EXTENSIONS + "played-segments": segments}
        told |= {EXTENSIONS + name: value for name, value in more.pop("told", {}).items()}
        about = {EXTENSIONS + "session-id": self.session, EXTENSIONS + "length": 600}
        about |= {EXTENSIONS + name: value for name, value in more.pop("about", {}).items()}
        return {
            "id": str(uuid4()),
            "actor": self.actor,
            "verb": {"id": VERBS[verb]},
            "object": {"id": self.activity},
            "result": {"extensions": told},
            "context": {
                "registration": self.registration,
                "contextActivities": {"category": [{"id": CATEGORY}]},
                "extensions": about,
            },
            "timestamp": values.as_text(self.clock()),
        } | more

    def post(self, statement: Any) -> None:
        with self.commits(execute=True):
            assert self.lrs.post("statements", statement).status_code in (200, 204)

    def tell(self, verb: str, segments: str | None = None, /, **more: Any) -> dict[str, Any]:
        statement = self.made(verb, segments, **more)
        self.post(statement)
        return statement


@pytest.fixture
def player(with_scopes, clock, django_capture_on_commit_callbacks, member, version, monkeypatch):
    monkeypatch.setattr(statements, "begin_storing", lambda *, refers: clock())
    lrs = with_scopes("statements/write study")
    return Player(lrs, clock, django_capture_on_commit_callbacks, member, version)


def watched_s() -> int:
    state = LessonState.objects.first()
    return state.watched_s if state else 0


pytestmark = pytest.mark.django_db


def test_what_was_played_between_two_statements_counts(player, clock, member):
    player.tell("initialized")
    clock.advance(60)
    player.tell("paused", "0.000[.]60.000", told={"time": 60.0, "progress": 0.1})

    state = LessonState.objects.get()
    assert (state.member, state.watched_s, state.position_ms, state.refused) == (member, 60, 60_000, [])
    assert [beat.body["intervals"] for beat in Beat.objects.order_by("seq")] == [
        [[0, 15_000]],
        [[15_000, 30_000]],
        [[30_000, 45_000]],
        [[45_000, 60_000]],
    ]
    assert not OutsideReport.objects.exists()
    assert AuditEntry.objects.get(action="archive.outside_session").source == "xapi"


def test_what_was_told_before_is_told_again_for_nothing(player, clock):
    player.tell("initialized")
    clock.advance(30)
    player.tell("paused", "0[.]30")
    clock.advance(30)
    player.tell("paused", "0[.]30")
    assert (watched_s(), Beat.objects.count()) == (30, 2)
    clock.advance(30)
    player.tell("terminated", "0[.]30[,]30[.]60")
    assert (watched_s(), Beat.objects.count()) == (60, 4)
    assert OutsideSession.objects.get().segments == "0.000[.]60.000"


def test_the_same_statement_twice_counts_once(player, clock):
    player.tell("initialized")
    clock.advance(60)
    statement = player.tell("paused", "0[.]30")
    clock.advance(60)
    player.post(statement)
    assert (watched_s(), Beat.objects.count(), Statement.objects.count()) == (30, 2, 2)


def test_the_servers_clock_bounds_what_counts(player, clock):
    player.tell("paused", "0[.]600", told={"progress": 1.0}, timestamp="2031-01-01T00:00:00Z")
    assert watched_s() == 0  # nobody saw it begin
    clock.advance(60)
    player.tell("terminated", "0[.]600[,]0[.]600")
    assert watched_s() == 0  # told already, and refused

    other = Player(player.lrs, clock, player.commits, MemberFactory(), OutsideSession.objects.get().version)
    other.tell("initialized")
    clock.advance(60)
    other.tell("terminated", "0[.]600", result={**other.made("terminated", "0[.]600")["result"]})
    assert LessonState.objects.get(member__uuid=other.actor["account"]["name"]).watched_s == 60


def test_nobody_seeks_ahead_and_nobody_is_faster(player, clock):
    player.tell("initialized")
    clock.advance(300)
    player.tell("paused", "200[.]260")
    assert watched_s() == 0
    player.tell("paused", "200[.]260[,]0[.]30", about={"speed": "2x"})
    assert watched_s() == 0


def test_claims_of_progress_count_nothing(player, clock):
    player.tell("initialized")
    clock.advance(600)
    player.tell("completed", told={"progress": 1.0, "time": 600.0})
    assert not LessonState.objects.exists()
    assert Statement.objects.count() == 2


def test_a_lesson_that_was_played_elsewhere_is_completed_and_credited(player, clock):
    player.tell("initialized")
    for minute in range(10):
        clock.advance(60)
        player.tell("paused", f"0[.]{60 * (minute + 1)}")
    assert LessonState.objects.get().completed_at == clock()
    assert StudyHourEntry.objects.count() == 1


def test_two_players_at_once_are_one_minute_a_minute(player, phone, clock):
    player.tell("initialized")
    phone.watch(60)
    phone.flush()
    player.tell("paused", "60[.]120")
    assert watched_s() == 60


def test_our_own_player_does_not_tell_it_again(player, clock, member):
    player.tell("initialized")
    clock.advance(60)
    player.tell("terminated", "0[.]60")
    clock.advance(3600)
    assert own_player.tell(member, now=clock()) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"actor": {"mbox": "mailto:jia@example.com"}},
        {"actor": {"account": {"homePage": "http://elsewhere.cn", "name": "x"}}},
        {"actor": {"account": {"homePage": "http://127.0.0.1:8000", "name": str(uuid4())}}},
        {"object": {"id": "http://example.com/lessons/7"}},
        {"object": {"id": f"http://127.0.0.1:8000/lessons/{uuid4()}"}},
        {"context": {}},
        {"verb": {"id": "http://adlnet.gov/expapi/verbs/attended"}},
    ],
)
def test_strangers_and_other_things_are_only_stored(player, clock, change):
    player.tell("initialized", **change)
    clock.advance(60)
    player.tell("paused", "0[.]60", **change)
    assert Statement.objects.count() == 2
    assert not OutsideSession.objects.exists()
    assert not Beat.objects.exists()


def test_without_the_scope_it_is_only_stored(player, with_scopes, clock):
    player.lrs = with_scopes("statements/write")
    player.tell("initialized")
    clock.advance(60)
    player.tell("paused", "0[.]60")
    assert (Statement.objects.count(), OutsideSession.objects.count()) == (2, 0)


def test_a_text_is_not_played(player, lesson, clock):
    player.activity = own_player.lesson_iri(add_version(lesson, kind="READING"))
    player.tell("initialized")
    assert not OutsideSession.objects.exists()


def test_a_lesson_that_may_not_be_opened_is_only_stored(player, clock, lesson):
    player.tell("initialized")
    lesson.unpublish()
    clock.advance(60)
    player.tell("paused", "0[.]60")
    assert Statement.objects.count() == 2
    assert not Beat.objects.exists()
    assert not OutsideReport.objects.exists()


def test_a_report_waits_where_a_process_died_and_counts_as_of_its_own_time(player, clock, monkeypatch):
    player.tell("initialized")
    clock.advance(60)
    with monkeypatch.context() as died:
        died.setattr(outside, "keep_reported", lambda *given, **more: 1 / 0)
        player.tell("paused", "0[.]60")
    assert (watched_s(), OutsideReport.objects.count()) == (0, 1)

    clock.advance(3600)
    assert outside.count_waiting() == 1
    assert outside.count_waiting() == 0

    assert watched_s() == 60
    assert {beat.wall_ms for beat in Beat.objects.all()} == {60_000}


# the pure part


@pytest.mark.parametrize(
    "segments, known, expected",
    [
        ([(0, 10)], [], [(0, 10)]),
        ([(0, 10)], [(0, 10)], []),
        ([(0, 10)], [(2, 4), (6, 8)], [(0, 2), (4, 6), (8, 10)]),
        ([(0, 10), (20, 30)], [(5, 25)], [(0, 5), (25, 30)]),
        ([(5, 6)], [(0, 1), (9, 10)], [(5, 6)]),
    ],
)
def test_what_is_beyond(segments, known, expected):
    assert beyond(segments, known) == expected
    assert united([*beyond(segments, known), *known]) == united([*segments, *known])


def test_beats_are_cut_and_timed_as_a_player_sends_them():
    made = beats_of(
        [(0.0, 20.0), (30.0, 31.5)], first=7, each_ms=15_000, clock_ms=100_000, position_s=31.25, rate=1.0
    )
    assert made == [
        {"seq": 7, "intervals": [[0, 15000]], "position_ms": 15000, "rate": 1.0, "clock_ms": 93_500},
        {"seq": 8, "intervals": [[15000, 20000]], "position_ms": 20000, "rate": 1.0, "clock_ms": 98_500},
        {"seq": 9, "intervals": [[30000, 31500]], "position_ms": 31250, "rate": 1.0, "clock_ms": 100_000},
    ]
    assert beats_of([], first=0, each_ms=1, clock_ms=0, position_s=1.0, rate=1.0) == []
