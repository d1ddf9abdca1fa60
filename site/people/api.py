"""What may be done with people: verbs for the other rooms and for this room's admin."""

import secrets
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from axes.utils import reset as forget_failed_sign_ins
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from people.errors import (
    AlreadyActive,
    NotActivated,
    OrganizationBelowItself,
    OrganizationInUse,
    PostAlreadyHeld,
)
from people.models import ORGANISING_ROLES, AuditEntry, Member, Notice, PartyOrganization, Post
from people.querysets import Scope
from people.signals import (
    member_activated,
    member_changed,
    organization_changed,
    organization_dissolved,
)

__all__ = [
    "Scope",
    "activate",
    "appoint",
    "change_member",
    "change_organization",
    "deliver",
    "dissolve_organization",
    "end_post",
    "enrol",
    "found_organization",
    "notify",
    "notify_all",
    "one_time_password",
    "open_account",
    "read_phone",
    "record",
    "replace_password",
    "scope_of",
]

LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
"""Signs of one-time passwords: none that look alike on paper (0 o, 1 l i)."""


def scope_of(member: Member) -> Scope:
    """The part of the tree that `member` may look at as an organiser; empty for everybody else.

    It follows from posts held today (people.models.ORGANISING_ROLES); administrators see everything.
    """
    if not member.is_authenticated or not member.is_active:
        return Scope()
    if member.is_superuser:
        return Scope(everything=True)
    held = member.posts.filter(role__in=ORGANISING_ROLES).held_on(timezone.localdate())
    return Scope(
        paths=tuple(held.order_by("organization__path").values_list("organization__path", flat=True))
    )


# Accounts


