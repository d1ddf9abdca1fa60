"""How a source is opened and made plain: fenced in, woven, square, upright, SDR, at a constant rate. Pure."""

from pathlib import Path
from typing import Any

import ffmpeg

from media_pipeline.graph.tone import display_values
from media_pipeline.probe import FORMATS, MAX_STREAMS, Facts
from media_pipeline.recipe import Recipe

__all__ = ["CLEAN", "QUIET", "opened", "picture_of"]

QUIET = ("-v", "error", "-nostdin", "-hide_banner", "-y")
CLEAN = {"map_metadata": -1, "map_chapters": -1, "fflags": "+bitexact", "f": "mp4"}
_IN_MATRIX = {"bt709": "bt709", "bt601": "bt601", "bt2020": "bt2020nc"}


def opened(source: Path, facts: Facts, recipe: Recipe | None, *, max_pixels: int, **more: Any) -> Any:
    """The source as an ffmpeg-python input, under whitelists and caps; `more` are input options (ss, t …)."""
    options: dict[str, Any] = {
        "protocol_whitelist": "file",
        "format_whitelist": ",".join(FORMATS),
        "max_streams": MAX_STREAMS,
        "max_pixels": max_pixels,
        "f": facts.demuxer,
    }
    if recipe is not None:
        options["t"] = recipe.max_duration_s
    return ffmpeg.input(f"file:{source}", **options | more)


def picture_of(stream: Any, facts: Facts, recipe: Recipe, *, from_zero: bool = True) -> Any:
    """The picture of `stream` (from `opened`), whole frames on the recipe's grid: frame k at k / rate.

    With `from_zero` the first picture is held from zero on; without (a chunk in the middle) the
    grid begins at the first picture there is: whoever cuts the chunk sees whether one is missing.
    Frames are repeated or dropped by their time stamps, so a variable rate stays with its
    sound; the last one is held when the sound goes on without it. What comes out is BT.709 in
    limited range and tagged so; HDR is brought to SDR at the size of the largest rung. Size (but
    for HDR), pixel shape and 4:2:0 are the caller's to make.
    """
    picture = stream[str(facts.video_index)]
    if facts.interlaced:
        picture = picture.filter("bwdif", mode="send_frame", parity="auto", deint="all")
    picture = picture.filter("fps", fps=recipe.fps, **({"start_time": 0} if from_zero else {}))
    if facts.hold_s:
        picture = picture.filter("tpad", stop_mode="clone", stop_duration=f"{facts.hold_s:.3f}")
        picture = picture.filter("trim", end_pts=round(facts.duration_s * recipe.rate))
    if facts.hdr:
        picture = _to_sdr(picture, facts, recipe)
    elif facts.matrix == "bt2020":
        picture = _narrowed(picture.filter("scale", **_plain(facts), out_range="tv"), "bt2020-10")
    elif facts.matrix != "bt709" or facts.full_range:
        picture = picture.filter("scale", **_plain(facts), out_color_matrix="bt709", out_range="tv")
        if facts.matrix == "rgb":
            picture = picture.filter("format", "yuv420p|yuv422p|yuv444p")
    return picture.filter(
        "setparams", colorspace="bt709", color_primaries="bt709", color_trc="bt709", range="tv"
    )


def _plain(facts: Facts) -> dict[str, Any]:
    """What a scaler has to know of the source's colours, also when the file does not say."""
    options: dict[str, Any] = {"flags": "lanczos"}
    if facts.matrix != "rgb":
        options["in_color_matrix"] = _IN_MATRIX[facts.matrix]
        options["in_range"] = "pc" if facts.full_range else "tv"
    return options


def _to_sdr(picture: Any, facts: Facts, recipe: Recipe) -> Any:
    """PQ or HLG in BT.2020 to SDR in BT.709: per channel as a table of 1024 values, then the primaries.

    Less than half the CPU of libswscale's own tone mapping (0.9 against 2.1 to 3.2 CPU s a second of
    1080p25), and diffuse white stays white: libswscale puts it at 68 % or clips all above it.
    """
    if recipe.rungs:
        picture = picture.filter("scale", recipe.rungs[0].width, recipe.rungs[0].height, **_plain(facts))
    else:
        picture = picture.filter("scale", **_plain(facts))
    picture = picture.filter("format", "gbrp10le")
    table = display_values(facts.hdr)
    picture = picture.filter("lutrgb", r=table, g=table, b=table)
    picture = picture.filter("scale", out_color_matrix="bt2020nc", out_range="tv")
    return _narrowed(picture, "bt2020-10")


def _narrowed(picture: Any, transfer: str) -> Any:
    """From BT.2020's primaries to BT.709's."""
    picture = picture.filter("format", "yuv420p10le")
    return picture.filter(
        "colorspace", all="bt709", iprimaries="bt2020", itrc=transfer, ispace="bt2020nc", irange="tv",
        format="yuv420p",
    )  # fmt: skip
