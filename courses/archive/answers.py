"""What the archive answers: plain frozen values, without a way back into the database."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from courses.archive.chain import Finding
from courses.archive.wording import FLAGS
from courses.catalogue.models import Lesson, LessonVersion

__all__ = [
    "ChangedItem",
    "ContinueItem",
    "DueItem",
    "Gap",
    "LessonProgress",
    "ModeHours",
    "Play",
    "Progress",
    "Receipt",
    "Span",
    "Verification",
    "YearStanding",
]


@dataclass(frozen=True)
class Play:
    """Leave to play one lesson version in one session; what the player needs to know (seconds, 0..1)."""

    token: str
    session: str
    version: str
    kind: str
    duration_s: int
    resume_s: float
    frontier_s: float
    coverage: float
    watched_s: int
    needed_s: int
    completed: bool
    speed_cap: float
    free_seek: bool
    beat_seconds: int
    expires_at: datetime


@dataclass(frozen=True)
class Span:
    """A stretch of the coverage strip. `kind`: counted | not_counted | unwatched; `reason` is for people."""

    start_s: int
    end_s: int
    kind: str
    reason_code: str = ""
    reason: str = ""

    @property
    def length_s(self) -> int:
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Gap:
    """A stretch that is still missing, with the reason in words and its times as `04:04`."""

    start_s: int
    end_s: int
    reason_code: str
    reason: str
    start_label: str
    end_label: str


@dataclass(frozen=True)
class Progress:
    """How far a member is with one version, for lists. `left_s` seconds are missing until it counts."""

    version_id: int
    duration_s: int
    coverage: float
    watched_s: int
    needed_s: int
    position_s: float
    completed_at: datetime | None
    last_at: datetime | None
    not_counted: int = 0
    """Number of stretches that were played and did not count."""
    missing: list[Gap] = field(default_factory=list)
    """Why the lesson does not count yet: stretches, each with its reason. Empty exactly when it is completed."""
    done_by: str = ""
    """What completed it instead of watching or reading, e.g. cmi5:<uuid> (otherwise.py)."""

    @property
    def completed(self) -> bool:
        return self.completed_at is not None

    @property
    def begun(self) -> bool:
        return self.last_at is not None

    @property
    def left_s(self) -> int:
        return 0 if self.completed else max(self.needed_s - self.watched_s, 0)

    @property
    def percent(self) -> int:
        """Coverage in whole per cent, rounded down: 99.9 is not 100."""
        return int(self.coverage * 100 + 1e-9)


@dataclass(frozen=True)
class LessonProgress(Progress):
    """As Progress, with the strip and what the lesson is worth."""

    hours_on_offer: Decimal = Decimal(0)
    credited_hours: Decimal = Decimal(0)
    credited_at: datetime | None = None
    spans: list[Span] = field(default_factory=list)


@dataclass(frozen=True)
class Receipt:
    """The answer to a batch: which beats are kept (delete them), and how the lesson stands now."""

    accepted: list[int]
    duplicates: list[int]
    state: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class ModeHours:
    """Hours of one mode: `hours` as they count after caps, `recorded` as they stand in the ledger."""

    code: str
    label: str
    hours: Decimal
    colour: str
    recorded: Decimal


@dataclass(frozen=True)
class YearStanding:
    """How a member stands in a year. `target` is None where there is no requirement (staff).

    `state`: EXEMPT, COMPLETED, AT_RISK, IN_PROGRESS or NOT_STARTED (completion.py);
    `flags`: MISSING_CENTRAL_TRAINING, BEHIND_PACE.
    """

    member_id: int
    year: int
    hours: Decimal
    target: Decimal | None
    missing: Decimal
    by_mode: list[ModeHours]
    state: str
    state_label: str
    flags: list[str]
    leader: bool
    rule_version: str

    @property
    def flag_labels(self) -> list[str]:
        return [str(FLAGS[flag]) for flag in self.flags]

    @property
    def share(self) -> float:
        """Hours of target, 0..1."""
        return min(float(self.hours / self.target), 1.0) if self.target else 0.0


@dataclass(frozen=True)
class ContinueItem:
    """The lesson that the member left last without completing it."""

    lesson: Lesson
    version: LessonVersion
    position_s: float
    duration_s: int
    when: datetime
    progress: Progress


@dataclass(frozen=True)
class ChangedItem:
    """A lesson that the member had completed and that was changed since, so that something is to be studied."""

    lesson: Lesson
    version: LessonVersion
    progress: Progress


@dataclass(frozen=True)
class DueItem:
    """A lesson with a day until which it is to be done, not completed yet."""

    lesson: Lesson
    version: LessonVersion
    due_on: date
    overdue: bool
    hours: Decimal
    progress: Progress


@dataclass(frozen=True)
class Verification:
    """What a look through the whole ledger found; how many entries, members with entries, and seals it read."""

    entries: int
    members: int
    seals: int
    findings: tuple[Finding, ...]

    @property
    def whole(self) -> bool:
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        return {
            "whole": self.whole,
            "entries": self.entries,
            "members": self.members,
            "seals": self.seals,
            "findings": [one.as_json() for one in self.findings],
        }
