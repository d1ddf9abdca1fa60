"""JSON as an LRS may take it: UTF-8, no duplicate keys, no NaN, no lone surrogates, not endlessly deep.

Pure. RFC 8259; xAPI 2.0 §4.2.1 asks for I-JSON's rules in all but name.
"""

from __future__ import annotations

import json
from typing import Any

from courses.archive.xapi.errors import BadRequest

__all__ = ["MAX_DEPTH", "dumps", "loads"]

MAX_DEPTH = 100
_NUL = "\\u0000"


def loads(body: bytes, *, what: str = "the body") -> Any:
    """The value of `body`. Raises BadRequest."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as bad:
        raise BadRequest(f"{what} is not UTF-8") from bad
    try:
        value = _DECODER.decode(text)
    except RecursionError as bad:
        raise BadRequest(f"{what} is nested too deeply") from bad
    except ValueError as bad:
        raise BadRequest(f"{what} is not JSON: {bad}") from bad
    if "\\u" in text:  # surrogates and NUL can come only by an escape
        _check_text(value, text, what)
    if text.count("{") + text.count("[") > MAX_DEPTH:
        _check_depth(value, what)
    return value


def dumps(value: Any) -> str:
    """Compact JSON text in the order of the keys."""
    return _ENCODER.encode(value)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return made


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _check_text(value: Any, text: str, what: str) -> None:
    try:
        made = dumps(value)
        made.encode("utf-8")
    except UnicodeEncodeError as bad:
        raise BadRequest(f"{what} holds half of a surrogate pair") from bad
    except RecursionError as bad:
        raise BadRequest(f"{what} is nested too deeply") from bad
    if _NUL in text and _holds_nul(value):
        raise BadRequest(f"{what} holds a NUL character")


def _holds_nul(value: Any) -> bool:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if "\0" in one:
                return True
        elif isinstance(one, dict):
            waiting.extend(one)
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return False


def _check_depth(value: Any, what: str) -> None:
    waiting = [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, (dict, list)):
            if depth > MAX_DEPTH:
                raise BadRequest(f"{what} is nested too deeply")
            inside = one.values() if isinstance(one, dict) else one
            waiting.extend((inner, depth + 1) for inner in inside)
