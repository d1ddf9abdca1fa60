"""What an AU may ask of the LRS. Pure: a request in, permission or a StatementRefused out.

The LRS behind it validates and stores; here stands what cmi5 asks besides (§6.3, §9, §10, §11), and that
course content, which is foreign code, reads and writes for its own learner and registration only.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from courses.archive.cmi5.session_rules import (
    SessionFacts,
    StatementRefused,
    check_preferences,
    judge,
    same_account,
)
from courses.archive.cmi5.vocabulary import LAUNCH_DATA, PREFERENCES

__all__ = ["Asked", "Passed", "judge_request", "statement_ids"]


@dataclass(frozen=True)
class Asked:
    """A request: method, resource below the endpoint (e.g. "activities/state"), query, media type, body.

    `statements` are those of a POST or PUT to "statements", as read from the body; None when it cannot be read.
    """

    method: str
    resource: str
    query: Mapping[str, str]
    content_type: str = ""
    body: bytes = b""
    statements: list[Any] | None = None


@dataclass(frozen=True)
class Passed:
    """What a request means if the LRS accepts it: events of its statements, and documents that were read."""

    events: list[str | None] = field(default_factory=list)
    reads: str = ""
    """"launch_data" or "preferences", if the AU reads that document."""


def statement_ids(asked: Asked) -> set[str]:
    return {
        one["id"].lower()
        for one in asked.statements or []
        if isinstance(one, dict) and isinstance(one.get("id"), str)
    }


def judge_request(asked: Asked, facts: SessionFacts, *, recorded: Collection[str] = ()) -> Passed:
    """Whether the AU of this session may ask that. Raises StatementRefused.

    `recorded`: ids of statements of the request that the registration holds already; the LRS compares them, and
    sending one again moves nothing.
    """
    if facts.ended:
        raise StatementRefused("SESSION_ENDED", "8.1.2.0-2")
    if "method" in asked.query or asked.method not in {"GET", "HEAD", "PUT", "POST", "DELETE"}:
        raise StatementRefused("NOT_FOR_CONTENT")
    if asked.resource == "statements":
        return _statements(asked, facts, recorded)
    judges = {
        "activities/state": _state,
        "activities/profile": _activity_profile,
        "agents/profile": _agent_profile,
        "agents": _agents,
        "activities": _reading_only,
        "about": _reading_only,
    }
    judged = judges.get(asked.resource)
    if judged is None:
        raise StatementRefused("NOT_FOR_CONTENT")
    return judged(asked, facts)


def _statements(asked: Asked, facts: SessionFacts, recorded: Collection[str]) -> Passed:
    if asked.method in {"GET", "HEAD"}:
        if asked.query.get("registration", "").lower() != facts.registration.lower():
            raise StatementRefused("REGISTRATION_OTHER", "9.6.1.0-1")
        return Passed()
    if asked.method == "DELETE":
        raise StatementRefused("NOT_FOR_CONTENT")
    if asked.statements is None:
        raise StatementRefused("NOT_A_STATEMENT")
    events: list[str | None] = []
    for statement in asked.statements:
        number = statement.get("id") if isinstance(statement, dict) else None
        if isinstance(number, str) and number.lower() in recorded:
            continue
        event = judge(statement, facts)
        facts = facts.after(event)
        events.append(event)
    return Passed(events=events)


def _state(asked: Asked, facts: SessionFacts) -> Passed:
    _own_agent(asked, facts)
    registration = asked.query.get("registration")
    if registration is not None and registration.lower() != facts.registration.lower():
        raise StatementRefused("REGISTRATION_OTHER", "8.1.4.0-3")
    _own_activity(asked, facts)
    name = asked.query.get("stateId")
    writes = asked.method in {"PUT", "POST", "DELETE"}
    if writes and name in (None, LAUNCH_DATA):  # without a name, a DELETE takes all documents with it
        raise StatementRefused("LAUNCH_DATA_READ_ONLY", "10.2.1.0-5")
    ours = name == LAUNCH_DATA and asked.query.get("activityId") == facts.activity_id and registration
    return Passed(reads="launch_data" if ours and asked.method == "GET" else "")


def _activity_profile(asked: Asked, facts: SessionFacts) -> Passed:
    _own_activity(asked, facts)
    return Passed()


def _own_activity(asked: Asked, facts: SessionFacts) -> None:
    if asked.query.get("activityId") not in {facts.activity_id, facts.publisher_id}:
        raise StatementRefused("OBJECT_OTHER", "12.0.0.0-1")


def _agent_profile(asked: Asked, facts: SessionFacts) -> Passed:
    _own_agent(asked, facts)
    if asked.query.get("profileId") != PREFERENCES:
        raise StatementRefused("NOT_FOR_CONTENT")
    if asked.method in {"PUT", "POST"}:
        if asked.content_type.partition(";")[0].strip().lower() != "application/json":
            raise StatementRefused("PREFERENCES_INVALID", "11.0.0.0-5")
        try:
            document = json.loads(asked.body)
        except (ValueError, RecursionError) as bad:
            raise StatementRefused("PREFERENCES_INVALID", "11.0.0.0-5") from bad
        check_preferences(document, whole=asked.method == "PUT")
    return Passed(reads="preferences" if asked.method == "GET" else "")


def _agents(asked: Asked, facts: SessionFacts) -> Passed:
    _own_agent(asked, facts)
    return _reading_only(asked, facts)


def _reading_only(asked: Asked, facts: SessionFacts) -> Passed:
    if asked.method not in {"GET", "HEAD"}:
        raise StatementRefused("NOT_FOR_CONTENT")
    return Passed()


def _own_agent(asked: Asked, facts: SessionFacts) -> None:
    """400 without an agent, as the LRS behind would say (xAPI Communication 2.6); 403 for one that is not the learner."""
    if not asked.query.get("agent"):
        raise StatementRefused("AGENT_MISSING", "11.0.0.0-1", status=400)
    try:
        agent = json.loads(asked.query.get("agent", ""))
    except (ValueError, RecursionError) as bad:
        raise StatementRefused("AGENT_OTHER", "11.0.0.0-1") from bad
    if not same_account(agent, facts.actor):
        raise StatementRefused("AGENT_OTHER", "11.0.0.0-1")
