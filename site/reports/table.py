"""The completion table as values: rows, counts by organisation, checksum. Pure: no database, no clock.

What a row may hold is closed (domain.md §1.6): state, hours by mode, what is missing, the last
reminder. No log-in times, devices, positions, wrong answers; no rank and no order by result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from courses.archive import completion as archive_rules
from reports.errors import IndicatorNotAllowed

__all__ = [
    "FORBIDDEN",
    "Branch",
    "Counts",
    "Row",
    "allowed",
    "branch_counts",
    "cells",
    "checksum",
    "count",
    "needs_help",
    "plain",
]

FORBIDDEN = frozenset(
    {
        "LOGIN_RATE",
        "INSTALL_RATE",
        "ONLINE_DURATION",
        "LIKE_COUNT",
        "SHARE_COUNT",
        "VOTE_COUNT",
        "STREAK",
        "RANK_POSITION",
    }
)
COLUMNS = frozenset(
    {
        "organization",
        "name",
        "membership",
        "state",
        "hours",
        "target",
        "missing",
        "mode",
        "flags",
        "reminded_on",
    }
)
"""The closed list of what a table of named people shows."""


def allowed(column: str) -> str:
    """`column` itself if a table may show it; raises IndicatorNotAllowed for anything else."""
    if column in FORBIDDEN or column not in COLUMNS:
        raise IndicatorNotAllowed(column)
    return column


@dataclass(frozen=True)
class Row:
    """One person in one year. Hours are Decimal study hours; `modes` holds every mode in the house's order."""

    member_id: int
    uuid: str
    name: str
    membership: str
    organization_code: str
    organization_name: str
    organization_path: str
    activated: bool
    leader: bool
    state: str
    state_label: str
    hours: Decimal
    target: Decimal
    missing: Decimal
    modes: tuple[Decimal, ...]
    flags: tuple[str, ...]
    flag_labels: tuple[str, ...]
    reminded_on: date | None

    @property
    def share(self) -> float:
        """Hours of target, 0..1."""
        return min(float(self.hours / self.target), 1.0) if self.target else 0.0

    @property
    def notes(self) -> str:
        """What else to know, in words; the state already says who is behind."""
        known = zip(self.flags, self.flag_labels, strict=True)
        return "、".join(label for flag, label in known if flag != archive_rules.BEHIND_PACE)

    @property
    def missing_training(self) -> bool:
        return archive_rules.MISSING_CENTRAL_TRAINING in self.flags


@dataclass(frozen=True)
class Counts:
    """People by state. `due` (应学) is the denominator: everybody on the roster who is not exempt."""

    roster: int = 0
    exempt: int = 0
    completed: int = 0
    in_progress: int = 0
    at_risk: int = 0
    not_started: int = 0

    @property
    def due(self) -> int:
        return self.roster - self.exempt

    @property
    def parts(self) -> list[tuple[str, int]]:
        """People by state in the order of a bar, for states that anybody is in."""
        every = [
            (archive_rules.COMPLETED, self.completed),
            (archive_rules.IN_PROGRESS, self.in_progress),
            (archive_rules.AT_RISK, self.at_risk),
            (archive_rules.NOT_STARTED, self.not_started),
            (archive_rules.EXEMPT, self.exempt),
        ]
        return [(state, people) for state, people in every if people]

    @property
    def rate(self) -> Decimal | None:
        """Completed of due, 0..1; None when nobody is due."""
        return Decimal(self.completed) / self.due if self.due else None

    @property
    def percent(self) -> str:
        """`76.7` — one decimal place, cut off, so that 100 means all; empty when nobody is due."""
        return "" if self.rate is None else plain(Decimal(int(self.rate * 1000)) / 10)


@dataclass(frozen=True)
class Branch:
    """One line of the table of organisations: with everything below it, or (`own`) only its own level."""

    uuid: str
    code: str
    name: str
    counts: Counts
    own: bool = False


def count(rows: Iterable[Row]) -> Counts:
    """People by state."""
    states = [row.state for row in rows]
    return Counts(
        roster=len(states),
        exempt=states.count(archive_rules.EXEMPT),
        completed=states.count(archive_rules.COMPLETED),
        in_progress=states.count(archive_rules.IN_PROGRESS),
        at_risk=states.count(archive_rules.AT_RISK),
        not_started=states.count(archive_rules.NOT_STARTED),
    )


def branch_counts(
    rows: Sequence[Row], children: Iterable[tuple[str, str, str, str]], own: tuple[str, str, str, str] | None
) -> list[Branch]:
    """Counts for each of `children` (uuid, code, name, tree path), in the order in which they come.

    People of `own` itself who belong to none of the children make a line of their own, first.
    """
    children = list(children)
    lines = []
    if own and children:
        uuid, code, name, path = own
        here = [row for row in rows if row.organization_path == path]
        if here:
            lines.append(Branch(uuid, code, name, count(here), own=True))
    for uuid, code, name, path in children:
        inside = [row for row in rows if row.organization_path.startswith(path)]
        lines.append(Branch(uuid, code, name, count(inside)))
    return lines


def needs_help(row: Row) -> bool:
    """Whether an organiser can do something for this person now: behind, not begun, or a training missing."""
    if row.state in (archive_rules.EXEMPT, archive_rules.COMPLETED):
        return False
    return row.state in (archive_rules.AT_RISK, archive_rules.NOT_STARTED) or row.missing_training


def plain(number: Decimal) -> str:
    """13.50 → 13.5, 20.00 → 20: hours as people write them."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def cells(row: Row) -> tuple[str | Decimal | date | None, ...]:
    """What the row says, in the order of the export's columns; text, numbers, days."""
    return (
        row.organization_code,
        row.organization_name,
        row.name,
        row.membership,
        row.state_label,
        row.hours,
        row.target,
        row.missing,
        *row.modes,
        row.notes,
        row.reminded_on,
    )


def checksum(heading: str, lines: Iterable[Sequence[str | Decimal | date | None]]) -> str:
    """Eight signs like 7F3A-91C2 over a heading and the cells of all lines, in their order.

    Same rows, same signs, on the screen and in the file; the moment of making them does not enter.
    """
    digest = hashlib.sha256(heading.encode())
    for line in lines:
        digest.update(b"\n" + "\t".join(_text(cell) for cell in line).encode())
    signs = digest.hexdigest()[:8].upper()
    return f"{signs[:4]}-{signs[4:]}"


def _text(cell: str | Decimal | date | None) -> str:
    if cell is None:
        return ""
    if isinstance(cell, Decimal):
        return plain(cell)
    return cell.isoformat() if isinstance(cell, date) else cell
