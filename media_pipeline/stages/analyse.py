"""ANALYSE: look at samples, try qualities out, measure the sound, decide the recipe, queue the encoding.

An analysis that fails never fails a good lecture: the table's defaults take its place, and
`asset.facts["analysis"]` says why.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from media_pipeline import jobs, loudness
from media_pipeline.decide import Character, recipe
from media_pipeline.decide.classify import kind_of
from media_pipeline.decide.quality import table_crf
from media_pipeline.decide.study import Bench, look, try_out
from media_pipeline.engine import engine
from media_pipeline.errors import StageFailed, StageInterrupted
from media_pipeline.jobs import Lease
from media_pipeline.models import Asset, AssetState, Rendition
from media_pipeline.probe import Facts
from media_pipeline.recipe import Loudness, Recipe
from media_pipeline.stages.parts import open_encoding
from media_pipeline.stages.shared import policy, source_of

__all__ = ["analyse"]

log = logging.getLogger(__name__)

METHOD = 2
"""Grows when the same samples would be judged otherwise; findings of an earlier method are not taken over."""
_TRIALS_FROM_S = 20
"""Shorter clips are not worth trials: the table's quality is near, and they are soon encoded."""
_STILL = 0.97
_WALL_S = 1800


def analyse(asset: Asset, lease: Lease, scratch: Path) -> None:
    """Decide kind, projection and recipe of an accepted source, and queue the encoding."""
    facts = Facts.from_dict(asset.facts["source"])
    projection = asset.projection_chosen or facts.projection
    stereo = asset.stereo_chosen or facts.stereo
    character, analysis = _earlier(asset, projection) or _study(asset, facts, projection, lease, scratch)
    with transaction.atomic():
        jobs.finish(lease)
        asset.refresh_from_db()  # somebody may have asked for encryption meanwhile
        made = _recipe(facts, character, asset, projection=projection, stereo=stereo)
        asset.state = AssetState.QUEUED
        asset.kind = made.kind
        asset.projection, asset.stereo = made.projection, made.stereo
        asset.facts = asset.facts | {
            "character": character.as_dict(),
            "analysis": analysis,
            "recipe": made.as_dict(),
        }
        asset.recipe_hash = made.hash
        asset.save()
        asset.renditions.all().delete()
        Rendition.objects.bulk_create(_announced(asset, made))
        open_encoding(asset, bell=lease.bell)


def _recipe(facts: Facts, character: Character, asset: Asset, *, projection: str, stereo: str) -> Recipe:
    chosen = settings.MEDIA_PIPELINE
    made = recipe(
        facts,
        character,
        projection=projection,
        stereo=stereo,
        engine=engine().version_for(facts.video_codec),
        preset=chosen["PRESET"],
        crf=chosen["CRF"],
        threads=chosen["THREADS"],
        max_duration_s=chosen["MAX_DURATION_S"],
        av1=chosen["AV1"],
        stills=chosen["STILLS"],
        hevc=chosen["HEVC"],
        protected=asset.protected,
        edition=asset.edition,
    )
    return replace(made, chunk_s=chosen["CHUNK_S"])


def _method() -> list[Any]:
    """What findings depend on besides the source: others found with the same need not be sought again."""
    chosen = settings.MEDIA_PIPELINE
    measuring = bool(engine().measuring)
    return [METHOD, chosen["ANALYSE"], chosen["PRESET"], chosen["AV1"], engine().version, measuring]


def _earlier(asset: Asset, projection: str) -> tuple[Character, dict[str, Any]] | None:
    """What was found out about the same bytes before, by the same method: for this asset or another one."""
    same = Asset.objects.filter(sha256=asset.sha256).exclude(sha256="").order_by("pk")
    for other in same:
        analysis = other.facts.get("analysis") or {}
        known = analysis.get("method") == _method() and analysis.get("projection") == projection
        if known and "failed" not in analysis:
            return Character.from_dict(other.facts["character"]), analysis
    return None


def _study(
    asset: Asset, facts: Facts, projection: str, lease: Lease, scratch: Path
) -> tuple[Character, dict[str, Any]]:
    """Character and what it rests on. Only what is our own trouble is raised: LeaseLost, DiskFull, a kill."""
    analysis: dict[str, Any] = {"method": _method(), "projection": projection}
    kind = "SOUND" if not facts.width else "SPHERE" if projection != "FLAT" else "CAMERA"
    character = Character(kind)
    source = source_of(asset)

    def alive(_block: Mapping[str, str]) -> None:
        lease.beat()

    bench = Bench(engine(), scratch, policy().max_pixels, _WALL_S, alive)
    mode = settings.MEDIA_PIPELINE["ANALYSE"]
    try:
        character = replace(character, loudness=_loudness(source, facts, bench))
        lease.beat(0.2)
        if mode != "off" and kind == "CAMERA":
            character = _looked_at(source, facts, character, asset, bench, analysis)
            lease.beat(0.4)
            if mode == "full" and facts.duration_s >= _TRIALS_FROM_S:
                draft = _recipe(facts, character, asset, projection=projection, stereo="MONO")
                trials = try_out(source, facts, draft, bench)
                analysis["trials"] = trials.as_dict()
                character = replace(character, crf=trials.crf, left_out=trials.left_out)
    except StageFailed as no:
        analysis["failed"] = f"{no.code}: {no.detail}"[:500]
    except StageInterrupted as stopped:
        if lease.attempts < settings.MEDIA_PIPELINE["ATTEMPTS"]:
            raise  # killed from outside: another attempt finds the same as an undisturbed one would have
        analysis["failed"] = str(stopped)[:500]
    if "failed" in analysis:
        log.warning("asset %s was not analysed: %s", asset.pk, analysis["failed"])
    return character, analysis


def _looked_at(
    source: Path, facts: Facts, character: Character, asset: Asset, bench: Bench, analysis: dict[str, Any]
) -> Character:
    """The character by what samples of a flat picture show, with the table's qualities."""
    draft = _recipe(facts, character, asset, projection="FLAT", stereo="MONO")
    signs = look(source, facts, draft, bench)
    if signs is None:
        return character
    analysis["signs"] = signs.as_dict()
    kind = kind_of(signs)
    table = {
        rung.name: table_crf(kind, min(rung.width, rung.height))
        for rung in draft.rungs
        if rung.codec == "h264" and not rung.fps
    }
    return replace(character, kind=kind, crf=table, still=kind == "SLIDES" and signs.frozen >= _STILL)


def _loudness(source: Path, facts: Facts, bench: Bench) -> dict[int, Loudness]:
    return loudness.measure(
        source, facts, facts.sounds, engine=bench.tools, max_pixels=bench.max_pixels,
        max_duration_s=settings.MEDIA_PIPELINE["MAX_DURATION_S"], cwd=bench.cwd, tick=bench.tick,
    )  # fmt: skip


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
