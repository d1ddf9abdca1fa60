"""What may be done with the archive: verbs for the other rooms."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from courses.archive.models import Exemption, LearningArchive, StudyHourEntry
from courses.archive.querysets import EntryQuerySet
from courses.catalogue.models import Lesson, LessonVersion
from people.models import Member

__all__ = [
    "ContinueItem",
    "DueItem",
    "Gap",
    "LessonProgress",
    "ModeHours",
    "Play",
    "Progress",
    "Receipt",
    "Span",
    "YearStanding",
    "add_entry",
    "complete_reading",
    "continue_item",
    "due_items",
    "entries",
    "grant_exemption",
    "lesson_progress",
    "open_archive",
    "play",
    "progress_of",
    "record_beats",
    "reverse_entry",
    "revoke_exemption",
    "standings",
    "take_lease",
    "year_standing",
    "years_of",
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
    """As Progress, with the strip. `missing` is empty exactly when the lesson is completed."""

    hours_on_offer: Decimal = Decimal(0)
    credited_hours: Decimal = Decimal(0)
    credited_at: datetime | None = None
    spans: list[Span] = field(default_factory=list)
    missing: list[Gap] = field(default_factory=list)


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
        from courses.archive.wording import FLAGS

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
class DueItem:
    """A lesson with a day until which it is to be done, not completed yet."""

    lesson: Lesson
    version: LessonVersion
    due_on: date
    overdue: bool
    hours: Decimal
    progress: Progress


def open_archive(member: Member, *, at: datetime | None = None) -> LearningArchive:
    """Open the member's archive and this year in it; called again, it returns the one that is there."""
    raise NotImplementedError


def play(member: Member, version: LessonVersion, *, now: datetime | None = None) -> Play:
    """Leave to play `version`, in a session of its own. Writes nothing: the lease is taken by the first beat.

    The caller has found the lesson through `Lesson.objects.open_to(member)`.
    """
    raise NotImplementedError


def record_beats(
    token: str,
    beats: Sequence[Mapping[str, Any]],
    *,
    now: datetime | None = None,
    sent_ms: int | None = None,
) -> Receipt:
    """Keep a batch of beats and reckon them; durable when it returns. Sending a batch twice changes nothing.

    A beat: {"seq", "intervals": [[a_ms, b_ms], …], "position_ms", "rate", "visible", "clock_ms", "flags"}.
    `sent_ms` is the phone's clock in the moment of sending (default: that of the latest beat).
    Raises TokenInvalid, TokenExpired, NotOpen, BadBeats, SeqConflict (nothing moved), LeaseLost
    (what happened before the hand-over is kept, see its `receipt`).
    """
    raise NotImplementedError


def take_lease(token: str, *, now: datetime | None = None) -> Receipt:
    """Let this session go on and the others stop. Raises TokenInvalid, TokenExpired, NotOpen."""
    raise NotImplementedError


def complete_reading(token: str, *, now: datetime | None = None) -> LessonProgress:
    """«I have read it» for a READING lesson: counts the time since the page was opened, by our clock.

    Completes the lesson when that is long enough; otherwise progress says what is missing.
    Raises as `record_beats`, and BadBeats for a lesson of another kind.
    """
    raise NotImplementedError


def lesson_progress(member: Member, version: LessonVersion) -> LessonProgress:
    """Progress with the coverage strip: what counts, what does not and why, what it is worth."""
    raise NotImplementedError


def progress_of(member: Member, versions: Iterable[LessonVersion]) -> dict[int, Progress]:
    """Progress by version id for lists, in one query; versions that were never begun are there too."""
    raise NotImplementedError


def year_standing(member: Member, year: int, *, today: date | None = None) -> YearStanding:
    """How `member` stands in `year` as of `today` (default: today in Shanghai)."""
    raise NotImplementedError


def standings(members: Iterable[Member], year: int, *, today: date | None = None) -> dict[int, YearStanding]:
    """Standings by member id for many members; five queries however many they are."""
    raise NotImplementedError


def continue_item(member: Member) -> ContinueItem | None:
    """The lesson to go on with: the one touched last that is open, current and not completed."""
    raise NotImplementedError


def due_items(member: Member, *, today: date | None = None) -> list[DueItem]:
    """Open lessons with a due day (their own, or their course's) that are not completed; nearest day first."""
    raise NotImplementedError


def entries(member: Member, year: int | None = None) -> EntryQuerySet:
    """The member's ledger, latest first; with `year` only that year's."""
    raise NotImplementedError


def years_of(member: Member) -> list[int]:
    """Years that the member's archive knows, latest first."""
    raise NotImplementedError


def add_entry(
    member: Member,
    *,
    mode: str,
    title: str,
    hours: Decimal,
    finished_at: datetime,
    started_at: datetime | None = None,
    provider: str = "",
    recorder: Member | None = None,
    approver: Member | None = None,
    credit_key: str = "",
    evidence_type: str = "",
    evidence_id: str = "",
    evidence_hash: str = "",
    rule_version: str = "",
    lesson_version: LessonVersion | None = None,
    published_duration_s: int | None = None,
    verified_coverage: Decimal | None = None,
    source_system: str = "",
    reason: str = "",
    now: datetime | None = None,
) -> StudyHourEntry:
    """Add a line to the ledger, e.g. a day of central training that the organiser recorded.

    `recorder` None means the system. A recorder needs the member within her scope, else NotAllowed.
    With a `credit_key` it raises AlreadyCredited the second time in the same year.
    """
    raise NotImplementedError


def reverse_entry(
    entry: StudyHourEntry, *, actor: Member | None, reason: str, now: datetime | None = None
) -> StudyHourEntry:
    """Take an entry back by one with the negative hours. Raises AlreadyReversed, NotAllowed."""
    raise NotImplementedError


def grant_exemption(
    member: Member,
    *,
    year: int,
    basis: str = "ART23",
    reason: str = "",
    actor: Member | None,
    now: datetime | None = None,
) -> Exemption:
    """Free the member from the requirement of `year`; the second time it returns the first. Raises NotAllowed."""
    raise NotImplementedError


def revoke_exemption(exemption: Exemption, *, actor: Member | None, now: datetime | None = None) -> Exemption:
    """Take an exemption back; the row is kept. Raises NotAllowed."""
    raise NotImplementedError


_ = uuid  # the session ids of play()
