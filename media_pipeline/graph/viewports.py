"""The ffmpeg run that draws the views of a sphere: one decode, a flat picture in every direction. Pure."""

from collections.abc import Sequence
from pathlib import Path

import ffmpeg

from media_pipeline.graph.source import CLEAN, QUIET
from media_pipeline.vr.views import FOV, ViewsRecipe, view_name

__all__ = ["check_command", "join_command", "views_command", "views_packager_command"]


def views_command(program: str, part: Path, made: ViewsRecipe) -> list[str]:
    """Arguments that turn `part` (a stretch of our own rendition) into `<view>.mp4` for every view.

    The left eye's picture is taken. Keyframes fall where the segments begin; the clock of the
    stretch starts at zero. Progress goes to stdout.
    """
    picture = ffmpeg.input(f"file:{part}", protocol_whitelist="file", f="mov")["v:0"]
    picture = picture.filter("setpts", "PTS-STARTPTS")
    if made.stereo == "TOP_BOTTOM":
        picture = picture.filter("crop", "iw", "ih/2", 0, 0)
    elif made.stereo == "LEFT_RIGHT":
        picture = picture.filter("crop", "iw/2", "ih", 0, 0)
    kind = "equirect" if made.projection == "EQUIRECT" else "hequirect"
    copies = picture.filter_multi_output("split", len(made.yaws))
    outputs = []
    for number, yaw in enumerate(made.yaws):
        view = copies[number].filter(
            "v360",
            kind,
            "flat",
            yaw=yaw if yaw <= 180 else yaw - 360,
            h_fov=FOV,
            v_fov=made.v_fov,
            w=made.width,
            h=made.height,
            interp="cubic",
        )
        view = view.filter("setsar", "1").filter("format", "yuv420p")
        outputs.append(
            ffmpeg.output(
                view,
                f"{view_name(yaw)}.mp4",
                vcodec="libx264",
                preset=made.preset,
                crf=made.crf,
                profile="high",
                maxrate=f"{made.ceiling_kbps}k",
                bufsize=f"{made.ceiling_kbps * 2}k",
                g=made.gop,
                keyint_min=made.gop,
                sc_threshold=0,
                threads=made.threads,
                movflags="+negative_cts_offsets",
                **CLEAN,
                **{"flags:v": "+bitexact+cgop"},
            )
        )
    together = outputs[0] if len(outputs) == 1 else ffmpeg.merge_outputs(*outputs)
    return ffmpeg.compile(
        together.global_args(*QUIET, "-progress", "pipe:1", "-stats_period", "0.5"), cmd=program
    )


def join_command(program: str, listed: str, target: str) -> list[str]:
    """Arguments that put the pieces named in the concat list `listed` one after another, without encoding."""
    joined = ffmpeg.input(listed, f="concat", safe=0, protocol_whitelist="file")["v:0"]
    whole = ffmpeg.output(joined, target, c="copy", movflags="+negative_cts_offsets", **CLEAN)
    return ffmpeg.compile(whole.global_args(*QUIET), cmd=program)


def views_packager_command(program: str, folder: Path, made: ViewsRecipe, names: Sequence[str]) -> list[str]:
    """Arguments that cut `folder/<view>.mp4` into segments below the working folder; `packed.m3u8` is a by-product."""
    streams = [
        f"in={folder}/{name}.mp4,stream=video,init_segment={name}/init.mp4,"
        f"segment_template={name}/$Number%05d$.m4s,playlist_name={name}/main.m3u8"
        for name in names
    ]
    return [
        program,
        *streams,
        "--segment_duration", str(made.segment_s),
        "--hls_master_playlist_output", "packed.m3u8",
        "--hls_playlist_type", "VOD",
        "--use_fake_clock_for_muxer",
        "--single_threaded",
    ]  # fmt: skip


def check_command(program: str, sample: Path) -> list[str]:
    """Arguments that decode `sample` and say nothing unless it is damaged."""
    decoded = ffmpeg.output(
        ffmpeg.input(f"file:{sample}", protocol_whitelist="file", f="mov")["v:0"], "-", f="null"
    )
    return ffmpeg.compile(decoded.global_args(*QUIET, "-xerror"), cmd=program)
