"""What is done with cmi5 courses: import, register, launch, fetch, waive, abandon, and what a statement moves.

Every change of a registration happens under the lock of its row, in one transaction with the statements that
tell of it. The LRS is spoken to through `lrs.py` alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any
from urllib.parse import quote, unquote, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.encoding import iri_to_uri

from courses.archive import ledger
from courses.archive.cmi5 import content, lrs, statements
from courses.archive.cmi5.errors import (
    CourseUnknown,
    LaunchInvalid,
    SessionOver,
    WaivedBefore,
    no_room_when_full,
)
from courses.archive.cmi5.models import Cmi5Au, Cmi5Course, Cmi5Registration, Cmi5Session
from courses.archive.cmi5.move_on import COURSE, AuFacts, au_satisfied, earned, newly_satisfied
from courses.archive.cmi5.packages import Limits, open_package, store
from courses.archive.cmi5.session_rules import SessionFacts, same_account
from courses.archive.cmi5.statements import Speaker
from courses.archive.cmi5.structure import Au, CourseTree, say
from courses.archive.cmi5.vocabulary import LAUNCH_MODES
from courses.archive.errors import AlreadyCredited
from courses.archive.folding import PROVIDER_MOST
from courses.archive.hours import hours_for
from courses.archive.models import StudyMode
from courses.archive.otherwise import complete_otherwise
from courses.archive.rules import RuleBook
from courses.archive.states import path_of
from courses.archive.xapi import accounts
from courses.archive.xapi.accounts import actor_of
from courses.catalogue.api import lesson_version
from people.api import record
from people.models import Member

__all__ = [
    "PREVIEW",
    "Launch",
    "abandon",
    "abandon_expired",
    "actor_of",
    "facts_of",
    "fetch",
    "import_course",
    "launch",
    "note_event",
    "retire",
    "session_of",
    "waive",
]

PREVIEW = "preview-"
"""How the account of an editor who only looks begins: it is no member's."""


@dataclass(frozen=True)
class Launch:
    """Where to send the learner's window, and which registration and session it opens."""

    url: str
    registration: str
    session: str
    launch_method: str
    launch_mode: str


def import_course(
    file: IO[bytes],
    content_type: str = "",
    *,
    by: Member | None = None,
    client: str = "",
    now: datetime | None = None,
) -> Cmi5Course:
    """Take in a package: its files and its row, or nothing at all. Raises PackageInvalid, NoRoom.

    `client` is the key of the program that sent it, "" when a person did.
    """
    study = settings.STUDY
    package = open_package(
        file,
        content_type,
        limits=Limits(
            upload_bytes=study["CMI5_UPLOAD_BYTES"],
            total_bytes=study["CMI5_UNPACKED_BYTES"],
            files=study["CMI5_FILES"],
        ),
    )
    name = uuid.uuid4()
    if package.entries:
        with no_room_when_full():
            store(package, content.folder_of(name))
    try:
        with transaction.atomic():
            course = Cmi5Course.objects.create(
                uuid=name,
                title=say(package.tree.title)[:255] or str(name),
                publisher_id=package.tree.id,
                base_iri=f"{settings.WAGTAILADMIN_BASE_URL.rstrip('/')}/cmi5/activities/{name}",
                structure=package.tree.as_json(),
                au_count=len(package.tree.aus()),
                has_files=bool(package.entries),
                size_bytes=package.total_bytes,
                sha256=package.sha256,
                imported_by=by,
                imported_client=client,
                imported_at=now or timezone.now(),
            )
            record(
                by,
                "cmi5.course_imported",
                course,
                detail={"client": client, "sha256": package.sha256, "units": course.au_count},
                at=now,
            )
    except BaseException:
        content.forget(name)
        raise
    return course


@transaction.atomic
def retire(
    course: Cmi5Course, *, by: Member | None = None, client: str = "", now: datetime | None = None
) -> None:
    """Withdraw a course: no more launches. One that nobody ever began goes away with its files; again does nothing."""
    now = now or timezone.now()
    course = Cmi5Course.objects.select_for_update(of=("self",)).get(pk=course.pk)
    if course.retired_at is not None:
        return
    record(by, "cmi5.course_withdrawn", course, detail={"client": client}, at=now)
    if course.registrations.exists():
        course.retired_at = now
        course.save(update_fields=["retired_at"])
        return
    name = course.uuid
    course.delete()
    transaction.on_commit(lambda: content.forget(name))


