"""Who works on what: leases, heartbeats, fences. The rows decide; Celery only wakes somebody up.

Every write of a worker names the fence under which it took the job. Whoever was taken for
dead and comes back holds an old fence: its writes touch no row and it learns LeaseLost.
"""

import logging
import os
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

from media_pipeline.errors import LeaseLost
from media_pipeline.models import Asset, AssetState, Job, JobState, Stage
from media_pipeline.querysets import JobQuerySet
from media_pipeline.signals import asset_failed

__all__ = ["Lease", "claim", "finish", "give_back", "open_job", "ring", "stop"]

log = logging.getLogger(__name__)


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


def open_job(asset: Asset, stage: Stage, *, key: str = "", bell: bool = True) -> Job:
    """Put a stage of `asset` into the queue (again, if it was done or stopped), ringing on commit."""
    job, _new = Job.objects.update_or_create(
        asset=asset,
        stage=stage,
        key=key,
        defaults={
            "state": JobState.WAITING,
            "not_before": timezone.now(),
            "lease_until": None,
            "attempts": 0,
            "progress": 0,
            "error": "",
            "started_at": None,
            "finished_at": None,
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


def claim(job_id: int, *, now: datetime | None = None) -> Lease | None:
    """Take the job if it is due and free, or if its lease has lapsed; None when somebody holds it.

    One conditional UPDATE, so two claimers never both win. A job whose lease lapsed for the
    last allowed time is stopped with KEEPS_DYING instead.
    """
    now = now or timezone.now()
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        return None
    if job.state == JobState.RUNNING and job.attempts >= settings.MEDIA_PIPELINE["ATTEMPTS"]:
        _give_up(job, now=now)
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
            heartbeat_at=now,
            started_at=now,
            worker=f"{socket.gethostname()}:{os.getpid()}",
        )
    )
    if not taken:
        return None
    return Lease(job.pk, job.asset_id, job.stage, job.fence + 1, job.attempts + 1, job.progress)


def finish(lease: Lease, *, now: datetime | None = None) -> Job:
    """Mark the job as done; inside the transaction that also moves the asset on. Raises LeaseLost."""
    job = lease.holder(lock=True)
    job.state, job.progress, job.finished_at = JobState.DONE, 1.0, now or timezone.now()
    job.lease_until, job.error = None, ""
    job.save(update_fields=["state", "progress", "finished_at", "lease_until", "error"])
    return job


def give_back(lease: Lease, *, error: str, after_s: float, counted: bool = True) -> None:
    """Put an interrupted job back into the queue, not before `after_s` seconds from now."""
    lease.mine().update(
        state=JobState.WAITING,
        lease_until=None,
        not_before=timezone.now() + timedelta(seconds=after_s),
        error=error[-2000:],
        attempts=F("attempts") if counted else F("attempts") - 1,
    )


@transaction.atomic
def stop(
    lease: Lease, state: AssetState, code: str, *, values: dict[str, Any] | None = None, error: str = ""
) -> None:
    """End the job and its asset as REFUSED or FAILED with a reason. Raises LeaseLost."""
    _end(lease.holder(lock=True), state, code, values or {}, error, timezone.now())


@transaction.atomic
def _give_up(job: Job, *, now: datetime) -> None:
    """Stop a job that lost its worker for the last allowed time."""
    rows = Job.objects.select_for_update().filter(
        Q(pk=job.pk, fence=job.fence, state=JobState.RUNNING), lease_until__lt=now
    )
    held = rows.first()
    if held is not None:
        _end(held, AssetState.FAILED, "KEEPS_DYING", {"attempts": job.attempts}, "lease lapsed", now)


def _end(job: Job, state: AssetState, code: str, values: dict, error: str, now: datetime) -> None:
    job.state, job.finished_at, job.lease_until, job.error = JobState.STOPPED, now, None, error[-2000:]
    job.save(update_fields=["state", "finished_at", "lease_until", "error"])
    asset = Asset.objects.select_for_update().get(pk=job.asset_id)
    asset.state, asset.refusal_code, asset.refusal_values = state, code, values
    asset.save(update_fields=["state", "refusal_code", "refusal_values"])
    asset_failed.send(sender=Asset, asset=asset)
