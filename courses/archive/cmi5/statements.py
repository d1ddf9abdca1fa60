"""The statements that we make ourselves: launched, abandoned, waived, satisfied; and the launch data. Pure."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from courses.archive.cmi5.structure import Au, Text
from courses.archive.cmi5.vocabulary import (
    ABANDONED,
    BLOCK_TYPE,
    CATEGORY_CMI5,
    CATEGORY_MOVE_ON,
    COURSE_TYPE,
    EXTENSION,
    LAUNCHED,
    REASON,
    SATISFIED,
    WAIVED,
    display,
)

__all__ = ["Speaker", "abandoned", "duration", "launch_data", "launched", "satisfied", "waived"]


@dataclass(frozen=True)
class Speaker:
    """In whose session a statement is made: `actor` in `registration`, session id `session`, at `at`."""

    actor: dict[str, Any]
    registration: str
    session: str
    at: datetime


def launched(
    by: Speaker, au: Au, *, activity_id: str, launch_url: str, mode: str, mastery_score: Decimal | None
) -> dict[str, Any]:
    """`launch_url` is without the parameters that the launch adds (cmi5 §9.6.3.4)."""
    extensions: dict[str, Any] = {"launchmode": mode, "launchurl": launch_url, "moveon": au.move_on}
    if mastery_score is not None:
        extensions["masteryscore"] = float(mastery_score)
    if au.launch_parameters is not None:
        extensions["launchparameters"] = au.launch_parameters
    return _statement(by, LAUNCHED, _au(activity_id, au), publisher=au.id, extensions=extensions)


def abandoned(by: Speaker, *, activity_id: str, publisher_id: str, length: timedelta) -> dict[str, Any]:
    """`length` is from the launch to the AU's last statement (cmi5 §9.5.4.2)."""
    said = _statement(by, ABANDONED, {"id": activity_id, "objectType": "Activity"}, publisher=publisher_id)
    return said | {"result": {"duration": duration(length)}}


def waived(by: Speaker, au: Au, *, activity_id: str, reason: str) -> dict[str, Any]:
    said = _statement(by, WAIVED, _au(activity_id, au), publisher=au.id, move_on=True)
    return said | {"result": {"success": True, "completion": True, "extensions": {REASON: reason}}}


def satisfied(
    by: Speaker, *, activity_id: str, publisher_id: str, title: Text, whole_course: bool
) -> dict[str, Any]:
    """For a block, or for the whole course."""
    definition = {"type": COURSE_TYPE if whole_course else BLOCK_TYPE, "name": _languages(title)}
    thing = {"id": activity_id, "objectType": "Activity", "definition": definition}
    return _statement(by, SATISFIED, thing, publisher=publisher_id)


def launch_data(
    au: Au, *, session: str, mode: str, mastery_score: Decimal | None, return_url: str = ""
) -> dict[str, Any]:
    """The document LMS.LaunchData of one launch (cmi5 §10)."""
    document: dict[str, Any] = {
        "contextTemplate": {
            "contextActivities": {"grouping": [{"id": au.id}]},
            "extensions": {f"{EXTENSION}sessionid": session},
        },
        "launchMode": mode,
        "moveOn": au.move_on,
    }
    if au.launch_parameters is not None:
        document["launchParameters"] = au.launch_parameters
    if mastery_score is not None:
        document["masteryScore"] = float(mastery_score)
    if return_url:
        document["returnURL"] = return_url
    if au.entitlement_key is not None:
        document["entitlementKey"] = {"courseStructure": au.entitlement_key}
    return document


def duration(length: timedelta) -> str:
    """An ISO 8601 duration with two decimals, e.g. PT75.50S; never below zero."""
    return f"PT{max(0.0, length.total_seconds()):.2f}S"


def _statement(
    by: Speaker,
    verb: str,
    thing: dict[str, Any],
    *,
    publisher: str,
    extensions: dict[str, Any] | None = None,
    move_on: bool = False,
) -> dict[str, Any]:
    categories = [CATEGORY_CMI5, *([CATEGORY_MOVE_ON] if move_on else [])]
    return {
        "id": str(uuid.uuid4()),
        "timestamp": by.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "actor": by.actor,
        "verb": {"id": verb, "display": display(verb)},
        "object": thing,
        "context": {
            "registration": by.registration,
            "contextActivities": {
                "category": [{"id": one} for one in categories],
                "grouping": [{"id": publisher}],
            },
            "extensions": {
                f"{EXTENSION}{name}": value
                for name, value in {"sessionid": by.session, **(extensions or {})}.items()
            },
        },
    }


def _au(activity_id: str, au: Au) -> dict[str, Any]:
    definition: dict[str, Any] = {"name": _languages(au.title), "description": _languages(au.description)}
    if au.activity_type:
        definition["type"] = au.activity_type
    return {"id": activity_id, "objectType": "Activity", "definition": definition}


def _languages(text: Text) -> dict[str, str]:
    """A language map; words without a language are «und» (RFC 5646 §4.1)."""
    return {one.lang or "und": one.text for one in text}
