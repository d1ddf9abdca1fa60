"""The ffmpeg runs for sound: mixed down to what we deliver, measured, and written at one loudness. Pure."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ffmpeg

from media_pipeline.graph.source import CLEAN, QUIET, opened
from media_pipeline.loudness import CEILING_DBTP, gain_db, needs_limiter
from media_pipeline.probe import Facts, SoundStream
from media_pipeline.recipe import Recipe, SoundRung

__all__ = ["measure_command", "mixed_down", "sound_command"]

RATE_HZ = 48000
_MOST_MIXED = 8
"""Channels that swresample knows how to fold into two; of more, the first two are taken."""
_LIMITER_MARGIN_DB = 1.5
"""alimiter watches samples, AAC and the resampling between samples add a little: it stops that much earlier."""


def sound_command(
    program: str, source: Path, facts: Facts, recipe: Recipe, *, max_pixels: int, length_s: float = 0.0
) -> list[str]:
    """Arguments that write `<sound>.mp4` (AAC-LC, 48 kHz) for every sound rung into the working folder.

    Every sound begins at zero of the source's timeline (a late one with silence), follows its
    time stamps (gaps become silence), and lasts as long as the picture: `length_s`, else
    `facts.picture_s`, else as long as it is. One decode a stream; nothing of the source's
    metadata goes over. Progress goes to stdout. Raises ValueError when the recipe has no sound.
    """
    if not recipe.sounds:
        raise ValueError("the recipe has no sound")
    input_ = opened(source, facts, recipe, max_pixels=max_pixels)
    length = length_s or (facts.picture_s if facts.width else 0.0)
    known = {stream.index: stream for stream in facts.sounds}
    outputs = []
    for rung in recipe.sounds:
        stream = known.get(rung.stream) or SoundStream(rung.stream, "", rung.channels)
        heard = mixed_down(input_[str(rung.stream)], stream.channels, rung.channels)
        heard = _levelled(heard, rung)
        limits: dict[str, Any] = {}
        if length:
            heard = heard.filter("apad", whole_dur=f"{length:.6f}s")
            limits["t"] = f"{length:.6f}"
        outputs.append(
            ffmpeg.output(
                heard,
                f"{rung.name}.mp4",
                acodec="aac",
                ac=rung.channels,
                ar=RATE_HZ,
                **limits,
                **{"profile:a": "aac_low", "b:a": f"{rung.kbps}k", "flags:a": "+bitexact"},
                **CLEAN,
            )
        )
    return _compiled(outputs, program, QUIET)


def measure_command(
    program: str,
    source: Path,
    facts: Facts,
    streams: Sequence[SoundStream],
    *,
    max_pixels: int,
    max_duration_s: float,
) -> list[str]:
    """Arguments that measure EBU R 128 of `streams` as they will be delivered; what it says is on stderr.

    Each stream's summary stands there under the name `sound<index>` (`loudness.read_summaries`).
    """
    input_ = opened(source, facts, None, max_pixels=max_pixels, t=max_duration_s)
    outputs = []
    for stream in streams:
        heard = mixed_down(input_[str(stream.index)], stream.channels, 1 if stream.channels == 1 else 2)
        # ffmpeg-python escapes nothing in a filter's name, so an instance name may ride on it.
        heard = heard.filter(f"ebur128@sound{stream.index}", peak="true", dualmono=1, framelog="quiet")
        outputs.append(ffmpeg.output(heard, "-", f="null"))
    return _compiled(outputs, program, ("-v", "info", "-nostats", "-nostdin", "-hide_banner", "-y"))


def mixed_down(stream: Any, channels: int, wanted: int) -> Any:
    """`stream` of `channels` at 48 kHz, beginning at zero, folded to `wanted` (1 or 2) channels.

    5.1 and 7.1 are folded with centre and surrounds at −3 dB and without the low-frequency
    channel (ITU-R BS.775), so that speech in the centre stays in the middle and is not lost.
    """
    if channels > _MOST_MIXED:
        stream = stream.filter("pan", "stereo|c0=c0|c1=c1")
    options: dict[str, Any] = {"async": 1, "first_pts": 0}
    if channels > 2:
        options |= {"clev": 0.7071, "slev": 0.7071, "lfe_mix_level": 0}
    return stream.filter("aresample", RATE_HZ, **options).filter(
        "aformat", sample_fmts="fltp", channel_layouts="mono" if wanted == 1 else "stereo"
    )


def _levelled(heard: Any, rung: SoundRung) -> Any:
    gain = gain_db(rung.loudness)
    if gain:
        heard = heard.filter("volume", f"{gain:.2f}dB")
    if needs_limiter(rung.loudness):
        limit = 10 ** ((CEILING_DBTP - _LIMITER_MARGIN_DB) / 20)
        heard = heard.filter("alimiter", limit=f"{limit:.5f}", attack=5, release=80, level=0, latency=1)
    return heard


def _compiled(outputs: list[Any], program: str, quiet: Sequence[str]) -> list[str]:
    together = outputs[0] if len(outputs) == 1 else ffmpeg.merge_outputs(*outputs)
    words: list[str] = ffmpeg.compile(
        together.global_args(*quiet, "-progress", "pipe:1", "-stats_period", "0.5"), cmd=program
    )
    return words
