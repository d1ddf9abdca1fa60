"""Cues as a player can show them: in order, with a length, inside the lecture. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from media_pipeline.captions.cue import MAX_CUES, MAX_TEXT, Cue, tidy_settings, tidy_text
from media_pipeline.captions.sentences import CaptionsRefused, Note
from media_pipeline.captions.times import clock_vtt

__all__ = ["checked", "mended"]

_MOMENT_MS = 1500
_MAX_MS = 100 * 3600 * 1000 - 1


def checked(cues: Iterable[Cue], *, duration_ms: int = 0) -> list[Cue]:
    """What an editor typed, made safe to keep, and nothing else changed: in order, tidy, each with a length.

    Overlaps stay (the editor is warned while typing). Cues without words are left out. An end beyond the lecture
    is drawn in; a begin beyond it stays where it is. Raises CaptionsRefused TOO_MANY, TEXT_TOO_LONG.
    """
    kept: list[Cue] = []
    for number, cue in enumerate(cues, start=1):
        if number > MAX_CUES:
            raise CaptionsRefused("TOO_MANY", limit=MAX_CUES)
        words = tidy_text(cue.text)
        if len(words) > MAX_TEXT:
            at = clock_vtt(max(0, cue.begin_ms))
            raise CaptionsRefused("TEXT_TOO_LONG", at=at, length=len(words), limit=MAX_TEXT)
        begin = min(max(0, cue.begin_ms), _MAX_MS - 1)
        end = min(cue.end_ms, _MAX_MS)
        if duration_ms and begin < duration_ms:
            end = min(end, duration_ms)
        if words:
            kept.append(Cue(begin, max(end, begin + 1), words, tidy_settings(cue.settings)))
    return sorted(kept, key=lambda cue: (cue.begin_ms, cue.end_ms))


def mended(cues: list[Cue], *, duration_ms: int = 0) -> tuple[list[Cue], list[Note]]:
    """A file's cues made right, and what was changed. `duration_ms` 0: the lecture's length is unknown.

    No words: left out. Same times: joined line by line. No length: a moment. Overlap: the
    earlier ends where the later begins (players show one at a time). Beyond the lecture: left out, or drawn in.
    Raises CaptionsRefused NO_WORDS, ALL_BEYOND, TOO_MANY, TEXT_TOO_LONG.
    """
    counts = dict.fromkeys(("EMPTY_ONES", "NO_LENGTH", "BEYOND", "MERGED", "OVERLAPS"), 0)
    spoken = []
    for cue in cues:
        if not tidy_text(cue.text):
            counts["EMPTY_ONES"] += 1
            continue
        if cue.end_ms <= cue.begin_ms:
            counts["NO_LENGTH"] += 1
            cue = replace(cue, end_ms=cue.begin_ms + _MOMENT_MS)
        spoken.append(cue)
    if not spoken:
        raise CaptionsRefused("NO_WORDS")
    inside = [cue for cue in spoken if not duration_ms or cue.begin_ms < duration_ms]
    if not inside:
        raise CaptionsRefused("ALL_BEYOND", end=clock_vtt(duration_ms))
    counts["BEYOND"] = len(spoken) - len(inside)
    row: list[Cue] = []
    for cue in checked(inside, duration_ms=duration_ms):
        last = row[-1] if row else None
        if last is not None and cue.begin_ms == last.begin_ms:
            counts["MERGED"] += 1
            both = last.text if cue.text in last.text.split("\n") else f"{last.text}\n{cue.text}"
            row[-1] = replace(last, text=both, end_ms=max(last.end_ms, cue.end_ms))
            continue
        if last is not None and cue.begin_ms < last.end_ms:
            counts["OVERLAPS"] += 1
            row[-1] = replace(last, end_ms=cue.begin_ms)
        row.append(cue)
    row = checked(row, duration_ms=duration_ms)
    return row, [Note(code, {"count": count}) for code, count in counts.items() if count]
