"""Marking what was found, in Python on the stored text, so that it does not depend on the engine. Pure."""

from collections.abc import Iterable

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from search import analysis

__all__ = ["Span", "excerpt", "mark", "merged", "nearest", "spans", "spoken_spans"]

Span = tuple[int, int]
ELLIPSIS = "……"
BLOCK, OVERLAP = 4000, 200
"""Characters of a long text that are looked at closely for an excerpt."""


def spans(text: str, parts: Iterable[str], whole: Iterable[str] = ()) -> list[Span]:
    """Where `parts` (normalised) or pairs of characters of them, or `whole` ones, stand in `text`, merged."""
    folded, places = analysis.normalise_with_positions(text)
    found: list[Span] = [span for one in whole for span in _occurrences(folded, one)]
    for part in parts:
        for run in analysis.runs(part):
            if not analysis.is_han(run):
                found.extend(_whole_words(folded, run))
                continue
            found.extend(_occurrences(folded, run))
            if len(run) > 2:
                for pair in analysis.bigrams(run):
                    found.extend(_occurrences(folded, pair))
    # Merged again: several signs that one sign was folded into (¼) have the same place.
    return merged((places[start], places[end - 1] + 1) for start, end in merged(found))


def spoken_spans(text: str, letters: str, *, blurred: bool = False) -> list[Span]:
    """Where Han characters of `text` are spoken (pinyin) or abbreviated (initials) as `letters`; `blurred`: where they
    sound as `letters`, made of `analysis.blurred` syllables, do."""
    if len(letters) < 2:
        return []
    folded, places = analysis.normalise_with_positions(text)
    sounds: list[tuple[int, int, str]] = []
    at = 0
    for run in analysis.runs(folded):
        start = folded.index(run, at)
        at = start + len(run)
        if analysis.is_han(run):
            spoken = analysis.syllables(run)
            spoken = [analysis.blurred(one) for one in spoken] if blurred else spoken
            sounds += [(start + i, start + i + 1, one) for i, one in enumerate(spoken)]
        else:
            sounds.append((start, at, run))
    found: list[Span] = []
    for first in range(len(sounds)):
        full = short = ""
        for begin, end, sound in sounds[first:]:
            full += sound
            short += sound[0] if end - begin == 1 else sound
            if letters in (full, short):
                found.append((sounds[first][0], end))
                break
            if len(short) > len(letters) or not (letters.startswith(short) or letters.startswith(full)):
                break
    # Merged again: several signs that one sign was folded into (¼) have the same place.
    return merged((places[start], places[end - 1] + 1) for start, end in merged(found))


def mark(text: str, marked: list[Span]) -> SafeString:
    """`text` as safe HTML, everything escaped, the spans inside <mark>."""
    parts: list[str] = []
    at = 0
    for start, end in marked:
        parts += [escape(text[at:start]), "<mark>", escape(text[start:end]), "</mark>"]
        at = end
    parts.append(escape(text[at:]))
    return mark_safe("".join(parts))


def excerpt(text: str, parts: Iterable[str], whole: Iterable[str] = (), *, length: int = 96) -> SafeString:
    """The about `length` characters of `text` that hold most of `parts`, marked, safe HTML.

    Without any of them, the beginning. Left-out text is shown by ……
    """
    parts, whole = list(parts), list(whole)
    everything = " ".join(text.split())
    skipped = _richest_block(everything, parts, whole)
    text = everything[skipped : skipped + BLOCK]
    marked = spans(text, parts, whole)
    if len(text) <= length:
        return mark(text, marked)
    start = _best_start(text, marked, length)
    end = min(len(text), start + length)
    start = max(0, end - length)
    inside = [(max(a, start) - start, min(b, end) - start) for a, b in marked if a < end and b > start]
    shown = mark(text[start:end], inside)
    before, after = ELLIPSIS if skipped + start else "", ELLIPSIS if skipped + end < len(everything) else ""
    return mark_safe(f"{before}{shown}{after}")


def _richest_block(text: str, parts: list[str], whole: list[str]) -> int:
    """Where the BLOCK characters of a long `text` begin that hold most different pieces of what is looked for.

    By plain finding, a hundred times quicker than `spans` on a text of 200,000 characters; 0 for a short one.
    """
    if len(text) <= BLOCK:
        return 0
    pieces = {*whole, *parts, *(pair for part in parts for pair in analysis.bigrams(part))}
    lower = text.lower() if len(text.lower()) == len(text) else text
    last = len(text) - BLOCK
    starts = [*range(0, last, BLOCK - OVERLAP), last]
    return max(starts, key=lambda at: sum(piece in lower[at : at + BLOCK] for piece in pieces))


def nearest(text: str, wanted: str) -> str:
    """The piece of the title `text` that `wanted` (normalised) may have been meant to be, or "".

    Equal in sound, or of the same length but for one and at most two characters (one, under five)
    away from it; never `wanted` itself.
    """
    if len(wanted) < 2 or not analysis.is_han(wanted):
        return ""
    folded = analysis.normalise(text)
    if wanted in folded:
        return ""
    sound = "".join(analysis.syllables(wanted))
    allowed = 1 if len(wanted) < 5 else 2
    best: tuple[int, bool, str] | None = None
    known = set(analysis.words(folded))
    for run in analysis.runs(folded):
        if not analysis.is_han(run):
            continue
        sounds = analysis.syllables(run)
        for size in (len(wanted), len(wanted) + 1, len(wanted) - 1):
            for start in range(0, len(run) - size + 1 if size > 1 else 0):
                piece = run[start : start + size]
                away = 0 if "".join(sounds[start : start + size]) == sound else distance(piece, wanted)
                if size < 3 and away:
                    continue
                found = (away, piece not in known, piece)
                if away <= allowed and (best is None or found[:2] < best[:2]):
                    best = found
    return best[2] if best else ""


def distance(one: str, other: str) -> int:
    """How many characters must be put in, left out or changed to make `other` of `one` (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def _occurrences(text: str, piece: str) -> Iterable[Span]:
    at = text.find(piece)
    while at >= 0:
        yield at, at + len(piece)
        at = text.find(piece, at + 1)


def _whole_words(text: str, word: str) -> Iterable[Span]:
    for start, end in _occurrences(text, word):
        if not (text[start - 1 : start].isascii() and text[start - 1 : start].isalnum()) and not (
            text[end : end + 1].isascii() and text[end : end + 1].isalnum()
        ):
            yield start, end


def merged(found: Iterable[Span]) -> list[Span]:
    """`found` in order, those that touch joined into one."""
    joined: list[Span] = []
    for start, end in sorted(found):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _best_start(text: str, marked: list[Span], length: int) -> int:
    """Where the window begins that covers most marked characters, each different text counted once."""
    best, best_weight = 0, 0.0
    for number, (first, _end) in enumerate(marked):
        seen: set[str] = set()
        for start, end in marked[number:]:
            if end > first + length - 12:
                break
            seen.add(text[start:end])
        weight = sum(len(piece) ** 1.5 for piece in seen)
        if weight > best_weight:
            best, best_weight = first, weight
    # A little of what stands before, from the beginning of its clause where that is near.
    start = max(0, best - 16)
    for place in range(best, start, -1):
        if text[place - 1] in "。！？；，、：\n":
            return place
    return start
