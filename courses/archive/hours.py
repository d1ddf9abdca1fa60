"""From the published length of a lesson to study hours (学时). Pure; domain.md §1.3.

Credit follows the published length of what was completed, never the time somebody spent.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from courses.archive.rule_values import Tier

__all__ = ["HoursRule", "hours_for", "may_be_entered"]


@dataclass(frozen=True)
class HoursRule:
    """How length becomes hours: by `tiers` (TIER_YN), or one hour per `seconds_per_hour`,
    rounded down to steps of `step` hours (RATIO_45). `version` is copied into the ledger."""

    code: str
    version: str
    tiers: tuple[Tier, ...] = ()
    test_bonus: Decimal = Decimal(0)
    seconds_per_hour: Decimal | None = None
    step: Decimal = Decimal("0.5")


def hours_for(duration_s: int, rule: HoursRule, *, test_passed: bool = False) -> Decimal:
    """Study hours for completing something published with a length of `duration_s` seconds.

    0 for nothing, or for less than the rule's first step.
    """
    length = Decimal(duration_s)
    if rule.seconds_per_hour:
        hours = (length / rule.seconds_per_hour) // rule.step * rule.step
    else:
        hours = max((tier.hours for tier in rule.tiers if tier.reached(length)), default=Decimal(0))
    return hours + (rule.test_bonus if test_passed else 0)


def may_be_entered(hours: Decimal, most: Decimal) -> bool:
    """Whether somebody may say that they were `hours`: some, in quarters, and at most `most`."""
    return 0 < hours <= most and not hours % Decimal("0.25")
