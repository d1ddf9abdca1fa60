"""One whole MP4 out of a rendition and a sound, without encoding. Pure."""

from pathlib import Path

import ffmpeg

from media_pipeline.graph.source import CLEAN, QUIET

__all__ = ["whole_file_command"]


def whole_file_command(
    program: str, picture: Path, sound: Path | None, *, target: str, codec: str
) -> list[str]:
    """Arguments that copy `picture` and `sound` (our own renditions) into `target` (in the working folder), index first.

    HEVC is tagged hvc1, the only tag that Apple's and most headsets' players take.
    """
    inputs = [ffmpeg.input(f"file:{picture}", protocol_whitelist="file", f="mov")["v:0"]]
    if sound is not None:
        inputs.append(ffmpeg.input(f"file:{sound}", protocol_whitelist="file", f="mov")["a:0"])
    options = {"c": "copy", "movflags": "+faststart", **CLEAN}
    if codec == "hevc":
        options["tag:v"] = "hvc1"
    whole = ffmpeg.output(*inputs, target, **options)
    return ffmpeg.compile(whole.global_args(*QUIET), cmd=program)
