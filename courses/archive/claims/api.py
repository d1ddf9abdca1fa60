"""What may be done with claims: one function for each change of state."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from courses.archive import ledger
from courses.archive.claims import proofs
from courses.archive.claims.models import CLAIMED_MODES, ClaimProof, ClaimState, OfflineClaim
from courses.archive.errors import ClaimMoved, ClaimRefused, NotAllowed, ProofRefused, ReasonMissing
from courses.archive.hours import may_be_entered
from courses.archive.rules import RuleBook
from people import api as people
from people.models import ORGANISING_ROLES, Member, Post

__all__ = [
    "Said",
    "Study",
    "approve_claim",
    "claims_waiting",
    "file_again",
    "file_claim",
    "most_hours",
    "return_claim",
    "withdraw_claim",
]

PAGE = "/archive/claims/"
DESK = "/archive/desk/claims/"


@dataclass(frozen=True)
class Study:
    """Study elsewhere: `hours` of it between the two days, both included."""

    mode: str
    title: str
    started_on: date
    finished_on: date
    hours: Decimal
    provider: str = ""

    @property
    def within_a_year(self) -> bool:
        return self.started_on <= self.finished_on and self.started_on.year == self.finished_on.year


@dataclass(frozen=True)
class Said(Study):
    """What a claim says."""

    note: str = ""


def _check(said: Said, member: Member, today: date) -> None:
    if said.mode not in CLAIMED_MODES:
        raise ClaimRefused("MODE")
    if not said.within_a_year:
        raise ClaimRefused("DATES")
    if said.finished_on > today:
        raise ClaimRefused("FUTURE")
    if said.finished_on.year < today.year - 1:
        raise ClaimRefused("TOO_OLD", today.year - 1)
    most = most_hours(member, said.started_on, said.finished_on, today)
    if not may_be_entered(said.hours, most):
        raise ClaimRefused("HOURS", most)


def most_hours(member: Member, first: date, last: date, today: date) -> Decimal:
    """The most study hours that may be entered for the days from `first` to `last` (rule CLAIM_HOURS_A_DAY)."""
    path = member.organization.path if member.organization else ""
    a_day = RuleBook.load(today).find("CLAIM_HOURS_A_DAY", path).decimal()
    return a_day * ((last - first).days + 1)


def file_claim(
    member: Member, said: Said, files: Sequence[proofs.Proof], *, now: datetime | None = None
) -> OfflineClaim:
    """Hand in a new claim with at least one proof. Raises ClaimRefused, ProofRefused (TOO_MANY)."""
    now = now or timezone.now()
    _check(said, member, timezone.localdate(now))
    claim = OfflineClaim(member=member, filed_at=now, **vars(said))
    with _proofs_kept() as kept, transaction.atomic():
        claim.save()
        _take_in(claim, files, kept)
        people.record(member, "claim.filed", claim, detail={"hours": str(claim.hours)}, at=now)
        _tell_organisers(claim, now)
    return claim


def file_again(
    claim: OfflineClaim,
    said: Said,
    files: Sequence[proofs.Proof] = (),
    *,
    member: Member,
    without: Iterable[UUID] = (),
    now: datetime | None = None,
) -> OfflineClaim:
    """Change a returned claim and hand it in once more; proofs in `without` are removed.

    Raises NotAllowed for somebody else's, ClaimMoved unless it is RETURNED, and what `file_claim` raises.
    """
    now = now or timezone.now()
    with _proofs_kept() as kept, transaction.atomic():
        claim = _locked(claim, ClaimState.RETURNED)
        if claim.member_id != member.pk:
            raise NotAllowed("somebody else's claim")
        _check(said, member, timezone.localdate(now))
        for name, value in vars(said).items():
            setattr(claim, name, value)
        claim.state, claim.filed_at, claim.filing = ClaimState.WAITING, now, claim.filing + 1
        claim.decided_by = claim.decided_at = None
        claim.reason = ""
        claim.save()
        _remove(claim.proofs.filter(uuid__in=list(without)))
        _take_in(claim, files, kept)
        people.record(
            member,
            "claim.filed_again",
            claim,
            detail={"hours": str(claim.hours), "filing": claim.filing},
            at=now,
        )
        _tell_organisers(claim, now)
    return claim


@transaction.atomic
def withdraw_claim(claim: OfflineClaim, *, member: Member, now: datetime | None = None) -> OfflineClaim:
    """Take one's own claim back; its proofs are deleted. Raises NotAllowed; ClaimMoved once it is decided."""
    claim = _locked(claim, ClaimState.WAITING, ClaimState.RETURNED)
    if claim.member_id != member.pk:
        raise NotAllowed("somebody else's claim")
    claim.state = ClaimState.WITHDRAWN
    claim.save(update_fields=["state"])
    _remove(claim.proofs.all())
    people.record(member, "claim.withdrawn", claim, at=now)
    return claim


@transaction.atomic
def return_claim(
    claim: OfflineClaim, *, actor: Member, reason: str, filing: int, now: datetime | None = None
) -> OfflineClaim:
    """Give a claim back with a reason in words; the member may change it and file it again.

    `filing` is the one that the organiser read. Raises NotAllowed, ReasonMissing, ClaimMoved.
    """
    now = now or timezone.now()
    claim = _locked(claim, ClaimState.WAITING, filing=filing)
    _may_decide(claim, actor)
    if not reason.strip():
        raise ReasonMissing()
    claim.state, claim.decided_by, claim.decided_at = ClaimState.RETURNED, actor, now
    claim.reason = reason.strip()
    claim.save(update_fields=["state", "decided_by", "decided_at", "reason"])
    people.record(actor, "claim.returned", claim, detail={"reason": claim.reason}, at=now)
    _tell_member(claim)
    return claim


