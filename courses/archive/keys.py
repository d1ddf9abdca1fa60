"""Foreign keys of the archive: to rows that may one day lie in another database, so without a constraint there."""

from typing import Any

from django.db import models

__all__ = ["member_key", "organization_key"]


def member_key(verbose_name: Any, *, null: bool = False, db_index: bool = True) -> models.ForeignKey:
    """A member whose row is never deleted (accounts are switched off)."""
    return models.ForeignKey(
        "people.Member",
        verbose_name=verbose_name,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=db_index,
        null=null,
        blank=null,
        related_name="+",
    )


def organization_key(verbose_name: Any) -> models.ForeignKey:
    """An organisation; one that was dissolved leaves its number behind, so code and name stand beside it."""
    return models.ForeignKey(
        "people.PartyOrganization",
        verbose_name=verbose_name,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )
