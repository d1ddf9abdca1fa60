"""The Video Profile: what is read from players of others, and what is told of our own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.archive.models import LessonState, PlayLease
from courses.archive.xapi import accounts, own_player, statements, values, video_profile
from courses.archive.xapi.errors import BadRequest
from courses.archive.xapi.models import LrsClient, Statement
from courses.archive.xapi.validation import check_statement
from courses.archive.xapi.video_profile import (
    EXTENSIONS,
    VERBS,
    Session,
    covered_s,
    parse_segments,
    write_segments,
)
from tests.courses.archive.conftest import add_version
from tests.courses.archive.xapi.conftest import Lrs, basic, statement


@pytest.mark.parametrize(
    "text, length, expected",
    [
        ("0.000[.]12.000[,]14.000[.]21.000[,]18.000[.]30.000", 60, [(0, 12), (14, 30)]),
        ("0[.]12", 60, [(0, 12)]),
        ("14[.]21[,]0[.]12", 60, [(0, 12), (14, 21)]),
        ("0[.]5[,]5[.]9", 60, [(0, 9)]),
        ("0[.]5[,]0[.]5[,]1[.]2", 60, [(0, 5)]),
        ("0[.]90", 60, [(0, 60)]),
        ("70[.]90", 60, []),
        ("-5[.]3", 60, [(0, 3)]),
        ("12[.]3", 60, []),
        ("3[.]3", 60, []),
        ("x[.]3[,]4[.]5", 60, [(4, 5)]),
        ("1[.]2[.]3[,]4[.]5", 60, [(4, 5)]),
        ("1", 60, []),
        ("nan[.]5[,]0[.]inf[,]1[.]2", 60, [(1, 2)]),
        (" 0.0 [.] 1.5 ", 60, [(0, 1.5)]),
        ("0[.]90", None, [(0, 90)]),
        ("", 60, []),
        (None, 60, []),
        (5, 60, []),
        ({}, 60, []),
    ],
)
def test_segments(text, length, expected):
    assert parse_segments(text, length) == expected


seconds = st.integers(0, 100)


@given(st.lists(st.tuples(seconds, seconds)), st.randoms())
def test_the_union_knows_no_order_and_no_repetition(pieces, random):
    mixed = [*pieces, *pieces]
    random.shuffle(mixed)
    found = parse_segments(write_segments(mixed), 60)
    assert found == parse_segments(write_segments(pieces), 60)
    assert covered_s(found) == len({at for a, b in pieces for at in range(a, min(b, 60))})
    assert parse_segments(write_segments(found), 60) == found


def told(verb: str = "paused", *, about=None, result=None, category=video_profile.CATEGORY, **more):
    extensions = {EXTENSIONS + name: value for name, value in (about or {}).items()}
    said = {EXTENSIONS + name: value for name, value in (result or {}).items()}
    made = statement(
        verb={"id": VERBS[verb]},
        context={"contextActivities": {"category": {"id": category}}, "extensions": extensions},
        result={"extensions": said} | more,
    )
    check_statement(made, v2=False)
    return made


def test_progress_is_reckoned_and_not_believed():
    played = "0.000[.]12.000[,]14.000[.]21.000[,]18.000[.]30.000"
    found = video_profile.read(
        told(
            "completed",
            about={"length": 60, "session-id": "s"},
            result={"played-segments": played, "progress": 1, "time": 30},
            completion=True,
        )
    )
    assert (found.verb, found.session, found.length_s, found.time_s) == ("completed", "s", 60, 30)
    assert covered_s(found.segments) == 28
    assert found.progress == 0.467
    assert found.claimed_progress == 1 and found.claims_completion
    assert not found.reached


@pytest.mark.parametrize(
    "about, result, progress, reached, claimed",
    [
        ({"length": 60}, {"played-segments": "0[.]57"}, 0.95, True, None),
        ({"length": 60}, {"played-segments": "0[.]56.9"}, 0.948, False, None),
        ({"length": "60"}, {"played-segments": "0[.]60", "progress": 33.0}, 1.0, True, 0.33),
        ({"length": 60, "completion-threshold": 0.5}, {"played-segments": "0[.]30"}, 0.5, True, None),
        (
            {"length": 60, "completion-threshold": "50"},
            {"played-segments": "0[.]30", "progress": "0.5"},
            0.5,
            True,
            0.5,
        ),
        ({"length": 60, "completion-threshold": "x"}, {"played-segments": "0[.]30"}, 0.5, False, None),
        ({"length": 60}, {"progress": 1.0}, 0.0, False, 1.0),
        ({}, {"played-segments": "0[.]30", "length": 60}, 0.5, False, None),
        ({}, {"played-segments": "0[.]30", "progress": -1}, None, False, None),
        ({"length": 0}, {"played-segments": "0[.]30"}, None, False, None),
        ({"length": True}, {"played-segments": "0[.]30"}, None, False, None),
        ({"length": -5}, {"played-segments": "0[.]30"}, None, False, None),
        ({"length": 10**400}, {"played-segments": "0[.]30"}, None, False, None),
    ],
)
def test_sloppy_players(about, result, progress, reached, claimed):
    found = video_profile.read(told(about=about, result=result))
    assert (found.progress, found.reached, found.claimed_progress) == (progress, reached, claimed)
    assert not found.claims_completion


def test_only_statements_of_the_profile_are_read():
    assert video_profile.read(statement()) is None
    assert video_profile.read(told(category="http://example.com/other")) is None
    assert video_profile.read(told() | {"verb": {"id": "http://example.com/v"}}) is None


BEGAN = datetime(2026, 9, 30, 1, 0, tzinfo=UTC)
SESSION = Session(
    session=UUID("0199a000-0000-7000-8000-000000000001"),
    registration=UUID("6690e6c9-3ef0-4ed3-8b37-7f3964730bee"),
    began_at=BEGAN,
    ended_at=BEGAN + timedelta(minutes=10),
    length_s=600,
    threshold=0.95,
    position_s=600,
    segments=[(0, 590)],
    completed_at=BEGAN + timedelta(minutes=9, seconds=30),
)


def test_a_session_is_told_in_the_order_of_the_profile():
    made = video_profile.session_statements(
        SESSION, actor={"mbox": "mailto:a@b.cn"}, activity="http://e.com/1", title="第一讲"
    )

    for one in made:
        check_statement(one, v2=False)
        check_statement(one, v2=True)
    assert [one["verb"]["id"] for one in made] == [
        VERBS[name] for name in ("initialized", "completed", "paused", "terminated")
    ]
    assert [one["timestamp"] for one in made] == sorted(one["timestamp"] for one in made)
    assert [one.get("result", {}).get("completion") for one in made] == [None, True, None, None]
    found = video_profile.read(made[-1])
    assert (found.progress, found.reached, found.time_s) == (0.983, True, 600)
    assert made == video_profile.session_statements(
        SESSION, actor={"mbox": "mailto:a@b.cn"}, activity="http://e.com/1", title="第一讲"
    )


# our own player


@pytest.fixture
def watched(phone, clock, member, version, lrs_client, client):
    """A member who studied the whole lesson of ten minutes in one session and closed the page."""
    phone.watch(600)
    assert phone.flush().status_code == 200
    assert LessonState.objects.get().completed_at
    clock.advance(3600)
    return Lrs(client, basic("provider", "s3cret"))


@pytest.mark.django_db
def test_what_a_member_watched_is_found_by_the_account(watched, member, version):
    me = accounts.actor_of(member)
    assert me["account"]["name"] == str(member.uuid)

    found = watched.get("statements", agent=me, ascending=True).json()["statements"]

    verbs = [video_profile.read(one).verb for one in found]
    assert verbs == ["initialized", "completed", "paused", "terminated"]
    assert {one["object"]["id"] for one in found} == {own_player.lesson_iri(version)}
    assert found[1]["timestamp"].startswith(
        LessonState.objects.get().completed_at.strftime("%Y-%m-%dT%H:%M:%S")
    )
    assert video_profile.read(found[-1]).progress == 1.0
    assert "张" not in str(found)
    count = Statement.objects.count()
    assert watched.ids(agent=me, ascending=True) == [one["id"] for one in found]
    assert Statement.objects.count() == count


@pytest.mark.django_db
def test_who_may_not_read_others_finds_nothing_and_nothing_is_told(watched, member, with_scopes):
    assert with_scopes("statements/read/mine").ids(agent=accounts.actor_of(member)) == []
    assert watched.ids(agent={"account": {"homePage": "http://elsewhere.cn", "name": str(member.uuid)}}) == []
    assert watched.ids(agent={"account": {"homePage": "http://127.0.0.1:8000", "name": "x"}}) == []
    assert not Statement.objects.exists()


@pytest.mark.django_db
def test_a_session_that_goes_on_is_not_told_yet(phone, clock, member, lrs):
    phone.watch(15)
    phone.flush()
    assert lrs.ids(agent=accounts.actor_of(member)) == []
    clock.advance(601)
    assert len(lrs.ids(agent=accounts.actor_of(member))) == 3


@pytest.mark.django_db
def test_a_text_that_was_read_is_no_video(member, lesson, lrs, clock):
    version = add_version(lesson, kind="READING")
    PlayLease.objects.create(
        member=member,
        version=version,
        session=UUID(int=7),
        from_at=clock(),
        seen_at=clock(),
        until_at=clock(),
    )
    assert lrs.ids(agent=accounts.actor_of(member)) == []


@pytest.mark.django_db
def test_what_is_told_is_stored_when_its_turn_comes(watched, member, clock, monkeypatch):
    turn = clock() + timedelta(seconds=3)
    monkeypatch.setattr(statements, "begin_storing", lambda *, refers: turn)
    found = watched.get("statements", agent=accounts.actor_of(member)).json()["statements"]
    assert {one["stored"] for one in found} == {values.as_text(turn)}


@pytest.mark.django_db
def test_nobody_signs_in_as_our_own_player(watched, member, client):
    watched.ids(agent=accounts.actor_of(member))
    assert not LrsClient.objects.get(key="own-player").active
    assert Lrs(client, basic("own-player", "")).get("statements").status_code == 401


@pytest.mark.django_db
def test_more_sessions_than_a_batch_may_hold_are_told(watched, member, version, monkeypatch):
    monkeypatch.setattr(statements, "MAX_BATCH", 10)
    monkeypatch.setattr(own_player, "AT_ONCE", 4)
    lease = PlayLease.objects.get()
    for number in range(5):
        lease.pk, lease.session, lease.until_at = None, UUID(int=number + 1), lease.seen_at
        lease.save(force_insert=True)
    answer = watched.get("statements", agent=accounts.actor_of(member))
    assert answer.status_code == 200
    verbs = [video_profile.read(one).verb for one in answer.json()["statements"]]
    assert verbs.count("initialized") == verbs.count("terminated") == 6


@pytest.mark.django_db
@pytest.mark.parametrize("bad", [BadRequest("x"), ValueError("x")])
def test_what_cannot_be_told_is_logged_and_the_rest_answered(watched, member, monkeypatch, caplog, bad):
    def refuse(*_args, **_more):
        raise bad

    monkeypatch.setattr(statements, "store", refuse)
    assert watched.ids(agent=accounts.actor_of(member)) == []
    assert "own player" in caplog.text
