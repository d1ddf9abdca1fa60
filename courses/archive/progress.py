"""How far a member is: with one lesson (the strip), with many, what to go on with, what is due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.db.models.functions import Length, Substr
from django.utils import timezone
from wagtail.models import Page

from courses.archive import spans
from courses.archive.answers import ChangedItem, ContinueItem, DueItem, Gap, LessonProgress, Progress, Span
from courses.archive.beginnings import creditable, creditable_s, state_of, states_of
from courses.archive.folding import catch_up
from courses.archive.hours import hours_for
from courses.archive.models import LessonState, StudyHourEntry
from courses.archive.rules import RuleBook
from courses.archive.spans import Piece, PlayRules
from courses.archive.states import credit_key, path_of
from courses.archive.wording import REASONS, clock_label
from courses.catalogue.api import Carry, current_versions
from courses.catalogue.models import Course, Lesson, LessonVersion
from people.models import Member

__all__ = [
    "changed_items",
    "continue_item",
    "due_items",
    "lesson_progress",
    "progress_of",
]


def reason_text(code: str, rules: PlayRules) -> str:
    """Why a stretch does not count, in words; "" for one that does."""
    return str(REASONS[code]) % {"cap": f"{rules.speed_cap:.1f}"} if code else ""


def _gap(piece: Piece, rules: PlayRules) -> Gap:
    return Gap(
        piece.start_s,
        piece.end_s,
        piece.reason,
        reason_text(piece.reason, rules),
        clock_label(piece.start_s),
        clock_label(piece.end_s),
    )


def _basics(
    state: LessonState | None, version_id: int, duration_s: int, rules: PlayRules
) -> tuple[dict[str, Any], list[Piece]]:
    """What Progress is made of, and the whole lesson in pieces."""
    if state is not None:
        rules = PlayRules.from_json(state.params)
        duration_s = state.duration_s
    watched = int.from_bytes(bytes(state.watched), "little") if state else 0
    pieces = spans.pieces(watched, duration_s, state.refused if state else ())
    completed = state is not None and state.completed_at is not None
    needed_s = state.needed_s if state else spans.needed_seconds(duration_s, rules.complete_at)
    missing = [] if completed else spans.missing(pieces, needed_s, duration_s)
    return {
        "version_id": version_id,
        "duration_s": duration_s,
        "coverage": state.watched_s / duration_s if state and duration_s else 0.0,
        "watched_s": state.watched_s if state else 0,
        "needed_s": needed_s,
        "position_s": state.position_ms / 1000 if state else 0.0,
        "completed_at": state.completed_at if state else None,
        "last_at": state.last_beat_at if state else None,
        "not_counted": sum(1 for piece in missing if piece.kind == spans.NOT_COUNTED),
        "missing": [_gap(piece, rules) for piece in missing],
        "done_by": state.done_by if state else "",
    }, pieces


def progress_of(member: Member, versions: Iterable[LessonVersion]) -> dict[int, Progress]:
    """Progress by version id for lists; versions that were never begun are there too.

    Two queries; four when a version follows another that may carry over to it.
    """
    versions = list(versions)
    catch_up(member)
    rules = RuleBook.load(timezone.localdate()).play_rules(path_of(member))
    states = states_of(member, versions, rules)
    return {
        version.pk: Progress(**_basics(states.get(version.pk), version.pk, version.duration_s, rules)[0])
        for version in versions
    }


def lesson_progress(
    member: Member, version: LessonVersion, *, state: LessonState | None = None
) -> LessonProgress:
    """Progress with the coverage strip: what counts, what does not and why, what it is worth."""
    book = RuleBook.load(timezone.localdate())
    path = path_of(member)
    rules = book.play_rules(path)
    if state is None:
        catch_up(member)
        state = state_of(member, version, rules)
    basics, pieces = _basics(state, version.pk, version.duration_s, rules)
    rules = PlayRules.from_json(state.params) if state else rules
    credited = (
        StudyHourEntry.objects.filter(member=member, credit_key=credit_key(version), reversal=None)
        .order_by("-year", "-pk")
        .first()
    )
    # Once a calendar year, whatever the version (domain.md §1.3, SH10): no promise of what will not come.
    spent = basics["completed_at"] is None and credited is not None and credited.year == book.on.year
    length_s = 0 if spent else creditable_s(member.pk, version)
    return LessonProgress(
        **basics,
        hours_on_offer=hours_for(length_s, book.hours_rule(path)),
        credited_hours=credited.hours if credited else Decimal(0),
        credited_at=credited.finished_at if credited else None,
        spans=[
            Span(one.start_s, one.end_s, one.kind, one.reason, reason_text(one.reason, rules))
            for one in pieces
        ],
    )


def continue_item(member: Member) -> ContinueItem | None:
    """The lesson to go on with: the one touched last that is open, current and not completed."""
    catch_up(member)
    latest = LessonState.objects.filter(member=member, completed_at=None).order_by("-last_beat_at")
    touched = list(dict.fromkeys(latest.values_list("version__lesson_id", flat=True)[:20]))
    lessons = {lesson.pk: lesson for lesson in Lesson.objects.open_to(member).filter(pk__in=touched)}
    if not lessons:
        return None
    current = current_versions(lessons.values())
    rules = RuleBook.load(timezone.localdate()).play_rules(path_of(member))
    states = states_of(member, current.values(), rules)
    for lesson_id in touched:
        version = current.get(lesson_id)
        state = states.get(version.pk) if version else None
        if version is None or state is None or state.completed_at is not None:
            continue
        return ContinueItem(
            lesson=lessons[lesson_id],
            version=version,
            position_s=state.position_ms / 1000,
            duration_s=state.duration_s,
            when=state.last_beat_at,
            progress=Progress(**_basics(state, version.pk, version.duration_s, rules)[0]),
        )
    return None


def changed_items(member: Member) -> list[ChangedItem]:
    """Open lessons that the member had completed, and that ask for something again since they were changed.

    The ones changed last come first. Two queries as long as there is none.
    """
    catch_up(member)
    mine = LessonState.objects.filter(member=member).exclude(completed_at=None)
    completed = set(mine.values_list("version__lesson_id", flat=True))
    renewed = set(
        LessonVersion.objects.filter(
            lesson_id__in=completed, number__gt=1, carry__in=[Carry.NEW_PART, Carry.AGAIN]
        ).values_list("lesson_id", flat=True)
    )
    if not renewed:
        return []
    lessons = {lesson.pk: lesson for lesson in Lesson.objects.open_to(member).filter(pk__in=renewed)}
    versions = current_versions(lessons.values())
    progress = progress_of(member, versions.values())
    items = [
        ChangedItem(lesson=lessons[pk], version=version, progress=progress[version.pk])
        for pk, version in versions.items()
        if not progress[version.pk].completed
    ]
    return sorted(items, key=lambda item: item.version.created_at, reverse=True)


def _worth_s(member: Member, versions: Iterable[LessonVersion], year: int) -> dict[int, int]:
    """By version id: seconds for which completing it in `year` brings hours; 0 when the lesson brought some.

    No query as long as no version follows another.
    """
    versions = list(versions)
    keys = {credit_key(version) for version in versions if version.number > 1}
    spent = set()
    if keys:
        mine = StudyHourEntry.objects.filter(member=member, year=year, credit_key__in=keys)
        spent = set(mine.values_list("credit_key", flat=True))
    worth_s = creditable(member.pk, versions)
    return {one.pk: 0 if credit_key(one) in spent else worth_s[one.pk] for one in versions}


def due_items(member: Member, *, today: date | None = None) -> list[DueItem]:
    """Open lessons with a due day (their own, or their course's) that are not completed; nearest day first.

    A lesson whose completion carries over from an earlier version is done.
    """
    today = today or timezone.localdate()
    due_courses = dict(Course.objects.open_to(member).exclude(due_on=None).values_list("path", "due_on"))
    above = Substr("path", 1, Length("path") - Page.steplen)
    lessons = list(
        Lesson.objects.open_to(member)
        .annotate(course_path=above)
        .filter(Q(due_on__isnull=False) | Q(course_path__in=list(due_courses)))
        .select_related("lecture")
    )
    versions = current_versions(lessons)
    everything = progress_of(member, versions.values())
    open_versions = {pk: version for pk, version in versions.items() if not everything[version.pk].completed}
    rule = RuleBook.load(today).hours_rule(path_of(member))
    worth_s = _worth_s(member, open_versions.values(), today.year)
    items = [
        DueItem(
            lesson=lesson,
            version=open_versions[lesson.pk],
            due_on=due_on,
            overdue=due_on < today,
            hours=hours_for(worth_s[open_versions[lesson.pk].pk], rule),
            progress=everything[open_versions[lesson.pk].pk],
        )
        for lesson in lessons
        if lesson.pk in open_versions and (due_on := lesson.due_on or due_courses[lesson.course_path])
    ]
    return sorted(items, key=lambda item: (item.due_on, item.lesson.path))
