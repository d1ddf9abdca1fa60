"""ANALYSE: look at samples, decide the recipe, announce the renditions to come."""

from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.db import transaction

from media_pipeline import jobs
from media_pipeline.decide import Character, recipe
from media_pipeline.engine import engine
from media_pipeline.jobs import Lease
from media_pipeline.models import Asset, AssetState, Rendition
from media_pipeline.probe import Facts
from media_pipeline.recipe import Recipe
from media_pipeline.stages.parts import open_encoding

__all__ = ["analyse"]


def analyse(asset: Asset, lease: Lease, _scratch: Path) -> None:
    """Decide kind, projection and recipe of an accepted source, and queue the encoding."""
    facts = Facts.from_dict(asset.facts["source"])
    projection = asset.projection_chosen or facts.projection
    stereo = asset.stereo_chosen or facts.stereo
    kind = "SOUND" if not facts.width else "SPHERE" if projection != "FLAT" else "CAMERA"
    character = Character(kind)
    chosen = settings.MEDIA_PIPELINE
    made = recipe(
        facts,
        character,
        projection=projection,
        stereo=stereo,
        engine=engine().version,
        preset=chosen["PRESET"],
        crf=chosen["CRF"],
        threads=chosen["THREADS"],
        max_duration_s=chosen["MAX_DURATION_S"],
    )
    made = replace(made, chunk_s=chosen["CHUNK_S"])
    with transaction.atomic():
        jobs.finish(lease)
        asset.refresh_from_db()
        asset.state = AssetState.QUEUED
        asset.kind = made.kind
        asset.projection, asset.stereo = made.projection, made.stereo
        asset.facts = asset.facts | {"character": character.as_dict(), "recipe": made.as_dict()}
        asset.recipe_hash = made.hash
        asset.save()
        asset.renditions.all().delete()
        Rendition.objects.bulk_create(_announced(asset, made))
        open_encoding(asset, bell=lease.bell)


def _announced(asset: Asset, made: Recipe) -> list[Rendition]:
    rows = [
        Rendition(
            asset=asset,
            name=rung.name,
            kind=Rendition.Kind.VIDEO,
            codec=rung.codec,
            width=rung.width,
            height=rung.height,
        )
        for rung in made.rungs
    ]
    rows += [
        Rendition(asset=asset, name=sound.name, kind=Rendition.Kind.AUDIO, codec="aac", lang=sound.lang)
        for sound in made.sounds
    ]
    return rows
