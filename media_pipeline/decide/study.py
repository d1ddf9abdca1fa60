"""A source is studied: looked at in samples, encoded on trial, compared. Runs ffmpeg, knows no database.

The trials are the encoder's own runs (`graph.encode_command`) on the same frames that it will make
later, so what is measured here is what is shipped.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from media_pipeline import chunks
from media_pipeline.chunks import Chunk
from media_pipeline.decide import classify, quality, samples
from media_pipeline.decide.classify import Signs
from media_pipeline.decide.quality import Point, Score
from media_pipeline.engine import Engine, decodes
from media_pipeline.errors import StageFailed
from media_pipeline.graph.encode import encode_command
from media_pipeline.graph.samples import LOG, compare_command, look_command
from media_pipeline.probe import Facts
from media_pipeline.recipe import Recipe, VideoRung
from media_pipeline.runner import Limits, run

__all__ = ["Bench", "Trials", "look", "try_out"]

EVERY = 5
"""One frame in so many of a sample is compared: of 25 a second, five; of more than two samples, half as many."""
_DETAIL_RUNGS = 3
_DETAIL_SAMPLES = 2

Tick = Callable[[Mapping[str, str]], None]


@dataclass(frozen=True)
class Bench:
    """Where and with what a study is made: programs, a scratch folder, limits, who is told that we live."""

    tools: Engine
    cwd: Path
    max_pixels: int
    wall_s: float = 1800
    tick: Tick | None = None

    def run(self, command: Sequence[str]) -> None:
        """Raises StageFailed when the program says no; StageInterrupted, DiskFull."""
        limits = Limits(wall_s=self.wall_s, cpu_s=3600)
        outcome = run(command, limits=limits, cwd=self.cwd, tick=self.tick)
        if outcome.code != 0:
            raise StageFailed("ENCODE_FAILED", outcome.stderr)


@dataclass(frozen=True)
class Trials:
    """What trying out told. `crf` and `left_out` are decided; `points` and `detail` say from what.

    `foretold`: the score that each rung will have at its CRF.
    """

    judge: str
    crf: dict[str, float]
    left_out: tuple[str, ...]
    foretold: dict[str, Score]
    points: dict[str, list[Point]] = field(default_factory=dict)
    detail: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def look(source: Path, facts: Facts, draft: Recipe, bench: Bench) -> Signs | None:
    """The signs in samples of `source`; None when there is nothing to see. `draft`: any recipe with its sizes and rate.

    Raises StageFailed, StageInterrupted, DiskFull.
    """
    program = bench.tools.decoder_for(facts.video_codec)
    size = classify.SIZE[0] * classify.SIZE[1]
    seen: list[list[bytes]] = []
    for sample in samples.plan(facts.picture_s or facts.duration_s, draft):
        command = look_command(
            program, source, facts, draft, sample, enter_s=_entry(sample, draft, facts), size=classify.SIZE,
            every_s=classify.EVERY_S, target="look.gray", max_pixels=bench.max_pixels,
        )  # fmt: skip
        bench.run(command)
        drawn = bench.cwd / "look.gray"
        pictures = drawn.read_bytes()
        drawn.unlink()
        seen.append([pictures[at : at + size] for at in range(0, len(pictures) - size + 1, size)])
    return classify.signs_of(seen)


def try_out(source: Path, facts: Facts, draft: Recipe, bench: Bench) -> Trials:
    """Try `draft`'s moving rungs twice on samples and decide each one's quality, and which are worth having.

    Raises StageFailed (the source cannot be read there), StageInterrupted, DiskFull.
    """
    program, judge = quality.judge_of(bench.tools)
    rungs = tuple(
        replace(rung, crf=quality.first_crf(rung, draft.kind))
        for rung in draft.rungs
        if not rung.fps and rung.codec in quality.SCALES and decodes(program, rung.codec)
    )
    scales = {rung.name: quality.scale_of(rung.codec, draft.kind) for rung in rungs}
    places = samples.plan(facts.picture_s or facts.duration_s, draft)
    every = EVERY if len(places) <= 2 else 2 * EVERY
    points: dict[str, list[Point]] = {rung.name: [] for rung in rungs}
    detail: dict[str, float] = {}
    for round_number in range(2):
        if round_number:
            rungs = tuple(
                replace(rung, crf=quality.next_crf(points[rung.name], scale=scales[rung.name]))
                for rung in rungs
            )
        trial = replace(draft, rungs=rungs)
        frames: dict[str, list[float]] = {}
        sizes: dict[str, int] = {}
        for number, sample in enumerate(places):
            asked = round_number == 0 and number < _DETAIL_SAMPLES
            _one_trial(source, facts, trial, sample, bench, judge, frames, sizes, every=every, detail=asked)
        for rung in rungs:
            points[rung.name].append(Point(rung.crf, sizes[rung.name], quality.pooled(frames[rung.name])))
        detail |= {
            name.removeprefix("detail-"): quality.pooled(values).mean
            for name, values in frames.items()
            if name.startswith("detail-")
        }
    ladder = [rung for rung in rungs if rung.codec == "h264"]
    crf = {rung.name: quality.crf_for(points[rung.name], scale=scales[rung.name]) for rung in rungs}
    weighed = {name: round(quality.bytes_at(points[name], value)) for name, value in crf.items()}
    kept = quality.worth_keeping(ladder, detail=detail, size_bytes=weighed)
    crf |= quality.settled(crf, [rung.name for rung in kept])
    left_out = tuple(rung.name for rung in ladder if rung not in kept)
    foretold = {name: _foretold(points[name], value) for name, value in crf.items()}
    return Trials(judge, crf, left_out, foretold, points, detail)


def _one_trial(
    source: Path, facts: Facts, trial: Recipe, sample: Chunk, bench: Bench, judge: str,
    frames: dict[str, list[float]], sizes: dict[str, int], *, every: int, detail: bool,
) -> None:  # fmt: skip
    """Encode one sample, compare it, add what came out to `frames` and `sizes`, leave nothing behind."""
    made: dict[str, VideoRung] = {rung.name: rung for rung in trial.rungs}
    enter_s = _entry(sample, trial, facts)
    decoder = bench.tools.decoder_for(facts.video_codec)
    bench.run(
        encode_command(
            decoder, source, facts, trial, chunk=sample, enter_s=enter_s, max_pixels=bench.max_pixels
        )
    )
    for name in made:
        sizes[name] = sizes.get(name, 0) + (bench.cwd / f"{name}.mp4").stat().st_size
    asked = [r for r in trial.rungs if r.codec == "h264"][:_DETAIL_RUNGS] if detail else []
    program, _ = quality.judge_of(bench.tools)
    bench.run(
        compare_command(
            program if judge == "vmaf" else decoder, source, facts, trial, sample, enter_s=enter_s, made=made,
            judge=judge, every=every, lead=samples.lead(trial), detail=asked, max_pixels=bench.max_pixels,
        )
    )  # fmt: skip
    for name in [*made, *(f"detail-{rung.name}" for rung in asked)]:
        log = bench.cwd / f"{name}.{LOG[judge]}"
        frames.setdefault(name, []).extend(quality.read_scores(log, judge))
        log.unlink()
    for name in made:
        (bench.cwd / f"{name}.mp4").unlink()


def _entry(sample: Chunk, made: Recipe, facts: Facts) -> float | None:
    """Where the source is entered for a sample. If that is too late for its first frames, both sides lack them."""
    return chunks.entries(sample, made, facts.demuxer)[0]


def _foretold(points: Sequence[Point], crf: float) -> Score:
    first, second = points[0], points[-1]
    if first.crf == second.crf:
        return first.score
    share = (crf - first.crf) / (second.crf - first.crf)
    return Score(
        round(first.score.mean + share * (second.score.mean - first.score.mean), 2),
        round(first.score.p5 + share * (second.score.p5 - first.score.p5), 2),
    )
