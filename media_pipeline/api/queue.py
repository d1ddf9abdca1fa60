"""The queue as operators see it: what runs, waits, failed; disk, workers; holding the queue and letting it go on."""

import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Count, Max, Min
from django.utils import timezone
from django.utils.translation import gettext as _

from media_pipeline import admission, eta, jobs, storage
from media_pipeline.eta.forecasts import SIDE_STAGES, rates
from media_pipeline.models import Asset, AssetState, Job, JobState, QueuePause, Stage
from media_pipeline.verdicts import sentence
from people.api import record

__all__ = [
    "Board",
    "Disk",
    "FailedAsset",
    "FinishedJob",
    "RunningJob",
    "WaitingAsset",
    "Worker",
    "board",
    "pause_queue",
    "paused",
    "resume_queue",
]

_SHOWN = 50
_SEEN_LATELY = timedelta(minutes=15)


@dataclass(frozen=True)
class RunningJob:
    """One job that a worker holds. `cpu_s`: CPU seconds expected in all; ages and times in seconds."""

    asset: Asset
    stage: str
    piece: str
    worker: str
    progress: float
    heartbeat_age_s: int
    spent_s: int
    cpu_s: float
    attempts: int
    lapsed: bool


@dataclass(frozen=True)
class WaitingAsset:
    """One lecture with jobs that wait: the stage of the next one, how many, when it will be ready, why it waits."""

    asset: Asset
    stage: str
    jobs: int
    queue_place: int | None
    eta_s: int | None
    reason: str


@dataclass(frozen=True)
class FailedAsset:
    asset: Asset
    stage: str
    reason: str
    detail: str
    at: datetime | None
    may_retry: bool


@dataclass(frozen=True)
class FinishedJob:
    asset: Asset
    stage: str
    piece: str
    cpu_s: float
    wall_s: int
    at: datetime | None


@dataclass(frozen=True)
class Worker:
    """One machine whose workers were seen lately."""

    host: str
    processes: int
    running: int
    done_today: int
    seen_s: int


@dataclass(frozen=True)
class Disk:
    """Bytes. `room`: free less the reserve, below 0 the queue waits. Folders are measured once a minute."""

    free: int
    total: int
    reserve: int
    room: int
    sources: int
    sets: int
    work: int


@dataclass(frozen=True)
class Board:
    """Everything that the operators' board shows. `held`: "", PAUSED or DISK_FULL."""

    held: str
    pause: QueuePause | None
    running: list[RunningJob]
    waiting: list[WaitingAsset]
    waiting_jobs: int
    failed: list[FailedAsset]
    finished: list[FinishedJob]
    workers: list[Worker]
    disk: Disk
    lectures_at_a_time: int


def board(*, now: datetime | None = None) -> Board:
    """The queue at this moment. A dozen queries at most, however long it is."""
    now = now or timezone.now()
    learned = rates()
    forecasts = eta.forecast(now=now, learned=learned)
    held = admission.queue_held()
    rows = _light(Job.objects.filter(state=JobState.RUNNING)).order_by("started_at")[:_SHOWN]
    waiting = _waiting(forecasts, held, now)
    return Board(
        held,
        paused(),
        [_running(job, learned, now) for job in rows],
        waiting,
        Job.objects.filter(state=JobState.WAITING).count(),
        _failed(),
        [
            FinishedJob(
                job.asset,
                str(job.get_stage_display()),
                piece_words(job.key),
                job.cpu_s,
                round((job.finished_at - job.started_at).total_seconds())
                if job.finished_at and job.started_at
                else 0,
                job.finished_at,
            )
            for job in _light(Job.objects.filter(state=JobState.DONE, cpu_s__gt=0)).order_by("-finished_at")[
                :8
            ]
        ],
        _workers(now),
        _disk(),
        settings.MEDIA_PIPELINE["WORKERS"],
    )


def paused() -> QueuePause | None:
    """The pause that holds the queue now."""
    return QueuePause.objects.filter(ended_at__isnull=True).select_related("began_by").first()


@transaction.atomic
def pause_queue(*, actor: Any, reason: str = "") -> QueuePause:
    """Let no job begin from now on; what runs goes on to its end. Paused already: nothing changes."""
    known = paused()
    if known is not None:
        return known
    pause = QueuePause.objects.create(reason=reason.strip()[:200], began_by=actor)
    record(actor, "media.queue_paused", pause, detail={"reason": pause.reason})
    return pause


@transaction.atomic
def resume_queue(*, actor: Any) -> bool:
    """Let the queue go on, and ring for what waits. False when it was not paused."""
    held = list(QueuePause.objects.filter(ended_at__isnull=True))
    now = timezone.now()
    if not QueuePause.objects.filter(ended_at__isnull=True).update(ended_at=now, ended_by=actor):
        return False
    until = now + timedelta(seconds=jobs.WAITING_DEADLINE_S)
    Job.objects.filter(state=JobState.WAITING, deadline_at__lt=until).update(deadline_at=until)
    for pause in held:
        minutes = round((now - pause.began_at).total_seconds() / 60)
        record(actor, "media.queue_resumed", pause, detail={"reason": pause.reason, "minutes": minutes})
    due = list(
        Job.objects.takeable(now=now).values_list("pk", flat=True)[: settings.MEDIA_PIPELINE["WORKERS"]]
    )

    def ring_for_them() -> None:
        for job_id in due:
            jobs.ring(job_id)

    transaction.on_commit(ring_for_them)
    return True


def piece_words(key: str) -> str:
    """The words for a job's key: c0002 → «piece 3»; other keys (a rendition, a language) as they are."""
    if key.startswith("c") and key[1:].isdigit():
        return _("piece %(number)s") % {"number": int(key[1:]) + 1}
    return key


