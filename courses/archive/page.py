"""What the member's archive page shows: a year line by line, all years by mode, and what one entry rests on.

Each function says how many queries it makes, whatever the number of years.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Sum
from django.utils import timezone

from courses.archive import chain
from courses.archive.cmi5.models import Cmi5Course
from courses.archive.models import (
    ArchiveSeal,
    ArchiveYear,
    Exemption,
    LearningArchive,
    Rule,
    StudyHourEntry,
    StudyMode,
)
from courses.archive.wording import evidence_words
from courses.catalogue.models import Lesson
from people.models import Member, PostRole

__all__ = [
    "Evidence",
    "Intact",
    "Line",
    "YearLine",
    "evidence_of",
    "exemptions",
    "intact",
    "lines",
    "years",
]

LINES_A_PAGE = 30
SEALS_LOOKED_AT = 5


@dataclass(frozen=True)
class Line:
    """One entry as the list shows it. `taken_back`: another entry reverses it; `reversal`: it is that other one."""

    uuid: UUID
    title: str
    mode: str
    hours: Decimal
    finished_at: datetime
    provider: str
    reason: str
    reversal: bool
    taken_back: bool

    @property
    def mode_label(self) -> str:
        return str(_MODES[self.mode])

    @property
    def on(self) -> date:
        """The day in Shanghai."""
        return timezone.localdate(self.finished_at)


_MODES = {mode.value: mode.label for mode in StudyMode}


def lines(member: Member, year: int, *, page: int = 1) -> tuple[list[Line], bool]:
    """The member's entries that count for `year`, latest first, 30 a page; and whether more follow. One query."""
    start = (max(page, 1) - 1) * LINES_A_PAGE
    rows = (
        StudyHourEntry.objects.of(member)
        .in_year(year)
        .order_by("-finished_at", "-pk")
        .values_list(
            "uuid",
            "title",
            "mode",
            "hours",
            "finished_at",
            "provider",
            "reason",
            "reversal_of_id",
            "reversal__pk",
        )[start : start + LINES_A_PAGE + 1]
    )
    found = [Line(*row[:7], row[7] is not None, row[8] is not None) for row in rows]
    return found[:LINES_A_PAGE], len(found) > LINES_A_PAGE


def exemptions(member: Member) -> list[Exemption]:
    """The member's exemptions that were not taken back, the latest first, each with who gave it. One query."""
    found = Exemption.objects.standing().filter(member=member).select_related("granted_by", "ended_by")
    return list(found.order_by("-year"))


@dataclass(frozen=True)
class YearLine:
    """One year: hours of each mode as they stand in the ledger (before caps), and how many entries."""

    year: int
    hours: Decimal
    by_mode: dict[str, Decimal]
    entries: int
    exempt: bool

    @property
    def modes(self) -> list[tuple[str, str, Decimal]]:
        """(code, label, hours) of the modes that brought hours, in the order of StudyMode."""
        return [
            (mode.value, str(mode.label), self.by_mode[mode]) for mode in StudyMode if self.by_mode.get(mode)
        ]


def years(member: Member, freed: list[Exemption] | None = None) -> list[YearLine]:
    """All years that the member's archive knows, latest first. Three queries, two with `exemptions` given."""
    opened = set(ArchiveYear.objects.filter(member=member).values_list("year", flat=True))
    this_year = timezone.localdate().year
    exempt = {
        year
        for one in (exemptions(member) if freed is None else freed)
        for year in one.years(last=max({this_year, *opened}))
    }
    hours: dict[int, dict[str, Decimal]] = defaultdict(dict)
    counts: dict[int, int] = defaultdict(int)
    rows = StudyHourEntry.objects.of(member).order_by().values("year", "mode")
    for row in rows.annotate(sum=Sum("hours"), number=Count("pk")):
        hours[row["year"]][row["mode"]] = row["sum"]
        counts[row["year"]] += row["number"]
    return [
        YearLine(
            year=year,
            hours=sum(hours[year].values(), Decimal(0)),
            by_mode=hours[year],
            entries=counts[year],
            exempt=year in exempt,
        )
        for year in sorted({*opened, *exempt, *hours}, reverse=True)
    ]


def year_line(member: Member, year: int) -> YearLine:
    """One year as it stands in the ledger, whatever rules there are. One query."""
    rows = StudyHourEntry.objects.of(member).in_year(year).order_by().values("mode")
    found = list(rows.annotate(sum=Sum("hours"), number=Count("pk")))
    return YearLine(
        year=year,
        hours=sum((row["sum"] for row in found), Decimal(0)),
        by_mode={row["mode"]: row["sum"] for row in found},
        entries=sum(row["number"] for row in found),
        exempt=False,
    )


# What one entry rests on


