"""A corrected package in place of another: whom that concerns, and doing it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import IO

from django.db import transaction
from django.utils import timezone

from courses.archive.cmi5.errors import CourseUnknown, PackageInvalid
from courses.archive.cmi5.launching import import_course, retire
from courses.archive.cmi5.models import Cmi5Course, Cmi5Session
from people.api import record
from people.models import Member

__all__ = ["Concerned", "concerned", "replace"]


@dataclass(frozen=True)
class Concerned:
    """Members whom a replacement concerns: done with the course, under way in it, in one of its units right now."""

    satisfied: int
    under_way: int
    in_a_unit: int


def concerned(course: Cmi5Course, *, now: datetime | None = None) -> Concerned:
    """How many members withdrawing or replacing the course concerns."""
    members = course.registrations.filter(member__isnull=False)
    open_now = Cmi5Session.objects.filter(
        registration__in=members, terminated_at=None, abandoned_at=None, expires_at__gt=now or timezone.now()
    )
    return Concerned(
        satisfied=members.filter(satisfied_at__isnull=False).count(),
        under_way=members.filter(satisfied_at=None).count(),
        in_a_unit=open_now.values("registration").distinct().count(),
    )


def replace(
    course: Cmi5Course,
    file: IO[bytes],
    content_type: str = "",
    *,
    by: Member | None = None,
    now: datetime | None = None,
) -> Cmi5Course:
    """Take in a corrected package in place of `course`: title, lesson and length go over, the old one is withdrawn.

    Both or neither. Who has completed the old one stays so; who is under way begins the new one's units anew, since
    nobody but the publisher knows which of them are the same; a unit that is open goes on to its end.
    Raises PackageInvalid (also for another publisher's id: that is another course), NoRoom, CourseUnknown when
    somebody withdrew it meanwhile.
    """
    now = now or timezone.now()
    fresh = import_course(file, content_type, by=by, now=now)
    try:
        if fresh.publisher_id != course.publisher_id:
            raise PackageInvalid("ANOTHER_COURSE", "", value=fresh.publisher_id, expected=course.publisher_id)
        with transaction.atomic():
            course = Cmi5Course.objects.select_for_update(of=("self",)).get(pk=course.pk)
            if course.retired_at is not None:
                raise CourseUnknown()
            fresh.title, fresh.lesson = course.title, course.lesson
            fresh.published_duration_s = course.published_duration_s
            detail = {"before": str(course.uuid), "sha256": fresh.sha256}
            before = course.replaces
            retire(course, by=by, now=now)
            fresh.replaces = Cmi5Course.objects.filter(pk=course.pk).first() or before
            fresh.save()
            record(by, "cmi5.course_replaced", fresh, detail=detail, at=now)
    except BaseException:
        retire(fresh, by=by, now=now)
        raise
    return fresh