@transaction.atomic
def launch(
    course: Cmi5Course,
    au_index: int,
    *,
    actor: dict[str, Any],
    site: str,
    member: Member | None = None,
    registration: uuid.UUID | None = None,
    mode: str = "",
    return_url: str = "",
    client: str = "",
    now: datetime | None = None,
) -> Launch:
    """Open a session of one AU and say where it begins (cmi5 §8.1).

    `site` is our address as the browser sees it, e.g. https://school.example. Sessions of the registration that
    are still open are abandoned. A member goes on in her own registration; anybody else in `registration` of the same
    `client` (the key of a program, "" for ourselves), or begins a new one, with that number if it is not known yet.
    Without `mode` it is Normal, or Review for what is satisfied already.

    Raises CourseUnknown (no such AU; a registration of somebody else or of another course; withdrawn),
    LaunchInvalid (actor, mode or return address).
    """
    now = now or timezone.now()
    if course.retired_at is not None:
        raise CourseUnknown()
    if mode and mode not in LAUNCH_MODES:
        raise LaunchInvalid("LAUNCH_MODE", "10.2.2.0-4", value=mode)
    if return_url and urlsplit(return_url).scheme not in {"http", "https"}:
        raise LaunchInvalid("RETURN_URL", "10.2.6.0-1", value=return_url)
    actor = _agent(actor)
    preview = not client and actor["account"]["name"].startswith(PREVIEW)
    if member is None and accounts.is_ours(actor) and not preview:
        raise LaunchInvalid("ACTOR_OURS", "8.1.3.0-1")
    tree = course.tree
    au = _au(tree, au_index)
    ours = _registration(course, tree, actor, member, registration, client, now)
    for one in ours.sessions.filter(terminated_at=None, abandoned_at=None).order_by("pk"):
        _abandon(one, ours, now)
    facts = _au_facts(ours)
    if not mode:
        known = facts.get(au_index, AuFacts())
        studied = known.completed or known.passed or known.waived
        mode = "Review" if studied and au_satisfied(au.move_on, known) else "Normal"
    secret = secrets.token_urlsafe(32)
    session = Cmi5Session.objects.create(
        uuid=uuid.uuid4(),
        registration=ours,
        au_index=au_index,
        launch_mode=mode,
        activity_id=course.activity_id("au", au_index),
        publisher_id=au.id,
        mastery_score=au.mastery_score,
        fetch_digest=_digest(secret),
        launched_at=now,
        expires_at=now + timedelta(seconds=settings.STUDY["CMI5_SESSION_TTL_S"]),
    )
    place = _place(course, au, site, now)
    lrs.put_launch_data(
        activity_id=session.activity_id,
        agent=ours.actor,
        registration=str(ours.uuid),
        document=statements.launch_data(
            au, session=str(session.uuid), mode=mode, mastery_score=au.mastery_score, return_url=return_url
        ),
    )
    lrs.state(
        [
            statements.launched(
                _speaker(ours, session.uuid, now),
                au,
                activity_id=session.activity_id,
                launch_url=place,
                mode=mode,
                mastery_score=au.mastery_score,
            )
        ]
    )
    parameters = {
        "endpoint": f"{site}/cmi5/xapi",
        "fetch": f"{site}/cmi5/fetch/{session.uuid}/{secret}/",
        "actor": _compact(ours.actor),
        "registration": str(ours.uuid),
        "activityId": session.activity_id,
    }
    return Launch(
        url=_with_query(place, urlencode(parameters, quote_via=quote)),
        registration=str(ours.uuid),
        session=str(session.uuid),
        launch_method=au.launch_method,
        launch_mode=mode,
    )


