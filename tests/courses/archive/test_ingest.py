"""The short way of beats: what it keeps, what it leaves to Django, and that an answer means on disk."""

from __future__ import annotations

import asyncio
import errno
import json
import math
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection, transaction

from courses.archive import api, folding
from courses.archive.batches import read_batch
from courses.archive.folder import LOOK_AT_ALL_S, PAUSE_S, Folder
from courses.archive.ingest.door import BeatDoor
from courses.archive.ingest.groups import Busy, Groups
from courses.archive.ingest.holder import look_up
from courses.archive.ingest.stores import Batch, SqliteLog, store_for
from courses.archive.log_order import wait_for_turn
from courses.archive.models import Beat, LearningArchive, LessonState, PlayLease, StudyHourEntry
from tests.courses.archive.conftest import Phone, add_version
from tests.factories import LessonFactory, MemberFactory

pytestmark = pytest.mark.django_db(transaction=True)


class Log:
    """The log behind the short way: the test database itself, or (SQLite, whose is in memory) a copy in a file."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "school.sqlite3"
        self.in_memory = connection.vendor == "sqlite"

    def take_over(self) -> None:
        if self.in_memory:
            with sqlite3.connect(self.file) as copy:
                connection.connection.backup(copy)

    def store(self):
        return SqliteLog(str(self.file)) if self.in_memory else store_for(connection.settings_dict)

    def bring_back(self) -> None:
        """Put what was added to the copy into the test database."""
        if self.in_memory:
            with sqlite3.connect(self.file) as copy:
                names = [field.column for field in Beat._meta.fields]
                rows = copy.execute(f"SELECT {', '.join(names)} FROM archive_beat").fetchall()
            known = set(Beat.objects.values_list("pk", flat=True))
            with connection.cursor() as cursor:
                cursor.executemany(
                    f"INSERT INTO archive_beat ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})",
                    [row for row in rows if row[0] not in known],
                )


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path)


def keep(store, *batches: Batch) -> None:
    asyncio.run(store.keep(lambda: list(batches)))


class Elsewhere:
    """Stands for Django behind the door: remembers what it was handed."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope, receive, send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


