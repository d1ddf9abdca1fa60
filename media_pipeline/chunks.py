"""A long lecture's pieces: which frames each holds, where to enter the source for it, whether it came whole. Pure."""

import math
from dataclasses import dataclass
from fractions import Fraction

from media_pipeline.recipe import Recipe

__all__ = ["Chunk", "Piece", "entries", "is_whole", "plan"]

_INDEXED = ("mov", "matroska")
"""Demuxers that find the keyframe before a moment by an index; the others guess a place in the file."""


@dataclass(frozen=True)
class Chunk:
    """Output frames `first` … `first + frames - 1` of every rendition; `frames` None: to the end of the source.

    Example: the third minute of a lecture at 25 frames a second is Chunk(2, 3000, 1500), key «c0002».
    """

    index: int
    first: int
    frames: int | None

    @property
    def key(self) -> str:
        return f"c{self.index:04d}"

    @property
    def end(self) -> int | None:
        return None if self.frames is None else self.first + self.frames


@dataclass(frozen=True)
class Piece:
    """What came of a chunk, as measured in the file: how many frames, and on which frame the first one lies."""

    frames: int
    start: int = 0


def plan(duration_s: float, recipe: Recipe) -> tuple[Chunk, ...]:
    """The chunks of a source that lasts `duration_s` seconds: about `recipe.chunk_s` each, whole GOPs.

    The last one is open-ended and lasts half a chunk to one and a half, so that it is never a
    mere scrap and a source that is a little longer or shorter than it says loses nothing. A
    short source, or one of unknown length (0), is one chunk; a source without picture has none.
    """
    if not recipe.rungs:
        return ()
    each = frames_of_a_chunk(recipe)
    known = math.isfinite(duration_s) and duration_s > 0
    total = Fraction(duration_s) * recipe.rate if known else Fraction(0)
    count = max(1, math.floor(total / each + Fraction(1, 2)))
    return tuple(Chunk(index, index * each, each if index < count - 1 else None) for index in range(count))


def frames_of_a_chunk(recipe: Recipe) -> int:
    """Output frames of a chunk: the multiple of the GOP that is nearest to `chunk_s` seconds, at least one GOP."""
    return max(1, round(recipe.rate * recipe.chunk_s / recipe.gop)) * recipe.gop


def entries(chunk: Chunk, recipe: Recipe, demuxer: str) -> tuple[float | None, ...]:
    """Moments (seconds) to enter the source at for `chunk`, best first; None: from its beginning.

    One after the other is tried until the piece is whole. With an index a second before the
    chunk is enough to meet the keyframe; without one we land anywhere, and pictures begin
    only at the next keyframe (encoders set one every 10 s by default).
    """
    if chunk.first == 0:
        return (None,)
    at = float(chunk.first / recipe.rate)
    first = 1.0 + float(2 / recipe.rate) if demuxer in _INDEXED else 12.0
    tries: list[float | None] = [round(at - early, 3) for early in (first, 60.0) if at - early > 0.5]
    return (*tries, None)


def is_whole(pieces: list[Piece], chunks: tuple[Chunk, ...]) -> bool:
    """Whether `pieces` put in a row hold every frame that an undivided run would: no gap, no frame twice.

    A source whose picture ends before it says leaves a shorter piece, and after it only empty ones.
    """
    over = False
    for piece, chunk in zip(pieces, chunks, strict=True):
        if piece.frames and (over or piece.start):
            return False
        if chunk.frames is not None:
            if piece.frames > chunk.frames:
                return False
            over = over or piece.frames < chunk.frames
    return bool(pieces) and pieces[0].frames > 0
