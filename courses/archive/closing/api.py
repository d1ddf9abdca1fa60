"""What may be done with closed years. The ledger asks `require_open` before each line."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from courses.archive.closing.models import YearClose
from courses.archive.closing.turn import hold_to_close, hold_to_write
from courses.archive.errors import (
    AlreadyClosed,
    NotAllowed,
    NotClosed,
    ReasonMissing,
    YearClosed,
    YearNotOver,
)
from courses.archive.models import StudyHourEntry
from people.api import record, scope_of
from people.models import Member, PartyOrganization

__all__ = ["close_year", "closes_over", "reopen_year", "require_open", "standing_closes"]


def _require_scope(actor: Member, path: str | None) -> None:
    scope = scope_of(actor)
    if not (scope.everything or (path is not None and scope.holds(path))):
        raise NotAllowed(f"member {actor.pk} does not organise that organisation")


@transaction.atomic
def close_year(
    organization: PartyOrganization, year: int, *, actor: Member, note: str = "", now: datetime | None = None
) -> YearClose:
    """Close `year` for `organization` and everything below it.

    By an organiser of it or of an organisation above. Raises NotAllowed, YearNotOver (it has to be over in
    Shanghai), AlreadyClosed (for this very organisation). It waits for lines of that year that are being written
    in the same moment; they stand, and what comes after needs a reason and an approver (turn.py).
    """
    now = now or timezone.now()
    _require_scope(actor, organization.path)
    if year >= timezone.localtime(now).year:
        raise YearNotOver(year)
    hold_to_close(year)
    try:
        with transaction.atomic():
            close = YearClose.objects.create(
                organization=organization,
                organization_code=organization.code,
                organization_name=organization.name,
                year=year,
                closed_by=actor,
                closed_at=now,
                note=note.strip(),
            )
    except IntegrityError as doubled:
        raise AlreadyClosed(f"{year} {organization.code}") from doubled
    record(
        actor, "archive.year_closed", close, detail={"year": year, "organization": organization.code}, at=now
    )
    return close


@transaction.atomic
def reopen_year(close: YearClose, *, actor: Member, reason: str, now: datetime | None = None) -> YearClose:
    """Undo a close; who and why stay in the row. Raises NotAllowed, ReasonMissing, NotClosed the second time."""
    close = YearClose.objects.select_for_update().get(pk=close.pk)
    organization = PartyOrganization.objects.filter(pk=close.organization_id).first()
    _require_scope(actor, organization.path if organization else None)
    if not reason.strip():
        raise ReasonMissing()
    if close.reopened_at is not None:
        raise NotClosed(str(close))
    close.reopened_by, close.reopened_at, close.reopen_reason = actor, now or timezone.now(), reason.strip()
    close.save(update_fields=["reopened_by", "reopened_at", "reopen_reason"])
    record(
        actor,
        "archive.year_reopened",
        close,
        detail={"year": close.year, "organization": close.organization_code, "reason": close.reopen_reason},
        at=close.reopened_at,
    )
    return close


def closes_over(member: Member, year: int) -> list[YearClose]:
    """The standing closes that hold for `member` in `year`, the widest first; four queries.

    Of the organisation to which the member belongs now, of those to which the ledger says that she belonged
    in that year, and of all above these: moving to a branch that is still open reopens nothing.
    """
    return [close for close, _path in _closes_over(member, year)]


def _closes_over(member: Member, year: int) -> list[tuple[YearClose, str | None]]:
    """Closes with the tree path of their organisation; None for one that was dissolved since."""
    codes = set(
        StudyHourEntry.objects.of(member)
        .in_year(year)
        .order_by()
        .values_list("organization_code", flat=True)
        .distinct()
    ) - {""}
    belonged = PartyOrganization.objects.filter(Q(code__in=codes) | Q(pk=member.organization_id))
    above = {path for one in belonged for path in one.ancestor_paths()}
    paths = dict(PartyOrganization.objects.filter(path__in=above).values_list("pk", "path"))
    closes = YearClose.objects.standing().filter(
        Q(organization_id__in=paths) | Q(organization_code__in=codes), year=year
    )
    found = [(close, paths.get(close.organization_id)) for close in closes]
    return sorted(found, key=lambda one: (len(one[1] or ""), one[0].pk))


def require_open(
    member: Member, year: int, *, approver: Member | None, reason: str, now: datetime | None = None
) -> None:
    """Refuse a line of the ledger for a closed year, unless it is a late one with all that it needs.

    A late line needs a reason and an approver who organises every organisation that closed the year, or
    one above (an administrator where it was dissolved since). Raises YearClosed without them, NotAllowed
    when the approver organises less. The running year is never closed and costs no query, but on its last day, since
    it may be over before the line is committed. Inside the transaction that writes the line.
    """
    today = timezone.localdate(now)
    if year > today.year or (year == today.year and (today.month, today.day) != (12, 31)):
        return
    hold_to_write(year)
    closes = _closes_over(member, year)
    if not closes:
        return
    if approver is None or not reason.strip():
        raise YearClosed(year, closes[0][0].organization_name)
    for _close, path in closes:
        _require_scope(approver, path)


def standing_closes(organization_id: int, year: int) -> list[YearClose]:
    """The standing closes that hold for an organisation in `year`: its own and those above."""
    organization = PartyOrganization.objects.filter(pk=organization_id).first()
    above = organization.ancestor_paths() if organization else []
    ids = PartyOrganization.objects.filter(path__in=above).values("pk")
    return list(YearClose.objects.standing().filter(organization_id__in=ids, year=year))
