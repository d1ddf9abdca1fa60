"""How assets and jobs are found."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

if TYPE_CHECKING:
    from media_pipeline.models import Asset, Job  # noqa: F401  (named in quotes below)


class AssetQuerySet(QuerySet["Asset"]):
    def playable(self) -> AssetQuerySet:
        """Assets with a published media set (also while a newer set is being made)."""
        return self.exclude(folder="")

    def under_way(self) -> AssetQuerySet:
        """Assets that are neither ready nor refused nor failed."""
        return self.exclude(state__in=["READY", "REFUSED", "FAILED"])


class JobQuerySet(QuerySet["Job"]):
    def takeable(self, *, now: datetime) -> JobQuerySet:
        """Jobs that a worker may take: waiting and due, or running under a lapsed lease."""
        return self.filter(
            Q(state="WAITING", not_before__lte=now) | Q(state="RUNNING", lease_until__lt=now)
        ).order_by("-priority", "created_at", "pk")

    def open(self) -> JobQuerySet:
        """Jobs that are not at their end."""
        return self.filter(state__in=["WAITING", "RUNNING"])

    def hold_open_of(self, asset_id: int) -> None:
        """Lock all open jobs of one asset, in one order, so that two who end it at once never wait for each other.

        Inside a transaction, before any of those jobs and before the asset is locked alone.
        """
        list(self.open().filter(asset_id=asset_id).order_by("pk").select_for_update().values_list("pk"))
