"""State against the year's requirement: domain.md §1.3 (joiners) and §1.6 (vectors of 2026-09-30)."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.archive.completion import (
    AT_RISK,
    BEHIND_PACE,
    COMPLETED,
    EXEMPT,
    IN_PROGRESS,
    MISSING_CENTRAL_TRAINING,
    NOT_STARTED,
    STATES,
    MemberYear,
    YearRules,
    assess,
    pace,
    rate,
    target_hours,
)

RULES = YearRules()
DAY = date(2026, 9, 30)


def year(hours, *, mode="COLLECTIVE", **more):
    return MemberYear(recorded={mode: Decimal(hours)} if hours is not None else {}, **more)


def test_pace_of_day_273():
    assert DAY.timetuple().tm_yday == 273
    assert round(pace(Decimal(32), 273), 2) == Decimal("23.93")
    assert round(pace(Decimal(32), 273) * RULES.at_risk_share, 2) == Decimal("19.15")
    assert round(pace(Decimal(56), 273), 2) == Decimal("41.88")
    assert round(pace(Decimal(56), 273) * RULES.at_risk_share, 2) == Decimal("33.51")


@pytest.mark.parametrize(
    ("member", "state", "flags", "missing"),
    [
        (year("33.0"), COMPLETED, (), 0),
        (year("20.0"), IN_PROGRESS, (), 12),
        (year("18.0"), AT_RISK, (BEHIND_PACE,), 14),
        (year("0", exempt=True), EXEMPT, (), 0),
        (year("40.0", leader=True), IN_PROGRESS, (MISSING_CENTRAL_TRAINING,), 16),
        (year("56", leader=True), IN_PROGRESS, (MISSING_CENTRAL_TRAINING,), 0),
        (year("48.0", leader=True, central_offline=1), IN_PROGRESS, (), 8),
        (year("56", leader=True, central_offline=1), COMPLETED, (), 0),
        (year("56", leader=True, central_online=1), COMPLETED, (), 0),
        (year(None), NOT_STARTED, (BEHIND_PACE,), 32),
    ],
)
def test_states_on_30_september(member, state, flags, missing):
    found = assess(member, RULES, year=2026, on=DAY)
    assert (found.state, found.flags, found.missing) == (state, flags, missing)


def test_on_1_january_nobody_is_behind_who_has_begun():
    found = assess(year("0.25"), RULES, year=2026, on=date(2026, 1, 1))
    assert (found.state, found.flags) == (IN_PROGRESS, ())


def test_self_study_counts_up_to_its_cap():
    mixed = assess(year("20", mode="SELF_ONLINE"), RULES, year=2026, on=DAY)
    assert (mixed.hours, mixed.counted) == (16, {"SELF_ONLINE": Decimal(16)})
    strict = YearRules(self_online_cap=Decimal(0), online_class_is_central=False, preset="strict-2019")
    found = assess(year("20", mode="SELF_ONLINE"), strict, year=2026, on=DAY)
    assert (found.hours, found.state, found.missing) == (0, AT_RISK, 32)
    leader = year("56", leader=True, central_online=1)
    assert assess(leader, strict, year=2026, on=DAY).flags == (MISSING_CENTRAL_TRAINING,)


def test_staff_have_no_requirement():
    found = assess(year(None, concerned=False), RULES, year=2026, on=DAY)
    assert (found.target, found.missing, found.flags) == (None, 0, ())


@pytest.mark.parametrize(
    ("prorate", "joined_on", "target"),
    [
        (False, date(2026, 7, 15), "32"),
        (True, date(2026, 7, 15), "16"),
        (True, date(2026, 12, 1), "3"),
        (True, date(2026, 1, 31), "32"),
        (True, date(2025, 7, 15), "32"),
        (True, None, "32"),
    ],
)
def test_who_joins_in_the_year(prorate, joined_on, target):
    rules = YearRules(prorate_joiners=prorate)
    assert target_hours(2026, rules, leader=False, joined_on=joined_on) == Decimal(target)


def test_rate_leaves_the_exempt_out():
    assert rate({COMPLETED: 1, IN_PROGRESS: 2, AT_RISK: 1, EXEMPT: 1}) == Decimal("0.25")
    assert rate({EXEMPT: 3}) is None


@given(
    st.dictionaries(
        st.sampled_from(["CENTRAL_OFFLINE", "COLLECTIVE", "SELF_ONLINE"]),
        st.decimals(0, 99, places=2),
    ),
    st.booleans(),
    st.booleans(),
    st.dates(date(2025, 1, 1), date(2028, 12, 31)),
)
def test_each_member_has_one_state_and_more_hours_never_make_it_worse(recorded, leader, exempt, on):
    member = MemberYear(recorded=recorded, leader=leader, exempt=exempt, central_offline=1)
    found = assess(member, RULES, year=2026, on=on)
    assert found.state in STATES
    assert found.hours == sum(found.counted.values())
    assert exempt or found.missing == max(0, (found.target or 0) - found.hours)
    more = MemberYear(
        recorded={**recorded, "COLLECTIVE": recorded.get("COLLECTIVE", Decimal(0)) + 60},
        leader=leader,
        exempt=exempt,
        central_offline=1,
    )
    assert assess(more, RULES, year=2026, on=on).state == (EXEMPT if exempt else COMPLETED)
