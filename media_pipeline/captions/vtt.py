"""WebVTT (https://www.w3.org/TR/webvtt1/), read and written. Pure."""

import html
import re
from collections.abc import Iterable, Iterator

from media_pipeline.captions.cue import MAX_CUES, Cue, tidy_settings, tidy_text
from media_pipeline.captions.sentences import CaptionsRefused
from media_pipeline.captions.times import clock_vtt, timing

__all__ = ["parse_vtt", "write_vtt"]

_VOICE = re.compile(r"^\s*<v(?:\.[^\s>]*)?\s+([^>]+)>")
_TAG = re.compile(r"<[^<>]*>")


def parse_vtt(text: str, unreadable: list[tuple[int, str]] | None = None) -> list[Cue]:
    """Cues in the order of the file; NOTE, STYLE and REGION blocks are left out.

    Tags are taken off; a voice `<v 张三>` at the beginning stays as «张三：». `unreadable` receives number
    and text of lines whose times make no sense. Raises CaptionsRefused NO_TIMES (no header), TOO_MANY.
    """
    lines = re.split("\r\n|\r|\n", text.removeprefix("\ufeff"))
    if not re.match(r"WEBVTT([ \t]|$)", lines[0]):
        raise CaptionsRefused("NO_TIMES", line=1)
    cues: list[Cue] = []
    for number, block in _blocks(lines):
        if re.match(r"(NOTE|STYLE|REGION)([ \t]|$)", block[0]) and "-->" not in block[0]:
            continue
        at = next((place for place, line in enumerate(block[:2]) if "-->" in line), None)
        if at is None:
            continue
        found = timing(block[at])
        if found is None:
            if unreadable is not None:
                unreadable.append((number + at, block[at]))
            continue
        begin, end, rest = found
        cues.append(Cue(begin, end, _plain("\n".join(block[at + 1 :])), tidy_settings(rest)))
        if len(cues) > MAX_CUES:
            raise CaptionsRefused("TOO_MANY", limit=MAX_CUES)
    return cues


def _blocks(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Runs of lines without an empty one, each with the number (1…) of its first.

    A line with an arrow begins a new block even without an empty line before it (§6.1, "collect a block").
    """
    block: list[str] = []
    begins = 1
    for number, line in enumerate(lines, start=1):
        timed = "-->" in line
        if block and (not line.strip() or (timed and any("-->" in earlier for earlier in block))):
            yield begins, block
            block = []
        if line.strip():
            if not block:
                begins = number
            block.append(line)
    if block:
        yield begins, block


def _plain(text: str) -> str:
    voice = _VOICE.match(text)
    if voice:
        text = f"{voice.group(1).strip()}：{text[voice.end() :]}"
    return tidy_text(html.unescape(_TAG.sub("", text)))


def write_vtt(cues: Iterable[Cue]) -> str:
    """The cues as a WebVTT file; `parse_vtt` gives back the same. What could end a cue or begin a tag is escaped."""
    blocks = ["WEBVTT\n"]
    for cue in cues:
        where = f" {cue.settings}" if cue.settings else ""
        words = cue.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        blocks.append(f"{clock_vtt(cue.begin_ms)} --> {clock_vtt(cue.end_ms)}{where}\n{words}\n")
    return "\n".join(blocks)
