"""Opening archives, writing the ledger of study hours."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone

from courses.archive import chain, documents
from courses.archive.closing import api as closing
from courses.archive.errors import AlreadyCredited, AlreadyReversed, NotAllowed
from courses.archive.models import (
    ArchiveYear,
    LearningArchive,
    StudyHourEntry,
    StudyMode,
)
from courses.archive.querysets import EntryQuerySet
from courses.catalogue.models import LessonVersion
from people.api import record, scope_of
from people.models import Member

__all__ = [
    "add_entry",
    "entries",
    "lock_archive",
    "may_act",
    "open_archive",
    "open_years",
    "reverse_entry",
    "years_of",
]


@transaction.atomic
def open_archive(member: Member, *, at: datetime | None = None) -> LearningArchive:
    """Open the member's archive and this year in it; called again, it returns the one that is there."""
    at = at or timezone.now()
    archive, _fresh = LearningArchive.objects.get_or_create(member=member, defaults={"created_at": at})
    _open_year(member, timezone.localtime(at).year, at)
    return archive


def lock_archive(member: Member, *, at: datetime) -> LearningArchive:
    """Wait for our turn to write in this member's archive (a new one is opened first); inside a transaction."""
    mine = LearningArchive.objects.select_for_update().filter(member=member)
    archive = mine.first()
    if archive is None:
        open_archive(member, at=at)
        archive = mine.get()
    return archive


def _append(archive: LearningArchive, entry: StudyHourEntry) -> None:
    """Write `entry` as the next of its member's chain; the caller holds the lock of `archive`.

    No entry is recorded before the one that it follows: where clocks differ, it carries that one's moment.
    Decimals are rounded here to the places that are kept, since databases round each in its own way.
    """
    for name, places in chain.DECIMALS.items():
        value = getattr(entry, name)
        if value is not None:
            setattr(entry, name, Decimal(value).quantize(Decimal(1).scaleb(-places)))
    last = (
        StudyHourEntry.objects.filter(member_id=archive.member_id)
        .order_by("-chain_seq")
        .values_list("chain_seq", "link", "recorded_at")
        .first()
    )
    seq, before = archive.chain_seq, archive.chain_link
    if last is not None:
        entry.recorded_at = max(entry.recorded_at, last[2])
        if last[0] > seq:  # somebody put a row there; the verification names it, study goes on
            seq, before = last[0], last[1]
    entry.chain_seq = seq + 1
    entry.link = _link(before, entry)
    entry.save(force_insert=True)
    archive.chain_seq, archive.chain_link = entry.chain_seq, entry.link
    archive.save(update_fields=["chain_seq", "chain_link"])


def _link(before: str, entry: StudyHourEntry) -> str:
    """The link of an entry that is about to be written, from what the database is going to keep of it."""
    values = {
        name: entry._meta.get_field(name).to_python(getattr(entry, name))
        for name in chain.FIELDS
        if name != "reversal_of"
    }
    values["reversal_of"] = entry.reversal_of.uuid if entry.reversal_of else None
    return chain.link(before or chain.genesis(entry.member_id), chain.content(values))


def _open_year(member: Member, year: int, at: datetime) -> None:
    ArchiveYear.objects.get_or_create(member=member, year=year, defaults={"opened_at": at})


def open_years(year: int, *, now: datetime | None = None) -> int:
    """Open `year` in every archive that lacks it (on 1 January, and safely on any day); how many."""
    now = now or timezone.now()
    lacking = LearningArchive.objects.exclude(
        member_id__in=ArchiveYear.objects.filter(year=year).values("member_id")
    )
    ids = list(lacking.values_list("member_id", flat=True))
    ArchiveYear.objects.bulk_create(
        [ArchiveYear(member_id=one, year=year, opened_at=now) for one in ids],
        ignore_conflicts=True,
        batch_size=1000,
    )
    return len(ids)


def may_act(actor: Member | None, member: Member) -> None:
    """Only the system (None), and organisers whose scope holds the member; nobody for herself, administrators included.

    Raises NotAllowed.
    """
    if actor is None:
        return
    scope = scope_of(actor)
    path = member.organization.path if member.organization else None
    if actor.pk != member.pk and (scope.everything or (path is not None and scope.holds(path))):
        return
    raise NotAllowed(f"member {actor.pk} may not act for member {member.pk}")


def _roles_of(member: Member, at: datetime) -> str:
    day = timezone.localdate(at)
    held = member.posts.filter(started_on__lte=day).exclude(ended_on__lt=day)
    return ",".join(sorted(set(held.values_list("role", flat=True))))


