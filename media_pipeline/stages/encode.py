"""ENCODE: pictures and sound of the renditions."""

from collections.abc import Mapping
from pathlib import Path

from django.conf import settings
from django.db import transaction

from media_pipeline import graph, jobs, storage
from media_pipeline.engine import engine
from media_pipeline.errors import StageFailed
from media_pipeline.jobs import Lease
from media_pipeline.models import Asset, AssetState, Stage
from media_pipeline.probe import Facts
from media_pipeline.runner import Limits, run
from media_pipeline.stages.shared import decided, need_room, policy, published, source_of

__all__ = ["encode"]


def encode(asset: Asset, lease: Lease, scratch: Path) -> None:
    """One decode, all renditions, into the folder of encoded files."""
    Asset.objects.filter(pk=asset.pk, state=AssetState.QUEUED).update(state=AssetState.TRANSCODING)
    facts, made = decided(asset)
    target = storage.encoded_dir(asset.sha256, made.hash)
    if not published(asset, made) and not target.is_dir():
        need_room(asset.size_bytes)
        command = graph.encode_command(
            engine().ffmpeg, source_of(asset), facts, made, max_pixels=policy().max_pixels
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
