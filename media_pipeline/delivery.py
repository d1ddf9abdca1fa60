"""Signed addresses and the bytes behind them: /media/<token>/<asset>/<version>/[<folder>/[<folder>/]]<file>.

The token stands in the path, so every relative address in a playlist inherits it, and a
headset needs no cookie. It is bound to one asset, one member (or nobody) and a last moment.
A wrong token looks like a missing file (404), and so does one whose member may no longer sign in
or has another password since; one whose time is over says so (410), so that a player can fetch
a fresh one. nginx can do all of this in our place but for what is not a file (nginx/README.md).
"""

import hashlib
import re
from collections.abc import Iterator
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotModified,
    JsonResponse,
    StreamingHttpResponse,
)
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.http import http_date, parse_etags
from django.views.decorators.csrf import csrf_exempt

from media_pipeline import headset, holders, keys, shelves
from media_pipeline.errors import TokenExpired, TokenInvalid
from media_pipeline.models import Asset
from media_pipeline.shelves import TYPES
from media_pipeline.tokens import NOBODY, Grant, Keys, read_token
from people.api import record

__all__ = ["DYNAMIC", "file", "parse_range", "token_keys"]

DYNAMIC = ("deovr.json", "heresphere.json", keys.FILE)
"""Names directly below the version that are answered by us, not by a file; captions-*.vtt besides."""

_GRANT = "/grant"
_SAFE = re.compile(r"[0-9a-f]{16}/(?:[A-Za-z0-9][A-Za-z0-9_-]*/){0,2}[A-Za-z0-9][A-Za-z0-9_.-]*")
_PIECE = 256 * 1024
_DAY_S = 24 * 3600


def token_keys() -> Keys:
    """What tokens are signed with on this installation."""
    chosen = settings.MEDIA_PIPELINE
    return Keys(chosen["TOKEN_KEY"], chosen["NGINX_KEY"] if chosen["NGINX"] else "")


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


@csrf_exempt  # nothing is changed here
def file(request: HttpRequest, token: str, uuid: UUID, path: str) -> HttpResponseBase:
    """The view behind /media/…: one file of one asset, whole or a range of it."""
    if request.method == "OPTIONS":
        return _open_to_headsets(HttpResponse(status=204))
    asks = request.method == "POST" and path.endswith("/heresphere.json")  # HereSphere posts its questions
    if request.method not in {"GET", "HEAD"} and not asks:
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD, OPTIONS"})
    if path.endswith(_GRANT) and _asked_by_nginx(request):
        return _told_to_nginx(token, uuid)
    now = timezone.now().timestamp()
    try:
        grant = read_token(token, asset=str(uuid), file=path, now=int(now), keys=token_keys())
    except TokenExpired:
        return _open_to_headsets(JsonResponse({"code": "TOKEN_EXPIRED"}, status=410))
    except TokenInvalid:
        return _absent()
    if not _SAFE.fullmatch(path):
        return _absent()
    asset = _granted(grant)
    if asset is None:
        return _absent()
    version, _, name = path.partition("/")
    protected = keys.is_protected(asset.contents)
    if name == keys.FILE:
        return _key(request, asset, grant) if protected and grant.key else _absent()
    if name in DYNAMIC:
        if protected:  # apps on headsets hold no session, so they would get no key
            return _absent()
        headers = headset.HERESPHERE_HEADERS if name == "heresphere.json" else {}
        return _open_to_headsets(JsonResponse(headset.manifest(asset, name, request), headers=headers))
    if name.startswith("captions-"):
        return _captions(request, asset, name)
    place = f"{asset.folder.rpartition('/')[0]}/{version}/{name}"
    return _bytes(request, place, version, left_s=max(0, int(grant.expires - now)))


def _granted(grant: Grant) -> Asset | None:
    """The published asset of a grant that still counts, in one query; else None."""
    known = Asset.objects.only("id", "uuid", "title", "sha256", "folder", "contents", "ready_at").filter(
        uuid=grant.asset
    )
    asset = holders.with_password_of(known, grant).first()
    if asset is None or not asset.folder or not holders.still_counts(grant, asset.holder_password):
        return None
    return asset


