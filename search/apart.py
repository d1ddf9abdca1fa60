"""People and organisations beside what people study: they have tabs of their own and do not crowd the list of all.

An organiser who looks for 支部书记 wants what is said of them, not two hundred secretaries; one who looks for a
name sees the persons, since nothing else bears it.
"""

from collections.abc import Iterable
from typing import Any

from search.documents import kinds
from search.engines import Engine, Found
from search.query import Plan

__all__ = ["find", "in_all"]


def find(chosen: Engine, plan: Plan, access: Iterable[str], *, kind: str | None, **more: Any) -> Found:
    """As `Engine.find`, but the list of all kinds holds those that stand apart only when there is nothing else.

    `counts` has all kinds. For whoever may see none of them this is one question to the engine.
    """
    held = frozenset(access)
    apart = {token for token in held if token.startswith("scope:")}
    if kind is not None or not apart:
        return chosen.find(plan, held, kind=kind, **more)
    listed = chosen.find(plan, held - apart, kind=None, **more)
    others = chosen.find(plan, apart, kind=None, **more)
    if not listed.counts:
        return others
    return Found(listed.rows, others.counts | listed.counts, listed.facets)


def in_all(counts: dict[str, int]) -> int:
    """How many of what `counts` tells by kind stand in the list of all kinds."""
    apart = {kind.name for kind in kinds() if kind.stands_apart}
    return sum(n for name, n in counts.items() if name not in apart) or sum(counts.values())
