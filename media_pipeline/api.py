"""What may be done with lecture files: verbs for the other rooms."""

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePath
from typing import Any

from django.conf import settings
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from media_pipeline import jobs, storage
from media_pipeline.errors import NotPlayable, OffsetMismatch, UploadBrokenOff, UploadRefused
from media_pipeline.intake import uploads
from media_pipeline.models import (
    Asset,
    AssetState,
    Captions,
    Job,
    JobState,
    Projection,
    Stage,
    Stereo,
    Upload,
)
from media_pipeline.package import MANIFEST_DASH, MANIFEST_HLS, MANIFEST_SOUND
from media_pipeline.signals import asset_failed
from media_pipeline.stages import run_stage
from media_pipeline.tokens import NOBODY, Grant, sign
from media_pipeline.verdicts import sentence
from people.api import record

__all__ = [
    "AssetStatus",
    "CaptionTrack",
    "Playback",
    "RenditionStatus",
    "StageStatus",
    "begin_upload",
    "cancel_upload",
    "ingest_file",
    "playback",
    "poster_url",
    "quality_label",
    "reap",
    "receive_chunk",
    "received_bytes",
    "retry",
    "set_captions",
    "status",
    "why_not_playable",
    "work_off",
    "work_on",
]


@dataclass(frozen=True)
class StageStatus:
    """One step of the way as the editor sees it; `state` is done, running, waiting or failed."""

    name: str
    label: str
    state: str
    progress: float = 0.0


@dataclass(frozen=True)
class RenditionStatus:
    """One row of the table of versions. `height` 0: sound only. `state`: done, running, waiting, failed."""

    name: str
    label: str
    height: int
    bytes_per_minute: int | None
    state: str
    state_label: str


@dataclass(frozen=True)
class AssetStatus:
    """Everything that the editor's panel shows of one asset. `progress` is 0..1 and never falls."""

    uuid: str
    title: str
    original_name: str
    size_bytes: int
    duration_s: float
    width: int
    height: int
    state: str
    state_label: str
    progress: float
    stages: list[StageStatus]
    message: str
    eta_s: int | None
    queue_place: int | None
    renditions: list[RenditionStatus]
    playable: bool
    final: bool
    poster_url: str


@dataclass(frozen=True)
class CaptionTrack:
    lang: str
    label: str
    url: str


@dataclass(frozen=True)
class Playback:
    """Signed addresses of one asset for one member. Empty strings: there is none (e.g. no sound)."""

    manifest_url: str
    dash_url: str
    audio_url: str
    poster_url: str
    storyboard_url: str
    captions: list[CaptionTrack] = field(default_factory=list)
    projection: str = "FLAT"
    stereo: str = "MONO"
    duration_s: float = 0.0
    expires_at: datetime | None = None
    vr_url: str = ""


_READY, _REFUSED, _FAILED = AssetState.READY, AssetState.REFUSED, AssetState.FAILED
_WEIGHTS = {AssetState.RECEIVED: 0.2, AssetState.PROBING: 0.22, AssetState.QUEUED: 0.25}
_ROUND_S = 3600
_POSTER_DAY_S = 24 * 3600


# Intake


def begin_upload(
    member: Any, *, name: str, size_bytes: int, title: str = "", projection: str = "", stereo: str = ""
) -> Upload:
    """Open a resumable upload of the file `name`; `.asset` is its asset, state UPLOADING.

    `projection` and `stereo` are the editor's choice ("" or unknown words: as the file says).
    Raises errors.UploadRefused (EMPTY, TOO_BIG, QUOTA, NO_ROOM) before a byte has gone.
    """
    if size_bytes <= 0:
        raise UploadRefused("EMPTY")
    _check_room(size_bytes)
    name = _plain_name(name)
    with transaction.atomic():
        asset = Asset.objects.create(
            title=(title or PurePath(name).stem or name)[:200],
            original_name=name,
            size_bytes=size_bytes,
            uploaded_by=member,
            projection_chosen=projection if projection in Projection.values else "",
            stereo_chosen=stereo if stereo in Stereo.values else "",
        )
        upload = Upload.objects.create(
            asset=asset,
            member=member,
            size_bytes=size_bytes,
            expires_at=timezone.now() + timedelta(seconds=settings.MEDIA_PIPELINE["UPLOAD_TTL_S"]),
        )
        uploads.begin(storage.incoming_path(upload.uuid))
    return upload