def _told_to_nginx(token: str, uuid: UUID) -> HttpResponse:
    """204 with the place of the asset's sets, or 403 (what nginx's auth_request understands)."""
    try:
        now = int(timezone.now().timestamp())
        grant = read_token(token, asset=str(uuid), file="poster.jpg", now=now, keys=token_keys())
    except (TokenExpired, TokenInvalid):
        return HttpResponse(status=403)
    asset = _granted(grant)
    if asset is None:
        return HttpResponse(status=403)
    return HttpResponse(status=204, headers={"X-Media-Folder": asset.folder.rpartition("/")[0]})


def _asked_by_nginx(request: HttpRequest) -> bool:
    """Whether nginx asks, as it does now and then, if a grant still counts and where the asset's sets lie."""
    chosen = settings.MEDIA_PIPELINE
    said = request.headers.get("X-Media-Nginx", "")
    return bool(chosen["NGINX"] and chosen["NGINX_KEY"]) and constant_time_compare(said, chosen["NGINX_KEY"])


def _key(request: HttpRequest, asset: Asset, grant: Grant) -> HttpResponseBase:
    """The 16 bytes that open an encrypted lecture, to the member of the token and in her own session only.

    The token was signed after the room above had asked whether the lesson is open to her. Who fetches
    keys faster than a player does is told to wait (429); the first key of a day goes into the audit trail.
    """
    member = request.user
    if grant.member != NOBODY and holders.holder_of(member) != grant.member:
        return HttpResponse("Not found", status=404, content_type="text/plain")
    if grant.member != NOBODY:
        if _count(f"media-key-{grant.member}-{asset.pk}") > settings.MEDIA_PIPELINE["KEYS_AN_HOUR"]:
            return HttpResponse(status=429, headers={"Retry-After": "600"})
        if cache.add(f"media-key-told-{grant.member}-{asset.pk}", 1, _DAY_S):
            record(member, "asset.key_given", asset)
    return HttpResponse(
        keys.secret_of(asset.sha256),
        content_type="application/octet-stream",
        headers={"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"},
    )


def _count(name: str) -> int:
    """How often this was called for `name` within the hour. What the cache forgets is not counted."""
    cache.add(name, 0, 3600)
    try:
        return cache.incr(name)
    except ValueError:
        return 1


def _captions(request: HttpRequest, asset: Asset, name: str) -> HttpResponseBase:
    lang = name.removeprefix("captions-").removesuffix(".vtt")
    row = asset.captions.filter(lang=lang).first()
    if row is None:
        return _absent()
    etag = f'"{hashlib.sha256(row.vtt.encode()).hexdigest()[:24]}"'
    if _has_it(request, etag):
        return _open_to_headsets(HttpResponseNotModified(headers={"ETag": etag}))
    response = HttpResponse(row.vtt, content_type=TYPES[".vtt"], headers={"ETag": etag})
    response["Cache-Control"] = "private, no-cache"
    return _open_to_headsets(response)


def _bytes(request: HttpRequest, place: str, version: str, *, left_s: int) -> HttpResponseBase:
    name = place.rpartition("/")[2]
    kind = TYPES.get(name[name.rfind(".") :]) if name != "set.json" else None
    size = shelves.size_of(place) if kind else None
    if kind is None or size is None:
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
    first, last = part or (0, size - 1)
    headers["Content-Length"] = str(last - first + 1)
    if part is not None:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    status = 200 if part is None else 206
    if request.method == "HEAD":
        return _open_to_headsets(HttpResponse(status=status, content_type=kind, headers=headers))
    pieces: Iterator[bytes] = shelves.read(place, first, last, piece=_PIECE)
    answer = StreamingHttpResponse(pieces, status=status, content_type=kind, headers=headers)
    answer.is_file = True  # type: ignore[attr-defined]  # portal/asgi.py: slow lines keep no thread waiting
    return _open_to_headsets(answer)


def _has_it(request: HttpRequest, etag: str) -> bool:
    told = parse_etags(request.headers.get("If-None-Match", ""))
    return "*" in told or etag in [tag.removeprefix("W/") for tag in told]


def _absent() -> HttpResponseBase:
    return _open_to_headsets(HttpResponse("Not found", status=404, content_type="text/plain"))


def _open_to_headsets(response: HttpResponseBase) -> HttpResponseBase:
    """The token is the right, cookies are not asked for: any page may read (VR players in a browser)."""
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Allow-Headers"] = "Range, Content-Type"
    response["Access-Control-Expose-Headers"] = "Content-Range, Content-Length, ETag"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
