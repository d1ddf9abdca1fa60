"""Whether a statement is one: the rules of xAPI 1.0.3 (Data 2) and 2.0 (IEEE 9274.1.1 §4.2).

Pure: values in, StatementInvalid out; no database, no clock. What the versions differ in is asked by
`v2`: contextAgents and contextGroups, RFC 3339 times, the version property.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from courses.archive.xapi import values
from courses.archive.xapi.errors import StatementInvalid

__all__ = ["VOIDED", "check_agent", "check_statement", "is_voiding"]

VOIDED = "http://adlnet.gov/expapi/verbs/voided"
SIGNATURE = "http://adlnet.gov/expapi/attachments/signature"

STATEMENT = {
    "id", "actor", "verb", "object", "result", "context", "timestamp", "stored", "authority", "version",
    "attachments",
}  # fmt: skip
SUB_STATEMENT = {
    "objectType", "actor", "verb", "object", "result", "context", "timestamp", "attachments",
}  # fmt: skip
IDENTIFIERS = ("mbox", "mbox_sha1sum", "openid", "account")
AGENT = {"objectType", "name", *IDENTIFIERS}
GROUP = AGENT | {"member"}
DEFINITION = {
    "name", "description", "type", "moreInfo", "extensions", "interactionType", "correctResponsesPattern",
    "choices", "scale", "source", "target", "steps",
}  # fmt: skip
COMPONENTS = {
    "true-false": (),
    "choice": ("choices",),
    "fill-in": (),
    "long-fill-in": (),
    "matching": ("source", "target"),
    "performance": ("steps",),
    "sequencing": ("choices",),
    "likert": ("scale",),
    "numeric": (),
    "other": (),
}
"""Interaction types and the lists of components that each may have (Data 2.4.4.1)."""
LISTS = ("choices", "scale", "source", "target", "steps")
CONTEXT = {
    "registration", "instructor", "team", "contextActivities", "revision", "platform", "language",
    "statement", "extensions",
}  # fmt: skip
CONTEXT_V2 = CONTEXT | {"contextAgents", "contextGroups"}
RESULT = {"score", "success", "completion", "response", "duration", "extensions"}
SCORE = {"scaled", "raw", "min", "max"}
ATTACHMENT = {
    "usageType", "display", "description", "contentType", "length", "sha2", "fileUrl",
}  # fmt: skip
VERSION_1 = re.compile(r"1\.0(?:\.[0-9]{1,3})?\Z")
VERSION_2 = re.compile(r"[12]\.0(?:\.[0-9]{1,3})?\Z")


def check_statement(statement: Any, *, v2: bool) -> None:
    """Raises StatementInvalid with the path of the first broken rule."""
    found = _object(statement, "", STATEMENT)
    if "id" in found:
        _uuid(found["id"], "id")
    if "stored" in found:
        _time(found["stored"], "stored", v2)
    if "version" in found:
        version = found["version"]
        if not isinstance(version, str) or not (VERSION_2 if v2 else VERSION_1).match(version):
            raise StatementInvalid("version", "is not a version that can be taken here")
    if "authority" in found:
        _authority(found["authority"], "authority")
    _body(found, "", v2, sub=False)


def check_agent(agent: Any, path: str = "agent", *, group: bool = True) -> None:
    """An Agent or an identified Group, as parameters and states take it. Raises StatementInvalid."""
    if isinstance(agent, dict) and agent.get("objectType") == "Group":
        if not group:
            raise StatementInvalid(path, "must be an Agent")
        _group(agent, path)
        if not any(name in agent for name in IDENTIFIERS):
            raise StatementInvalid(path, "a Group needs an identifier here")
    else:
        _agent(agent, path)


def is_voiding(statement: dict[str, Any]) -> bool:
    """Whether the statement voids the one that its object refers to (Data 2.3.2)."""
    return statement["verb"]["id"] == VOIDED


def _body(found: dict[str, Any], at: str, v2: bool, *, sub: bool) -> None:
    for name in ("actor", "verb", "object"):
        if name not in found:
            raise StatementInvalid(at + name, "is missing")
    _actor(found["actor"], at + "actor")
    verb = _object(found["verb"], at + "verb", {"id", "display"})
    _iri(verb.get("id"), at + "verb.id")
    if "display" in verb:
        _language_map(verb["display"], at + "verb.display")
    kind = _target(found["object"], at + "object", v2, sub=sub)
    if verb["id"] == VOIDED and kind != "StatementRef":
        raise StatementInvalid(at + "object", "a voiding statement needs a StatementRef as its object")
    if "result" in found:
        _result(found["result"], at + "result")
    if "context" in found:
        _context(found["context"], at + "context", kind, v2)
    if "timestamp" in found:
        _time(found["timestamp"], at + "timestamp", v2)
    if "attachments" in found:
        for number, one in enumerate(_array(found["attachments"], at + "attachments")):
            _attachment(one, f"{at}attachments[{number}]")


def _target(target: Any, path: str, v2: bool, *, sub: bool) -> str:
    """Check the object of a statement; answers its objectType."""
    if not isinstance(target, dict):
        raise StatementInvalid(path, "must be an object")
    kind = target.get("objectType", "Activity")
    if kind == "Activity":
        _activity(target, path)
    elif kind in ("Agent", "Group"):
        _actor(target, path)
    elif kind == "StatementRef":
        _statement_ref(target, path)
    elif kind == "SubStatement" and not sub:
        found = _object(target, path, SUB_STATEMENT)
        _body(found, path + ".", v2, sub=True)
    else:
        raise StatementInvalid(path + ".objectType", "is not a kind of object that may stand here")
    return str(kind)


def _actor(actor: Any, path: str) -> None:
    if isinstance(actor, dict) and actor.get("objectType", "Agent") == "Group":
        _group(actor, path)
    else:
        _agent(actor, path)


def _agent(agent: Any, path: str) -> None:
    found = _object(agent, path, AGENT)
    if found.get("objectType", "Agent") != "Agent":
        raise StatementInvalid(path + ".objectType", "must be Agent")
    if _identifiers(found, path) != 1:
        raise StatementInvalid(path, "an Agent has exactly one of mbox, mbox_sha1sum, openid and account")


def _group(group: Any, path: str) -> None:
    found = _object(group, path, GROUP)
    if found.get("objectType") != "Group":
        raise StatementInvalid(path + ".objectType", "must be Group")
    count = _identifiers(found, path)
    if count > 1:
        raise StatementInvalid(path, "a Group has at most one of mbox, mbox_sha1sum, openid and account")
    if "member" in found:
        members = _array(found["member"], path + ".member")
        if not members and not count:
            raise StatementInvalid(path + ".member", "an anonymous Group needs members")
        for number, one in enumerate(members):
            _agent(one, f"{path}.member[{number}]")
    elif not count:
        raise StatementInvalid(path + ".member", "an anonymous Group needs members")


def _identifiers(found: dict[str, Any], path: str) -> int:
    count = 0
    for name in IDENTIFIERS:
        if name in found:
            count += 1
            _IDENTIFIER_CHECKS[name](found[name], f"{path}.{name}")
    if "name" in found:
        _string(found["name"], path + ".name")
    return count


def _mbox(value: Any, path: str) -> None:
    if not values.is_mailto(value):
        raise StatementInvalid(path, "must be mailto: and a mail address")


def _mbox_sha1sum(value: Any, path: str) -> None:
    if not values.is_sha1(value):
        raise StatementInvalid(path, "must be 40 hex digits")


def _iri(value: Any, path: str) -> None:
    if not values.is_iri(value):
        raise StatementInvalid(path, "must be an IRI with a scheme")


def _account(value: Any, path: str) -> None:
    found = _object(value, path, {"homePage", "name"})
    _iri(found.get("homePage"), path + ".homePage")
    _string(found.get("name"), path + ".name")


_IDENTIFIER_CHECKS: dict[str, Callable[[Any, str], None]] = {
    "mbox": _mbox,
    "mbox_sha1sum": _mbox_sha1sum,
    "openid": _iri,
    "account": _account,
}


def _authority(authority: Any, path: str) -> None:
    """An Agent, or the anonymous pair of OAuth consumer and user (Data 2.4.9)."""
    _actor(authority, path)
    if authority.get("objectType") == "Group":
        if any(name in authority for name in IDENTIFIERS):
            raise StatementInvalid(path, "a Group as authority must not be identified")
        if len(authority["member"]) != 2:
            raise StatementInvalid(path + ".member", "a Group as authority has exactly two members")


def _activity(activity: Any, path: str) -> None:
    found = _object(activity, path, {"objectType", "id", "definition"})
    if found.get("objectType", "Activity") != "Activity":
        raise StatementInvalid(path + ".objectType", "must be Activity")
    _iri(found.get("id"), path + ".id")
    if "definition" in found:
        _definition(found["definition"], path + ".definition")


def _definition(definition: Any, path: str) -> None:
    found = _object(definition, path, DEFINITION)
    for name in ("name", "description"):
        if name in found:
            _language_map(found[name], f"{path}.{name}")
    for name in ("type", "moreInfo"):
        if name in found:
            _iri(found[name], f"{path}.{name}")
    if "extensions" in found:
        _extensions(found["extensions"], path + ".extensions")
    interaction = found.get("interactionType")
    if "interactionType" in found:
        if not isinstance(interaction, str) or interaction not in COMPONENTS:
            raise StatementInvalid(path + ".interactionType", "is not an interaction type")
    elif any(name in found for name in ("correctResponsesPattern", *LISTS)):
        raise StatementInvalid(path + ".interactionType", "is missing")
    if "correctResponsesPattern" in found:
        for one in _array(found["correctResponsesPattern"], path + ".correctResponsesPattern"):
            _string(one, path + ".correctResponsesPattern")
    for name in LISTS:
        if name in found:
            if name not in COMPONENTS[interaction or "other"]:
                raise StatementInvalid(f"{path}.{name}", f"does not go with {interaction}")
            _components(found[name], f"{path}.{name}")


def _components(components: Any, path: str) -> None:
    seen = set()
    for number, one in enumerate(_array(components, path)):
        found = _object(one, f"{path}[{number}]", {"id", "description"})
        _string(found.get("id"), f"{path}[{number}].id")
        if found["id"] in seen:
            raise StatementInvalid(f"{path}[{number}].id", "occurs twice")
        seen.add(found["id"])
        if "description" in found:
            _language_map(found["description"], f"{path}[{number}].description")


def _statement_ref(target: Any, path: str) -> None:
    found = _object(target, path, {"objectType", "id"})
    if found.get("objectType") != "StatementRef":
        raise StatementInvalid(path + ".objectType", "must be StatementRef")
    _uuid(found.get("id"), path + ".id")


def _result(result: Any, path: str) -> None:
    found = _object(result, path, RESULT)
    if "score" in found:
        _score(found["score"], path + ".score")
    for name in ("success", "completion"):
        if name in found and not isinstance(found[name], bool):
            raise StatementInvalid(f"{path}.{name}", "must be true or false")
    if "response" in found:
        _string(found["response"], path + ".response")
    if "duration" in found and not values.is_duration(found["duration"]):
        raise StatementInvalid(path + ".duration", "must be a duration of ISO 8601")
    if "extensions" in found:
        _extensions(found["extensions"], path + ".extensions")


def _score(score: Any, path: str) -> None:
    found = _object(score, path, SCORE)
    for name, value in found.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise StatementInvalid(f"{path}.{name}", "must be a number")
    low, high, raw = found.get("min"), found.get("max"), found.get("raw")
    if not -1 <= found.get("scaled", 0) <= 1:
        raise StatementInvalid(path + ".scaled", "must be between -1 and 1")
    if low is not None and high is not None and low >= high:
        raise StatementInvalid(path + ".min", "must be less than max")
    if raw is not None and ((low is not None and raw < low) or (high is not None and raw > high)):
        raise StatementInvalid(path + ".raw", "must be between min and max")


def _context(context: Any, path: str, kind: str, v2: bool) -> None:
    found = _object(context, path, CONTEXT_V2 if v2 else CONTEXT)
    if "registration" in found:
        _uuid(found["registration"], path + ".registration")
    if "instructor" in found:
        _actor(found["instructor"], path + ".instructor")
    if "team" in found:
        _group(found["team"], path + ".team")
    if "contextActivities" in found:
        kinds = _object(
            found["contextActivities"],
            path + ".contextActivities",
            {"parent", "grouping", "category", "other"},
        )
        for name, some in kinds.items():
            for one in some if isinstance(some, list) else [some]:
                _activity(one, f"{path}.contextActivities.{name}")
    for name in ("revision", "platform"):
        if name in found:
            _string(found[name], f"{path}.{name}")
            if kind != "Activity":
                raise StatementInvalid(f"{path}.{name}", "goes only with an Activity as object")
    if "language" in found and not values.is_language_tag(found["language"]):
        raise StatementInvalid(path + ".language", "must be a language tag of RFC 5646")
    if "statement" in found:
        _statement_ref(found["statement"], path + ".statement")
    if "extensions" in found:
        _extensions(found["extensions"], path + ".extensions")
    if "contextAgents" in found:
        for number, one in enumerate(_array(found["contextAgents"], path + ".contextAgents")):
            _relevant(one, f"{path}.contextAgents[{number}]", "contextAgent", "agent", _agent)
    if "contextGroups" in found:
        for number, one in enumerate(_array(found["contextGroups"], path + ".contextGroups")):
            _relevant(one, f"{path}.contextGroups[{number}]", "contextGroup", "group", _group)


def _relevant(one: Any, path: str, kind: str, name: str, check: Callable[[Any, str], None]) -> None:
    """contextAgent and contextGroup of 2.0 (IEEE 9274.1.1 §4.2.2.5)."""
    found = _object(one, path, {"objectType", name, "relevantTypes"})
    if found.get("objectType") != kind:
        raise StatementInvalid(path + ".objectType", f"must be {kind}")
    check(found.get(name), f"{path}.{name}")
    if "relevantTypes" in found:
        types = _array(found["relevantTypes"], path + ".relevantTypes")
        if not types:
            raise StatementInvalid(path + ".relevantTypes", "must not be empty")
        for one_type in types:
            _iri(one_type, path + ".relevantTypes")


def _attachment(attachment: Any, path: str) -> None:
    found = _object(attachment, path, ATTACHMENT)
    _iri(found.get("usageType"), path + ".usageType")
    _language_map(found.get("display"), path + ".display")
    if "description" in found:
        _language_map(found["description"], path + ".description")
    if not values.is_media_type(found.get("contentType")):
        raise StatementInvalid(path + ".contentType", "must be a media type")
    length = found.get("length")
    if isinstance(length, bool) or not isinstance(length, int) or length < 0:
        raise StatementInvalid(path + ".length", "must be a number of bytes")
    if not values.is_sha2(found.get("sha2")):
        raise StatementInvalid(path + ".sha2", "must be a SHA-2 digest in hex digits")
    if "fileUrl" in found:
        _iri(found["fileUrl"], path + ".fileUrl")


def _extensions(extensions: Any, path: str) -> None:
    """Keys are IRIs, values are anything, null included (Data 4.1)."""
    if not isinstance(extensions, dict):
        raise StatementInvalid(path, "must be an object")
    for name in extensions:
        if not values.is_iri(name):
            raise StatementInvalid(path, f"the key {name!r} is not an IRI")


def _language_map(value: Any, path: str) -> None:
    if not isinstance(value, dict) or not value:
        raise StatementInvalid(path, "must be an object of languages and texts, not empty")
    for tag, text in value.items():
        if not values.is_language_tag(tag):
            raise StatementInvalid(path, f"{tag!r} is not a language tag of RFC 5646")
        _string(text, f"{path}.{tag}")


def _object(value: Any, path: str, allowed: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise StatementInvalid(path, "must be an object")
    if not value.keys() <= allowed:
        unknown = next(name for name in value if name not in allowed)
        raise StatementInvalid(f"{path}.{unknown}".lstrip("."), "is not known here")
    for name, inner in value.items():
        if inner is None:
            raise StatementInvalid(f"{path}.{name}".lstrip("."), "must not be null")
    return value


def _array(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise StatementInvalid(path, "must be an array")
    return value


def _string(value: Any, path: str) -> None:
    if not isinstance(value, str):
        raise StatementInvalid(path, "must be a string")


def _uuid(value: Any, path: str) -> None:
    if values.parse_uuid(value) is None:
        raise StatementInvalid(path, "must be a UUID in its standard form")


def _time(value: Any, path: str, v2: bool) -> None:
    if values.moment(value, rfc3339=v2) is None:
        raise StatementInvalid(path, "must be a time of " + ("RFC 3339" if v2 else "ISO 8601"))
