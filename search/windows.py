"""Captions cut into stretches that can be found: windows of four cues, every second cue one begins. Pure.

A cue of captions is half a sentence; a query often holds words of two or three. Windows overlap, so that
every such sentence lies whole in one of them. shared/search.md of the project measured four and two.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["SIZE", "STRIDE", "Cue", "cues_of", "opened_at", "windows_of"]

SIZE, STRIDE = 4, 2


class Cue(NamedTuple):
    """What was said from `start_s` to `end_s` (seconds from the beginning of the video)."""

    start_s: float
    end_s: float
    text: str


def windows_of(cues: Sequence[Cue]) -> Iterable[tuple[int, Sequence[Cue]]]:
    """`cues`, in order of time, as (number, window); the last one reaches the end and may be shorter than SIZE."""
    for number, first in enumerate(range(0, len(cues), STRIDE)):
        yield number, cues[first : first + SIZE]
        if first + SIZE >= len(cues):
            return


def cues_of(row: Mapping[str, Any]) -> list[Cue]:
    """The cues of what an index has stored (entries.entry_of); [] for what is no stretch of captions."""
    found, at = [], 0
    for start_s, end_s, length in row.get("cues", ()):
        found.append(Cue(start_s, end_s, row["body"][at : at + length]))
        at += length + 1
    return found


def opened_at(url: str, second: float) -> str:
    """`url` (with `{s}` for the second, see Document) at `second`, which is cut to a whole one: nothing said is missed."""
    return url.replace("{s}", str(int(second)))
