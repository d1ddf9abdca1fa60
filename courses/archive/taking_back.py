"""Taking one entry back the right way, whatever it came from: hours of a training class go back through the class."""

from __future__ import annotations

from datetime import datetime

from courses.archive import ledger
from courses.archive.classes import api as classes
from courses.archive.classes.models import ClassMember
from courses.archive.errors import NotAllowed, OfAClass
from courses.archive.models import StudyHourEntry
from people.models import Member

__all__ = ["take_entry_back"]


def take_entry_back(
    entry: StudyHourEntry, *, actor: Member, approver: Member, reason: str, now: datetime
) -> StudyHourEntry:
    """The entry that takes `entry` back. A class takes its own completion back, with certificate and lessons'
    hours, by its organiser (the `approver`); where that was done before, that is the answer.

    Raises OfAClass where `approver` may not, and what the ledger raises.
    """
    place = ClassMember.objects.filter(entry=entry).select_related("training_class").first()
    if place is not None:
        try:
            classes.take_back(place, actor=approver, reason=reason, now=now)
        except NotAllowed as refusal:
            raise OfAClass(str(place.training_class.uuid)) from refusal
    elif entry.evidence_type != "class" or not StudyHourEntry.objects.filter(reversal_of=entry).exists():
        return ledger.reverse_entry(entry, actor=actor, approver=approver, reason=reason, now=now)
    return StudyHourEntry.objects.get(reversal_of=entry)