def received_bytes(upload: Upload) -> int:
    """How many bytes have arrived: what HEAD tells a client that comes back.

    When all are there but the server died before it said so, the upload is completed here: a
    client that hears the full length sends nothing more.
    """
    if upload.asset.state == AssetState.UPLOADING:
        offset = uploads.offset_of(storage.incoming_path(upload.uuid))
        if offset < upload.size_bytes and not upload.asset.sha256:
            return offset
        _complete(upload)
    return upload.size_bytes if upload.asset.sha256 else upload.offset_bytes


def receive_chunk(upload: Upload, *, offset: int, stream: Any) -> int:
    """Append what `stream` (`.read(n) -> bytes`) yields at `offset`; returns the new offset.

    The last byte turns the asset to RECEIVED and queues its check. A piece sent again after
    all has come changes nothing. Raises errors.OffsetMismatch, UploadBusy, UploadBrokenOff
    (what had come is kept), DiskFull.
    """
    if upload.asset.state != AssetState.UPLOADING or upload.asset.sha256:
        reached = received_bytes(upload)
        if offset != reached:
            raise OffsetMismatch(reached)
        return offset
    path = storage.incoming_path(upload.uuid)
    try:
        reached = uploads.append(path, offset=offset, stream=stream, most=upload.size_bytes)
    except UploadBrokenOff as broken:
        Upload.objects.filter(pk=upload.pk).update(offset_bytes=broken.offset)
        raise
    except FileNotFoundError as gone:
        raise OffsetMismatch(0) from gone
    expires_at = timezone.now() + timedelta(seconds=settings.MEDIA_PIPELINE["UPLOAD_TTL_S"])
    Upload.objects.filter(pk=upload.pk).update(offset_bytes=reached, expires_at=expires_at)
    upload.offset_bytes, upload.expires_at = reached, expires_at
    if reached == upload.size_bytes:
        _complete(upload)
    return reached


def _complete(upload: Upload) -> None:
    """Move a whole upload to its place and queue it. May be called again after dying at any line."""
    asset, path = upload.asset, storage.incoming_path(upload.uuid)
    if not asset.sha256:
        asset.sha256 = uploads.digest(path)
        Asset.objects.filter(pk=asset.pk, state=AssetState.UPLOADING).update(sha256=asset.sha256)
        Upload.objects.filter(pk=upload.pk).update(offset_bytes=upload.size_bytes)
    storage.keep_source(path, asset.sha256)
    uploads.discard(path)
    _received(asset, asset.sha256)


def cancel_upload(upload: Upload) -> None:
    """Throw away what has arrived; the asset ends as REFUSED (CANCELLED). All there already: nothing happens."""
    _end_upload(upload, "CANCELLED")


def ingest_file(
    path: Path | str,
    *,
    title: str,
    uploaded_by: Any,
    projection: str | None = None,
    stereo: str | None = None,
    enqueue: bool = True,
) -> Asset:
    """Take a copy of a file on disk and queue it; `enqueue=False` leaves the ringing to work_off or the reaper.

    What is no lecture ends as REFUSED with a reason (here already when the file is empty).
    Raises FileNotFoundError, errors.UploadRefused when it is too big or there is no room.
    """
    path = Path(path)
    size = path.stat().st_size
    _check_room(size)
    asset = Asset(
        title=title[:200],
        original_name=_plain_name(path.name),
        size_bytes=size,
        uploaded_by=uploaded_by,
        projection_chosen=projection or "",
        stereo_chosen=stereo or "",
    )
    if size == 0:
        asset.state, asset.refusal_code = _REFUSED, "EMPTY"
        asset.save()
        return asset
    copy = storage.incoming_path(asset.uuid)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, copy)
    sha256 = storage.sha256_of(copy)
    storage.keep_source(copy, sha256)
    with transaction.atomic():
        asset.save()
        _received(asset, sha256, enqueue=enqueue)
    return asset


