"""Reading one member's log: the beats and turns that lie open and those that are packed (packs/), as one.

Whoever wants more than what waits to be folded, or what a living session sent, reads it here. Open rows are read before
packs: what is packed meanwhile is seen twice then, and counts once.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import connections, router
from django.utils import timezone

from courses.archive.errors import PackDamaged
from courses.archive.fields import EPOCH, MILLISECOND
from courses.archive.models import Beat, PlayLease
from courses.archive.packs import month as packed
from courses.archive.packs.models import PackedMonth
from courses.archive.packs.month import Stretch
from courses.archive.packs.months import month_at, month_of
from courses.archive.quick_fold import KeptBeat

__all__ = ["beats_of", "fetch", "first_happened_at", "is_packed", "session_beats", "turns_of_member"]

_MICROSECOND = timedelta(microseconds=1)


def fetch(sql: str, values: Sequence[Any]) -> list[tuple]:
    """Rows of the log's database. Without models: an object a beat would cost ten times what the fold itself does."""
    with connections[router.db_for_write(Beat)].cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def beats_of(member_id: int, version_id: int, *, until: int) -> list[tuple[str, list[KeptBeat]]]:
    """What one member's log says of a version, by session, in the order of study; of open beats those up to number
    `until` (a packed beat is folded). Raises PackDamaged."""
    rows = fetch(
        "SELECT b.session, b.seq, b.body, b.wall_ms, b.received_at, b.happened_at, b.in_lease"
        f" FROM {Beat._meta.db_table} b WHERE b.member_id = %s AND b.version_id = %s AND b.id <= %s"
        " ORDER BY b.session, b.seq",
        [member_id, version_id, until],
    )
    found: dict[str, dict[int, KeptBeat]] = {}
    for session, *beat in rows:
        name = str(session if isinstance(session, uuid.UUID) else uuid.UUID(session))
        found.setdefault(name, {})[beat[0]] = tuple(beat)
    for one in _packed(member_id, version_id):
        mine = found.setdefault(str(one.session), {})
        mine |= {beat[0]: beat for beat in one.beats}
    return [(name, [mine[seq] for seq in sorted(mine)]) for name, mine in sorted(found.items())]


def session_beats(member_id: int, session: uuid.UUID) -> list[KeptBeat]:
    """All that one session sent, in the order of its numbers. Raises PackDamaged."""
    session_of = Beat._meta.get_field("session")
    name = session_of.get_db_prep_value(session, connections[router.db_for_write(Beat)])
    rows = fetch(
        "SELECT b.seq, b.body, b.wall_ms, b.received_at, b.happened_at, b.in_lease"
        f" FROM {Beat._meta.db_table} b WHERE b.member_id = %s AND b.session = %s",
        [member_id, name],
    )
    found: dict[int, KeptBeat] = {beat[0]: tuple(beat) for beat in rows}
    month = month_of(session)
    if month < month_at(timezone.now()):
        kept = PackedMonth.objects.filter(member_id=member_id, month=month).values_list("body", flat=True)
        for pack in kept:
            for one in _read(_decoded, member_id, month, bytes(pack)):
                if one.session == session:
                    found |= {beat[0]: beat for beat in one.beats}
    return [found[seq] for seq in sorted(found)]


def first_happened_at(member_id: int, version_id: int) -> datetime | None:
    """When the first beat of a version happened, in the order of study. Raises PackDamaged."""
    mine = Beat.objects.filter(member_id=member_id, version_id=version_id).order_by("session", "seq")
    first = mine.values_list("session", "seq", "happened_at").first()
    found: list[tuple[uuid.UUID, int, Any]] = [first] if first else []
    for one in _packed(member_id, version_id):
        if one.beats:
            seq, happened_ms = one.beats[0][0], one.beats[0][4]
            found.append((one.session, seq, EPOCH + happened_ms * MILLISECOND))
    return min(found)[2] if found else None


def turns_of_member(member_id: int) -> list[PlayLease]:
    """All turns of a member, in their order; those that are packed as unsaved rows. Raises PackDamaged."""
    turns = list(PlayLease.objects.filter(member_id=member_id))
    open_ones = {(turn.session, turn.from_at) for turn in turns}
    for month, pack in _packs(member_id):
        for one in _read(_turns_in, member_id, month, pack):
            for turn in one.turns:
                from_at, seen_at, until_at = (
                    EPOCH + moment * _MICROSECOND for moment in (turn.from_us, turn.seen_us, turn.until_us)
                )
                if (one.session, from_at) not in open_ones:
                    turns.append(
                        PlayLease(
                            member_id=member_id,
                            version_id=one.version_id,
                            session=one.session,
                            from_at=from_at,
                            seen_at=seen_at,
                            until_at=until_at,
                        )
                    )
    return sorted(turns, key=lambda turn: (turn.from_at, turn.pk or 0))


def is_packed(member_id: int, session: uuid.UUID, *, now: datetime) -> bool:
    """Whether the month of this session is packed: then it takes nothing more. No query for one of this month."""
    month = month_of(session)
    if month >= month_at(now):
        return False
    return PackedMonth.objects.filter(member_id=member_id, month=month).exists()


def _packed(member_id: int, version_id: int) -> Iterator[Stretch]:
    for month, pack in _packs(member_id):
        if version_id in _read(packed.versions_in, member_id, month, pack):
            for one in _read(_decoded, member_id, month, pack):
                if one.version_id == version_id and one.beats:
                    yield one


def _packs(member_id: int) -> list[tuple[int, bytes]]:
    rows = PackedMonth.objects.filter(member_id=member_id).order_by("month").values_list("month", "body")
    return [(month, bytes(body)) for month, body in rows]


def _read(how: Any, member_id: int, month: int, pack: bytes) -> Any:
    try:
        return how(pack)
    except packed.Damaged as wrong:
        raise PackDamaged(member_id, month, str(wrong)) from wrong


# Whoever folds a member's lessons one after the other meets the same packs again and again.
_decoded = lru_cache(maxsize=16)(packed.decode)
_turns_in = lru_cache(maxsize=256)(packed.turns_in)
