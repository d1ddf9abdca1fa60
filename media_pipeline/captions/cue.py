"""One caption and what it may be: from when to when, which words, where in the picture. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

__all__ = ["MAX_BYTES", "MAX_CUES", "MAX_TEXT", "Cue", "tidy_settings", "tidy_text"]

MAX_BYTES = 4_000_000
"""A lecture of twelve hours has about 700 kB of captions."""
MAX_CUES = 20_000
MAX_TEXT = 1000
"""Characters of one cue; a screen shows about 60."""


@dataclass(frozen=True)
class Cue:
    """What is said from `begin_ms` up to `end_ms`, counted from the lecture's first frame.

    `text` is plain: no tags, no entities, lines parted by "\\n", none of them empty (see tidy_text).
    `settings` are the WebVTT cue settings that were kept, e.g. "line:0" for the upper edge
    (W3C WebVTT §4.4), "" for the usual place.
    """

    begin_ms: int
    end_ms: int
    text: str
    settings: str = ""

    def shifted(self, by_ms: int) -> "Cue":
        return replace(self, begin_ms=self.begin_ms + by_ms, end_ms=self.end_ms + by_ms)


_BREAKS = re.compile("\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]")
_DIRECTION = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0xFEFF])


def tidy_text(text: str) -> str:
    """`text` as a cue may hold it: no control or direction characters, no empty line, no space at the edges.

    Twice is once.
    """
    lines = []
    for line in _BREAKS.split(text.translate(_DIRECTION).replace("\t", " ")):
        clean = "".join(sign for sign in line if unicodedata.category(sign) not in {"Cc", "Cs"}).strip()
        if clean:
            lines.append(clean)
    return "\n".join(lines)


_SETTING = {
    "vertical": re.compile(r"rl|lr"),
    "line": re.compile(r"(-?\d{1,3}|\d{1,3}(\.\d{1,6})?%)(,(start|center|end))?"),
    "position": re.compile(r"\d{1,3}(\.\d{1,6})?%(,(line-left|center|line-right))?"),
    "size": re.compile(r"\d{1,3}(\.\d{1,6})?%"),
    "align": re.compile(r"start|center|end|left|right"),
}


def tidy_settings(settings: str | Iterable[str]) -> str:
    """The settings that mean something without a region (W3C WebVTT §4.4), each once, in the order given."""
    words = settings.split() if isinstance(settings, str) else settings
    kept: dict[str, str] = {}
    for word in words:
        name, _, value = word.partition(":")
        rule = _SETTING.get(name)
        if rule is not None and name not in kept and rule.fullmatch(value):
            kept[name] = value
    return " ".join(f"{name}:{value}" for name, value in kept.items())
