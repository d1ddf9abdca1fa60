"""A second look at the first hits, the same for every engine: who holds more of the query comes forward. Pure.

BM25 rewards a document for holding one rare token several times. People who ask with ten words mean
all ten: what a document holds of the different pairs of letters of the query is added to the engine's score,
each weighed by its rarity among the hits looked at.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from search import analysis
from search.query import Plan

__all__ = ["LOOKED_AT", "is_exact", "reordered"]

LOOKED_AT = 30
"""So many hits from the top are looked at; those behind keep their places."""
COVERAGE = 1.0
"""What a document earns that holds everything, in shares of the best engine score."""
RELATED = 0.5
"""An official word that stands for an everyday one counts so much against a pair of the query itself."""
BEGINS = 0.1
"""What a title earns that begins with the query, in the same shares: somebody types a title and stops."""
FRESH, HALF_LIFE_D = 0.1, 365
"""The most that being new earns, in shares of a document's own score; half of it after a year."""
READ = 4000
"""Characters of a text that are read for this."""

Row = tuple[float, dict[str, Any]]


def reordered(rows: list[Row], plan: Plan, *, today: date | None = None) -> list[Row]:
    """`rows` (engine score, stored document; best first) with the first LOOKED_AT in their final order.

    Scores grow by what is earned here; those of the rest are left alone. With `today` what was published lately
    earns a little; without it (documents of another system, a measurement) age does not matter.
    """
    looked, rest = rows[:LOOKED_AT], rows[LOOKED_AT:]
    if len(looked) < 2 or plan.is_empty:
        return rows
    best = looked[0][0]
    asked = _unbroken(plan.normal)
    texts = [_text(stored) for _score, stored in looked]
    shares = _coverage(texts, asked, plan)
    scored = [
        (score + best * (COVERAGE * share + BEGINS * text.startswith(asked)), stored)
        for (score, stored), text, share in zip(looked, texts, shares, strict=True)
    ]
    if today is not None:
        scored = [(score * (1 + FRESH * _freshness(stored, plan, today)), stored) for score, stored in scored]
    return [*sorted(scored, key=lambda row: -row[0]), *rest]


def is_exact(stored: Mapping[str, Any], plan: Plan) -> bool:
    """Whether the title is the query exactly."""
    return analysis.normalise(stored["title"]) == plan.normal


def _freshness(stored: Mapping[str, Any], plan: Plan, today: date) -> float:
    """1 for what is published today, half of it after HALF_LIFE_D, 0 for what has no date. A title that is the query
    exactly is never behind for its age."""
    if is_exact(stored, plan):
        return 1.0
    if not stored.get("published_on"):
        return 0.0
    age_d = (today - date.fromisoformat(stored["published_on"])).days
    return float(0.5 ** (max(age_d, 0) / HALF_LIFE_D))


def _coverage(texts: list[str], asked: str, plan: Plan) -> list[float]:
    """For each of `texts` the share (0..1) that it holds of the pairs of `asked` and of the official words."""
    pairs = dict.fromkeys(asked[place : place + 2] for place in range(len(asked) - 1))
    own, all_own = _held(pairs, texts, 1.0)
    official, all_official = _held(plan.related.words, texts, RELATED)
    whole = all_own + all_official
    return [(a + b) / whole if whole else 0.0 for a, b in zip(own, official, strict=True)]


def _held(tokens: Iterable[str], texts: list[str], weight: float) -> tuple[list[float], float]:
    """What each of `texts` holds of `tokens`, weighed by rarity, and what all of them are worth."""
    held = [{token for token in tokens if token in text} for text in texts]
    spread = Counter(token for one in held for token in one)
    worth: Mapping[str, float] = {
        token: weight * math.log(1 + len(texts) / (spread[token] + 0.5)) for token in tokens
    }
    # In the order of the tokens: a set's own order differs from process to process, and so would the sums.
    parts = [math.fsum(worth[token] for token in one) for one in held]
    return parts, math.fsum(worth.values())


def _text(stored: Mapping[str, Any]) -> str:
    names = " ".join(stored.get("names", ()))
    return _unbroken(f"{stored['title']} {names} {stored['body'][:READ]}")


def _unbroken(text: str) -> str:
    """`text` as one run of letters: what stands on both sides of a comma belongs together for a reader."""
    return _BETWEEN.sub("", text.casefold())


_BETWEEN = re.compile(r"[\W_]+")
