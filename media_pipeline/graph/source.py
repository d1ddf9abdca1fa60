"""How a source is opened and made plain: fenced in, woven, square, upright, at a constant rate. Pure."""

from pathlib import Path
from typing import Any

import ffmpeg

from media_pipeline.probe import FORMATS, Facts
from media_pipeline.recipe import Recipe

__all__ = ["CLEAN", "QUIET", "opened", "picture_of"]

QUIET = ("-v", "error", "-nostdin", "-hide_banner", "-y")
CLEAN = {"map_metadata": -1, "map_chapters": -1, "fflags": "+bitexact", "f": "mp4"}


def opened(source: Path, facts: Facts, recipe: Recipe, *, max_pixels: int, **more: Any) -> Any:
    """The source as an ffmpeg-python input, under whitelists and caps; `more` are input options (ss, t …)."""
    return ffmpeg.input(
        f"file:{source}",
        **{
            "protocol_whitelist": "file",
            "format_whitelist": ",".join(FORMATS),
            "max_streams": 32,
            "max_pixels": max_pixels,
            "f": facts.demuxer,
            "t": recipe.max_duration_s,
        }
        | more,
    )


def picture_of(stream: Any, facts: Facts, recipe: Recipe, *, from_zero: bool = True) -> Any:
    """The picture of `stream` (from `opened`), whole frames on the recipe's grid: frame k at k / rate.

    With `from_zero` the first picture is held from zero on; without, the grid begins at the first
    picture there is (a piece in the middle: whoever cuts it must see that nothing is missing).
    """
    picture = stream[str(facts.video_index)]
    if facts.interlaced:
        picture = picture.filter("yadif")
    return picture.filter("fps", fps=recipe.fps, **({"start_time": 0} if from_zero else {}))
