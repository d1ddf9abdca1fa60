"""Which cue of a window of captions says what was asked: the hit opens the lecture at its second. Pure."""

from collections import Counter
from collections.abc import Sequence

from search import analysis
from search.query import Plan

__all__ = ["best_cue"]

SOUND_WEIGHT = 0.3
"""Recognised speech holds wrong characters of the right sound; a sound in common counts, but for less."""
CARRIES = 0.5
"""A cue before the best one is where the sentence begins when it holds at least this share of what is there."""


def best_cue(cues: Sequence[tuple[float, float, str]], plan: Plan) -> int:
    """The number (from 0) of the cue of `cues` (start s, end s, text) at which to open the lecture.

    The cue with most of what the query says and the others lack; where a sentence runs over several
    cues, the one in which it begins. Of equal ones the first; 0 when none has anything of it. Raises ValueError without cues.
    """
    if not cues:
        raise ValueError("a window without cues")
    asked = _tokens(plan.normal)
    held = [asked & _tokens(analysis.normalise(text)) for _start, _end, text in cues]
    spread = Counter(token for tokens in held for token in tokens)

    def worth(tokens: set[str]) -> float:
        return sum(
            (SOUND_WEIGHT if token.startswith("~") else 1.0) / spread[token] for token in sorted(tokens)
        )

    chosen = max(range(len(cues)), key=lambda number: (round(worth(held[number]), 6), -number))
    told = set(held[chosen])
    while chosen > 0 and worth(held[chosen - 1] - told) >= CARRIES * worth(held[chosen]) > 0:
        chosen -= 1
        told |= held[chosen]
    return chosen


def _tokens(normal: str) -> set[str]:
    """Pairs of characters of normalised text, and of syllables (marked ~)."""
    return {*analysis.bigrams(normal), *(f"~{pair}" for pair in analysis.syllable_pairs(normal))}
