"""SOUND: all sound renditions of a lecture, whole: a sound cut in pieces would click at every seam."""

from collections.abc import Callable, Mapping
from pathlib import Path

from media_pipeline import jobs, storage
from media_pipeline.engine import engine
from media_pipeline.errors import StageFailed
from media_pipeline.graph.sound import sound_command
from media_pipeline.jobs import Lease
from media_pipeline.models import Asset, AssetState
from media_pipeline.probe import Facts
from media_pipeline.recipe import Recipe
from media_pipeline.runner import Limits, run
from media_pipeline.stages.parts import (
    TWIN_PAUSE_S,
    made_by_a_twin,
    missing_sounds,
    part_done,
    whole_file,
)
from media_pipeline.stages.shared import decided, need_room, policy, published, source_of

__all__ = ["make_sound", "write_sounds"]

_ROOM = 256 * 1024**2


def make_sound(asset: Asset, lease: Lease, scratch: Path) -> None:
    """Make the sound renditions that are not there yet."""
    Asset.objects.filter(pk=asset.pk, state=AssetState.QUEUED).update(state=AssetState.TRANSCODING)
    facts, made = decided(asset)
    if not published(asset, made):
        if missing_sounds(asset, made) and made_by_a_twin(asset, lease):
            jobs.give_back(lease, error="made for another asset", after_s=TWIN_PAUSE_S, counted=False)
            return
        write_sounds(asset, facts, made, scratch, lease.beat)
    part_done(asset, lease)


def write_sounds(
    asset: Asset, facts: Facts, made: Recipe, scratch: Path, beat: Callable[[float | None], None]
) -> None:
    """Write `<sound>.mp4` of every sound rung into the folder of encoded files, unless it is there.

    Raises StageFailed ENCODE_FAILED.
    """
    lacking = missing_sounds(asset, made)
    if not lacking:
        return
    need_room(_ROOM)
    out = scratch / "sound"
    out.mkdir()
    command = sound_command(
        engine().decoder_for(facts.audio_codec), source_of(asset), facts, made, max_pixels=policy().max_pixels
    )
    seconds = facts.duration_s or made.max_duration_s
    cpu_s = round(1800 + seconds * 4 * len(made.sounds))

    def tick(block: Mapping[str, str]) -> None:
        try:
            done_s = int(block.get("out_time_us", "")) / 1e6
        except ValueError:
            done_s = 0.0
        beat(min(0.98, done_s / seconds) if done_s > 0 else None)

    outcome = run(command, limits=Limits(wall_s=10 * cpu_s, cpu_s=cpu_s), cwd=out, tick=tick, tick_s=0.5)
    if outcome.code != 0:
        raise StageFailed("ENCODE_FAILED", outcome.stderr)
    for name in lacking:
        storage.put_file(out / f"{name}.mp4", whole_file(asset, made, name))
