"""Whether a statement of an AU may be recorded, and what it means for its session (cmi5 §7.1, §9, §10). Pure.

The order of statements is the order in which they arrive. Statements are judged as the AU wrote them, before an
LRS fills in what is missing: an AU must give id and timestamp itself (§9.1, §9.7).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from courses.archive.cmi5.vocabulary import (
    CATEGORY_CMI5,
    CATEGORY_MOVE_ON,
    COMPLETED,
    EXTENSION,
    FAILED,
    INITIALIZED,
    PASSED,
    PROGRESS,
    TERMINATED,
    VOIDED,
)

__all__ = ["SessionFacts", "StatementRefused", "check_preferences", "judge", "same_account"]

AU_VERBS = {
    INITIALIZED: "initialized",
    COMPLETED: "completed",
    PASSED: "passed",
    FAILED: "failed",
    TERMINATED: "terminated",
}

_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_DURATION = re.compile(
    r"P(?=.)(\d+(\.\d+)?W|(\d+(\.\d+)?Y)?(\d+(\.\d+)?M)?(\d+(\.\d+)?D)?"
    r"(T(?=.)(\d+(\.\d+)?H)?(\d+(\.\d+)?M)?(\d+(\.\d+)?S)?)?)"
)


class StatementRefused(Exception):
    """The statement (or document) must not be recorded: `code` for the words, `requirement` for the list of rules.

    `status` is 403, or 400 where xAPI itself cannot understand the request.
    """

    def __init__(self, code: str, requirement: str = "", *, status: int = 403) -> None:
        super().__init__(f"{code} ({requirement})")
        self.code = code
        self.requirement = requirement
        self.status = status


@dataclass(frozen=True)
class SessionFacts:
    """Everything that the rules ask about one session of one AU, and about its registration so far."""

    session: str
    registration: str
    actor: Mapping[str, Any]
    """{"account": {"homePage", "name"}} and perhaps objectType and name, as in the launch."""
    activity_id: str
    publisher_id: str
    launch_mode: str = "Normal"
    mastery_score: Decimal | None = None
    launch_data_read: bool = False
    preferences_read: bool = False
    initialized: bool = False
    completed: bool = False
    passed: bool = False
    failed: bool = False
    ended: bool = False
    """Terminated, abandoned or expired."""
    completed_before: bool = False
    """In this registration, also in another session."""
    passed_before: bool = False

    def after(self, event: str | None) -> SessionFacts:
        """The facts once the statement that meant `event` (see `judge`) is recorded."""
        if event == "initialized":
            return replace(self, initialized=True)
        if event == "completed":
            return replace(self, completed=True, completed_before=True)
        if event == "passed":
            return replace(self, passed=True, passed_before=True)
        if event == "failed":
            return replace(self, failed=True)
        if event == "terminated":
            return replace(self, ended=True)
        return self


def judge(statement: Any, facts: SessionFacts) -> str | None:
    """What a statement of the AU means: initialized, completed, passed, failed, terminated; None for a statement
    that cmi5 allows without defining it. Raises StatementRefused.
    """
    if not isinstance(statement, dict):
        raise StatementRefused("NOT_A_STATEMENT")
    if facts.ended:
        raise StatementRefused("SESSION_ENDED", "9.3.0.0-5")
    if not facts.launch_data_read:
        raise StatementRefused("LAUNCH_DATA_NOT_READ", "10.0.0.0-1")
    if not facts.preferences_read:
        raise StatementRefused("PREFERENCES_NOT_READ", "11.0.0.0-3")
    _check_id_and_time(statement)
    verb = _inside(statement, "verb").get("id")
    if verb == VOIDED:
        raise StatementRefused("VOIDING", "6.3.0.0-1")
    _check_actor(statement, facts)
    context = statement.get("context")
    if not isinstance(context, dict):
        raise StatementRefused("CONTEXT_MISSING", "9.6.0.0-1")
    _check_context(context, facts)
    categories = _ids(context, "category")
    defined = CATEGORY_CMI5 in categories
    event = AU_VERBS.get(str(verb)) if defined else None
    if defined and event is None:
        raise StatementRefused("VERB_NOT_DEFINED", "7.1.3.0-1")
    result = statement.get("result", {})
    if not isinstance(result, dict):
        raise StatementRefused("RESULT_INVALID", "9.5.0.0-1")
    if defined:
        _check_object(statement, facts)
        _check_result(str(event), result, context, facts)
    if (CATEGORY_MOVE_ON in categories) != (defined and ("success" in result or "completion" in result)):
        raise StatementRefused(
            "CATEGORY_MOVE_ON", "9.6.2.2-2" if CATEGORY_MOVE_ON in categories else "9.6.2.2-1"
        )
    _check_order(event, facts)
    return event


def same_account(one: Any, other: Any) -> bool:
    """Whether two agents are the same account; anything that is no agent with an account is nobody's."""
    return _account(one) is not None and _account(one) == _account(other)


