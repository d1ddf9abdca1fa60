"""From study hours to credits of another system, and back. Pure; domain.md §1.5.

No national credit bank for members was found, so a conversion is dated data (models.CreditConversion) that
says its ratio, its step, which way it rounds, and its cap.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

__all__ = ["ROUNDINGS", "Conversion", "convert"]

ROUNDINGS = {"FLOOR": ROUND_FLOOR, "HALF_UP": ROUND_HALF_UP, "CEILING": ROUND_CEILING}


@dataclass(frozen=True)
class Conversion:
    """`ratio` of the one make one of the other (16: sixteen hours a credit), in steps of `step`, at most `cap`."""

    ratio: Decimal
    step: Decimal
    rounding: str = "FLOOR"
    cap: Decimal | None = None


def convert(amount: Decimal, rule: Conversion) -> Decimal:
    """40 at 16:1, floor to 0.5 → 2.5. Raises ValueError for less than nothing."""
    if amount < 0:
        raise ValueError(amount)
    steps = (amount / rule.ratio / rule.step).to_integral_value(rounding=ROUNDINGS[rule.rounding])
    made = steps * rule.step
    return made if rule.cap is None else min(made, rule.cap)
