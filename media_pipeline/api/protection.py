"""Encrypting a lecture, and opening it again; nothing is encoded for it."""

from dataclasses import replace
from typing import Any

from django.db import transaction

from media_pipeline import jobs
from media_pipeline.keys import is_protected
from media_pipeline.models import Asset, AssetState, Stage
from media_pipeline.recipe import Recipe
from people.api import record

__all__ = ["set_protection"]


@transaction.atomic
def set_protection(asset: Asset, protected: bool, *, actor: Any = None, bell: bool = True) -> bool:
    """Have `asset` encrypted (or not) from now on; whether anything was to be done. Twice is once.

    A READY asset goes through PACKAGE once more (its segments are encrypted, not encoded) and plays
    what it has until the other set is there. One under way is only noted: ANALYSE reads it, and
    whoever listens to `asset_ready` asks again. The set in clear is swept a day later.
    """
    held = Asset.objects.select_for_update().get(pk=asset.pk)
    ready = held.state == AssetState.READY and "recipe" in held.contents
    if held.protected == protected and (not ready or is_protected(held.contents) == protected):
        return False
    if held.protected != protected:
        record(actor, "asset.protected" if protected else "asset.unprotected", held)
    held.protected = protected
    if ready and is_protected(held.contents) != protected:
        try:
            made = replace(Recipe.from_dict(held.contents["recipe"]), protected=protected)
        except (KeyError, TypeError):  # a set of an earlier layout: its way begins anew
            held.state = AssetState.RECEIVED
            jobs.open_job(held, Stage.PROBE, bell=bell)
        else:
            held.facts = held.facts | {"recipe": made.as_dict()}
            held.recipe_hash, held.state = made.hash, AssetState.PACKAGING
            jobs.open_job(held, Stage.PACKAGE, bell=bell)
    held.save(update_fields=["protected", "facts", "recipe_hash", "state"])
    asset.refresh_from_db()
    return True
