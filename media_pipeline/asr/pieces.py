"""Where somebody speaks: a long recording cut at its pauses, so that an engine gets pieces it can hold. Pure."""

from array import array
from collections.abc import Iterable, Iterator, Sequence

__all__ = ["FRAME_MS", "levels", "speech"]

FRAME_MS = 20
_JOIN_MS = 400
_PAD_MS = 200
_LEAST_MS = 200
_LONGEST_MS = 20_000


def levels(samples: Iterable[array], rate: int) -> list[int]:
    """Mean loudness (0..32767) of each 20 ms of 16-bit `samples`, which come in arrays of any length."""
    size = rate * FRAME_MS // 1000
    found: list[int] = []
    rest = array("h")
    for part in samples:
        rest.extend(part)
        whole = len(rest) - len(rest) % size
        found += [sum(map(abs, rest[at : at + size])) // size for at in range(0, whole, size)]
        rest = rest[whole:]
    return found


def speech(loudness: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Stretches of sound (begin_ms, end_ms), in order, at most 20 s long, cut at pauses.

    What counts as sound is three times the loudness of the quietest tenth, and at least 60 of 32767:
    a hall hums, a microphone hisses. A stretch that never pauses is cut at its quietest place.
    """
    if not loudness:
        return
    floor = sorted(loudness)[len(loudness) // 10]
    loud = max(loudness)
    threshold = max(60, min(floor * 3, loud // 3))
    begin = end = -1
    stretches: list[tuple[int, int]] = []
    for place, level in enumerate(loudness):
        if level < threshold:
            continue
        if begin >= 0 and (place - end) * FRAME_MS > _JOIN_MS:
            stretches.append((begin, end))
            begin = place
        elif begin < 0:
            begin = place
        end = place + 1
    if begin >= 0:
        stretches.append((begin, end))
    last = 0
    total = len(loudness) * FRAME_MS
    for first, after in stretches:
        if (after - first) * FRAME_MS < _LEAST_MS:
            continue
        for one, other in _cut(loudness, first, after):
            from_ms = max(last, one * FRAME_MS - _PAD_MS)
            last = min(total, other * FRAME_MS + (_PAD_MS if other == after else 0))
            yield from_ms, last


def _cut(loudness: Sequence[int], first: int, after: int) -> Iterator[tuple[int, int]]:
    most = (_LONGEST_MS - 2 * _PAD_MS) // FRAME_MS
    while after - first > most:
        half = first + most // 2
        at = min(range(half, first + most), key=lambda place: loudness[place])
        yield first, at
        first = at
    yield first, after
