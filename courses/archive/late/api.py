"""What may be done with late lines: one function for each change of state (README.md)."""

from __future__ import annotations

from datetime import date, datetime, time

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from courses.archive import ledger
from courses.archive.claims.api import Study, most_hours
from courses.archive.closing import api as closing
from courses.archive.closing.models import YearClose
from courses.archive.errors import LateRefused, NotAllowed, ReasonMissing
from courses.archive.hours import may_be_entered
from courses.archive.late.models import LateKind, LateLine, LateState
from courses.archive.models import StudyHourEntry, StudyMode
from courses.archive.taking_back import take_entry_back
from people import api as people
from people.models import ORGANISING_ROLES, Member, PartyOrganization, Post

__all__ = [
    "approve",
    "closed_years",
    "entries_to_take_back",
    "propose",
    "propose_reversal",
    "refuse",
    "why_not_decided_by",
    "withdraw",
]

DESK = "/archive/desk/late/"
YEARS_BACK = 5


# Finding


def closed_years(member: Member, *, today: date) -> list[int]:
    """Of the last five years those that are closed for `member`, the latest first; four queries a year."""
    years = range(today.year - 1, today.year - 1 - YEARS_BACK, -1)
    return [year for year in years if closing.closes_over(member, year)]


def entries_to_take_back(member: Member, year: int, *, reader: Member) -> list[StudyHourEntry]:
    """The entries of the year that stand; that `reader` looked at them is written down."""
    found = ledger.entries(member, year).filter(reversal_of=None, reversal=None)
    people.record(reader, "archive.entries_read", member, detail={"year": year})
    return list(found)


def why_not_decided_by(line: LateLine, actor: Member) -> LateRefused | NotAllowed | None:
    """What keeps `actor` from approving or refusing it; None when nothing does."""
    if actor.pk in (line.proposed_by_id, line.member_id):
        return LateRefused("TWO")
    scope, path = people.scope_of(actor), _path_of(line.member)
    reaches = scope.everything or (bool(path) and scope.holds(path))
    for organization_path in _closing_paths(line) if reaches else ():
        if not scope.everything and not (organization_path and scope.holds(organization_path)):
            reaches = False
    return None if reaches else NotAllowed(f"member {actor.pk} may not decide about {line.uuid}")


def _path_of(member: Member) -> str:
    return member.organization.path if member.organization else ""


def _closing_paths(line: LateLine) -> list[str]:
    """Tree paths of the organisations that closed the year; "" for one that was dissolved since."""
    closes = closing.closes_over(line.member, line.year)
    ids = [close.organization_id for close in closes]
    paths = dict(PartyOrganization.objects.filter(pk__in=ids).values_list("pk", "path"))
    return [paths.get(pk, "") for pk in ids]


# Changing


@transaction.atomic
def propose(
    member: Member, said: Study, *, actor: Member, reason: str, now: datetime | None = None
) -> LateLine:
    """Propose hours for a closed year of `member`.

    Raises NotAllowed, ReasonMissing, LateRefused (OPEN, DATES, HOURS); nothing is kept then.
    """
    now = now or timezone.now()
    today = timezone.localdate(now)
    if not said.within_a_year:
        raise LateRefused("DATES")
    most = most_hours(member, said.started_on, said.finished_on, today)
    if not may_be_entered(said.hours, most):
        raise LateRefused("HOURS", most)
    line = LateLine(
        member=member,
        year=said.finished_on.year,
        kind=LateKind.ENTER,
        **vars(said) | {"mode": StudyMode(said.mode), "title": said.title.strip()},
    )
    return _proposed(line, actor=actor, reason=reason, now=now)


@transaction.atomic
def propose_reversal(
    entry: StudyHourEntry, *, actor: Member, reason: str, now: datetime | None = None
) -> LateLine:
    """Propose that an entry of a closed year is taken back.

    Raises NotAllowed, ReasonMissing, LateRefused (OPEN, REVERSAL, ASKED); nothing is kept then.
    """
    now = now or timezone.now()
    if entry.reversal_of_id or StudyHourEntry.objects.filter(reversal_of=entry).exists():
        raise LateRefused("REVERSAL")
    line = LateLine(
        member=entry.member,
        year=entry.year,
        kind=LateKind.TAKE_BACK,
        entry=entry,
        mode=entry.mode,
        title=entry.title[:200],
        provider=entry.provider[:120],
        started_on=timezone.localdate(entry.started_at or entry.finished_at),
        finished_on=timezone.localdate(entry.finished_at),
        hours=entry.hours,
    )
    return _proposed(line, actor=actor, reason=reason, now=now)


def _proposed(line: LateLine, *, actor: Member, reason: str, now: datetime) -> LateLine:
    ledger.may_act(actor, line.member)
    if not reason.strip():
        raise ReasonMissing()
    closes = closing.closes_over(line.member, line.year)
    if not closes:
        raise LateRefused("OPEN", line.year)
    line.reason, line.proposed_by, line.proposed_at = reason.strip(), actor, now
    try:
        with transaction.atomic():
            line.save()
    except IntegrityError as doubled:
        if line.entry is not None and LateLine.objects.waiting().filter(entry=line.entry).exists():
            raise LateRefused("ASKED") from doubled
        raise
    people.record(actor, "late.proposed", line, detail=_facts(line), at=now)
    _tell_approvers(line, closes[0], now)
    return line


