"""A second look at the first hits, the same for every engine: who holds more of the query comes forward. Pure.

BM25 rewards a document for holding one rare token several times. People who ask with ten words mean
all ten: what a document holds of the different pairs of letters of the query is added to the engine's score,
each weighed by its rarity among the hits looked at.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from search.query import Plan

__all__ = ["LOOKED_AT", "reordered"]

LOOKED_AT = 30
"""So many hits from the top are looked at; those behind keep their places."""
COVERAGE = 0.8
"""What a document earns that holds everything, in shares of the best engine score."""
RELATED = 0.5
"""An official word that stands for an everyday one counts so much against a pair of the query itself."""
READ = 4000
"""Characters of a text that are read for this."""

Row = tuple[float, dict[str, Any]]


def reordered(rows: list[Row], plan: Plan) -> list[Row]:
    """`rows` (engine score, stored document; best first) with the first LOOKED_AT in their final order.

    Scores grow by what is earned here; those of the rest are left alone.
    """
    looked, rest = rows[:LOOKED_AT], rows[LOOKED_AT:]
    if len(looked) < 2 or plan.is_empty:
        return rows
    earned = _coverage([_text(stored) for _score, stored in looked], plan)
    best = looked[0][0]
    scored = [
        (score + COVERAGE * best * share, stored)
        for (score, stored), share in zip(looked, earned, strict=True)
    ]
    return [*sorted(scored, key=lambda row: -row[0]), *rest]


def _coverage(texts: list[str], plan: Plan) -> list[float]:
    """For each of `texts` the share (0..1) that it holds of the query's pairs and of the official words."""
    asked = _unbroken(plan.normal)
    pairs = dict.fromkeys(asked[place : place + 2] for place in range(len(asked) - 1))
    own = _held(pairs, texts, 1.0)
    official = _held(plan.related.words, texts, RELATED)
    whole = own.whole + official.whole
    return [(a + b) / whole if whole else 0.0 for a, b in zip(own.parts, official.parts, strict=True)]


class _Held:
    def __init__(self, parts: list[float], whole: float) -> None:
        self.parts = parts
        self.whole = whole


def _held(tokens: Iterable[str], texts: list[str], weight: float) -> _Held:
    """What each of `texts` holds of `tokens`, weighed by rarity, and what all of them are worth."""
    held = [{token for token in tokens if token in text} for text in texts]
    spread = Counter(token for one in held for token in one)
    worth: Mapping[str, float] = {
        token: weight * math.log(1 + len(texts) / (spread[token] + 0.5)) for token in tokens
    }
    # In the order of the tokens: a set's own order differs from process to process, and so would the sums.
    parts = [math.fsum(worth[token] for token in one) for one in held]
    return _Held(parts, math.fsum(worth.values()))


def _text(stored: Mapping[str, Any]) -> str:
    names = " ".join(stored.get("names", ()))
    return _unbroken(f"{stored['title']} {names} {stored['body'][:READ]}")


def _unbroken(text: str) -> str:
    """`text` as one run of letters: what stands on both sides of a comma belongs together for a reader."""
    return _BETWEEN.sub("", text.casefold())


_BETWEEN = re.compile(r"[\W_]+")