def post(door: BeatDoor, *bodies: bytes) -> list[tuple[int, dict, dict]]:
    """Hand all bodies in at the same moment; (status, answer, headers) of each."""

    async def one(body: bytes):
        pieces = [body[: len(body) // 2], body[len(body) // 2 :]]
        said: list[dict] = []

        async def receive():
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        async def send(message):
            said.append(message)

        await door({"type": "http", "method": "POST", "path": "/api/archive/beats"}, receive, send)
        headers = {name.decode(): value.decode() for name, value in said[0]["headers"]}
        return said[0]["status"], json.loads(said[1]["body"]), headers

    async def all_of_them():
        return await asyncio.gather(*(one(body) for body in bodies))

    return asyncio.run(all_of_them())


def body_of(phone: Phone, beats=None, **more) -> bytes:
    said = {"token": phone.play.token, "beats": phone.queue if beats is None else beats} | more
    return json.dumps(said).encode()


@pytest.fixture
def member():
    return MemberFactory()


@pytest.fixture
def version():
    return add_version(LessonFactory())


@pytest.fixture
def clock(clock):
    """Runs with the real clock: the door looks at that."""
    clock.at = datetime.fromtimestamp(time.time() - 3000, UTC)
    return clock


@pytest.fixture
def holding(phone, clock):
    """A phone that holds the lease and has ten more minutes to hand in."""
    phone.watch(15)
    assert phone.flush().status_code == 200
    phone.watch(600)
    return phone


@pytest.fixture
def elsewhere():
    return Elsewhere()


@pytest.fixture
def door(log, holding, elsewhere):
    log.take_over()
    return BeatDoor(elsewhere, Groups(log.store, most=10_000))


def test_beats_of_the_holder_are_kept_and_reckoned_like_all_others(
    door, log, holding, elsewhere, member, version
):
    # when ten minutes come on the short way, twice
    body = body_of(holding, sent_ms=holding.clock_ms)
    first, again = post(door, body)[0], post(door, body)[0]
    # then they are kept once, and said to be
    assert (first[0], first[1]) == (200, {"accepted": list(range(1, 41)), "duplicates": [], "state": None})
    assert (again[0], again[1]) == (200, {"accepted": [], "duplicates": list(range(1, 41)), "state": None})
    assert elsewhere.bodies == []
    log.bring_back()
    assert Beat.objects.count() == 41
    # and nobody sees stale progress: reading folds what waits
    assert LessonState.objects.get().watched_s == 15
    assert api.lesson_progress(member, version).completed
    assert StudyHourEntry.objects.get().member == member
    state = LessonState.objects.get()
    assert (state.watched_s, api.rebuild_state(state)) == (600, False)


def test_what_came_on_the_short_way_is_in_the_log_as_django_would_have_written_it(
    door, log, holding, phone_of, version, clock
):
    post(door, body_of(holding, sent_ms=holding.clock_ms))
    log.bring_back()
    other = Phone(holding.client, clock, MemberFactory(), version)
    assert other.post(holding.queue, sent_ms=holding.clock_ms).status_code == 200
    kept = ("seq", "body", "in_lease")
    theirs = Beat.objects.filter(member_id=other_member(other)).order_by("seq").values_list(*kept)
    ours = Beat.objects.exclude(member_id=other_member(other)).filter(seq__gt=0).order_by("seq")
    assert list(ours.values_list(*kept)) == list(theirs)
    # the turn began when the lesson was opened, and has been held until now by our own clock
    lease = PlayLease.objects.get(session=holding.play.session)
    for beat in ours:
        assert beat.wall_ms == pytest.approx((beat.received_at - lease.from_at).total_seconds() * 1000, abs=2)


def other_member(phone: Phone) -> int:
    return PlayLease.objects.get(session=phone.play.session).member_id


def test_the_same_batch_from_eight_connections_at_once_is_kept_once(door, log, holding):
    answers = post(door, *[body_of(holding)] * 8)
    assert {status for status, _answer, _headers in answers} == {200}
    accepted = [seq for _status, answer, _headers in answers for seq in answer["accepted"]]
    assert sorted(accepted) == list(range(1, 41))
    log.bring_back()
    assert Beat.objects.count() == 41


def test_a_batch_that_contradicts_the_log_is_left_to_django_and_nothing_of_it_is_kept(
    door, log, holding, elsewhere
):
    post(door, body_of(holding, holding.queue[:4]))
    forged = [holding.queue[3] | {"position_ms": 1}, holding.queue[4]]
    other = holding.queue[5]
    answers = post(door, body_of(holding, forged), body_of(holding, [other]))
    assert [status for status, _answer, _headers in answers] == [299, 200]
    assert elsewhere.bodies == [body_of(holding, forged)]
    log.bring_back()
    assert sorted(Beat.objects.values_list("seq", flat=True)) == [0, 1, 2, 3, 4, 6]


def test_who_has_lost_the_lease_meanwhile_is_left_to_django(
    door, log, holding, elsewhere, phone_of, member, version
):
    assert post(door, body_of(holding, holding.queue[:1]))[0][0] == 200
    # when another device takes the lease, in another process
    log.bring_back()
    newer = phone_of(member, version)
    newer.watch(15)
    assert newer.flush().status_code == 200
    with_turns_copied(log)
    # then the older one's beats are not kept on the short way, though it was known as the holder
    assert post(door, body_of(holding, holding.queue[1:2]))[0][0] == 299
    log.bring_back()
    assert Beat.objects.filter(session=holding.play.session).count() == 2


def with_turns_copied(log: Log) -> None:
    if log.in_memory:
        with sqlite3.connect(log.file) as copy, connection.cursor() as cursor:
            cursor.execute("SELECT id, until_at FROM archive_playlease WHERE until_at IS NOT NULL")
            for pk, until_at in cursor.fetchall():
                copy.execute("UPDATE archive_playlease SET until_at = ? WHERE id = ?", [str(until_at), pk])


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said | {"token": said["token"][:-1] + "?"},
        lambda said: said | {"token": 7},
        lambda said: said | {"beats": []},
        lambda said: said | {"beats": said["beats"] * 2},
        lambda said: said | {"sent_ms": "now"},
        lambda said: [said],
        lambda said: said | {"beats": [said["beats"][0] | {"seq": -1}]},
    ],
)
def test_what_is_not_plainly_good_is_left_to_django_as_it_came(door, log, holding, elsewhere, change):
    body = json.dumps(change(json.loads(body_of(holding)))).encode()
    for sent in (body, b"{", b""):
        assert post(door, sent)[0][0] == 299
    assert elsewhere.bodies == [body, b"{", b""]
    log.bring_back()
    assert Beat.objects.count() == 1


