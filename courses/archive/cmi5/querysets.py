"""How courses are found by who asks."""

from __future__ import annotations

from typing import Any

from django.db import models

from courses.catalogue.models import Lesson

__all__ = ["Cmi5CourseQuerySet"]


class Cmi5CourseQuerySet(models.QuerySet):
    def in_use(self) -> Cmi5CourseQuerySet:
        """Those that were not withdrawn."""
        return self.filter(retired_at__isnull=True)

    def open_to(self, member: Any) -> Cmi5CourseQuerySet:
        """Those in use whose lesson the member may open."""
        return self.in_use().filter(lesson__in=Lesson.objects.open_to(member).values("pk"))
