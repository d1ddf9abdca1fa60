"""What the stages share."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from media_pipeline import shelves, storage
from media_pipeline.errors import DiskFull, LeaseLost, StageFailed
from media_pipeline.jobs import Lease
from media_pipeline.models import Asset, AssetState
from media_pipeline.probe import Facts, Policy
from media_pipeline.recipe import Recipe

__all__ = ["decided", "forget_source", "need_room", "policy", "published", "quietly", "source_of"]

log = logging.getLogger(__name__)


def quietly(end: Callable[..., None], lease: Lease, *args: Any, **kwargs: Any) -> None:
    """End a job; that somebody else has taken it over meanwhile is not our trouble."""
    try:
        end(lease, *args, **kwargs)
    except LeaseLost:
        log.warning("job %s was taken over by somebody else", lease.job_id)


def policy() -> Policy:
    return Policy(max_duration_s=settings.MEDIA_PIPELINE["MAX_DURATION_S"])


def decided(asset: Asset) -> tuple[Facts, Recipe]:
    return Facts.from_dict(asset.facts["source"]), Recipe.from_dict(asset.facts["recipe"])


def published(asset: Asset, made: Recipe) -> bool:
    return storage.absolute(storage.set_folder(asset.sha256, made.hash)).is_dir()


def source_of(asset: Asset) -> Path:
    path = storage.source_path(asset.sha256)
    if not shelves.fetch_source(asset.sha256):
        raise StageFailed("SOURCE_MISSING", str(path.name))
    return path


def need_room(expected_bytes: int) -> None:
    """Raise DiskFull unless twice what is expected fits on the disk: it exists twice for a moment."""
    if storage.room_left() < 2 * expected_bytes:
        raise DiskFull(f"needs {2 * expected_bytes} bytes")


def forget_source(asset: Asset) -> None:
    """Delete the source of a refused asset when no other asset needs it."""
    needed = Asset.objects.filter(sha256=asset.sha256).exclude(pk=asset.pk).exclude(state=AssetState.REFUSED)
    if not needed.exists():
        shelves.forget_source(asset.sha256)
