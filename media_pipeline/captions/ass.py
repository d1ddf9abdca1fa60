"""Advanced SubStation Alpha (.ass) and its forerunner .ssa: words and times, nothing of the styling. Pure.

Source: the format's description in libass and Aegisub («ASS tags», «Format» lines of [Events]).
"""

import re

from media_pipeline.captions.cue import MAX_CUES, Cue, tidy_text
from media_pipeline.captions.sentences import CaptionsRefused
from media_pipeline.captions.times import milliseconds

__all__ = ["TOP", "parse_ass", "without_overrides"]

TOP = "line:0"
"""WebVTT's word for the upper edge: \\an7 to \\an9."""

_OVERRIDE = re.compile(r"\{([^{}]*)\}")
_USUAL = ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text"]


def parse_ass(text: str, unreadable: list[tuple[int, str]] | None = None) -> list[Cue]:
    """The Dialogue lines in the order of time; comments and drawings are left out.

    Columns are found by the Format line of [Events], wherever they stand. `unreadable` as in
    parse_vtt. Raises CaptionsRefused TOO_MANY.
    """
    cues: list[Cue] = []
    columns = _USUAL
    for number, line in enumerate(re.split("\r\n|\r|\n", text.removeprefix("\ufeff")), start=1):
        kind, colon, rest = line.partition(":")
        kind = kind.strip().lower()
        if kind == "format" and colon:
            named = [name.strip().lower() for name in rest.split(",")]
            if {"start", "end", "text"} <= set(named):
                columns = named
        elif kind == "dialogue" and colon:
            values = rest.split(",", len(columns) - 1)
            row = dict(zip(columns, values, strict=False))
            begin = milliseconds(row.get("start", ""))
            end = milliseconds(row.get("end", ""))
            if begin is None or end is None:
                if unreadable is not None:
                    unreadable.append((number, line))
                continue
            words, above = without_overrides(row.get("text", ""))
            cues.append(Cue(begin, end, tidy_text(words), TOP if above else ""))
            if len(cues) > MAX_CUES:
                raise CaptionsRefused("TOO_MANY", limit=MAX_CUES)
    return sorted(cues, key=lambda cue: (cue.begin_ms, cue.end_ms))


def without_overrides(text: str) -> tuple[str, bool]:
    """The words without `{…}` and drawings (\\p1 … \\p0), \\N and \\n as line ends; True when put at the top."""
    words, above, drawing, last = [], False, False, 0
    for found in _OVERRIDE.finditer(text):
        inside = found.group(1)
        if not inside.startswith("\\") and "\\" not in inside:
            continue  # braces that somebody wrote: «{第一章}»
        if not drawing:
            words.append(text[last : found.start()])
        last = found.end()
        above = above or bool(re.search(r"\\an[789]|\\a(5|6|7)(?!\d)", inside))
        if drawn := re.findall(r"\\p(\d+)", inside):
            drawing = drawn[-1] != "0"
    if not drawing:
        words.append(text[last:])
    plain = "".join(words)
    return re.sub(r"\\[Nn]", "\n", plain).replace("\\h", " "), above
