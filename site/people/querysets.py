"""How people and organisations are found, and only as far as the asker may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet
from treebeard.mp_tree import MP_NodeManager, MP_NodeQuerySet

if TYPE_CHECKING:
    from people.models import Member, PartyOrganization


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
    def get_queryset(self):
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

    def by_name(self) -> MemberQuerySet:
        """In the order of the pinyin of the name: the house's only default order of people."""
        return self.order_by("name_pinyin", "name", "pk")