@transaction.atomic
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
    studied_at: tuple[str, str] | None = None,
    now: datetime | None = None,
) -> StudyHourEntry:
    """Add a line to the ledger, e.g. a day of central training that the organiser recorded.

    It counts for the calendar year (Asia/Shanghai) of `finished_at`. `recorder` None means the
    system. A recorder needs the member within her scope, else NotAllowed. With a `credit_key` it
    raises AlreadyCredited the second time in the same year. ValueError for hours that are not above 0.
    `studied_at`: organisation and posts at that time, where they were others than this school knows.
    In a closed year it needs a `reason` and an `approver` (closing.api.require_open), else YearClosed.
    `recorded_at` is `now`, or the moment of the member's last entry where that is later.
    """
    may_act(recorder, member)
    may_act(approver, member)
    mode = StudyMode(mode)
    hours = Decimal(hours)
    if hours <= 0:
        raise ValueError("hours must be above 0; to take hours back, reverse their entry")
    now = now or timezone.now()
    archive = lock_archive(member, at=now)
    year = timezone.localtime(finished_at).year
    closing.require_open(member, year, approver=approver, reason=reason, now=now)
    organization = member.organization
    name, roles = studied_at or (organization.name if organization else "", _roles_of(member, finished_at))
    entry = StudyHourEntry(
        member=member,
        year=year,
        mode=mode,
        hours=hours,
        title=title,
        provider=provider,
        lesson_version=lesson_version,
        credit_key=credit_key,
        started_at=started_at,
        finished_at=finished_at,
        published_duration_s=published_duration_s,
        verified_coverage=verified_coverage,
        rule_version=rule_version,
        organization_code=organization.code if organization and studied_at is None else "",
        organization_name=name,
        roles=roles,
        evidence_type=evidence_type,
        evidence_id=evidence_id,
        evidence_hash=evidence_hash,
        recorder=recorder,
        approver=approver,
        approved_at=now if approver else None,
        source_system=source_system,
        reason=reason,
        recorded_at=now,
    )
    try:
        with transaction.atomic():
            _append(archive, entry)
    except IntegrityError as doubled:
        if (
            credit_key
            and StudyHourEntry.objects.filter(member=member, year=year, credit_key=credit_key).exists()
        ):
            raise AlreadyCredited(f"{credit_key} in {year}") from doubled
        raise
    for one in sorted({year, timezone.localtime(now).year}):
        _open_year(member, one, now)
    if recorder is not None:
        record(
            recorder,
            "archive.entry_added",
            entry,
            detail={"member": str(member.uuid), "hours": str(hours)},
            at=now,
        )
    documents.note_changed(entry.pk)
    return entry


@transaction.atomic
def reverse_entry(
    entry: StudyHourEntry,
    *,
    actor: Member | None,
    reason: str,
    approver: Member | None = None,
    now: datetime | None = None,
) -> StudyHourEntry:
    """Take an entry back by one with the negative hours. Raises AlreadyReversed, NotAllowed.

    In a closed year it needs a `reason` and an `approver` (closing.api.require_open), else YearClosed.
    """
    may_act(actor, entry.member)
    may_act(approver, entry.member)
    now = now or timezone.now()
    archive = lock_archive(entry.member, at=now)
    closing.require_open(entry.member, entry.year, approver=approver, reason=reason, now=now)
    if entry.reversal_of_id or StudyHourEntry.objects.filter(reversal_of=entry).exists():
        raise AlreadyReversed(str(entry.uuid))
    back = StudyHourEntry(
        member=entry.member,
        year=entry.year,
        mode=entry.mode,
        hours=-entry.hours,
        title=entry.title,
        provider=entry.provider,
        lesson_version=entry.lesson_version,
        finished_at=entry.finished_at,
        rule_version=entry.rule_version,
        organization_code=entry.organization_code,
        organization_name=entry.organization_name,
        roles=entry.roles,
        recorder=actor,
        approver=approver,
        approved_at=now if approver else None,
        reversal_of=entry,
        reason=reason,
        recorded_at=now,
    )
    try:
        with transaction.atomic():
            _append(archive, back)
    except IntegrityError as doubled:
        raise AlreadyReversed(str(entry.uuid)) from doubled
    record(
        actor, "archive.entry_reversed", entry, detail={"reason": reason, "hours": str(entry.hours)}, at=now
    )
    documents.note_changed(entry.pk)
    return back


def entries(member: Member, year: int | None = None) -> EntryQuerySet:
    """The member's ledger, latest first; with `year` only that year's."""
    found = StudyHourEntry.objects.of(member).select_related("reversal_of", "reversal")
    if year is not None:
        found = found.in_year(year)
    return found.order_by("-finished_at", "-pk")


def years_of(member: Member) -> list[int]:
    """Years that the member's archive knows, latest first."""
    return list(ArchiveYear.objects.filter(member=member).order_by("-year").values_list("year", flat=True))