def _light(rows: Any) -> Any:
    return rows.select_related("asset").defer("asset__facts", "asset__contents")


def _running(job: Job, learned: eta.Rates, now: datetime) -> RunningJob:
    beat = job.heartbeat_at or now
    return RunningJob(
        job.asset,
        str(job.get_stage_display()),
        piece_words(job.key),
        job.worker,
        job.progress,
        max(0, round((now - beat).total_seconds())),
        max(0, round((now - (job.started_at or now)).total_seconds())),
        round(learned.cpu_s(job.asset_id, job.stage, job.sort, job.work), 1),
        job.attempts,
        job.lease_until is not None and job.lease_until < now,
    )


def _waiting(forecasts: dict[int, eta.Forecast], held: str, now: datetime) -> list[WaitingAsset]:
    counted = {
        row["asset"]: row["number"]
        for row in Job.objects.filter(state=JobState.WAITING)
        .order_by()
        .values("asset")
        .annotate(number=Count("pk"), first=Min("created_at"))
    }
    found: dict[int, WaitingAsset] = {}
    rows = _light(Job.objects.filter(state=JobState.WAITING)).order_by("-priority", "created_at", "pk")
    for job in rows[: 20 * _SHOWN]:
        if job.asset_id in found:
            continue
        expected = forecasts.get(job.asset_id)
        found[job.asset_id] = WaitingAsset(
            job.asset,
            str(job.get_stage_display()),
            counted.get(job.asset_id, 1),
            expected.queue_place if expected else None,
            expected.eta_s if expected and not held else None,
            _why(job, now),
        )
    far = 10**9
    return sorted(found.values(), key=lambda one: one.queue_place or (0 if one.queue_place is None else far))[
        :_SHOWN
    ]


def _why(job: Job, now: datetime) -> str:
    if job.error == jobs.NO_MEMORY:
        return _("waits until there is memory (%(need)s MB)") % {"need": job.memory_mb}
    if job.not_before > now and job.attempts:
        seconds = round((job.not_before - now).total_seconds())
        return _("was interrupted; again in %(seconds)s s") % {"seconds": seconds}
    if job.error.startswith("disk full"):
        return _("waits for room on the disk")
    return ""


def _failed() -> list[FailedAsset]:
    assets = list(
        Asset.objects.filter(state=AssetState.FAILED).defer("facts", "contents").order_by("-created_at")[:20]
    )
    stopped: dict[int, Job] = {}
    for job in Job.objects.filter(asset__in=assets, state=JobState.STOPPED).order_by("finished_at"):
        if job.error != jobs.ENDED_WITH_ANOTHER or job.asset_id not in stopped:
            stopped[job.asset_id] = job
    failed = [
        FailedAsset(
            asset,
            str(stopped[asset.pk].get_stage_display()) if asset.pk in stopped else "",
            sentence(asset.refusal_code, asset.refusal_values),
            stopped[asset.pk].error if asset.pk in stopped else "",
            stopped[asset.pk].finished_at if asset.pk in stopped else None,
            True,
        )
        for asset in assets
    ]
    beside = _light(
        Job.objects.filter(state=JobState.STOPPED, stage__in=SIDE_STAGES, asset__state=AssetState.READY)
    ).order_by("-finished_at")[:10]
    failed += [
        FailedAsset(
            job.asset,
            str(Stage(job.stage).label),
            _("The lecture is ready without it."),
            job.error,
            job.finished_at,
            False,
        )
        for job in beside
    ]
    return failed


def _workers(now: datetime) -> list[Worker]:
    """Machines whose jobs have beaten lately, from the rows themselves."""
    day = now - timedelta(days=1)
    rows = (
        Job.objects.filter(heartbeat_at__gte=day)
        .exclude(worker="")
        .order_by()
        .values("worker", "state")
        .annotate(number=Count("pk"), seen=Max("heartbeat_at"))
    )
    seen: dict[str, datetime] = {}
    processes: dict[str, set[str]] = {}
    running: Counter[str] = Counter()
    done: Counter[str] = Counter()
    for row in rows:
        host = row["worker"].rpartition(":")[0]
        seen[host] = max(seen.get(host, day), row["seen"])
        if row["seen"] >= now - _SEEN_LATELY:
            processes.setdefault(host, set()).add(row["worker"])
        if row["state"] == JobState.RUNNING:
            running[host] += row["number"]
        if row["state"] == JobState.DONE:
            done[host] += row["number"]
    return [
        Worker(
            host,
            len(processes.get(host, ())),
            running[host],
            done[host],
            max(0, round((now - at).total_seconds())),
        )
        for host, at in sorted(seen.items())
    ]


def _disk() -> Disk:
    root = storage.root()
    root.mkdir(parents=True, exist_ok=True)
    usage = shutil.disk_usage(root)
    key = f"media_pipeline.folders:{root}"
    folders: dict[str, int] | None = cache.get(key)
    if folders is None:
        folders = {name: _size(root / name) for name in ("sources", "sets", "encoded", "work", "incoming")}
        cache.set(key, folders, 60)
    return Disk(
        usage.free,
        usage.total,
        settings.MEDIA_PIPELINE["DISK_RESERVE_BYTES"],
        storage.room_left(),
        folders["sources"],
        folders["sets"],
        folders["encoded"] + folders["work"] + folders["incoming"],
    )


def _size(folder: Path) -> int:
    """Bytes of all files below `folder`; what disappears meanwhile counts nothing."""
    found = 0
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                found += path.stat().st_size
        except OSError:
            continue
    return found
