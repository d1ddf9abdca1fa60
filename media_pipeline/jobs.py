"""Who works on what: leases, heartbeats, fences, deadlines. The rows decide; Celery only wakes somebody up.

Every write of a worker names the fence under which it took the job. Whoever was taken for
dead and comes back holds an old fence: its writes touch no row and it learns LeaseLost.
Which job may begin at all (pause, disk, memory) is asked of `admission`.
"""

import logging
import os
import resource
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from media_pipeline import admission, eta
from media_pipeline.errors import LeaseLost
from media_pipeline.eta.forecasts import PRIORITIES, SIDE_STAGES
from media_pipeline.models import Asset, AssetState, Job, JobState, Stage
from media_pipeline.querysets import JobQuerySet
from media_pipeline.signals import asset_failed

__all__ = [
    "Lease",
    "claim",
    "end_overdue",
    "finish",
    "give_back",
    "open_job",
    "ring",
    "ring_on",
    "running_deadline_s",
    "stop",
    "take",
]

log = logging.getLogger(__name__)
WAITING_DEADLINE_S = 30 * 24 * 3600
"""How long a job may wait for a worker; the time while the queue is held does not count."""
NO_MEMORY = "waits for memory"
ENDED_WITH_ANOTHER = "ended with another"
"""Words in `Job.error` that others look for."""


@dataclass
class Lease:
    """The right to work on one job until it lapses. `beat()` keeps it; `bell`: whether Celery is told what follows."""

    job_id: int
    asset_id: int
    stage: str
    fence: int
    attempts: int
    progress: float
    bell: bool = True
    on_beat: Callable[[], None] | None = field(default=None, repr=False)
    _last_beat: float = field(default=0.0, repr=False)
    _cpu_before: float = field(default_factory=lambda: cpu_spent_s(), repr=False)

    @property
    def cpu_s(self) -> float:
        """CPU seconds that this process and the programs it ran have used since it took the job."""
        return max(0.0, cpu_spent_s() - self._cpu_before)

    def beat(self, progress: float | None = None) -> None:
        """Say «still alive» and how far (0..1; never falls). At most every BEAT_S seconds does a write happen.

        Raises LeaseLost when somebody else has taken the job.
        """
        if progress is not None:
            self.progress = max(self.progress, min(1.0, progress))
        now = time.monotonic()
        if now - self._last_beat < settings.MEDIA_PIPELINE["BEAT_S"]:
            return
        self._last_beat = now
        at = timezone.now()
        held = self.mine().update(
            heartbeat_at=at,
            lease_until=at + timedelta(seconds=settings.MEDIA_PIPELINE["LEASE_S"]),
            progress=self.progress,
        )
        if not held:
            raise LeaseLost(self.job_id)
        if self.on_beat is not None:
            self.on_beat()

    def mine(self) -> JobQuerySet:
        """The job's row, if it is still ours."""
        return Job.objects.filter(pk=self.job_id, fence=self.fence, state=JobState.RUNNING)

    def holder(self, *, lock: bool = False) -> Job:
        """Load our job inside a transaction. Raises LeaseLost when it is not ours any more."""
        rows = self.mine().select_for_update() if lock else self.mine()
        job = rows.first()
        if job is None:
            raise LeaseLost(self.job_id)
        return job


def cpu_spent_s() -> float:
    """CPU seconds of this process and of all programs that it started and that have ended."""
    used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(part.ru_utime + part.ru_stime for part in used)


def running_deadline_s(work: float) -> float:
    """How long a job of so many expected CPU seconds may run: an hour and 60 times as long as expected."""
    return 3600 + 60 * work


