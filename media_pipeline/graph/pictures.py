"""Poster and storyboard, drawn from our own renditions. Pure."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ffmpeg

from media_pipeline.graph.source import QUIET

__all__ = ["poster_command", "scenes_command", "storyboard_command"]


def poster_command(
    program: str, rendition: Path, *, at_s: float, projection: str, stereo: str, target: str
) -> list[str]:
    """Arguments that draw the poster from our own rendition: the most telling picture after `at_s`.

    Of a panorama it shows one eye's flat view straight ahead.
    """
    picture = ffmpeg.input(f"file:{rendition}", protocol_whitelist="file", f="mov", ss=f"{at_s:.3f}")["v"]
    picture = picture.filter("thumbnail", 25)
    if projection == "FLAT":
        picture = picture.filter("scale", "min(1280,iw)", -2)
    else:
        picture = _one_eye(picture, stereo)
        kind = "equirect" if projection == "EQUIRECT" else "hequirect"
        picture = picture.filter("v360", kind, "flat", h_fov=100, v_fov=67, w=1280, h=720, interp="cubic")
    return _picture_file(picture, program, target, quality=4)


def storyboard_command(
    program: str, rendition: Path, *, every_s: int, columns: int, rows: int, tile: Sequence[int], stereo: str,
    target: str,
) -> list[str]:  # fmt: skip
    """Arguments that draw the storyboard sheets `target` (a %d pattern) from our smallest rendition.

    Frames that no other one refers to are not decoded, which more than halves the work: a picture is
    then at most some frames later than its place, and that never adds up.
    """
    picture = ffmpeg.input(
        f"file:{rendition}", protocol_whitelist="file", f="mov", threads=1, skip_frame="noref"
    )["v"]
    place, before = (f"floor({when}/{every_s}+0.001)" for when in ("t", "prev_selected_t"))
    picture = picture.filter("select", f"isnan(prev_selected_t)+gt({place},{before})")
    picture = _one_eye(picture, stereo)
    picture = picture.filter("scale", tile[0], tile[1], flags="area")
    picture = picture.filter("tile", f"{columns}x{rows}")
    return _picture_file(picture, program, target, quality=6, sheets=True)


def _one_eye(picture: Any, stereo: str) -> Any:
    """The left eye's half of a stereo picture."""
    if stereo == "TOP_BOTTOM":
        return picture.filter("crop", "iw", "ih/2", 0, 0)
    if stereo == "LEFT_RIGHT":
        return picture.filter("crop", "iw/2", "ih", 0, 0)
    return picture


def _picture_file(
    picture: Any, program: str, target: str, *, quality: int, sheets: bool = False
) -> list[str]:
    options = {
        "q:v": quality,
        "f": "image2",
        "vcodec": "mjpeg",
        "fps_mode": "passthrough",
        "fflags": "+bitexact",
    }
    options |= {"flags:v": "+bitexact", "pix_fmt": "yuvj420p"}
    if not sheets:
        options |= {"frames:v": 1, "update": 1}
    drawn = ffmpeg.output(picture, target, **options)
    return ffmpeg.compile(drawn.global_args(*QUIET), cmd=program)


def scenes_command(program: str, rendition: Path, *, threshold: float) -> list[str]:
    """Arguments that look for scene changes in our smallest rendition; `lavfi.scd.time=…` lines go to stdout."""
    picture = ffmpeg.input(f"file:{rendition}", protocol_whitelist="file", f="mov")["v"]
    picture = picture.filter("scdet", threshold=threshold)
    picture = picture.filter("metadata", "print", key="lavfi.scd.time", file="-")
    return ffmpeg.compile(ffmpeg.output(picture, "-", f="null").global_args(*QUIET), cmd=program)
