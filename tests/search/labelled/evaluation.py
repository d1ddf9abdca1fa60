"""How well the right thing is found, suite by suite, by whatever engine the settings choose.

`fill()` makes two indexes of the labelled set, `judged("B")` asks them through `search.api`. To see the
table (half A is for tuning): python -m tests.search.labelled [A|B] [MORE.jsonl …], where the further files
make it harder.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import AnonymousUser

from search import api
from search.cues import best_cue
from search.documents import Document
from search.engines.current import engine
from search.entries import entries
from search.query import plan
from tests.search.labelled import documents, queries

__all__ = ["Measure", "fill", "judged", "macro", "table"]

TEXTS, LECTURES = "labelled", "labelled-lectures"
"""The names of the two indexes."""
CONSIDERED = 10
TOLERANCE_S = 2.0


@dataclass(frozen=True)
class Measure:
    """Mean reciprocal rank and recall among the first ten, over `queries` queries; 0..1."""

    mrr: float
    recall: float
    queries: int


def fill(more: Iterable[Path] = ()) -> int:
    """Index the set (and `more` files) anew; the number of documents."""
    return _rebuilt(TEXTS, documents.texts(more)) + _rebuilt(LECTURES, documents.windows())


def judged(half: str) -> dict[str, Measure]:
    """The measure of each suite on one half ("A" or "B") of the queries."""
    places: dict[str, list[int]] = defaultdict(list)
    for one in queries.asked(half):
        hits = api.search(one.text, AnonymousUser(), size=CONSIDERED, index=TEXTS).hits
        places[one.suite].append(_place([f"{hit.kind}:{hit.id}" in one.answers for hit in hits]))
    for sentence in queries.said(half):
        places[sentence.suite].append(_place_of(sentence))
    return {suite: _measure(its) for suite, its in sorted(places.items())}


def macro(measures: dict[str, Measure]) -> float:
    """The mean of the suites' mean reciprocal ranks."""
    return sum(one.mrr for one in measures.values()) / len(measures)


def table(measures: dict[str, Measure]) -> str:
    """`measures` as lines to read."""
    lines = [f"{'suite':24} {'MRR@10':>7} {'in ten':>7} {'asked':>6}"]
    lines += [
        f"{suite:24} {one.mrr:7.3f} {one.recall:7.3f} {one.queries:6}" for suite, one in measures.items()
    ]
    return "\n".join([*lines, f"{'macro':24} {macro(measures):7.3f}"])


def _rebuilt(name: str, found: Iterable[Document]) -> int:
    chosen = engine(name)
    with chosen.exclusively():
        return chosen.rebuild(entries(found))


def _place_of(sentence: queries.Said) -> int:
    """At which place the lecture opens within two seconds of where the sentence begins; the same second once."""
    hits = api.search(sentence.text, AnonymousUser(), size=2 * CONSIDERED, index=LECTURES).hits
    wanted = plan(sentence.text)
    opened: dict[tuple[str, float], None] = {}
    for hit in hits:
        cues = hit.extra["cues"]
        opened[hit.extra["lecture"], cues[best_cue(cues, wanted)][0]] = None
    return _place(
        [
            lecture == sentence.lecture and abs(start - sentence.start_s) <= TOLERANCE_S
            for lecture, start in list(opened)[:CONSIDERED]
        ]
    )


def _place(right: list[bool]) -> int:
    """The place (from 1) of the first right one, 0 for none."""
    return right.index(True) + 1 if True in right else 0


def _measure(places: list[int]) -> Measure:
    found = [place for place in places if place]
    return Measure(
        mrr=sum(1 / place for place in found) / len(places),
        recall=len(found) / len(places),
        queries=len(places),
    )