def test_a_closed_account_is_looked_up_again_after_the_stated_time(door, log, holding, member):
    # given a session that is known to the process
    assert post(door, body_of(holding, holding.queue[:1]))[0][0] == 200
    member.is_active = False
    member.save()
    # then its beats are taken for INGEST_ACCESS_S more seconds, and no longer
    assert post(door, body_of(holding, holding.queue[1:2]))[0][0] == 200
    door._holders = {token: replace(one, good_until_s=0) for token, one in door._holders.items()}
    assert post(door, body_of(holding, holding.queue[2:3]))[0][0] == 299
    assert settings.STUDY["INGEST_ACCESS_S"] <= 60


def test_too_many_waiting_batches_are_asked_to_come_again(log, holding, elsewhere):
    log.take_over()
    door = BeatDoor(elsewhere, Groups(log.store, most=0))
    status, answer, headers = post(door, body_of(holding))[0]
    assert (status, answer["code"], headers["retry-after"]) == (503, "BUSY", "5")
    assert answer["message"]
    log.bring_back()
    assert (Beat.objects.count(), elsewhere.bodies) == (1, [])


def test_what_waits_is_counted_in_beats_not_in_batches():
    # given a log that is at work with one beat and does not come back
    at_work, go_on = threading.Event(), threading.Event()

    class Slow:
        async def keep(self, draw):
            draw()
            at_work.set()
            await asyncio.to_thread(go_on.wait, 10)

        def close(self): ...

    groups = Groups(Slow, most=20)
    long = Batch([row for seq in range(1, 21) for row in batch(seq).rows], 1)

    async def hand_in() -> None:
        first = asyncio.create_task(groups.keep(batch(0)))
        while not at_work.is_set():
            await asyncio.sleep(0.01)
        # when twenty beats wait in one batch
        second = asyncio.create_task(groups.keep(long))
        await asyncio.sleep(0)
        # then the next is turned away
        with pytest.raises(Busy):
            await groups.keep(batch(21))
        go_on.set()
        await asyncio.gather(first, second)
        # and what came and went is forgotten
        await groups.keep(batch(21))

    asyncio.run(hand_in())


def test_too_many_sessions_to_be_looked_up_are_asked_to_come_again(log, holding, elsewhere, monkeypatch):
    # given look-ups that take long, and room for two
    go_on = threading.Event()
    monkeypatch.setattr("courses.archive.ingest.door.look_up", lambda *args, **more: go_on.wait(10) and None)
    monkeypatch.setattr("courses.archive.ingest.door.LOOK_UPS_MOST", 2)
    door = BeatDoor(elsewhere, Groups(log.store, most=100))
    bodies = [body_of(holding) for _ in range(4)]
    tokens = [body.replace(holding.play.token.encode(), b"token-%d" % n) for n, body in enumerate(bodies)]
    threading.Timer(0.5, go_on.set).start()
    # when four unknown sessions come at once
    answers = post(door, *tokens)
    # then two are looked up (and left to Django), two are told to come again
    assert sorted(status for status, _answer, _headers in answers) == [299, 299, 503, 503]


