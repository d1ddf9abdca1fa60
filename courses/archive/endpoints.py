"""How players speak to the archive: /api/archive/.

Beats and the lease go by the play token in the body, so that `navigator.sendBeacon` can send them
and no session of the site is needed; everything else by the sign-in. 200 means: on disk.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Router, Schema
from ninja.security import django_auth
from pydantic import Field

from courses.archive import api
from courses.archive.errors import ArchiveError, BadBeats, NotOpen, SeqConflict
from courses.archive.wording import ERRORS
from courses.catalogue.models import Lesson, LessonVersion
from people.models import Member

__all__ = ["router"]

router = Router(tags=["archive"])

RETRY_AFTER_S = 5


class BeatIn(Schema):
    """What was played since the beat before it; at most 30 s."""

    seq: int = Field(ge=0, description="number within the session; the same number is the same beat")
    intervals: list[tuple[int, int]] = Field(description="played [a, b) in ms of the lesson")
    position_ms: int
    clock_ms: int = Field(description="the phone's clock; only differences are used")
    rate: float = 1.0
    visible: bool = Field(True, description="whether the page was visible during the whole beat")
    flags: list[str] = Field([], description="audio | idle | confirmed")


class BatchIn(Schema):
    token: str
    beats: list[BeatIn]
    sent_ms: int | None = Field(None, description="the phone's clock in the moment of sending")


class TokenIn(Schema):
    token: str


class PlayIn(Schema):
    version: UUID = Field(description="uuid of the lesson version")


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


EXAMPLE = {
    "token": "eyJtIjo3LCJ2IjozfQ:qX…",
    "sent_ms": 1790000046000,
    "beats": [
        {
            "seq": 1,
            "intervals": [[0, 15000]],
            "position_ms": 15000,
            "rate": 1.0,
            "visible": True,
            "clock_ms": 1790000015000,
            "flags": [],
        },
        {
            "seq": 2,
            "intervals": [[15000, 30000]],
            "position_ms": 30000,
            "rate": 1.0,
            "visible": True,
            "clock_ms": 1790000030000,
            "flags": [],
        },
    ],
}


def _asks_for(schema: type[Schema], example: Any) -> dict[str, Any]:
    """The request body for the OpenAPI schema; the body itself is read by hand (media type is free)."""
    inlined = json.dumps(schema.model_json_schema(ref_template="#/components/schemas/{model}"))
    described = json.loads(inlined)
    for name, part in described.pop("$defs", {}).items():
        described = json.loads(
            json.dumps(described).replace(
                json.dumps({"$ref": f"#/components/schemas/{name}"}), json.dumps(part)
            )
        )
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": described, "example": example}},
        }
    }


RECEIPT = {"accepted": [1, 2], "duplicates": [], "state": None}
REFUSED = {
    401: {
        "code": "TOKEN_EXPIRED",
        "message": "…",
        "detail": "",
        "accepted": [],
        "duplicates": [],
        "conflicts": [],
    },
    404: {"code": "NOT_OPEN", "message": "…"},
    409: {"code": "SEQ_CONFLICT", "message": "…", "conflicts": [2]},
    422: {"code": "BAD_BEATS", "message": "…", "detail": "beats[0].seq: a number is needed"},
    503: {"code": "BUSY", "message": "…"},
}


def _answers_with(receipt: Any, refused: dict[int, Any]) -> dict[str, Any]:
    """Examples of answers, laid over the responses that ninja describes."""
    examples = {200: receipt, **refused}
    return {
        "responses": {
            status: {"content": {"application/json": {"example": example}}}
            for status, example in examples.items()
        }
    }


REFUSALS = dict.fromkeys((401, 404, 409, 422, 503), RefusalOut)


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
        said = json.loads(request.body)
    except RequestDataTooBig as big:
        raise BadBeats("the batch is too big") from big
    except (ValueError, RecursionError) as bad:
        raise BadBeats("the body is not JSON") from bad
    if not isinstance(said, dict):
        raise BadBeats("the body is not an object")
    return said


@router.post(
    "/beats",
    auth=None,
    response={200: ReceiptOut, **REFUSALS},
    openapi_extra=_asks_for(BatchIn, EXAMPLE) | _answers_with(RECEIPT, REFUSED),
    summary="Hand in a batch of beats",
)
def beats(request: HttpRequest) -> JsonResponse:
    """Idempotent by (member, session, seq). After 200 the beats are on disk and may be forgotten.

    The token is that of POST /api/archive/play (after the sign-in): one member, one lesson version, one session.
    The answer to a session's first beats tells how the lesson stands; later ones are kept on a shorter way
    (courses/archive/ingest) and answer `"state": null`. 503 and no answer at all: send the same batch again.

    401 TOKEN_INVALID, TOKEN_EXPIRED · 404 NOT_OPEN · 409 LEASE_LOST (another device goes on; what
    happened before is kept), SEQ_CONFLICT (nothing is kept) · 422 BAD_BEATS · 503 BUSY, with Retry-After.
    """
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
    openapi_extra=_asks_for(TokenIn, {"token": EXAMPLE["token"]}),
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


@router.post(
    "/play", auth=django_auth, response={200: PlayOut, 404: RefusalOut}, summary="Leave to play a lesson"
)
def play(request: HttpRequest, asked: PlayIn) -> JsonResponse:
    """A fresh play token for a lesson version that is open to the member; also after TOKEN_EXPIRED."""
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
