"""An editor's hand on the work: stop it, take it up again, have one rendition made anew."""

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from media_pipeline import jobs, storage
from media_pipeline.engine import engine
from media_pipeline.errors import EngineMissing
from media_pipeline.models import Asset, AssetState, Job, JobState, Stage
from media_pipeline.recipe import Recipe
from media_pipeline.signals import asset_failed
from media_pipeline.stages.parts import open_encoding, put_rendition_aside
from people.api import record

__all__ = ["cancel", "rerun_rendition", "retry"]


@transaction.atomic
def cancel(asset: Asset, actor: Any) -> Asset:
    """Stop all work on `asset`; on one that is at its end, or still being uploaded, nothing happens.

    Jobs that wait are stopped; who runs one learns LeaseLost with its next beat and kills its
    programs. What was made is kept, so that `retry` goes on from there. The asset ends FAILED
    with the code CANCELLED_WORK; one that was READY and had a rendition made anew is READY again,
    with the media set that it had.
    """
    Job.objects.hold_open_of(asset.pk)  # jobs before asset, as everywhere
    held = Asset.objects.select_for_update().get(pk=asset.pk)
    if held.is_final or held.state == AssetState.UPLOADING:
        return held
    now = timezone.now()
    held.jobs.open().update(state=JobState.STOPPED, finished_at=now, lease_until=None, error="cancelled")
    published = held.contents.get("recipe")
    if held.folder and published and not held.contents.get("preview"):
        made = Recipe.from_dict(published)
        held.facts = held.facts | {"recipe": made.as_dict()}
        held.state, held.recipe_hash = AssetState.READY, made.hash
        held.save(update_fields=["state", "facts", "recipe_hash"])
    else:
        held.state, held.refusal_code, held.refusal_values = AssetState.FAILED, "CANCELLED_WORK", {}
        held.save(update_fields=["state", "refusal_code", "refusal_values"])
        asset_failed.send(sender=Asset, asset=held)
    record(actor, "asset.cancelled", held)
    return held


@transaction.atomic
def retry(asset: Asset, *, actor: Any) -> Asset:
    """Take up a FAILED asset where it stopped: facts that are known are not asked again, finished chunks are found.

    On any other state nothing happens. The audit trail records who asked.
    """
    held = Asset.objects.select_for_update().get(pk=asset.pk)
    if held.state != AssetState.FAILED:
        return held
    if held.refusal_code == "PACKAGE_UNSOUND":  # something in the encoded files may be wrong
        storage.forget_encoded(held.sha256, held.recipe_hash)
    held.refusal_code, held.refusal_values = "", {}
    known = "recipe" in held.facts and not _outdated(held, Recipe.from_dict(held.facts["recipe"]))
    held.state = AssetState.QUEUED if known else AssetState.RECEIVED
    held.save(update_fields=["state", "refusal_code", "refusal_values"])
    if known:
        open_encoding(held)
    else:
        jobs.open_job(held, Stage.ANALYSE if "source" in held.facts else Stage.PROBE)
    record(actor, "asset.retried", held)
    return Asset.objects.get(pk=held.pk)


@transaction.atomic
def rerun_rendition(asset: Asset, name: str, actor: Any) -> Asset:
    """Make the rendition `name` of a READY asset anew, from the source.

    A set never changes, so a new one is made (the asset's edition grows, and with it the
    recipe's hash): the other renditions are taken over from the published set as they are, all are
    verified again, and the asset is switched at once; until then it plays what it has. On any
    other state nothing happens. Raises KeyError for a rendition that the asset does not have.
    """
    held = Asset.objects.select_for_update().get(pk=asset.pk)
    if held.state != AssetState.READY:
        return held
    published = Recipe.from_dict(held.contents["recipe"])
    if name not in published.names:
        raise KeyError(name)
    held.edition += 1
    made = replace(published, edition=held.edition)
    if _outdated(held, made):
        made = replace(made, engine=engine().version_for(held.video_codec))
    kept = [] if made.protected else [other for other in made.names if other != name]
    held.facts = put_rendition_aside(held.facts, made, kept, held.folder)
    held.state, held.recipe_hash = AssetState.QUEUED, made.hash
    held.save(update_fields=["state", "edition", "facts", "recipe_hash"])
    open_encoding(held)
    record(actor, "asset.rendition_rerun", held)
    return Asset.objects.get(pk=held.pk)


def _outdated(asset: Asset, made: Recipe) -> bool:
    """Whether the programs have changed since the recipe was decided; unknown where there are none."""
    try:
        return made.engine != engine().version_for(asset.video_codec)
    except EngineMissing:
        return False