def test_a_database_that_is_away_asks_to_come_again(log, holding, elsewhere, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr("courses.archive.ingest.door.look_up", away)
    door = BeatDoor(elsewhere, Groups(log.store, most=100))
    # also for those who ask for the same token at the same moment
    answers = post(door, *[body_of(holding)] * 3)
    assert [(status, answer["code"]) for status, answer, _headers in answers] == [(503, "BUSY")] * 3
    assert elsewhere.bodies == []


# On disk


def batch(seq: int, *, member_id: int = 1, turn_id: int = 1, body: bytes = b"\x01" * 17) -> Batch:
    return Batch([(member_id, 1, "0199" * 8, seq, body, 1, 1, 1, True)], turn_id)


SCHEMA = """
CREATE TABLE archive_beat (id INTEGER PRIMARY KEY AUTOINCREMENT, member_id, version_id, received_at, happened_at,
  wall_ms, session, seq, in_lease, body, UNIQUE (member_id, session, seq));
CREATE TABLE archive_playlease (id INTEGER PRIMARY KEY, until_at);
INSERT INTO archive_playlease VALUES (1, NULL);
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "log.sqlite3"
    with sqlite3.connect(path) as database:
        database.executescript(SCHEMA)
    return path


def count(file: Path) -> int:
    with sqlite3.connect(file) as database:
        return database.execute("SELECT count(*) FROM archive_beat").fetchone()[0]


def test_a_full_disk_answers_nothing_and_recovers(file):
    store = SqliteLog(str(file))
    keep(store, batch(0))
    store._connection.execute(f"PRAGMA max_page_count = {page_count(store)}")
    groups = Groups(lambda: store, most=1000)

    async def fill() -> list[bool]:
        kept = []
        for seq in range(1, 400):
            try:
                await groups.keep(batch(seq, body=b"x" * 4000))
                kept.append(True)
            except Busy:
                kept.append(False)
        return kept

    kept = asyncio.run(fill())
    # then those that did not fit were refused, and (the connection is made anew, the limit is gone) the rest kept
    assert False in kept and kept[-1] is True
    assert count(file) == 1 + kept.count(True)


def page_count(store: SqliteLog) -> int:
    return store._connection.execute("PRAGMA page_count").fetchone()[0]


@pytest.mark.skipif(
    "sqlite" in settings.DATABASES["default"]["ENGINE"], reason=".ci/run runs it on PostgreSQL"
)
def test_a_server_that_hangs_up_answers_nothing_and_the_next_group_is_kept(holding, log):
    # given a connection that the server has ended, before the group is sent and while it waits
    store = log.store()
    holder = look_up(holding.play.token, access_s=30)
    rows = holder.rows(read_batch(holding.queue, most=200), holding.clock_ms, int(time.time() * 1000))
    keep(store, Batch(rows[:1], holder.turn_id))
    pid = store._connection.info.backend_pid
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    with pytest.raises(psycopg.OperationalError):
        keep(store, Batch(rows[1:2], holder.turn_id))
    with transaction.atomic():
        wait_for_turn(holder.member_id)
        with ThreadPoolExecutor(1) as other:
            kept = other.submit(keep, store, Batch(rows[1:2], holder.turn_id))
            _hang_up_on_who_waits()
            with pytest.raises(psycopg.OperationalError):
                kept.result(10)
    keep(store, Batch(rows[1:2], holder.turn_id))
    assert sorted(Beat.objects.values_list("seq", flat=True)) == [0, 1, 2]


def _hang_up_on_who_waits() -> None:
    """Until a connection waits for a member's turn, then end that connection."""
    with connection.cursor() as cursor:
        for _ in range(1000):
            cursor.execute("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            waiting = cursor.fetchall()
            if waiting:
                cursor.execute("SELECT pg_terminate_backend(%s)", waiting[0])
                return
            time.sleep(0.01)
    raise AssertionError("nobody waited")


def test_a_locked_database_answers_nothing_and_recovers(file):
    store = SqliteLog(str(file), patience_s=0.05)
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError):
            keep(store, batch(0))
        other.execute("ROLLBACK")
    keep(store, batch(0))
    assert count(file) == 1


def in_database_file(file: Path, tmp_path: Path) -> int:
    """What would be left if all of the log were lost that was not written back."""
    copy = tmp_path / "without-log.sqlite3"
    shutil.copyfile(file, copy)
    return count(copy)


@pytest.fixture
def sync_fails_once(monkeypatch):
    """The system says once that it could not write, and then that all is well, as Linux does."""
    failures = [OSError(errno.EIO, "the disk did not take it")]
    real = os.fdatasync

    def fdatasync(number: int) -> None:
        if failures:
            raise failures.pop()
        real(number)

    monkeypatch.setattr("courses.archive.ingest.stores.os.fdatasync", fdatasync)


def test_after_a_failed_sync_nothing_is_acknowledged_that_is_only_in_the_log(file, tmp_path, sync_fails_once):
    # given a school with other connections (the last one that closes would write the log back)
    store = SqliteLog(str(file))
    store._connected()
    elsewhere = sqlite3.connect(file)
    elsewhere.execute("SELECT * FROM archive_beat").fetchall()
    with pytest.raises(OSError, match="did not take it"):
        keep(store, batch(0))
    assert (count(file), in_database_file(file, tmp_path)) == (1, 0)
    # when the phone sends the same again
    again = batch(0)
    keep(store, again)
    # then it is known by now, and lies in the database file itself
    assert (again.kept, again.duplicates, in_database_file(file, tmp_path)) == (True, {0}, 1)
    # and after that the log is synced as ever
    keep(store, batch(1))
    assert (count(file), in_database_file(file, tmp_path)) == (2, 1)
    elsewhere.close()


def test_while_a_log_cannot_be_written_back_after_a_failed_sync_nothing_is_kept(file, sync_fails_once):
    store = SqliteLog(str(file), patience_s=0.05)
    # given somebody who still reads what was there before
    with sqlite3.connect(file, isolation_level=None) as reader:
        store._connected()
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM archive_beat").fetchall()
        with pytest.raises(OSError, match="did not take it"):
            keep(store, batch(0))
        with pytest.raises(sqlite3.OperationalError, match=r"not written back yet|locked"):
            keep(store, batch(0))
        reader.execute("COMMIT")
    keep(store, batch(0))
    assert count(file) == 1


def test_beats_that_the_table_refuses_are_not_said_to_be_kept(file):
    # given a table with a rule that the short way does not know
    with sqlite3.connect(file) as database:
        database.execute("CREATE TRIGGER no_more BEFORE INSERT ON archive_beat WHEN NEW.seq = 7"
                         " BEGIN SELECT RAISE(IGNORE); END")  # fmt: skip
    store = SqliteLog(str(file))
    with pytest.raises(sqlite3.IntegrityError):
        keep(store, batch(6), batch(7))
    assert count(file) == 0
    keep(store, batch(6))
    assert count(file) == 1


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace shows the order of system calls")
def test_the_log_is_synced_before_the_answer(file, tmp_path):
    script = tmp_path / "keep.py"
    script.write_text(
        "import asyncio, sys, os\n"
        f"sys.path[:0] = {sys.path!r}\n"
        "import django; django.setup()\n"
        "from courses.archive.ingest.stores import Batch, SqliteLog\n"
        f"store = SqliteLog({str(file)!r})\n"
        "for seq in range(3):\n"
        "    batch = Batch([(1, 1, '0199' * 8, seq, b'x' * 17, 1, 1, 1, True)], 1)\n"
        "    asyncio.run(store.keep(lambda: [batch]))\n"
        "    os.write(1, b'ACK')\n",
        encoding="utf-8",
    )
    trace = tmp_path / "trace"
    subprocess.run(
        [
            "strace",
            "-f",
            "-y",
            "-e",
            "trace=pwrite64,write,fdatasync,fsync",
            "-o",
            str(trace),
            sys.executable,
            script,
        ],
        check=True,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "portal.settings.test"},
        stdout=subprocess.DEVNULL,
    )
    told = [line for line in trace.read_text().splitlines() if "-wal" in line or '"ACK"' in line]
    for acknowledged in [place for place, line in enumerate(told) if '"ACK"' in line]:
        assert "sync(" in told[acknowledged - 1], told[acknowledged - 3 : acknowledged + 1]
    assert sum('"ACK"' in line for line in told) == 3