def check_preferences(document: Any, *, whole: bool = True) -> None:
    """Whether a cmi5LearnerPreferences document may be kept (cmi5 §11). `whole` False: a part to be merged (POST).

    Raises StatementRefused.
    """
    if not isinstance(document, dict):
        raise StatementRefused("PREFERENCES_INVALID", "11.0.0.0-5")
    if whole and not {"languagePreference", "audioPreference"} <= set(document):
        raise StatementRefused("PREFERENCES_INVALID", "11.0.0.0-5")
    if "languagePreference" in document:
        said = document["languagePreference"]
        if not isinstance(said, str) or not all(_LANGUAGE.fullmatch(one) for one in said.split(",")):
            raise StatementRefused("PREFERENCES_LANGUAGE", "11.1.0.0-1")
    if document.get("audioPreference", "on") not in ("on", "off"):
        raise StatementRefused("PREFERENCES_AUDIO", "11.2.0.0-1")


def _check_id_and_time(statement: dict[str, Any]) -> None:
    try:
        if not isinstance(statement.get("id"), str):
            raise ValueError
        uuid.UUID(statement["id"])
    except ValueError as bad:
        raise StatementRefused("ID_MISSING", "9.1.0.0-1") from bad
    try:
        at = datetime.fromisoformat(statement["timestamp"])
    except (KeyError, TypeError, ValueError) as bad:
        raise StatementRefused("TIMESTAMP_MISSING", "9.7.0.0-1") from bad
    if at.utcoffset() != timedelta(0):
        raise StatementRefused("TIMESTAMP_NOT_UTC", "9.7.0.0-2")


def _check_actor(statement: dict[str, Any], facts: SessionFacts) -> None:
    actor = statement.get("actor")
    if not isinstance(actor, dict) or actor.get("objectType", "Agent") != "Agent":
        raise StatementRefused("ACTOR_NOT_AN_AGENT", "9.2.0.0-2")
    if not same_account(actor, facts.actor):
        raise StatementRefused("ACTOR_OTHER", "9.2.0.0-3")


def _check_context(context: dict[str, Any], facts: SessionFacts) -> None:
    if str(context.get("registration", "")).lower() != facts.registration.lower():
        raise StatementRefused("REGISTRATION_OTHER", "9.6.1.0-1")
    if _inside(context, "extensions").get(f"{EXTENSION}sessionid") != facts.session:
        raise StatementRefused("SESSION_OTHER", "9.6.3.1-4")
    if facts.publisher_id not in _ids(context, "grouping"):
        raise StatementRefused("CONTEXT_TEMPLATE", "10.2.1.0-6")


def _check_object(statement: dict[str, Any], facts: SessionFacts) -> None:
    thing = _inside(statement, "object")
    if thing.get("objectType", "Activity") != "Activity" or thing.get("id") != facts.activity_id:
        raise StatementRefused("OBJECT_OTHER", "9.4.0.0-1")


def _check_result(event: str, result: dict[str, Any], context: dict[str, Any], facts: SessionFacts) -> None:
    for name, wanted, requirement in (
        ("success", {"passed": True, "failed": False}.get(event), "9.5.2.0"),
        ("completion", {"completed": True}.get(event), "9.5.3.0"),
    ):
        if wanted is None and name in result:
            raise StatementRefused(
                f"{name.upper()}_NOT_HERE", f"{requirement}-{3 if name == 'success' else 2}"
            )
        if wanted is not None and result.get(name) is not wanted:
            raise StatementRefused(f"{name.upper()}_WRONG", f"{requirement}-{2 if event == 'failed' else 1}")
    if event != "initialized":
        said = result.get("duration")
        if not isinstance(said, str) or not _DURATION.fullmatch(said):
            number = {"terminated": 1, "completed": 2, "passed": 3, "failed": 4}[event]
            raise StatementRefused("DURATION_MISSING", f"9.5.4.1-{number}")
    progress = _inside(result, "extensions").get(PROGRESS, 0)
    if isinstance(progress, bool) or not isinstance(progress, int) or not 0 <= progress <= 100:
        raise StatementRefused("PROGRESS_INVALID", "9.5.5.1-1")
    if "score" in result and event not in ("passed", "failed"):
        raise StatementRefused("SCORE_NOT_HERE", "9.5.1.0-2")
    if event in ("passed", "failed"):
        _check_score(event, result, context, facts)


