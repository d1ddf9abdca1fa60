"""How a lecture file comes in: resumable uploads, files from disk."""

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePath
from typing import Any

from django.conf import settings
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from media_pipeline import jobs, shelves, storage
from media_pipeline.errors import OffsetMismatch, UploadBrokenOff, UploadRefused
from media_pipeline.intake import uploads
from media_pipeline.models import (
    Asset,
    AssetState,
    Projection,
    Stage,
    Stereo,
    Upload,
)
from media_pipeline.signals import asset_failed

__all__ = [
    "NO_LECTURES",
    "UploadTerms",
    "begin_upload",
    "cancel_upload",
    "ingest_file",
    "receive_chunk",
    "received_bytes",
    "upload_terms",
]


NO_LECTURES = frozenset(
    f".{ending}"
    for group in (
        (
            "doc",
            "docx",
            "xls",
            "xlsx",
            "ppt",
            "pptx",
            "wps",
            "et",
            "dps",
            "pdf",
            "ofd",
            "txt",
            "rtf",
            "csv",
            "html",
        ),
        (
            "jpg",
            "jpeg",
            "png",
            "gif",
            "bmp",
            "heic",
            "zip",
            "rar",
            "7z",
            "iso",
            "exe",
            "msi",
            "apk",
            "lnk",
            "url",
        ),
        ("srt", "ass", "vtt"),
    )
    for ending in group
)
"""Endings of what is certainly no lecture: refused before hours of uploading. Others are judged by their content."""


@dataclass(frozen=True)
class UploadTerms:
    """What may be uploaded now: the largest file, and how much there is room for (bytes)."""

    largest_bytes: int
    room_bytes: int


def upload_terms() -> UploadTerms:
    """The limits that an editor sees before she chooses a file."""
    chosen = settings.MEDIA_PIPELINE
    room = max(0, storage.room_left())
    if chosen["QUOTA_BYTES"]:
        room = min(room, max(0, chosen["QUOTA_BYTES"] - storage.bytes_used()))
    return UploadTerms(min(chosen["MAX_UPLOAD_BYTES"], room), room)


def begin_upload(
    member: Any, *, name: str, size_bytes: int, title: str = "", projection: str = "", stereo: str = ""
) -> Upload:
    """Open a resumable upload of the file `name`; `.asset` is its asset, state UPLOADING.

    `projection` and `stereo` are the editor's choice ("" or unknown words: as the file says).
    Raises errors.UploadRefused (EMPTY, TYPE, TOO_BIG, QUOTA, NO_ROOM) before a byte has gone.
    """
    if size_bytes <= 0:
        raise UploadRefused("EMPTY")
    name = _plain_name(name)
    if PurePath(name).suffix.lower() in NO_LECTURES:
        raise UploadRefused("TYPE", suffix=PurePath(name).suffix.lower())
    _check_room(size_bytes)
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


def receive_chunk(
    upload: Upload, *, offset: int, stream: Any, checksum: uploads.Checksum | None = None
) -> int:
    """Append what `stream` (`.read(n) -> bytes`) yields at `offset`; returns the new offset.

    The last byte turns the asset to RECEIVED and queues its check. A piece sent again after
    all has come changes nothing. Raises errors.OffsetMismatch, UploadBusy, UploadBrokenOff
    (what had come is kept), ChecksumMismatch (nothing of the piece is kept), DiskFull.
    """
    if upload.asset.state != AssetState.UPLOADING or upload.asset.sha256:
        reached = received_bytes(upload)
        if offset != reached:
            raise OffsetMismatch(reached)
        return offset
    path = storage.incoming_path(upload.uuid)
    try:
        reached = uploads.append(
            path, offset=offset, stream=stream, most=upload.size_bytes, checksum=checksum
        )
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
    shelves.keep_source(asset.sha256)
    uploads.discard(path)
    _received(asset, asset.sha256)


def cancel_upload(upload: Upload) -> None:
    """Throw away what has arrived; the asset ends as REFUSED (CANCELLED). All there already: nothing happens."""
    end_upload(upload, "CANCELLED")


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
        asset.state, asset.refusal_code = AssetState.REFUSED, "EMPTY"
        asset.save()
        return asset
    copy = storage.incoming_path(asset.uuid)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, copy)
    sha256 = storage.sha256_of(copy)
    storage.keep_source(copy, sha256)
    shelves.keep_source(sha256)
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


def end_upload(upload: Upload, code: str) -> None:
    """End an upload under way as REFUSED with `code` and throw away what has arrived."""
    with transaction.atomic():
        ended = Asset.objects.filter(pk=upload.asset_id, state=AssetState.UPLOADING).update(
            state=AssetState.REFUSED, refusal_code=code
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
