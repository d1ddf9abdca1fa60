"""Having the work done: take a job, do all of it here, look after what was left lying, try again."""

import time
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from media_pipeline import jobs, shelves, storage
from media_pipeline.api.intake import end_upload
from media_pipeline.api.status import AssetStatus, status
from media_pipeline.models import (
    Asset,
    AssetState,
    Job,
    Upload,
)
from media_pipeline.stages import run_stage

__all__ = ["reap", "sweep", "work_off", "work_on"]

_RUNG_AT_MOST = 16
"""Bells a round: a worker that comes rings on for the rest, and three hundred chunks must not flood the broker."""
_SWEPT_EVERY_S = 3600
_KEPT_S = 24 * 3600
"""How long a media set or encoded files stay when nobody refers to them any more: somebody may be watching."""


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
        jobs.ring_on()
    return True


def work_off(asset: Asset, *, on_progress: Callable[[AssetStatus], None] | None = None) -> Asset:
    """Do all that is left for `asset` in this process, stage after stage (seeding, tests).

    `on_progress` is called with the status at least after every stage and about once a second
    in between. A job that another worker holds is waited for. Returns the asset in a final state;
    what comes after that (views of a panorama, speech to text) is left to the workers.
    """
    last = [time.monotonic()]

    def told() -> None:
        if on_progress is not None and time.monotonic() - last[0] >= 1.0:
            last[0] = time.monotonic()
            on_progress(status(Asset.objects.get(pk=asset.pk)))

    while True:
        # The jobs before the asset: the other way round another worker may end both between, and what is
        # returned then says it is still being packaged.
        waiting = list(asset.jobs.open().values_list("pk", flat=True))
        asset = Asset.objects.get(pk=asset.pk)
        if on_progress is not None:
            on_progress(status(asset))
        if asset.is_final or asset.state == AssetState.UPLOADING or not waiting:
            return asset
        if not any(work_on(job_id, bell=False, on_beat=told) for job_id in waiting):
            time.sleep(0.2)


def reap() -> int:
    """Ring for every job that may be taken, end uploads whose time is over, sweep what dead attempts left.

    Returns how many jobs were rung for. Runs every 20 s (portal/celery.py).
    """
    now = timezone.now()
    jobs.end_overdue(now=now)
    sweep(now=now)
    for upload in Upload.objects.select_related("asset").filter(expires_at__lt=now):
        if upload.asset.state == AssetState.UPLOADING:
            end_upload(upload, "ABANDONED")
        else:
            upload.delete()
    expected = {str(uuid) for uuid in Upload.objects.values_list("uuid", flat=True)}
    storage.sweep_incoming(expected, older_than=now.timestamp() - settings.MEDIA_PIPELINE["UPLOAD_TTL_S"])
    held = set(Job.objects.filter(state="RUNNING").values_list("pk", "fence"))
    storage.sweep_work(held)
    due = list(Job.objects.takeable(now=now).values_list("pk", flat=True)[:_RUNG_AT_MOST])
    for job_id in due:
        jobs.ring(job_id)
    return len(due)


def sweep(*, now: datetime, every_s: float = _SWEPT_EVERY_S) -> list[str]:
    """Delete what nobody needs any more, at most every `every_s` seconds; returns the media sets that went.

    A set goes a day after no asset referred to it: the one that was published before stays that
    long for whoever is in the middle of it. Encoded files of assets under way and of failed ones
    stay (a second attempt finds them); others go a day after they were last touched.
    """
    if not storage.may_sweep(now.timestamp(), every_s=every_s):
        return []
    rows = Asset.objects.exclude(sha256="").values_list(
        "sha256", "folder", "contents", "recipe_hash", "state"
    )
    sets: set[str] = set()
    encoded: set[str] = set()
    for sha256, folder, contents, recipe_hash, state in rows.iterator():
        sets |= storage.folders_named(sha256, folder, contents)
        if recipe_hash and state not in {AssetState.READY, AssetState.REFUSED}:
            encoded.add(storage.encoded_dir(sha256, recipe_hash).name)
            sets.add(storage.set_folder(sha256, recipe_hash))
    before = now.timestamp() - _KEPT_S
    storage.sweep_encoded(encoded, older_than=before)
    shelves.sweep(sets, now=now.timestamp(), kept_s=_KEPT_S)
    return storage.sweep_sets(sets, now=now.timestamp(), kept_s=_KEPT_S, remove_elsewhere=shelves.remove_set)
