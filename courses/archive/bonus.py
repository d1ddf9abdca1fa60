"""The hours of a lesson's test: +0.5 once the lesson is completed and its test passed, whichever comes last."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from django.utils import timezone

from courses.archive import ledger
from courses.archive.errors import AlreadyCredited, YearClosed
from courses.archive.models import LessonState, StudyHourEntry, StudyMode
from courses.archive.rules import RuleBook
from courses.catalogue.models import LessonVersion
from courses.quizzes.models import Attempt, Paper
from people.models import Member

__all__ = ["after_exam", "after_lesson"]


def after_exam(
    sender: Any, member: Member, paper: Paper, attempt: Attempt, at: datetime, **kwargs: Any
) -> None:
    """Receiver of quizzes.signals.exam_passed."""
    if paper.lesson_id is None:
        return
    # First the lock, so that a lesson which is completed this very moment is seen, or sees us.
    ledger.lock_archive(member, at=at)
    completed = LessonState.objects.filter(
        member=member, version__lesson_id=paper.lesson_id, completed_at__isnull=False
    )
    if completed.exists():
        _credit(member, attempt, at)


def after_lesson(sender: Any, member: Member, version: LessonVersion, at: datetime, **kwargs: Any) -> None:
    """Receiver of archive.signals.lesson_completed: the test may have been passed before."""
    passed = Attempt.objects.of(member).filter(paper__lesson_id=version.lesson_id, passed=True)
    attempt = passed.select_related("paper").order_by("submitted_at").first()
    if attempt is not None:
        _credit(member, attempt, at)


def _credit(member: Member, attempt: Attempt, at: datetime) -> None:
    """Once for a lesson, in the year in which both were there (domain.md §1.3, SH9)."""
    key = f"test:{attempt.paper.lesson_id}"
    if StudyHourEntry.objects.of(member).filter(credit_key=key).exists():
        return
    path = member.organization.path if member.organization else ""
    book = RuleBook.load(timezone.localdate(at))
    rule = book.hours_rule(path)
    if not rule.test_bonus:
        return
    # An exam that nobody handed in may be graded much later: it is recorded now, whenever it ended.
    now = timezone.now()

    def enter(finished_at: datetime) -> None:
        ledger.add_entry(
            member,
            mode=StudyMode.SELF_ONLINE,
            title=attempt.title,
            hours=rule.test_bonus,
            started_at=attempt.started_at,
            finished_at=finished_at,
            credit_key=key,
            evidence_type="exam",
            evidence_id=str(attempt.uuid),
            rule_version=book.find("TEST_BONUS", path).version,
            now=now,
        )

    with suppress(AlreadyCredited):
        try:
            enter(at)
        except YearClosed:  # graded after its year was closed: it counts for the year in which it is graded
            enter(now)
