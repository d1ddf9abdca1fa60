"""The ffmpeg run that prepares sound for speech to text: one channel, 16 kHz, 16 bit. Pure."""

from pathlib import Path

from media_pipeline.graph.source import QUIET
from media_pipeline.probe import FORMATS

__all__ = ["speech_command"]


def speech_command(program: str, source: Path, target: str, *, stream: str, demuxer: str) -> list[str]:
    """Arguments that write `stream` (e.g. "0:a:0") of `source` as a WAV file, under whitelists. Progress to stdout."""
    return [
        program, *QUIET,
        "-progress", "pipe:1", "-stats_period", "0.5",
        "-protocol_whitelist", "file",
        "-format_whitelist", ",".join(FORMATS),
        "-f", demuxer,
        "-i", f"file:{source}",
        "-map", stream,
        "-vn", "-sn", "-dn",
        "-af", "aresample=16000:async=1:first_pts=0",
        "-ac", "1", "-c:a", "pcm_s16le", "-map_metadata", "-1", "-bitexact", "-f", "wav",
        target,
    ]  # fmt: skip
