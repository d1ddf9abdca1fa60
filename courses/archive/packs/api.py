"""Packing: sessions that can send nothing more leave the tables `Beat` and `PlayLease` for a pack.

A month of one member is one step and one transaction, under the lock of her archive row: the pack goes in, exactly
the rows that it holds go out, or nothing happens. It is encoded before, and read again and compared, so that the
lock (in SQLite: the only writer's turn) is held for some milliseconds. Rows of the log are never changed, so what was
read is still true when it is taken out; should their number differ, the step is left for another time.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connections, router, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from courses.archive.errors import PackDamaged
from courses.archive.fields import EPOCH
from courses.archive.log import fetch
from courses.archive.models import Beat, LearningArchive, PlayLease
from courses.archive.packs.models import PackedMonth
from courses.archive.packs.month import Damaged, Stretch, Turn, decode, encode
from courses.archive.packs.months import (
    closed_month,
    first_session_of,
    month_after,
    month_at,
    month_of,
    starts_at,
)
from courses.archive.quick_fold import KeptBeat

__all__ = ["Packed", "closed_month", "damaged_months", "pack_all", "pack_member"]

log = logging.getLogger(__name__)

AT_ONCE = 200
"""Members that are looked for in one query."""


class _Left(Exception):
    """This month is left as it is, for the reason given; another time it may go."""


@dataclass
class Packed:
    """What a run did. `left` are months left for another time, e.g. because something in them is not folded yet."""

    members: int = 0
    months: int = 0
    beats: int = 0
    turns: int = 0
    bytes: int = 0
    left: list[tuple[int, int, str]] = field(default_factory=list)
    """(member_id, month, why)."""
    finished: bool = True
    """False: its time was over before it had looked at everybody."""


@dataclass
class _Rows:
    """Rows of the log of one member's month, and the stretches that they are."""

    beats: int = 0
    newest: int = 0
    turn_ids: list[int] = field(default_factory=list)
    stretches: dict[tuple[UUID, int], tuple[list[KeptBeat], list[Turn]]] = field(
        default_factory=lambda: defaultdict(lambda: ([], []))
    )


def pack_all(
    *,
    until: int | None = None,
    now: datetime | None = None,
    seconds: float | None = None,
    told: Callable[[Packed], None] | None = None,
) -> Packed:
    """Pack everybody's months up to and with `until` (202609; default and at most the last that is closed).

    Stops after about `seconds`; called again it goes on with what is left. `told` hears after some members each how
    far it is. Run twice, or twice at once, it packs once. Raises ValueError for a month that is not closed.
    """
    closed = closed_month(now or timezone.now())
    until = closed if until is None else until
    if until > closed:
        raise ValueError(f"of {until} something may still come; {closed} is the last month that is closed")
    done, last, began = Packed(), 0, time.monotonic()
    while members := _with_something_to_pack(until, after=last):
        for member_id in members:
            if seconds is not None and time.monotonic() - began > seconds:
                done.finished = False
                return done
            pack_member(member_id, until=until, done=done)
        last = members[-1]
        if told is not None:
            told(done)
    return done


def _with_something_to_pack(until: int, *, after: int) -> list[int]:
    end, end_at = first_session_of(month_after(until)), starts_at(month_after(until))
    mine = OuterRef("member_id")
    beats = Beat.objects.filter(member_id=mine, session__lt=end)
    turns = PlayLease.objects.filter(member_id=mine, until_at__lt=end_at)
    found = LearningArchive.objects.filter(member_id__gt=after).filter(Exists(beats) | Exists(turns))
    return list(found.order_by("member_id").values_list("member_id", flat=True)[:AT_ONCE])


def pack_member(member_id: int, *, until: int, done: Packed | None = None) -> Packed:
    """Pack one member's months up to and with `until`, of which nothing may come any more; adds to `done`."""
    done = done or Packed()
    done.members += 1
    for month, rows in sorted(_rows(member_id, until).items()):
        try:
            size = _pack_month(member_id, month, rows)
        except (_Left, PackDamaged) as why:
            log.warning("month %d of member %d is not packed: %s", month, member_id, why)
            done.left.append((member_id, month, str(why)))
        else:
            done.months += 1
            done.beats += rows.beats
            done.turns += len(rows.turn_ids)
            done.bytes += size
    return done


def _rows(member_id: int, until: int) -> dict[int, _Rows]:
    """By month: beats of sessions that began in it, and turns that ended in it: both are all there when it is closed
    (a living session is given no turn that ended before it began), so that a pack is written once."""
    connection = connections[router.db_for_write(Beat)]
    end = Beat._meta.get_field("session").get_db_prep_value(first_session_of(month_after(until)), connection)
    beats = fetch(
        "SELECT b.id, b.version_id, b.session, b.seq, b.body, b.wall_ms, b.received_at, b.happened_at, b.in_lease"
        f" FROM {Beat._meta.db_table} b WHERE b.member_id = %s AND b.session < %s ORDER BY b.session, b.seq",
        [member_id, end],
    )
    found: dict[int, _Rows] = defaultdict(_Rows)
    for number, version_id, name, seq, body, *times, in_lease in beats:
        session = name if isinstance(name, UUID) else UUID(name)
        rows = found[month_of(session)]
        rows.beats += 1
        rows.newest = max(rows.newest, number)
        beat = (seq, bytes(body), *times, bool(in_lease))
        rows.stretches[session, version_id][0].append(beat)  # type: ignore[arg-type]
    turns = PlayLease.objects.filter(member_id=member_id, until_at__lt=starts_at(month_after(until)))
    for turn in turns.order_by("from_at", "pk"):
        assert turn.until_at is not None
        rows = found[month_at(turn.until_at)]
        rows.turn_ids.append(turn.pk)
        moments = (_us(moment) for moment in (turn.from_at, turn.seen_at, turn.until_at))
        rows.stretches[turn.session, turn.version_id][1].append(Turn(*moments))
    return found


