"""Times of captions: 00:01:02.345, 1:02,345, 0:01:02.34, and back. Pure."""

import re

__all__ = ["ARROW", "clock_srt", "clock_vtt", "milliseconds", "timing"]

_TIME = r"(?:(\d{1,4})[:：])?(\d{1,3})[:：](\d{1,2})(?:[.,，。:：](\d{1,9}))?"
ARROW = re.compile(r"\d\s*[-–—]{1,3}\s*[>＞]")
_TIMING = re.compile(rf"^\s*{_TIME}\s*[-–—]{{1,3}}\s*[>＞]\s*{_TIME}(?:[ \t]+(.*))?\s*$")
_ALONE = re.compile(rf"^\s*{_TIME}\s*$")


def _of(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> int:
    whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1000 + int((fraction or "0").ljust(3, "0")[:3])


def milliseconds(text: str) -> int | None:
    """What one time says, hours and fraction optional; None when it is none."""
    found = _ALONE.match(text)
    return _of(*found.groups()) if found else None


def timing(line: str) -> tuple[int, int, str] | None:
    """Begin, end and the rest of a line like `00:01.000 --> 00:02.500 line:0`; None when it is none.

    As forgiving as Chinese tools are careless: comma or dot, full-width signs, one dash, no fraction.
    """
    if not ARROW.search(line):
        return None
    found = _TIMING.match(line)
    if not found:
        return None
    parts = found.groups()
    return _of(*parts[0:4]), _of(*parts[4:8]), parts[8] or ""


def clock_vtt(ms: int) -> str:
    hours, rest = divmod(ms, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}.{rest % 1000:03}"


def clock_srt(ms: int) -> str:
    return clock_vtt(ms).replace(".", ",")
