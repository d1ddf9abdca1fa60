"""What may be asked of the catalogue by the rooms above."""

from __future__ import annotations

from typing import Any

from courses.catalogue.affected import Affected, counted_by
from courses.catalogue.changes import Carry
from courses.catalogue.models import Course, Lesson, LessonVersion, OutlineRow, current_versions, outline
from courses.catalogue.setup import Tree, ensure_editors, ensure_tree

__all__ = [
    "Affected",
    "Carry",
    "OutlineRow",
    "Tree",
    "counted_by",
    "course_outline",
    "current_versions",
    "ensure_editors",
    "ensure_tree",
    "lesson_version",
]


def lesson_version(lesson: Lesson) -> LessonVersion | None:
    """The current version of `lesson`: the one made last. None for a lesson that was never published."""
    return lesson.versions.order_by("-number").first()


def course_outline(course: Course, member: Any) -> list[OutlineRow]:
    """The lessons of `course` that `member` (or AnonymousUser) may study, in order of study.

    Empty when the course itself is not open to the member.
    """
    return outline(course, member)
