"""From an uploaded file to cues: encoding, format, words, mending. Pure."""

import re
from dataclasses import dataclass

from media_pipeline.captions.ass import parse_ass
from media_pipeline.captions.cue import MAX_BYTES, Cue
from media_pipeline.captions.encoding import decode
from media_pipeline.captions.mending import mended
from media_pipeline.captions.sentences import CaptionsRefused, Note
from media_pipeline.captions.srt import parse_srt
from media_pipeline.captions.times import ARROW
from media_pipeline.captions.vtt import parse_vtt

__all__ = ["Reading", "read"]

_SHOWN = 5


@dataclass(frozen=True)
class Reading:
    """What a file holds: `format` is VTT, SRT or ASS, `encoding` a key of ENCODINGS, `notes` what was mended."""

    cues: list[Cue]
    format: str
    encoding: str
    notes: list[Note]


def read(data: bytes, *, encoding: str = "", duration_ms: int = 0) -> Reading:
    """Read a captions file by what is in it; its name is not asked.

    `encoding` "" finds out. Raises CaptionsRefused with a sentence for the editor; the first
    line that cannot be read is named.
    """
    if len(data) > MAX_BYTES:
        raise CaptionsRefused("TOO_BIG", limit=f"{MAX_BYTES // 1_000_000} MB")
    decoded = decode(data, encoding)
    text = decoded.text.lstrip("\ufeff \t\r\n")
    unreadable: list[tuple[int, str]] = []
    before = decoded.text[: len(decoded.text) - len(text)].count("\n")
    if re.match(r"WEBVTT([ \t\r\n]|$)", text):
        kind, cues = "VTT", parse_vtt(text, unreadable)
    elif re.search(r"^\s*Dialogue\s*:", text, re.M | re.I) and re.search(r"^\s*\[", text, re.M):
        kind, cues = "ASS", parse_ass(text, unreadable)
    elif ARROW.search(text):
        kind, cues = "SRT", parse_srt(text, unreadable)
    else:
        raise CaptionsRefused("NO_TIMES", line=before + 1)
    if not cues and unreadable:
        line, words = unreadable[0]
        raise CaptionsRefused("BAD_TIME", line=before + line, text=words.strip()[:40])
    if not cues:
        raise CaptionsRefused("NO_TIMES", line=before + 1)
    row, changes = mended(cues, duration_ms=duration_ms)
    notes = [
        Note("LINE_LEFT_OUT", {"line": before + line, "text": words.strip()[:40]})
        for line, words in unreadable[:_SHOWN]
    ]
    if len(unreadable) > _SHOWN:
        notes.append(Note("MORE_LEFT_OUT", {"count": len(unreadable) - _SHOWN}))
    return Reading(row, kind, decoded.encoding, notes + changes)
