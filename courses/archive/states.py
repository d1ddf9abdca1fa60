"""A lesson's state between its row and the pure fold; and by what a member and a lesson are asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime

from courses.archive.models import LessonState
from courses.archive.rules import RuleBook
from courses.archive.spans import Fold, PlayRules
from courses.catalogue.models import LessonVersion
from people.models import Member

__all__ = ["credit_key", "fold_of", "path_of", "rules_for", "store_fold", "studied_at"]


def path_of(member: Member) -> str:
    """Tree path of the member's organisation, "" without one: for asking the rule book."""
    return member.organization.path if member.organization else ""


def credit_key(version: LessonVersion) -> str:
    """Under what a lesson is credited once a year; the same for all of its versions."""
    return f"lesson:{version.lesson_id}"


def fold_of(state: LessonState, kind: str) -> Fold:
    """The pure state behind a row."""
    kept = state.fold
    return Fold(
        seconds=state.duration_s,
        needed_s=state.needed_s,
        kind=kind,
        watched=int.from_bytes(bytes(state.watched), "little"),
        frontier_ms=state.frontier_ms,
        position_ms=state.position_ms,
        refused=tuple((start, end, reason) for start, end, reason in state.refused),
        session=kept["session"],
        seq=kept["seq"],
        clock_ms=kept["clock_ms"],
        claimed_ms=kept["claimed_ms"],
        latest_ms=kept["latest_ms"],
        completed_ms=kept["completed_ms"],
    )


def store_fold(state: LessonState, fold: Fold) -> None:
    """Put the pure state into its row (not saved). What was completed stays so."""
    state.watched = fold.watched.to_bytes((fold.seconds + 7) // 8, "little")
    state.watched_s = fold.watched_s
    state.needed_s = fold.needed_s
    state.position_ms = fold.position_ms
    state.frontier_ms = fold.frontier_ms
    state.refused = [list(one) for one in fold.refused]
    state.fold = {
        "session": fold.session,
        "seq": fold.seq,
        "clock_ms": fold.clock_ms,
        "claimed_ms": fold.claimed_ms,
        "latest_ms": fold.latest_ms,
        "completed_ms": fold.completed_ms,
    }
    if state.completed_at is None and fold.completed_ms is not None:
        state.completed_at = datetime.fromtimestamp(fold.completed_ms / 1000, UTC)


def studied_at(state: LessonState) -> datetime | None:
    """When the beats completed the lesson; None also while something else alone has completed it (`done_by`)."""
    if not state.done_by:
        return state.completed_at
    completed_ms = state.fold["completed_ms"]
    return None if completed_ms is None else datetime.fromtimestamp(completed_ms / 1000, UTC)


def rules_for(member: Member, state: LessonState | None, on: date) -> PlayRules:
    """The rules of watching: as they were at the lesson's first beat, or (before it) those of the day `on`."""
    if state is not None:
        return PlayRules.from_json(state.params)
    return RuleBook.load(on).play_rules(path_of(member))
