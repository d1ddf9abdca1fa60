"""The parts of a lecture on its way: which there are, which lie ready, how they become whole renditions."""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from media_pipeline import chunks, jobs, shelves, storage
from media_pipeline.chunks import Chunk, Piece
from media_pipeline.engine import engine
from media_pipeline.errors import StageFailed
from media_pipeline.graph.encode import still_step
from media_pipeline.graph.join import concat_list, copy_command, join_command
from media_pipeline.jobs import Lease
from media_pipeline.ladder import ceiling_kbps
from media_pipeline.models import Asset, AssetState, Job, JobState, Stage
from media_pipeline.probe import Facts
from media_pipeline.recipe import Recipe, VideoRung
from media_pipeline.runner import Limits, run
from media_pipeline.stages.shared import decided, published

__all__ = [
    "TWIN_PAUSE_S",
    "chunks_of",
    "joined",
    "made_by_a_twin",
    "measure",
    "missing",
    "missing_sounds",
    "open_encoding",
    "part_done",
    "preview_recipe",
    "put_rendition_aside",
    "take_over",
    "whole_file",
]

TWIN_PAUSE_S = 3.0
"""After so many seconds a job asks again whether its twin has made the part."""
_SIDE = 480
_LARGEST_SPHERE = 1280


def chunks_of(asset: Asset, facts: Facts, made: Recipe) -> tuple[Chunk, ...]:
    """The chunks that an asset is encoded in; one, when its source turned out not to be divisible."""
    if asset.facts.get("undivided"):
        return (Chunk(0, 0, None),)
    return chunks.plan(facts.duration_s, made)


def open_encoding(asset: Asset, *, bell: bool = True) -> None:
    """Open the jobs that encode `asset` by its recipe, inside the transaction that decided it.

    One for each chunk, one for all sounds, and PREVIEW for a long lecture. What lies ready (from
    an attempt before, or from another asset with the same source and recipe) counts as done; when that is
    all, PACKAGE is opened. Jobs of a recipe before are dropped: who runs one learns LeaseLost.
    """
    facts, made = decided(asset)
    ready = published(asset, made)
    planned: dict[tuple[Stage, str], bool] = {}
    for chunk in chunks_of(asset, facts, made):
        planned[Stage.ENCODE, chunk.key] = ready or not missing(asset, made, chunk)
    if made.sounds:
        planned[Stage.SOUND, ""] = ready or all(
            whole_file(asset, made, s.name).is_file() for s in made.sounds
        )
    for old in asset.jobs.filter(stage__in=[Stage.ENCODE, Stage.SOUND, Stage.PACKAGE]):
        if (Stage(old.stage), old.key) not in planned:
            old.delete()
    for (stage, key), done in planned.items():
        job = jobs.open_job(asset, stage, key=key, bell=bell and not done)
        if done:
            Job.objects.filter(pk=job.pk).update(state=JobState.DONE, progress=1.0)
    if all(planned.values()):
        Asset.objects.filter(pk=asset.pk).update(state=AssetState.PACKAGING)
        jobs.open_job(asset, Stage.PACKAGE, bell=bell)
    else:
        open_preview(asset, facts, made, bell=bell)


def preview_recipe(made: Recipe, preset: str) -> Recipe | None:
    """The recipe of the quick set: the rung nearest to 480 lines (a sphere: to 1280 wide) alone, and the sounds.

    None when the lecture has no picture. The kind is CAMERA, so that nobody looks for chapters in it.
    """
    if not made.ladder:
        return None
    wish = _LARGEST_SPHERE if made.kind == "SPHERE" else _SIDE

    def size(rung: VideoRung) -> int:
        return rung.width if made.kind == "SPHERE" else min(rung.width, rung.height)

    near = min(made.ladder, key=lambda rung: abs(size(rung) - wish))
    quick = VideoRung(
        near.name, near.width, near.height, ceiling_kbps(near.width * near.height), crf=26, preset=preset
    )
    return replace(made, rungs=(quick,), kind="SPHERE" if made.kind == "SPHERE" else "CAMERA")


def open_preview(asset: Asset, facts: Facts, made: Recipe, *, bell: bool) -> None:
    """Queue the preview of a lecture that lasts longer than PREVIEW_AFTER_S, if it cannot be played yet."""
    after_s = settings.MEDIA_PIPELINE["PREVIEW_AFTER_S"]
    if after_s and facts.duration_s > after_s and made.ladder and not made.protected and not asset.folder:
        jobs.open_job(asset, Stage.PREVIEW, bell=bell)


