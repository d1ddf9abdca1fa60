"""Whose a stretch of time is: of several devices that were used one after the other, each gets the time in which it played.

Pure. Turns (turns.py) are given when a session is first heard of, which may be hours after it was played; so a turn may
hold time in which its device stood still and another played. What the log says of when each beat was played tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from courses.archive.packing import unpack

__all__ = ["Played", "Span", "gaps", "hull", "length", "overlap", "took", "touched"]

Span = tuple[datetime, datetime]
"""[from, until) by our clock."""

MOST_MS = 63_000
"""No beat that claims more of a lesson can count (spans.py: 30 s at twice the speed, and 3 s)."""


@dataclass(frozen=True, slots=True)
class Played:
    """When one beat was played, by our clock as far as the phone's tells, and when the school heard of it.

    `took` is how long playing it takes (see there), which may be more than what is left of it after the lesson was opened.
    """

    began_at: datetime
    ended_at: datetime
    heard_at: datetime
    took: timedelta


def took(packed: bytes) -> timedelta:
    """The time that playing a beat (packing.py) takes: of the lesson, by its speed. No beat counts more than that, times
    the speed that is allowed; one that cannot count takes none. ValueError for bytes that are no beat."""
    body = unpack(packed)
    claim_ms = sum(end - start for start, end in body["intervals"])
    too_much = claim_ms > MOST_MS and "confirmed" not in body["flags"]
    if too_much or "idle" in body["flags"] or not body["rate"]:
        return timedelta()
    return timedelta(milliseconds=claim_ms / body["rate"])


def length(spans: Iterable[Span]) -> timedelta:
    return sum((until - since for since, until in spans), timedelta())


def overlap(one: Span, other: Span) -> Span | None:
    """What both have; None when that is nothing."""
    since, until = max(one[0], other[0]), min(one[1], other[1])
    return (since, until) if since < until else None


def gaps(spans: Iterable[Span], since: datetime, until: datetime) -> list[Span]:
    """What of [since, until) lies in none of `spans`, in order."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if start > since and since < until:
            found.append((since, min(start, until)))
        since = max(since, end)
    return [*found, (since, until)] if since < until else found


def hull(gap: Span, beats: Sequence[Played]) -> Span | None:
    """What of `gap` lies between the first and the last of `beats` in it; None when none is."""
    inside = [beat for beat in beats if overlap(gap, (beat.began_at, beat.ended_at))]
    if not inside:
        return None
    return overlap(gap, (min(beat.began_at for beat in inside), max(beat.ended_at for beat in inside)))


def touched(gap: Span, beats: Sequence[Played], slack: timedelta) -> bool:
    """Whether one of `beats` was played in `gap`: all of it or more than `slack`. Clocks are no better than that."""
    for beat in beats:
        span = (beat.began_at, beat.ended_at)
        common = overlap(gap, span)
        if common and length([common]) >= min(length([span]), slack):
            return True
        if beat.began_at == beat.ended_at and gap[0] <= beat.ended_at <= gap[1]:
            return True
    return False
