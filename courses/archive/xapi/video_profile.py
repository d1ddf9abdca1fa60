"""The xAPI Video Profile: reading what players send, and writing what our own player did. Pure.

Reading is tolerant of how things are written and trusts nothing that was reckoned: only `played-segments`
count, clamped to the length and united; `progress` and `completed` are claims (archive.md §3).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from courses.archive.xapi import values

__all__ = [
    "Session",
    "Watched",
    "beyond",
    "covered_s",
    "parse_segments",
    "read",
    "session_statements",
    "united",
    "write_segments",
]

CATEGORY = "https://w3id.org/xapi/video"
VIDEO = "https://w3id.org/xapi/video/activity-type/video"
EXTENSIONS = "https://w3id.org/xapi/video/extensions/"
ADL = "http://adlnet.gov/expapi/verbs/"
VERBS = {name: ADL + name for name in ("initialized", "completed", "terminated", "interacted")} | {
    name: "https://w3id.org/xapi/video/verbs/" + name for name in ("played", "paused", "seeked")
}
_NAMES = {iri: name for name, iri in VERBS.items()}
DISPLAY = {
    "initialized": {"zh-CN": "打开了", "en": "initialized"},
    "completed": {"zh-CN": "学完了", "en": "completed"},
    "paused": {"zh-CN": "暂停了", "en": "paused"},
    "terminated": {"zh-CN": "关闭了", "en": "terminated"},
}
THRESHOLD = 0.95

Segments = list[tuple[float, float]]


def parse_segments(text: object, length_s: float | None = None) -> Segments:
    """The union of `0.000[.]12.000[,]14[.]21`, in order, within [0, length_s]; what is no segment is dropped.

    Backward, empty and endless pieces are dropped, overlapping and touching ones become one.
    """
    found = []
    for piece in text.split("[,]") if isinstance(text, str) else ():
        ends = [_number(end) for end in piece.split("[.]")]
        if len(ends) != 2 or ends[0] is None or ends[1] is None:
            continue
        start, end = max(ends[0], 0.0), ends[1] if length_s is None else min(ends[1], length_s)
        if start < end:
            found.append((start, end))
    return united(found)


def united(segments: Iterable[tuple[float, float]]) -> Segments:
    """In order, overlapping and touching ones as one."""
    made: Segments = []
    for start, end in sorted(segments):
        if made and start <= made[-1][1]:
            made[-1] = (made[-1][0], max(end, made[-1][1]))
        else:
            made.append((start, end))
    return made


def beyond(segments: Segments, known: Segments) -> Segments:
    """What of united segments is not in the other ones."""
    found: Segments = []
    for start, end in segments:
        for known_start, known_end in known:
            if known_end <= start or known_start >= end:
                continue
            if start < known_start:
                found.append((start, known_start))
            start = known_end
        if start < end:
            found.append((start, end))
    return found


def covered_s(segments: Iterable[tuple[float, float]]) -> float:
    """Seconds within united segments, to the millisecond."""
    return round(sum(end - start for start, end in segments), 3)


def write_segments(segments: Iterable[tuple[float, float]]) -> str:
    """`0.000[.]12.000[,]14.000[.]21.000`."""
    return "[,]".join(f"{start:.3f}[.]{end:.3f}" for start, end in segments)


@dataclass(frozen=True)
class Watched:
    """What a statement of the profile says, reckoned anew. `claimed_progress` is what it said itself."""

    verb: str
    session: str
    length_s: float | None
    time_s: float | None
    segments: tuple[tuple[float, float], ...]
    progress: float | None
    """Share of the length that the segments cover, 0..1; None without a length."""
    reached: bool
    """Whether `progress` reaches the threshold."""
    claimed_progress: float | None
    claims_completion: bool
    speed: float = 1.0
    """At which it was played, e.g. 1.5."""


def read(statement: Mapping[str, Any]) -> Watched | None:
    """What a valid statement says by the Video Profile, or None when it is not one of the profile's."""
    verb = _NAMES.get(statement["verb"]["id"])
    context = statement.get("context", {})
    categories = context.get("contextActivities", {}).get("category", [])
    categories = categories if isinstance(categories, list) else [categories]
    if verb is None or not any(one["id"] == CATEGORY for one in categories):
        return None
    about, result = context.get("extensions", {}), statement.get("result", {})
    told = result.get("extensions", {})
    length = _number(about.get(EXTENSIONS + "length", told.get(EXTENSIONS + "length")))
    length = length if length and length > 0 else None
    segments = parse_segments(told.get(EXTENSIONS + "played-segments"), length)
    progress = None if length is None else min(1.0, round(covered_s(segments) / length, 3))
    threshold = _share(about.get(EXTENSIONS + "completion-threshold"))
    return Watched(
        verb=verb,
        session=str(about.get(EXTENSIONS + "session-id", "")),
        length_s=length,
        time_s=_number(told.get(EXTENSIONS + "time")),
        segments=tuple(segments),
        progress=progress,
        reached=progress is not None and progress >= (THRESHOLD if threshold is None else threshold),
        claimed_progress=_share(told.get(EXTENSIONS + "progress")),
        claims_completion=verb == "completed" or result.get("completion") is True,
        speed=_speed(about.get(EXTENSIONS + "speed")),
    )


