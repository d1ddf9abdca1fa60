"""Where a lecture is looked into: a few samples, spread out, whole GOPs. Pure.

What it costs: each sample is encoded twice and compared twice. Four samples of 720p slides with their lead took 60 CPU
s, 6 % of encoding an hour of them; a short lecture pays a larger share of a small sum (15 % of 23 minutes), and
none is looked at longer than that.
"""

from media_pipeline.chunks import Chunk
from media_pipeline.recipe import Recipe

__all__ = ["SAMPLE_S", "count", "lead", "plan"]

SAMPLE_S = 8
"""Judged of each sample: one segment of slides, two of a camera's; keyframes lie there as they will in the lecture."""

_STEPS = ((20 * 60, 4), (3 * 60, 3), (20, 2))
"""From so many seconds on, so many samples; below, the first seconds are all there is to see."""


def count(duration_s: float) -> int:
    """How many samples a lecture of so many seconds gets: 1 to 4. Of unknown length (0): 1, at its beginning."""
    return next((number for least, number in _STEPS if duration_s >= least), 1)


def lead(recipe: Recipe) -> int:
    """Frames at the beginning of each sample that are encoded and not judged.

    x264 gives the first keyframe of a run fewer bits than all that follow (it has not yet seen what
    the frames after one cost). Where a sample is a single segment, as of slides, that
    alone is 0.4 to 0.65 VMAF, which the lecture would get too much: so one segment goes before it.
    """
    return recipe.gop if recipe.kind == "SLIDES" else 0


def plan(duration_s: float, recipe: Recipe) -> tuple[Chunk, ...]:
    """The samples, each `lead` and about SAMPLE_S long and beginning on a GOP of `recipe`, in order, none overlapping.

    They lie in the middle of equal parts of the lecture: title cards and empty rooms are at
    its ends. () without picture.
    """
    if not recipe.rungs:
        return ()
    gop = recipe.gop
    each = max(1, round(recipe.rate * SAMPLE_S / gop)) * gop + lead(recipe)
    total = int(duration_s * recipe.rate)
    number = min(count(duration_s), max(1, total // each))
    samples: list[Chunk] = []
    for index in range(number):
        middle = total * (2 * index + 1) // (2 * number)
        first = max(0, middle - each // 2) // gop * gop
        if samples:
            first = max(first, samples[-1].first + each)
        samples.append(Chunk(index, first, each))
    return tuple(samples)