@dataclass(frozen=True)
class Intact:
    """What can be said of an entry's place in the chain, looking at it and its neighbour now.

    `whole`: what stands there gives the link that stands there, after the entry before. `sealed_on`: the day whose
    seal holds exactly this link; None when no seal holds the place yet. `differs`: a seal holds another one.
    """

    seq: int
    of: int
    link: str
    whole: bool
    sealed_on: date | None
    differs: bool

    @property
    def fine(self) -> bool:
        return self.whole and not self.differs


@dataclass(frozen=True)
class Evidence:
    """One entry with everything that it rests on; texts are for people."""

    entry: StudyHourEntry
    reversal: StudyHourEntry | None
    source: str
    """What it came from, in words."""
    facts: list[tuple[str, str]]
    """(label, value) of what applies."""
    lesson_url: str
    rule: Rule | None
    rule_revised: bool
    """The rule was edited after this entry was reckoned with it."""
    roles: list[str]
    intact: Intact
    links: dict[str, Any] = field(default_factory=dict)


def evidence_of(member: Member, entry_uuid: UUID) -> Evidence | None:
    """What the member's entry rests on; None when she has none of that number. At most ten queries."""
    entry = (
        StudyHourEntry.objects.of(member)
        .select_related("reversal_of", "recorder", "approver", "lesson_version__lesson")
        .filter(uuid=entry_uuid)
        .first()
    )
    if entry is None:
        return None
    reversal = StudyHourEntry.objects.filter(reversal_of=entry).select_related("recorder").first()
    version = entry.lesson_version
    url = _lesson_url(member, version.lesson_id if version else _lesson_of_course(entry))
    source, facts = evidence_words(entry, version)
    rule, revised = _rule_of(entry.rule_version)
    return Evidence(
        entry=entry,
        reversal=reversal,
        source=source,
        facts=facts,
        lesson_url=url,
        rule=rule,
        rule_revised=revised,
        roles=[
            str(PostRole(one).label) if one in PostRole.values else one
            for one in entry.roles.split(",")
            if one
        ],
        intact=intact(entry),
    )


def _lesson_of_course(entry: StudyHourEntry) -> int | None:
    """The lesson on which the interactive course hangs that brought the entry."""
    if entry.evidence_type != "cmi5":
        return None
    found = Cmi5Course.objects.filter(
        registrations__uuid=entry.evidence_id, registrations__member=entry.member_id
    )
    return found.values_list("lesson_id", flat=True).first()


def _lesson_url(member: Member, lesson_id: int | None) -> str:
    """Where the lesson is, "" when the member may not open it (any more)."""
    if lesson_id is None:
        return ""
    lesson = Lesson.objects.open_to(member).filter(pk=lesson_id).first()
    return lesson.get_url() or "" if lesson else ""


def _rule_of(version: str) -> tuple[Rule | None, bool]:
    """The rule row behind e.g. TIER_YN@2026-01-01#1, and whether it was edited since."""
    code, at, rest = version.partition("@")
    day, _hash, revision = rest.partition("#")
    if not at:
        return None, False
    try:
        since = date.fromisoformat(day)
    except ValueError:
        return None, False
    rule = Rule.objects.filter(code=code, effective_from=since).order_by("scope_org").first()
    return rule, rule is not None and str(rule.revision) != revision


def intact(entry: StudyHourEntry) -> Intact:
    """Reckon this entry's link afresh and look for it in the seals. Four queries, a few more between seals.

    It looks at this entry and the one before; `manage.py verify_archive` looks at everything.
    """
    own = StudyHourEntry.objects.filter(member_id=entry.member_id)
    before = own.filter(chain_seq=entry.chain_seq - 1).values_list("link", flat=True).first()
    kept = own.filter(pk=entry.pk).as_kept().get()
    start = chain.genesis(entry.member_id) if entry.chain_seq == 1 else before
    whole = start is not None and chain.link(start, chain.content_of_row(kept)) == entry.link
    count = (
        LearningArchive.objects.filter(member_id=entry.member_id).values_list("chain_seq", flat=True).first()
    )
    sealed_on, differs = _seal_of(entry)
    return Intact(
        seq=entry.chain_seq,
        of=max(count or 0, entry.chain_seq),
        link=entry.link,
        whole=whole,
        sealed_on=sealed_on,
        differs=differs,
    )


def _seal_of(entry: StudyHourEntry) -> tuple[date | None, bool]:
    """The day of the seal that holds this place, and whether it holds another link there.

    An entry that was being written while a seal was made is in the next one, so a few are looked at.
    """
    earliest = entry.recorded_at - timedelta(seconds=chain.ALLOWANCE_S)
    seals = ArchiveSeal.objects.filter(sealed_at__gte=earliest).order_by("number")
    for day, leaves in seals.values_list("day", "leaves")[:SEALS_LOOKED_AT]:
        held = chain.find_leaf(bytes(leaves), entry.member_id, entry.chain_seq)
        if held is not None:
            return day, held != chain.leaf_link(entry.link)
    return None, False
