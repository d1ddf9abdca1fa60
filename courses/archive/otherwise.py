"""A text lesson completed by something else than the time spent with its text.

Today that is an interactive course that hangs on it (cmi5). What a unit says in a member's browser is measured by
nobody, so it completes no lesson that has footage: there only recomputed coverage does (domain.md §1.7). Hours are
not entered here; whoever brings the evidence enters those that the rules give for it.
"""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from courses.archive import ledger
from courses.archive.beginnings import beginning_of
from courses.archive.folding import fold_locked_if_possible
from courses.archive.models import LessonState
from courses.archive.signals import lesson_completed
from courses.archive.states import rules_for, store_fold
from courses.catalogue.models import LessonKind, LessonVersion
from people.models import Member

__all__ = ["complete_otherwise"]


def complete_otherwise(member: Member, version: LessonVersion, *, done_by: str, at: datetime) -> bool:
    """Note that `done_by` (e.g. cmi5:<uuid>) completed the text lesson `version` at `at`; whether that was news.

    Inside a transaction. Called again, or for a lesson that is completed, or one with footage, nothing moves.
    What waits in the log is folded first, so that study which came before it stays what completed the lesson.
    Time spent with the text later counts as ever, and may still bring the hours of the text.
    """
    if version.kind != LessonKind.READING:
        return False
    archive = ledger.lock_archive(member, at=at)
    fold_locked_if_possible(archive, version=version, now=at)
    state = LessonState.objects.filter(member=member, version=version).first()
    if state is None:
        rules = rules_for(member, None, timezone.localdate(at))
        state = LessonState(
            member=member,
            version=version,
            duration_s=version.duration_s,
            params=rules.as_json(),
            last_beat_at=at,
        )
        store_fold(state, beginning_of(member.pk, version, rules))
    if state.completed_at is not None:
        return False
    state.completed_at, state.done_by = at, done_by
    state.save()
    lesson_completed.send(sender=LessonState, member=member, version=version, at=at)
    return True
