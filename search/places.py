"""What an engine found, as a reader wants it: overlapping stretches of captions told as places of a lecture. Pure.

Done here and not in the engines, so that all of them answer alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from search.cues import best_cue
from search.query import Plan
from search.windows import Cue, cues_of

__all__ = ["MOST_MOMENTS", "Found", "gathered", "number_of"]

MOST_MOMENTS = 3
"""Places of one lecture that stand together in a list of all kinds."""


@dataclass
class Found:
    """One entry of a list of hits. `cue` is the place that was meant (None: no captions); `others` are further
    places of the same lecture, best first, each with the row in which it stands."""

    score: float
    row: dict[str, Any]
    cue: Cue | None = None
    others: list[tuple[dict[str, Any], Cue]] = field(default_factory=list)


def gathered(
    rows: Sequence[tuple[float, dict[str, Any]]], plan: Plan, *, together: bool, wanted: int
) -> list[Found]:
    """`rows`, best first, with every place of a lecture once: windows overlap, and two may mean the same cue.

    With `together` one entry a lecture, and its further places (MOST_MOMENTS in all) among the `others` of its
    best one; else one entry a place. Stops after `wanted` entries; those that are there have their places
    of all `rows`.
    """
    found: list[Found] = []
    lectures: dict[str, Found] = {}
    known: set[tuple[str, float, float]] = set()
    for score, row in rows:
        cues = cues_of(row)
        if not cues:
            if len(found) < wanted:
                found.append(Found(score, row))
            continue
        lecture = lectures.get(row["group"]) if together else None
        if len(found) >= wanted if lecture is None else len(lecture.others) + 1 >= MOST_MOMENTS:
            continue
        cue = cues[best_cue(cues, plan)]
        place = (row["group"], cue.start_s, cue.end_s)
        if place in known:
            continue
        known.add(place)
        if lecture is not None:
            lecture.others.append((row, cue))
        else:
            found.append(Found(score, row, cue))
            lectures[row["group"]] = found[-1]
    return found


def number_of(rows: Sequence[tuple[float, dict[str, Any]]], plan: Plan) -> int:
    """How many places there are in `rows`: what a list of captions alone would show."""
    apart = gathered(rows, plan, together=False, wanted=len(rows))
    return sum(one.cue is not None for one in apart)
