"""Whether somebody has completed a class, and what it is worth. Pure; domain.md §1.1 (LEAVE_1_7), §1.2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

__all__ = [
    "COUNTED_ELSEWHERE",
    "EXAM_OPEN",
    "LESSONS_OPEN",
    "MISSED_TOO_MUCH",
    "NOTHING_HELD",
    "NOT_RECORDED",
    "Facts",
    "Verdict",
    "judge",
]

NOTHING_HELD = "NOTHING_HELD"
NOT_RECORDED = "NOT_RECORDED"
MISSED_TOO_MUCH = "MISSED_TOO_MUCH"
LESSONS_OPEN = "LESSONS_OPEN"
EXAM_OPEN = "EXAM_OPEN"
COUNTED_ELSEWHERE = "COUNTED_ELSEWHERE"


@dataclass(frozen=True)
class Facts:
    """What is known of one member in one class. `sessions` are (hours, PRESENT | LEAVE | ABSENT | None)."""

    online_hours: Decimal | None = None
    """What an online class is worth, 0 where other classes have credited all of it; None for one at the place."""
    sessions: Sequence[tuple[Decimal, str | None]] = field(default_factory=tuple)
    lessons_open: int = 0
    exam_open: bool = False


@dataclass(frozen=True)
class Verdict:
    """`hours` to credit once met; `missed` of `total` hours; `open` says what is still in the way."""

    met: bool
    hours: Decimal
    missed: Decimal
    total: Decimal
    open: tuple[str, ...]


def judge(facts: Facts, leave_max: Fraction) -> Verdict:
    """At the place: attendance is recorded and at most `leave_max` of the hours were missed, with leave or
    without; worth the hours attended. Online: all lessons and the exam; worth the hours of the class.
    """
    reasons = []
    if facts.online_hours is None:
        total = sum((hours for hours, _status in facts.sessions), Decimal(0))
        missed = sum((hours for hours, status in facts.sessions if status in {"LEAVE", "ABSENT"}), Decimal(0))
        hours = sum((hours for hours, status in facts.sessions if status == "PRESENT"), Decimal(0))
        if not facts.sessions:
            reasons.append(NOTHING_HELD)
        elif any(status is None for _hours, status in facts.sessions):
            reasons.append(NOT_RECORDED)
        if Fraction(missed) > Fraction(total) * leave_max:
            reasons.append(MISSED_TOO_MUCH)
    else:
        total, missed, hours = facts.online_hours, Decimal(0), facts.online_hours
        if not facts.online_hours:
            reasons.append(COUNTED_ELSEWHERE)
        if facts.lessons_open:
            reasons.append(LESSONS_OPEN)
    if facts.exam_open:
        reasons.append(EXAM_OPEN)
    return Verdict(not reasons, hours, missed, total, tuple(reasons))
