"""What a text is about, as a query that no person typed: its telling words. Pure."""

import math
from collections import Counter

from search import analysis
from search.query import Phrase, Plan, Weights

__all__ = ["related_plan", "telling_words"]

READ = 20_000
"""Characters of the body that are looked at."""
WORDS = 12
TITLE_COUNTS = 4
"""A word of the title counts like so many in the body."""
SHARE = 0.25
"""Of the pairs of the telling words, so many must stand in something that is related."""
WEIGHTS = Weights(
    title_words=1.0,
    body_words=1.0,
    title_bigrams=1.0,
    body_bigrams=0.5,
    characters=0.0,
    related=0.0,
    pinyin=0.0,
)


def telling_words(title: str, body: str) -> list[str]:
    """At most WORDS words (of two signs or more) that say best what the text is about, the most telling first.

    Often here and seldom elsewhere: the root of the count times the rarity in Chinese at large.
    """
    counted: Counter[str] = Counter(analysis.words(analysis.normalise(body[:READ])))
    for word in analysis.words(analysis.normalise(title)):
        counted[word] += TITLE_COUNTS
    weighed = {
        word: math.sqrt(count) * analysis.rarity(word)
        for word, count in counted.items()
        if len(word) > 1 and not word.isdigit()
    }
    return sorted(weighed, key=lambda word: (-weighed[word], word))[:WORDS]


def related_plan(title: str, body: str) -> Plan:
    """The query for what is related to a text; empty for a text without telling words."""
    words = telling_words(title, body)
    pairs = tuple(dict.fromkeys(pair for word in words for pair in analysis.bigrams(word)))
    return Plan(
        text=title,
        normal=" ".join(words),
        phrase=Phrase(
            pairs, max(2, math.ceil(SHARE * len(pairs))) if len(pairs) > 1 else 1, pairs, tuple(words)
        ),
        weights=WEIGHTS,
        parts=tuple(words),
    )
