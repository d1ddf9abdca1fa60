"""Study hours from published length: SH1…SH7 and SH9 of domain.md §1.3 (SH8, SH10: test_credit.py)."""

from decimal import Decimal

import pytest

from courses.archive.hours import HoursRule, hours_for
from courses.archive.rule_values import parse_tiers, parse_value

TIER_YN = HoursRule(
    code="TIER_YN",
    version="TIER_YN@2020-01-01#1",
    tiers=parse_tiers(">0: 0.25; >900: 0.5; >=1800: 1"),
    test_bonus=Decimal("0.5"),
)
RATIO_45 = HoursRule(code="RATIO_45", version="RATIO_45@2020-01-01#1", seconds_per_hour=Decimal(2700))


@pytest.mark.parametrize(
    ("seconds", "tier", "ratio"),
    [
        (300, "0.25", "0"),
        (900, "0.25", "0"),
        (901, "0.5", "0"),
        (1799, "0.5", "0.5"),
        (1800, "1", "0.5"),
        (2700, "1", "1.0"),
        (5400, "1", "2.0"),
        (0, "0", "0"),
    ],
)
def test_length_becomes_hours(seconds, tier, ratio):
    assert hours_for(seconds, TIER_YN) == Decimal(tier)
    assert hours_for(seconds, RATIO_45) == Decimal(ratio)


def test_a_passed_test_adds_half_an_hour_by_the_yunnan_rule_only():
    assert hours_for(1800, TIER_YN, test_passed=True) == Decimal("1.5")
    assert hours_for(1800, RATIO_45, test_passed=True) == Decimal("0.5")


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("HOURS", "dreißig"),
        ("HOURS", "-1"),
        ("HOURS", "NaN"),
        ("SHARE", "1.2"),
        ("TIMES", "1.5"),
        ("YES_NO", "ja"),
        ("WORD", "two words"),
        ("TIERS", ""),
        ("TIERS", ">0 0.25"),
        ("TIERS", ">900: 0.5; >0: 0.25"),
        ("TIERS", ">0: 0.5; >900: 0.25"),
    ],
)
def test_values_that_do_not_fit_their_unit(unit, text):
    with pytest.raises(ValueError):
        parse_value(unit, text)
