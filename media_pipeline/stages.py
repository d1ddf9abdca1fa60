"""The three stages of an asset's way: check, transcode, package. Each may run twice and ends the same.

What a stage makes is keyed by the source's and the recipe's hash and put in place by one
rename; only then, in one transaction under the lease, does the database move on.
"""

import json
import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from media_pipeline import graph, jobs, package, spherical, storage, storyboard
from media_pipeline.engine import engine
from media_pipeline.errors import (
    AssetRefused,
    DiskFull,
    EngineMissing,
    LeaseLost,
    StageFailed,
    StageInterrupted,
)
from media_pipeline.jobs import Lease
from media_pipeline.ladder import Recipe, recipe
from media_pipeline.models import Asset, AssetState, Rendition, Stage
from media_pipeline.probe import Facts, Policy, decode_first_frame, examine
from media_pipeline.runner import Limits, run
from media_pipeline.signals import asset_ready

__all__ = ["run_stage"]

log = logging.getLogger(__name__)
_BACK_OFF_S = (5, 60, 300)
_DISK_FULL_PAUSE_S = 60


def run_stage(lease: Lease) -> None:
    """Do the stage that `lease` is for, and see to it that the job ends or waits with a reason."""
    scratch = storage.work_dir(lease.job_id, lease.fence)
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        asset = Asset.objects.get(pk=lease.asset_id)
        _STAGES[Stage(lease.stage)](asset, lease, scratch)
    except LeaseLost:
        log.warning("job %s was taken over by somebody else", lease.job_id)
    except AssetRefused as no:
        _refuse(lease, no)
    except StageFailed as no:
        _quietly(jobs.stop, lease, AssetState.FAILED, no.code, error=no.detail)
    except DiskFull as full:
        jobs.give_back(lease, error=f"disk full: {full}", after_s=_DISK_FULL_PAUSE_S, counted=False)
    except (StageInterrupted, EngineMissing) as stopped:
        if lease.attempts >= settings.MEDIA_PIPELINE["ATTEMPTS"]:
            values = {"attempts": lease.attempts}
            _quietly(jobs.stop, lease, AssetState.FAILED, "KEEPS_DYING", values=values, error=str(stopped))
        else:
            wait = _BACK_OFF_S[min(lease.attempts, len(_BACK_OFF_S)) - 1]
            jobs.give_back(lease, error=str(stopped), after_s=wait)
    except OSError as broken:
        if broken.errno == 28:  # ENOSPC
            jobs.give_back(lease, error="disk full", after_s=_DISK_FULL_PAUSE_S, counted=False)
        else:
            log.exception("job %s", lease.job_id)
            _quietly(jobs.stop, lease, AssetState.FAILED, "INTERNAL", error=repr(broken))
    except Exception as unforeseen:
        log.exception("job %s", lease.job_id)
        _quietly(jobs.stop, lease, AssetState.FAILED, "INTERNAL", error=repr(unforeseen))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _quietly(end: Callable[..., None], lease: Lease, *args: Any, **kwargs: Any) -> None:
    try:
        end(lease, *args, **kwargs)
    except LeaseLost:
        log.warning("job %s was taken over by somebody else", lease.job_id)


def policy() -> Policy:
    return Policy(max_duration_s=settings.MEDIA_PIPELINE["MAX_DURATION_S"])


# Check


def _probe(asset: Asset, lease: Lease, _scratch: Path) -> None:
    """Judge the source; decide projection and recipe; announce the renditions to come."""
    Asset.objects.filter(pk=asset.pk, state__in=[AssetState.RECEIVED, AssetState.PROBING]).update(
        state=AssetState.PROBING
    )
    source = _source(asset)
    tools, rules = engine(), policy()
    facts = examine(source, name=asset.original_name, engine=tools, policy=rules)
    lease.beat(0.5)
    decode_first_frame(source, facts, tools, rules)
    projection = asset.projection_chosen or facts.projection
    stereo = asset.stereo_chosen or facts.stereo
    chosen = settings.MEDIA_PIPELINE
    made = recipe(
        facts,
        projection=projection,
        stereo=stereo,
        engine=tools.version,
        preset=chosen["PRESET"],
        crf=chosen["CRF"],
        threads=chosen["THREADS"],
        max_duration_s=chosen["MAX_DURATION_S"],
    )
    with transaction.atomic():
        jobs.finish(lease)
        asset.refresh_from_db()
        asset.state = AssetState.QUEUED
        asset.duration_s = facts.duration_s
        asset.width, asset.height, asset.fps = facts.width, facts.height, float(facts.rate)
        asset.video_codec, asset.audio_codec = facts.video_codec, facts.audio_codec
        asset.projection, asset.stereo = made.projection, made.stereo
        asset.facts = {"source": facts.as_dict(), "recipe": made.as_dict()}
        asset.recipe_hash = made.hash
        asset.save()
        asset.renditions.all().delete()
        Rendition.objects.bulk_create(_announced(asset, made))
        jobs.open_job(asset, Stage.TRANSCODE, bell=lease.bell)


