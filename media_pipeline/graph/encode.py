"""The ffmpeg run that makes renditions' pictures: one decode, a cascade of scalers. Pure."""

from collections.abc import Collection
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from media_pipeline.chunks import Chunk
from media_pipeline.graph.source import CLEAN, QUIET, opened, picture_of
from media_pipeline.probe import Facts
from media_pipeline.recipe import Recipe, VideoRung

__all__ = ["encode_command", "still_step", "x264_options"]

PROGRESS = ("-progress", "pipe:1", "-stats_period", "0.5")
_HASTY = ("ultrafast", "superfast")


def encode_command(
    program: str,
    source: Path,
    facts: Facts,
    recipe: Recipe,
    *,
    chunk: Chunk | None = None,
    enter_s: float | None = None,
    only: Collection[str] | None = None,
    max_pixels: int,
) -> list[str]:
    """Arguments that make `<rung>.mp4` of every rung in the working folder: pictures, no sound.

    Pictures come at a constant rate from zero on and are scaled from size to size (lanczos), so
    the source is decoded once. All rungs have keyframes at the same frames. Nothing of the
    source's metadata, chapters, subtitles or attachments goes over. Progress goes to stdout.

    With `chunk` only its frames are made, counted from zero again. `enter_s` is where the source
    is entered (`chunks.entries`): frames are cut by number on the grid of the whole source
    (`-copyts -start_at_zero` keeps its clock), so chunks in a row are frame for frame the undivided
    run. If decoding began too late, the file's first frame does not lie at zero: the caller checks.
    With `only` other rungs are left out; those made are the same to the byte.
    """
    wanted = [rung for rung in recipe.rungs if only is None or rung.name in only]
    entry: dict[str, Any] = {}
    if enter_s is not None:
        entry = {
            "copyts": None,
            "start_at_zero": None,
            "noaccurate_seek": None,
            "ss": f"{enter_s:.3f}",
            "t": f"{recipe.max_duration_s - enter_s:.3f}",
        }
    stream = opened(source, facts, recipe, max_pixels=max_pixels, **entry)
    whole = chunk is None or (chunk.first == 0 and chunk.frames is None)
    picture = picture_of(stream, facts, recipe, from_zero=chunk is None or chunk.first == 0)
    if chunk is not None and not whole:
        end = {} if chunk.end is None else {"end_pts": chunk.end}
        picture = picture.filter("trim", start_pts=chunk.first, **end)
        picture = picture.filter("setpts", f"PTS-{chunk.first}")
    outputs = [
        ffmpeg.output(
            pictures, f"{rung.name}.mp4", **_encoder(rung, recipe), **CLEAN,
            **{"flags:v": "+bitexact" if rung.codec == "av1" else "+bitexact+cgop"},
        )
        for rung, pictures in _cascade(picture, wanted, recipe)
    ]  # fmt: skip
    together = outputs[0] if len(outputs) == 1 else ffmpeg.merge_outputs(*outputs)
    return ffmpeg.compile(together.global_args(*QUIET, *PROGRESS), cmd=program)


def x264_options(rung: VideoRung, kind: str) -> dict[str, Any]:
    """What libx264 is told beyond its preset, for a lecture of this kind (`Recipe.kind`).

    Shifts at half strength and little psy-rd, but not switched off: flat slides would band. Of slides the
    keyframes are shown for seconds on end, so they get more of the bits (ipratio, and qcomp: what
    stays longer is coded finer). Of `veryfast` the speed is wanted: motion is sought at half-pixels only, which
    costs a tenth of the bytes and saves a quarter of the CPU. Measured in decisions/0001. The hastier
    presets are left alone.
    """
    if rung.preset in _HASTY:
        return {}
    lasting = {"qcomp": 0.45, "ipratio": 2.0} if kind == "SLIDES" else {}
    if rung.preset == "veryfast":
        quick = {"subme": 1, "me": "dia", "weightp": 0, "b-pyramid": "none"}
        return {"aq-mode": 1, "aq-strength": 0.5} | quick | lasting
    return {"aq-mode": 2, "aq-strength": 0.5, "psy-rd": "0.4,0", "weightp": 1} | lasting