def _us(moment: datetime) -> int:
    passed = moment - EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def _pack_month(member_id: int, month: int, rows: _Rows) -> int:
    """One step: how many bytes the pack has grown by."""
    mine = PackedMonth.objects.filter(member_id=member_id, month=month)
    before = mine.values_list("body", flat=True).first()
    before = None if before is None else bytes(before)
    stretches = _together(_kept(member_id, month, before), rows)
    body = encode(stretches)
    if decode(body) != stretches:
        raise _Left("what was packed does not come back as it was")
    with transaction.atomic():
        archive = LearningArchive.objects.select_for_update().get(member_id=member_id)
        if rows.newest > archive.beats_folded:
            raise _Left("it holds beats that are not folded yet")
        beats = sum(len(one.beats) for one in stretches)
        if before is None:
            if mine.exists():
                raise _Left("somebody packed it meanwhile")
            PackedMonth.objects.create(member_id=member_id, month=month, beats=beats, body=body)
        elif not mine.filter(body=before).update(beats=beats, body=body):
            raise _Left("somebody packed it meanwhile")
        _take_out(member_id, month, rows)
    return len(body) - len(before or b"")


def _kept(member_id: int, month: int, pack: bytes | None) -> list[Stretch]:
    try:
        return [] if pack is None else decode(pack)
    except Damaged as wrong:
        raise PackDamaged(member_id, month, str(wrong)) from wrong


def _together(kept: Sequence[Stretch], rows: _Rows) -> list[Stretch]:
    """What a pack holds and what is to be added, in the pack's order. A beat that it holds already stays as it is."""
    beats: dict[tuple[UUID, int], dict[int, KeptBeat]] = defaultdict(dict)
    turns: dict[tuple[UUID, int], list[Turn]] = defaultdict(list)
    known: dict[tuple[UUID, int], tuple[int, bytes]] = {}
    for one in kept:
        place = one.session, one.version_id
        beats[place] |= {beat[0]: beat for beat in one.beats}
        turns[place] += one.turns
        known |= {(one.session, beat[0]): (one.version_id, beat[1]) for beat in one.beats}
    for place, (some, more) in rows.stretches.items():
        session, version_id = place
        for beat in some:
            there = known.get((session, beat[0]))
            if there is None:
                beats[place][beat[0]] = beat
            elif there != (version_id, beat[1]):
                raise _Left(f"the pack has another beat {beat[0]} of session {session}")
        turns[place] += more
    return [
        Stretch(
            *place,
            tuple(beats[place][seq] for seq in sorted(beats[place])),
            tuple(sorted(turns[place], key=lambda turn: turn.from_us)),
        )
        for place in sorted(beats.keys() | turns.keys(), key=lambda place: (place[0].int, place[1]))
    ]


def _take_out(member_id: int, month: int, rows: _Rows) -> None:
    """The one door through which beats leave their table: never through the model, which only adds (models.AppendOnly),
    only inside the transaction that puts them into a pack, and only if they are as many as the pack took."""
    connection = connections[router.db_for_write(Beat)]
    session_of = Beat._meta.get_field("session")
    bounds = (first_session_of(month), first_session_of(month_after(month)))
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {Beat._meta.db_table} WHERE member_id = %s AND session >= %s AND session < %s",
            [member_id, *(session_of.get_db_prep_value(bound, connection) for bound in bounds)],
        )
        gone = cursor.rowcount
    if gone != rows.beats:
        raise _Left(f"{rows.beats} beats were packed, and {gone} are there")
    gone, _by_model = PlayLease.objects.filter(pk__in=rows.turn_ids, until_at__isnull=False).delete()
    if gone != len(rows.turn_ids):
        raise _Left(f"{len(rows.turn_ids)} turns were packed, and {gone} are there")


def damaged_months(member_id: int) -> list[tuple[int, str]]:
    """Months of which the pack is not as it was made, and what is wrong with it; none when all is well."""
    found = []
    for month, beats, body in (
        PackedMonth.objects.filter(member_id=member_id)
        .order_by("month")
        .values_list("month", "beats", "body")
    ):
        try:
            there = sum(len(one.beats) for one in decode(bytes(body)))
        except Damaged as wrong:
            found.append((month, str(wrong)))
        else:
            if there != beats:
                found.append((month, f"it holds {there} beats and not {beats}"))
    return found