def open_job(
    asset: Asset, stage: Stage, *, key: str = "", bell: bool = True, priority: int | None = None
) -> Job:
    """Put a stage of `asset` into the queue (again, if it was done or stopped), ringing on commit.

    How much work it is and how much memory it may need is estimated from the recipe
    (`asset.facts`, as it is in memory) or, before there is one, from the file's size.
    """
    task = eta.estimated(asset, stage, key)
    now = timezone.now()
    job, _new = Job.objects.update_or_create(
        asset=asset,
        stage=stage,
        key=key,
        defaults={
            "state": JobState.WAITING,
            "not_before": now,
            "lease_until": None,
            "attempts": 0,
            "progress": 0,
            "error": "",
            "started_at": None,
            "finished_at": None,
            "created_at": now,
            "priority": PRIORITIES[stage] if priority is None else priority,
            "deadline_at": now + timedelta(seconds=WAITING_DEADLINE_S),
            "sort": eta.sort(task),
            "work": round(eta.work(task), 3),
            "memory_mb": eta.memory_mb(task),
            "cpu_s": 0,
        },
    )
    if bell:
        transaction.on_commit(lambda: ring(job.pk))
    return job


def ring(job_id: int) -> None:
    """Wake a worker for this job. Without a broker nothing is lost: the reaper rings again."""
    bell = current_app.tasks["media_pipeline.work_on"]  # by name: the task stands above this module
    try:
        bell.apply_async((job_id,), queue="media", retry=False)
    except OSError as unreachable:
        log.warning("job %s waits for the reaper: %s", job_id, unreachable)
    except Exception as unreachable:
        if type(unreachable).__module__.split(".")[0] not in {"kombu", "redis", "amqp", "valkey"}:
            raise
        log.warning("job %s waits for the reaper: %s", job_id, unreachable)


def take(job_id: int, *, now: datetime | None = None) -> Lease | None:
    """Take the job that is first in order among those that may begin; `job_id` is only who rang.

    Every job rings once when it is opened, so there are as many bells as jobs. None when nothing
    may begin here now: the reaper rings again.
    """
    now = now or timezone.now()
    gate = admission.gate(now=now)
    for job in Job.objects.takeable(now=now)[:50]:
        lease = claim(job.pk, now=now, gate=gate)
        if lease is not None:
            return lease
    return None


def claim(job_id: int, *, now: datetime | None = None, gate: admission.Gate | None = None) -> Lease | None:
    """Take this job if it is due and free, or if its lease has lapsed; None when somebody holds it.

    None also when it may not begin now: the queue is paused, the disk is full, or this machine has
    not the memory beside what runs here. One conditional UPDATE, so two claimers never both win.
    A job whose lease lapsed for the last allowed time is stopped with KEEPS_DYING instead.
    """
    now = now or timezone.now()
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        return None
    if job.state == JobState.RUNNING and job.attempts >= settings.MEDIA_PIPELINE["ATTEMPTS"]:
        _give_up(job, now=now)
        return None
    if why_not := (gate or admission.gate(now=now)).lets(job):
        if why_not == "MEMORY":
            Job.objects.filter(pk=job_id, state=JobState.WAITING).exclude(error=NO_MEMORY).update(
                error=NO_MEMORY
            )
        return None
    taken = (
        Job.objects.takeable(now=now)
        .order_by()
        .filter(pk=job_id, fence=job.fence)
        .update(
            state=JobState.RUNNING,
            fence=F("fence") + 1,
            attempts=F("attempts") + 1,
            lease_until=now + timedelta(seconds=settings.MEDIA_PIPELINE["LEASE_S"]),
            deadline_at=now + timedelta(seconds=running_deadline_s(job.work)),
            heartbeat_at=now,
            started_at=now,
            worker=f"{socket.gethostname()}:{os.getpid()}",
        )
    )
    if not taken:
        return None
    return Lease(job.pk, job.asset_id, job.stage, job.fence + 1, job.attempts + 1, job.progress)


def ring_on() -> None:
    """When a job has ended: ring once for the next, whose own bell may have been lost or met too little memory."""
    following = Job.objects.takeable(now=timezone.now()).values_list("pk", flat=True).first()
    if following is not None:
        ring(following)


