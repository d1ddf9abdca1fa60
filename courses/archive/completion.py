"""How a member stands against the year's requirement. Pure; domain.md §1.1, §1.2, §1.6."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_CEILING, Decimal

__all__ = [
    "AT_RISK",
    "BEHIND_PACE",
    "COMPLETED",
    "EXEMPT",
    "IN_PROGRESS",
    "MISSING_CENTRAL_TRAINING",
    "NOT_STARTED",
    "STATES",
    "Assessment",
    "MemberYear",
    "YearRules",
    "assess",
    "pace",
    "rate",
    "target_hours",
]

EXEMPT = "EXEMPT"
COMPLETED = "COMPLETED"
AT_RISK = "AT_RISK"
IN_PROGRESS = "IN_PROGRESS"
NOT_STARTED = "NOT_STARTED"
STATES = (EXEMPT, COMPLETED, AT_RISK, IN_PROGRESS, NOT_STARTED)

MISSING_CENTRAL_TRAINING = "MISSING_CENTRAL_TRAINING"
BEHIND_PACE = "BEHIND_PACE"

HALF = Decimal("0.5")


@dataclass(frozen=True)
class YearRules:
    """The dated rules of one year for one organisation."""

    member_hours: Decimal = Decimal(32)
    leader_hours: Decimal = Decimal(56)
    leader_central_times: int = 1
    self_online_cap: Decimal = Decimal(16)
    caps: Mapping[str, Decimal] = field(default_factory=dict)
    """At most so many hours of other modes, by mode; a mode that is not there counts whole."""
    online_class_is_central: bool = True
    at_risk_share: Decimal = Decimal("0.8")
    prorate_joiners: bool = False
    preset: str = "platform-mixed"


@dataclass(frozen=True)
class MemberYear:
    """What is known of one member in one year. `recorded` are ledger sums by mode, `central_offline` and
    `central_online` the numbers of trainings that stand."""

    recorded: Mapping[str, Decimal]
    leader: bool = False
    exempt: bool = False
    concerned: bool = True
    """False for staff accounts: no requirement."""
    joined_on: date | None = None
    central_offline: int = 0
    central_online: int = 0


@dataclass(frozen=True)
class Assessment:
    """`counted` are hours by mode after caps; `target` is None where there is no requirement."""

    state: str
    hours: Decimal
    target: Decimal | None
    missing: Decimal
    counted: dict[str, Decimal]
    flags: tuple[str, ...]


def pace(target: Decimal, day_of_year: int) -> Decimal:
    """Hours that an even year would have brought by that day (365 days to a year, at most the target)."""
    return target * min(day_of_year, 365) / 365


def target_hours(year: int, rules: YearRules, *, leader: bool, joined_on: date | None) -> Decimal:
    """Hours required in `year`. Who joins in the year has the whole, or (option) 1/12 for each month begun.

    The part is rounded up to half hours: joined on 15 July, 32 a year: 6 months, 16.
    """
    whole = rules.leader_hours if leader else rules.member_hours
    if not rules.prorate_joiners or joined_on is None or joined_on.year != year:
        return whole
    months = 13 - joined_on.month
    return (whole * months / 12 / HALF).to_integral_value(rounding=ROUND_CEILING) * HALF


def assess(member: MemberYear, rules: YearRules, *, year: int, on: date) -> Assessment:
    """State of one member in `year` as seen on the day `on` (a later year's day sees the whole year).

    The first that is true: EXEMPT, COMPLETED, NOT_STARTED (nothing recorded at all), AT_RISK (behind
    `at_risk_share` of an even pace), IN_PROGRESS. domain.md §1.6 names NOT_STARTED last; taken by the
    letter nobody would ever be it, since zero hours are behind any pace from 1 January on. Both
    carry the flag BEHIND_PACE. A leader needs the hours and the central training.
    """
    counted = {mode: hours for mode, hours in member.recorded.items() if hours > 0}
    caps = {**rules.caps, "SELF_ONLINE": rules.self_online_cap}
    counted = {mode: min(hours, caps.get(mode, hours)) for mode, hours in counted.items()}
    hours = sum(counted.values(), Decimal(0))
    if not member.concerned:
        return Assessment(IN_PROGRESS if hours else NOT_STARTED, hours, None, Decimal(0), counted, ())
    target = target_hours(year, rules, leader=member.leader, joined_on=member.joined_on)
    if member.exempt:
        return Assessment(EXEMPT, hours, target, Decimal(0), counted, ())
    flags = []
    trainings = member.central_offline + (member.central_online if rules.online_class_is_central else 0)
    if member.leader and trainings < rules.leader_central_times:
        flags.append(MISSING_CENTRAL_TRAINING)
    missing = max(target - hours, Decimal(0))
    day_of_year = on.timetuple().tm_yday if on.year == year else (365 if on.year > year else 0)
    behind = missing > 0 and hours < rules.at_risk_share * pace(target, day_of_year)
    if behind:
        flags.append(BEHIND_PACE)
    if missing == 0 and MISSING_CENTRAL_TRAINING not in flags:
        state = COMPLETED
    elif not any(member.recorded.values()):
        state = NOT_STARTED
    elif behind:
        state = AT_RISK
    else:
        state = IN_PROGRESS
    return Assessment(state, hours, target, missing, counted, tuple(flags))


def rate(states: Mapping[str, int]) -> Decimal | None:
    """Share of completed members: completed / (all − exempt). None when nobody is left to count."""
    due = sum(states.values()) - states.get(EXEMPT, 0)
    return Decimal(states.get(COMPLETED, 0)) / due if due else None