def still_step(rung: VideoRung, recipe: Recipe) -> int:
    """Every how many frames the still-picture rendition takes one: 1 for ordinary rungs.

    The divisor of the GOP that comes nearest to the rung's own rate, so that each segment and
    each chunk begins with a frame of it, on the same timeline as all the others.
    """
    if not rung.fps:
        return 1
    wish = recipe.rate / Fraction(rung.fps)
    divisors = [step for step in range(1, recipe.gop + 1) if recipe.gop % step == 0]
    return min(divisors, key=lambda step: (abs(step - wish), -step))


def _cascade(picture: Any, wanted: list[VideoRung], recipe: Recipe) -> list[tuple[VideoRung, Any]]:
    """The picture in the size of each wanted rung, each size scaled from the next larger one.

    The sizes are those of the whole recipe, so a rung's pixels do not depend on which others are
    made along with it. Stills branch off the smallest sufficient size, after most frames were dropped.
    """
    moving = [rung for rung in recipe.rungs if not rung.fps] or list(recipe.rungs)
    sizes = sorted({_size(rung) for rung in moving}, key=lambda size: (size[0] * size[1], size), reverse=True)
    users: dict[tuple[int, int], list[VideoRung]] = {size: [] for size in sizes}
    for rung in wanted:
        sufficient = [s for s in sizes if s[0] >= rung.width and s[1] >= rung.height] or sizes[:1]
        users[_size(rung) if _size(rung) in users else sufficient[-1]].append(rung)
    last = max(number for number, size in enumerate(sizes) if users[size])
    made: dict[str, Any] = {}
    for number, size in enumerate(sizes[: last + 1]):
        picture = picture.filter("scale", *size, flags="lanczos").filter("setsar", "1")
        if number == 0:
            picture = picture.filter("format", "yuv420p")
        needed = len(users[size]) + (number < last)
        branches = _branches(picture, needed)
        for rung, branch in zip(users[size], branches, strict=False):
            made[rung.name] = _stills(branch, rung, recipe, size) if rung.fps else branch
        picture = branches[-1]
    return [(rung, made[rung.name]) for rung in wanted]


def _branches(picture: Any, count: int) -> list[Any]:
    if count == 1:
        return [picture]
    halves = picture.filter_multi_output("split", *([] if count == 2 else [count]))
    return [halves[number] for number in range(count)]


def _stills(picture: Any, rung: VideoRung, recipe: Recipe, size: tuple[int, int]) -> Any:
    picture = picture.filter("framestep", still_step(rung, recipe))
    if _size(rung) != size:
        picture = picture.filter("scale", rung.width, rung.height, flags="lanczos").filter("setsar", "1")
    return picture


def _size(rung: VideoRung) -> tuple[int, int]:
    return rung.width, rung.height


def _encoder(rung: VideoRung, recipe: Recipe) -> dict[str, Any]:
    """Options of the rung's encoder. All are set so that the same pictures give the same bytes."""
    gop = recipe.gop // still_step(rung, recipe)
    if rung.codec == "av1":
        params = {"lp": 1, "scd": 0, "mbr": f"{rung.ceiling_kbps}k"}
        if recipe.kind == "SLIDES":
            params["scm"] = 2
        return {
            "vcodec": "libsvtav1", "preset": rung.preset, "crf": round(rung.crf), "g": gop,
            "svtav1-params": _joined(params),
        }  # fmt: skip
    if rung.codec == "hevc":
        params = {
            "keyint": gop, "min-keyint": gop, "scenecut": 0, "open-gop": 0, "pools": "none", "frame-threads": 1,
            "wpp": 0, "vbv-maxrate": rung.ceiling_kbps, "vbv-bufsize": rung.ceiling_kbps * 2, "info": 0,
            "log-level": "error",
        }  # fmt: skip
        return {
            "vcodec": "libx265", "preset": rung.preset, "crf": rung.crf, "tag:v": "hvc1",
            "x265-params": _joined(params), "movflags": "+negative_cts_offsets",
        }  # fmt: skip
    more = x264_options(rung, recipe.kind)
    return {
        "vcodec": "libx264",
        "preset": rung.preset,
        "crf": rung.crf,
        "profile": "high",
        "maxrate": f"{rung.ceiling_kbps}k",
        "bufsize": f"{rung.ceiling_kbps * 2}k",
        "g": gop,
        "keyint_min": gop,
        "sc_threshold": 0,
        "threads": recipe.threads,
        "movflags": "+negative_cts_offsets",
    } | ({"x264-params": _joined(more)} if more else {})


def _joined(params: dict[str, Any]) -> str:
    return ":".join(f"{name}={value}" for name, value in params.items())
