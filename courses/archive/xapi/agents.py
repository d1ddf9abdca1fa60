"""What the LRS knows of an agent and of an activity (Communication 2.4, 2.5)."""

from __future__ import annotations

from typing import Any

from courses.archive.xapi import references, strict_json
from courses.archive.xapi.models import ActivitySeen, AgentSeen

__all__ = ["activity", "person"]


def person(agent: dict[str, Any], *, with_names: bool) -> dict[str, Any]:
    """The Person of an agent: each property a list. `with_names`: also the names under which it came."""
    names = [agent["name"]] if "name" in agent else []
    key = references.agent_key(agent)
    if with_names and key is not None:
        seen = AgentSeen.objects.filter(key=key).first()
        if seen is not None:
            names += [name for name in strict_json.loads(seen.names.encode()) if name not in names]
    identified = {name: [value] for name, value in (references.identifier(agent) or {}).items()}
    return {"objectType": "Person", "name": names} | identified


def activity(iri: str) -> dict[str, Any]:
    """The Activity with everything that statements told of it; only its id when nothing is known."""
    found: dict[str, Any] = {"objectType": "Activity", "id": iri}
    seen = ActivitySeen.objects.filter(key=references.key(iri)).first()
    if seen is not None:
        found["definition"] = strict_json.loads(seen.definition.encode())
    return found
