"""SubRip (.srt) as it really comes: comma or dot, empty lines missing or too many, tags of other formats. Pure."""

import re
from collections.abc import Iterable

from media_pipeline.captions.ass import TOP, without_overrides
from media_pipeline.captions.cue import MAX_CUES, Cue, tidy_text
from media_pipeline.captions.sentences import CaptionsRefused
from media_pipeline.captions.times import ARROW, clock_srt, timing

__all__ = ["parse_srt", "write_srt"]

_TAG = re.compile(
    r"</?(?:b|i|u|s|c|v|font|ruby|rt|lang|span|p|div|a|script|style|img|iframe|svg)(?:[\s.=/][^<>]*)?/?>",
    re.I,
)
_BREAK = re.compile(r"<br\s*/?>", re.I)


def parse_srt(text: str, unreadable: list[tuple[int, str]] | None = None) -> list[Cue]:
    """Cues in the order of the file. Every line with two times begins one, whatever stands around it.

    The number above the times is left out, and only in files that number their cues: «2026» alone
    may also be what somebody says. `unreadable` as in parse_vtt. Raises CaptionsRefused TOO_MANY.
    """
    lines = re.split("\r\n|\r|\n", text.removeprefix("\ufeff"))
    found: list[tuple[int, int, list[str]]] = []
    numbered = False
    waiting: list[str] = []
    target: list[str] | None = None
    for number, line in enumerate(lines, start=1):
        times = timing(line)
        if times is None and not ARROW.search(line):
            (waiting if target is None else target).append(line)
            continue
        above = waiting if target is None else target
        while above and not above[-1].strip():
            above.pop()
        if above and above[-1].strip().isdecimal() and (numbered or not found):
            above.pop()
            numbered = True
        target = []
        if times is None:
            if unreadable is not None:
                unreadable.append((number, line))
            continue
        found.append((times[0], times[1], target))
        if len(found) > MAX_CUES:
            raise CaptionsRefused("TOO_MANY", limit=MAX_CUES)
    return [Cue(begin, end, *_plain("\n".join(words))) for begin, end, words in found]


def _plain(text: str) -> tuple[str, str]:
    words, above = without_overrides(_BREAK.sub("\n", text))
    return tidy_text(_TAG.sub("", words)), TOP if above else ""


def write_srt(cues: Iterable[Cue]) -> str:
    """The cues as a numbered SubRip file, with the line ends that Windows programs expect."""
    blocks = [
        f"{number}\n{clock_srt(cue.begin_ms)} --> {clock_srt(cue.end_ms)}\n{cue.text}\n"
        for number, cue in enumerate(cues, start=1)
    ]
    return "\n".join(blocks).replace("\n", "\r\n")
