"""Members and organisations as documents of search, for those alone whose scope holds them; a hit opens the board.

Minimal: the name, where, and which post; never a number, a date, a result. A plain member finds nobody, not even
herself. Being found tells no more than the organiser's own list of people does, so it is not recorded either.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from people.models import Member, PartyOrganization, Post
from search import outbox
from search.documents import Document, register

__all__ = ["follow_posts", "register_documents"]

TOLD = frozenset({"name", "organization", "status", "is_active", "posts"})
"""What of a member stands in the index or decides whether she does."""
LOOKED_BACK = timedelta(days=7)
"""So long the nightly task may have been missed."""


def load_members(ids: list[str] | None) -> Iterable[Document]:
    """Members on the roster, by uuid (or all)."""
    members = Member.objects.on_roster().select_related("organization").order_by("pk")
    if ids is not None:
        members = members.filter(uuid__in=ids)
    return _members(list(members))


def _members(members: list[Member]) -> Iterator[Document]:
    held: dict[int, list[str]] = defaultdict(list)
    posts = Post.objects.filter(member__in=members).held_on(timezone.localdate())
    for post in posts.select_related("organization").order_by("pk"):
        held[post.member_id].append(f"{post.organization.name}{post.get_role_display()}")
    for member in members:
        where = member.organization
        assert where is not None  # on_roster
        yield Document(
            id=str(member.uuid),
            kind="member",
            title=member.name,
            body="\n".join([where.name, *held[member.pk]]),
            url=reverse("reports:person", args=[member.uuid]),
            acl=_organisers_of(where),
            extra={"organization": where.name},
        )


def load_organizations(ids: list[str] | None) -> Iterable[Document]:
    """Organisations, by uuid (or all)."""
    found = PartyOrganization.objects.all()
    if ids is not None:
        found = found.filter(uuid__in=ids)
    for one in found.iterator():
        yield Document(
            id=str(one.uuid),
            kind="organization",
            title=one.name,
            url=f"{reverse('reports:board')}?organization={one.uuid}",
            acl=_organisers_of(one),
            category=str(one.get_type_display()),
            names=[name for name in (one.code, one.short_name) if name],
        )


def _organisers_of(organization: PartyOrganization) -> list[str]:
    """Tokens of those who organise it or something above it."""
    return [f"scope:{path}" for path in organization.ancestor_paths()]


def follow_posts(today: date) -> int:
    """Tell search of the members whose posts began or ended by the calendar in the last days; how many."""
    since = today - LOOKED_BACK
    turned = Q(started_on__gt=since, started_on__lte=today) | Q(ended_on__gte=since, ended_on__lt=today)
    found = Post.objects.filter(turned).values_list("member__uuid", flat=True).distinct()
    uuids = list(found)
    outbox.changed("member", *uuids)
    return len(uuids)


# News from people


def member_changed(sender: Any, member: Member, fields: set[str], **kwargs: Any) -> None:
    if fields & TOLD:
        outbox.changed("member", member.uuid)


def organization_changed(sender: Any, organization: PartyOrganization, moved: bool, **kwargs: Any) -> None:
    """A name stands in the documents of its people; after a move others may see all that is below it."""
    if moved:
        places = PartyOrganization.objects.filter(path__startswith=organization.path)
    else:
        places = PartyOrganization.objects.filter(pk=organization.pk)
    outbox.changed("organization", *places.values_list("uuid", flat=True))
    concerned = Q(organization__in=places) | Q(posts__organization=organization)
    outbox.changed("member", *Member.objects.filter(concerned).values_list("uuid", flat=True).distinct())


def organization_dissolved(sender: Any, uuid: Any, **kwargs: Any) -> None:
    outbox.removed("organization", uuid)


def register_documents() -> None:
    """Called once by reports.apps."""
    register(
        "member",
        label=pgettext_lazy("search tab", "Members"),
        load=load_members,
        ids=lambda: Member.objects.on_roster().order_by("pk").values_list("uuid", flat=True),
        stands_apart=True,
    )
    register(
        "organization",
        label=pgettext_lazy("search tab", "Party organisations"),
        load=load_organizations,
        ids=lambda: PartyOrganization.objects.values_list("uuid", flat=True),
        stands_apart=True,
    )
