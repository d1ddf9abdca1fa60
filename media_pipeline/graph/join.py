"""Chunks put in a row: ffmpeg's concat list, quoted by us, and the copying run. Pure."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import ffmpeg

from media_pipeline.graph.source import CLEAN, QUIET

__all__ = ["concat_list", "copy_command", "join_command"]


def concat_list(pieces: Sequence[tuple[Path, Fraction]]) -> str:
    """The text for ffmpeg's concat demuxer: each file with its length in seconds, quoted.

    A quote in a name is closed, escaped and opened again (ffmpeg-utils «Quoting and escaping»);
    a line break cannot be in our own names and is refused with ValueError.
    """
    lines = ["ffconcat version 1.0"]
    for path, seconds in pieces:
        name = str(path)
        if "\n" in name or "\r" in name:
            raise ValueError(name)
        quoted = name.replace("'", "'\\''")
        lines += [f"file '{quoted}'", f"duration {float(seconds):.6f}"]
    return "\n".join(lines) + "\n"


def join_command(program: str, listed: Path, target: str, *, codec: str) -> list[str]:
    """Arguments that copy the files of the list `listed` into one `target` in the working folder."""
    rows = ffmpeg.input(f"file:{listed}", protocol_whitelist="file", f="concat", safe=0)
    return _copy(rows["v"], program, target, codec=codec)


def copy_command(program: str, fragmented: Path, target: str, *, codec: str, sound: bool) -> list[str]:
    """Arguments that make a plain mp4 of a published rendition (init segment and segments in a row)."""
    whole = ffmpeg.input(f"file:{fragmented}", protocol_whitelist="file", f="mov")
    return _copy(whole["a" if sound else "v"], program, target, codec=codec)


def _copy(stream: object, program: str, target: str, *, codec: str) -> list[str]:
    more = {} if codec in {"av1", "aac"} else {"movflags": "+negative_cts_offsets"}
    tag = {"tag:v": "hvc1"} if codec == "hevc" else {}
    copied = ffmpeg.output(stream, target, c="copy", **CLEAN, **more, **tag)
    return ffmpeg.compile(copied.global_args(*QUIET), cmd=program)
