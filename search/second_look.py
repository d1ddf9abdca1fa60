"""A second look at the first hits, the same for every engine: who holds more of the query comes forward. Pure.

BM25 rewards a document for holding one rare token several times. People who ask with ten words mean
all ten: what a document holds of the different pairs of letters of the query is added to the engine's score,
each weighed by its rarity among the hits looked at.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from search import analysis, answers
from search.query import Plan

__all__ = ["LOOKED_AT", "is_exact", "reordered", "shares_words"]

LOOKED_AT = 30
"""So many hits from the top are looked at; those behind keep their places."""
COVERAGE = 1.0
"""What a document earns that holds everything, in shares of the best engine score."""
RELATED = 0.5
"""An official word that stands for an everyday one counts so much against a pair of the query itself."""
NAMED = 1.5
"""What a document earns whose whole title stands in the query (赵州桥是谁造的), weighed by what of the query that is."""
ANSWERED = 0.2
"""What a text earns in which there is what the question asks for, as a number of lamps (answers.py)."""
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
    titles = [_unbroken(stored["title"]) for _score, stored in looked]
    answer = answers.expected(plan.normal) if plan.is_sentence else None
    earned = [
        COVERAGE * share
        + NAMED * named
        + BEGINS * text.startswith(asked)
        + ANSWERED * bool(answer and answer.search(text))
        for text, (share, named) in zip(texts, _shares(texts, titles, asked, plan), strict=True)
    ]
    scored = [(score + best * more, stored) for (score, stored), more in zip(looked, earned, strict=True)]
    if today is not None:
        scored = [(score * (1 + FRESH * _freshness(stored, plan, today)), stored) for score, stored in scored]
    return [*sorted(scored, key=lambda row: -row[0]), *rest]


def is_exact(stored: Mapping[str, Any], plan: Plan) -> bool:
    """Whether the title is the query exactly."""
    return analysis.normalise(stored["title"]) == plan.normal


def shares_words(stored: Mapping[str, Any], plan: Plan) -> bool:
    """Whether it holds any pair or word that `plan` looks for, and not only some of its characters."""
    text = _unbroken(f"{stored['title']} {' '.join(stored.get('names', ()))} {stored['body']}")
    phrases = (plan.phrase, *plan.synonyms)
    wanted = (*plan.related.bigrams, *(token for phrase in phrases for token in phrase.required))
    return any(token in text for token in wanted)


def _freshness(stored: Mapping[str, Any], plan: Plan, today: date) -> float:
    """1 for what is published today, half of it after HALF_LIFE_D, 0 for what has no date. A title that is the query
    exactly is never behind for its age."""
    if is_exact(stored, plan):
        return 1.0
    if not stored.get("published_on"):
        return 0.0
    age_d = (today - date.fromisoformat(stored["published_on"])).days
    return float(0.5 ** (max(age_d, 0) / HALF_LIFE_D))


def _shares(texts: list[str], titles: list[str], asked: str, plan: Plan) -> list[tuple[float, float]]:
    """For each document two shares (0..1): what its text holds of the pairs of `asked` and of the official words,
    and what of those pairs its title is, if `asked` is a sentence that says all of it."""
    own, worth = _held(_pairs(asked), texts, 1.0)
    official, more = _held(plan.related.words, texts, RELATED)
    all_own = math.fsum(worth.values())
    whole = all_own + math.fsum(more.values())
    if not all_own:
        return [(0.0, 0.0)] * len(texts)
    named = [
        math.fsum(worth.get(pair, 0.0) for pair in _pairs(title))
        if plan.is_sentence and title in asked
        else 0.0
        for title in titles
    ]
    return [
        ((one + other) / whole, its / all_own) for one, other, its in zip(own, official, named, strict=True)
    ]


def _pairs(text: str) -> dict[str, None]:
    """Neighbouring characters of an unbroken text; a number or a word in Latin letters is one thing, not many pairs."""
    return dict.fromkeys(run or pair for run, pair in _PAIR.findall(text))


def _held(tokens: Iterable[str], texts: list[str], weight: float) -> tuple[list[float], Mapping[str, float]]:
    """What each of `texts` holds of `tokens`, weighed by rarity among them, and what each token is worth."""
    # In the order of the tokens: a set's own order differs from process to process, and so would the sums.
    held = [[token for token in tokens if token in text] for text in texts]
    spread = Counter(token for one in held for token in one)
    worth = {token: weight * math.log(1 + len(texts) / (spread[token] + 0.5)) for token in tokens}
    return [math.fsum(worth[token] for token in one) for one in held], worth


def _text(stored: Mapping[str, Any]) -> str:
    names = " ".join(stored.get("names", ()))
    return _unbroken(f"{stored['title']} {names} {stored['body'][:READ]}")


def _unbroken(text: str) -> str:
    """`text` as one run of letters: what stands on both sides of a comma belongs together for a reader."""
    return _BETWEEN.sub("", _WIDE.sub(_narrow, text).casefold())


def _narrow(found: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", found.group())


_BETWEEN = re.compile(r"(?:[^\w%]|_)+")
_WIDE = re.compile(r"[０-９Ａ-Ｚａ-ｚ％]+")
_PAIR = re.compile(r"([0-9a-z]+)|(?=([^0-9a-z]{2}))[^0-9a-z]")
