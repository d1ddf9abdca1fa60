"""How players speak to the archive: /api/archive/.

Beats and the lease go by the play token in the body, so that `navigator.sendBeacon` can send them
and no session of the site is needed; everything else by the sign-in. 200 means: on disk.
"""

from __future__ import annotations

import json
from typing import Annotated, Any
from uuid import UUID

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Router, Schema
from ninja.security import django_auth
from pydantic import Field

from courses.archive import api
from courses.archive.batches import BODY_MOST, CLIENT_SEQ_LIMIT, CLOCK_MAX_MS, INTERVALS_MAX, RATE_LEAST
from courses.archive.beat_schema import (
    BEATS,
    BEATS_ANSWERS,
    BEATS_ASKED,
    PLAY,
    PLAY_ANSWERS,
    RETRY_AFTER_S,
    TOKEN,
    asks_for,
)
from courses.archive.errors import ArchiveError, BadBeats, BatchTooBig, NotOpen, SeqConflict
from courses.archive.wording import ERRORS
from courses.catalogue.api import current_versions
from courses.catalogue.models import Lesson, LessonVersion
from people.models import Member

__all__ = ["router"]

router = Router(tags=["archive"])

Milliseconds = Annotated[float, Field(ge=0, le=24 * 3600 * 1000)]


class BeatIn(Schema):
    """What was played since the beat before it; at most 30 s."""

    seq: int = Field(
        ge=0,
        lt=CLIENT_SEQ_LIMIT,
        description="number within the session; the same number is the same beat",
    )
    intervals: list[tuple[Milliseconds, Milliseconds]] = Field(
        [], max_length=INTERVALS_MAX, description="played [a, b) in ms of the lesson, a ≤ b"
    )
    position_ms: Milliseconds = Field(description="where the player stands at the end of the beat")
    clock_ms: float = Field(
        ge=0,
        le=CLOCK_MAX_MS,
        description="the phone's clock at the end of the beat; only differences are used",
    )
    rate: float = Field(1.0, ge=RATE_LEAST, le=16)
    visible: bool = Field(True, description="whether the page was visible during the whole beat")
    flags: list[str] = Field([], description="audio | idle | confirmed")


class BatchIn(Schema):
    token: str
    beats: list[BeatIn] = Field(min_length=1, max_length=200)
    sent_ms: float | None = Field(
        None,
        ge=0,
        le=CLOCK_MAX_MS,
        description="the phone's clock in the moment of sending; default: that of the latest beat",
    )


class TokenIn(Schema):
    token: str


class PlayIn(Schema):
    version: UUID = Field(description="uuid of the lesson version")


class LessonOut(Schema):
    version: UUID = Field(description="what POST play asks for")
    title: str
    kind: str
    duration_s: int


class DetailOut(Schema):
    detail: str


class SpanOut(Schema):
    start_s: int
    end_s: int
    kind: str
    reason_code: str
    reason: str


class GapOut(Schema):
    start_s: int
    end_s: int
    reason_code: str
    reason: str
    start_label: str
    end_label: str


class StateOut(Schema):
    duration_s: int
    coverage: float
    watched_s: int
    needed_s: int
    position_s: float
    frontier_s: float
    completed: bool
    completed_at: str | None
    hours_on_offer: float
    credited_hours: float
    speed_cap: float
    free_seek: bool
    spans: list[SpanOut]
    missing: list[GapOut]


class ReceiptOut(Schema):
    """`accepted` were new, `duplicates` were known with the same body: both are on disk."""

    accepted: list[int]
    duplicates: list[int]
    state: StateOut | None = Field(
        description="how the lesson stands; null when the beats were kept and not reckoned yet: GET progress tells"
    )


class RefusalOut(Schema):
    """`message` is for people. `accepted` and `duplicates` are kept all the same and may be deleted."""

    code: str
    message: str
    detail: str = ""
    accepted: list[int] = []
    duplicates: list[int] = []
    conflicts: list[int] = []
    state: StateOut | None = None


class PlayOut(Schema):
    token: str
    session: str
    version: str
    kind: str
    duration_s: int
    resume_s: float
    frontier_s: float
    coverage: float
    watched_s: int
    needed_s: int
    completed: bool
    speed_cap: float
    free_seek: bool
    beat_seconds: int
    expires_at: str


class ModeOut(Schema):
    code: str
    label: str
    hours: float
    recorded: float


class StandingOut(Schema):
    year: int
    hours: float
    target: float | None
    missing: float
    state: str
    state_label: str
    flags: list[str]
    by_mode: list[ModeOut]


REFUSALS = dict.fromkeys((401, 404, 409, 413, 422, 503), RefusalOut)


def _refuse(error: ArchiveError) -> JsonResponse:
    answer: dict[str, Any] = {"code": error.code, "message": str(ERRORS[error.code])}
    if isinstance(error, BadBeats):
        answer["detail"] = str(error.detail)
    if isinstance(error, SeqConflict):
        answer["conflicts"] = error.conflicts
    if error.receipt is not None:
        answer |= error.receipt.as_json()
    return JsonResponse(answer, status=error.status)


