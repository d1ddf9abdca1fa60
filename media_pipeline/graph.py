"""The one ffmpeg run that makes all renditions: one decode, a cascade of scalers, sound apart. Pure."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ffmpeg

from media_pipeline.ladder import Recipe
from media_pipeline.probe import FORMATS, Facts

__all__ = ["encode_command", "poster_command", "storyboard_command"]

_QUIET = ("-v", "error", "-nostdin", "-hide_banner", "-y")


def encode_command(program: str, source: Path, facts: Facts, recipe: Recipe, *, max_pixels: int) -> list[str]:
    """Arguments that turn `source` into `<rung>.mp4` for every rung, written to the working folder.

    Pictures come at a constant rate from zero on and are scaled from rung to rung (lanczos), so
    the source is decoded once. All rungs have keyframes at the same frames. Nothing of the
    source's metadata, chapters, subtitles or attachments goes over. Progress goes to stdout.
    """
    opened = ffmpeg.input(
        f"file:{source}",
        protocol_whitelist="file",
        format_whitelist=",".join(FORMATS),
        max_streams=32,
        max_pixels=max_pixels,
        f=facts.demuxer,
        t=recipe.max_duration_s,
    )
    outputs = []
    if recipe.rungs:
        picture = opened[str(facts.video_index)]
        if facts.interlaced:
            picture = picture.filter("yadif")
        picture = picture.filter("fps", fps=recipe.fps, start_time=0)
        for number, rung in enumerate(recipe.rungs):
            picture = picture.filter("scale", rung.width, rung.height, flags="lanczos")
            picture = picture.filter("setsar", "1")
            if number == 0:
                picture = picture.filter("format", "yuv420p")
            if number < len(recipe.rungs) - 1:
                halves = picture.filter_multi_output("split")
                here, picture = halves[0], halves[1]
            else:
                here = picture
            outputs.append(
                ffmpeg.output(
                    here,
                    f"{rung.name}.mp4",
                    vcodec="libx264",
                    preset=recipe.preset,
                    crf=recipe.crf,
                    profile="high",
                    maxrate=f"{rung.ceiling_kbps}k",
                    bufsize=f"{rung.ceiling_kbps * 2}k",
                    g=recipe.gop,
                    keyint_min=recipe.gop,
                    sc_threshold=0,
                    threads=recipe.threads,
                    movflags="+negative_cts_offsets",
                    **_CLEAN,
                    **{"flags:v": "+bitexact+cgop"},
                )
            )
    if recipe.audio:
        sound = opened[str(facts.audio_index)].filter("aresample", 48000, **{"async": 1, "first_pts": 0})
        outputs.append(
            ffmpeg.output(
                sound,
                f"{recipe.audio.name}.mp4",
                acodec="aac",
                ac=recipe.audio.channels,
                **{"b:a": f"{recipe.audio.kbps}k", "flags:a": "+bitexact"},
                **_CLEAN,
            )
        )
    together = outputs[0] if len(outputs) == 1 else ffmpeg.merge_outputs(*outputs)
    return ffmpeg.compile(
        together.global_args(*_QUIET, "-progress", "pipe:1", "-stats_period", "0.5"), cmd=program
    )


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
    """Arguments that draw the storyboard sheets `target` (a %d pattern) from our smallest rendition."""
    picture = ffmpeg.input(f"file:{rendition}", protocol_whitelist="file", f="mov")["v"]
    picture = picture.filter("select", f"isnan(prev_selected_t)+gte(t-prev_selected_t,{every_s}-0.001)")
    picture = _one_eye(picture, stereo)
    picture = picture.filter("scale", tile[0], tile[1], flags="area")
    picture = picture.filter("tile", f"{columns}x{rows}")
    return _picture_file(picture, program, target, quality=6, sheets=True)


_CLEAN = {"map_metadata": -1, "map_chapters": -1, "fflags": "+bitexact", "f": "mp4"}


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
    return ffmpeg.compile(drawn.global_args(*_QUIET), cmd=program)
