"""How other programs use our cmi5 courses: /api/cmi5/ (import, launch URL, waive, abandon, withdraw).

Signed in as somebody who may edit interactive courses, or with a client of the LRS. A client with the scope «cmi5»
finds the courses that it imported itself and no others; with «cmi5/all» (or «all») everybody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from ninja import Router, Schema
from ninja.errors import HttpError
from ninja.security import django_auth
from pydantic import AliasChoices, Field

from courses.archive.cmi5 import launching
from courses.archive.cmi5.errors import Cmi5Error, CourseUnknown
from courses.archive.cmi5.models import Cmi5Course, Cmi5Registration, Cmi5Session
from courses.archive.cmi5.querysets import Cmi5CourseQuerySet
from courses.archive.cmi5.structure import Block, say
from courses.archive.cmi5.uploads import received
from courses.archive.cmi5.wording import worded
from courses.archive.xapi import clients
from courses.archive.xapi.errors import LrsError, TooManyRequests
from people.api import scope_of
from people.models import Member

__all__ = ["router"]

PERMISSION = "archive.change_cmi5course"
OWN, EVERYBODYS = "cmi5", "cmi5/all"
"""Scopes of programs."""


@dataclass(frozen=True)
class Program:
    """A client of the LRS that may use cmi5 courses, by its user name there."""

    key: str
    everybodys: bool = False
    """Whether it may use what others imported."""


def by_client(request: HttpRequest) -> Program | None:
    """Basic authentication as a client of the LRS with one of the scopes of cmi5."""
    header = request.headers.get("Authorization", "")
    if not header:
        return None
    try:
        credential = clients.authenticate(header, now=timezone.now())
    except TooManyRequests as often:
        raise HttpError(429, often.message) from often
    except LrsError:
        return None
    if not credential.allows(OWN, EVERYBODYS):
        return None
    return Program(credential.client.key, everybodys=credential.allows(EVERYBODYS))


def by_session(request: HttpRequest) -> Member | None:
    """The session of the site, of somebody who may edit interactive courses."""
    member = django_auth(request)
    return member if isinstance(member, Member) and member.has_perm(PERMISSION) else None


class ByClient:
    """`by_client` for ninja, with its place in the OpenAPI schema."""

    openapi_security_schema = {"type": "http", "scheme": "basic"}

    def __call__(self, request: HttpRequest) -> Program | None:
        return by_client(request)


class BySession:
    openapi_security_schema = {"type": "apiKey", "in": "cookie", "name": "sessionid"}

    def __call__(self, request: HttpRequest) -> Member | None:
        return by_session(request)


router = Router(tags=["cmi5"], auth=[ByClient(), BySession()])


class RefusalOut(Schema):
    """`message` is for people; `violatedReqId` is the number of the cmi5 requirement that was broken, where one was."""

    code: str
    message: str
    violatedReqId: str = ""


class AuOut(Schema):
    index: int
    id: str
    title: str
    activityId: str
    moveOn: str
    masteryScore: float | None
    launchMethod: str


class CourseOut(Schema):
    id: UUID
    title: str
    publisherId: str
    activityId: str
    importedAt: str
    retired: bool
    aus: list[AuOut]


class CourseLine(Schema):
    id: UUID
    title: str
    publisherId: str
    units: int
    importedAt: str


class LaunchIn(Schema):
    actor: dict[str, Any] = Field(description="an xAPI agent with an account; without personal data")
    registration: UUID | None = Field(
        None,
        validation_alias=AliasChoices("registration", "reg"),
        description="to go on in one, or a number for a new one",
    )
    launchMode: str | None = Field(
        None,
        validation_alias=AliasChoices("launchMode", "mode"),
        description="Normal, Browse or Review; without it Normal, or Review for what is satisfied",
    )
    returnUrl: str | None = Field(None, description="where the AU sends the window when it is done")


class LaunchOut(Schema):
    id: str
    url: str
    registration: str
    session: str
    launchMethod: str
    launchMode: str


class WaiveIn(Schema):
    reason: str = Field(
        description="Tested Out, Equivalent AU, Equivalent Outside Activity, Administrative; or others"
    )


class WaiveOut(Schema):
    session: str


REFUSALS = dict.fromkeys((400, 404, 409, 413, 507), RefusalOut)
LAUNCH_EXAMPLE = {
    "actor": {"account": {"homePage": "https://provider.example/", "name": "4711"}},
    "registration": None,
    "launchMode": "Normal",
    "returnUrl": "https://provider.example/done",
}
PACKAGE = {
    "requestBody": {
        "required": True,
        "content": {
            "application/zip": {"schema": {"type": "string", "format": "binary"}},
            "text/xml": {"schema": {"type": "string"}},
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
            },
        },
    }
}


def _refuse(error: Cmi5Error) -> JsonResponse:
    status = 413 if error.code == "PACKAGE_TOO_BIG" else error.status
    return JsonResponse(worded(error), status=status)


def _who(request: HttpRequest) -> dict[str, Any]:
    """Who asks, in the words of `launching`: by (Member or None), client (key or "")."""
    asker = request.auth  # type: ignore[attr-defined]
    return {"client": asker.key, "by": None} if isinstance(asker, Program) else {"client": "", "by": asker}


@router.post(
    "/courses",
    response={200: CourseOut, **REFUSALS},
    openapi_extra=PACKAGE,
    summary="Import a package: a zip, or a cmi5.xml whose units have addresses of their own",
)
def import_package(request: HttpRequest) -> Any:
    """400 with the rule that the package breaks, 413 when it is too big, 507 when the disk is full; then nothing of
    it is kept.
    """
    try:
        file, kind = received(request)
        with file:
            course = launching.import_course(file, kind, **_who(request))
    except Cmi5Error as refused:
        return _refuse(refused)
    return _whole(course)


@router.get("/courses", response=list[CourseLine], summary="Courses that may be launched, the newest first")
def courses(request: HttpRequest) -> Any:
    return [
        {
            "id": course.uuid,
            "title": course.title,
            "publisherId": course.publisher_id,
            "units": course.au_count,
            "importedAt": course.imported_at.isoformat(),
        }
        for course in _usable(request).defer("structure")[:1000]
    ]


@router.get(
    "/courses/{uuid:course}", response={200: CourseOut, 404: RefusalOut}, summary="One course with its units"
)
def one_course(request: HttpRequest, course: UUID) -> Any:
    try:
        return _whole(_course(request, course))
    except Cmi5Error as refused:
        return _refuse(refused)


@router.delete("/courses/{uuid:course}", response={204: None, 404: RefusalOut}, summary="Withdraw a course")
def withdraw(request: HttpRequest, course: UUID) -> Any:
    """It is launched no more. What was recorded stays; a course that nobody began goes away with its files.
    A program withdraws only what it imported itself, and not while it hangs on a lesson. Again, it does nothing.
    """
    try:
        who = _who(request)
        imported = Cmi5Course.objects.filter(uuid=course)
        if who["client"]:
            imported = imported.filter(imported_client=who["client"], lesson=None)
        found = imported.first()
        if found is None:
            raise CourseUnknown()
        launching.retire(found, **who)
    except Cmi5Error as refused:
        return _refuse(refused)
    return HttpResponse(status=204)


@router.post(
    "/courses/{uuid:course}/launch-url/{int:au}",
    response={200: LaunchOut, **REFUSALS},
    openapi_extra={"requestBody": {"content": {"application/json": {"example": LAUNCH_EXAMPLE}}}},
    summary="An address at which a learner begins a unit",
)
def launch_url(request: HttpRequest, course: UUID, au: int, asked: LaunchIn) -> Any:
    """`au` counts the units of the structure from 0. The address is good for one launch. It opens a session, and
    ends with abandoned one of the same registration that was still open. What is begun so brings nobody hours.
    """
    try:
        begun = launching.launch(
            _course(request, course),
            au,
            actor=asked.actor,
            site=request.build_absolute_uri("/").rstrip("/"),
            registration=asked.registration,
            mode=asked.launchMode or "",
            return_url=asked.returnUrl or "",
            client=_who(request)["client"],
        )
    except Cmi5Error as refused:
        return _refuse(refused)
    return {
        "id": begun.session,
        "url": begun.url,
        "registration": begun.registration,
        "session": begun.session,
        "launchMethod": begun.launch_method,
        "launchMode": begun.launch_mode,
    }


@router.post(
    "/registrations/{uuid:registration}/waive-au/{int:au}",
    response={200: WaiveOut, **REFUSALS},
    summary="Let a unit count as done without being studied",
)
def waive_au(request: HttpRequest, registration: UUID, au: int, asked: WaiveIn) -> Any:
    """409 the second time. A waiver satisfies blocks and course, and brings no hours."""
    try:
        found = (
            Cmi5Registration.objects.select_related("member__organization").filter(uuid=registration).first()
        )
        if found is None or not _may_decide(request, found):
            raise CourseUnknown()
        return {"session": launching.waive(found, au, asked.reason, **_who(request))}
    except Cmi5Error as refused:
        return _refuse(refused)


@router.post(
    "/sessions/{uuid:session}/abandon",
    response={204: None, **REFUSALS},
    summary="End a session that its unit did not end",
)
def abandon(request: HttpRequest, session: UUID) -> Any:
    """409 when it is over already. From then on nothing is recorded in it."""
    try:
        found = (
            Cmi5Session.objects.select_related("registration__member__organization")
            .filter(uuid=session)
            .first()
        )
        if found is None or not _may_decide(request, found.registration):
            raise CourseUnknown()
        launching.abandon(found)
    except Cmi5Error as refused:
        return _refuse(refused)
    return HttpResponse(status=204)


def _may_decide(request: HttpRequest, registration: Cmi5Registration) -> bool:
    """A program decides in what it began itself. About members only people do, within their part of the tree and
    not for themselves."""
    member, who = registration.member, _who(request)
    if who["client"]:
        return member is None and registration.client == who["client"]
    if member is None:
        return True
    scope = scope_of(who["by"])
    below = member.organization is not None and scope.holds(member.organization.path)
    return who["by"].pk != member.pk and (scope.everything or below)


def _usable(request: HttpRequest) -> Cmi5CourseQuerySet:
    """Courses in use that whoever asks may launch."""
    asker = request.auth  # type: ignore[attr-defined]
    found = Cmi5Course.objects.in_use()
    own_only = isinstance(asker, Program) and not asker.everybodys
    return found.filter(imported_client=asker.key) if own_only else found


def _course(request: HttpRequest, number: UUID) -> Cmi5Course:
    found = _usable(request).filter(uuid=number).first()
    if found is None:
        raise CourseUnknown()
    return found


def _whole(course: Cmi5Course) -> dict[str, Any]:
    tree = course.tree
    return {
        "id": course.uuid,
        "title": course.title,
        "publisherId": course.publisher_id,
        "activityId": course.activity_id("course"),
        "importedAt": course.imported_at.isoformat(),
        "retired": course.retired_at is not None,
        "aus": [
            {
                "index": au.index,
                "id": au.id,
                "title": say(au.title),
                "activityId": course.activity_id("au", au.index),
                "moveOn": au.move_on,
                "masteryScore": None if au.mastery_score is None else float(au.mastery_score),
                "launchMethod": au.launch_method,
            }
            for _depth, au in tree.walk()
            if not isinstance(au, Block)
        ],
    }