def _announced(asset: Asset, made: Recipe) -> list[Rendition]:
    rows = [
        Rendition(
            asset=asset, name=rung.name, kind=Rendition.Kind.VIDEO, width=rung.width, height=rung.height
        )
        for rung in made.rungs
    ]
    if made.audio:
        rows.append(Rendition(asset=asset, name=made.audio.name, kind=Rendition.Kind.AUDIO))
    return rows


# Transcode


def _transcode(asset: Asset, lease: Lease, scratch: Path) -> None:
    """One decode, all renditions, into the folder of encoded files."""
    Asset.objects.filter(pk=asset.pk, state=AssetState.QUEUED).update(state=AssetState.TRANSCODING)
    facts, made = _decided(asset)
    target = storage.encoded_dir(asset.sha256, made.hash)
    if not _published(asset, made) and not target.is_dir():
        _need_room(asset.size_bytes)
        command = graph.encode_command(
            engine().ffmpeg, _source(asset), facts, made, max_pixels=policy().max_pixels
        )
        out = scratch / "encoded"
        out.mkdir()
        outcome = run(
            command,
            limits=_encode_limits(facts),
            cwd=out,
            tick=lambda block: lease.beat(_encoded_share(block, facts.duration_s)),
            tick_s=0.5,
        )
        if outcome.code != 0:
            raise StageFailed("ENCODE_FAILED", outcome.stderr)
        lease.beat(0.99)
        storage.move_into_place(out, target)
    with transaction.atomic():
        jobs.finish(lease)
        Asset.objects.filter(pk=asset.pk).update(state=AssetState.PACKAGING)
        jobs.open_job(asset, Stage.PACKAGE, bell=lease.bell)


def _encoded_share(block: Mapping[str, str], duration_s: float) -> float | None:
    """How much of the source is encoded, 0..0.98, from ffmpeg's progress; None while unknown."""
    try:
        done_s = int(block.get("out_time_us", "")) / 1e6
    except ValueError:
        return None
    return min(0.98, done_s / duration_s) if duration_s > 0 and done_s > 0 else None


def _encode_limits(facts: Facts) -> Limits:
    """Generous, but bounded: 60 s of CPU for each second of lecture (120 for a sphere), at least ten minutes."""
    seconds = facts.duration_s or settings.MEDIA_PIPELINE["MAX_DURATION_S"]
    factor = 120 if facts.width > 2048 else 60
    budget = max(600, round(seconds * factor))
    return Limits(wall_s=budget, cpu_s=budget)


# Package


def _package(asset: Asset, lease: Lease, scratch: Path) -> None:
    """Cut, draw poster and storyboard, mark panoramas, verify, publish by one rename."""
    _facts, made = _decided(asset)
    folder = storage.set_folder(asset.sha256, made.hash)
    target = storage.absolute(folder)
    encoded = storage.encoded_dir(asset.sha256, made.hash)
    if not target.is_dir():
        if not encoded.is_dir():  # swept or lost: make it again
            with transaction.atomic():
                jobs.finish(lease)
                Asset.objects.filter(pk=asset.pk).update(state=AssetState.QUEUED)
                jobs.open_job(asset, Stage.TRANSCODE, bell=lease.bell)
            return
        out = scratch / "set"
        out.mkdir()
        contents = _make_set(encoded, out, made, lease)
        (out / "set.json").write_text(json.dumps(contents, indent=1, sort_keys=True))
        storage.move_into_place(out, target)
    contents = json.loads((target / "set.json").read_text())
    _publish(asset, lease, folder, contents)
    shutil.rmtree(encoded, ignore_errors=True)


