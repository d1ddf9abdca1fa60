"""How launched content speaks to us: its files, the fetch URL, and the xAPI endpoint of its session.

None of the three reads a cookie. Content is foreign code: its pages run in a sandbox without an origin, may load
nothing but what its own package holds and speak to nobody but us.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import mimetypes
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError, transaction
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotModified,
    JsonResponse,
    StreamingHttpResponse,
)
from django.utils import timezone
from django.utils.http import http_date, parse_etags
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt

from courses.archive.cmi5 import content, launching, lrs
from courses.archive.cmi5.allowance import Allowance
from courses.archive.cmi5.gate import Asked, Passed, judge_request, statement_ids
from courses.archive.cmi5.models import Cmi5Session
from courses.archive.cmi5.session_rules import StatementRefused
from courses.archive.cmi5.wording import sentence
from courses.archive.xapi.attachments import boundary_of, split
from courses.archive.xapi.errors import LrsError
from media_pipeline.delivery import parse_range

__all__ = ["fetch", "file", "xapi"]

log = logging.getLogger(__name__)

SANDBOX = "sandbox allow-scripts allow-forms allow-modals allow-popups allow-downloads allow-pointer-lock"
POLICY = (
    f"{SANDBOX}; default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; connect-src 'self' data: blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'none'"
)
TYPES = {
    ".html": "text/html", ".htm": "text/html", ".xhtml": "application/xhtml+xml", ".js": "text/javascript",
    ".mjs": "text/javascript", ".css": "text/css", ".json": "application/json", ".xml": "application/xml",
    ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
    ".webp": "image/webp", ".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm", ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4", ".ogg": "audio/ogg", ".wav": "audio/wav", ".vtt": "text/vtt", ".pdf": "application/pdf",
    ".woff": "font/woff", ".woff2": "font/woff2", ".ttf": "font/ttf", ".otf": "font/otf", ".wasm": "application/wasm",
    ".txt": "text/plain; charset=utf-8",
}  # fmt: skip
"""Of what browsers care about, the same on every machine."""

RETRY_AFTER_S = 5

_PIECE = 256 * 1024

_allowance = Allowance()


@csrf_exempt  # nothing is changed here
@xframe_options_exempt  # a package may show its own pages in frames
def file(request: HttpRequest, token: str, path: str) -> HttpResponseBase:
    """One file of a package, whole or a range of it. A wrong or old token looks like a missing file."""
    if request.method == "OPTIONS":
        return _for_everybody(HttpResponse(status=204))
    if request.method not in {"GET", "HEAD"}:
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD, OPTIONS"})
    course = content.read_token(token, now=timezone.now())
    found = content.file_of(course, path) if course else None
    if found is None:
        return _confined(HttpResponse(status=404, content_type="text/plain"))
    known = found.stat()
    etag = f'"{known.st_size:x}-{known.st_mtime_ns:x}"'
    headers = {
        "Cache-Control": "private, max-age=3600",
        "ETag": etag,
        "Last-Modified": http_date(known.st_mtime),
        "Accept-Ranges": "bytes",
    }
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        return _confined(HttpResponseNotModified(headers=headers))
    kind = (
        TYPES.get(found.suffix.lower()) or mimetypes.guess_type(found.name)[0] or "application/octet-stream"
    )
    first, last, status = 0, known.st_size - 1, 200
    if "Range" in request.headers and request.headers.get("If-Range", etag) == etag:
        try:
            wanted = parse_range(request.headers["Range"], known.st_size)
        except ValueError:
            headers["Content-Range"] = f"bytes */{known.st_size}"
            return _confined(HttpResponse(status=416, headers=headers))
        if wanted:
            (first, last), status = wanted, 206
            headers["Content-Range"] = f"bytes {first}-{last}/{known.st_size}"
    headers["Content-Length"] = str(last - first + 1)
    pieces = iter(()) if request.method == "HEAD" else _pieces(found, first, last)
    answer = StreamingHttpResponse(pieces, status=status, content_type=kind, headers=headers)
    answer.is_file = True  # type: ignore[attr-defined]  # portal/asgi.py: slow lines keep no thread waiting
    return _confined(answer)


@csrf_exempt
def fetch(request: HttpRequest, session: uuid.UUID, secret: str) -> HttpResponseBase:
    """The fetch URL (cmi5 §8.2): the token once, then an error; 200 both times. Only by POST, lest it be cached."""
    if request.method == "OPTIONS":
        return _for_everybody(HttpResponse(status=204))
    if request.method != "POST":
        return _for_everybody(HttpResponse(status=405, headers={"Allow": "POST, OPTIONS"}))
    try:
        answer = JsonResponse(launching.fetch(session, secret))
    except OperationalError:
        log.exception("a fetch URL waited in vain for the database")
        return _busy()
    answer["Cache-Control"] = "no-store"
    return _for_everybody(answer)


@csrf_exempt
def xapi(request: HttpRequest, resource: str) -> HttpResponseBase:
    """The endpoint of a session: what the gate lets through is answered by the LRS, in one transaction with what
    it moves here. 401 without a good token, 429 when it asks too often, 403 with code, message and violatedReqId when
    a rule is broken (400 when it does not say whose document it wants).
    """
    if request.method == "OPTIONS":
        return _for_everybody(HttpResponse(status=204))
    session = launching.session_of(*_token(request))
    if session is None:
        refusal = _refusal("TOKEN_UNKNOWN", "8.1.2.0-2", status=401)
        refusal["WWW-Authenticate"] = 'Basic realm="cmi5"'
        return refusal
    now = timezone.now()
    if wait_s := _allowance.wait_s(session.pk, now):
        often = _refusal("BUSY", "", status=429)
        often["Retry-After"] = str(wait_s)
        return often
    try:
        asked = _asked(request, resource.strip("/"))
    except RequestDataTooBig:
        return _refusal("NOT_A_STATEMENT", "", status=413)
    try:
        with transaction.atomic():
            ours = launching.lock(session.registration_id)
            session = Cmi5Session.objects.select_for_update(of=("self",)).get(pk=session.pk)
            session.registration = ours
            recorded = lrs.recorded(statement_ids(asked), registration=ours.uuid)
            passed = judge_request(asked, launching.facts_of(session), recorded=recorded)
            answer = lrs.answer(request, asked.resource, session)
            _note(session, passed, answer.status_code, now)
    except StatementRefused as refused:
        return _refusal(refused.code, refused.requirement, status=refused.status)
    except OperationalError:
        log.exception("an AU's request waited in vain for the database")
        return _busy()
    return _for_everybody(answer)


def _note(session: Cmi5Session, passed: Passed, status: int, now: Any) -> None:
    """Keep what an answered request means; a document that is not there has been read as well."""
    if status in (200, 204) and passed.events:
        launching.note_event(session, passed.events, now=now)
    if (passed.reads == "launch_data" and status == 200) or (
        passed.reads == "preferences" and status in (200, 404)
    ):
        name = f"{passed.reads}_read_at"
        if getattr(session, name) is None:
            setattr(session, name, now)
            session.save(update_fields=[name])


def _token(request: HttpRequest) -> tuple[str, str]:
    kind, _, said = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(said.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return "", ""
    return user, password


def _asked(request: HttpRequest, resource: str) -> Asked:
    kind, statements = request.headers.get("Content-Type", ""), None
    body = request.body if request.method in {"PUT", "POST"} else b""
    if resource == "statements" and body:
        try:
            said = body
            if kind.partition(";")[0].strip().lower() == "multipart/mixed":
                said, _parts = split(body, boundary_of(kind))
            read = json.loads(said)
            statements = read if isinstance(read, list) else [read]
        except (ValueError, RecursionError, LrsError):
            statements = None
    return Asked(
        method=request.method or "",
        resource=resource,
        query={name: request.GET.get(name, "") for name in request.GET},
        content_type=kind,
        body=body,
        statements=statements,
    )


def _refusal(code: str, requirement: str, *, status: int = 403) -> HttpResponseBase:
    said = {"code": code, "message": sentence(code)} | ({"violatedReqId": requirement} if requirement else {})
    return _for_everybody(JsonResponse(said, status=status))


def _busy() -> HttpResponseBase:
    answer = _refusal("BUSY", "", status=503)
    answer["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def _for_everybody(answer: HttpResponseBase) -> HttpResponseBase:
    """Content has no origin of its own, or a foreign one; what opens doors here is the token alone."""
    answer["Access-Control-Allow-Origin"] = "*"
    answer["Access-Control-Allow-Methods"] = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
    answer["Access-Control-Allow-Headers"] = (
        "Authorization, Content-Type, If-Match, If-None-Match, X-Experience-API-Version, X-Experience-API-Hash"
    )
    answer["Access-Control-Expose-Headers"] = (
        "ETag, Last-Modified, Content-Type, X-Experience-API-Version, X-Experience-API-Consistent-Through"
    )
    answer["Access-Control-Max-Age"] = "600"
    return answer


def _confined(answer: HttpResponseBase) -> HttpResponseBase:
    answer["Content-Security-Policy"] = POLICY
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Referrer-Policy"] = "no-referrer"  # the launch's address holds the fetch secret
    answer["Cross-Origin-Opener-Policy"] = (
        "unsafe-none"  # a browser refuses to open a sandbox with another one
    )
    answer["Access-Control-Allow-Origin"] = "*"  # scripts and fonts of a page without an origin
    return answer


def _pieces(found: Path, first: int, last: int) -> Iterator[bytes]:
    with found.open("rb") as opened:
        opened.seek(first)
        left = last - first + 1
        while left > 0 and (piece := opened.read(min(_PIECE, left))):
            left -= len(piece)
            yield piece
