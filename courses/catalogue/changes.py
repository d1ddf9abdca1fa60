"""A changed lesson: what carries over to its new version, where the new part is, how new a text is. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = [
    "READING_CHARACTERS_PER_MINUTE",
    "BadStretch",
    "Carry",
    "Change",
    "new_characters",
    "read_stretches",
    "reading_time_s",
    "tidy_stretches",
    "write_stretches",
]

READING_CHARACTERS_PER_MINUTE = 300
"""Product default for the time that a reading lesson is published with, when the editor gives none."""

NEW_TEXT_ASKS = 60
"""So many new characters (about two sentences) are more than a correction: the editor is asked."""

_PIECE = 4
_SEPARATORS = re.compile(r"[,，、;；\n]+")
_STRETCH = re.compile(r"\s*([\d:：]+)\s*(?:-|–|—|~|～|至|到)+\s*([\d:：]+)\s*")
_TIME = re.compile(r"(?:(\d{1,2}):)?(\d{1,3}):(\d{2})")


class Carry(models.TextChoices):
    """What of a member's study of the version before holds for the new one (issue 5, line 4)."""

    KEEP = "KEEP", _("What was studied stays valid")
    NEW_PART = "NEW_PART", _("Only the new part is to be studied")
    AGAIN = "AGAIN", _("Everybody studies the lesson again")


@dataclass(frozen=True)
class Change:
    """What publishing a page would change for those who studied it: lengths in seconds."""

    kind: str
    before_s: int
    after_s: int
    other_lecture: bool
    new_characters: int = 0

    @property
    def new_text_s(self) -> int:
        """Seconds that reading the new characters takes; 0 when there are none."""
        return reading_time_s(self.new_characters) if self.new_characters else 0

    @property
    def asks(self) -> bool:
        """Whether the editor is to say what carries over; a few corrected words of a text are no question."""
        return self.other_lecture or self.before_s != self.after_s or self.new_characters >= NEW_TEXT_ASKS


class BadStretch(ValueError):
    """A stretch «from – to» that cannot be read, or that ends before it begins; the argument is what was typed."""


def reading_time_s(characters: int) -> int:
    """Seconds that a text of so many characters takes, in whole minutes, at least one."""
    return max(1, math.ceil(characters / READING_CHARACTERS_PER_MINUTE)) * 60


def _pieces(text: str) -> Counter[str]:
    flat = "".join(text.split())
    return Counter(flat[at : at + _PIECE] for at in range(max(1, len(flat) - _PIECE + 1)))


def new_characters(before: str, after: str) -> int:
    """About how many characters of `after` are not in `before`, wherever they stand; moved text is not new.

    Counts the pieces of four characters that `before` lacks, so that one corrected character counts as at
    most four. 0 for the same text; whitespace does not matter.
    """
    return (_pieces(after) - _pieces(before)).total() if after.strip() else 0


def _seconds(text: str) -> int:
    found = _TIME.fullmatch(text.replace("：", ":"))
    if not found or int(found[3]) > 59:
        raise BadStretch(text)
    return int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])


def read_stretches(text: str) -> list[list[int]]:
    """Stretches as an editor types them: «10:00-13:30，1:02:00 至 1:05:00» → [[600, 810], [3720, 3900]].

    Raises BadStretch. Overlapping ones are joined.
    """
    found = []
    for part in filter(str.strip, _SEPARATORS.split(text)):
        match = _STRETCH.fullmatch(part)
        if not match:
            raise BadStretch(part.strip())
        start, end = _seconds(match[1]), _seconds(match[2])
        if start >= end:
            raise BadStretch(part.strip())
        found.append([start, end])
    return tidy_stretches(found)


def write_stretches(stretches: Iterable[Sequence[int]]) -> str:
    """[[600, 810]] → «10:00-13:30», as `read_stretches` reads it."""
    return ", ".join(f"{_clock(start)}-{_clock(end)}" for start, end in stretches)


def _clock(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def tidy_stretches(stretches: Any, *, seconds: int | None = None) -> list[list[int]]:
    """In order, joined where they touch, and cut to a lesson of `seconds`; what lies outside is dropped."""
    tidy: list[list[int]] = []
    for start, end in sorted((int(start), int(end)) for start, end in stretches):
        start, end = max(0, start), end if seconds is None else min(end, seconds)
        if start >= end:
            continue
        if tidy and start <= tidy[-1][1]:
            tidy[-1][1] = max(tidy[-1][1], end)
        else:
            tidy.append([start, end])
    return tidy
