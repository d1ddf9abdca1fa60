"""The ffmpeg runs that look at a sample of a source and compare renditions of it with the source. Pure.

A sample is a `Chunk`: the same frames that the encoder would make of that place, entered the same way.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from media_pipeline.chunks import Chunk
from media_pipeline.graph.source import QUIET, opened, picture_of
from media_pipeline.probe import Facts
from media_pipeline.recipe import Recipe, VideoRung

__all__ = ["compare_command", "compare_files_command", "look_command"]

LOG = {"vmaf": "json", "xpsnr": "log"}
"""The judges, and how the files end in which they write what they found."""
_BT709 = {"colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709", "range": "tv"}


def look_command(
    program: str, source: Path, facts: Facts, recipe: Recipe, sample: Chunk, *, enter_s: float | None,
    size: tuple[int, int], every_s: float, target: str, max_pixels: int,
) -> list[str]:  # fmt: skip
    """Arguments that write the sample as bare grey pictures of `size`, one each `every_s` seconds, to `target`.

    Pixels are picked, not averaged (nearest neighbour): a camera's noise has to stay visible.
    """
    picture = _sample_of(source, facts, recipe, sample, enter_s=enter_s, max_pixels=max_pixels)
    step = max(1, round(float(recipe.rate) * every_s))
    picture = picture.filter("framestep", step).filter("scale", *size, flags="neighbor")
    drawn = ffmpeg.output(
        picture.filter("format", "gray"), target, f="rawvideo", vcodec="rawvideo", fps_mode="passthrough"
    )
    return ffmpeg.compile(drawn.global_args(*QUIET), cmd=program)


def compare_command(
    program: str, source: Path, facts: Facts, recipe: Recipe, sample: Chunk, *, enter_s: float | None,
    made: Mapping[str, VideoRung], judge: str, every: int, lead: int = 0, detail: Sequence[VideoRung] = (),
    max_pixels: int,
) -> list[str]:  # fmt: skip
    """Arguments that compare each rendition of the sample, `<name>.mp4`, with the source scaled to its size.

    `judge`: a key of LOG; what it finds goes to `<name>.<ending>` in the working folder. Every
    `every`th frame counts, the first `lead` frames do not. With `detail` it is also asked how much of the source, in the size
    of the recipe's first rung, is left when it goes through a smaller size and back:
    `detail-<name>.<ending>`, without any encoder.
    """
    top = recipe.rungs[0]
    picture = _sample_of(source, facts, recipe, sample, enter_s=enter_s, max_pixels=max_pixels)
    picture = _from_zero(picture.filter("trim", start_pts=lead) if lead else picture)
    needed = len(made) + (len(detail) + 1 if detail else 0)
    copies = _copies(picture, needed)
    outputs = [
        _judged(
            _scaled(copies[number], rung), _rendition(f"{name}.mp4", lead / recipe.rate), name, judge, every
        )
        for number, (name, rung) in enumerate(made.items())
    ]
    if detail:
        plain = _copies(_scaled(copies[len(made)], top), len(detail))
        for number, rung in enumerate(detail):
            through = _scaled(_scaled(copies[len(made) + 1 + number], rung), top, flags="bicubic")
            outputs.append(_judged(plain[number], through, f"detail-{rung.name}", judge, every))
    return _compiled(program, outputs)


def compare_files_command(
    program: str, reference: Path, distorted: Path, *, size: tuple[int, int], judge: str, every: int
) -> list[str]:
    """Arguments that compare two files frame for frame, the reference scaled to `size`; found: `distorted.<ending>`.

    Both must have the same frames: same rate, same beginning; and the same colours: what their tags
    say is not heeded, because ffmpeg would convert an untagged reference to a tagged rendition's.
    """
    wanted = ffmpeg.input(f"file:{reference}")["v:0"]
    wanted = _from_zero(wanted).filter("setparams", **_BT709)
    wanted = wanted.filter("scale", *size, flags="lanczos").filter("setsar", "1").filter("format", "yuv420p")
    made = ffmpeg.input(f"file:{distorted}")["v:0"]
    made = _from_zero(made).filter("setparams", **_BT709)
    return _compiled(program, [_judged(wanted, made.filter("setsar", "1"), "distorted", judge, every)])


def _sample_of(
    source: Path, facts: Facts, recipe: Recipe, sample: Chunk, *, enter_s: float | None, max_pixels: int
) -> Any:
    """The sample's frames, as `graph.encode` cuts them."""
    entry: dict[str, Any] = {}
    if enter_s is not None:
        entry = {"copyts": None, "start_at_zero": None, "noaccurate_seek": None, "ss": f"{enter_s:.3f}"}
        entry["t"] = f"{recipe.max_duration_s - enter_s:.3f}"
    stream = opened(source, facts, recipe, max_pixels=max_pixels, **entry)
    picture = picture_of(stream, facts, recipe, from_zero=sample.first == 0)
    end = {} if sample.end is None else {"end_pts": sample.end}
    picture = picture.filter("trim", start_pts=sample.first, **end)
    return picture.filter("setpts", f"PTS-{sample.first}")


def _scaled(picture: Any, rung: VideoRung, flags: str = "lanczos") -> Any:
    picture = picture.filter("scale", rung.width, rung.height, flags=flags)
    return picture.filter("setsar", "1").filter("format", "yuv420p")


def _rendition(name: str, lead_s: Fraction) -> Any:
    """Our own file in the working folder, without its first `lead_s` seconds."""
    picture = ffmpeg.input(f"file:{name}", protocol_whitelist="file", f="mov")["v:0"]
    # Half a millisecond less: what is rounded to microseconds must not cost the first frame.
    return _from_zero(picture.filter("trim", start=f"{float(lead_s) - 0.0005:.6f}") if lead_s else picture)


def _from_zero(picture: Any) -> Any:
    return picture.filter("setpts", "PTS-STARTPTS")


def _judged(wanted: Any, made: Any, name: str, judge: str, every: int) -> Any:
    log = f"{name}.{LOG[judge]}"
    if judge == "vmaf":
        options = {"log_fmt": "json", "log_path": log, "n_subsample": every, "n_threads": 2}
        judged = ffmpeg.filter([made, wanted], "libvmaf", **options)
    else:
        if every > 1:
            made, wanted = made.filter("framestep", every), wanted.filter("framestep", every)
        judged = ffmpeg.filter([made, wanted], "xpsnr", stats_file=log)
    return ffmpeg.output(judged, "-", f="null")


def _copies(picture: Any, count: int) -> list[Any]:
    if count == 1:
        return [picture]
    parts = picture.filter_multi_output("split", *([] if count == 2 else [count]))
    return [parts[number] for number in range(count)]


def _compiled(program: str, outputs: list[Any]) -> list[str]:
    together = outputs[0] if len(outputs) == 1 else ffmpeg.merge_outputs(*outputs)
    return ffmpeg.compile(together.global_args(*QUIET), cmd=program)