@transaction.atomic
def approve_claim(
    claim: OfflineClaim, *, actor: Member, filing: int, reason: str = "", now: datetime | None = None
) -> OfflineClaim:
    """Write the claimed hours into the ledger, by `ledger.add_entry`, and mark the claim.

    `filing` is the one that the organiser read. `reason` is needed only in a closed year. Raises NotAllowed
    (outside the scope, or one's own), ClaimMoved, YearClosed; nothing has moved then.
    """
    now = now or timezone.now()
    claim = _locked(claim, ClaimState.WAITING, filing=filing)
    _may_decide(claim, actor)
    shown = sorted(claim.proofs.values_list("sha256", flat=True))
    claim.entry = ledger.add_entry(
        claim.member,
        mode=claim.mode,
        title=claim.title,
        hours=claim.hours,
        provider=claim.provider,
        started_at=_noon(claim.started_on),
        finished_at=_noon(claim.finished_on),
        approver=actor,
        credit_key=f"claim:{claim.uuid}",
        evidence_type="claim",
        evidence_id=str(claim.uuid),
        evidence_hash=hashlib.sha256("\n".join(shown).encode()).hexdigest(),
        reason=reason.strip(),
        now=now,
    )
    claim.state, claim.decided_by, claim.decided_at = ClaimState.APPROVED, actor, now
    claim.reason = reason.strip()
    claim.save(update_fields=["state", "decided_by", "decided_at", "reason", "entry"])
    people.record(actor, "claim.approved", claim, detail={"entry": str(claim.entry.uuid)}, at=now)
    _tell_member(claim)
    return claim


def claims_waiting(actor: Member, scope: people.Scope) -> int:
    """How many claims wait for somebody like `actor`, whose scope is `scope`, to decide."""
    return OfflineClaim.objects.within(scope, but=actor).waiting().count()


def _locked(claim: OfflineClaim, *states: ClaimState, filing: int | None = None) -> OfflineClaim:
    """The claim as it is now, ours until the end of the transaction. Raises ClaimMoved."""
    fresh = (
        OfflineClaim.objects.select_for_update(of=("self",))
        .select_related("member__organization")
        .get(pk=claim.pk)
    )
    if fresh.state not in states or (filing is not None and fresh.filing != filing):
        raise ClaimMoved(f"{fresh.state}, filed {fresh.filing} times")
    return fresh


def _may_decide(claim: OfflineClaim, actor: Member) -> None:
    """Whoever organises the member's organisation; nobody decides about her own, not even an administrator."""
    within = OfflineClaim.objects.within(people.scope_of(actor), but=actor)
    if not within.filter(pk=claim.pk).exists():
        raise NotAllowed(f"member {actor.pk} may not decide about claim {claim.uuid}")


def _noon(day: date) -> datetime:
    """A day in the ledger, which keeps moments: noon in Shanghai."""
    return timezone.make_aware(datetime.combine(day, time(12)))


@contextmanager
def _proofs_kept() -> Iterator[list[UUID]]:
    """Files noted inside are removed again when what follows fails: no file without its row."""
    numbers: list[UUID] = []
    try:
        yield numbers
    except BaseException:
        for number in numbers:
            proofs.forget(number)
        raise


def _take_in(claim: OfflineClaim, files: Sequence[proofs.Proof], kept: list[UUID]) -> None:
    there = claim.proofs.count()
    if there + len(files) > settings.STUDY["PROOFS_A_CLAIM"]:
        raise ProofRefused("TOO_MANY")
    if not there + len(files):
        raise ClaimRefused("NO_PROOF")
    for file in files:
        row = ClaimProof(
            claim=claim, name=file.name, kind=file.kind, size_bytes=len(file.content), sha256=file.sha256
        )
        kept.append(row.uuid)
        proofs.keep(row.uuid, file.content)
        row.save()


def _remove(rows: Iterable[ClaimProof]) -> None:
    for row in rows:
        transaction.on_commit(partial(proofs.forget, row.uuid))
        row.delete()


def _tell_organisers(claim: OfflineClaim, now: datetime) -> None:
    """Once a day and organisation: that something waits, never whose or what."""
    organization = claim.member.organization
    if organization is None:
        return
    day = timezone.localdate(now)
    posts = Post.objects.filter(organization=organization, role__in=ORGANISING_ROLES).held_on(day)
    holders = Member.objects.filter(pk__in=posts.values("member_id"), is_active=True)
    with translation.override(settings.LANGUAGE_CODE):
        people.notify_all(
            holders.exclude(pk=claim.member_id),
            kind="claim_waiting",
            title=_("A claim of study elsewhere waits for you"),
            text=_("Look at the proofs, then approve it or return it with a reason."),
            link=DESK,
            dedupe_key=f"claim_waiting:{organization.pk}:{day.isoformat()}",
        )


def _tell_member(claim: OfflineClaim) -> None:
    approved = claim.state == ClaimState.APPROVED
    with translation.override(settings.LANGUAGE_CODE):
        title = _("Approved: «%(title)s»") if approved else _("Returned: «%(title)s»")
        said = _("The study hours are in your learning archive.") if approved else claim.reason
        people.notify(
            claim.member,
            kind="claim_decided",
            title=(title % {"title": claim.title})[:200],
            text=said,
            link=f"{PAGE}{claim.uuid}/",
            dedupe_key=f"claim:{claim.uuid}:{claim.filing}:{claim.state}",
        )
