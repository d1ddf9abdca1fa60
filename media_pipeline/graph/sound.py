"""The ffmpeg runs for sound: mixed down to what we deliver, measured, and written at one loudness. Pure.

Recordings of broadcasts change their channels on the way (5.1 in the film, stereo in the talk).
ffmpeg then builds the filters anew, and whatever counts from the beginning (silence before the
first sample, a gain by what was heard so far) begins anew in the middle. So the sound is first
brought to one shape, and goes through a loopback decoder (ffmpeg 7.1 and later) into filters that
live from beginning to end. An older ffmpeg does it in one go; there such recordings lose their sync.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ffmpeg

from media_pipeline.graph.source import CLEAN, QUIET, opened
from media_pipeline.loudness import CEILING_DBTP, gain_db, needs_limiter
from media_pipeline.probe import Facts, SoundStream
from media_pipeline.recipe import Recipe, SoundRung

__all__ = ["measure_command", "sound_command"]

RATE_HZ = 48000
_MOST_MIXED = 8
"""Channels that swresample knows how to fold into two; of more, the first two are taken."""
_LIMITER_MARGIN_DB = 1.5
"""alimiter watches samples, AAC and the resampling between samples add a little: it stops that much earlier."""
_FROM_ZERO: tuple[str, dict[str, Any]] = ("aresample", {"sample_rate": RATE_HZ, "async": 1, "first_pts": 0})
_PROGRESS = ("-progress", "pipe:1", "-stats_period", "0.5")

Steps = Sequence[tuple[str, dict[str, Any]]]
"""Filters one after another: name and options."""


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
    length = length_s or (facts.picture_s if facts.width else 0.0)
    known = {stream.index: stream for stream in facts.sounds}
    streams = [
        known.get(rung.stream) or SoundStream(rung.stream, "", rung.channels) for rung in recipe.sounds
    ]
    chains, outputs = [], []
    for rung in recipe.sounds:
        pad: Steps = [("apad", {"whole_dur": f"{length:.6f}s"})] if length else []
        chains.append([_FROM_ZERO, *_levelled(rung), *pad])
        limit = {"t": f"{length:.6f}"} if length else {}
        outputs.append(
            (
                f"{rung.name}.mp4",
                {"acodec": "aac", "ac": rung.channels, "ar": RATE_HZ, "profile:a": "aac_low",
                 "b:a": f"{rung.kbps}k", "flags:a": "+bitexact"} | limit | CLEAN,
            )
        )  # fmt: skip
    input_ = opened(source, facts, recipe, max_pixels=max_pixels)
    wanted = [rung.channels for rung in recipe.sounds]
    return _command(program, input_, streams, wanted, chains, outputs, quiet=QUIET, engine=recipe.engine)


def measure_command(
    program: str,
    source: Path,
    facts: Facts,
    streams: Sequence[SoundStream],
    *,
    engine: str,
    max_pixels: int,
    max_duration_s: float,
) -> list[str]:
    """Arguments that measure EBU R 128 of `streams` as they will be delivered; what it says is on stderr.

    Each stream's summary stands there under the name `sound<index>` (`loudness.read_summaries`).
    """
    chains = [
        [_FROM_ZERO, (f"ebur128@sound{s.index}", {"peak": "true", "dualmono": 1, "framelog": "quiet"})]
        for s in streams
    ]
    outputs: list[tuple[str, dict[str, Any]]] = [("-", {"f": "null"}) for _stream in streams]
    input_ = opened(source, facts, None, max_pixels=max_pixels, t=max_duration_s)
    wanted = [1 if stream.channels == 1 else 2 for stream in streams]
    quiet = ("-v", "info", "-nostats", "-nostdin", "-hide_banner", "-y")
    return _command(program, input_, streams, wanted, chains, outputs, quiet=quiet, engine=engine)


def loops_back(engine: str) -> bool:
    """Whether the ffmpeg of this version text has loopback decoders (`-dec`, since 7.1)."""
    found = re.search(r"ffmpeg version n?(\d+)\.(\d+)", engine)
    return bool(found) and (int(found[1]), int(found[2])) >= (7, 1)  # type: ignore[index]


def _command(
    program: str,
    input_: Any,
    streams: Sequence[SoundStream],
    wanted: Sequence[int],
    chains: Sequence[Steps],
    outputs: Sequence[tuple[str, dict[str, Any]]],
    *,
    quiet: Sequence[str],
    engine: str,
) -> list[str]:
    """Each stream shaped, sent through its chain and written as its output."""
    shaped = [
        _applied(input_[str(stream.index)], _shape(stream.channels, channels))
        for stream, channels in zip(streams, wanted, strict=True)
    ]
    if not loops_back(engine):
        written = [
            ffmpeg.output(_applied(sound, chain), name, **options)
            for sound, chain, (name, options) in zip(shaped, chains, outputs, strict=True)
        ]
        together = written[0] if len(written) == 1 else ffmpeg.merge_outputs(*written)
        plain: list[str] = ffmpeg.compile(together.global_args(*quiet, *_PROGRESS), cmd=program)
        return plain
    first = ffmpeg.output(*shaped, "-", f="null", acodec="pcm_f32le")
    words: list[str] = ffmpeg.compile(first.global_args(*quiet, *_PROGRESS), cmd=program)
    for number, chain in enumerate(chains):
        words += ["-dec", f"0:{number}"]
        text = ",".join(_text(name, options) for name, options in chain)
        words += ["-filter_complex", f"[dec:{number}]{text}[sound{number}]"]
    for number, (name, options) in enumerate(outputs):
        words += ["-map", f"[sound{number}]"]
        for key, value in options.items():
            words += [f"-{_LONG.get(key, key)}", str(value)]
        words.append(name)
    return words


_LONG = {"acodec": "c:a"}


def _shape(channels: int, wanted: int) -> Steps:
    """From `channels` to `wanted` (1 or 2) at 48 kHz.

    5.1 and 7.1 are folded with centre and surrounds at −3 dB and without the low-frequency
    channel (ITU-R BS.775), so that speech in the centre stays in the middle and is not lost.
    """
    steps: list[tuple[str, dict[str, Any]]] = []
    if channels > _MOST_MIXED:
        steps.append(("pan", {"args": "stereo|c0=c0|c1=c1"}))
    fold = {"clev": 0.7071, "slev": 0.7071, "lfe_mix_level": 0}
    steps.append(("aresample", {"sample_rate": RATE_HZ} | fold))
    layout = "mono" if wanted == 1 else "stereo"
    steps.append(("aformat", {"sample_fmts": "fltp", "channel_layouts": layout}))
    return steps


def _levelled(rung: SoundRung) -> Steps:
    steps: list[tuple[str, dict[str, Any]]] = []
    gain = gain_db(rung.loudness)
    if gain:
        steps.append(("volume", {"volume": f"{gain:.2f}dB"}))
    if needs_limiter(rung.loudness):
        limit = 10 ** ((CEILING_DBTP - _LIMITER_MARGIN_DB) / 20)
        steps.append(
            ("alimiter", {"limit": f"{limit:.5f}", "attack": 5, "release": 80, "level": 0, "latency": 1})
        )
    return steps


def _applied(stream: Any, steps: Steps) -> Any:
    for name, options in steps:
        stream = stream.filter(name, **options)
    return stream


def _text(name: str, options: dict[str, Any]) -> str:
    return f"{name}=" + ":".join(f"{key}={value}" for key, value in options.items())
