"""What a year of 32 hours of study takes of one member, when all of it is packed: state, log and turns, measured.

Members study through a year as a browser does, in lectures of 45 minutes, some of them in two or three sittings; what
their players send becomes rows by the short way's own code (ingest/holder.py), month by month and member beside
member, as it comes in life; it is folded, and packed once it may be. Then the tables are vacuumed and weighed, indexes
and empty pages with them.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

LECTURE_S = 2700
MEMBER_YEAR_S = 32 * 3600
LECTURES = -(-MEMBER_YEAR_S // LECTURE_S)
YEAR = 2025
FIRST_MS = 1_735_660_800_000
"""1 January in Shanghai."""
DAY_MS = 86_400_000
TABLES = {"state": "archive_lessonstate", "log": "archive_packedmonth", "turns": "archive_playlease"}


@dataclass
class Sitting:
    """One session of one lecture: the rows of its log, as ingest/holder.py makes them."""

    lecture: int
    session: uuid.UUID
    begun_ms: int
    rows: list[tuple] = field(default_factory=list)

    @property
    def month(self) -> int:
        local = datetime.fromtimestamp(self.begun_ms / 1000, UTC) + timedelta(hours=8)
        return local.year * 100 + local.month


def member_year(member_id: int, versions: Sequence[int], batches: Sequence[int] = (2, 3, 4)) -> list[Sitting]:
    """A member's sittings of one year, in the order of time.

    A beat is made with the first sample of the playhead after 15 s (four samples a second) and told in tenths of a
    second, as beats.ts does; two to four go in one batch, over a network that takes 30 to 120 ms and now and then
    some tenths more. One in fifty beats ends early by a pause of up to ten minutes, one in two hundred is followed by
    a look back of half a minute.
    """
    chance = random.Random(member_id)
    sittings = []
    skew_ms = chance.randint(-3000, 3000)
    days = sorted(chance.sample(range(0, 355), LECTURES))
    for lecture, day in enumerate(days):
        parts = chance.choice((1, 1, 1, 2, 3))
        ends = [*sorted(chance.sample(range(300, LECTURE_S - 300), parts - 1)), LECTURE_S]
        begun_ms, at_ms = FIRST_MS + day * DAY_MS + chance.randint(6 * 3_600_000, 15 * 3_600_000), 0
        for end_s in ends:
            sitting = Sitting(lecture, _session(chance, begun_ms), begun_ms)
            holder = _holder(member_id, versions[lecture], sitting)
            for batch, sent_ms in _play(chance, begun_ms + skew_ms, at_ms, end_s * 1000, batches):
                now_ms = sent_ms - skew_ms + chance.randint(30, 120) + int(chance.expovariate(1 / 60))
                rows = holder.rows(batch, sent_ms, now_ms)
                assert rows is not None
                sitting.rows += rows
            sittings.append(sitting)
            at_ms = end_s * 1000
            begun_ms = sitting.rows[-1][5] + chance.randint(600_000, 3 * DAY_MS)
    return sorted(sittings, key=lambda one: one.begun_ms)


def _session(chance: random.Random, begun_ms: int) -> uuid.UUID:
    number = begun_ms << 80 | 0x7 << 76 | chance.getrandbits(12) << 64 | 0b10 << 62 | chance.getrandbits(62)
    return uuid.UUID(int=number)


def _holder(member_id: int, version_id: int, sitting: Sitting) -> Any:
    from courses.archive.ingest.holder import Holder

    return Holder(
        member_id=member_id, version_id=version_id, session=sitting.session.hex, issued_ms=sitting.begun_ms,
        expires_ms=sitting.begun_ms + DAY_MS, turn_id=0, from_ms=sitting.begun_ms, good_until_s=0.0,
    )  # fmt: skip


def _play(
    chance: random.Random, clock_ms: int, at_ms: int, end_ms: int, batches: Sequence[int]
) -> Iterator[tuple[list[Any], int]]:
    """Batches of beats, and the phone's clock when each is sent."""
    from courses.archive.batches import read_batch

    clock_ms += chance.randint(1000, 4000)
    waiting, seq, most = [], 0, chance.choice(batches)
    while at_ms < end_ms:
        paused = chance.random() < 0.02
        took_ms = chance.randint(1000, 15_000) if paused else 15_000 + chance.randint(0, 250)
        start_ms, at_ms = at_ms, min(at_ms + took_ms, end_ms)
        clock_ms += at_ms - start_ms + chance.randint(0, 3)
        told = {"seq": seq, "rate": 1, "visible": True, "clock_ms": _tenths(clock_ms)}
        told |= {"intervals": [[_tenths(start_ms), _tenths(at_ms)]], "position_ms": _tenths(at_ms)}
        waiting.append(told)
        seq += 1
        if len(waiting) == most or paused or at_ms == end_ms:
            clock_ms += chance.randint(2, 12)
            yield read_batch(waiting, most=50), clock_ms
            waiting, most = [], chance.choice(batches)
        if paused:
            clock_ms += chance.randint(2000, 600_000)
        elif chance.random() < 0.005 and at_ms < end_ms:
            at_ms = max(0, at_ms - 30_000)


def _tenths(ms: int) -> int:
    return (ms + 50) // 100 * 100


