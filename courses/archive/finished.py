"""What a member has finished, by the keys that search knows: lessons, and courses whose lessons all are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from courses.archive.folding import catch_up
from courses.archive.models import LessonState
from courses.catalogue.api import Carry
from courses.catalogue.models import Course, Lesson, LessonVersion
from people.models import Member
from search.engines import key_of

__all__ = ["finished_keys", "finished_lessons"]

LESSON_KINDS = ("lesson", "cue")
"""A lesson itself, and what is said in it (documents in groups by the lesson's id)."""


def finished_keys(member: Member) -> Iterator[str]:
    """`lesson:12` and `cue:12` for each finished lesson, `course:3` for each open course of which nothing is left.

    Six queries, more while beats wait to be folded; two for who has finished nothing.
    """
    catch_up(member)
    lessons = finished_lessons(member)
    if not lessons:
        return
    yield from (key_of(kind, str(pk)) for pk in lessons for kind in LESSON_KINDS)
    left: dict[str, bool] = {}
    for path, pk in Lesson.objects.open_to(member).order_by().values_list("path", "pk"):
        course = path[: -Lesson.steplen]
        left[course] = left.get(course, False) or pk not in lessons
    done = [path for path, something in left.items() if not something]
    for pk in Course.objects.filter(path__in=done).values_list("pk", flat=True):
        yield key_of("course", str(pk))


def finished_lessons(member: Member) -> set[int]:
    """Ids of the lessons whose current version is complete, by the member's own study or by what carries over."""
    completed = set(
        LessonState.objects.filter(member=member, completed_at__isnull=False).values_list(
            "version_id", flat=True
        )
    )
    if not completed:
        return set()
    begun = LessonVersion.objects.filter(pk__in=completed).values("lesson_id")
    rows = LessonVersion.objects.filter(lesson_id__in=begun).order_by("lesson_id", "number")
    versions = rows.only("lesson_id", "number", "carry", "new_parts")
    return {
        lesson
        for lesson, its in groupby(versions, key=attrgetter("lesson_id"))
        if _is_done_at_last(its, completed)
    }


def _is_done_at_last(versions: Iterable[LessonVersion], completed: set[int]) -> bool:
    """As carrying.begin_after says: a completion holds for the next version unless that has new parts or begins again."""
    done = False
    for version in versions:
        keeps = version.carry != Carry.AGAIN and not (version.carry == Carry.NEW_PART and version.new_parts)
        done = version.pk in completed or (done and keeps)
    return done
