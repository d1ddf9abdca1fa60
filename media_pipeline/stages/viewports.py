"""VIEWPORTS: draw a sphere's views for weak phones, some time after the lecture is ready. A side stage: it may fail alone."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings
from django.db import transaction

from media_pipeline import jobs, shelves, storage
from media_pipeline.engine import engine
from media_pipeline.errors import DiskFull, StageFailed
from media_pipeline.graph.viewports import (
    check_command,
    join_command,
    views_command,
    views_packager_command,
)
from media_pipeline.jobs import Lease
from media_pipeline.models import Asset, Stage
from media_pipeline.recipe import Recipe
from media_pipeline.runner import Limits, run
from media_pipeline.vr import views as plans

__all__ = ["make_views", "open_views"]

_ROOM_BYTES = 256 * 1024**2


def open_views(asset: Asset, *, bell: bool = True) -> None:
    """Queue the views of an asset that has just been published, when it is a sphere and they are wanted."""
    if settings.MEDIA_PIPELINE["VIEWPORTS"] and _wanted(asset) is not None:
        jobs.open_job(asset, Stage.VIEWPORTS, bell=bell)


def _wanted(asset: Asset) -> plans.ViewsRecipe | None:
    """What views the published set gets; None also for a set that an earlier version of this room made."""
    try:
        return plans.views_of(Recipe.from_dict(asset.contents["recipe"])) if asset.folder else None
    except (KeyError, TypeError):
        return None


def make_views(asset: Asset, lease: Lease, scratch: Path) -> None:
    """Draw, cut, verify, publish by one rename, and tell the asset. What was drawn before is found again."""
    wanted = _wanted(asset)
    if wanted is None:
        with transaction.atomic():
            jobs.finish(lease)
        return
    sphere = shelves.at_hand(asset.folder)
    target = sphere.parent / wanted.hash[:16]
    if not target.is_dir():
        drawn = storage.encoded_dir(asset.sha256, wanted.hash)
        _draw(sphere, drawn, wanted, lease, scratch)
        out = scratch / "set"
        out.mkdir()
        told = _package(sphere, drawn, out, wanted, lease)
        (out / "set.json").write_text(json.dumps(told, indent=1, sort_keys=True))
        storage.move_into_place(out, target)
        shelves.publish(str(target.relative_to(storage.root())), tick=lease.beat)
        shutil.rmtree(drawn, ignore_errors=True)
    told = json.loads((target / "set.json").read_text())
    with transaction.atomic():
        jobs.finish(lease)
        asset = Asset.objects.select_for_update().get(pk=asset.pk)
        if storage.absolute(asset.folder) == sphere:  # else a newer set was published, with a job of its own
            asset.contents = asset.contents | {"views": told}
            asset.save(update_fields=["contents"])


def _draw(sphere: Path, drawn: Path, wanted: plans.ViewsRecipe, lease: Lease, scratch: Path) -> None:
    """`drawn/c0000/<view>.mp4` for every stretch of the sphere's own rendition; finished stretches are kept."""
    durations, files = plans.segments_of((sphere / wanted.rung / "main.m3u8").read_text())
    each = max(1, wanted.chunk_s // wanted.segment_s)
    starts = range(0, len(files), each)
    tools = engine()
    for number, start in enumerate(starts):
        place = drawn / f"c{number:04d}"
        if place.is_dir():
            continue
        if storage.room_left() < _ROOM_BYTES:
            raise DiskFull(f"needs {_ROOM_BYTES} bytes")
        out = scratch / place.name
        out.mkdir()
        part = out / "part.mp4"
        with part.open("wb") as joined:
            for name in ("init.mp4", *files[start : start + each]):
                with (sphere / wanted.rung / name).open("rb") as piece:
                    shutil.copyfileobj(piece, joined)
        seconds = sum(durations[start : start + each])
        budget = max(600, round(seconds * 120))

        def tick(block: Mapping[str, str], number: int = number, seconds: float = seconds) -> None:
            lease.beat(0.9 * (number + _share(block, seconds)) / len(starts))

        outcome = run(
            views_command(tools.ffmpeg, part, wanted),
            limits=Limits(wall_s=budget * 4, cpu_s=budget),
            cwd=out,
            tick=tick,
            tick_s=0.5,
        )
        if outcome.code != 0:
            raise StageFailed("ENCODE_FAILED", outcome.stderr)
        part.unlink()
        storage.move_into_place(out, place)


def _package(
    sphere: Path, drawn: Path, out: Path, wanted: plans.ViewsRecipe, lease: Lease
) -> dict[str, object]:
    """Join the stretches, cut them on the sphere's grid, verify, write the master playlist; what was made."""
    tools = engine()

    def must(command: list[str]) -> None:
        outcome = run(
            command, limits=Limits(wall_s=7200, cpu_s=3600), cwd=out, tick=lambda _block: lease.beat()
        )
        if outcome.code != 0 or outcome.stderr:
            raise StageFailed("PACKAGE_UNSOUND", outcome.stderr)

    stretches = sorted(drawn.glob("c*"))
    whole = out / "whole"
    whole.mkdir()
    for name in wanted.names:
        if len(stretches) == 1:
            os.link(stretches[0] / f"{name}.mp4", whole / f"{name}.mp4")
            continue
        # Linked into the working folder, because a sandbox shows nothing else of what a list names.
        for stretch in stretches:
            os.link(stretch / f"{name}.mp4", whole / f"{stretch.name}-{name}.mp4")
        listed = whole / f"{name}.txt"
        listed.write_text("".join(f"file '{stretch.name}-{name}.mp4'\n" for stretch in stretches))
        must(join_command(tools.ffmpeg, f"whole/{name}.txt", f"whole/{name}.mp4"))
    lease.beat(0.93)
    outcome = run(
        views_packager_command(tools.packager, whole, wanted, wanted.names),
        limits=Limits(wall_s=7200, cpu_s=3600),
        cwd=out,
        tick=lambda _block: lease.beat(),
    )
    if outcome.code != 0:
        raise StageFailed("PACKAGE_UNSOUND", outcome.stderr)
    shutil.rmtree(whole)
    packed = out / "packed.m3u8"
    codecs = plans.codecs_of(packed.read_text())
    packed.unlink()
    grid, _files = plans.segments_of((sphere / wanted.rung / "main.m3u8").read_text())
    views = plans.measured(out, wanted.names, grid=grid)
    lease.beat(0.96)
    for view in views:
        segments = sorted((out / view.name).glob("*.m4s"))
        sample = out / "sample.mp4"
        pieces = [out / view.name / "init.mp4", *dict.fromkeys([segments[0], segments[-1]])]
        sample.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
        must(check_command(tools.ffmpeg, sample))
        sample.unlink()
    master = plans.views_master(
        wanted, views, codecs=codecs, set_folder=sphere.name, sound_bps=_peak(sphere, wanted.sound)
    )
    (out / plans.MANIFEST_VIEWS).write_text(master)
    return plans.description(wanted, views)


def _peak(sphere: Path, sound: str) -> int:
    """Peak bits a second of the sphere's sound; 0 without."""
    if not sound:
        return 0
    durations, files = plans.segments_of((sphere / sound / "main.m3u8").read_text())
    sizes = [(sphere / sound / name).stat().st_size for name in files]
    return round(max(size * 8 / max(seconds, 0.3) for size, seconds in zip(sizes, durations, strict=True)))


def _share(block: Mapping[str, str], seconds: float) -> float:
    """How much of a stretch of `seconds` is drawn, 0..1, from ffmpeg's progress; 0 while unknown."""
    try:
        return min(1.0, max(0.0, int(block.get("out_time_us", "")) / 1e6 / seconds))
    except (ValueError, ZeroDivisionError):
        return 0.0
