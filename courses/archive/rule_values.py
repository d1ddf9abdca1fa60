"""Reading the value of a rule: numbers, words, and tables of tiers. Pure."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from itertools import pairwise

__all__ = ["MEASURES", "Measure", "Tier", "Value", "parse_measures", "parse_tiers", "parse_value"]


@dataclass(frozen=True)
class Tier:
    """From which length on so many hours are credited: `length > after_s` or, if `inclusive`, `>=`."""

    after_s: Decimal
    inclusive: bool
    hours: Decimal

    def reached(self, duration_s: Decimal) -> bool:
        return duration_s >= self.after_s if self.inclusive else duration_s > self.after_s


@dataclass(frozen=True)
class Measure:
    """So much of one unit, e.g. 3 DAYS. Days and hours are two measures; neither is reckoned from the other."""

    amount: Decimal
    unit: str


Value = Decimal | Fraction | str | bool | tuple[Tier, ...] | tuple[Measure, ...]

MEASURES = ("HOURS", "DAYS", "MONTHS", "TIMES")
_MEASURE = re.compile(rf"(\d+(?:\.\d+)?)\s+({'|'.join(MEASURES)})")
_STEP = re.compile(r"(>=|>)\s*(\d+(?:\.\d+)?)\s*:\s*(\d+(?:\.\d+)?)")


def parse_tiers(text: str) -> tuple[Tier, ...]:
    """Read e.g. `>0: 0.25; >900: 0.5; >=1800: 1` (seconds and hours, ascending). Raises ValueError."""
    tiers: list[Tier] = []
    for step in (part.strip() for part in text.split(";")):
        found = _STEP.fullmatch(step)
        if not found:
            raise ValueError(step or "«»")
        tiers.append(Tier(Decimal(found[2]), found[1] == ">=", Decimal(found[3])))
    if any(b.after_s <= a.after_s or b.hours < a.hours for a, b in pairwise(tiers)):
        raise ValueError(text)
    return tuple(tiers)


def parse_measures(text: str) -> tuple[Measure, ...]:
    """Read alternatives, e.g. `3 DAYS | 24 HOURS`: either will do. Raises ValueError."""
    found = []
    for part in (one.strip() for one in text.split("|")):
        match = _MEASURE.fullmatch(part)
        if not match or not Decimal(match[1]):
            raise ValueError(part or "«»")
        found.append(Measure(Decimal(match[1]), match[2]))
    if len({one.unit for one in found}) < len(found):
        raise ValueError(text)
    return tuple(found)


def parse_value(unit: str, text: str) -> Value:
    """The value `text` in `unit` (models.RuleUnit). Raises ValueError naming what does not fit."""
    text = text.strip()
    if unit == "TIERS":
        return parse_tiers(text)
    if unit == "MEASURES":
        return parse_measures(text)
    if unit == "FRACTION":
        if not re.fullmatch(r"\d{1,6}/[1-9]\d{0,5}", text) or Fraction(text) > 1:
            raise ValueError(text)
        return Fraction(text)
    if unit == "WORD":
        if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
            raise ValueError(text)
        return text
    if unit == "YES_NO":
        if text not in {"0", "1"}:
            raise ValueError(text)
        return text == "1"
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(text) from None
    if not number.is_finite() or number < 0 or (unit == "SHARE" and number > 1):
        raise ValueError(text)
    if unit in {"TIMES", "DAYS", "MONTHS"} and number != number.to_integral_value():
        raise ValueError(text)
    return number
