"""PACKAGE: cut, draw, mark, verify, publish by one rename."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from media_pipeline import graph, jobs, package, spherical, storage, storyboard
from media_pipeline.engine import engine
from media_pipeline.errors import StageFailed
from media_pipeline.jobs import Lease
from media_pipeline.models import Asset, AssetState, Rendition, Stage
from media_pipeline.recipe import Recipe
from media_pipeline.runner import Limits, run
from media_pipeline.signals import asset_ready
from media_pipeline.stages.shared import decided

__all__ = ["package_set"]


def package_set(asset: Asset, lease: Lease, scratch: Path) -> None:
    """Cut, draw poster and storyboard, mark panoramas, verify, publish by one rename."""
    _facts, made = decided(asset)
    folder = storage.set_folder(asset.sha256, made.hash)
    target = storage.absolute(folder)
    encoded = storage.encoded_dir(asset.sha256, made.hash)
    if not target.is_dir():
        if not encoded.is_dir():  # swept or lost: make it again
            with transaction.atomic():
                jobs.finish(lease)
                Asset.objects.filter(pk=asset.pk).update(state=AssetState.QUEUED)
                jobs.open_job(asset, Stage.ENCODE, bell=lease.bell)
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
    names = list(made.names)
    rate = float(made.rate) if made.rungs else 0.0
    packed = package.verify(out, names, duration_s=_length(encoded, names[0]), fps=rate)
    duration_s = packed[0].duration_s
    if made.sounds:
        sound = next(item for item in packed if item.name == made.sounds[0].name)
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
        "sound": bool(made.sounds),
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