class Years:
    """Members with a year of study each, in the tables of a database in which nobody studied before."""

    def __init__(self, members: int) -> None:
        from courses.catalogue.models import LessonVersion
        from tests.factories import CourseFactory, LessonFactory, MemberFactory

        course = CourseFactory()
        lessons = [LessonFactory(parent=course) for _ in range(LECTURES)]
        versions = LessonVersion.objects.bulk_create(
            LessonVersion(
                lesson=lesson,
                number=99,
                duration_s=LECTURE_S,
                kind="LECTURE",
                title=lesson.title,
                carry="AGAIN",
            )
            for lesson in lessons
        )
        self.versions = [version.pk for version in versions]
        self.members = [MemberFactory().pk for _ in range(members)]
        self.beats = 0

    def study(self) -> None:
        """The whole year, month by month; in the end all of it is packed."""
        from courses.archive.ledger import open_archive
        from courses.archive.packs.api import pack_all
        from people.models import Member

        for member in Member.objects.filter(pk__in=self.members):
            open_archive(member)
        years = {member_id: member_year(member_id, self.versions) for member_id in self.members}
        for month in range(YEAR * 100 + 1, YEAR * 100 + 13):
            self._month(
                {member: [one for one in year if one.month == month] for member, year in years.items()}
            )
            pack_all(now=datetime(month // 100, month % 100, 28, tzinfo=UTC))
            vacuum()  # as autovacuum does
        done = pack_all(now=datetime(YEAR + 1, 3, 1, tzinfo=UTC))
        if done.left:
            raise RuntimeError(f"not everything was packed: {done.left[:3]}")

    def _month(self, mine: dict[int, list[Sitting]]) -> None:
        """Sittings of all members side by side, folded a few times on the way."""
        from courses.archive.folding import fold_members

        most = max(map(len, mine.values()))
        for turn in range(most):
            now = {member_id: some[turn] for member_id, some in mine.items() if turn < len(some)}
            self._turns(now)
            rows = [row for one in now.values() for row in one.rows]
            random.Random(turn).shuffle(rows)
            rows.sort(key=lambda row: row[5] // DAY_MS)
            self._log(rows)
            fold_members(sorted(now))

    def _turns(self, now: dict[int, Sitting]) -> None:
        from courses.archive.fields import EPOCH, MILLISECOND
        from courses.archive.models import PlayLease

        turns = []
        for member_id, one in now.items():
            begun_at = EPOCH + one.begun_ms * MILLISECOND
            PlayLease.objects.filter(member_id=member_id, until_at=None).update(until_at=begun_at)
            turns.append(
                PlayLease(
                    member_id=member_id,
                    version_id=self.versions[one.lecture],
                    session=one.session,
                    from_at=begun_at,
                    seen_at=begun_at,
                )
            )
        PlayLease.objects.bulk_create(turns)

    def _log(self, rows: list[tuple]) -> None:
        from django.db import connection, transaction

        columns = "member_id, version_id, session, seq, body, received_at, happened_at, wall_ms, in_lease"
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                with cursor.copy(f"COPY archive_beat ({columns}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row((*row[:2], str(uuid.UUID(row[2])), *row[3:]))
            else:
                with transaction.atomic():
                    cursor.executemany(
                        f"INSERT INTO archive_beat ({columns}) VALUES ({', '.join(['%s'] * 9)})", rows
                    )
        self.beats += len(rows)


def empty() -> None:
    """Nothing was studied here."""
    from django.db import connection

    tables = ("archive_beat", "archive_packedmonth", "archive_lessonstate", "archive_playlease")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {', '.join(tables)}")
        else:
            for table in tables:
                cursor.execute(f"DELETE FROM {table}")


def vacuum() -> None:
    """In PostgreSQL not FULL: empty pages stay."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"VACUUM archive_beat, {', '.join(TABLES.values())}")
        else:
            cursor.execute("VACUUM")


def weigh() -> dict[str, int]:
    """Bytes of the tables, vacuumed, with indexes and empty pages and all.

    But the turns that are left, one a member, are weighed without the empty pages around them (VACUUM FULL): those are
    room for the turns of the running month, as archive_beat keeps room for its beats.
    """
    from django.db import connection

    vacuum()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM FULL archive_playlease")
        told = {}
        for name, table in TABLES.items():
            if connection.vendor == "postgresql":
                cursor.execute("SELECT pg_total_relation_size(%s)", [table])
            else:
                cursor.execute(
                    "SELECT sum(pgsize) FROM dbstat WHERE aggregate = TRUE AND name IN"
                    " (SELECT name FROM sqlite_master WHERE tbl_name = %s)",
                    [table],
                )
            told[name] = cursor.fetchone()[0]
    return told


def measure(members: int) -> dict[str, float] | None:
    """Bytes a member-year, by part; empties the tables of the log first. None where a SQLite cannot tell."""
    from _measured import say
    from django.db import DatabaseError, connection

    from courses.archive import folding
    from courses.archive.models import Beat, LessonState, PackedMonth

    empty()
    folding._credit = lambda *_: None  # hours are not weighed here, and would be most of the time
    say(f"· {connection.vendor}: {members} members study for a year …")
    years = Years(members)
    years.study()
    packed = sum(PackedMonth.objects.values_list("beats", flat=True))
    if Beat.objects.exists() or packed != years.beats:
        raise RuntimeError(f"{years.beats:,} beats were sent, {packed:,} are packed")
    if LessonState.objects.exclude(completed_at=None).count() != members * LECTURES:
        raise RuntimeError("not every lecture was completed")
    try:
        told = weigh()
    except DatabaseError as untold:  # a SQLite that was built without dbstat
        if connection.vendor != "sqlite":
            raise
        say(f"  not weighed: {untold}")
        return None
    return {name: size / members for name, size in told.items()} | {"beats": years.beats / members}