@transaction.atomic
def approve(line: LateLine, *, actor: Member, now: datetime | None = None) -> LateLine:
    """Write what was proposed into the ledger; `actor` is the approver, the proposer the recorder.

    Raises NotAllowed, LateRefused (TWO, MOVED, PROPOSER), and what the ledger raises; nothing has moved then.
    """
    now = now or timezone.now()
    line = _held(line, actor)
    proposer = line.proposed_by
    try:
        ledger.may_act(proposer, line.member)
    except NotAllowed as refusal:
        raise LateRefused("PROPOSER") from refusal
    if line.entry is not None:
        line.made = take_entry_back(line.entry, actor=proposer, approver=actor, reason=line.reason, now=now)
    else:
        line.made = ledger.add_entry(
            line.member,
            mode=line.mode,
            title=line.title,
            hours=line.hours,
            provider=line.provider,
            started_at=_noon(line.started_on),
            finished_at=_noon(line.finished_on),
            recorder=proposer,
            approver=actor,
            credit_key=f"late:{line.uuid}",
            evidence_type="late",
            evidence_id=str(line.uuid),
            reason=line.reason,
            now=now,
        )
    return _decided(line, LateState.APPROVED, actor=actor, answer="", now=now)


@transaction.atomic
def refuse(line: LateLine, *, actor: Member, answer: str, now: datetime | None = None) -> LateLine:
    """Do not write it, and say why. Raises NotAllowed, ReasonMissing, LateRefused (TWO, MOVED)."""
    if not answer.strip():
        raise ReasonMissing()
    line = _held(line, actor)
    return _decided(line, LateState.REFUSED, actor=actor, answer=answer.strip(), now=now or timezone.now())


@transaction.atomic
def withdraw(line: LateLine, *, actor: Member, now: datetime | None = None) -> LateLine:
    """Take one's own proposal back. Raises NotAllowed, LateRefused (MOVED)."""
    line = _waiting(line)
    if line.proposed_by_id != actor.pk:
        raise NotAllowed("somebody else's proposal")
    line.state = LateState.WITHDRAWN
    line.save(update_fields=["state"])
    people.record(actor, "late.withdrawn", line, at=now)
    return line


def _waiting(line: LateLine) -> LateLine:
    """The line as it is now, ours until the end of the transaction."""
    fresh = (
        LateLine.objects.select_for_update(of=("self",))
        .select_related("member__organization", "entry", "proposed_by")
        .get(pk=line.pk)
    )
    if fresh.state != LateState.WAITING:
        raise LateRefused("MOVED")
    return fresh


def _held(line: LateLine, actor: Member) -> LateLine:
    line = _waiting(line)
    refusal = why_not_decided_by(line, actor)
    if refusal is not None:
        raise refusal
    return line


def _decided(line: LateLine, state: LateState, *, actor: Member, answer: str, now: datetime) -> LateLine:
    line.state, line.decided_by, line.decided_at, line.answer = state, actor, now, answer
    line.save(update_fields=["state", "decided_by", "decided_at", "answer", "made"])
    people.record(actor, f"late.{state.lower()}", line, detail=_facts(line), at=now)
    approved = state == LateState.APPROVED
    with translation.override(settings.LANGUAGE_CODE):
        said = _("Approved: «%(title)s»") if approved else _("Refused: «%(title)s»")
        people.notify(
            line.proposed_by,
            kind="late_decided",
            title=(said % {"title": line.title})[:200],
            text=_("Decided by %(name)s.") % {"name": actor.name} + (f" {answer}" if answer else ""),
            link=f"{DESK}{line.uuid}/",
            dedupe_key=f"late:{line.uuid}:{state}",
        )
        if approved and line.made is not None:
            people.notify(
                line.member,
                kind="late_entry",
                title=_("Your archive of %(year)s was changed") % {"year": line.year},
                text=f"{line.title}: {line.reason}"[:300],
                link=f"/archive/entries/{line.made.uuid}/",
                dedupe_key=f"late:{line.uuid}",
            )
    return line


def _facts(line: LateLine) -> dict[str, object]:
    return {
        "member": str(line.member.uuid),
        "year": line.year,
        "kind": str(line.kind),
        "hours": str(line.hours),
        "entry": str(line.entry.uuid) if line.entry else "",
        "made": str(line.made.uuid) if line.made else "",
    }


def _noon(day: date) -> datetime:
    """A day in the ledger, which keeps moments: noon in Shanghai."""
    return timezone.make_aware(datetime.combine(day, time(12)))


def _tell_approvers(line: LateLine, close: YearClose, now: datetime) -> None:
    """The organisers where the year was closed (the widest close), or next above it: that something waits."""
    organization = PartyOrganization.objects.filter(pk=close.organization_id).first()
    if organization is None:
        return
    posts = (
        Post.objects.held_on(timezone.localdate(now))
        .filter(role__in=ORGANISING_ROLES, organization__path__in=organization.ancestor_paths())
        .filter(member__is_active=True)
        .exclude(member__in=[line.member_id, line.proposed_by_id])
        .select_related("member", "organization")
        .order_by("-organization__path", "member_id")
    )
    found = list(posts)
    nearest = {one.member_id: one.member for one in found if one.organization_id == found[0].organization_id}
    with translation.override(settings.LANGUAGE_CODE):
        people.notify_all(
            nearest.values(),
            kind="late_waiting",
            title=_("A change to a closed year waits for your approval"),
            text=_("Proposed by %(name)s.") % {"name": line.proposed_by.name},
            link=f"{DESK}{line.uuid}/",
            dedupe_key=f"late_waiting:{line.uuid}",
        )
