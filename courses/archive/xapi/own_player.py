"""What our own player did, as statements of the Video Profile: told when somebody asks for a member's.

Derived from the archive (turns and states), never the other way round. A session is told once it is over;
asking again finds it told, since the ids follow from the session (video_profile.session_statements).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings

from courses.archive import spans
from courses.archive.models import LessonState, PlayLease
from courses.archive.xapi import statements, values, video_profile
from courses.archive.xapi.clients import Credential
from courses.archive.xapi.models import LrsClient, Statement
from courses.catalogue.models import LessonVersion
from people.models import Member

__all__ = ["actor_of", "lesson_iri", "member_of", "tell"]

OVER_AFTER = timedelta(minutes=10)
"""A turn that nobody ended and that was silent for so long is over."""
KEY = "own-player"


def actor_of(member: Member) -> dict[str, Any]:
    """The account by which a member is known in statements: no name, no number of any paper."""
    account = {"homePage": settings.WAGTAILADMIN_BASE_URL, "name": str(member.uuid)}
    return {"objectType": "Agent", "account": account}


def member_of(agent: dict[str, Any]) -> Member | None:
    """The member whose account `agent` is, or None."""
    account = agent.get("account", {})
    uuid = values.parse_uuid(account.get("name"))
    if account.get("homePage") != settings.WAGTAILADMIN_BASE_URL or uuid is None:
        return None
    return Member.objects.filter(uuid=uuid).first()


def lesson_iri(version: LessonVersion) -> str:
    """The IRI of a lesson's version as an activity."""
    return f"{settings.WAGTAILADMIN_BASE_URL}/lessons/{version.uuid}"


def tell(member: Member, *, now: datetime) -> int:
    """Write the member's sessions that are over and not yet told; how many statements were new."""
    turns = PlayLease.objects.filter(member=member).order_by("from_at")
    by_session: dict[UUID, list[PlayLease]] = {}
    for turn in turns:
        by_session.setdefault(turn.session, []).append(turn)
    over = {
        session: some
        for session, some in by_session.items()
        if all(turn.until_at is not None or turn.seen_at < now - OVER_AFTER for turn in some)
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
    made: list[dict[str, Any]] = []
    for session, some in waiting.items():
        version, state = versions.get(some[0].version_id), states.get(some[0].version_id)
        if version is not None and state is not None and version.kind == "LECTURE":
            made += _statements(member, session, some, version, state)
    by = Credential(_client(), frozenset({"statements/write", "define"}), _authority())
    return statements.store(made, by=by, v2=False, now=now).fresh if made else 0


def _statements(
    member: Member, session: UUID, turns: list[PlayLease], version: LessonVersion, state: LessonState
) -> list[dict[str, Any]]:
    began = min(turn.from_at for turn in turns)
    ended = max(turn.until_at or turn.seen_at for turn in turns)
    completed = state.completed_at if state.completed_at and began <= state.completed_at <= ended else None
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
    account = {"homePage": settings.WAGTAILADMIN_BASE_URL, "name": KEY}
    return {"objectType": "Agent", "name": settings.WAGTAIL_SITE_NAME, "account": account}
