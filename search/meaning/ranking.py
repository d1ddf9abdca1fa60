"""The order of the first hits when their meaning is known: what the words say and what is meant, added up. Pure."""

from collections.abc import Callable
from statistics import median
from typing import Any

from search.engines import key_of
from search.query import NEAR, Plan
from search.second_look import LOOKED_AT, is_exact

__all__ = ["ranked"]

SCALE = 0.06
"""So much more of a cosine is worth as much as everything that words can say. Chosen on half A of the labelled set."""

Row = tuple[float, dict[str, Any]]
Look = Callable[[list[Row]], list[Row]]


def ranked(
    rows: list[Row],
    plan: Plan,
    *,
    closeness: Callable[[str], float | None],
    look: Look,
) -> list[Row]:
    """`rows` of an engine for a plan with `near` (best first, from the top), the first ones in their final order.

    `look` is the second look, at what the words say: as many hits have words as if there were no meaning. `closeness`
    is the cosine of a document (its key) and the question. Nothing but these rows counts, and all of them may be seen.
    A document whose meaning nobody knows (captions, what was written a minute ago) is taken for as near as the
    middle one.
    """
    near, end = set(plan.near), LOOKED_AT + len(plan.near)
    by_words = [(score - NEAR if _key(row) in near else score, row) for score, row in rows[:end]]
    looked = look(sorted(by_words, key=lambda row: -row[0]))
    first, behind = looked[:LOOKED_AT], looked[LOOKED_AT:]
    first += [(0.0, row) for _score, row in behind if _key(row) in near]
    close = [closeness(_key(row)) for _score, row in first]
    known = [one for one in close if one is not None]
    if known:
        best, least, middle = looked[0][0] or 1.0, min(known), median(known)
        together = [
            (score + best * ((middle if one is None else one) - least) / SCALE, row)
            for (score, row), one in zip(first, close, strict=True)
        ]
        first = sorted(together, key=lambda row: (not is_exact(row[1], plan), -row[0]))
    return [*first, *(one for one in behind if _key(one[1]) not in near), *rows[end:]]


def _key(row: dict[str, Any]) -> str:
    return key_of(row["kind"], row["id"])
