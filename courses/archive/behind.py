"""Whose log cannot be folded: a broken record of hers, or a fault of ours.

For those who run the school: a box in the admin (wagtail_hooks.py) and `manage.py check_archive`, which names the record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.db.models import BinaryField, ExpressionWrapper, F

from courses.archive.folding import all_waiting, fold_members, waiting_of
from courses.archive.models import Beat, LearningArchive
from courses.archive.packing import unpack
from people.models import Member

__all__ = ["Behind", "Broken", "behind", "broken_logs"]


@dataclass(frozen=True)
class Behind:
    """One member: how many beats wait, and since when they cannot be folded."""

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


def behind(*, most: int = 20) -> list[Behind]:
    """Members whose log the folder could not fold, and of whom something still waits; at most `most`."""
    told = []
    for archive in (
        LearningArchive.objects.filter(stuck_at__isnull=False)
        .select_related("member__organization")
        .order_by("stuck_at")
    ):
        if len(told) < most and (beats := waiting_of(archive.member_id).count()) and archive.stuck_at:
            told.append(Behind(archive.member, beats, archive.stuck_at))
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