@transaction.atomic
def _received(asset: Asset, sha256: str, *, enqueue: bool = True) -> None:
    moved = Asset.objects.filter(pk=asset.pk, state=AssetState.UPLOADING).update(
        state=AssetState.RECEIVED, sha256=sha256
    )
    if moved:
        jobs.open_job(asset, Stage.PROBE, bell=enqueue)
    asset.refresh_from_db()


def _end_upload(upload: Upload, code: str) -> None:
    with transaction.atomic():
        ended = Asset.objects.filter(pk=upload.asset_id, state=AssetState.UPLOADING).update(
            state=_REFUSED, refusal_code=code
        )
        if ended:
            upload.delete()
            upload.asset.refresh_from_db()
            asset_failed.send(sender=Asset, asset=upload.asset)
    if ended:
        uploads.discard(storage.incoming_path(upload.uuid))


def _check_room(size_bytes: int) -> None:
    limit, quota = settings.MEDIA_PIPELINE["MAX_UPLOAD_BYTES"], settings.MEDIA_PIPELINE["QUOTA_BYTES"]
    if size_bytes > limit:
        raise UploadRefused("TOO_BIG", size=filesizeformat(size_bytes), limit=filesizeformat(limit))
    if quota and storage.bytes_used() + size_bytes > quota:
        raise UploadRefused("QUOTA", limit=filesizeformat(quota))
    if storage.room_left() < size_bytes:
        raise UploadRefused("NO_ROOM")


