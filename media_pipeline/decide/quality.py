"""Which constant quality each rendition needs to reach the floor, and which renditions are worth their bytes.

The floor: VMAF (model v0.6.1, at the rendition's own size against the source scaled to it by lanczos)
of at least 95.5 on average and 93 for the worst twentieth of the frames. What is above it nobody
sees, and everybody downloads it.

Pure but for `measure`, which runs ffmpeg; nothing here knows the database.
"""

import json
import math
import re
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from media_pipeline.engine import Engine, engine
from media_pipeline.errors import StageFailed
from media_pipeline.graph.samples import LOG, compare_files_command
from media_pipeline.recipe import VideoRung
from media_pipeline.runner import Limits, run

__all__ = [
    "FLOOR",
    "SCALES",
    "Point",
    "Score",
    "bytes_at",
    "crf_for",
    "first_crf",
    "judge_of",
    "measure",
    "next_crf",
    "pooled",
    "read_scores",
    "scale_of",
    "settled",
    "table_crf",
    "worth_keeping",
]


@dataclass(frozen=True)
class Scale:
    """An encoder's scale of constant quality: what is allowed, in which steps, and what VMAF does along it.

    `slope`: VMAF gained by one more near the floor, as it usually is; `steepest`, `flattest`: what
    trials may show, all else is chance; `reach`: how far beyond the trials their line is believed.
    """

    least: float
    most: float
    step: float
    slope: float
    steepest: float
    flattest: float
    reach: float


H264 = Scale(16.0, 34.0, 0.25, -0.5, -2.5, -0.15, 4.0)
"""Quarter steps are about 3 % of the bytes."""
AV1 = Scale(20.0, 60.0, 1.0, -0.3, -1.35, -0.08, 7.0)
SCALES = {"h264": H264, "av1": AV1}
_SLIDES_SLOPE = {"h264": -0.28, "av1": -0.2}
"""Most of a slide is coded once in eight seconds: it loses little for long."""
_SLIDES_HIGHER = 2.0
"""What the floor of most slides lies above the table, in steps of either scale."""
_CHANCE = 1.0
"""CRF that trials may be wrong by: ±0.3 VMAF on two samples."""
_GAIN = 2.0
"""A rendition that shows less than this more (VMAF, on the largest's screen) than the next one down is left out."""
_DETAIL_SIDE = 480
"""Pictures of this short side and below always stay: VMAF hardly sees fine grain go, people in a hall do."""
_NEARLY = 0.85
"""A rendition that has more than this share of the bytes of the one above serves nobody whom that one doesn't."""


@dataclass(frozen=True)
class Score:
    """VMAF (0..100) of a rendition: mean over the frames, and `p5`, the best of the worst twentieth of them."""

    mean: float
    p5: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def reaches(self, floor: "Score") -> bool:
        return self.mean >= floor.mean and self.p5 >= floor.p5


FLOOR = Score(mean=95.5, p5=93.0)
MARGIN = Score(mean=0.2, p5=0.5)
"""What samples must have above the floor so that the whole lecture has it.

Of the mean for chance and for the first keyframe of each chunk (0.1; `samples.lead`). The worst frames of a
whole lecture may lie outside the samples.
"""
_WORST = 1.5
"""How much faster than the mean the worst frames lose, when nothing else is known."""


@dataclass(frozen=True)
class Point:
    """What one trial gave: at constant quality `crf` so many bytes and this score."""

    crf: float
    size_bytes: int
    score: Score


def table_crf(kind: str, short_side: int) -> float:
    """The CRF for a lecture that was not tried: from the clips of shared/media.md §3 and tests/benchmarks.

    Smaller pictures forgive less at their own size.
    """
    usual = {"SLIDES": 27.0, "CAMERA": 22.0}.get(kind, 24.0)
    return usual - (1.0 if short_side <= 240 else 0.5 if short_side <= 480 else 0.0)


def first_crf(rung: VideoRung, kind: str) -> float:
    """Where the first trial of a rendition is made: near where most lectures' floor lies.

    Of slides that is above the table's cautious value.
    """
    return rung.crf + (_SLIDES_HIGHER if kind == "SLIDES" else 0.0)