def put_rendition_aside(
    facts: dict[str, Any], made: Recipe, kept: Sequence[str], folder: str
) -> dict[str, Any]:
    """An asset's facts when all but some renditions of the new recipe `made` are taken over from the set in `folder`."""
    aside = {"recipe": made.hash, "names": list(kept), "folder": folder}
    return facts | {"recipe": made.as_dict(), "taken_over": aside}


def taken_over(asset: Asset, made: Recipe) -> tuple[list[str], str]:
    """Names of the renditions that are not made but taken over, and from which folder (relative to the root)."""
    aside = asset.facts.get("taken_over") or {}
    if aside.get("recipe") != made.hash:
        return [], ""
    return list(aside["names"]), str(aside["folder"])


def made_by_a_twin(asset: Asset, lease: Lease) -> bool:
    """Whether somebody is making this very part right now for another asset with the same source and recipe.

    Only the later job gives way, so of two exactly one works.
    """
    mine = lease.holder()
    return (
        Job.objects.filter(stage=mine.stage, key=mine.key, state=JobState.RUNNING, pk__lt=mine.pk)
        .filter(asset__sha256=asset.sha256, asset__recipe_hash=asset.recipe_hash)
        .filter(lease_until__gt=timezone.now())
        .exists()
    )


def part_done(asset: Asset, lease: Lease) -> None:
    """End a part's job; whoever ends the last one opens PACKAGE, exactly once.

    The asset's row is locked: of two that end at the same moment the second sees the first one's end.
    """
    with transaction.atomic():
        jobs.finish(lease)
        asset = Asset.objects.select_for_update().get(pk=asset.pk)
        parts = asset.jobs.filter(stage__in=[Stage.ENCODE, Stage.SOUND])
        under_way = asset.state in {AssetState.QUEUED, AssetState.TRANSCODING}
        if under_way and not parts.exclude(state=JobState.DONE).exists():
            asset.state = AssetState.PACKAGING
            asset.save(update_fields=["state"])
            jobs.open_job(asset, Stage.PACKAGE, bell=lease.bell)


def joined(asset: Asset, made: Recipe, lease: Lease, scratch: Path) -> Path | None:
    """The folder with `<name>.mp4` of every rendition, whole: chunks are put in a row, without encoding.

    None when something is missing (swept, lost) or the chunks do not make a whole: then this job is
    finished and encoding is open again, and the caller has nothing more to do.
    """
    target = storage.encoded_dir(asset.sha256, made.hash)
    facts, _recipe = decided(asset)
    parts = chunks_of(asset, facts, made)
    names, folder = taken_over(asset, made)
    if names:
        take_over(asset, made, names, shelves.at_hand(folder), lease, scratch)
    try:
        for rung in made.rungs:
            if not (target / f"{rung.name}.mp4").is_file():
                _join(asset, made, rung, parts, lease, scratch)
        absent = [name for name in made.names if not (target / f"{name}.mp4").is_file()]
    except (_NotThere, FileNotFoundError) as lost:
        absent = [str(lost)]
    except _NotWhole:
        if asset.facts.get("undivided"):
            raise StageFailed("ENCODE_FAILED", "the picture has no frame") from None
        absent = ["chunks do not fit"]
        asset.facts = asset.facts | {"undivided": True}
        shutil.rmtree(target / "chunks", ignore_errors=True)
    if not absent:
        return target
    asset.facts = {name: fact for name, fact in asset.facts.items() if name != "taken_over"}
    with transaction.atomic():
        jobs.finish(lease)
        Asset.objects.filter(pk=asset.pk).update(state=AssetState.QUEUED, facts=asset.facts)
        asset.state = AssetState.QUEUED
        open_encoding(asset, bell=lease.bell)
    return None


def take_over(
    asset: Asset, made: Recipe, names: Sequence[str], folder: Path, lease: Lease, scratch: Path
) -> None:
    """Make `<name>.mp4` of the published renditions `names` in the media set `folder`, without encoding.

    An init segment and its segments in a row are a file like any other. What is not there is left out: it is encoded.
    """
    codecs = {rung.name: rung.codec for rung in made.rungs}
    for name in names:
        target = whole_file(asset, made, name)
        segments = sorted((folder / name).glob("*.m4s"))
        init = folder / name / "init.mp4"
        if target.is_file() or not segments or not init.is_file():
            continue
        together = scratch / f"{name}.fragmented"
        with together.open("wb") as out:
            for piece in (init, *segments):
                with piece.open("rb") as opened:
                    shutil.copyfileobj(opened, out)
                lease.beat()
        _must(
            copy_command(
                engine().ffmpeg, together, f"{name}.mp4", codec=codecs.get(name, "aac"), sound=name not in codecs
            ),
            lease, scratch,
        )  # fmt: skip
        together.unlink()
        storage.put_file(scratch / f"{name}.mp4", target)


