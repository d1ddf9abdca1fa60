"""How loud a lecture is and how loud it becomes: EBU R 128, measured by ffmpeg, decided purely.

Target −16 LUFS, true peak at most −1.5 dBTP. Speech on a phone's loudspeaker, on the bus, is
lost at broadcast's −23 LUFS (EBU R 128), and −14 as for music needs a limiter on nearly every
lecture; AES TD1004 asks for −16 to −20 on phones and computers, and −16 is what podcast
players expect. A lecture that follows another must not make anybody reach for the volume.

One plain gain for the whole lecture and a limiter for the peaks above the ceiling:
`loudnorm` would cost eight times the CPU (it works at 192 kHz) and rides the gain of pauses.
One sound channel is measured as heard, from both loudspeakers (`dualmono`).
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from media_pipeline.engine import Engine
from media_pipeline.errors import StageFailed
from media_pipeline.probe import Facts, SoundStream
from media_pipeline.recipe import Loudness
from media_pipeline.runner import Limits, run

__all__ = ["CEILING_DBTP", "TARGET_LUFS", "gain_db", "measure", "needs_limiter", "read_summaries"]

TARGET_LUFS = -16.0
CEILING_DBTP = -1.5
SILENCE_LUFS = -55.0
"""Below this there is no speech, only the noise of a device: it is left alone."""
MOST_GAIN_DB = 30.0
"""From −46 LUFS: a voice from the other end of the hall. Whoever listens would turn it up as far."""
_DEAD_BAND_DB = 0.5


def gain_db(measured: Loudness | None) -> float:
    """The gain in dB that brings a sound to the target; 0 for silence, the unmeasured and what is right already."""
    if measured is None or not math.isfinite(measured.integrated) or measured.integrated < SILENCE_LUFS:
        return 0.0
    gain = min(TARGET_LUFS - measured.integrated, MOST_GAIN_DB)
    return 0.0 if abs(gain) < _DEAD_BAND_DB else round(gain, 2)


def needs_limiter(measured: Loudness | None) -> bool:
    """Whether peaks may stand above the ceiling after the gain. The unmeasured keep their peaks."""
    if measured is None or not math.isfinite(measured.peak):
        return False
    return measured.peak + gain_db(measured) > CEILING_DBTP - 0.5


def measure(
    source: Path,
    facts: Facts,
    streams: Sequence[SoundStream],
    *,
    engine: Engine,
    max_pixels: int,
    max_duration_s: float,
    cwd: Path,
    tick: Callable[[Mapping[str, str]], None] | None = None,
) -> dict[int, Loudness]:
    """EBU R 128 of each of `streams`, by stream index, in one run over the whole file.

    Costs 0.4 % of the sound's length in CPU (13 s an hour).
    Streams without a measurable sound (digital silence) are absent. Raises StageFailed
    ENCODE_FAILED when the sound cannot be read, StageInterrupted, DiskFull.
    """
    from media_pipeline.graph.sound import measure_command

    if not streams:
        return {}
    command = measure_command(
        engine.ffmpeg, source, facts, streams,
        engine=engine.version, max_pixels=max_pixels, max_duration_s=max_duration_s,
    )  # fmt: skip
    outcome = run(command, limits=Limits(wall_s=4 * 3600, cpu_s=3600), cwd=cwd, tick=tick)
    if outcome.code != 0:
        raise StageFailed("ENCODE_FAILED", outcome.stderr)
    return read_summaries(outcome.stderr)


def read_summaries(said: str) -> dict[int, Loudness]:
    """Loudness by stream index out of what `measure_command` said; silent streams are absent."""
    found: dict[int, Loudness] = {}
    for piece in re.split(r"\[ebur128@sound(?=\d+ )", said)[1:]:
        index = int(re.match(r"\d+", piece).group())  # type: ignore[union-attr]
        figures = {
            name: _figure(re.search(pattern, piece, re.S))
            for name, pattern in (
                ("integrated", r"I:\s+(\S+) LUFS"),
                ("threshold", r"I:\s+\S+ LUFS\s+Threshold:\s+(\S+) LUFS"),
                ("range", r"LRA:\s+(\S+) LU\s"),
                ("peak", r"Peak:\s+(\S+) dBFS"),
            )
        }
        loud = Loudness(**figures)
        if math.isfinite(loud.integrated) and loud.integrated > -70 and math.isfinite(loud.peak):
            found[index] = loud
    return found


def _figure(found: re.Match[str] | None) -> float:
    try:
        return float(found.group(1)) if found else -math.inf
    except ValueError:
        return -math.inf