def scale_of(codec: str, kind: str) -> Scale:
    """The scale of `codec` for lectures of `kind`. Raises KeyError for a codec that is not tried (HEVC)."""
    scale = SCALES[codec]
    return replace(scale, slope=_SLIDES_SLOPE[codec]) if kind == "SLIDES" else scale


def crf_for(
    points: Sequence[Point], *, floor: Score = FLOOR, margin: Score = MARGIN, scale: Scale = H264
) -> float:
    """The largest CRF of `scale` (H.264: quarter steps, 16 to 34) that reaches `floor` + `margin` by these trials.

    Between two trials, and a little beyond, by the straight line through the two nearest to
    the goal; from a single one by the usual slope. Loss grows faster and faster, so above the
    highest trial the line is never taken for flatter than usual. Raises ValueError without trials.
    """
    worst = replace(scale, slope=max(scale.slope * _WORST, scale.steepest))
    wanted = min(
        _where(points, lambda score: score.mean, floor.mean + margin.mean, scale),
        _where(points, lambda score: score.p5, floor.p5 + margin.p5, worst),
    )
    return _clamped(math.floor(wanted / scale.step + 1e-6) * scale.step, scale)


def next_crf(
    points: Sequence[Point], *, floor: Score = FLOOR, margin: Score = MARGIN, scale: Scale = H264
) -> float:
    """Where the next trial tells most: at the CRF that the trials so far point to, at least 1 off them."""
    guess = crf_for(points, floor=floor, margin=margin, scale=scale)
    for away in (0.0, 1.0, -1.0, 2.0, -2.0):
        if all(abs(guess + away - point.crf) >= 1.0 for point in points):
            return _clamped(guess + away, scale)
    return guess


def bytes_at(points: Sequence[Point], crf: float) -> float:
    """Bytes at `crf`, reckoned by the straight line through two trials on a logarithmic scale."""
    first, second = points[0], points[-1]
    if first.crf == second.crf:
        return first.size_bytes
    share = (crf - first.crf) / (second.crf - first.crf)
    return math.exp(
        math.log(max(1, first.size_bytes))
        + share * (math.log(max(1, second.size_bytes)) - math.log(max(1, first.size_bytes)))
    )


def settled(crf: Mapping[str, float], order: Sequence[str]) -> dict[str, float]:
    """The CRFs of `order` (largest picture first), smaller pictures with care.

    At its own size a smaller picture usually forgives less. Where trials say otherwise, the first 1 of the
    difference is taken for chance; what is beyond is believed (a noisy camera: scaling down averages the noise away).
    """
    found: dict[str, float] = {}
    larger = H264.most
    for name in order:
        if name in crf:
            larger = found[name] = min(crf[name], max(larger, crf[name] - _CHANCE))
    return found


def worth_keeping(
    rungs: Sequence[VideoRung], *, detail: Mapping[str, float], size_bytes: Mapping[str, float]
) -> tuple[VideoRung, ...]:
    """The rungs (largest first) that are worth their bytes. The smallest always stays.

    `detail`: VMAF of the source's picture after a detour through the rung's size, on the largest
    rung's screen (100 for the largest). A larger rung goes when the next smaller one that stays
    shows nearly the same and has at least 480 lines. A smaller one goes when it needs nearly the bytes of the one above.
    What is not in a mapping is not judged.
    """
    kept: list[VideoRung] = []
    for rung in reversed(rungs):
        below = kept[-1] if kept else None
        if (
            below is None
            or min(below.width, below.height) < _DETAIL_SIDE
            or rung.name not in detail
            or below.name not in detail
            or detail[rung.name] - detail[below.name] >= _GAIN
        ):
            kept.append(rung)
    kept.reverse()
    spare = [kept[0]]
    for rung in kept[1:]:
        above = size_bytes.get(spare[-1].name)
        mine = size_bytes.get(rung.name)
        last = rung is kept[-1]
        if last or above is None or mine is None or mine <= _NEARLY * above:
            spare.append(rung)
    return tuple(spare)


def pooled(frames: Sequence[float]) -> Score:
    """Mean and 5th percentile (the value below which a twentieth of the frames lie). Raises ValueError for none."""
    if not frames:
        raise ValueError("no frames were compared")
    ordered = sorted(frames)
    return Score(round(statistics.fmean(ordered), 3), round(ordered[int(len(ordered) * 0.05)], 3))


