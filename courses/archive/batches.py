"""Reading a batch of beats as a player sends it: strict, canonical, packed. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from courses.archive.errors import BadBeats
from courses.archive.packing import USUAL, USUAL_TAG, pack, unpack

__all__ = [
    "BODY_MOST",
    "CLIENT_SEQ_LIMIT",
    "CLOCK_MAX_MS",
    "FLAGS",
    "INTERVALS_MAX",
    "LONGEST_MS",
    "RATE_LEAST",
    "SentBeat",
    "in_tenths",
    "kept_age_ms",
    "read_batch",
    "read_clock",
]

BODY_MOST = 1024**2
"""A body has at most as many bytes; a full batch of usual beats has a fiftieth of that."""
FLAGS = frozenset({"audio", "idle", "confirmed"})
INTERVALS_MAX = 50
CLIENT_SEQ_LIMIT = 2**30
"""Numbers from here on are given by the server itself (complete_reading)."""
RATE_LEAST = 0.001
"""As much of it is kept (packing.py)."""
LONGEST_MS = 24 * 3600 * 1000
CLOCK_MAX_MS = 2**53


@dataclass(frozen=True, slots=True)
class SentBeat:
    """One beat of a batch: its number, its body as it is kept (packing.py), and the phone's clock in it."""

    seq: int
    packed: bytes
    clock_ms: int

    @property
    def body(self) -> dict[str, Any]:
        return unpack(self.packed)


def _whole(where: str, value: Any, most: int) -> int:
    """A whole number 0..most; 15000.0 is taken for 15000, since JavaScript knows no other."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadBeats(f"{where}: a number is needed")
    if isinstance(value, float) and not math.isfinite(value):
        raise BadBeats(f"{where}: a finite number is needed")
    whole = round(value)
    if not 0 <= whole <= most:
        raise BadBeats(f"{where}: {whole} is not within 0..{most}")
    return whole


def _number(where: str, value: Any, most: int) -> int:
    """A number that names something, 0..most: 7 or 7.0. What lies between two is neither the one nor the other."""
    number = _whole(where, value, most)
    if number != value:
        raise BadBeats(f"{where}: a whole number is needed")
    return number


def read_clock(where: str, value: Any) -> int:
    """A reading of the phone's clock in milliseconds; raises BadBeats."""
    return _whole(where, value, CLOCK_MAX_MS)


def _beat(place: int, raw: Any, seq_limit: int) -> SentBeat:
    where = f"beats[{place}]"
    if not isinstance(raw, Mapping):
        raise BadBeats(f"{where}: an object is needed")
    seq = _number(f"{where}.seq", raw.get("seq"), seq_limit - 1)
    given = raw.get("intervals", [])
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) > INTERVALS_MAX:
        raise BadBeats(f"{where}.intervals: a list of at most {INTERVALS_MAX} pairs is needed")
    intervals = []
    for pair in given:
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise BadBeats(f"{where}.intervals: pairs of two numbers are needed")
        start, end = (_whole(f"{where}.intervals", ms, LONGEST_MS) for ms in pair)
        if end < start:
            raise BadBeats(f"{where}.intervals: {end} is before {start}")
        if end > start:
            intervals.append([start, end])
    rate = raw.get("rate", 1)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not RATE_LEAST <= rate <= 16:
        raise BadBeats(f"{where}.rate: a number from {RATE_LEAST} to 16 is needed")
    visible = raw.get("visible", True)
    if not isinstance(visible, bool):
        raise BadBeats(f"{where}.visible: true or false is needed")
    flags = raw.get("flags") or []
    if (
        not isinstance(flags, Sequence)
        or isinstance(flags, str)
        or not all(isinstance(f, str) for f in flags)
    ):
        raise BadBeats(f"{where}.flags: a list of words is needed")
    body = {
        "intervals": intervals,
        "position_ms": _whole(f"{where}.position_ms", raw.get("position_ms"), LONGEST_MS),
        "rate": round(float(rate), 3),
        "visible": visible,
        "clock_ms": read_clock(f"{where}.clock_ms", raw.get("clock_ms")),
        "flags": sorted(FLAGS.intersection(flags)),
    }
    return SentBeat(seq, pack(body), body["clock_ms"])


def _usual(raw: Any, seq_limit: int) -> SentBeat | None:
    """What `_beat` makes of the usual beat (packing.py), in a tenth of the time; None: have it read by `_beat`."""
    if type(raw) is not dict or raw.get("flags") or raw.get("visible", True) is not True:
        return None
    seq, intervals, clock_ms = raw.get("seq"), raw.get("intervals"), raw.get("clock_ms")
    if (
        type(intervals) is not list
        or len(intervals) != 1
        or raw.get("rate", 1) != 1
        or raw.get("rate") is True
    ):
        return None
    pair = intervals[0]
    if type(pair) is not list or len(pair) != 2:
        return None
    start_ms, end_ms = pair
    if (
        not type(seq)
        is type(start_ms)
        is type(end_ms)
        is type(clock_ms)
        is type(raw.get("position_ms"))
        is int
    ):
        return None
    if (
        0 <= start_ms < end_ms <= LONGEST_MS
        and raw["position_ms"] == end_ms
        and 0 <= seq < seq_limit
        and 0 <= clock_ms <= CLOCK_MAX_MS
    ):
        return SentBeat(seq, USUAL.pack(USUAL_TAG, start_ms, end_ms, clock_ms), clock_ms)
    return None


def read_batch(beats: Any, *, most: int, seq_limit: int = CLIENT_SEQ_LIMIT) -> list[SentBeat]:
    """The beats of a batch, as sent. Unknown flags are dropped, anything else unfit raises BadBeats."""
    if not isinstance(beats, Sequence) or isinstance(beats, str) or not beats:
        raise BadBeats("beats: a list of beats is needed")
    if len(beats) > most:
        raise BadBeats(f"beats: at most {most} in one batch")
    return [_usual(raw, seq_limit) or _beat(place, raw, seq_limit) for place, raw in enumerate(beats)]


def in_tenths(ms: int) -> int:
    """Milliseconds in whole tenths of a second, never more: so finely the log says when beats came. The phone's and the
    network's chance in the digits after that would be a third of what a packed log takes (packs/)."""
    return ms // 100 * 100


def kept_age_ms(clock_ms: int, latest_ms: int, sent_ms: int, oldest_ms: int) -> int:
    """How old a beat was when its batch came, as the log keeps it: in tenths, by the phone's clock in the beat, in the
    latest beat of the batch and in the moment of sending. At least 0, at most `oldest_ms`."""
    waited_ms = in_tenths(max(0, sent_ms - latest_ms))
    return in_tenths(max(0, min(waited_ms + latest_ms - clock_ms, oldest_ms)))
