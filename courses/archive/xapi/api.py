"""What may be done with the LRS: the door for the rooms beside and above.

Everything goes through the same validation as what comes over HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from courses.archive.xapi.models import LrsClient

__all__ = ["delete_state", "find", "get_state", "put_state", "record"]


def record(
    statements: Sequence[dict[str, Any]],
    *,
    client: LrsClient,
    version: str = "1.0.3",
    attachments: Sequence[Any] = (),
) -> list[str]:
    """Store statements (all or none) and return their ids. A statement that is here already moves nothing.

    Raises StatementInvalid, or StatementConflict when an id is taken by another statement.
    """
    raise NotImplementedError


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
    """Statements that are not voided, as stored, newest first unless `ascending`."""
    raise NotImplementedError


def put_state(
    *,
    activity_id: str,
    agent: dict[str, Any],
    state_id: str,
    registration: str | None,
    content: bytes,
    content_type: str,
) -> str:
    """Write a state document, over whatever was there; answers its ETag (40 hex digits, no quotes)."""
    raise NotImplementedError


def get_state(
    *, activity_id: str, agent: dict[str, Any], state_id: str, registration: str | None
) -> tuple[bytes, str, str] | None:
    """(content, content type, ETag) of a state document, or None."""
    raise NotImplementedError


def delete_state(
    *, activity_id: str, agent: dict[str, Any], state_id: str, registration: str | None
) -> bool:
    """Remove a state document; whether there was one."""
    raise NotImplementedError
