"""Signed addresses and the bytes behind them: /media/<token>/<asset>/<version>/<file>.

The token stands in the path, so every relative address in a playlist inherits it, and a
headset needs no cookie. It is bound to one asset, one member (or nobody) and a last moment.
A wrong token looks like a missing file (404); one whose time is over says so (410), so that
a player can fetch a fresh one.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from uuid import UUID

from django.conf import settings
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotModified,
    JsonResponse,
    StreamingHttpResponse,
)
from django.utils import timezone
from django.utils.http import http_date, parse_etags

from media_pipeline import headset, storage
from media_pipeline.errors import TokenExpired, TokenInvalid
from media_pipeline.models import Asset
from media_pipeline.tokens import read_token

__all__ = ["file", "parse_range"]

_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
    ".vtt": "text/vtt; charset=utf-8",
    ".jpg": "image/jpeg",
    ".json": "application/json",
}
_SAFE = re.compile(r"^[a-z0-9]+/(?:[A-Za-z0-9][A-Za-z0-9_-]*/)?[A-Za-z0-9][A-Za-z0-9_.-]*$")
_PIECE = 256 * 1024


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte for a Range header on `size` bytes; None when there is no (usable) single range.

    Raises ValueError when the range lies outside (RFC 9110 §14.1.2, answer 416).
    """
    wanted = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", header.strip())
    if not wanted or wanted.group(0) == "bytes=-":
        return None
    first, last = wanted.groups()
    if not first:
        length = min(int(last), size)
        if not length:
            raise ValueError(header)
        return size - length, size - 1
    begin = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if begin >= size:
        raise ValueError(header)
    if begin > end:
        return None
    return begin, end


def file(request: HttpRequest, token: str, uuid: UUID, path: str) -> HttpResponseBase:
    """The view behind /media/…: one file of one asset, whole or a range of it."""
    if request.method == "OPTIONS":
        return _open_to_headsets(HttpResponse(status=204))
    if request.method not in {"GET", "HEAD"}:
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD, OPTIONS"})
    now = timezone.now().timestamp()
    try:
        grant = read_token(
            token, asset=str(uuid), file=path, now=int(now), key=settings.MEDIA_PIPELINE["TOKEN_KEY"]
        )
    except TokenExpired:
        return _open_to_headsets(JsonResponse({"code": "TOKEN_EXPIRED"}, status=410))
    except TokenInvalid:
        return _absent()
    if not _SAFE.match(path):
        return _absent()
    asset = (
        Asset.objects.filter(uuid=uuid).only("id", "uuid", "title", "sha256", "folder", "contents").first()
    )
    if asset is None or not asset.folder:
        return _absent()
    version, _, name = path.partition("/")
    if name in {"deovr.json", "heresphere.json"}:
        return _open_to_headsets(JsonResponse(headset.manifest(asset, name, request), safe=False))
    if name.startswith("captions-"):
        return _captions(request, asset, name)
    place = storage.absolute(asset.folder).parent / version / name
    return _bytes(request, place, version, left_s=max(0, int(grant.expires - now)))


def _captions(request: HttpRequest, asset: Asset, name: str) -> HttpResponseBase:
    lang = name.removeprefix("captions-").removesuffix(".vtt")
    row = asset.captions.filter(lang=lang).first()
    if row is None:
        return _absent()
    etag = f'"{hashlib.sha256(row.vtt.encode()).hexdigest()[:24]}"'
    if _has_it(request, etag):
        return _open_to_headsets(HttpResponseNotModified(headers={"ETag": etag}))
    response = HttpResponse(row.vtt, content_type=_TYPES[".vtt"], headers={"ETag": etag})
    response["Cache-Control"] = "private, no-cache"
    return _open_to_headsets(response)


def _bytes(request: HttpRequest, place: Path, version: str, *, left_s: int) -> HttpResponseBase:
    kind = _TYPES.get(place.suffix)
    try:
        size = place.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return _absent()
    if kind is None or not place.is_file() or place.name == "set.json":
        return _absent()
    etag = f'"{version}-{size:x}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        # A published set never changes; the address ends with its token.
        "Cache-Control": f"private, max-age={left_s}, immutable",
        "Expires": http_date(timezone.now().timestamp() + left_s),
        "X-Content-Type-Options": "nosniff",
    }
    if _has_it(request, etag):
        return _open_to_headsets(HttpResponseNotModified(headers=headers))
    wanted = request.headers.get("Range", "")
    condition = request.headers.get("If-Range")
    part = None
    if wanted and (condition is None or condition == etag):
        try:
            part = parse_range(wanted, size)
        except ValueError:
            outside = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
            return _open_to_headsets(HttpResponse(status=416, headers=outside))
    if part is None:
        headers["Content-Length"] = str(size)
        if request.method == "HEAD":
            return _open_to_headsets(HttpResponse(content_type=kind, headers=headers))
        return _open_to_headsets(FileResponse(place.open("rb"), content_type=kind, headers=headers))
    first, last = part
    headers |= {"Content-Length": str(last - first + 1), "Content-Range": f"bytes {first}-{last}/{size}"}
    if request.method == "HEAD":
        return _open_to_headsets(HttpResponse(status=206, content_type=kind, headers=headers))
    pieces = _pieces(place.open("rb"), first, last)
    return _open_to_headsets(StreamingHttpResponse(pieces, status=206, content_type=kind, headers=headers))


def _pieces(opened: IO[bytes], first: int, last: int) -> Iterator[bytes]:
    with opened:
        opened.seek(first)
        left = last - first + 1
        while left > 0:
            piece = opened.read(min(_PIECE, left))
            if not piece:
                return
            left -= len(piece)
            yield piece


def _has_it(request: HttpRequest, etag: str) -> bool:
    told = parse_etags(request.headers.get("If-None-Match", ""))
    return "*" in told or etag in [tag.removeprefix("W/") for tag in told]


def _absent() -> HttpResponseBase:
    return _open_to_headsets(HttpResponse("Not found", status=404, content_type="text/plain"))


def _open_to_headsets(response: HttpResponseBase) -> HttpResponseBase:
    """The token is the right, cookies are not asked for: any page may read (VR players in a browser)."""
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Allow-Headers"] = "Range"
    response["Access-Control-Expose-Headers"] = "Content-Range, Content-Length, ETag"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
