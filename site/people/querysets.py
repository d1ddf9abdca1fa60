"""How people and organisations are found, and only as far as the asker may see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from django.db.models import Exists, Max, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Replace
from treebeard.mp_tree import MP_NodeManager, MP_NodeQuerySet

from people.encryption import digest

if TYPE_CHECKING:
    from people.models import AuditEntry, Member, Notice, PartyOrganization, Post  # noqa: F401


@dataclass(frozen=True)
class Scope:
    """The part of the organisation tree that somebody may look at as an organiser.

    `paths` are materialised tree paths (treebeard), each standing for itself and all below it.
    `everything` is for administrators. An empty scope sees nothing.
    """

    paths: tuple[str, ...] = ()
    everything: bool = False

    def __bool__(self) -> bool:
        return self.everything or bool(self.paths)

    def holds(self, path: str) -> bool:
        """Whether the organisation at tree path `path` lies within this scope."""
        return self.everything or any(path.startswith(own) for own in self.paths)

    def condition(self, field: str = "path") -> Q:
        """The scope as a condition on a tree path field, e.g. `organization__path`."""
        if self.everything:
            return Q()
        if not self.paths:
            return Q(pk__in=[])
        found = Q()
        for path in self.paths:
            found |= Q(**{f"{field}__startswith": path})
        return found


class PartyOrganizationQuerySet(MP_NodeQuerySet):
    def within(self, scope: Scope) -> PartyOrganizationQuerySet:
        """Organisations inside `scope`."""
        return self.filter(scope.condition("path"))


class PartyOrganizationManager(MP_NodeManager.from_queryset(PartyOrganizationQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> PartyOrganizationQuerySet:
        return PartyOrganizationQuerySet(self.model, using=self._db).order_by("path")


class MemberQuerySet(QuerySet["Member"]):
    def within(self, scope: Scope) -> MemberQuerySet:
        """Members whose organisation lies inside `scope`."""
        return self.filter(scope.condition("organization__path"))

    def of(self, organization: PartyOrganization) -> MemberQuerySet:
        """Members of `organization` and of everything below it."""
        return self.filter(organization__path__startswith=organization.path)

    def on_roster(self) -> MemberQuerySet:
        """Full and probationary members with an organisation: those whom study requirements concern."""
        from_roster = ("FULL", "PROBATIONARY")
        return self.filter(status__in=from_roster, organization__isnull=False, is_active=True)

    def matching(self, text: str) -> MemberQuerySet:
        """Members whom `text` may mean: part of the name, pinyin, pinyin initials, sign-in name.

        A whole mobile number finds its owner by digest; part of a number finds nobody, since
        numbers are kept encrypted. Blank text leaves the set as it is.
        """
        words = text.strip()
        if not words:
            return self
        run = re.sub(r"[\s'-]", "", words).lower()
        found = Q(name__icontains=words) | Q(username__icontains=words)
        if re.fullmatch(r"1\d{10}", run):
            found |= Q(phone_digest=digest(run))
        if re.fullmatch(r"[a-zü]+", run):
            found |= Q(name_run__icontains=run) | Q(name_initials__istartswith=run)
        return self.alias(name_run=Replace("name_pinyin", Value(" "), Value(""))).filter(found)

    def with_desk(self, day: date) -> MemberQuerySet:
        """With `has_desk`: whether somebody organises on `day`, i.e. `api.scope_of` is not empty. No query more."""
        from people.models import ORGANISING_ROLES, Post

        posts = Post.objects.filter(member=OuterRef("pk"), role__in=ORGANISING_ROLES)
        return self.annotate(has_desk=Exists(posts.held_on(day)) | Q(is_superuser=True))

    def by_name(self) -> MemberQuerySet:
        """In the order of the pinyin of the name: the house's only default order of people."""
        return self.order_by("name_pinyin", "name", "pk")


class PostQuerySet(QuerySet["Post"]):
    def held_on(self, day: date) -> PostQuerySet:
        """Posts held on `day`; both ends of a term count."""
        return self.filter(started_on__lte=day).exclude(ended_on__lt=day)


class NoticeQuerySet(QuerySet["Notice"]):
    def of(self, member: Member) -> NoticeQuerySet:
        """The inbox of `member`, newest first."""
        return self.filter(member=member)

    def unread(self) -> NoticeQuerySet:
        return self.filter(read_at__isnull=True)

    def latest_per_member(self, kind: str) -> dict[int, datetime]:
        """Member id → moment of the newest notice of `kind` in this set (one query)."""
        newest = self.filter(kind=kind).order_by().values_list("member_id").annotate(newest=Max("created_at"))
        return dict(newest)


class AuditQuerySet(QuerySet["AuditEntry"]):
    """Reads and adds; it neither changes nor removes."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise TypeError("the audit trail is only ever added to")

    def delete(self) -> NoReturn:
        raise TypeError("the audit trail is only ever added to")

    def bulk_update(self, objs: Any, fields: Any, batch_size: int | None = None) -> NoReturn:
        raise TypeError("the audit trail is only ever added to")
