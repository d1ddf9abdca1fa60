"""Reading a batch of beats as a player sends it: strict, canonical, hashed. Pure."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from courses.archive.errors import BadBeats

__all__ = ["CLIENT_SEQ_LIMIT", "FLAGS", "SentBeat", "read_batch", "read_clock"]

FLAGS = frozenset({"audio", "idle", "confirmed"})
INTERVALS_MAX = 50
CLIENT_SEQ_LIMIT = 2**30
"""Numbers from here on are given by the server itself (complete_reading)."""
LONGEST_MS = 24 * 3600 * 1000
CLOCK_MAX_MS = 2**53


@dataclass(frozen=True)
class SentBeat:
    """One beat of a batch: its number, its canonical body as it is kept, and the hash of that."""

    seq: int
    body: dict[str, Any]
    body_hash: str

    @property
    def clock_ms(self) -> int:
        return self.body["clock_ms"]


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


def read_clock(where: str, value: Any) -> int:
    """A reading of the phone's clock in milliseconds; raises BadBeats."""
    return _whole(where, value, CLOCK_MAX_MS)


def _beat(place: int, raw: Any, seq_limit: int) -> SentBeat:
    where = f"beats[{place}]"
    if not isinstance(raw, Mapping):
        raise BadBeats(f"{where}: an object is needed")
    seq = _whole(f"{where}.seq", raw.get("seq"), seq_limit - 1)
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
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate <= 16:
        raise BadBeats(f"{where}.rate: a number above 0 and up to 16 is needed")
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
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return SentBeat(seq, body, hashlib.sha256(text.encode()).hexdigest())


def read_batch(beats: Any, *, most: int, seq_limit: int = CLIENT_SEQ_LIMIT) -> list[SentBeat]:
    """The beats of a batch, as sent. Unknown flags are dropped, anything else unfit raises BadBeats."""
    if not isinstance(beats, Sequence) or isinstance(beats, str) or not beats:
        raise BadBeats("beats: a list of beats is needed")
    if len(beats) > most:
        raise BadBeats(f"beats: at most {most} in one batch")
    return [_beat(place, raw, seq_limit) for place, raw in enumerate(beats)]
