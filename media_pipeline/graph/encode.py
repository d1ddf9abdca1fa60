"""The ffmpeg run that makes renditions: one decode, a cascade of scalers. Pure."""

from pathlib import Path

import ffmpeg

from media_pipeline.graph.source import CLEAN, QUIET, opened, picture_of
from media_pipeline.probe import Facts
from media_pipeline.recipe import Recipe

__all__ = ["encode_command"]


def encode_command(program: str, source: Path, facts: Facts, recipe: Recipe, *, max_pixels: int) -> list[str]:
    """Arguments that turn `source` into `<rung>.mp4` for every rung, written to the working folder.

    Pictures come at a constant rate from zero on and are scaled from rung to rung (lanczos), so
    the source is decoded once. All rungs have keyframes at the same frames. Nothing of the
    source's metadata, chapters, subtitles or attachments goes over. Progress goes to stdout.
    """
    source_stream = opened(source, facts, recipe, max_pixels=max_pixels)
    outputs = []
    if recipe.rungs:
        picture = picture_of(source_stream, facts, recipe)
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
                    preset=rung.preset,
                    crf=rung.crf,
                    profile="high",
                    maxrate=f"{rung.ceiling_kbps}k",
                    bufsize=f"{rung.ceiling_kbps * 2}k",
                    g=recipe.gop,
                    keyint_min=recipe.gop,
                    sc_threshold=0,
                    threads=recipe.threads,
                    movflags="+negative_cts_offsets",
                    **CLEAN,
                    **{"flags:v": "+bitexact+cgop"},
                )
            )
    for heard in recipe.sounds:
        sound = source_stream[str(heard.stream)].filter("aresample", 48000, **{"async": 1, "first_pts": 0})
        outputs.append(
            ffmpeg.output(
                sound,
                f"{heard.name}.mp4",
                acodec="aac",
                ac=heard.channels,
                **{"b:a": f"{heard.kbps}k", "flags:a": "+bitexact"},
                **CLEAN,
            )
        )
    together = outputs[0] if len(outputs) == 1 else ffmpeg.merge_outputs(*outputs)
    return ffmpeg.compile(
        together.global_args(*QUIET, "-progress", "pipe:1", "-stats_period", "0.5"), cmd=program
    )
