"""What may be done with certificates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from courses.archive.certificates.models import Certificate
from courses.archive.certificates.numbers import number_of, tidy
from courses.archive.errors import CertificateRevoked, NotAllowed, ReasonMissing
from people.api import record, scope_of
from people.models import Member

if TYPE_CHECKING:
    from courses.archive.classes.models import ClassMember

__all__ = ["Shown", "by_number", "by_token", "issue", "revoke", "revoke_of"]

TRIES = 5
NUL = "\x00"
"""No text here holds one, and PostgreSQL cannot be asked for one."""


@dataclass(frozen=True)
class Shown:
    """All that a stranger may see of a certificate: what domain.md §1.5 lists, and the number that she typed."""

    number: str
    holder: str
    title: str
    hours: Decimal
    starts_on: date
    ends_on: date
    valid: bool


def issue(place: ClassMember, *, actor: Member | None, now: datetime | None = None) -> Certificate:
    """Issue the certificate of somebody who completed a class; the one that is valid already, the second time.

    `place` is completed and has its entry. The number is the next of the organisation and the year in which
    it is issued (Shanghai); two who ask for it at once get different ones.
    """
    now = now or timezone.now()
    there = Certificate.objects.filter(place=place, revoked_at=None).first()
    if there is not None:
        return there
    if place.entry is None:
        raise ValueError("only a completed class has a certificate")
    course = place.training_class
    year = timezone.localtime(now).year
    for left in reversed(range(TRIES)):
        known = Certificate.objects.filter(organization_code=course.organization_code, year=year)
        serial = (known.aggregate(last=Max("serial"))["last"] or 0) + 1
        try:
            with transaction.atomic():
                made = Certificate.objects.create(
                    number=number_of(course.organization_code, year, serial),
                    organization_code=course.organization_code,
                    organization_name=course.organization_name,
                    year=year,
                    serial=serial,
                    member_id=place.member_id,
                    place=place,
                    holder=place.member.name,
                    title=course.title,
                    hours=place.entry.hours,
                    starts_on=course.starts_on,
                    ends_on=course.ends_on,
                    issued_at=now,
                    issued_by=actor,
                )
                record(actor, "certificate.issued", made, detail={"number": made.number}, at=now)
                return made
        except IntegrityError:
            there = Certificate.objects.filter(place=place, revoked_at=None).first()
            if there is not None:
                return there
            if not left:
                raise
    raise AssertionError("unreachable")


@transaction.atomic
def revoke(
    certificate: Certificate, *, actor: Member, reason: str, now: datetime | None = None
) -> Certificate:
    """Revoke a certificate with a reason; the check page says so from now on.

    By organisers of the class's organisation or above, nobody her own. Raises NotAllowed, ReasonMissing,
    CertificateRevoked.
    """
    within = Certificate.objects.within(scope_of(actor)).exclude(member=actor)
    if not within.filter(pk=certificate.pk).exists():
        raise NotAllowed(f"member {actor.pk} may not revoke {certificate.number}")
    if not reason.strip():
        raise ReasonMissing()
    certificate = Certificate.objects.select_for_update(of=("self",)).get(pk=certificate.pk)
    if certificate.revoked_at is not None:
        raise CertificateRevoked(certificate.number)
    certificate.revoked_at, certificate.revoked_by = now or timezone.now(), actor
    certificate.revoke_reason = reason.strip()
    certificate.save(update_fields=["revoked_at", "revoked_by", "revoke_reason"])
    record(
        actor,
        "certificate.revoked",
        certificate,
        detail={"number": certificate.number, "reason": certificate.revoke_reason},
        at=now,
    )
    return certificate


def revoke_of(place: ClassMember, *, actor: Member, reason: str, now: datetime | None = None) -> None:
    """Revoke the valid certificate of this place in a class, if there is one; raises as `revoke`."""
    valid = Certificate.objects.filter(place=place, revoked_at=None).first()
    if valid is not None:
        revoke(valid, actor=actor, reason=reason, now=now)


def by_token(token: str) -> Shown | None:
    """What the holder of a QR code may see; None for an unknown one."""
    found = Certificate.objects.filter(token=token).first() if token and NUL not in token else None
    return _shown(found) if found else None


def by_number(number: str, holder: str) -> Shown | None:
    """The same for somebody who types what stands on the paper: the number and the whole name.

    None for any other pair, whatever is wrong with it: numbers can be reckoned, names cannot.
    """
    kept, name = tidy(number), holder.strip()
    if kept is None or not name or NUL in kept + name:
        return None
    found = Certificate.objects.filter(number__iexact=kept, holder=name).first()
    return _shown(found) if found else None


def _shown(certificate: Certificate) -> Shown:
    return Shown(
        number=certificate.number,
        holder=certificate.masked_holder,
        title=certificate.title,
        hours=certificate.hours,
        starts_on=certificate.starts_on,
        ends_on=certificate.ends_on,
        valid=certificate.revoked_at is None,
    )
