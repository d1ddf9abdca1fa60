"""The estimate asked of the real rows: what a job will cost when it is opened, when each asset will be ready."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.conf import settings
from django.utils import timezone

from media_pipeline.eta.costs import Picture, Rates, Sample, Task, sort, work
from media_pipeline.eta.queueing import Item, simulate
from media_pipeline.ladder import ladder
from media_pipeline.models import Asset, Job, JobState, Stage

__all__ = ["Forecast", "estimated", "forecast", "rates"]

SIDE_STAGES = (Stage.PREVIEW, Stage.VIEWPORTS, Stage.TRANSCRIBE)
"""A lecture is ready without them, and their failing fails nothing else."""
_SAMPLES = 300


@dataclass(frozen=True)
class Forecast:
    """When an asset will be READY: seconds from now, waiting included; and its place in the queue.

    `queue_place` 1: the next to begin; None: one of its jobs is running. `begins_s`: seconds until
    its next waiting job begins (0 while one runs).
    """

    eta_s: int
    queue_place: int | None
    begins_s: int


def forecast(*, now: datetime | None = None, learned: Rates | None = None) -> dict[int, Forecast]:
    """What to expect of every asset with open jobs, by its primary key. Two queries (one with `learned`).

    The queue is simulated over MEDIA_PIPELINE["WORKERS"] workers with the pace of the last finished
    jobs; stages that are not opened yet are estimated from the file's length and size. Whether the
    queue is paused or the disk full is not asked here: it is as if work went on from now.
    """
    now = now or timezone.now()
    open_jobs = list(
        Job.objects.open()
        .select_related("asset")
        .defer("error", "asset__facts", "asset__contents", "asset__refusal_values")
        .order_by("-priority", "created_at", "pk")
    )
    if not open_jobs:
        return {}
    learned = learned or rates()
    items = [_item(job, learned, now) for job in open_jobs]
    assets = {job.asset_id: job.asset for job in open_jobs}
    reached = {asset: {job.stage for job in open_jobs if job.asset_id == asset} for asset in assets}
    following = {
        asset.pk: _following(asset, reached[asset.pk], learned)
        for asset in assets.values()
        if reached[asset.pk] - set(SIDE_STAGES)
    }
    plans = simulate(items, following, workers=settings.MEDIA_PIPELINE["WORKERS"])
    at_work = {job.asset_id for job in open_jobs if job.state == JobState.RUNNING}
    first = {job.asset_id: place for place, job in reversed(list(enumerate(open_jobs)))}
    line = sorted(
        (asset for asset in plans if asset not in at_work), key=lambda a: (plans[a].begins_s, first[a])
    )
    places = {asset: place for place, asset in enumerate(line, 1)}
    return {
        asset: Forecast(max(1, math.ceil(plan.ends_s)), places.get(asset), round(plan.begins_s))
        for asset, plan in plans.items()
    }


def rates() -> Rates:
    """What the jobs that ended last teach (one query)."""
    rows = (
        Job.objects.filter(state=JobState.DONE, cpu_s__gt=0, work__gt=0, started_at__isnull=False)
        .order_by("-finished_at")
        .values_list("asset_id", "stage", "sort", "work", "cpu_s", "started_at", "finished_at")[:_SAMPLES]
    )
    return Rates(
        Sample(asset, stage, sort_, units, cpu_s, (finished - started).total_seconds())
        for asset, stage, sort_, units, cpu_s, started, finished in rows
        if started and finished
    )


def _item(job: Job, learned: Rates, now: datetime) -> Item:
    units = job.work or work(_guess(job.asset, job.stage, 1)[0])
    expected = learned.wall_s(job.asset_id, job.stage, job.sort, units)
    running = job.state == JobState.RUNNING
    if running and job.started_at is not None:
        expected = remaining_s(expected, job.progress, (now - job.started_at).total_seconds())
    in_s = 0.0 if running else max(0.0, (job.not_before - now).total_seconds())
    return Item(job.asset_id, expected, job.priority, running, in_s, job.stage in SIDE_STAGES)


def remaining_s(expected_s: float, progress: float, spent_s: float) -> float:
    """What is left of a running job: first as expected, later as its own speed says.

    `expected_s` for the whole job, `progress` 0..1, `spent_s` since it began. Never below a tenth of a second.
    """
    by_plan = expected_s * (1 - progress) if progress else max(expected_s - spent_s, 0.1 * expected_s)
    if progress < 0.02:
        return max(0.1, by_plan)
    by_speed = spent_s * (1 - progress) / progress
    trust = min(1.0, 2 * progress)
    return max(0.1, (1 - trust) * by_plan + trust * by_speed)


def _following(asset: Asset, stages: set[str], learned: Rates) -> list[list[Item]]:
    """The stages of `asset` that are not opened yet, as items."""
    way = [Stage.PROBE, Stage.ANALYSE, Stage.ENCODE, Stage.PACKAGE]
    if Stage.PACKAGE in stages:
        at = Stage.PACKAGE
    elif stages & {Stage.ENCODE, Stage.SOUND}:
        at = Stage.ENCODE
    else:
        at = Stage.ANALYSE if Stage.ANALYSE in stages else Stage.PROBE
    pieces = max(1, math.floor(_seconds(asset) / settings.MEDIA_PIPELINE.get("CHUNK_S", 48) + 0.5))
    steps = []
    for stage in way[way.index(at) + 1 :]:
        tasks = _guess(asset, stage, pieces if stage == Stage.ENCODE else 1)
        if stage == Stage.ENCODE:
            tasks += _guess(asset, Stage.SOUND, 1)
        steps.append(
            [
                Item(
                    asset.pk,
                    learned.wall_s(asset.pk, task.stage, sort(task), work(task)),
                    PRIORITIES[task.stage],
                )
                for task in tasks
            ]
        )
    return steps


PRIORITIES: Mapping[str, int] = {
    Stage.PROBE: 30,
    Stage.ANALYSE: 20,
    Stage.PREVIEW: 20,
    Stage.PACKAGE: 20,
    Stage.SOUND: 0,
    Stage.ENCODE: 0,
    Stage.VIEWPORTS: -10,
    Stage.TRANSCRIBE: -10,
}
"""What is short goes before what is long: a verdict within seconds, and a lecture that is encoded gets ready."""


def _seconds(asset: Asset) -> float:
    """Length of a lecture; before the check it is guessed from its size at 4 Mbit/s."""
    return asset.duration_s or min(asset.size_bytes * 8 / 4e6, 4 * 3600.0)


def _guess(asset: Asset, stage: str, pieces: int) -> list[Task]:
    """What `stage` of an asset will have to do, `pieces` times, before its recipe is known."""
    width, height = (asset.width, asset.height) if asset.duration_s else (1920, 1080)
    fps = asset.fps or 25.0
    pictures = tuple(
        Picture(rung.width * rung.height, min(fps, 30.0), "h264", settings.MEDIA_PIPELINE["PRESET"])
        for rung in ladder(width, height, spherical=asset.projection != "FLAT")
    )
    return [
        Task(
            stage,
            _seconds(asset) / pieces,
            asset.kind,
            width * height,
            fps,
            asset.video_codec or "h264",
            pictures if stage in {Stage.ENCODE, Stage.PREVIEW} else (),
            1,
        )
        for _piece in range(pieces)
    ]


def estimated(asset: Asset, stage: str, key: str = "") -> Task:
    """What the job (stage, key) of `asset` has to do: by its recipe when it is decided, else guessed."""
    made: Mapping[str, Any] | None = asset.facts.get("recipe")
    if made is None or "kind" not in made or "source" not in asset.facts:  # none yet, or of an earlier layout
        return _guess(asset, stage, 1)[0]
    source = asset.facts["source"]
    rate = _rate(made["fps"])
    pictures: Iterable[Picture] = ()
    if stage == Stage.ENCODE:
        pictures = [
            Picture(rung["width"] * rung["height"], _rate(rung["fps"]) or rate, rung["codec"], rung["preset"])
            for rung in made["rungs"]
        ]
    elif stage == Stage.PREVIEW:
        pictures = [Picture(854 * 480, rate, "h264", "veryfast")]
    return Task(
        stage,
        _chunk_seconds(key, made["chunk_s"], _seconds(asset)) if stage == Stage.ENCODE else _seconds(asset),
        made["kind"],
        source["width"] * source["height"],
        _rate(source["fps"]) or 25.0,
        source["video_codec"],
        tuple(pictures),
        _sounds(stage, key, len(made["sounds"])),
    )


def _sounds(stage: str, key: str, count: int) -> int:
    if stage == Stage.SOUND:
        return 1 if key else count
    return count if stage == Stage.ENCODE and not key else 0


def _chunk_seconds(key: str, chunk_s: float, seconds: float) -> float:
    """Length of the piece «c0007» of a lecture (as chunks.plan cuts it); the whole of it for another key."""
    if not (key.startswith("c") and key[1:].isdigit()):
        return seconds
    index, last = int(key[1:]), max(1, math.floor(seconds / chunk_s + 0.5)) - 1
    return chunk_s if index < last else max(1.0, seconds - index * chunk_s)


def _rate(fraction: str) -> float:
    return float(Fraction(fraction)) if fraction else 0.0
