"""ENCODE: the pictures of one chunk of a lecture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from django.conf import settings

from media_pipeline import chunks, jobs, storage
from media_pipeline.chunks import Chunk, Piece
from media_pipeline.engine import engine
from media_pipeline.errors import StageFailed
from media_pipeline.graph.encode import encode_command
from media_pipeline.jobs import Lease
from media_pipeline.models import Asset, AssetState
from media_pipeline.probe import Facts
from media_pipeline.recipe import Recipe, VideoRung
from media_pipeline.runner import Limits, run
from media_pipeline.stages.parts import (
    TWIN_PAUSE_S,
    chunks_of,
    made_by_a_twin,
    measure,
    missing,
    part_done,
)
from media_pipeline.stages.shared import decided, need_room, policy, published, source_of

__all__ = ["encode", "encode_whole"]

_ROOM_A_JOB = 512 * 1024**2
"""Free bytes that a chunk wants to find before it begins: far more than its files, for all their neighbours."""


def encode(asset: Asset, lease: Lease, scratch: Path) -> None:
    """Make the missing renditions of the lease's chunk, all in one decode, and put them in their places."""
    Asset.objects.filter(pk=asset.pk, state=AssetState.QUEUED).update(state=AssetState.TRANSCODING)
    facts, made = decided(asset)
    job = lease.holder()
    wanted = [chunk for chunk in chunks_of(asset, facts, made) if chunk.key == job.key]
    if wanted and not published(asset, made):
        lacking = missing(asset, made, wanted[0])
        if lacking and made_by_a_twin(asset, lease):
            jobs.give_back(lease, error="made for another asset", after_s=TWIN_PAUSE_S, counted=False)
            return
        if lacking:
            need_room(_ROOM_A_JOB)
            # Killed before, by the kernel for its memory as likely as not: now one rendition at a time.
            apart = lease.attempts > 1 and (bool(job.error) or lease.attempts > 2)
            batches = [[rung] for rung in lacking] if apart else [lacking]
            target = storage.chunk_dir(asset.sha256, made.hash, wanted[0].key)
            _make(asset, facts, made, wanted[0], batches, lease, scratch, target=target)
    part_done(asset, lease)


def encode_whole(
    asset: Asset, facts: Facts, made: Recipe, lease: Lease, scratch: Path, *, upto: float
) -> None:
    """Make all renditions of `made` undivided, as whole files; the job's progress goes up to `upto`."""
    target = storage.encoded_dir(asset.sha256, made.hash)
    whole = Chunk(0, 0, None)
    _make(asset, facts, made, whole, [made.rungs], lease, scratch, target=target, upto=upto)


def _make(
    asset: Asset, facts: Facts, made: Recipe, chunk: Chunk, batches: Sequence[Sequence[VideoRung]],
    lease: Lease, scratch: Path, *, target: Path, upto: float = 0.98,
) -> None:  # fmt: skip
    """Encode the batches of renditions one after the other; a chunk entered too late is entered earlier.

    Each finished file takes its place in `target` at once; an empty one says that the picture ended before.
    """
    out = scratch / "encoded"
    out.mkdir()
    source, limits = source_of(asset), _limits(facts, made, chunk)
    length_s = float((chunk.frames or 0) / made.rate) or max(
        facts.duration_s - float(chunk.first / made.rate), 1.0
    )
    tries = list(chunks.entries(chunk, made, facts.demuxer))
    for number, batch in enumerate(batches):
        names = [rung.name for rung in batch]

        def tick(block: Mapping[str, str], number: int = number) -> None:
            lease.beat(_share(block, length_s, number, len(batches), upto))

        while True:
            command = encode_command(
                engine().decoder_for(facts.video_codec), source, facts, made,
                chunk=chunk, enter_s=tries[0], only=names, max_pixels=policy().max_pixels,
            )  # fmt: skip
            outcome = run(
                command, limits=limits, cwd=out, tick=tick, tick_s=0.5,
                cores=settings.MEDIA_PIPELINE["CORES_PER_JOB"],
            )  # fmt: skip
            if outcome.code != 0 and not _ended_before(outcome.stderr):
                raise StageFailed("ENCODE_FAILED", outcome.stderr)
            piece = measure(out / f"{names[0]}.mp4", made) if outcome.code == 0 else Piece(0)
            if len(tries) == 1 or (piece.frames and not piece.start):
                break
            tries.pop(0)
        for name in names:
            if not piece.frames:
                (out / f"{name}.mp4").write_bytes(b"")
            storage.put_file(out / f"{name}.mp4", target / f"{name}.mp4")


def _ended_before(stderr: str) -> bool:
    """Whether ffmpeg gave up because not a single frame fell into the chunk."""
    return "received no packets" in stderr or "Output file is empty" in stderr or "no packets" in stderr


def _share(block: Mapping[str, str], length_s: float, number: int, count: int, upto: float) -> float | None:
    """How much of the chunk is encoded, 0..`upto`, from ffmpeg's progress; None while unknown."""
    try:
        done_s = int(block.get("out_time_us", "")) / 1e6
    except ValueError:
        return None
    if done_s <= 0:
        return None
    return upto * (number + min(1.0, done_s / length_s)) / count


def _limits(facts: Facts, made: Recipe, chunk: Chunk) -> Limits:
    """Bounds that no honest lecture meets: several times what the slowest preset needs for so many pixels.

    The number of frames is bounded by the chunk, so the work is too; how long a job may run at all
    is its deadline's matter (jobs.py). Wall time is generous because others may be on all cores.
    """
    unknown = settings.MEDIA_PIPELINE["MAX_DURATION_S"]
    seconds = (chunk.frames or 0) / float(made.rate) or (facts.duration_s or unknown)
    pixels = sum(rung.width * rung.height for rung in made.rungs) + 2 * facts.width * facts.height
    cpu_s = round(3600 + seconds * float(made.rate) * pixels / 1e6 * 8)
    return Limits(wall_s=10 * cpu_s, cpu_s=cpu_s)
