"""The one seam to the LRS next door (courses/archive/xapi): our own statements, documents, and our AUs' requests."""

from __future__ import annotations

import json
from typing import Any

from courses.archive.cmi5.vocabulary import LAUNCH_DATA
from courses.archive.xapi import api
from courses.archive.xapi.models import LrsClient

__all__ = ["our_client", "put_launch_data", "state"]

CLIENT_KEY = "cmi5"


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
