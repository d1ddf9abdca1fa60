"""The one seam to the LRS next door (courses/archive/xapi): our own statements, documents, and our AUs' requests."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from courses.archive.cmi5.models import Cmi5Session
from courses.archive.cmi5.vocabulary import LAUNCH_DATA
from courses.archive.xapi import api, clients, endpoints
from courses.archive.xapi.models import LrsClient, Statement

__all__ = ["answer", "credential", "our_client", "put_launch_data", "recorded", "state"]

CLIENT_KEY = "cmi5"

SCOPES = frozenset({"statements/write", "statements/read/mine", "state", "profile"})
"""What an AU may do, for its own learner and registration."""

RESOURCES = {
    "statements": endpoints.statements_resource,
    "activities/state": endpoints.activity_state,
    "activities/profile": endpoints.activity_profile,
    "agents/profile": endpoints.agent_profile,
    "agents": endpoints.agents_resource,
    "activities": endpoints.activities,
    "about": endpoints.about,
}

_let_in: ContextVar[Cmi5Session | None] = ContextVar("cmi5 session that the gate lets in", default=None)


def our_client() -> LrsClient:
    """The client in whose name we state; nobody can sign in as it."""
    client, _fresh = LrsClient.objects.get_or_create(
        key=CLIENT_KEY, defaults={"name": "cmi5", "active": False, "secret_digest": "", "scopes": ""}
    )
    return client


def state(said: list[dict[str, Any]]) -> None:
    """Record statements of ours, in this order."""
    api.record(said, client=our_client(), version="1.0.3")


def put_launch_data(
    *, activity_id: str, agent: dict[str, Any], registration: str, document: dict[str, Any]
) -> None:
    """Write LMS.LaunchData for one launch, over the one of the launch before."""
    api.put_state(
        activity_id=activity_id,
        agent=agent,
        state_id=LAUNCH_DATA,
        registration=registration,
        content=json.dumps(document, ensure_ascii=False).encode(),
        content_type="application/json",
    )


def recorded(ids: Iterable[str], *, registration: UUID) -> set[str]:
    """Which of these statement ids the registration holds already."""
    numbers = []
    for one in ids:
        try:
            numbers.append(UUID(one))
        except ValueError:
            continue
    if not numbers:
        return set()
    found = Statement.objects.filter(uuid__in=numbers, registration=registration)
    return {str(number) for number in found.values_list("uuid", flat=True)}


def answer(request: HttpRequest, resource: str, session: Cmi5Session) -> HttpResponseBase:
    """What the LRS answers to a request that the gate has let in."""
    view = RESOURCES.get(resource)
    if view is None:
        return HttpResponse(status=404)
    before = _let_in.set(session)
    try:
        return view(request)
    finally:
        _let_in.reset(before)


def credential(user: str, password: str) -> clients.Credential | None:
    """The AU's credential, while the gate answers a request of its session; at /xapi/ itself its token is nobody's.

    Registered with the LRS (clients.credential_kinds); the token itself was compared at the gate.
    """
    session = _let_in.get()
    if session is None or user != str(session.uuid):
        return None
    client = our_client()
    return clients.Credential(
        client=client,
        scopes=SCOPES,
        authority=clients.authority_of(client),
        agent=session.registration.actor,
        registration=str(session.registration.uuid),
    )