@dataclass(frozen=True)
class Session:
    """One play session of our own player: when, how far, and what was covered over all sessions by then."""

    session: UUID
    registration: UUID
    began_at: datetime
    ended_at: datetime
    length_s: int
    threshold: float
    position_s: float
    segments: Sequence[tuple[float, float]]
    completed_at: datetime | None = None
    """When the lesson was completed, if it was in this session."""


def session_statements(
    told: Session, *, actor: dict[str, Any], activity: str, title: str
) -> list[dict[str, Any]]:
    """initialized, (completed,) paused, terminated of one session, in the order of their timestamps.

    The ids follow from session and verb, so that writing them again changes nothing.
    """
    progress = min(1.0, round(covered_s(told.segments) / told.length_s, 3)) if told.length_s else 0.0
    ending = {
        EXTENSIONS + "time": round(told.position_s, 3),
        EXTENSIONS + "progress": progress,
        EXTENSIONS + "played-segments": write_segments(told.segments),
    }
    events: list[tuple[str, datetime, dict[str, Any]]] = [
        ("initialized", told.began_at, {}),
    ]
    if told.completed_at is not None:
        events.append(("completed", told.completed_at, {"completion": True, "extensions": ending}))
    events.append(("paused", told.ended_at, {"extensions": ending}))
    events.append(("terminated", told.ended_at, {"extensions": ending}))
    context = {
        "registration": str(told.registration),
        "contextActivities": {"category": [{"id": CATEGORY}]},
        "extensions": {
            EXTENSIONS + "session-id": str(told.session),
            EXTENSIONS + "length": told.length_s,
            EXTENSIONS + "completion-threshold": told.threshold,
        },
        "language": "zh-CN",
    }
    return [
        {
            "id": str(uuid5(told.session, verb)),
            "actor": actor,
            "verb": {"id": VERBS[verb], "display": DISPLAY[verb]},
            "object": {
                "objectType": "Activity",
                "id": activity,
                "definition": {"type": VIDEO, "name": {"zh-CN": title}},
            },
            **({"result": result} if result else {}),
            "context": context,
            "timestamp": values.as_text(at),
        }
        for verb, at, result in events
    ]


def _number(value: object) -> float | None:
    """A number, also one in a string («1.5», «1x»); None for everything else, and for the endless."""
    if isinstance(value, str):
        try:
            value = float(value.strip().rstrip("xX%"))
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _speed(value: object) -> float:
    number = _number(value)
    return number if number is not None and 0 < number <= 16 else 1.0


def _share(value: object) -> float | None:
    """A share 0..1; 33.0 is read as 0.33."""
    number = _number(value)
    if number is None or number < 0:
        return None
    return min(1.0, number / 100 if number > 1 else number)