def test_the_short_way_connects_with_the_options_that_django_connects_with(monkeypatch):
    # given a database with options, of which some are Django's own
    asked = {}

    def connect(**dsn):
        asked.update(dsn)
        raise psycopg.OperationalError("nobody listens")

    monkeypatch.setattr(psycopg, "connect", connect)
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "school",
        "USER": "",
        "HOST": "db",
        "OPTIONS": {
            "sslmode": "verify-full",
            "options": "-c search_path=school",
            "connect_timeout": 2,
            "pool": True,
            "assume_role": "school",
            "isolation_level": 2,
            "server_side_binding": True,
            "prepare_threshold": None,
        },
    }
    # when a store connects
    with pytest.raises(psycopg.OperationalError):
        keep(store_for(database), batch(0))
    # then it does as Django does
    assert asked == {
        "dbname": "school",
        "host": "db",
        "sslmode": "verify-full",
        "options": "-c search_path=school",
        "connect_timeout": 2,
        "autocommit": True,
        "prepare_threshold": 0,
    }


# The fold in the background


@pytest.mark.parametrize(
    "broken", [ValueError("broken"), DataError("value too long"), IntegrityError("twice")]
)
def test_the_folder_folds_everybody_and_one_broken_record_stops_nobody(
    member, version, clock, client, monkeypatch, broken
):
    # given two members of whom something waits, one of them with a record that cannot be folded
    phones = [Phone(client, clock, one, version) for one in (member, MemberFactory())]
    for phone in phones:
        phone.watch(60)
        phone.flush()
    ids = sorted(LearningArchive.objects.values_list("member_id", flat=True))
    LearningArchive.objects.update(beats_folded=0)
    LessonState.objects.all().delete()
    real = folding._advance

    def fails(member_id, *rest, **more):
        if member_id == ids[0]:
            raise broken
        return real(member_id, *rest, **more)

    monkeypatch.setattr(folding, "_advance", fails)
    folder = Folder()
    assert folder.round() == 2
    assert [state.member_id for state in LessonState.objects.all()] == [ids[1]]
    # when it is mended
    monkeypatch.setattr(folding, "_advance", real)
    folder._stuck = dict.fromkeys(folder._stuck, 0.0)
    folder.round()
    assert sorted(LessonState.objects.values_list("member_id", "watched_s")) == [(one, 60) for one in ids]
    assert folder.round() == 0


