"""How far a member is: with one lesson (the strip), with many, what to go on with, what is due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from django.db.models import Q
from django.db.models.functions import Length, Substr
from django.utils import timezone
from wagtail.models import Page

from courses.archive import spans
from courses.archive.answers import ContinueItem, DueItem, Gap, LessonProgress, Progress, Span
from courses.archive.folding import catch_up
from courses.archive.hours import hours_for
from courses.archive.models import LessonState, StudyHourEntry
from courses.archive.rules import RuleBook
from courses.archive.spans import PlayRules
from courses.archive.states import credit_key, path_of
from courses.archive.wording import REASONS, clock_label
from courses.catalogue.api import current_versions
from courses.catalogue.models import Course, Lesson, LessonVersion
from people.models import Member

__all__ = [
    "continue_item",
    "due_items",
    "lesson_progress",
    "progress_of",
]


def _basics(state: LessonState | None, version_id: int, duration_s: int, needed_s: int) -> dict:
    if state is None:
        return {
            "version_id": version_id,
            "duration_s": duration_s,
            "coverage": 0.0,
            "watched_s": 0,
            "needed_s": needed_s,
            "position_s": 0.0,
            "completed_at": None,
            "last_at": None,
        }
    watched = int.from_bytes(bytes(state.watched), "little")
    told = {reason for _s, _e, reason in state.refused}
    refused = (
        sum(
            1
            for piece in spans.pieces(watched, state.duration_s, state.refused)
            if piece.kind == spans.NOT_COUNTED
        )
        if told and state.completed_at is None
        else 0
    )
    return {
        "version_id": version_id,
        "duration_s": state.duration_s,
        "coverage": state.watched_s / state.duration_s if state.duration_s else 0.0,
        "watched_s": state.watched_s,
        "needed_s": state.needed_s,
        "position_s": state.position_ms / 1000,
        "completed_at": state.completed_at,
        "last_at": state.last_beat_at,
        "not_counted": refused,
    }


def progress_of(member: Member, versions: Iterable[LessonVersion]) -> dict[int, Progress]:
    """Progress by version id for lists, in two queries; versions that were never begun are there too."""
    versions = list(versions)
    catch_up(member)
    states = {
        state.version_id: state
        for state in LessonState.objects.filter(member=member, version_id__in=[one.pk for one in versions])
    }
    rules = RuleBook.load(timezone.localdate()).play_rules(path_of(member))
    return {
        version.pk: Progress(
            **_basics(
                states.get(version.pk),
                version.pk,
                version.duration_s,
                spans.needed_seconds(version.duration_s, rules.complete_at),
            )
        )
        for version in versions
    }


def reason_text(code: str, rules: PlayRules) -> str:
    """Why a stretch does not count, in words; "" for one that does."""
    return str(REASONS[code]) % {"cap": f"{rules.speed_cap:.1f}"} if code else ""


def lesson_progress(
    member: Member, version: LessonVersion, *, state: LessonState | None = None
) -> LessonProgress:
    """Progress with the coverage strip: what counts, what does not and why, what it is worth."""
    if state is None:
        catch_up(member)
        state = LessonState.objects.filter(member=member, version=version).first()
    book = RuleBook.load(timezone.localdate())
    path = path_of(member)
    rules = PlayRules.from_json(state.params) if state else book.play_rules(path)
    needed_s = spans.needed_seconds(version.duration_s, rules.complete_at)
    basics = _basics(state, version.pk, version.duration_s, needed_s)
    watched = int.from_bytes(bytes(state.watched), "little") if state else 0
    pieces = spans.pieces(watched, basics["duration_s"], state.refused if state else ())
    completed = basics["completed_at"] is not None
    credited = (
        StudyHourEntry.objects.filter(member=member, credit_key=credit_key(version), reversal=None)
        .order_by("-year", "-pk")
        .first()
    )
    return LessonProgress(
        **basics,
        hours_on_offer=hours_for(version.duration_s, book.hours_rule(path)),
        credited_hours=credited.hours if credited else Decimal(0),
        credited_at=credited.finished_at if credited else None,
        spans=[
            Span(one.start_s, one.end_s, one.kind, one.reason, reason_text(one.reason, rules))
            for one in pieces
        ],
        missing=[
            Gap(
                one.start_s,
                one.end_s,
                one.reason,
                reason_text(one.reason, rules),
                clock_label(one.start_s),
                clock_label(one.end_s),
            )
            for one in pieces
            if one.kind != spans.COUNTED and not completed
        ],
    )


def continue_item(member: Member) -> ContinueItem | None:
    """The lesson to go on with: the one touched last that is open, current and not completed."""
    catch_up(member)
    latest = LessonState.objects.filter(member=member, completed_at=None).order_by("-last_beat_at")
    states = list(latest.select_related("version")[:20])
    lesson_ids = [state.version.lesson_id for state in states]
    lessons = {lesson.pk: lesson for lesson in Lesson.objects.open_to(member).filter(pk__in=lesson_ids)}
    current = current_versions(lessons.values())
    for state in states:
        lesson = lessons.get(state.version.lesson_id)
        if lesson is None or current[lesson.pk].pk != state.version_id:
            continue
        return ContinueItem(
            lesson=lesson,
            version=current[lesson.pk],
            position_s=state.position_ms / 1000,
            duration_s=state.duration_s,
            when=state.last_beat_at,
            progress=Progress(**_basics(state, state.version_id, state.duration_s, state.needed_s)),
        )
    return None


def due_items(member: Member, *, today: date | None = None) -> list[DueItem]:
    """Open lessons with a due day (their own, or their course's) that are not completed; nearest day first.

    A lesson completed in an earlier version is done.
    """
    today = today or timezone.localdate()
    catch_up(member)
    due_courses = dict(Course.objects.open_to(member).exclude(due_on=None).values_list("path", "due_on"))
    above = Substr("path", 1, Length("path") - Page.steplen)
    lessons = list(
        Lesson.objects.open_to(member)
        .annotate(course_path=above)
        .filter(Q(due_on__isnull=False) | Q(course_path__in=list(due_courses)))
        .select_related("lecture")
    )
    versions = current_versions(lessons)
    done = set(
        LessonState.objects.filter(member=member, version__lesson_id__in=list(versions))
        .exclude(completed_at=None)
        .values_list("version__lesson_id", flat=True)
    )
    open_versions = {pk: version for pk, version in versions.items() if pk not in done}
    progress = progress_of(member, open_versions.values())
    rule = RuleBook.load(today).hours_rule(path_of(member))
    items = [
        DueItem(
            lesson=lesson,
            version=open_versions[lesson.pk],
            due_on=due_on,
            overdue=due_on < today,
            hours=hours_for(open_versions[lesson.pk].duration_s, rule),
            progress=progress[open_versions[lesson.pk].pk],
        )
        for lesson in lessons
        if lesson.pk in open_versions and (due_on := lesson.due_on or due_courses[lesson.course_path])
    ]
    return sorted(items, key=lambda item: (item.due_on, item.lesson.path))