def _make_set(encoded: Path, out: Path, made: Recipe, lease: Lease) -> dict[str, Any]:
    tools = engine()
    lease.beat(0.05)

    def still_here(_block: Mapping[str, str]) -> None:
        lease.beat()

    def must(command: list[str]) -> None:
        outcome = run(command, limits=Limits(wall_s=7200, cpu_s=7200), cwd=out, tick=still_here)
        if outcome.code != 0:
            raise StageFailed("PACKAGE_UNSOUND", outcome.stderr)

    must(package.packager_command(tools.packager, encoded, made))
    lease.beat(0.5)
    names = [rung.name for rung in made.rungs] + ([made.audio.name] if made.audio else [])
    rate = float(made.rate) if made.rungs else 0.0
    packed = package.verify(out, names, duration_s=_length(encoded, names[0]), fps=rate)
    duration_s = packed[0].duration_s
    if made.audio:
        sound = next(item for item in packed if item.name == made.audio.name)
        (out / package.MANIFEST_SOUND).write_text(package.sound_master(peak_bps=sound.peak_bps))
    if made.projection != "FLAT":
        for rung in made.rungs:
            init = out / rung.name / "init.mp4"
            init.write_bytes(
                spherical.mark(init.read_bytes(), projection=made.projection, stereo=made.stereo)
            )
    if made.rungs:
        must(
            graph.poster_command(
                tools.ffmpeg,
                encoded / f"{made.rungs[0].name}.mp4",
                at_s=min(5.0, duration_s * 0.1),
                projection=made.projection,
                stereo=made.stereo,
                target="poster.jpg",
            )
        )
        lease.beat(0.7)
        small = made.rungs[-1]
        board = storyboard.plan(duration_s, small.width, small.height, stereo=made.stereo)
        must(
            graph.storyboard_command(
                tools.ffmpeg,
                encoded / f"{small.name}.mp4",
                every_s=board.every_s,
                columns=board.columns,
                rows=board.rows,
                tile=board.tile,
                stereo=made.stereo,
                target="storyboard-%d.jpg",
            )
        )
        (out / "storyboard.vtt").write_text(storyboard.track(board, duration_s))
        for needed in ["poster.jpg", *(f"storyboard-{n + 1}.jpg" for n in range(board.sheets))]:
            if not (out / needed).is_file():
                raise StageFailed("PACKAGE_UNSOUND", f"{needed} was not drawn")
    lease.beat(0.9)
    sizes = {rung.name: (rung.width, rung.height) for rung in made.rungs}
    return {
        "duration_s": round(duration_s, 3),
        "projection": made.projection,
        "stereo": made.stereo,
        "segment_s": made.segment_s,
        "sound": made.audio is not None,
        "picture": bool(made.rungs),
        "renditions": [
            {
                "name": item.name,
                "width": sizes.get(item.name, (0, 0))[0],
                "height": sizes.get(item.name, (0, 0))[1],
                "bandwidth_bps": item.peak_bps,
                "size_bytes": item.size_bytes,
                "segments": item.segments,
                "duration_s": round(item.duration_s, 3),
            }
            for item in packed
        ],
        "recipe": made.as_dict(),
    }


def _length(encoded: Path, name: str) -> float:
    """Seconds of an encoded file, asked of ffprobe."""
    outcome = run(
        [engine().ffprobe, "-v", "error", "-protocol_whitelist", "file", "-f", "mov", "-show_entries",
         "stream=duration", "-of", "csv=p=0", f"file:{encoded / name}.mp4"],
        limits=Limits(wall_s=60, cpu_s=60),
        cwd=encoded,
        capture=True,
    )  # fmt: skip
    try:
        return float(outcome.stdout.split()[0])
    except (ValueError, IndexError) as unreadable:
        raise StageFailed("PACKAGE_UNSOUND", f"{name}.mp4: {outcome.stderr}") from unreadable


@transaction.atomic
def _publish(asset: Asset, lease: Lease, folder: str, contents: dict[str, Any]) -> None:
    """Switch the asset to its media set, in one transaction under the lease."""
    now = timezone.now()
    jobs.finish(lease, now=now)
    asset = Asset.objects.select_for_update().get(pk=asset.pk)
    asset.state, asset.ready_at = AssetState.READY, now
    asset.folder, asset.contents = folder, contents
    asset.duration_s = contents["duration_s"]
    asset.refusal_code, asset.refusal_values = "", {}
    asset.save()
    asset.renditions.all().delete()
    Rendition.objects.bulk_create(
        Rendition(
            asset=asset,
            name=item["name"],
            kind=Rendition.Kind.VIDEO if item["height"] else Rendition.Kind.AUDIO,
            width=item["width"],
            height=item["height"],
            bandwidth_bps=item["bandwidth_bps"],
            size_bytes=item["size_bytes"],
        )
        for item in contents["renditions"]
    )
    asset_ready.send(sender=Asset, asset=asset)


# What the stages share


def _decided(asset: Asset) -> tuple[Facts, Recipe]:
    return Facts.from_dict(asset.facts["source"]), Recipe.from_dict(asset.facts["recipe"])


def _published(asset: Asset, made: Recipe) -> bool:
    return storage.absolute(storage.set_folder(asset.sha256, made.hash)).is_dir()


def _source(asset: Asset) -> Path:
    path = storage.source_path(asset.sha256)
    if not path.is_file():
        raise StageFailed("SOURCE_MISSING", str(path.name))
    return path


def _need_room(source_bytes: int) -> None:
    """All renditions together are hardly ever larger than the source, and exist twice for a moment."""
    if storage.room_left() < 2 * source_bytes:
        raise DiskFull(f"needs {2 * source_bytes} bytes")


def _refuse(lease: Lease, no: AssetRefused) -> None:
    """End the asset as REFUSED and keep nothing of the file, unless another asset has the same bytes."""
    _quietly(jobs.stop, lease, AssetState.REFUSED, no.code, values=no.values)
    asset = Asset.objects.get(pk=lease.asset_id)
    if asset.state == AssetState.REFUSED and asset.sha256:
        forget_source(asset)


def forget_source(asset: Asset) -> None:
    """Delete the source of a refused asset when no other asset needs it."""
    needed = Asset.objects.filter(sha256=asset.sha256).exclude(pk=asset.pk).exclude(state=AssetState.REFUSED)
    if not needed.exists():
        storage.source_path(asset.sha256).unlink(missing_ok=True)


_STAGES = {Stage.PROBE: _probe, Stage.TRANSCODE: _transcode, Stage.PACKAGE: _package}
