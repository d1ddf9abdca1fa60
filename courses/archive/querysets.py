"""How rows of the archive are found."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from django.db.models import F, Q, QuerySet, TextField
from django.db.models.functions import Cast

from courses.archive.chain import DECIMALS, FIELDS, MOMENTS, UUIDS

if TYPE_CHECKING:
    from people.models import Member
    from people.querysets import Scope


class AppendOnlyQuerySet(QuerySet):
    """Rows that are only ever added: neither changed nor removed, not even many at a time."""

    def update(self, **kwargs: Any) -> int:
        raise TypeError(f"{self.model._meta.label} is only ever added to")

    def delete(self) -> Any:
        raise TypeError(f"{self.model._meta.label} is only ever added to")

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        raise TypeError(f"{self.model._meta.label} is only ever added to")


class EntryQuerySet(AppendOnlyQuerySet):
    def of(self, member: Member) -> EntryQuerySet:
        """The ledger of one member: only for the member, or for somebody who was asked to show it."""
        return self.filter(member=member)

    def in_year(self, year: int) -> EntryQuerySet:
        """Entries that count for the calendar year `year`."""
        return self.filter(year=year)

    def as_kept(self, *names: str) -> QuerySet:
        """Rows (`names`…, then chain.FIELDS in order), as the database itself writes them.

        Moments, decimals and uuids come as its own text, numbers and texts as they are, so that nothing is
        rounded on the way. For `chain.content_of_row`.
        """
        said = []
        for name in FIELDS:
            source = "reversal_of__uuid" if name == "reversal_of" else name
            as_text = name in MOMENTS or name in DECIMALS or name in UUIDS
            said.append(Cast(source, TextField()) if as_text else F(source))
        return self.order_by().values_list(*names, *said)


class ExemptionQuerySet(QuerySet):
    def standing(self) -> ExemptionQuerySet:
        """Those that were not taken back."""
        return self.filter(revoked_at__isnull=True)

    def holding_in(self, year: int) -> ExemptionQuerySet:
        """Those that free from the requirement of `year`; one for a member at most."""
        return self.standing().filter(Q(until_year=None) | Q(until_year__gte=year), year__lte=year)

    def within(self, scope: Scope, *, but: Member) -> ExemptionQuerySet:
        """Exemptions of members inside `scope`, never those of `but`: nobody decides about her own."""
        return self.filter(scope.condition("member__organization__path")).exclude(member=but)


class RuleQuerySet(QuerySet):
    def in_force(self, day: date) -> RuleQuerySet:
        """Rules that hold on `day`, both ends included."""
        not_over = Q(effective_to__isnull=True) | Q(effective_to__gte=day)
        return self.filter(not_over, effective_from__lte=day)
