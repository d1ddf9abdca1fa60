"""The storyboard: small pictures on sheets and a WebVTT track that says which piece belongs to which time. Pure."""

import math
from dataclasses import dataclass

__all__ = ["Storyboard", "clock", "plan", "track"]

COLUMNS = ROWS = 10
TILE_WIDTH = 160


@dataclass(frozen=True)
class Storyboard:
    """One picture of `tile` pixels for every `every_s` seconds, `count` in all, `COLUMNS`×`ROWS` a sheet."""

    every_s: int
    count: int
    tile: tuple[int, int]
    columns: int
    rows: int

    @property
    def sheets(self) -> int:
        return math.ceil(self.count / (self.columns * self.rows))


def plan(duration_s: float, width: float, height: float, *, stereo: str = "MONO") -> Storyboard:
    """The storyboard for a picture of `width` × `height`: every 2 s up to 3 min, 5 s up to 20 min, else 10 s."""
    if stereo == "TOP_BOTTOM":
        height /= 2
    elif stereo == "LEFT_RIGHT":
        width /= 2
    every_s = 2 if duration_s <= 180 else 5 if duration_s <= 1200 else 10
    count = max(1, math.ceil(duration_s / every_s - 0.01))
    tall = max(2, round(TILE_WIDTH * height / width / 2) * 2)
    columns = min(COLUMNS, count)
    rows = min(ROWS, math.ceil(count / COLUMNS))
    return Storyboard(every_s, count, (TILE_WIDTH, tall), columns, rows)


def track(board: Storyboard, duration_s: float, *, sheet: str = "storyboard-{}.jpg") -> str:
    """WebVTT whose cues are `sheet#xywh=…` (Media Fragments URI 1.0 §4.2.2), relative to the track."""
    lines = ["WEBVTT", ""]
    wide, tall = board.tile
    a_sheet = board.columns * board.rows
    for number in range(board.count):
        begin = number * board.every_s
        end = min(duration_s, begin + board.every_s)
        place = number % a_sheet
        x, y = place % board.columns * wide, place // board.columns * tall
        name = sheet.format(number // a_sheet + 1)
        lines += [f"{clock(begin)} --> {clock(end)}", f"{name}#xywh={x},{y},{wide},{tall}", ""]
    return "\n".join(lines)


def clock(seconds: float) -> str:
    """Seconds as WebVTT writes them: 00:01:02.500 (§4.1)."""
    millis = round(seconds * 1000)
    return f"{millis // 3600000:02}:{millis // 60000 % 60:02}:{millis // 1000 % 60:02}.{millis % 1000:03}"