def measure(file: Path, made: Recipe) -> Piece:
    """Frames of an encoded file and the frame on which the first one lies, asked of ffprobe (header only)."""
    outcome = run(
        [engine().ffprobe, "-v", "error", "-protocol_whitelist", "file", "-f", "mov", "-select_streams", "v:0",
         "-show_entries", "stream=nb_frames,start_time", "-of", "json", f"file:{file}"],
        limits=Limits(wall_s=600, cpu_s=60),
        cwd=file.parent,
        capture=True,
    )  # fmt: skip
    try:
        (stream,) = json.loads(outcome.stdout)["streams"]
        return Piece(int(stream["nb_frames"]), round(float(stream["start_time"]) * float(made.rate)))
    except (ValueError, KeyError, TypeError):
        return Piece(0)


def missing(asset: Asset, made: Recipe, chunk: Chunk) -> list[VideoRung]:
    """The picture renditions that are neither whole, nor taken over, nor made for this chunk."""
    names, _folder = taken_over(asset, made)
    return [
        rung
        for rung in made.rungs
        if rung.name not in names
        and not whole_file(asset, made, rung.name).is_file()
        and not _piece(asset, made, chunk, rung.name).is_file()
    ]


def missing_sounds(asset: Asset, made: Recipe) -> list[str]:
    """Names of the sound renditions that are neither made nor taken over."""
    names, _folder = taken_over(asset, made)
    return [
        sound.name
        for sound in made.sounds
        if sound.name not in names and not whole_file(asset, made, sound.name).is_file()
    ]


def whole_file(asset: Asset, made: Recipe, name: str) -> Path:
    """Where a whole rendition lies before it is packaged."""
    return storage.encoded_dir(asset.sha256, made.hash) / f"{name}.mp4"


class _NotThere(Exception):
    """A chunk's file is missing."""


class _NotWhole(Exception):
    """The chunks in a row are not what an undivided run would have made."""


def _join(
    asset: Asset, made: Recipe, rung: VideoRung, parts: Sequence[Chunk], lease: Lease, scratch: Path
) -> None:
    """Put one rendition's chunks in a row. Raises _NotThere, _NotWhole."""
    files = [_piece(asset, made, chunk, rung.name) for chunk in parts]
    for file in files:
        if not file.is_file():
            raise _NotThere(file.name)
    target = whole_file(asset, made, rung.name)
    if len(files) == 1:
        if not files[0].stat().st_size:
            raise _NotWhole(rung.name)
        try:
            os.link(files[0], target)
        except FileExistsError:
            pass
        except OSError:
            shutil.copyfile(files[0], scratch / target.name)
            storage.put_file(scratch / target.name, target)
        return
    step = still_step(rung, made)
    pieces = []
    for file in files:
        pieces.append(measure(file, made) if file.stat().st_size else Piece(0))
        lease.beat()
    if step == 1 and not chunks.is_whole(pieces, tuple(parts)):
        raise _NotWhole(rung.name)
    listed = scratch / f"{rung.name}.ffconcat"
    rows = [
        (file, Fraction(piece.frames * step) / made.rate)
        for file, piece in zip(files, pieces, strict=True)
        if piece.frames
    ]
    listed.write_text(concat_list(rows))
    _must(join_command(engine().ffmpeg, listed, target.name, codec=rung.codec), lease, scratch)
    whole = measure(scratch / target.name, made)
    if whole.frames != sum(piece.frames for piece in pieces) or whole.start:
        raise StageFailed("PACKAGE_UNSOUND", f"{rung.name}: {whole.frames} frames after joining")
    storage.put_file(scratch / target.name, target)


def _piece(asset: Asset, made: Recipe, chunk: Chunk, name: str) -> Path:
    return storage.chunk_dir(asset.sha256, made.hash, chunk.key) / f"{name}.mp4"


def _must(command: list[str], lease: Lease, cwd: Path) -> None:
    outcome = run(command, limits=Limits(wall_s=7200, cpu_s=3600), cwd=cwd, tick=lambda _block: lease.beat())
    if outcome.code != 0:
        raise StageFailed("PACKAGE_UNSOUND", outcome.stderr)
