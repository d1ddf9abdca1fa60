"""What may be done with people: verbs for the other rooms."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from people.errors import AlreadyActive
from people.models import ORGANISING_ROLES, AuditEntry, Member, Notice
from people.querysets import Scope
from people.signals import member_activated

__all__ = ["Scope", "activate", "notify", "record", "scope_of"]


def scope_of(member: Member) -> Scope:
    """The part of the tree that `member` may look at as an organiser; empty for everybody else.

    It follows from posts held today (people.models.ORGANISING_ROLES); administrators see everything.
    """
    if not member.is_authenticated or not member.is_active:
        return Scope()
    if member.is_superuser:
        return Scope(everything=True)
    today = timezone.localdate()
    held = member.posts.filter(role__in=ORGANISING_ROLES, started_on__lte=today)
    held = held.exclude(ended_on__lt=today)
    return Scope(paths=tuple(held.order_by("organization__path").values_list("organization__path", flat=True)))


@transaction.atomic
def activate(member: Member, *, password: str, at: datetime | None = None) -> Member:
    """Open the account of somebody on the roster: set the password and announce `member_activated`.

    Raises AlreadyActive the second time; nothing is changed then.
    """
    member = Member.objects.select_for_update().get(pk=member.pk)
    if member.activated_at:
        raise AlreadyActive(member.pk)
    member.set_password(password)
    member.is_active = True
    member.activated_at = at or timezone.now()
    member.save()
    record(member, "account.activated", member, at=member.activated_at)
    member_activated.send(sender=Member, member=member, at=member.activated_at)
    return member


def record(
    actor: Member | None,
    action: str,
    thing: Any = None,
    *,
    detail: dict | None = None,
    source: str = "",
    at: datetime | None = None,
) -> AuditEntry:
    """Add a line to the audit trail: who (`actor`, None for the system) did what to which thing."""
    return AuditEntry.objects.create(
        actor=actor if actor is not None and actor.pk else None,
        action=action,
        object_type=thing._meta.label if thing is not None else "",
        object_id=str(getattr(thing, "uuid", None) or thing.pk) if thing is not None else "",
        detail=detail or {},
        source=source,
        at=at or timezone.now(),
    )


def notify(member: Member, *, kind: str, title: str, text: str = "", link: str = "", dedupe_key: str) -> bool:
    """Put a notice into the member's inbox; the same `dedupe_key` twice leaves one. True if it is new."""
    _notice, fresh = Notice.objects.get_or_create(
        member=member,
        dedupe_key=dedupe_key,
        defaults={"kind": kind, "title": title, "text": text, "link": link},
    )
    return fresh
