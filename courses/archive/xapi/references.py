"""Whom and what a statement names, and the keys by which it is found. Pure.

A key is the first 128 bits of a BLAKE2b digest over a canonical text, as a UUID: of fixed size in every
index, and the index tells nobody a mail address.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

__all__ = ["Named", "agent_key", "agents_of", "comparable", "identifier", "key", "named_in"]


def key(text: str) -> UUID:
    """The key of an IRI or of another text."""
    return UUID(bytes=hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest())


def identifier(agent: dict[str, Any]) -> dict[str, Any] | None:
    """The inverse functional identifier of an Agent or identified Group, e.g. {"mbox": "mailto:…"}."""
    if "mbox" in agent:
        return {"mbox": agent["mbox"]}
    if "mbox_sha1sum" in agent:
        return {"mbox_sha1sum": agent["mbox_sha1sum"].lower()}
    if "openid" in agent:
        return {"openid": agent["openid"]}
    if "account" in agent:
        account = agent["account"]
        return {"account": {"homePage": account["homePage"], "name": account["name"]}}
    return None


def agent_key(agent: dict[str, Any]) -> UUID | None:
    """The key of an agent by its identifier; None for an anonymous group."""
    known = identifier(agent)
    return None if known is None else key(json.dumps(known, sort_keys=True))


def agents_of(agent: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The agent itself and, of a group, its members."""
    yield agent
    yield from agent.get("member", ())


class Named:
    """What one statement names: keys for the index, activities and agents as they stand in it."""

    def __init__(self) -> None:
        self.agents: set[UUID] = set()
        self.related_agents: set[UUID] = set()
        self.activities: set[UUID] = set()
        self.related_activities: set[UUID] = set()
        self.definitions: list[dict[str, Any]] = []
        self.people: list[dict[str, Any]] = []

    def _agent(self, agent: dict[str, Any], *, plain: bool) -> None:
        for one in agents_of(agent):
            found = agent_key(one)
            if found is not None:
                self.related_agents.add(found)
                if plain:
                    self.agents.add(found)
                self.people.append(one)

    def _activity(self, activity: dict[str, Any], *, plain: bool) -> None:
        found = key(activity["id"])
        self.related_activities.add(found)
        if plain:
            self.activities.add(found)
        self.definitions.append(activity)

    def _part(self, part: dict[str, Any], *, plain: bool) -> None:
        self._agent(part["actor"], plain=plain)
        target = part["object"]
        kind = target.get("objectType", "Activity")
        if kind == "Activity":
            self._activity(target, plain=plain)
        elif kind in ("Agent", "Group"):
            self._agent(target, plain=plain)
        elif kind == "SubStatement":
            self._part(target, plain=False)
        context = part.get("context", {})
        for name in ("instructor", "team"):
            if name in context:
                self._agent(context[name], plain=False)
        for one in context.get("contextAgents", ()):
            self._agent(one["agent"], plain=False)
        for one in context.get("contextGroups", ()):
            self._agent(one["group"], plain=False)
        for some in context.get("contextActivities", {}).values():
            for activity in some if isinstance(some, list) else [some]:
                self._activity(activity, plain=False)


def named_in(statement: dict[str, Any]) -> Named:
    """What a valid statement names, for the filters agent, activity, related_agents, related_activities
    (Communication 2.1.3): actor and object plainly; authority, instructor, team, context agents and
    groups, context activities and all of a SubStatement as related; members of groups with their group."""
    named = Named()
    named._part(statement, plain=True)
    if "authority" in statement:
        named._agent(statement["authority"], plain=False)
    return named


SET_BY_THE_LRS = ("id", "stored", "authority", "version", "timestamp")


def comparable(statement: dict[str, Any]) -> str:
    """A text that is equal for two statements that are the same (xAPI 1.0.3, Data 2.3.1 «statement
    comparison»): what an LRS sets itself is left out, the order of keys and of members says nothing, nor
    does a duration beyond hundredths of a second (IEEE 9274.1.1)."""
    plain = {name: value for name, value in statement.items() if name not in SET_BY_THE_LRS}
    return json.dumps(_same(plain), sort_keys=True, ensure_ascii=False)


_FRACTION_OF_SECONDS = re.compile(r"[.,](\d+)S\Z")


def _hundredths(duration: str) -> str:
    """A duration without what is beyond 0.01 second, e.g. PT0.1237S as PT0.12S, PT1.00S as PT1S."""
    return _FRACTION_OF_SECONDS.sub(lambda found: f".{found[1][:2]}".rstrip("0").rstrip(".") + "S", duration)


def _same(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        made = {inner: _same(one, inner) for inner, one in value.items()}
        if name == "result" and isinstance(made.get("duration"), str):
            made["duration"] = _hundredths(made["duration"])
        return made
    if isinstance(value, list):
        some = [_same(one) for one in value]
        if name == "member":
            some.sort(key=lambda one: json.dumps(one, sort_keys=True))
        return some
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
