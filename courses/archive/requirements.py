"""Requirements that are stated as alternatives («≥3 days or ≥24 study hours»). Pure; domain.md §1.1.

Days and study hours are never converted into each other: 24/3 is 8 a day, 90/12 is 7.5.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from courses.archive.rule_values import Measure

__all__ = ["cadre_online_hours", "lacking", "met"]


def met(alternatives: Sequence[Measure], reached: Mapping[str, Decimal]) -> bool:
    """Whether any of the alternatives is reached whole, each by its own measure."""
    return any(reached.get(one.unit, Decimal(0)) >= one.amount for one in alternatives)


def lacking(alternatives: Sequence[Measure], reached: Mapping[str, Decimal]) -> tuple[Measure, ...]:
    """What is still missing by each measure; any one of them would do. () once met."""
    if met(alternatives, reached):
        return ()
    return tuple(Measure(one.amount - reached.get(one.unit, Decimal(0)), one.unit) for one in alternatives)


def cadre_online_hours(recorded: Mapping[str, Decimal], modes: Collection[str]) -> Decimal:
    """Hours that count to REQ_CADRE_ONLINE: those of `modes` (RuleBook.cadre_modes), whole, without caps."""
    return sum((hours for mode, hours in recorded.items() if mode in modes), Decimal(0))