def one_time_password() -> str:
    """A random password for handing over on paper: three groups of four, about 59 bits."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(3))


@transaction.atomic
def activate(
    member: Member,
    *,
    password: str,
    at: datetime | None = None,
    actor: Member | None = None,
    temporary: bool = False,
) -> Member:
    """Open the account of somebody on the roster: set the password and announce `member_activated`.

    `actor` is who did it (the member himself when None). A `temporary` password must be replaced
    at the first sign-in. Raises AlreadyActive the second time; nothing is changed then.
    """
    member = Member.objects.select_for_update().get(pk=member.pk)
    if member.activated_at:
        raise AlreadyActive(member.pk)
    member.set_password(password)
    member.password_is_temporary = temporary
    member.is_active = True
    member.activated_at = at or timezone.now()
    member.save()
    record(actor or member, "account.activated", member, at=member.activated_at)
    member_activated.send(sender=Member, member=member, at=member.activated_at)
    return member


def open_account(member: Member, *, actor: Member) -> str:
    """Activate with a new one-time password and return it; it is kept nowhere in clear.

    Raises AlreadyActive as `activate` does.
    """
    password = one_time_password()
    activate(member, password=password, actor=actor, temporary=True)
    return password


@transaction.atomic
def replace_password(member: Member, *, actor: Member) -> str:
    """Give somebody who forgot a new one-time password and return it.

    All sessions of the member end (the session digest follows the password) and a lock-out is
    lifted. Raises NotActivated when the account was never opened: use `open_account` then.
    """
    member = Member.objects.select_for_update().get(pk=member.pk)
    if not member.activated_at:
        raise NotActivated(member.pk)
    password = one_time_password()
    member.set_password(password)
    member.password_is_temporary = True
    member.save(update_fields=["password", "password_is_temporary"])
    forget_failed_sign_ins(username=member.username)
    record(actor, "account.password_replaced", member)
    return password


# The roster


@transaction.atomic
def enrol(member: Member, *, actor: Member | None, groups: Iterable[Group] = ()) -> Member:
    """Put a new person (an unsaved Member) on the roster, without a password.

    `activate` or `open_account` opens the account. `groups` are rights inside the admin.
    """
    member.set_unusable_password()
    member.activated_at = None
    member.save()
    detail: dict[str, Any] = dict(_where(member))
    if names := _set_groups(member, groups):
        detail["groups"] = names
    record(actor, "member.enrolled", member, detail=detail)
    member_changed.send(sender=Member, member=member, fields={"name", "organization", "status", "is_active"})
    return member


@transaction.atomic
def change_member(
    member: Member, *, fields: set[str], actor: Member | None, groups: Iterable[Group] | None = None
) -> Member:
    """Save changed fields of a person, e.g. after a transfer to another branch.

    `member` carries the new values, `fields` names them; nothing else is written, so that a password
    changed meanwhile stays. `groups`, when given, replaces the rights inside the admin. The audit trail
    keeps the names of the fields, and values only for organisation, membership and rights; never a
    phone number.
    """
    if not fields:
        return member
    before = Member.objects.select_for_update(of=("self",)).select_related("organization").get(pk=member.pk)
    own = {field.name for field in Member._meta.concrete_fields}
    member.save(update_fields=sorted(fields & own | {"name_pinyin", "name_initials", "phone_digest"}))
    detail: dict[str, Any] = {"fields": sorted(fields)}
    if fields & {"organization", "status"}:
        detail |= {"before": _where(before), "after": _where(member)}
    if groups is not None:
        detail["groups"] = _set_groups(member, groups)
    if fields & {"is_superuser", "is_active"}:
        detail |= {"administrator": member.is_superuser, "may_sign_in": member.is_active}
    record(actor, "member.changed", member, detail=detail)
    member_changed.send(sender=Member, member=member, fields=fields)
    return member


def _set_groups(member: Member, groups: Iterable[Group]) -> list[str]:
    member.groups.set(groups)
    return sorted(member.groups.values_list("name", flat=True))


def read_phone(member: Member, *, actor: Member, purpose: str, source: str = "") -> str:
    """The whole mobile number in clear; that `actor` read it and why goes into the audit trail first.

    Raises ValueError when no purpose is given. domain.md §7.2, §7.3.
    """
    if not purpose.strip():
        raise ValueError("reading a number needs a purpose")
    record(actor, "member.phone_read", member, detail={"purpose": purpose.strip()}, source=source)
    return member.phone


def _where(member: Member) -> dict[str, str]:
    return {"organization": member.organization.code if member.organization else "", "status": member.status}


# The tree


@transaction.atomic
def found_organization(
    organization: PartyOrganization, *, parent: PartyOrganization | None, actor: Member | None
) -> PartyOrganization:
    """Place a new organisation (unsaved) below `parent` (None: at the top), among its siblings by code."""
    if parent is None:
        placed = PartyOrganization.add_root(instance=organization)
    else:
        placed = PartyOrganization.objects.get(pk=parent.pk).add_child(instance=organization)
    above = parent.code if parent else ""
    record(actor, "organization.founded", placed, detail={"code": placed.code, "below": above})
    organization_changed.send(sender=PartyOrganization, organization=placed, moved=False)
    return placed


@transaction.atomic
def change_organization(
    organization: PartyOrganization,
    *,
    parent: PartyOrganization | None,
    fields: set[str],
    actor: Member | None,
) -> PartyOrganization:
    """Save changed fields of an organisation and put it below `parent`, among its siblings by code.

    `fields` names what changed ("parent" among them for a move). Everything below moves along.
    Raises OrganizationBelowItself when `parent` is the organisation or lies below it.
    """
    if not fields:
        return organization
    if parent and parent.path.startswith(organization.path):
        raise OrganizationBelowItself(organization.pk)
    organization.save()
    moved = bool(fields & {"parent", "code"})
    if moved:
        if parent is None:
            other_root = PartyOrganization.objects.filter(depth=1).exclude(pk=organization.pk).first()
            if other_root:
                organization.move(other_root, "sorted-sibling")
        else:
            organization.move(PartyOrganization.objects.get(pk=parent.pk), "sorted-child")
        organization = PartyOrganization.objects.get(pk=organization.pk)
    record(
        actor,
        "organization.changed",
        organization,
        detail={"fields": sorted(fields), "code": organization.code, "below": parent.code if parent else ""},
    )
    organization_changed.send(sender=PartyOrganization, organization=organization, moved=moved)
    return organization


@transaction.atomic
def dissolve_organization(organization: PartyOrganization, *, actor: Member | None) -> None:
    """Remove an organisation that holds nobody; raises OrganizationInUse otherwise."""
    organization = PartyOrganization.objects.select_for_update().get(pk=organization.pk)
    in_use = {
        "members": organization.members.count(),
        "posts": organization.posts.count(),
        "below": organization.get_descendant_count(),
    }
    if any(in_use.values()):
        raise OrganizationInUse(**in_use)
    record(
        actor,
        "organization.dissolved",
        organization,
        detail={"code": organization.code, "name": organization.name},
    )
    uuid = organization.uuid
    organization.delete()
    organization_dissolved.send(sender=PartyOrganization, uuid=uuid)


# Posts


@transaction.atomic
def appoint(
    member: Member, *, organization: PartyOrganization, role: str, started_on: date, actor: Member | None
) -> Post:
    """Give `member` a post from `started_on` on; raises PostAlreadyHeld when it is held without an end."""
    held = Post.objects.filter(member=member, organization=organization, role=role, ended_on__isnull=True)
    if held.exists():
        raise PostAlreadyHeld(member.pk)
    post = Post.objects.create(member=member, organization=organization, role=role, started_on=started_on)
    record(
        actor,
        "post.given",
        member,
        detail={"role": role, "organization": organization.code, "from": started_on.isoformat()},
    )
    member_changed.send(sender=Member, member=member, fields={"posts"})
    return post


@transaction.atomic
def end_post(post: Post, *, ended_on: date, actor: Member | None) -> Post:
    """End a post; its last day is `ended_on`. Raises ValueError before its first day."""
    if ended_on < post.started_on:
        raise ValueError("a post cannot end before it starts")
    post.ended_on = ended_on
    post.save(update_fields=["ended_on"])
    record(
        actor,
        "post.ended",
        post.member,
        detail={"role": post.role, "organization": post.organization.code, "until": ended_on.isoformat()},
    )
    member_changed.send(sender=Member, member=post.member, fields={"posts"})
    return post


# What is remembered and said


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


def notify_all(
    members: Iterable[Member], *, kind: str, title: str, text: str = "", link: str = "", dedupe_key: str
) -> set[int]:
    """`notify` for many with the same words; see `deliver`."""
    return deliver(
        Notice(member=member, kind=kind, title=title, text=text, link=link, dedupe_key=dedupe_key)
        for member in members
    )


@transaction.atomic
def deliver(notices: Iterable[Notice]) -> set[int]:
    """Put unsaved notices, all with the same `dedupe_key`, into inboxes with two queries.

    The ids of those members who had no notice of that key yet; they have one now.
    """
    asked = {notice.member_id: notice for notice in notices}
    keys = {notice.dedupe_key for notice in asked.values()}
    told = Notice.objects.filter(member_id__in=asked, dedupe_key__in=keys).values_list("member_id", flat=True)
    fresh = set(asked) - set(told)
    Notice.objects.bulk_create([asked[pk] for pk in sorted(fresh)], ignore_conflicts=True)
    return fresh