def _check_score(event: str, result: dict[str, Any], context: dict[str, Any], facts: SessionFacts) -> None:
    score = result.get("score")
    if score is not None and not isinstance(score, dict):
        raise StatementRefused("SCORE_INVALID", "9.5.1.0-1")
    given = _inside(context, "extensions").get(f"{EXTENSION}masteryscore")
    if given is not None and (facts.mastery_score is None or _number(given) != facts.mastery_score):
        raise StatementRefused("MASTERY_SCORE_OTHER", "9.6.3.2-2")
    if score is None:
        return
    numbers = {name: _number(score[name]) for name in ("scaled", "raw", "min", "max") if name in score}
    if None in numbers.values():
        raise StatementRefused("SCORE_INVALID", "9.5.1.0-1")
    scaled, raw, low, high = (numbers.get(name) for name in ("scaled", "raw", "min", "max"))
    if scaled is not None and not 0 <= scaled <= 1:
        raise StatementRefused("SCORE_INVALID", "9.5.1.0-1")
    if raw is not None:
        if low is None or high is None:
            raise StatementRefused("SCORE_WITHOUT_BOUNDS", "9.5.1.0-3")
        if not low <= raw <= high:
            raise StatementRefused("SCORE_INVALID", "9.5.1.0-4")
    if facts.mastery_score is None or scaled is None:
        return
    if given is None:
        raise StatementRefused("MASTERY_SCORE_OTHER", "9.6.3.2-2")
    if event == "passed" and scaled < facts.mastery_score:
        raise StatementRefused("PASSED_BELOW", "9.3.4.0-2")
    if event == "failed" and scaled >= facts.mastery_score:
        raise StatementRefused("FAILED_ABOVE", "9.3.5.0-2")


def _check_order(event: str | None, facts: SessionFacts) -> None:
    if event == "initialized":
        if facts.initialized:
            raise StatementRefused("TWICE_IN_SESSION", "9.3.2.0-3")
        return
    if not facts.initialized:
        raise StatementRefused("NOT_INITIALIZED", "9.3.0.0-4")
    if event in ("completed", "passed", "failed") and facts.launch_mode != "Normal":
        raise StatementRefused("NOT_IN_THIS_MODE", "10.2.2.0-5")
    if (event == "completed" and facts.completed) or (
        event in ("passed", "failed") and (facts.passed or facts.failed)
    ):
        raise StatementRefused("TWICE_IN_SESSION", "9.3.0.0-2")
    if event == "completed" and facts.completed_before:
        raise StatementRefused("TWICE_IN_REGISTRATION", "9.3.0.0-6")
    if event == "passed" and facts.passed_before:
        raise StatementRefused("TWICE_IN_REGISTRATION", "9.3.0.0-7")
    if event == "failed" and facts.passed_before:
        raise StatementRefused("FAILED_AFTER_PASSED", "9.3.0.0-8")


def _account(agent: Any) -> tuple[str, str] | None:
    if not isinstance(agent, Mapping) or {"mbox", "mbox_sha1sum", "openid"} & set(agent):
        return None
    account = agent.get("account")
    if not isinstance(account, Mapping):
        return None
    page, name = account.get("homePage"), account.get("name")
    return (page, name) if isinstance(page, str) and isinstance(name, str) and page and name else None


def _inside(of: dict[str, Any], name: str) -> dict[str, Any]:
    part = of.get(name)
    return part if isinstance(part, dict) else {}


def _ids(context: dict[str, Any], name: str) -> set[str]:
    """Ids of a list of context activities; one activity may stand without the list (xAPI 1.0)."""
    found = _inside(context, "contextActivities").get(name, [])
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list):
        return set()
    return {one["id"] for one in found if isinstance(one, dict) and isinstance(one.get("id"), str)}


def _number(value: Any) -> Decimal | None:
    """A JSON number; None for anything else. Through its text, so that 0.9 is 0.9."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    number = Decimal(str(value))
    return number if number.is_finite() else None