def _plain_name(name: str) -> str:
    """The last part of a file name, without control characters: for showing, never for a path."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(sign for sign in last if sign.isprintable())[:255] or "lecture"


# Work


def work_on(job_id: int, *, bell: bool = True, on_beat: Callable[[], None] | None = None) -> bool:
    """Take the job and do its stage; False when there was nothing to take. Safe to call twice or side by side.

    With `bell` Celery is told of the stage that follows. `on_beat` is called after each saved heartbeat.
    """
    lease = jobs.claim(job_id)
    if lease is None:
        return False
    lease.bell, lease.on_beat = bell, on_beat
    run_stage(lease)
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
    for upload in Upload.objects.select_related("asset").filter(expires_at__lt=now):
        if upload.asset.state == AssetState.UPLOADING:
            _end_upload(upload, "ABANDONED")
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
        moved = Asset.objects.filter(pk=asset.pk, state=_FAILED).update(
            state=AssetState.RECEIVED, refusal_code="", refusal_values={}
        )
        if moved:
            jobs.open_job(asset, Stage.PROBE)
            record(actor, "asset.retried", asset)
    return Asset.objects.get(pk=asset.pk)


# Looking at it


def status(asset: Asset) -> AssetStatus:
    """How far `asset` is, in words for an editor and in her language. Four queries at most."""
    rows = {job.stage: job for job in asset.jobs.all()}
    progress = _progress(asset, rows)
    job = next((row for row in rows.values() if row.state in {JobState.WAITING, JobState.RUNNING}), None)
    return AssetStatus(
        uuid=str(asset.uuid),
        title=asset.title,
        original_name=asset.original_name,
        size_bytes=asset.size_bytes,
        duration_s=asset.duration_s,
        width=asset.width,
        height=asset.height,
        state=asset.state,
        state_label=str(asset.get_state_display()),
        progress=progress,
        stages=_stages(asset, rows, progress),
        message=_message(asset, job),
        eta_s=_eta_s(job),
        queue_place=_queue_place(job),
        renditions=_renditions(asset, rows),
        playable=bool(asset.folder),
        final=asset.is_final,
        poster_url=poster_url(asset),
    )


def why_not_playable(asset: Asset) -> str:
    """ "" when playable, else a sentence saying why not and what to do."""
    if asset.folder:
        return ""
    if asset.state in {_REFUSED, _FAILED}:
        return sentence(asset.refusal_code, asset.refusal_values)
    if asset.state == AssetState.UPLOADING:
        return _("The lecture file “%(name)s” has not been uploaded completely.") % {
            "name": asset.original_name
        }
    return _("The lecture file “%(name)s” is still being processed (%(state)s, %(percent)s%%).") % {
        "name": asset.original_name,
        "state": asset.get_state_display(),
        "percent": round(_progress(asset, {job.stage: job for job in asset.jobs.all()}) * 100),
    }


def _progress(asset: Asset, rows: dict[str, Job]) -> float:
    if asset.state == _READY:
        return 1.0
    if asset.state == AssetState.UPLOADING:
        upload = Upload.objects.filter(asset=asset).first()
        arrived = uploads.offset_of(storage.incoming_path(upload.uuid)) if upload else 0
        share = arrived / upload.size_bytes if upload else 0.0
        return round(0.2 * share, 4)
    if asset.state in _WEIGHTS:
        return _WEIGHTS[AssetState(asset.state)]
    done = {stage: rows[stage].progress if stage in rows else 0.0 for stage in Stage.values}
    return round(0.25 + 0.67 * done[Stage.TRANSCODE] + 0.07 * done[Stage.PACKAGE], 4)


def _stages(asset: Asset, rows: dict[str, Job], progress: float) -> list[StageStatus]:
    stopped = asset.state in {_REFUSED, _FAILED}
    uploading = asset.state == AssetState.UPLOADING
    never_came = stopped and not asset.sha256
    steps = [
        StageStatus(
            "upload",
            _("Upload complete") if not uploading else _("Uploading"),
            "running" if uploading else "failed" if never_came else "done",
            progress * 5 if uploading else 1.0,
        )
    ]
    names = {
        Stage.PROBE: (_("Check"), _("Checked")),
        Stage.TRANSCODE: (_("Transcode"), _("Transcoded")),
        Stage.PACKAGE: (_("Package and verify"), _("Packaged and verified")),
    }
    for stage, (coming, past) in names.items():
        job = rows.get(stage)
        state = {
            None: "waiting",
            JobState.WAITING: "waiting",
            JobState.RUNNING: "running",
            JobState.DONE: "done",
            JobState.STOPPED: "failed",
        }[JobState(job.state) if job else None]
        steps.append(
            StageStatus(
                stage.lower(), past if state == "done" else coming, state, job.progress if job else 0.0
            )
        )
    ready = asset.state == _READY
    steps.append(StageStatus("publish", _("May be published"), "done" if ready else "waiting", float(ready)))
    return steps


def _message(asset: Asset, job: Job | None) -> str:
    if asset.state in {_REFUSED, _FAILED}:
        return sentence(asset.refusal_code, asset.refusal_values)
    if job is not None and job.state == JobState.WAITING and job.error.startswith("disk full"):
        return _("The server's disk is full; processing goes on by itself when there is room.")
    if job is not None and job.state == JobState.WAITING and job.attempts:
        return _("Processing was interrupted and is taken up again by itself.")
    return ""


def _eta_s(job: Job | None) -> int | None:
    """Seconds until the running stage ends, from its own speed so far; None while that says nothing."""
    if job is None or job.state != JobState.RUNNING or job.started_at is None or job.progress < 0.03:
        return None
    spent = (timezone.now() - job.started_at).total_seconds()
    return max(1, round(spent * (1 - job.progress) / job.progress))


def _queue_place(job: Job | None) -> int | None:
    """1 = next in the queue; None when the job runs or there is none."""
    if job is None or job.state != JobState.WAITING:
        return None
    return 1 + Job.objects.filter(state=JobState.WAITING, created_at__lt=job.created_at).count()


def _renditions(asset: Asset, rows: dict[str, Job]) -> list[RenditionStatus]:
    ready = asset.state == _READY
    transcode = rows.get(Stage.TRANSCODE)
    running = asset.state == AssetState.TRANSCODING and transcode is not None
    found = []
    for row in sorted(asset.renditions.all(), key=lambda item: -item.height):
        if ready:
            state, label = "done", _("Ready")
        elif asset.state == _FAILED:
            state, label = "failed", _("Failed")
        elif transcode is not None and running:
            state, label = "running", f"{transcode.progress:.0%}"
        elif asset.state == AssetState.PACKAGING:
            state, label = "running", _("Packaging")
        else:
            state, label = "waiting", _("Waiting")
        minute = (
            round(row.size_bytes * 60 / asset.duration_s) if row.size_bytes and asset.duration_s else None
        )
        found.append(
            RenditionStatus(row.name, quality_label(row.width, row.height), row.height, minute, state, label)
        )
    return found


def quality_label(width: int, height: int) -> str:
    """The word for a picture size (design: 高清 标清 流畅); of sound: 听课."""
    side = min(width, height)
    if not side:
        return _("Sound only")
    if side >= 900:
        return _("High definition")
    if side >= 600:
        return _("Standard definition")
    return _("Smooth") if side >= 400 else _("Data saving")


# Playing it


def playback(asset: Asset, member: Any, *, client: str = "web") -> Playback:
    """Signed addresses for `member` (AnonymousUser for public lessons), good for PLAYBACK_TTL_S.

    Whether she may see the lesson is asked before, upstairs. The same member gets the same
    addresses within an hour, so that a browser's cache serves a reload. `client` "vr" and "web"
    get the same set today. Raises errors.NotPlayable.
    """
    if not asset.folder:
        raise NotPlayable(asset.pk)
    now = int(timezone.now().timestamp())
    expires = -(-(now + settings.MEDIA_PIPELINE["PLAYBACK_TTL_S"]) // _ROUND_S) * _ROUND_S
    who = member.uuid.hex if getattr(member, "uuid", None) else NOBODY
    at = _addresses(asset, Grant(str(asset.uuid), who, expires))
    contents = asset.contents
    picture, sound = contents["picture"], contents["sound"]
    return Playback(
        manifest_url=at(MANIFEST_HLS),
        dash_url=at(MANIFEST_DASH),
        audio_url=at(MANIFEST_SOUND) if sound else "",
        poster_url=at("poster.jpg") if picture else "",
        storyboard_url=at("storyboard.vtt") if picture else "",
        captions=[
            CaptionTrack(row.lang, row.label, at(f"captions-{row.lang}.vtt")) for row in asset.captions.all()
        ],
        projection=contents["projection"],
        stereo=contents["stereo"],
        duration_s=contents["duration_s"],
        expires_at=datetime.fromtimestamp(expires, tz=UTC),
        vr_url=at("deovr.json") if picture and contents["projection"] != "FLAT" else "",
    )


def poster_url(asset: Asset) -> str:
    """Signed address of the poster, the same for everybody all day, for lists; "" when there is none.

    Its token opens the poster and nothing else, for one to two days.
    """
    if not asset.folder or not asset.contents.get("picture"):
        return ""
    today = int(timezone.now().timestamp()) // _POSTER_DAY_S
    grant = Grant(str(asset.uuid), NOBODY, (today + 2) * _POSTER_DAY_S, only="poster.jpg")
    return _addresses(asset, grant)("poster.jpg")


def _addresses(asset: Asset, grant: Grant) -> Callable[[str], str]:
    token = sign(grant, key=settings.MEDIA_PIPELINE["TOKEN_KEY"])
    version = PurePath(asset.folder).name

    def at(name: str) -> str:
        return reverse("media_pipeline:file", args=[token, asset.uuid, f"{version}/{name}"])

    return at


# Captions


def set_captions(asset: Asset, *, vtt: str, lang: str = "zh-Hans", label: str = "中文") -> Captions:
    """Store captions (WebVTT text) in a language; the same language again replaces them.

    Raises ValueError when the text is no WebVTT (W3C WebVTT §4.1: it begins with WEBVTT) or
    `lang` is no language tag.
    """
    text = vtt.removeprefix("\ufeff").lstrip().replace("\r\n", "\n").replace("\r", "\n")
    if not re.match(r"WEBVTT([ \t\n]|$)", text):
        raise ValueError("no WebVTT: the first line must be WEBVTT")
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", lang):
        raise ValueError(f"no language tag: {lang}")
    row, _new = Captions.objects.update_or_create(
        asset=asset, lang=lang, defaults={"vtt": text, "label": label}
    )
    return row
