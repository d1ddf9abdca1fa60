"""How a beat's body is kept: as few bytes as it takes, and one body in one way only. Pure.

The usual beat (one interval, played to its end at normal speed on a visible page) is 17 bytes:

    1 | start_ms u32 | end_ms u32 | clock_ms u64

any other is

    2 | bits u8 (1 visible, 2 audio, 4 idle, 8 confirmed) | rate in thousandths u16 | position_ms u32 |
    clock_ms u64 | number of intervals u8 | (start_ms u32, end_ms u32) …

all little-endian. Two bodies are the same when their bytes are, so that the log needs no hash of them.
"""

from __future__ import annotations

from struct import Struct
from typing import Any

__all__ = ["OTHER", "OTHER_TAG", "PAIR", "USUAL", "USUAL_TAG", "pack", "unpack"]

USUAL_TAG, OTHER_TAG = 1, 2
USUAL = Struct("<BIIQ")
OTHER = Struct("<BBHIQB")
PAIR = Struct("<II")
_BITS = {"audio": 2, "idle": 4, "confirmed": 8}


def pack(body: dict[str, Any]) -> bytes:
    """The bytes of a body as batches.py reads it: whole milliseconds, rate with three places, flags sorted."""
    intervals, position_ms = body["intervals"], body["position_ms"]
    if body["visible"] and body["rate"] == 1 and not body["flags"] and len(intervals) == 1:
        start_ms, end_ms = intervals[0]
        if end_ms == position_ms:
            return USUAL.pack(USUAL_TAG, start_ms, end_ms, body["clock_ms"])
    bits = int(body["visible"]) + sum(_BITS[flag] for flag in body["flags"])
    head = OTHER.pack(
        OTHER_TAG, bits, round(body["rate"] * 1000), position_ms, body["clock_ms"], len(intervals)
    )
    return head + b"".join(PAIR.pack(start_ms, end_ms) for start_ms, end_ms in intervals)


def unpack(kept: bytes) -> dict[str, Any]:
    """The body behind the bytes; ValueError for what `pack` never made."""
    if kept[:1] == b"\x01" and len(kept) == USUAL.size:
        _tag, start_ms, end_ms, clock_ms = USUAL.unpack(kept)
        return {
            "intervals": [[start_ms, end_ms]],
            "position_ms": end_ms,
            "rate": 1.0,
            "visible": True,
            "clock_ms": clock_ms,
            "flags": [],
        }
    if kept[:1] != b"\x02" or len(kept) < OTHER.size:
        raise ValueError("this is no packed beat")
    _tag, bits, thousandths, position_ms, clock_ms, number = OTHER.unpack_from(kept)
    if len(kept) != OTHER.size + number * PAIR.size:
        raise ValueError("this packed beat is cut off")
    return {
        "intervals": [[start, end] for start, end in PAIR.iter_unpack(kept[OTHER.size :])],
        "position_ms": position_ms,
        "rate": thousandths / 1000,
        "visible": bool(bits & 1),
        "clock_ms": clock_ms,
        "flags": sorted(flag for flag, bit in _BITS.items() if bits & bit),
    }
