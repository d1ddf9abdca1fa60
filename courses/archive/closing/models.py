"""What is: years that an organisation closed."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from courses.archive.keys import member_key, organization_key
from people.querysets import Scope

__all__ = ["YearClose"]


class YearCloseQuerySet(models.QuerySet):
    def within(self, scope: Scope) -> "YearCloseQuerySet":
        """Closes made for organisations inside `scope`."""
        return self.filter(scope.condition("organization__path"))

    def standing(self) -> "YearCloseQuerySet":
        """Those that were not undone."""
        return self.filter(reopened_at__isnull=True)


class YearClose(models.Model):
    """One organisation closed one year, e.g. 桂花社区党委 closed 2026 on 15 January 2027.

    It holds for the organisation and everything below it. Undoing it is a decision of its own, written into
    the same row; closing again makes another row. Not a lock of rows: `ledger.add_entry` and
    `ledger.reverse_entry` ask `api.require_open`.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = organization_key(_("organisation"))
    organization_code = models.CharField(_("code of the organisation at that time"), max_length=64)
    organization_name = models.CharField(_("organisation at that time"), max_length=120)
    year = models.PositiveSmallIntegerField(_("year"))
    closed_by = member_key(_("closed by"), db_index=False)
    closed_at = models.DateTimeField(_("closed at"))
    note = models.CharField(_("note"), max_length=300, blank=True)
    reopened_by = member_key(_("reopened by"), null=True, db_index=False)
    reopened_at = models.DateTimeField(_("reopened at"), null=True, blank=True)
    reopen_reason = models.CharField(_("reason"), max_length=300, blank=True)

    objects = YearCloseQuerySet.as_manager()

    class Meta:
        verbose_name = _("closed year")
        verbose_name_plural = _("closed years")
        ordering = ["-year", "organization_code", "-closed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "year"],
                condition=Q(reopened_at__isnull=True),
                name="year_closed_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(reopened_at__isnull=True, reopen_reason="")
                | (Q(reopened_at__isnull=False) & ~Q(reopen_reason="")),
                name="year_reopened_with_a_reason",
            ),
        ]
        indexes = [models.Index(fields=["year", "organization_code"], name="year_close_by_code")]

    def __str__(self) -> str:
        return f"{self.year} {self.organization_name}"
