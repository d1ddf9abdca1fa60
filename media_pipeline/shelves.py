"""Where published sets and sources lie: on this machine's disk, and, when a bucket is named, on S3 as well.

With MEDIA_S3_BUCKET every source is put there when it has come, and every set before the asset is
switched to it, set.json last. What is on this disk is read from here; what is not comes from S3. So a
second web machine needs no copy, and a worker on another machine fetches the source it lacks.

S3 is reached by django-storages (`pip install '.[s3]'`); any server that speaks S3 will do.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings

from media_pipeline import storage
from media_pipeline.errors import StageInterrupted

__all__ = [
    "TYPES",
    "at_hand",
    "fetch_source",
    "forget_source",
    "keep_source",
    "on_s3",
    "publish",
    "read",
    "remove_set",
    "size_of",
    "sweep",
]

TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
    ".vtt": "text/vtt; charset=utf-8",
    ".jpg": "image/jpeg",
    ".json": "application/json",
}
"""What a set may consist of, and how each is called on the way; nothing else is delivered."""

_AT_ONCE = 6


def on_s3() -> bool:
    return bool(settings.MEDIA_PIPELINE["S3_BUCKET"])


def size_of(place: str) -> int | None:
    """Bytes of the file `place` (relative to the root); None when it is nowhere."""
    path = storage.absolute(place)
    try:
        if path.is_file():
            return path.stat().st_size
    except OSError:  # a name too long for this disk is nowhere
        return None
    if not on_s3():
        return None
    try:
        return _size_on_s3(settings.MEDIA_PIPELINE["S3_BUCKET"], _key(place))
    except FileNotFoundError:
        return None


def read(place: str, first: int, last: int, *, piece: int) -> Iterator[bytes]:
    """The bytes from `first` to `last` (both included) in pieces, from this disk or else from S3."""
    try:
        opened = storage.absolute(place).open("rb", buffering=0)
    except FileNotFoundError:
        if not on_s3():
            raise
        body = _bucket().bucket.Object(_key(place)).get(Range=f"bytes={first}-{last}")["Body"]
        with body:
            yield from body.iter_chunks(piece)
        return
    with opened:
        opened.seek(first)
        left = last - first + 1
        while left > 0:
            data = opened.read(min(piece, left))
            if not data:
                return
            left -= len(data)
            yield data


def publish(folder: str, *, tick: Callable[[], None] | None = None) -> None:
    """Put a finished folder (a set, or a dress of one) on S3 too, set.json last; without S3 nothing happens.

    What is there already is not sent twice. `tick` is called after each file. Raises
    StageInterrupted when S3 cannot be reached: the asset is not switched, another attempt goes on.
    """
    if not on_s3():
        return
    base = storage.absolute(folder)
    files = [path for path in sorted(base.rglob("*")) if path.is_file()]
    there = _listing(folder)
    last = [path for path in files if path.name == "set.json"]
    first = [path for path in files if path.name != "set.json"]
    root = storage.root()
    waiting = [path for path in first if there.get(str(path.relative_to(root))) != path.stat().st_size]
    with _reachable(), ThreadPoolExecutor(_AT_ONCE) as pool:
        sent = [pool.submit(_send, path) for path in waiting]
        try:
            for one in as_completed(sent):
                one.result()
                if tick is not None:
                    tick()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    with _reachable():
        for path in last:
            _send(path)


def at_hand(folder: str) -> Path:
    """The local path of a published folder, fetched from S3 when this machine has none (all or nothing)."""
    target = storage.absolute(folder)
    if target.is_dir() or not on_s3():
        return target
    fresh = storage.root() / "work" / f"fetch-{threading.get_ident()}-{time.monotonic_ns()}"
    with _reachable():
        for place in _listing(folder):
            path = fresh / PurePosixPath(place).relative_to(folder)
            path.parent.mkdir(parents=True, exist_ok=True)
            _bucket().bucket.download_file(_key(place), str(path))
    if fresh.is_dir():
        storage.move_into_place(fresh, target)
    return target


def keep_source(sha256: str) -> None:
    """Put a source that has come on S3 too. Twice is once."""
    path = storage.source_path(sha256)
    if on_s3() and path.is_file():
        place = _source(sha256)
        with _reachable():
            if _listing(place).get(place) != path.stat().st_size:
                _send(path)


def fetch_source(sha256: str) -> bool:
    """Have the source on this disk, from S3 if need be; False when it is nowhere."""
    path = storage.source_path(sha256)
    if path.is_file():
        return True
    if not on_s3():
        return False
    place = _source(sha256)
    with _reachable():
        if place not in _listing(place):
            return False
        fresh = storage.root() / "incoming" / f"fetch-{sha256}-{threading.get_ident()}"
        fresh.parent.mkdir(parents=True, exist_ok=True)
        _bucket().bucket.download_file(_key(place), str(fresh))
    if storage.sha256_of(fresh) != sha256:
        fresh.unlink()
        raise StageInterrupted(f"source {sha256[:12]} came damaged from S3")
    storage.keep_source(fresh, sha256)
    return True


def forget_source(sha256: str) -> None:
    """Delete a source here and on S3."""
    storage.source_path(sha256).unlink(missing_ok=True)
    if on_s3():
        with _reachable():
            _bucket().bucket.Object(_key(_source(sha256))).delete()


def sweep(kept: set[str], *, now: float, kept_s: float) -> list[str]:
    """Delete sets on S3, whole or broken off, that have not been among `kept` for `kept_s` seconds; returns them.

    A file in `unused/` of this machine's root says since when; only one machine sweeps (the scheduler's).
    """
    if not on_s3():
        return []
    marks, gone = storage.root() / "unused", []
    marks.mkdir(parents=True, exist_ok=True)
    for folder in sorted({"/".join(place.split("/")[:4]) for place in _listing("sets/")}):
        mark = marks / "-".join(folder.split("/")[2:])
        if folder in kept:
            mark.unlink(missing_ok=True)
        elif not mark.exists():
            mark.touch()
            os.utime(mark, (now, now))
        elif mark.stat().st_mtime <= now - kept_s:
            remove_set(folder)
            mark.unlink()
            gone.append(folder)
    return gone


def remove_set(folder: str) -> None:
    """Delete a set on S3, set.json first, so that half a set never looks whole; without S3 nothing happens."""
    if not on_s3():
        return
    with _reachable():
        places = sorted(_listing(folder + "/"), key=lambda place: not place.endswith("/set.json"))
        for place in places:
            _bucket().bucket.Object(_key(place)).delete()
    _size_on_s3.cache_clear()


def _source(sha256: str) -> str:
    return f"sources/{sha256[:2]}/{sha256}"


def _send(path: Path) -> None:
    place = str(path.relative_to(storage.root()))
    extra = {"ContentType": TYPES.get(path.suffix, "application/octet-stream")}
    _bucket().bucket.upload_file(str(path), _key(place), ExtraArgs=extra)


def _listing(prefix: str) -> dict[str, int]:
    """Places below `prefix` on S3 with their sizes."""
    begin = _key("")
    with _reachable():
        found = _bucket().bucket.objects.filter(Prefix=_key(prefix))
        return {item.key.removeprefix(begin): item.size for item in found}


def _key(place: str) -> str:
    prefix = settings.MEDIA_PIPELINE["S3_PREFIX"].strip("/")
    return f"{prefix}/{place}" if prefix else place


@lru_cache(maxsize=8192)
def _size_on_s3(_bucket_name: str, key: str) -> int:
    """Published files never change, so what was seen once holds. Raises FileNotFoundError, which is not kept."""
    from botocore.exceptions import ClientError

    try:
        return int(_bucket().bucket.Object(key).content_length)
    except ClientError as no:
        if no.response.get("Error", {}).get("Code") in {"404", "NoSuchKey", "NotFound"}:
            raise FileNotFoundError(key) from no
        raise


class _reachable:
    """Turns «S3 said no or nothing» into StageInterrupted: worth another attempt."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if error is None:
            return
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(error, (Boto3Error, BotoCoreError, ClientError)):
            raise StageInterrupted(f"S3: {error}") from error


def _bucket() -> Any:
    chosen = settings.MEDIA_PIPELINE
    return _connected(
        chosen["S3_BUCKET"], chosen["S3_ENDPOINT"], chosen["S3_REGION"],
        chosen["S3_ACCESS_KEY"], chosen["S3_SECRET_KEY"],
    )  # fmt: skip


@lru_cache(maxsize=4)
def _connected(bucket: str, endpoint: str, region: str, access_key: str, secret_key: str) -> Any:
    """django-storages' S3 storage: one per process, its connections one per thread."""
    from botocore.config import Config
    from storages.backends.s3 import S3Storage

    return S3Storage(
        bucket_name=bucket,
        endpoint_url=endpoint or None,
        region_name=region or None,
        access_key=access_key or None,
        secret_key=secret_key or None,
        default_acl=None,
        querystring_auth=True,
        client_config=Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"max_attempts": 3, "mode": "standard"},
            s3={"addressing_style": "path" if endpoint else "auto"},
            # Servers that are not Amazon's know no trailing checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
