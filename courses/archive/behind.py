"""Whose log is ahead of what is reckoned for longer than it should be: a broken record of hers, or nobody folds.

For those who run the school: a box in the admin (wagtail_hooks.py) and `manage.py check_archive`, which names the record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.db.models import BinaryField, Count, Exists, ExpressionWrapper, F, Min, OuterRef

from courses.archive.folding import all_waiting, fold_members, waiting_of
from courses.archive.models import Beat, LearningArchive
from courses.archive.packing import unpack
from people.models import Member

__all__ = ["LONG", "Behind", "Broken", "behind", "broken_logs"]

LONG = timedelta(minutes=10)
"""The folder is seconds behind, and looks at each archive every five minutes."""


@dataclass(frozen=True)
class Behind:
    """One member: how many beats wait, and since when."""

    member: Member
    beats: int
    since: datetime


@dataclass(frozen=True)
class Broken:
    """One member whose log cannot be folded, and why; with the first record that cannot be read, if that is it."""

    member_id: int
    why: str
    beat_id: int | None = None
    version_id: int | None = None
    session: UUID | None = None
    seq: int | None = None


def behind(*, now: datetime, most: int = 20) -> list[Behind]:
    """Members of whom something waits for longer than LONG, at most `most`. One look at each archive."""
    mine = Beat.objects.filter(
        member_id=OuterRef("member_id"), id__gt=OuterRef("beats_folded"), received_at__lt=now - LONG
    )
    found = LearningArchive.objects.filter(Exists(mine)).select_related("member").order_by("member_id")[:most]
    told = []
    for archive in found:
        waits = waiting_of(archive.member_id).aggregate(beats=Count("id"), since=Min("received_at"))
        if waits["since"] is not None:  # else folded meanwhile
            told.append(Behind(archive.member, waits["beats"], waits["since"]))
    return told


def broken_logs() -> list[Broken]:
    """Fold what waits, member by member; those of whom it cannot be. Raises only when the database is away."""
    found = []
    for member_id in all_waiting()[0]:
        try:
            fold_members([member_id])
        except (OperationalError, InterfaceError):
            raise
        except Exception as fault:
            found.append(_looked_into(member_id, fault))
    return found


def _looked_into(member_id: int, fault: Exception) -> Broken:
    packed = ExpressionWrapper(F("body"), output_field=BinaryField())
    rows = Beat.objects.filter(member_id=member_id).order_by("id")
    for beat_id, version_id, session, seq, body in rows.values_list(
        "id", "version_id", "session", "seq", packed
    ).iterator():
        try:
            unpack(bytes(body))
        except ValueError as unreadable:
            return Broken(member_id, str(unreadable), beat_id, version_id, session, seq)
    return Broken(member_id, f"{type(fault).__name__}: {fault}")
