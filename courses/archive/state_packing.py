"""How a lesson's state is kept: as few bytes as it takes, and everything as it was. Pure.

Of each of four parts, empty is no bytes at all; otherwise the first byte tells how the rest is to be read:

    watched  0 the bitmap itself · 1 numbers: its length in bytes, then by turns how many seconds were not and were watched
             2 a number: so many seconds, all of them watched
    refused  1 numbers: start, length, place in REASONS, for each · 2 JSON
    params   1 JSON of what is other than in RULES (null: not there) · 2 JSON; RULES themselves are no bytes
    fold     1 the session's sixteen bytes, then numbers, its clocks counted from its start · 2 JSON · 3 as 1, in tenths

Numbers are LEB128, seven binary digits a byte, and where they may be negative 0, -1, 1, -2, … The tags, RULES and
REASONS (which may grow at its end) never change: rows are kept by them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from courses.archive.leb128 import in_bytes

__all__ = [
    "pack_bitmap",
    "pack_fold",
    "pack_refused",
    "pack_rules",
    "unpack_bitmap",
    "unpack_fold",
    "unpack_refused",
    "unpack_rules",
]

REASONS = (
    *("SEEK_FORWARD", "TOO_FAST", "BEYOND_FRONTIER", "NOT_VISIBLE", "NOT_PRESENT", "GAP", "OVER_CLOCK"),
    *("OTHER_DEVICE", "TOO_LATE", "NOT_PLAYED", "PLAY_ONCE", "NEW_PART"),
)
RULES: Mapping[str, Any] = {
    "beat_s": 15,
    "tolerance_ms": 3000,
    "speed_cap": 1.0,
    "gap_ms": 30_000,
    "complete_at": "0.95",
    "strict_seek": True,
    "clock_slack_ms": 5000,
    "offline_max_s": 86_400,
    "hidden_audio_counts": True,
    "after_speed_cap": 2.0,
}
"""Not the rules of any day, but what most states are told by the difference from."""
_NAMES = ("session", "seq", "clock_ms", "claimed_ms", "latest_ms", "completed_ms")
_TENTH = 100
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def pack_bitmap(bitmap: bytes) -> bytes:
    if not bitmap:
        return b""
    bits = int.from_bytes(bitmap, "little")
    seconds = bits.bit_length()
    if not bits & (bits + 1) and len(bitmap) == (seconds + 7) // 8:
        return b"\2" + in_bytes([seconds])
    runs = b"\1" + in_bytes([len(bitmap), *_runs(bits)])
    return min(runs, b"\0" + bitmap, key=len)


def unpack_bitmap(kept: bytes) -> bytes:
    if not kept or kept[0] == 0:
        return kept[1:]
    size, *runs = _read(kept)
    if kept[0] == 2:
        return ((1 << size) - 1).to_bytes((size + 7) // 8, "little")
    bits, at = 0, 0
    for skipped, length in zip(runs[::2], runs[1::2], strict=True):
        bits |= ((1 << length) - 1) << at + skipped
        at += skipped + length
    return bits.to_bytes(size, "little")


def _runs(bits: int) -> Iterator[int]:
    while bits:
        skipped = (bits & -bits).bit_length() - 1
        bits >>= skipped
        length = (~bits & (bits + 1)).bit_length() - 1
        bits >>= length
        yield from (skipped, length)


def pack_refused(refused: list[Any]) -> bytes:
    if not refused:
        return b""
    numbers: list[int] = []
    for one in refused:
        start, end, reason = one if len(one) == 3 else (None, None, None)
        if type(start) is not int or type(end) is not int or not 0 <= start <= end or reason not in REASONS:
            return b"\2" + _json(refused)
        numbers += (start, end - start, REASONS.index(reason))
    return b"\1" + in_bytes(numbers)


def unpack_refused(kept: bytes) -> list[Any]:
    if not kept:
        return []
    if kept[0] == 2:
        return json.loads(kept[1:])
    numbers = _read(kept)
    return [
        [start, start + length, REASONS[reason]]
        for start, length, reason in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    ]


def pack_rules(params: dict[str, Any]) -> bytes:
    other = {name: value for name, value in params.items() if repr(value) != repr(RULES.get(name))}
    other |= {name: None for name in RULES if name not in params}
    if any(value is None for value in params.values()):
        return b"\2" + _json(params)
    return min(b"\1" + _json(other), b"\2" + _json(params), key=len) if other else b""


def unpack_rules(kept: bytes) -> dict[str, Any]:
    told = json.loads(kept[1:]) if len(kept) > 1 else {}
    if kept[:1] == b"\2":
        return told
    return {name: value for name, value in {**RULES, **told}.items() if value is not None}


def pack_fold(fold: dict[str, Any]) -> bytes:
    if not fold:
        return b""
    session, *rest = [fold.get(name) for name in _NAMES]
    completed = rest[-1]
    numbers = [one for one in rest if type(one) is int]
    whole = len(numbers) == len(rest) - (completed is None)
    if not (whole and len(fold) == len(_NAMES) and isinstance(session, str) and _UUID.fullmatch(session)):
        return b"\2" + _json(fold)
    seq, clock_ms, claimed_ms, latest_ms = numbers[:4]
    step = 1 if any(one % _TENTH for one in numbers[1:]) else _TENTH
    begun = (UUID(session).int >> 80) // step
    told = [seq, clock_ms // step - begun, claimed_ms // step, latest_ms // step - begun]
    if completed is not None:
        told.append((latest_ms - numbers[4]) // step)
    tag = b"\1" if step == 1 else b"\3"
    return tag + UUID(session).bytes + in_bytes(2 * one if one >= 0 else -2 * one - 1 for one in told)


def unpack_fold(kept: bytes) -> dict[str, Any]:
    if not kept:
        return {}
    if kept[0] == 2:
        return json.loads(kept[1:])
    session, step = UUID(bytes=kept[1:17]), 1 if kept[0] == 1 else _TENTH
    begun = (session.int >> 80) // step
    told = [number // 2 if number % 2 == 0 else -(number + 1) // 2 for number in _read(kept[16:])]
    seq, clock, claimed, latest = told[0], told[1] + begun, told[2], told[3] + begun
    completed = (latest - told[4]) * step if len(told) > 4 else None
    values = (str(session), seq, clock * step, claimed * step, latest * step, completed)
    return dict(zip(_NAMES, values, strict=True))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _read(kept: bytes) -> list[int]:
    """The numbers after the tag; ValueError where the last one is cut off."""
    found, number, shift = [], 0, 0
    for byte in kept[1:]:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            found.append(number)
            number = shift = 0
    if shift:
        raise ValueError("these bytes are cut off")
    return found