def end_overdue(*, now: datetime | None = None) -> int:
    """End jobs that wait or run past their deadline, and their assets, as FAILED (OVERDUE). Returns how many.

    While the queue is held, nobody's waiting time runs: the deadlines of waiting jobs are moved.
    """
    now = now or timezone.now()
    if admission.queue_held():
        until = now + timedelta(seconds=WAITING_DEADLINE_S)
        Job.objects.filter(state=JobState.WAITING, deadline_at__lt=until).update(deadline_at=until)
    late = Job.objects.open().filter(deadline_at__lt=now).values_list("pk", "asset_id")
    ended = 0
    for job_id, asset_id in list(late):
        with transaction.atomic():
            Job.objects.hold_open_of(asset_id)
            job = Job.objects.open().select_for_update().filter(pk=job_id, deadline_at__lt=now).first()
            if job is not None:
                values = {"state": job.state}
                _end(job, AssetState.FAILED, "OVERDUE", values, f"overdue while {job.state}", now)
                ended += 1
    return ended


def finish(lease: Lease, *, now: datetime | None = None) -> Job:
    """Mark the job as done; inside the transaction that also moves the asset on. Raises LeaseLost."""
    job = lease.holder(lock=True)
    job.state, job.progress, job.finished_at = JobState.DONE, 1.0, now or timezone.now()
    job.lease_until, job.error, job.cpu_s = None, "", round(lease.cpu_s, 3)
    job.save(update_fields=["state", "progress", "finished_at", "lease_until", "error", "cpu_s"])
    return job


def give_back(lease: Lease, *, error: str, after_s: float, counted: bool = True) -> None:
    """Put an interrupted job back into the queue, not before `after_s` seconds from now."""
    lease.mine().update(
        state=JobState.WAITING,
        lease_until=None,
        not_before=timezone.now() + timedelta(seconds=after_s),
        deadline_at=timezone.now() + timedelta(seconds=WAITING_DEADLINE_S),
        error=error[-2000:],
        attempts=F("attempts") if counted else F("attempts") - 1,
    )


@transaction.atomic
def stop(
    lease: Lease, state: AssetState, code: str, *, values: dict[str, Any] | None = None, error: str = ""
) -> None:
    """End the job and its asset as REFUSED or FAILED with a reason. Raises LeaseLost."""
    Job.objects.hold_open_of(lease.asset_id)
    _end(lease.holder(lock=True), state, code, values or {}, error, timezone.now())


@transaction.atomic
def _give_up(job: Job, *, now: datetime) -> None:
    """Stop a job that lost its worker for the last allowed time."""
    Job.objects.hold_open_of(job.asset_id)
    rows = Job.objects.select_for_update().filter(
        Q(pk=job.pk, fence=job.fence, state=JobState.RUNNING), lease_until__lt=now
    )
    held = rows.first()
    if held is not None:
        _end(held, AssetState.FAILED, "KEEPS_DYING", {"attempts": job.attempts}, "lease lapsed", now)


def _end(job: Job, state: AssetState, code: str, values: dict, error: str, now: datetime) -> None:
    """Stop the job, and with it its asset and whatever else is open for it; what runs learns LeaseLost.

    A job that the lecture does not need to get ready (preview, views, speech to text) stops alone.
    The caller holds the asset's open jobs (`hold_open_of`).
    """
    job.state, job.finished_at, job.lease_until, job.error = JobState.STOPPED, now, None, error[-2000:]
    job.save(update_fields=["state", "finished_at", "lease_until", "error"])
    if job.stage in SIDE_STAGES:
        return
    job.asset.jobs.open().update(
        state=JobState.STOPPED, finished_at=now, lease_until=None, error=ENDED_WITH_ANOTHER
    )
    asset = Asset.objects.select_for_update().get(pk=job.asset_id)
    asset.state, asset.refusal_code, asset.refusal_values = state, code, values
    asset.save(update_fields=["state", "refusal_code", "refusal_values"])
    asset_failed.send(sender=Asset, asset=asset)
