"""Asking for a correction and answering: one function a change of state. The ledger moves through ledger.py alone.

Nobody answers her own request, not even an administrator.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from courses.archive import ledger
from courses.archive.corrections.models import Correction, CorrectionKind, CorrectionState
from courses.archive.errors import AlreadyAnswered, AlreadyAsked, AlreadyReversed, NotAllowed
from courses.archive.models import StudyHourEntry
from courses.archive.rules import RuleBook
from courses.archive.states import path_of
from courses.archive.taking_back import take_entry_back
from people.api import deliver, record, scope_of
from people.models import ORGANISING_ROLES, Member, Notice, Post
from people.querysets import Scope

__all__ = [
    "NewEntry",
    "accept",
    "answerable_by",
    "ask",
    "decline",
    "of",
    "of_entry",
    "open_in",
    "read",
    "withdraw",
]

NOTICE = "correction"
TEXT_MAX = 2000


@dataclass(frozen=True)
class NewEntry:
    """What an organiser enters in the course of a correction."""

    mode: str
    title: str
    hours: Decimal
    finished_at: datetime
    provider: str = ""


# Finding


def of(member: Member) -> QuerySet[Correction]:
    """The member's own requests, latest first."""
    return Correction.objects.filter(member=member).select_related("entry")


def of_entry(member: Member, entry: StudyHourEntry) -> list[Correction]:
    """Her requests that concern this entry."""
    return list(of(member).filter(entry=entry))


def answerable_by(organiser: Member, scope: Scope) -> QuerySet[Correction]:
    """Requests of members within `scope`, but for the organiser's own: what she may see and answer."""
    found = Correction.objects.filter(scope.condition("member__organization__path"))
    return found.exclude(member=organiser).select_related("member__organization", "entry", "answered_by")


def open_in(organiser: Member, scope: Scope) -> QuerySet[Correction]:
    """Those that wait for an answer, the oldest first."""
    return answerable_by(organiser, scope).filter(state=CorrectionState.OPEN).order_by("opened_at", "pk")


def read(correction: Correction, *, reader: Member) -> None:
    """Write down that an organiser read what somebody else wrote."""
    record(reader, "archive.correction_read", correction, detail={"member": str(correction.member.uuid)})


# Changing


@transaction.atomic
def ask(
    member: Member,
    *,
    kind: str,
    text: str,
    entry: StudyHourEntry | None = None,
    now: datetime | None = None,
) -> Correction:
    """The member says that an entry is wrong, or that something is missing; the organisers next to her are told.

    Raises ValueError without a text, or for a wrong entry without the entry; NotAllowed for somebody else's
    entry; AlreadyReversed for one that is taken back; AlreadyAsked while a request on it is open.
    """
    now = now or timezone.now()
    kind, text = CorrectionKind(kind), text.strip()
    if not text or len(text) > TEXT_MAX:
        raise ValueError("a request needs a text of at most 2000 characters")
    if (kind == CorrectionKind.WRONG) != (entry is not None):
        raise ValueError("a wrong entry is named, a missing one is not")
    if entry is not None:
        if entry.member_id != member.pk:
            raise NotAllowed(f"entry {entry.pk} is not of member {member.pk}")
        if entry.reversal_of_id or StudyHourEntry.objects.filter(reversal_of=entry).exists():
            raise AlreadyReversed(str(entry.uuid))
    days = int(RuleBook.load(timezone.localdate(now)).find("CORRECTION_DAYS", path_of(member)).decimal())
    try:
        with transaction.atomic():
            made = Correction.objects.create(
                member=member,
                kind=kind,
                entry=entry,
                text=text,
                opened_at=now,
                due_on=working_days_after(timezone.localdate(now), days),
            )
    except IntegrityError as doubled:
        raise AlreadyAsked(str(entry and entry.uuid)) from doubled
    record(member, "archive.correction_asked", made, detail={"kind": str(kind)}, at=now)
    with translation.override(settings.LANGUAGE_CODE):
        _tell(
            _organisers_next_to(member, timezone.localdate(now)),
            made,
            "asked",
            title=_("%(name)s asks for a correction of the archive") % {"name": member.name},
            text=_("Please answer by %(day)s.") % {"day": made.due_on.isoformat()},
            link=f"/archive/desk/corrections/{made.uuid}/",
        )
    return made


def withdraw(correction: Correction, *, member: Member, now: datetime | None = None) -> Correction:
    """The member takes an open request back. Raises NotAllowed, AlreadyAnswered."""
    now = now or timezone.now()
    with transaction.atomic():
        held = _held(correction)
        if held.member_id != member.pk:
            raise NotAllowed(f"member {member.pk} did not ask")
        held.state, held.answered_at = CorrectionState.WITHDRAWN, now
        held.save(update_fields=["state", "answered_at"])
        record(member, "archive.correction_withdrawn", held, at=now)
    return held


