"""From heard signs with their times to cues that can be read. Pure."""

from collections.abc import Iterator, Sequence

from media_pipeline.captions import Cue

__all__ = ["as_cues"]

_LONGEST_SIGNS = 24
_LONGEST_MS = 6000
_PAUSE_MS = 700
_STOPS = "。！？；!?;"
_COMMAS = "，、：,:"


def as_cues(tokens: Sequence[str], begins_ms: Sequence[int], *, from_ms: int, until_ms: int) -> Iterator[Cue]:
    """Cues of at most 24 signs (a line on a phone) and 6 s, ended at a full stop, a pause, or a comma past half.

    `tokens` are signs or pieces of words, a new word beginning with «▁» or a space; `begins_ms` when each begins,
    counted from `from_ms`, where the piece begins; `until_ms` where it ends. Marks like <|zh|> are left out.
    """
    words: list[str] = []
    began = last = 0
    for token, begin in zip(tokens, begins_ms, strict=False):
        sign = token.replace("▁", " ").replace("@@", "")
        if not sign or (sign.startswith("<") and sign.endswith(">")):
            continue
        at = from_ms + begin
        if words and _ended(words, at - began, at - last) and sign not in _STOPS + _COMMAS:
            yield from _cue(words, began, min(at, last + _PAUSE_MS))
            words = []
        if not words:
            if sign in _STOPS + _COMMAS:
                continue
            began = at
        words.append(sign)
        last = at
    if words:
        yield from _cue(words, began, max(began + 300, min(until_ms, last + 1200)))


def _ended(words: list[str], lasting_ms: int, pause_ms: int) -> bool:
    length = len("".join(words))
    if words[-1] in _STOPS or pause_ms > _PAUSE_MS:
        return True
    if words[-1] in _COMMAS and length > _LONGEST_SIGNS // 2:
        return True
    return length >= _LONGEST_SIGNS or lasting_ms >= _LONGEST_MS


def _cue(words: list[str], begin_ms: int, end_ms: int) -> Iterator[Cue]:
    text = "".join(words).strip().strip(_COMMAS).strip()
    if text:
        yield Cue(begin_ms, max(end_ms, begin_ms + 100), text)
