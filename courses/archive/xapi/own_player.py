"""What our own player did, as statements of the Video Profile: told when somebody asks for a member's.

Derived from the archive (turns and states), never the other way round. A session is told once it is over;
asking again finds it told, since the ids follow from the session (video_profile.session_statements).
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings

from courses.archive import spans
from courses.archive.models import LessonState, PlayLease
from courses.archive.states import studied_at
from courses.archive.xapi import outside, statements, video_profile
from courses.archive.xapi.accounts import actor_of, home_page
from courses.archive.xapi.clients import Credential
from courses.archive.xapi.errors import LrsError
from courses.archive.xapi.models import LrsClient, Statement
from courses.catalogue.models import LessonVersion
from people.models import Member

__all__ = ["lesson_iri", "tell"]

OVER_AFTER = timedelta(minutes=10)
"""A turn that nobody ended and that was silent for so long is over."""
KEY = "own-player"
AT_ONCE = 200
"""Statements that are written in one transaction; a session's own stay together."""

log = logging.getLogger(__name__)


def lesson_iri(version: LessonVersion) -> str:
    """The IRI of a lesson's version as an activity."""
    return f"{home_page()}/lessons/{version.uuid}"


def tell(member: Member, *, now: datetime) -> int:
    """Write the member's sessions that are over and not yet told; how many statements were new."""
    turns = PlayLease.objects.filter(member=member).order_by("from_at")
    by_session: dict[UUID, list[PlayLease]] = {}
    for turn in turns:
        by_session.setdefault(turn.session, []).append(turn)
    others = outside.sessions_of(member)  # those programs told of their sessions themselves
    over = {
        session: some
        for session, some in by_session.items()
        if session not in others
        and all(turn.until_at is not None or turn.seen_at < now - OVER_AFTER for turn in some)
    }
    told = set(
        Statement.objects.filter(uuid__in=[uuid5(session, "terminated") for session in over]).values_list(
            "uuid", flat=True
        )
    )
    waiting = {s: some for s, some in over.items() if uuid5(s, "terminated") not in told}
    if not waiting:
        return 0
    ids = {turn.version_id for some in waiting.values() for turn in some}
    versions = LessonVersion.objects.in_bulk(ids)
    states = {state.version_id: state for state in LessonState.objects.filter(member=member, version__in=ids)}
    by = Credential(_client(), frozenset({"statements/write", "define"}), _authority())
    fresh, made = 0, []
    for session, some in waiting.items():
        version, state = versions.get(some[0].version_id), states.get(some[0].version_id)
        if version is not None and state is not None and version.kind == "LECTURE":
            made += _statements(member, session, some, version, state)
        if len(made) >= AT_ONCE:
            fresh, made = fresh + _store(made, by), []
    return fresh + _store(made, by)


def _store(made: list[dict[str, Any]], by: Credential) -> int:
    """How many were new. What the LRS will not take is logged: it must not stand in the way of the rest."""
    try:
        return statements.store(made, by=by, v2=False).fresh if made else 0
    except LrsError:
        log.exception("the LRS refused what our own player did")
        return 0


def _statements(
    member: Member, session: UUID, turns: list[PlayLease], version: LessonVersion, state: LessonState
) -> list[dict[str, Any]]:
    began = min(turn.from_at for turn in turns)
    ended = max(turn.until_at or turn.seen_at for turn in turns)
    completed = studied_at(state)
    if completed is not None and not began <= completed <= ended:
        completed = None
    watched = spans.pieces(int.from_bytes(bytes(state.watched), "little"), state.duration_s)
    told = video_profile.Session(
        session=session,
        registration=uuid5(member.uuid, str(version.uuid)),
        began_at=began,
        ended_at=ended,
        length_s=state.duration_s,
        threshold=float(state.params.get("complete_at", video_profile.THRESHOLD)),
        position_s=state.position_ms / 1000,
        segments=[(one.start_s, one.end_s) for one in watched if one.kind == spans.COUNTED],
        completed_at=completed,
    )
    return video_profile.session_statements(
        told, actor=actor_of(member), activity=lesson_iri(version), title=version.title
    )


def _client() -> LrsClient:
    """Who stands as the client of these statements; nobody can sign in as it."""
    return LrsClient.objects.get_or_create(
        key=KEY, defaults={"name": settings.WAGTAIL_SITE_NAME, "active": False, "scopes": "statements/write"}
    )[0]


def _authority() -> dict[str, Any]:
    account = {"homePage": home_page(), "name": KEY}
    return {"objectType": "Agent", "name": settings.WAGTAIL_SITE_NAME, "account": account}