def _busy() -> JsonResponse:
    answer = JsonResponse({"code": "BUSY", "message": str(ERRORS["BUSY"])}, status=503)
    answer["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = request.body
    except RequestDataTooBig as big:
        raise BatchTooBig() from big
    if len(body) > BODY_MOST:
        raise BatchTooBig()
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as bad:
        raise BadBeats("the body is not JSON") from bad
    if not isinstance(said, dict):
        raise BadBeats("the body is not an object")
    return said


@router.post(
    "/beats",
    auth=None,
    response={200: ReceiptOut, **REFUSALS},
    openapi_extra=asks_for(BatchIn, BEATS_ASKED) | BEATS_ANSWERS,
    summary="Hand in a batch of beats",
    description=BEATS,
)
def beats(request: HttpRequest) -> JsonResponse:
    """What portal.asgi's short way (courses/archive/ingest) does not answer itself; the promises: beat_schema.BEATS."""
    try:
        said = _body(request)
        receipt = api.record_beats(said.get("token", ""), said.get("beats", []), sent_ms=said.get("sent_ms"))
    except ArchiveError as refused:
        return _refuse(refused)
    except (OperationalError, InterfaceError):
        return _busy()
    return JsonResponse(receipt.as_json())


@router.post(
    "/lease",
    auth=None,
    response={200: ReceiptOut, **REFUSALS},
    openapi_extra=asks_for(TokenIn, {"take": ("Go on here", {"token": TOKEN})}),
    summary="Go on here: take the play lease",
)
def lease(request: HttpRequest) -> JsonResponse:
    """The session of this token goes on counting; the member's other sessions get 409 LEASE_LOST from now on."""
    try:
        receipt = api.take_lease(_body(request).get("token", ""))
    except ArchiveError as refused:
        return _refuse(refused)
    except (OperationalError, InterfaceError):
        return _busy()
    return JsonResponse(receipt.as_json())


@router.get("/lessons", auth=django_auth, response=list[LessonOut], summary="Lessons that I may study")
def lessons(request: HttpRequest) -> list[dict[str, Any]]:
    """Lessons that are open to the member, in the order of the courses, each with its current version."""
    found = Lesson.objects.open_to(_signed_in(request)).order_by("path")
    versions = current_versions(found)
    return [
        {
            "version": versions[lesson.pk].uuid,
            "title": lesson.title,
            "kind": versions[lesson.pk].kind,
            "duration_s": versions[lesson.pk].duration_s,
        }
        for lesson in found
        if lesson.pk in versions
    ]


@router.post(
    "/play",
    auth=django_auth,
    response={200: PlayOut, 401: DetailOut, 403: DetailOut, 404: RefusalOut},
    openapi_extra=PLAY_ANSWERS,
    summary="Leave to play a lesson",
    description=PLAY,
)
def play(request: HttpRequest, asked: PlayIn) -> JsonResponse:
    """Promises: beat_schema.PLAY."""
    member = _signed_in(request)
    version = LessonVersion.objects.filter(uuid=asked.version).first()
    if version is None or not Lesson.objects.open_to(member).filter(pk=version.lesson_id).exists():
        return _refuse(NotOpen())
    leave = api.play(member, version)
    return JsonResponse(leave.__dict__ | {"expires_at": leave.expires_at.isoformat()})


@router.get(
    "/progress/{version}",
    auth=django_auth,
    response={200: StateOut, 404: RefusalOut},
    summary="How I stand in a lesson",
)
def progress(request: HttpRequest, version: UUID) -> JsonResponse:
    """`state` of a receipt, with all beats that were kept until now; for a lesson version that is open to the member."""
    member = _signed_in(request)
    found = LessonVersion.objects.filter(uuid=version).first()
    if found is None or not Lesson.objects.open_to(member).filter(pk=found.lesson_id).exists():
        return _refuse(NotOpen())
    answer = JsonResponse(api.study_state(member, found))
    answer["Cache-Control"] = "private, no-store"
    return answer


@router.get("/me/standing", auth=django_auth, response=StandingOut, summary="How I stand this year")
def standing(request: HttpRequest, year: int | None = None) -> dict[str, Any]:
    """Hours against the requirement of `year` (default: this year), by mode."""
    today = timezone.localdate()
    year = year if year and 2000 <= year <= today.year else today.year
    found = api.year_standing(_signed_in(request), year)
    return {
        "year": found.year,
        "hours": found.hours,
        "target": found.target,
        "missing": found.missing,
        "state": found.state,
        "state_label": found.state_label,
        "flags": found.flags,
        "by_mode": found.by_mode,
    }


def _signed_in(request: HttpRequest) -> Member:
    if not isinstance(request.user, Member):
        raise TypeError("django_auth lets nobody through without a sign-in")
    return request.user