@transaction.atomic
def fetch(session: uuid.UUID, secret: str, *, now: datetime | None = None) -> dict[str, str]:
    """The answer of the fetch URL, once {"auth-token"}, afterwards and for strangers {"error-code", "error-text"}
    (cmi5 §8.2). The token is what stands after «Basic » in the AU's requests.
    """
    now = now or timezone.now()
    found = Cmi5Session.objects.select_for_update(of=("self",)).filter(uuid=session).first()
    if found is None or not constant_time_compare(found.fetch_digest, _digest(secret)):
        return {"error-code": "2", "error-text": "There is no such launch."}
    if found.fetched_at is not None:
        return {"error-code": "1", "error-text": "The authorization token has been fetched before."}
    if not found.is_open or now >= found.expires_at:
        return {"error-code": "1", "error-text": "The session is over."}
    token = secrets.token_urlsafe(32)
    found.token_digest = _digest(token)
    found.fetched_at = now
    found.save(update_fields=["token_digest", "fetched_at"])
    return {"auth-token": base64.b64encode(f"{found.uuid}:{token}".encode()).decode()}


def session_of(user: str, password: str, *, now: datetime | None = None) -> Cmi5Session | None:
    """The open session behind a token (its two halves), or None."""
    now = now or timezone.now()
    try:
        number = uuid.UUID(user)
    except ValueError:
        return None
    found = (
        Cmi5Session.objects.select_related("registration")
        .filter(uuid=number)
        .exclude(token_digest="")
        .first()
    )
    if found is None or not constant_time_compare(found.token_digest, _digest(password)):
        return None
    return found if found.is_open and now < found.expires_at else None


def facts_of(session: Cmi5Session) -> SessionFacts:
    """What the rules ask about a session; the caller holds the lock of its registration."""
    ours = session.registration
    known = _au_facts(ours).get(session.au_index, AuFacts())
    return SessionFacts(
        session=str(session.uuid),
        registration=str(ours.uuid),
        actor=ours.actor,
        activity_id=session.activity_id,
        publisher_id=session.publisher_id,
        launch_mode=session.launch_mode,
        mastery_score=session.mastery_score,
        launch_data_read=session.launch_data_read_at is not None,
        preferences_read=session.preferences_read_at is not None,
        initialized=session.initialized_at is not None,
        completed=session.completed_at is not None,
        passed=session.passed_at is not None,
        failed=session.failed_at is not None,
        ended=not session.is_open,
        completed_before=known.completed,
        passed_before=known.passed,
    )


def note_event(session: Cmi5Session, events: Iterable[str | None], *, now: datetime) -> None:
    """What recorded statements of the AU move: session, AU, satisfied blocks, the course, hours.

    The caller holds the lock of the registration, and has recorded the statements in the same transaction.
    """
    ours, moved = session.registration, False
    for event in events:
        if event is None:
            continue
        session.note(event, now)
        if event in ("completed", "passed"):
            au, _fresh = Cmi5Au.objects.get_or_create(registration=ours, index=session.au_index)
            setattr(au, f"{event}_at", now)
            au.save(update_fields=[f"{event}_at"])
            moved = True
    session.last_statement_at = now
    session.save()
    if moved:
        _evaluate(ours, ours.course, ours.course.tree, session.uuid, now)


@transaction.atomic
def abandon(session: Cmi5Session, *, now: datetime | None = None) -> None:
    """End a session that its AU did not end (cmi5 §9.3.6). Raises SessionOver the second time, or when terminated."""
    ours = lock(session.registration_id)
    session = ours.sessions.get(pk=session.pk)
    if not session.is_open:
        raise SessionOver()
    _abandon(session, ours, now or timezone.now())


def abandon_expired(*, now: datetime | None = None, at_most: int = 1000) -> int:
    """Abandon sessions whose time is over; how many."""
    now = now or timezone.now()
    over = Cmi5Session.objects.filter(terminated_at=None, abandoned_at=None, expires_at__lte=now)
    ended = 0
    for session in over.order_by("expires_at")[:at_most]:
        with suppress(SessionOver):
            abandon(session, now=now)
            ended += 1
    return ended