@pytest.mark.parametrize("away", [OperationalError("gone"), InterfaceError("closed")])
def test_a_database_that_is_away_is_no_members_fault(holding, monkeypatch, away):
    # given a log that waits, and a database that goes away
    LearningArchive.objects.update(beats_folded=0)
    folder = Folder()

    def goes(members):
        raise away

    monkeypatch.setattr("courses.archive.folder.fold_members", goes)
    waits: list[float] = []
    # when the folder runs for two rounds
    folder.run(lambda seconds: waits.append(seconds) or len(waits) > 2)
    # then it goes on after a pause, and blames nobody
    assert (waits, folder._stuck) == ([0.0, 5 * PAUSE_S, 5 * PAUSE_S], {})


def test_it_rests_at_the_end_of_the_log_only(member, version, clock, client, monkeypatch):
    monkeypatch.setattr("courses.archive.folder.AT_ONCE", 2)
    phone = Phone(client, clock, member, version)
    folder = Folder()
    folder.round()
    folder._look_back_at = math.inf
    # given more beats than it looks at in one round: the first round folds all that waits of her
    phone.watch(75)
    phone.flush()
    assert Beat.objects.count() == 5
    folder._seen = Beat.objects.earliest("id").pk - 1
    waits: list[float] = []
    folder.run(lambda seconds: waits.append(seconds) or len(waits) > 4)
    # then rounds that find nothing new follow at once, until the end is seen
    assert LessonState.objects.get().watched_s == 75
    assert waits == [0.0, 0.0, 0.0, PAUSE_S, PAUSE_S]


def test_a_number_that_comes_to_light_late_is_found_by_looking_back(member, version, clock, client):
    phone = Phone(client, clock, member, version)
    phone.watch(15)
    phone.flush()
    folder = Folder()
    folder.round()
    # given beats that the folder did not see, though it looked at numbers above theirs
    LearningArchive.objects.update(beats_folded=0)
    LessonState.objects.all().delete()
    assert folder.round() == 0
    folder._look_back_at = 0
    assert folder.round() == 1
    assert LessonState.objects.get().watched_s == 15


def test_every_few_minutes_each_archive_is_looked_at(holding):
    folder = Folder()
    folder.round()
    # given beats that came to light when even the look back was over
    LearningArchive.objects.update(beats_folded=0)
    LessonState.objects.all().delete()
    folder._looked = (folder._seen, folder._seen)
    folder._look_back_at = 0
    assert folder.round() == 0
    folder._look_at_all_at -= LOOK_AT_ALL_S
    assert folder.round() == 1
    assert LessonState.objects.get().watched_s == 15


def test_what_happened_before_its_turn_is_left_to_django(phone, phone_of, member, version, clock):
    # given a tablet that took the lease when the phone had played for a while
    clock.advance(1)
    tablet = phone_of(member, version)
    phone.watch(60)
    phone.flush()
    tablet.watch(30)
    tablet.flush()
    holder = look_up(tablet.play.token, access_s=30, now=clock.at)
    now_ms = tablet.clock_ms
    batch = [{"seq": 9, "intervals": [], "position_ms": 0, "clock_ms": now_ms}]
    # then its beats since then go the short way, those from before do not
    assert len(holder.rows(read_batch(batch, most=1), now_ms + 29_000, now_ms)) == 1
    assert holder.rows(read_batch(batch, most=1), now_ms + 31_000, now_ms) is None


def test_looking_up_who_holds_the_lease(phone, member, clock):
    assert look_up(phone.play.token, access_s=30) is None  # nothing was played yet
    phone.watch(15)
    phone.flush()
    holder = look_up(phone.play.token, access_s=30)
    assert (holder.member_id, holder.session) == (member.pk, phone.play.session.replace("-", ""))
    assert look_up("nonsense", access_s=30) is None
