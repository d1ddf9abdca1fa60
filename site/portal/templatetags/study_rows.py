"""How far the reader is, for lists of lessons. Knows the archive; only the roof's templates use it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import template

from courses.archive import api as archive
from courses.catalogue.models import Lesson, OutlineRow

register = template.Library()


@register.simple_tag(takes_context=True)
def progress_for(context: template.Context, outline: Iterable[OutlineRow]) -> dict[int, Any]:
    """`{% progress_for outline as progress %}`: archive Progress by version id (one query); {} for visitors."""
    member = context["request"].user
    versions = [row.version for row in outline if row.version]
    if not member.is_authenticated or not versions:
        return {}
    return archive.progress_of(member, versions)


@dataclass(frozen=True)
class NextLesson:
    """The lesson that comes next in a course: the first one not completed."""

    lesson: Lesson
    position: int
    begun: bool
    first: bool


@register.simple_tag
def next_lesson(outline: Iterable[OutlineRow], progress: dict[int, Any]) -> NextLesson | None:
    """`{% next_lesson outline progress as row %}`; None when all are completed, or there is none."""
    for row in outline:
        done = progress.get(row.version.pk) if row.version else None
        if done is None or not done.completed:
            begun = bool(done and done.begun)
            return NextLesson(row.lesson, row.position, begun, first=row.position == 1 and not begun)
    return None
