"""JSON as bytes that everybody writes alike: the part of RFC 8785 (JCS) that records need. Pure.

Texts, whole numbers up to 2^53 - 1, true, false, null, lists, and objects whose keys are ASCII: for these Python's
own encoder writes what RFC 8785 asks for (keys in the order of their signs, the shortest escapes, no blanks). There
are no fractions in it: hours are texts like "0.50".
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["canonical", "parse"]

_MOST = 2**53 - 1


def canonical(value: Any) -> bytes:
    """The canonical bytes of a value. TypeError or ValueError for what records may not hold."""
    _allow(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _allow(value: Any) -> None:
    if value is None or isinstance(value, bool | str):
        return
    if isinstance(value, int):
        if abs(value) > _MOST:
            raise ValueError("whole numbers may have 53 bits")
        return
    if isinstance(value, list):
        for one in value:
            _allow(one)
        return
    if isinstance(value, dict):
        for key, one in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise TypeError("keys are ASCII texts")
            _allow(one)
        return
    raise TypeError(f"{type(value).__name__} has no canonical form here")


def parse(text: str | bytes) -> Any:
    """JSON as records may hold it; ValueError for anything else: fractions, NaN, a key that comes twice."""
    return json.loads(text, object_pairs_hook=_once, parse_float=_no_fraction, parse_constant=_no_fraction)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _no_fraction(text: str) -> Any:
    raise ValueError(f"{text} is no whole number")
