"""How papers and attempts are found, and only by those who may."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.apps import apps
from django.db.models import Exists, OuterRef, Q, QuerySet

if TYPE_CHECKING:
    from people.models import Member


class PaperQuerySet(QuerySet):
    def open_to(self, member: Member) -> PaperQuerySet:
        """Papers in use which `member` may take: for all members (and the lesson is open), or by admission."""
        lessons = apps.get_model("courses", "Lesson").objects.open_to(member)
        admitted = apps.get_model("courses", "Admission").objects.filter(paper=OuterRef("pk"), member=member)
        for_all = Q(audience="MEMBERS") & (Q(lesson=None) | Q(lesson__in=lessons.values("pk")))
        return self.filter(for_all | Q(Exists(admitted)), live=True)


class AttemptQuerySet(QuerySet):
    def of(self, member: Member) -> AttemptQuerySet:
        """The attempts of one member: for the member alone."""
        return self.filter(member=member)

    def open(self) -> AttemptQuerySet:
        return self.filter(submitted_at__isnull=True)

    def overdue(self, now: datetime) -> AttemptQuerySet:
        """Open ones whose time is up."""
        return self.open().filter(ends_at__lte=now)