def judge_of(tools: Engine) -> tuple[str, str]:
    """The program that compares, and the judge: libvmaf where there is one, else XPSNR by our first ffmpeg."""
    return (tools.measuring, "vmaf") if tools.measuring else (tools.ffmpeg, "xpsnr")


def read_scores(log: Path, judge: str) -> list[float]:
    """VMAF of each compared frame out of a judge's log. Raises StageFailed when it holds none."""
    try:
        text = log.read_text()
        if judge == "vmaf":
            return [float(frame["metrics"]["vmaf"]) for frame in json.loads(text)["frames"]]
        found = [_vmaf_of(float(value)) for value in re.findall(r"XPSNR y:\s*([\d.]+|inf)", text)]
    except (OSError, ValueError, KeyError) as broken:
        raise StageFailed("ENCODE_FAILED", f"{log.name}: {broken}") from broken
    if not found:
        raise StageFailed("ENCODE_FAILED", f"{log.name}: no frame was compared")
    return found


def measure(
    reference: Path,
    distorted: Path,
    *,
    size: tuple[int, int],
    every: int = 5,
    tools: Engine | None = None,
    judge: str = "",
) -> Score:
    """The score of `distorted` (of `size`, same frames as `reference`) against `reference` scaled to it.

    Every `every`th frame counts. `judge`: vmaf or xpsnr (the proxy); empty: what there is.
    Raises StageFailed, StageInterrupted. Costs about 10 ms of CPU a compared frame of 720p.
    """
    tools = tools or engine()
    program, usual = judge_of(tools)
    judge = judge or usual
    if judge == "xpsnr":
        program = tools.ffmpeg
    command = compare_files_command(
        program, reference.absolute(), distorted.absolute(), size=size, judge=judge, every=every
    )
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(command, limits=Limits(wall_s=3600, cpu_s=3600), cwd=Path(folder))
        if outcome.code != 0:
            raise StageFailed("ENCODE_FAILED", outcome.stderr)
        return pooled(read_scores(Path(folder) / f"distorted.{LOG[judge]}", judge))


PROXY = (
    (26.0, 50.0),
    (32.0, 78.0),
    (36.5, 89.5),
    (39.3, 93.0),
    (40.6, 94.8),
    (43.0, 96.5),
    (46.0, 98.0),
    (50.0, 99.5),
)
"""Luma XPSNR in dB and the VMAF that it stands for; between them by straight lines.

From pairs of slides with a head and of a camera's clip. Its error on nine trials at 480p (slides,
bikes.mp4, bigbuckbunny.mp4; x264 crf 21, 25, 29), proxy less VMAF: slides −0.6 to +0.8 (mean and p5);
camera mean −3.1 to +0.4, p5 −0.5 to +1.3; animation −2.4 to −1.3. Mostly too severe, so a lecture
judged by it is a little larger than it needs to be; a camera's worst frames may lie 1.3 below the floor.
"""


def _vmaf_of(xpsnr_db: float) -> float:
    """The VMAF that a frame's luma XPSNR stands for."""
    if xpsnr_db >= PROXY[-1][0]:
        return PROXY[-1][1]
    (x1, y1), (x2, y2) = next(((a, b) for a, b in pairwise(PROXY) if xpsnr_db < b[0]), (PROXY[-2], PROXY[-1]))
    return max(0.0, y1 + (xpsnr_db - x1) * (y2 - y1) / (x2 - x1))


def _where(points: Sequence[Point], value: Callable[[Score], float], goal: float, scale: Scale) -> float:
    """The CRF at which `value` of the score is `goal`."""
    if not points:
        raise ValueError("no trials")
    near = sorted(points, key=lambda point: (abs(value(point.score) - goal), point.crf))
    first = near[0]
    second = next((point for point in near[1:] if point.crf != first.crf), None)
    slope = scale.slope
    if second is not None:
        slope = (value(second.score) - value(first.score)) / (second.crf - first.crf)
    slope = min(max(slope, scale.steepest), scale.flattest)
    if goal < min(value(point.score) for point in points):
        slope = min(slope, scale.slope)
    return first.crf + min(max((goal - value(first.score)) / slope, -scale.reach), scale.reach)


def _clamped(crf: float, scale: Scale) -> float:
    return min(max(crf, scale.least), scale.most)
