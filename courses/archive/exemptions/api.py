"""What may be done with exemptions: give one, end one, take one back that was a mistake (README.md)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from courses.archive import ledger
from courses.archive.closing import api as closing
from courses.archive.errors import ExemptionRefused
from courses.archive.models import Exemption, ExemptionBasis
from people import api as people
from people.models import Member

__all__ = ["end_exemption", "grant_exemption", "read_reason", "revoke_exemption"]

PAGE = "/archive/years/"


@transaction.atomic
def grant_exemption(
    member: Member,
    *,
    year: int,
    until_year: int | None = None,
    further_notice: bool = False,
    basis: str = ExemptionBasis.ART23,
    reason: str = "",
    actor: Member | None,
    now: datetime | None = None,
) -> Exemption:
    """Free the member from the requirement of `year`, or of all years to `until_year` or until `further_notice`.

    The same again returns the first. Raises NotAllowed, ExemptionRefused (YEARS, OVERLAP), and for a closed year
    what `closing.api.require_open` raises: the actor has to organise what was closed.
    """
    ledger.may_act(actor, member)
    now = now or timezone.now()
    last = None if further_notice else until_year or year
    if last is not None and last < year:
        raise ExemptionRefused("YEARS")
    ledger.lock_archive(member, at=now)
    for one in Exemption.objects.standing().filter(member=member):
        if (one.year, one.until_year) == (year, last):
            return one
        if (last is None or one.year <= last) and (one.until_year is None or one.until_year >= year):
            raise ExemptionRefused("OVERLAP")
    made = Exemption(
        member=member,
        year=year,
        until_year=last,
        basis=ExemptionBasis(basis),
        reason=reason.strip(),
        granted_by=actor,
        granted_at=now,
    )
    _require_open(member, made.years(last=_this_year(now)), actor=actor, reason=reason, now=now)
    made.save()
    # The reason tells of health: the trail says that, not why.
    detail = {"member": str(member.uuid), "year": year, "until": last, "basis": str(made.basis)}
    people.record(actor, "archive.exemption_granted", made, detail=detail, at=now)
    if actor is not None:
        _tell(made, "granted", _("You are exempt from the study requirement"))
    return made


@transaction.atomic
def end_exemption(
    exemption: Exemption, *, until_year: int, actor: Member, reason: str = "", now: datetime | None = None
) -> Exemption:
    """Let it end with `until_year`, earlier than it would: the years after ask again.

    Raises NotAllowed, ExemptionRefused (YEARS: before its first year, or not earlier), and for a closed year what
    `closing.api.require_open` raises.
    """
    ledger.may_act(actor, exemption.member)
    now = now or timezone.now()
    held = _locked(exemption, now)
    earlier = held.until_year is None or until_year < held.until_year
    if held.revoked_at is not None or until_year < held.year or not earlier:
        raise ExemptionRefused("YEARS")
    lost = [year for year in held.years(last=_this_year(now)) if year > until_year]
    _require_open(held.member, lost, actor=actor, reason=reason, now=now)
    held.until_year, held.ended_by, held.ended_at, held.end_reason = until_year, actor, now, reason.strip()
    held.save(update_fields=["until_year", "ended_by", "ended_at", "end_reason"])
    detail = {"member": str(held.member.uuid), "until": until_year}
    people.record(actor, "archive.exemption_ended", held, detail=detail, at=now)
    _tell(held, f"ended:{until_year}", _("Your exemption from the study requirement ends"))
    return held


@transaction.atomic
def revoke_exemption(
    exemption: Exemption, *, actor: Member | None, reason: str = "", now: datetime | None = None
) -> Exemption:
    """Take back one that was given by mistake: it frees from nothing; the row is kept. Again changes nothing.

    Raises NotAllowed, and for a closed year what `closing.api.require_open` raises.
    """
    ledger.may_act(actor, exemption.member)
    now = now or timezone.now()
    held = _locked(exemption, now)
    if held.revoked_at is not None:
        return held
    _require_open(held.member, held.years(last=_this_year(now)), actor=actor, reason=reason, now=now)
    held.revoked_at, held.ended_by, held.ended_at, held.end_reason = now, actor, now, reason.strip()
    held.save(update_fields=["revoked_at", "ended_by", "ended_at", "end_reason"])
    detail = {"member": str(held.member.uuid), "year": held.year}
    people.record(actor, "archive.exemption_revoked", held, detail=detail, at=now)
    if actor is not None:
        _tell(held, "revoked", _("Your exemption from the study requirement was taken back"))
    return held


def read_reason(exemption: Exemption, *, reader: Member, source: str = "") -> None:
    """Write down that an organiser reads why somebody is exempt."""
    detail = {"member": str(exemption.member.uuid)}
    people.record(reader, "archive.exemption_read", exemption, detail=detail, source=source)


def _this_year(now: datetime) -> int:
    return timezone.localtime(now).year


def _locked(exemption: Exemption, now: datetime) -> Exemption:
    """The exemption as it is now; all of one member's are changed in turn, under the lock of her archive."""
    ledger.lock_archive(exemption.member, at=now)
    return Exemption.objects.select_related("member__organization").get(pk=exemption.pk)


def _require_open(
    member: Member, years: Iterable[int], *, actor: Member | None, reason: str, now: datetime
) -> None:
    for year in years:
        closing.require_open(member, year, approver=actor, reason=reason, now=now)


def _tell(exemption: Exemption, what: str, title: str) -> None:
    with translation.override(settings.LANGUAGE_CODE):
        if exemption.until_year is None:
            said = _("From %(year)s until further notice.") % {"year": exemption.year}
        else:
            said = _("Years %(year)s to %(until)s.") % {"year": exemption.year, "until": exemption.until_year}
        people.notify(
            exemption.member,
            kind="exemption",
            title=str(title),
            text=f"{said} {_('You may study all the same; every hour is counted.')}",
            link=PAGE,
            dedupe_key=f"exemption:{what}:{exemption.uuid}",
        )
