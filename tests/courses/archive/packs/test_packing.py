"""Packing old sessions: nothing is lost, nothing doubled, and everything that reads the log reads as before."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from courses.archive import api, folding, log, tasks
from courses.archive.exports.sections import lessons_of
from courses.archive.ingest.holder import look_up
from courses.archive.models import Beat, LearningArchive, LessonState, PackedMonth, PlayLease, StudyHourEntry
from courses.archive.packs import api as packs
from courses.archive.packs.month import decode
from courses.archive.packs.months import closed_month, first_session_of, month_of, starts_at
from courses.archive.xapi import own_player
from courses.archive.xapi.models import Statement
from tests.courses.archive.conftest import add_version, verified
from tests.factories import LessonFactory, MemberFactory

pytestmark = pytest.mark.django_db

STATE = ("member_id", "version_id", "last_beat_at", "completed_at", "duration_s", "watched_s", "needed_s")
STATE += ("position_ms", "frontier_ms", "watched", "refused", "params", "fold")
NOVEMBER = 40 * 86_400


def states() -> list[tuple]:
    return list(LessonState.objects.order_by("member_id", "version_id").values_list(*STATE))


def turns(member) -> list[tuple]:
    names = ("version_id", "session", "from_at", "seen_at", "until_at")
    return [tuple(getattr(turn, name) for name in names) for turn in log.turns_of_member(member.pk)]


def log_of(member, version) -> list:
    return log.beats_of(member.pk, version.pk, until=2**62)


@pytest.fixture
def studied(phone, phone_of, member, version, course, clock):
    """A member who studied in September on two devices, with all that may be odd in it, and in October elsewhere."""
    phone.watch(120)
    phone.flush()
    clock.advance(40)
    phone.note((400_000, 415_000))
    phone.watch(30, visible=False)
    phone.flush()
    tablet = phone_of(member, version, skew=3e7)
    tablet.position_ms = 120_000
    tablet.watch(60, speed=1.5, rate=1.5)
    tablet.watch(31, step=7.7)
    late = tablet.queue[2:4]
    tablet.queue = tablet.queue[:2] + tablet.queue[4:]
    tablet.flush()
    tablet.post(late, sent_ms=tablet.clock_ms)
    clock.advance(86_400)
    other = phone_of(member, add_version(LessonFactory(parent=course)))
    other.watch(600)
    other.flush()
    return member


@pytest.fixture
def in_november(studied, clock):
    clock.advance(NOVEMBER)
    return studied


def test_the_log_tells_the_same_before_and_after(in_november, version, member, clock, capsys):
    # given what the log, the states, an export and the LRS say
    seen = states(), turns(member), lessons_of(member), log_of(member, version)
    beats, over = Beat.objects.count(), PlayLease.objects.exclude(until_at=None).count()
    assert (beats, over) == (60, 2)
    # when everything is packed
    done = packs.pack_all(now=clock.at)
    # then rows are gone, but for the turn that nobody has ended
    assert (done.beats, done.turns, done.months, done.left) == (beats, over, 2, [])
    assert (Beat.objects.count(), PlayLease.objects.get().until_at) == (0, None)
    packed = PackedMonth.objects.order_by("month")
    assert list(packed.values_list("member_id", "month", "beats")) == [
        (member.pk, 202609, 20),
        (member.pk, 202610, 40),
    ]
    assert sum(len(bytes(one.body)) for one in packed) == done.bytes
    # and whoever reads the log reads what was there before
    assert (states(), turns(member), lessons_of(member), log_of(member, version)) == seen
    assert verified(capsys, "--verify") == {"states": 2, "wrong": 0, "unreadable": 0, "damaged": 0}


def test_packing_is_lossless_to_the_byte_and_the_second_time_does_nothing(in_november, member, clock):
    names = ("session", "version_id", "seq", "wall_ms", "received_at", "happened_at", "in_lease")
    rows = sorted(Beat.objects.values_list(*names))
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM archive_beat ORDER BY session, seq")
        bodies = [bytes(body) for (body,) in cursor.fetchall()]
    packs.pack_all(now=clock.at)
    kept = [
        (one, beat)
        for pack in PackedMonth.objects.order_by("month")
        for one in decode(bytes(pack.body))
        for beat in one.beats
    ]
    ms = folding.MILLISECOND
    assert [
        (one.session, one.version_id, seq, wall, folding.EPOCH + came * ms, folding.EPOCH + was * ms, held)
        for one, (seq, _body, wall, came, was, held) in kept
    ] == rows
    assert [beat[1] for _one, beat in kept] == bodies
    before = list(PackedMonth.objects.values_list())
    assert packs.pack_all(now=clock.at).members == 0
    assert list(PackedMonth.objects.values_list()) == before


def test_what_may_still_come_is_not_packed(studied, clock, nothing_moved):
    nothing_moved()
    # given the last day on which a phone may hand in what it played on 30 September
    assert closed_month(datetime(2026, 10, 3, 3, tzinfo=UTC)) == 202608
    assert packs.pack_all(now=datetime(2026, 10, 3, 3, tzinfo=UTC)).members == 0
    nothing_moved()
    # then no month is packed that is not over for good
    with pytest.raises(ValueError, match="202608"):
        packs.pack_all(until=202609, now=datetime(2026, 10, 3, 3, tzinfo=UTC))
    clock.at = datetime(2026, 10, 3, 3, tzinfo=UTC)
    with pytest.raises(CommandError, match="2026 年 8 月"):
        call_command("pack_archive", "--until", "2026-09")
    nothing_moved()
    # and a day later September is
    assert closed_month(datetime(2026, 10, 3, 4, tzinfo=UTC)) == 202609
    assert packs.pack_all(now=datetime(2026, 10, 3, 4, tzinfo=UTC)).beats == 20


def test_months_are_those_of_the_school(clock):
    # midnight of 1 October in Shanghai is 16:00 of the day before in UTC
    assert starts_at(202610) == datetime(2026, 9, 30, 16, tzinfo=UTC)
    first = first_session_of(202610)
    assert (month_of(first), month_of(type(first)(int=first.int - 1))) == (202610, 202609)
    assert closed_month(datetime(2027, 1, 20, tzinfo=UTC)) == 202612
    assert month_of(type(first)(int=2**128 - 1)) > 202700


def test_a_session_that_comes_late_is_reckoned_as_without_packs(
    in_november, member, version, phone_of, clock, capsys
):
    # given a session in November whose beats come out of order, reckoned without packs
    before, folded = states(), LearningArchive.objects.get().beats_folded
    phone = phone_of(member, version)
    phone.position_ms = 240_000
    phone.watch(360)
    late, phone.queue = phone.queue[3:9], phone.queue[:3] + phone.queue[9:]
    phone.flush()
    phone.post(late, sent_ms=phone.clock_ms)
    expected = states()
    assert expected != before
    # given the same, when the rest was packed before it was reckoned
    with connection.cursor() as cursor:
        for names, values in zip([STATE] * len(before), before, strict=True):
            LessonState.objects.filter(member_id=values[0], version_id=values[1]).update(
                **dict(zip(names, values, strict=True))
            )
        cursor.execute("SELECT * FROM archive_beat WHERE id > %s ORDER BY id", [folded])
        rows = cursor.fetchall()
        cursor.execute("DELETE FROM archive_beat WHERE id > %s", [folded])
        LearningArchive.objects.update(beats_folded=folded)
        packs.pack_all(now=clock.at)
        assert Beat.objects.count() == 0
        order = [*rows[3:], *rows[:3]]  # the numbers are drawn anew: what comes first is what came last
        for cut in (order[:5], order[5:]):
            marks = ", ".join(["%s"] * (len(cut[0]) - 1))
            columns = "member_id, version_id, received_at, happened_at, wall_ms, session, seq, in_lease, body"
            assert columns.replace(" ", "").split(",") == [f.column for f in Beat._meta.fields][1:]
            cursor.executemany(
                f"INSERT INTO archive_beat ({columns}) VALUES ({marks})", [row[1:] for row in cut]
            )
            folding.fold_members([member.pk], now=clock.at)
    # then it is the same to the byte
    assert states() == expected
    assert verified(capsys, "--verify") == {"states": 2, "wrong": 0, "unreadable": 0, "damaged": 0}


def test_a_lesson_begun_in_a_packed_month_is_credited_from_its_first_beat(
    in_november, member, version, phone_of, clock
):
    first = Beat.objects.filter(version_id=version.pk).order_by("session", "seq").first()
    packs.pack_all(now=clock.at)
    phone = phone_of(member, version)
    phone.position_ms = 120_000
    phone.watch(480)
    phone.flush()
    entry = StudyHourEntry.objects.get(lesson_version=version)
    assert (entry.started_at, entry.finished_at.month) == (first.happened_at, 11)


@pytest.mark.parametrize("moment", ["_take_out", "PlayLease"])
def test_killed_in_the_middle_nothing_has_happened(in_november, clock, monkeypatch, nothing_moved, moment):
    class Killed(BaseException):
        pass

    class Dies:
        def __init__(self, real) -> None:
            self.real, self.armed = real, False

        def __call__(self, *args):
            raise Killed

        def __getattr__(self, name):
            if connection.in_atomic_block and name == "objects" and PackedMonth.objects.exists():
                raise Killed
            return getattr(self.real, name)

    nothing_moved()
    with monkeypatch.context() as dying:
        dying.setattr(packs, moment, Dies(getattr(packs, moment)))
        with pytest.raises(Killed):
            packs.pack_all(now=clock.at)
    nothing_moved()
    assert not PackedMonth.objects.exists()
    # and the next night it is done
    assert packs.pack_all(now=clock.at).beats == 60


def test_what_is_not_folded_stays_in_the_log(in_november, member, clock, nothing_moved):
    LearningArchive.objects.update(beats_folded=3)
    nothing_moved()
    done = packs.pack_all(now=clock.at)
    nothing_moved()
    assert (done.beats, [month for _member, month, _why in done.left]) == (0, [202609, 202610])
    assert "not folded" in done.left[0][2]


def test_rows_that_change_while_they_are_packed_are_left(in_november, clock, monkeypatch, nothing_moved):
    # given a beat that comes to light between reading and taking out
    real = packs.encode

    def late(stretches):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE archive_beat SET session = session WHERE 1 = 0")
            cursor.execute(
                "INSERT INTO archive_beat (member_id, version_id, received_at, happened_at, wall_ms, session, seq,"
                " in_lease, body) SELECT member_id, version_id, received_at, happened_at, wall_ms, session,"
                " seq + 1000, in_lease, body FROM archive_beat WHERE seq = 0"
            )
        monkeypatch.setattr(packs, "encode", real)
        return real(stretches)

    monkeypatch.setattr(packs, "encode", late)
    beats = Beat.objects.count()
    done = packs.pack_all(now=clock.at)
    # then that month is left as it is, and nothing of it is lost
    assert "are there" in done.left[0][2] and Beat.objects.count() >= beats - 40
    assert set(PackedMonth.objects.values_list("month", flat=True)) <= {202610}


def test_a_turn_is_packed_with_the_month_in_which_it_ended(
    in_november, member, version, phone_of, clock, capsys
):
    packs.pack_all(now=clock.at)
    seen, before = turns(member), list(PackedMonth.objects.order_by("month").values_list())
    # given a session in November that ends October's last turn
    phone = phone_of(member, version)
    phone.watch(15)
    phone.flush()
    assert (turns(member)[:-2], turns(member)[-2][4]) == (
        seen[:-1],
        phone.play.expires_at - timedelta(hours=12),
    )
    # when November is over
    clock.advance(45 * 86_400)
    seen = turns(member)
    done = packs.pack_all(now=clock.at)
    # then that turn is in November's pack, and the earlier ones are as they were written
    assert (done.turns, done.beats, done.months) == (1, 1, 1)
    assert turns(member) == seen
    assert list(PackedMonth.objects.order_by("month").values_list())[:2] == before
    november = decode(bytes(PackedMonth.objects.get(month=202611).body))
    assert [(len(one.beats), len(one.turns)) for one in november] == [(0, 1), (1, 0)]
    assert verified(capsys, "--verify") == {"states": 2, "wrong": 0, "unreadable": 0, "damaged": 0}


def test_a_packed_session_takes_nothing_more(in_november, phone, member, clock, settings, nothing_moved):
    packs.pack_all(now=clock.at)
    # given an operator who makes tokens last for months, so that September's is good again
    settings.STUDY = settings.STUDY | {"PLAY_TOKEN_TTL_S": 90 * 86_400}
    phone.watch(15)
    nothing_moved()
    for answer in (phone.post(), phone.take()):
        assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_EXPIRED")
    assert look_up(phone.play.token, access_s=30, now=clock.at) is None
    nothing_moved()


def test_a_damaged_pack_is_named_and_stops_nobody(in_november, member, version, phone_of, clock, capsys):
    packs.pack_all(now=clock.at)
    pack = PackedMonth.objects.get(month=202609)
    good, bad = bytes(pack.body), bytearray(pack.body)
    bad[len(bad) // 2] ^= 1
    PackedMonth.objects.filter(month=202609).update(body=bytes(bad))
    # when the archive is verified, the member and the month are named, and what cannot be checked
    with pytest.raises(SystemExit):
        call_command("rebuild_archive", "--verify")
    told = capsys.readouterr().err
    assert f"党员 {member.pk}，2026 年 9 月" in told and "已损坏" in told
    assert verified(capsys) == {"states": 2, "wrong": 0, "unreadable": 2, "damaged": 1}
    # and a session that needs it is kept, and reckoned once the pack is back
    watched_s = LessonState.objects.get(version=version).watched_s
    phone = phone_of(member, version)
    phone.position_ms = 120_000
    phone.watch(480)
    first, phone.queue = phone.queue[:1], phone.queue[1:]
    assert phone.flush().status_code == 200
    assert phone.post(first, sent_ms=phone.clock_ms).status_code == 200
    assert LessonState.objects.get(version=version).watched_s == watched_s
    PackedMonth.objects.filter(month=202609).update(body=good)
    api.catch_up(member, now=clock.at)
    assert LessonState.objects.get(version=version).completed_at is not None
    assert verified(capsys, "--verify") == {"states": 2, "wrong": 0, "unreadable": 0, "damaged": 0}


def test_a_pack_that_lost_beats_is_named(in_november, member, clock):
    packs.pack_all(now=clock.at)
    assert packs.damaged_months(member.pk) == []
    PackedMonth.objects.filter(month=202610).update(beats=41)
    assert packs.damaged_months(member.pk) == [(202610, "it holds 40 beats and not 41")]


def test_a_beat_that_is_packed_already_counts_once_and_another_is_left(in_november, member, version, clock):
    # given rows that a restored backup brought back beside their pack
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM archive_beat WHERE seq = 0")
        rows = [row[1:] for row in cursor.fetchall()]
    packs.pack_all(now=clock.at)
    seen = log_of(member, version), list(PackedMonth.objects.order_by("month").values_list("month", "beats"))

    def bring_back(some) -> None:
        columns = ", ".join(field.column for field in Beat._meta.fields[1:])
        with connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO archive_beat ({columns}) VALUES ({', '.join(['%s'] * 9)})", some)
        LearningArchive.objects.update(beats_folded=2**40)

    bring_back(rows)
    assert log_of(member, version) == seen[0]
    # when they are packed again, they are in it once
    assert packs.pack_all(now=clock.at).left == []
    assert Beat.objects.count() == 0
    assert (
        log_of(member, version),
        list(PackedMonth.objects.order_by("month").values_list("month", "beats")),
    ) == seen
    # and one that says something else is left where it is, and named
    where = [field.column for field in Beat._meta.fields[1:]].index("body")
    bring_back([(*row[:where], row[where][:-1] + b"\x7f", *row[where + 1 :]) for row in rows[:1]])
    done = packs.pack_all(now=clock.at)
    assert "another beat 0" in done.left[0][2] and Beat.objects.count() == 1


def test_the_lrs_is_told_of_packed_sessions(in_november, member, clock):
    packs.pack_all(now=clock.at)
    own_player.tell(member, now=clock.at)
    said = Statement.objects.count()
    assert said >= 9
    assert own_player.tell(member, now=clock.at) == 0
    assert Statement.objects.count() == said


def test_each_member_is_packed_alone_and_time_may_run_out(in_november, version, phone_of, clock):
    # given another member, who studied in November only
    other = phone_of(MemberFactory(), version)
    other.watch(30)
    other.flush()
    # when there is no time
    done = packs.pack_all(now=clock.at, seconds=-1)
    assert (done.finished, PackedMonth.objects.count()) == (False, 0)
    # then it goes on the next night, and leaves alone whose month is not over
    assert packs.pack_all(now=clock.at, seconds=60).finished
    assert set(PackedMonth.objects.values_list("member_id", flat=True)) == {in_november.pk}
    assert Beat.objects.count() == 2


def test_by_hand_and_by_night(in_november, clock, capsys):
    call_command("pack_archive", "--until", "2026-09", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["members"], told["months"], told["beats"], told["left"]) == (1, 1, 20, 0)
    assert tasks.pack() == 40
    assert tasks.pack() == 0
    call_command("pack_archive")
    assert "完成：0 名党员" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("months", "finished", "rings"), [(3, False, True), (3, True, False), (0, False, False)]
)
def test_by_night_it_gives_others_their_turn_and_rings_for_the_rest(months, finished, rings, monkeypatch):
    given, rung = [], []
    monkeypatch.setattr(
        tasks, "pack_all", lambda **said: given.append(said) or packs.Packed(months=months, finished=finished)
    )
    monkeypatch.setattr(tasks.pack, "apply_async", lambda **said: rung.append(said))
    tasks.pack()
    assert given[0]["seconds"] <= 10
    assert bool(rung) is rings


def test_a_month_costs_a_fixed_number_of_queries(in_november, clock, django_assert_num_queries):
    # who has something; beats, turns; of each month: savepoint, the pack there is, archive locked, pack there meanwhile,
    # pack in, beats out, turns out (looked up where Django must), savepoint; who else
    rows = packs._rows(in_november.pk, 202609)
    with django_assert_num_queries(8):
        packs._pack_month(in_november.pk, 202609, rows[202609])
