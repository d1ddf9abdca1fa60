"""What may be done with the LRS: the door for the rooms beside and above.

Everything goes through the same validation as what comes over HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from courses.archive.xapi import documents, references, strict_json, validation, values
from courses.archive.xapi import statements as store
from courses.archive.xapi.attachments import Attachment
from courses.archive.xapi.clients import Credential, add_client, credential_kinds, credential_of
from courses.archive.xapi.errors import BadRequest, StatementInvalid
from courses.archive.xapi.models import DocumentKind, LrsClient

__all__ = [
    "Attachment",
    "Credential",
    "add_client",
    "credential_kinds",
    "credential_of",
    "delete_state",
    "find",
    "get_state",
    "put_agent_profile",
    "put_state",
    "record",
]


def record(
    statements: Sequence[dict[str, Any]],
    *,
    client: LrsClient,
    version: str = "1.0.3",
    attachments: Sequence[Attachment] = (),
    now: datetime | None = None,
) -> list[str]:
    """Store statements (all or none) and return their ids. A statement that is here already moves nothing.

    Raises StatementInvalid, or StatementConflict when an id is taken by another statement.
    """
    stored = store.store(
        statements,
        by=credential_of(client),
        v2=version.startswith("2"),
        now=now,
        parts=attachments,
    )
    return stored.ids


def find(
    *,
    agent: dict[str, Any] | None = None,
    verb: str | None = None,
    activity: str | None = None,
    registration: str | None = None,
    related_activities: bool = False,
    related_agents: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 100,
    ascending: bool = False,
) -> list[dict[str, Any]]:
    """Statements that are not voided, as stored, newest first unless `ascending`. Raises BadRequest."""
    if agent is not None:
        validation.check_agent(agent)
    wanted = store.Filters(
        agent=references.agent_key(agent) if agent is not None else None,
        verb=references.key(verb) if verb is not None else None,
        activity=references.key(activity) if activity is not None else None,
        registration=_registration(registration),
        related_activities=related_activities,
        related_agents=related_agents,
        since=since,
        until=until,
        ascending=ascending,
    )
    found, _cursor = store.find(wanted, limit=limit)
    return [strict_json.loads(row.body.encode()) for row in found]


def put_state(
    *,
    activity_id: str,
    agent: dict[str, Any],
    state_id: str,
    registration: str | None,
    content: bytes,
    content_type: str,
    now: datetime | None = None,
) -> str:
    """Write a state document, over whatever was there; answers its ETag (40 hex digits, no quotes).

    Raises BadRequest, e.g. when the agent is none or the content says it is JSON and is not.
    """
    return documents.put(
        _state(activity_id, agent, registration),
        state_id,
        content=content,
        content_type=content_type,
        now=now or timezone.now(),
    )


def get_state(
    *, activity_id: str, agent: dict[str, Any], state_id: str, registration: str | None
) -> tuple[bytes, str, str] | None:
    """(content, content type, ETag) of a state document, or None."""
    found = documents.get(_state(activity_id, agent, registration), state_id)
    return None if found is None else (bytes(found.content), found.content_type, found.etag)


def delete_state(*, activity_id: str, agent: dict[str, Any], state_id: str, registration: str | None) -> bool:
    """Remove a state document; whether there was one."""
    return documents.delete(_state(activity_id, agent, registration), state_id)


def put_agent_profile(
    *,
    agent: dict[str, Any],
    profile_id: str,
    content: bytes,
    content_type: str,
    now: datetime | None = None,
) -> str:
    """Write a document of an agent's profile, e.g. cmi5LearnerPreferences; answers its ETag."""
    validation.check_agent(agent)
    place = documents.Place(DocumentKind.AGENT_PROFILE, agent=references.agent_key(agent) or documents.NIL)
    return documents.put(
        place, profile_id, content=content, content_type=content_type, now=now or timezone.now()
    )


def _state(activity_id: str, agent: dict[str, Any], registration: str | None) -> documents.Place:
    if not values.is_iri(activity_id):
        raise StatementInvalid("activityId", "must be an IRI with a scheme")
    validation.check_agent(agent)
    return documents.Place(
        DocumentKind.STATE,
        activity=references.key(activity_id),
        agent=references.agent_key(agent) or documents.NIL,
        registration=_registration(registration),
    )


def _registration(text: str | None) -> Any:
    if text is None:
        return None
    found = values.parse_uuid(str(text))
    if found is None:
        raise BadRequest("a registration is a UUID")
    return found
