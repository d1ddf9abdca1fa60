"""Having the work done: take a job, do all of it here, look after what was left lying, try again."""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from media_pipeline import jobs, storage
from media_pipeline.api.intake import end_upload
from media_pipeline.api.status import AssetStatus, status
from media_pipeline.models import (
    Asset,
    AssetState,
    Job,
    Stage,
    Upload,
)
from media_pipeline.stages import run_stage
from people.api import record

__all__ = ["reap", "retry", "work_off", "work_on"]


def work_on(
    job_id: int,
    *,
    bell: bool = True,
    in_order: bool = False,
    on_beat: Callable[[], None] | None = None,
) -> bool:
    """Take the job and do its stage; False when there was nothing to take. Safe to call twice or side by side.

    With `bell` Celery is told of the stage that follows. `in_order`: the job only rang; the one that
    is first in the queue is done. `on_beat` is called after each saved heartbeat.
    """
    lease = jobs.take(job_id) if in_order else jobs.claim(job_id)
    if lease is None:
        return False
    lease.bell, lease.on_beat = bell, on_beat
    run_stage(lease)
    if bell:
        jobs.ring_for_the_turned_away()
    return True


def work_off(asset: Asset, *, on_progress: Callable[[AssetStatus], None] | None = None) -> Asset:
    """Do all that is left for `asset` in this process, stage after stage (seeding, tests).

    `on_progress` is called with the status at least after every stage and about once a second
    in between. A job that another worker holds is waited for. Returns the asset in a final state.
    """
    last = [time.monotonic()]

    def told() -> None:
        if on_progress is not None and time.monotonic() - last[0] >= 1.0:
            last[0] = time.monotonic()
            on_progress(status(Asset.objects.get(pk=asset.pk)))

    while True:
        asset = Asset.objects.get(pk=asset.pk)
        if on_progress is not None:
            on_progress(status(asset))
        if asset.is_final or asset.state == AssetState.UPLOADING:
            return asset
        job = asset.jobs.open().first()
        if job is None:
            return asset
        if not work_on(job.pk, bell=False, on_beat=told):
            time.sleep(0.5)


def reap() -> int:
    """Ring for every job that may be taken, end uploads whose time is over, sweep what dead attempts left.

    Returns how many jobs were rung for. Runs every 20 s (portal/celery.py).
    """
    now = timezone.now()
    jobs.end_overdue(now=now)
    for upload in Upload.objects.select_related("asset").filter(expires_at__lt=now):
        if upload.asset.state == AssetState.UPLOADING:
            end_upload(upload, "ABANDONED")
        else:
            upload.delete()
    expected = {str(uuid) for uuid in Upload.objects.values_list("uuid", flat=True)}
    storage.sweep_incoming(expected, older_than=now.timestamp() - settings.MEDIA_PIPELINE["UPLOAD_TTL_S"])
    held = set(Job.objects.filter(state="RUNNING").values_list("pk", "fence"))
    storage.sweep_work(held)
    due = list(Job.objects.takeable(now=now).values_list("pk", flat=True))
    for job_id in due:
        jobs.ring(job_id)
    return len(due)


def retry(asset: Asset, *, actor: Any) -> Asset:
    """Try a FAILED asset again from its beginning; what was made already is found and not made twice.

    On any other state nothing happens. The audit trail records who asked.
    """
    with transaction.atomic():
        moved = Asset.objects.filter(pk=asset.pk, state=AssetState.FAILED).update(
            state=AssetState.RECEIVED, refusal_code="", refusal_values={}
        )
        if moved:
            jobs.open_job(asset, Stage.PROBE)
            record(actor, "asset.retried", asset)
    return Asset.objects.get(pk=asset.pk)