@transaction.atomic
def waive(
    ours: Cmi5Registration,
    au_index: int,
    reason: str,
    *,
    by: Member | None = None,
    client: str = "",
    now: datetime | None = None,
) -> str:
    """Let an AU count as done without being studied (cmi5 §9.3.7); the session id of the statement.

    It satisfies blocks and course, but brings no hours. Raises CourseUnknown (no such AU), LaunchInvalid (no
    reason), WaivedBefore.
    """
    now = now or timezone.now()
    reason = reason.strip()
    if not reason or len(reason) > 200:
        raise LaunchInvalid("WAIVE_REASON", "9.3.7.0-2")
    ours = lock(ours.pk)
    course = ours.course
    tree = course.tree
    au = _au(tree, au_index)
    known, _fresh = Cmi5Au.objects.get_or_create(registration=ours, index=au_index)
    if known.waived_at is not None:
        raise WaivedBefore()
    known.waived_at, known.waive_reason = now, reason
    known.save(update_fields=["waived_at", "waive_reason"])
    session = uuid.uuid4()
    said = statements.waived(
        _speaker(ours, session, now), au, activity_id=course.activity_id("au", au_index), reason=reason
    )
    lrs.state([said])
    detail = {"registration": str(ours.uuid), "unit": au_index, "reason": reason, "client": client}
    record(by, "cmi5.au_waived", course, detail=detail, at=now)
    _evaluate(ours, course, tree, session, now)
    return str(session)


def lock(registration_id: int) -> Cmi5Registration:
    """Wait for our turn to change a registration; inside a transaction. The course's structure is read when needed."""
    waiting = Cmi5Registration.objects.select_for_update(of=("self",)).select_related("course", "member")
    return waiting.defer("course__structure").get(pk=registration_id)


def _registration(
    course: Cmi5Course,
    tree: CourseTree,
    actor: dict[str, Any],
    member: Member | None,
    number: uuid.UUID | None,
    client: str,
    now: datetime,
) -> Cmi5Registration:
    """The registration to go on in, locked; a new one is evaluated at once (cmi5 §9.6.1).

    Found or made in one step, so that two taps at once end in one registration.
    """
    fresh_one = {"course": course, "actor": actor, "client": client, "created_at": now}
    if member is not None:
        found, fresh = Cmi5Registration.objects.get_or_create(
            course=course, member=member, defaults=fresh_one
        )
    else:
        found, fresh = Cmi5Registration.objects.get_or_create(uuid=number or uuid.uuid4(), defaults=fresh_one)
        somebody_elses = found.member_id or found.client != client or not same_account(found.actor, actor)
        if somebody_elses or found.course_id != course.pk:
            raise CourseUnknown()
    ours = lock(found.pk)
    if fresh:
        _evaluate(ours, course, tree, uuid.uuid4(), now)
    return ours


def _evaluate(
    ours: Cmi5Registration, course: Cmi5Course, tree: CourseTree, session: uuid.UUID, now: datetime
) -> None:
    """State what has become satisfied, inner blocks first and the course last.

    A satisfied course completes its text lesson, also where a unit was waived; hours come when all was studied. A
    course that asks for nothing does neither: nobody did anything.
    """
    facts = _au_facts(ours)
    nodes = newly_satisfied(tree, facts, ours.satisfied)
    if not nodes:
        return
    by = _speaker(ours, session, now)
    lrs.state(
        [
            statements.satisfied(
                by,
                activity_id=course.activity_id("block", node.block.index)
                if node.block
                else course.activity_id("course"),
                publisher_id=node.block.id if node.block else tree.id,
                title=node.block.title if node.block else tree.title,
                whole_course=node.block is None,
            )
            for node in nodes
        ]
    )
    ours.satisfied = [*ours.satisfied, *(node.key for node in nodes)]
    whole = any(node.key == COURSE for node in nodes)
    if whole:
        ours.satisfied_at = now
    ours.save(update_fields=["satisfied", "satisfied_at"])
    if whole and ours.member is not None and any(one != AuFacts() for one in facts.values()):
        version = lesson_version(course.lesson) if course.lesson else None
        if version is not None:
            complete_otherwise(ours.member, version, done_by=f"cmi5:{ours.uuid}", at=now)
        if earned(tree, facts):
            _credit(ours.member, ours, course, now)


