"""What a job costs: CPU seconds and memory by stage, kind, codec, preset and pixels. Pure.

The prior (`work`) comes from measurements of November 2026 on a 2-core machine (1080p25, x264 medium:
slides 11, camera 30-45 ns of CPU a pixel; decoding 2 ns; scaling 1.3 ns a pixel put out; AAC 0.045 s a
second). It only needs the right shape: `Rates` learns the factor of this machine, of this sort of
work and of this lecture from the jobs that ended last.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

__all__ = ["Picture", "Rates", "Sample", "Task", "memory_mb", "sort", "work"]

_ENCODE_NS = {"SLIDES": 11.0, "CAMERA": 30.0, "SPHERE": 25.0}
"""CPU nanoseconds a pixel, x264 medium. Unknown kinds cost 18: between slides and camera."""
_UNKNOWN_NS = 18.0
_PRESETS = {
    "ultrafast": 0.25, "superfast": 0.35, "veryfast": 0.52, "faster": 0.7, "fast": 0.85,
    "medium": 1.0, "slow": 1.7, "slower": 3.0, "veryslow": 6.0,
}  # fmt: skip
_CODECS = {"h264": 1.0, "hevc": 1.8, "av1": 0.8}
_DECODE_NS = {"h264": 2.0, "hevc": 3.0, "av1": 3.0, "vp9": 2.5, "prores": 4.0, "mpeg2video": 1.5}
_SCALE_NS = 1.3
_SPHERE_VIEWS_NS = 26.0
_AAC_S = 0.045
_SPEECH_S = 0.4

_ENCODER_BYTES = {"h264": 130, "hevc": 200, "av1": 420}
"""Bytes of memory a pixel of a rendition: about 65 frames of 4:2:0 in flight (look-ahead 50, B-frames, references)."""
_DECODER_BYTES = 60
_COMPARE_BYTES = 400
"""Bytes a pixel that libvmaf holds while all renditions of a sample are compared at once: 1010 MB of a 1080p lecture."""
_COMPARE_MOST = 1920 * 1080
_PROGRAM_MB = 80


@dataclass(frozen=True)
class Picture:
    """One picture rendition that a job encodes: pixels a frame, frames a second."""

    pixels: int
    fps: float
    codec: str = "h264"
    preset: str = "faster"


@dataclass(frozen=True)
class Task:
    """What a job has to do, as far as its cost goes. `seconds` of lecture, `sounds` renditions of sound."""

    stage: str
    seconds: float
    kind: str = ""
    source_pixels: int = 0
    source_fps: float = 25.0
    source_codec: str = "h264"
    pictures: tuple[Picture, ...] = ()
    sounds: int = 0


def work(task: Task) -> float:
    """Expected CPU seconds of a job on the machine of the measurements; always above 0."""
    frames = task.seconds * task.source_fps
    decoded = frames * task.source_pixels * _DECODE_NS.get(task.source_codec, 2.5) * 1e-9
    if task.stage == "PROBE":
        return 1.0
    if task.stage == "ANALYSE":
        looked_at = min(task.seconds, 60.0) * task.source_fps * task.source_pixels
        return 1.0 + 8e-9 * looked_at + 0.02 * task.seconds
    if task.stage == "PACKAGE":
        return 1.0 + 0.02 * task.seconds
    if task.stage == "SOUND":
        return 0.2 + task.seconds * (_AAC_S * max(1, task.sounds) + 0.01)
    if task.stage == "VIEWPORTS":
        return 1.0 + frames * task.source_pixels * _SPHERE_VIEWS_NS * 1e-9
    if task.stage == "TRANSCRIBE":
        return 2.0 + task.seconds * _SPEECH_S
    made = sum(
        picture.pixels * picture.fps * task.seconds * (_SCALE_NS + encoding_ns(task.kind, picture)) * 1e-9
        for picture in task.pictures
    )
    return 0.3 + decoded + made + task.seconds * _AAC_S * task.sounds


def encoding_ns(kind: str, picture: Picture) -> float:
    """CPU nanoseconds that encoding one pixel takes, by kind of lecture, codec and preset."""
    return (
        _ENCODE_NS.get(kind, _UNKNOWN_NS)
        * _CODECS.get(picture.codec, 1.0)
        * _effort(picture.codec, picture.preset)
    )


def _effort(codec: str, preset: str) -> float:
    """How much dearer than «medium» (or SVT-AV1's 10) a preset is."""
    if codec != "av1":
        return _PRESETS.get(preset, 1.0)
    digits = "".join(sign for sign in preset if sign.isdigit())
    return float(1.35 ** (10 - int(digits))) if digits else 1.0


def sort(task: Task) -> str:
    """What jobs are comparable, at most 80 signs: «ENCODE SLIDES h264:faster+av1:10», «PROBE»."""
    if task.stage not in {"ENCODE", "PREVIEW"}:
        return task.stage
    ways = dict.fromkeys(f"{picture.codec}:{picture.preset}" for picture in task.pictures)
    return f"{task.stage} {task.kind} {'+'.join(ways)}"[:80]


def memory_mb(task: Task) -> int:
    """How many MB a job may need at its peak: frames that decoder and encoders hold."""
    needed = _DECODER_BYTES * task.source_pixels
    needed += sum(_ENCODER_BYTES.get(picture.codec, 200) * picture.pixels for picture in task.pictures)
    if task.stage == "ANALYSE":
        needed += _COMPARE_BYTES * min(task.source_pixels, _COMPARE_MOST)
    if task.stage == "VIEWPORTS":
        needed += 8 * _ENCODER_BYTES["h264"] * 1280 * 720
    if task.stage == "TRANSCRIBE":
        needed += 1500 * 10**6
    return _PROGRAM_MB + math.ceil(needed / 1e6)


@dataclass(frozen=True)
class Sample:
    """One job that ended well: what was expected (`work`), what it took (CPU and wall seconds)."""

    asset: int
    stage: str
    sort: str
    work: float
    cpu_s: float
    wall_s: float


class Rates:
    """What the last jobs tell about this machine.

    A factor on `work` is the median of the samples, looked for from the general to the particular:
    stage, sort of work, this very lecture. Each level leans on the one above it as on one more
    sample, so one odd job does not turn the estimate over, and without samples the prior stands.
    """

    def __init__(self, samples: Iterable[Sample] = (), *, most: int = 15) -> None:
        """`samples` with the newest first; at most `most` count at each level."""
        self._costs: dict[tuple[str | int, ...], list[float]] = defaultdict(list)
        self._paces: dict[tuple[str | int, ...], list[float]] = defaultdict(list)
        for sample in samples:
            if sample.work <= 0 or sample.cpu_s <= 0:
                continue
            for level in _levels(sample.asset, sample.stage, sample.sort):
                if len(self._costs[level]) < most:
                    self._costs[level].append(sample.cpu_s / sample.work)
                    if sample.wall_s > 0:
                        self._paces[level].append(sample.wall_s / sample.cpu_s)

    def cpu_s(self, asset: int, stage: str, sort: str, work: float) -> float:
        """CPU seconds that a job of this sort will take."""
        return work * _factor(self._costs, _levels(asset, stage, sort))

    def wall_s(self, asset: int, stage: str, sort: str, work: float) -> float:
        """Seconds by the clock, from its beginning to its end, while other workers are as busy as they were."""
        pace = _factor(self._paces, _levels(asset, stage, sort))
        return self.cpu_s(asset, stage, sort, work) * pace


def _levels(asset: int, stage: str, sort: str) -> tuple[tuple[str | int, ...], ...]:
    return ((stage,), (stage, sort), (stage, sort, asset))


def _factor(
    known: Mapping[tuple[str | int, ...], list[float]], levels: tuple[tuple[str | int, ...], ...]
) -> float:
    factor = 0.0
    for level in levels:
        samples = known.get(level)
        if samples:
            count = len(samples)
            factor = (count * math.log(median(samples)) + factor) / (count + 1)
    return math.exp(factor)
