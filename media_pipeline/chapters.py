"""Chapters of a lecture from the moments when its slides change. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["MOST", "THRESHOLD", "Page", "changes_of", "least_gap_s", "pages"]

THRESHOLD = 2.0
"""scdet's score above which a slide has changed: 1 to 4 find every change of a lecture's slides, 8 misses them."""
MOST = 60
"""More chapters than this help nobody to find a place."""


@dataclass(frozen=True)
class Page:
    """A chapter to be: it begins at `begin_ms`, and `number` slides have been shown by then."""

    begin_ms: int
    number: int


def changes_of(said: str) -> list[float]:
    """Seconds of scene changes out of what `metadata=print` of ffmpeg's scdet says (`lavfi.scd.time=12.04`)."""
    return [float(found) for found in re.findall(r"^lavfi\.scd\.time=([\d.]+)$", said, flags=re.MULTILINE)]


def least_gap_s(duration_s: float) -> float:
    """How long a slide must stand to be a chapter: 3 s in a short clip, 20 s from 20 min on."""
    return min(20.0, max(3.0, duration_s / 60))


def pages(changes: Sequence[float], duration_s: float, *, most: int = MOST) -> list[Page]:
    """Chapters: the first at 0, then one a slide change, never closer than `least_gap_s`, `most` at most.

    Changes that follow each other quickly (leafing through, an animation) belong to the chapter
    that has begun, but are counted, so that numbers follow the slides. [] when nothing changes.
    """
    within = sorted({change for change in changes if 0 < change < duration_s - 1})
    gap = least_gap_s(duration_s)
    while True:
        found = [Page(0, 1)]
        for number, change in enumerate(within, 2):
            if change - found[-1].begin_ms / 1000 >= gap - 0.02:
                found.append(Page(round(change * 1000), number))
        if len(found) <= most:
            return found if len(found) > 1 else []
        gap *= 1.25