def _credit(member: Member, ours: Cmi5Registration, course: Cmi5Course, now: datetime) -> None:
    """Hours by the length that the editor published, once a year; a corrected package is the same course by its
    publisher's id.

    The entry names no version of the lesson: schools tell by lesson and year whether hours are known already
    (records/merge.py), and those of the lesson's own text are others.
    """
    if not course.published_duration_s:
        return
    rule = RuleBook.load(timezone.localdate(now)).hours_rule(path_of(member))
    hours = hours_for(course.published_duration_s, rule)
    if hours <= 0:
        return
    with suppress(AlreadyCredited):
        ledger.add_entry(
            member,
            mode=StudyMode.SELF_ONLINE,
            title=course.title,
            hours=hours,
            started_at=ours.created_at,
            finished_at=now,
            credit_key=f"cmi5:{_digest(course.publisher_id)}",
            evidence_type="cmi5",
            evidence_id=str(ours.uuid),
            evidence_hash=hashlib.sha256(_compact(ours.satisfied).encode()).hexdigest(),
            rule_version=rule.version,
            provider=_provider(course),
            published_duration_s=course.published_duration_s,
            source_system="cmi5",
            now=now,
        )


def _provider(course: Cmi5Course) -> str:
    """The catalogue course in which the lesson stands, as for other lessons."""
    above = course.lesson.get_parent() if course.lesson else None
    return above.title[:PROVIDER_MOST] if above else ""


def _abandon(session: Cmi5Session, ours: Cmi5Registration, now: datetime) -> None:
    length = (session.last_statement_at or session.launched_at) - session.launched_at
    lrs.state(
        [
            statements.abandoned(
                _speaker(ours, session.uuid, now),
                activity_id=session.activity_id,
                publisher_id=session.publisher_id,
                length=length,
            )
        ]
    )
    session.abandoned_at = now
    session.save(update_fields=["abandoned_at"])


def _au_facts(ours: Cmi5Registration) -> dict[int, AuFacts]:
    return {
        au.index: AuFacts(
            completed=au.completed_at is not None,
            passed=au.passed_at is not None,
            waived=au.waived_at is not None,
        )
        for au in ours.aus.all()
    }


def _speaker(ours: Cmi5Registration, session: uuid.UUID, now: datetime) -> Speaker:
    return Speaker(actor=ours.actor, registration=str(ours.uuid), session=str(session), at=now)


def _au(tree: CourseTree, index: int) -> Au:
    aus = tree.aus()
    if not 0 <= index < len(aus):
        raise CourseUnknown()
    return aus[index]


def _agent(actor: Any) -> dict[str, Any]:
    """An agent with an account and nothing else: no name, which an AU does not need (cmi5 §8.1, §9.2)."""
    if (
        not isinstance(actor, dict)
        or not same_account(actor, actor)
        or actor.get("objectType", "Agent") != "Agent"
    ):
        raise LaunchInvalid("ACTOR", "8.1.3.0-1")
    page, name = actor["account"]["homePage"], actor["account"]["name"]
    if not urlsplit(page).scheme or len(page) > 500 or len(name) > 500:
        raise LaunchInvalid("ACTOR", "8.1.3.0-1")
    return {"objectType": "Agent", "account": {"homePage": page, "name": name}}


def _place(course: Cmi5Course, au: Au, site: str, now: datetime) -> str:
    """Where the AU begins, without the parameters of the launch: in its package, or at an address of its own."""
    parts = urlsplit(au.url)
    if au.is_remote:
        return iri_to_uri(au.url)
    root = content.address(course.uuid, site, now=now) + quote(unquote(parts.path))
    return iri_to_uri(urlunsplit(urlsplit(root)._replace(query=parts.query, fragment=parts.fragment)))


def _with_query(place: str, more: str) -> str:
    parts = urlsplit(place)
    return urlunsplit(parts._replace(query=f"{parts.query}&{more}" if parts.query else more))


def _compact(value: Any) -> str:

    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