@transaction.atomic
def accept(
    correction: Correction,
    *,
    actor: Member,
    reason: str,
    new: NewEntry | None = None,
    now: datetime | None = None,
) -> Correction:
    """The organiser grants the request: the named entry is taken back, `new` is entered, both with the reason.

    A missing entry needs `new`; a wrong one is taken back, and entered anew with `new`. Raises ValueError without
    a reason or without `new` where it is needed, NotAllowed, AlreadyAnswered, AlreadyReversed, OfAClass, and what
    the ledger raises; nothing moves then. Hours of a training class go back through the class.
    """
    now = now or timezone.now()
    held = _answered(correction, actor, reason)
    if held.kind == CorrectionKind.MISSING and new is None:
        raise ValueError("what was missing has to be entered")
    member = held.member
    if held.entry is not None:
        held.reversal = take_entry_back(
            held.entry, actor=actor, approver=actor, reason=reason.strip(), now=now
        )
    if new is not None:
        held.new_entry = ledger.add_entry(
            member,
            mode=new.mode,
            title=new.title,
            hours=new.hours,
            finished_at=new.finished_at,
            provider=new.provider,
            recorder=actor,
            approver=actor,
            evidence_type="correction",
            evidence_id=str(held.uuid),
            reason=reason.strip(),
            now=now,
        )
    return _answer(held, CorrectionState.ACCEPTED, actor, reason, now)


@transaction.atomic
def decline(correction: Correction, *, actor: Member, reason: str, now: datetime | None = None) -> Correction:
    """The organiser refuses the request and says why; the ledger stays. Raises as `accept`."""
    now = now or timezone.now()
    return _answer(_answered(correction, actor, reason), CorrectionState.DECLINED, actor, reason, now)


def _held(correction: Correction) -> Correction:
    """The request under its lock; it must be open."""
    held = (
        Correction.objects.select_for_update(of=("self",))
        .select_related("member__organization", "entry")
        .get(pk=correction.pk)
    )
    if held.state != CorrectionState.OPEN:
        raise AlreadyAnswered(str(held.uuid))
    return held


def _answered(correction: Correction, actor: Member, reason: str) -> Correction:
    """The open request under its lock, once it is clear that `actor` may answer it."""
    if not reason.strip() or len(reason.strip()) > 300:
        raise ValueError("an answer needs a reason of at most 300 characters")
    held = _held(correction)
    scope, path = scope_of(actor), path_of(held.member)
    within = scope.everything or (bool(path) and scope.holds(path))
    if actor.pk == held.member_id or not within:
        raise NotAllowed(f"member {actor.pk} may not answer request {held.uuid}")
    return held


def _answer(held: Correction, state: str, actor: Member, reason: str, now: datetime) -> Correction:
    held.state, held.answered_by, held.answered_at, held.answer = state, actor, now, reason.strip()
    held.save(update_fields=["state", "answered_by", "answered_at", "answer", "reversal", "new_entry"])
    record(
        actor,
        f"archive.correction_{state.lower()}",
        held,
        detail={
            "member": str(held.member.uuid),
            "reversal": str(held.reversal.uuid) if held.reversal else "",
            "new_entry": str(held.new_entry.uuid) if held.new_entry else "",
        },
        at=now,
    )
    accepted = state == CorrectionState.ACCEPTED
    with translation.override(settings.LANGUAGE_CODE):
        _tell(
            [held.member],
            held,
            "answered",
            title=_("Your archive was corrected")
            if accepted
            else _("Your request for correction was declined"),
            text=_("The reason stands with your request."),
            link=f"/archive/corrections/{held.uuid}/",
        )
        told = _organisers_next_to(held.member, timezone.localdate(now))
        _tell(
            {one.pk: one for one in [*told, actor] if one.pk != held.member_id}.values(),
            held,
            "answered",
            title=_("The request for correction of %(name)s was answered") % {"name": held.member.name},
            text=_("Answered by %(name)s.") % {"name": actor.name},
            link=f"/archive/desk/corrections/{held.uuid}/",
        )
    return held


def _tell(
    people: Iterable[Member], correction: Correction, what: str, *, title: str, text: str, link: str
) -> None:
    key = f"{NOTICE}:{what}:{correction.uuid}"
    deliver(
        Notice(member=one, kind=NOTICE, title=title[:200], text=text, link=link, dedupe_key=key)
        for one in people
    )


def _organisers_next_to(member: Member, day: date) -> list[Member]:
    """Organisers of the nearest organisation at or above the member's that has any but herself."""
    if member.organization is None:
        return []
    posts = (
        Post.objects.held_on(day)
        .filter(role__in=ORGANISING_ROLES, organization__path__in=member.organization.ancestor_paths())
        .filter(member__is_active=True)
        .exclude(member=member)
        .select_related("member", "organization")
        .order_by("-organization__path", "member_id")
    )
    found = list(posts)
    nearest = [one.member for one in found if one.organization_id == found[0].organization_id]
    return list({one.pk: one for one in nearest}.values())


def working_days_after(day: date, days: int) -> date:
    """The day that is `days` working days (Monday to Friday; holidays are not known here) after `day`."""
    while days > 0:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return day


def find(found: QuerySet[Correction], number: UUID) -> Correction | None:
    """One of them by its number."""
    return found.filter(uuid=number).first()
