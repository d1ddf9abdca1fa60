"""Which documents mean nearly what is asked: all vectors of an index in memory, one multiplication."""

import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from django.db.models import Count, Max, Sum
from numpy.typing import NDArray

from search.engines import Engine, key_of
from search.errors import MeaningAway
from search.meaning import model_name, process, ranking, texts
from search.meaning.models import Vector
from search.query import LONGEST, Plan

__all__ = ["Near", "forget", "near"]

MOST = 10
"""Documents that a sentence finds besides those that share its words."""
NEAR_ENOUGH, WITHIN = 0.84, 0.04
"""Cosine below which nothing is near, and how far behind the nearest one. The answers of half A of the labelled set
lie above the first and at most 0.034 behind; two texts that have nothing in common have about 0.82."""
FRESH_S, LOADS_AGAIN_AFTER = 3.0, 50
"""Seconds until the table is looked at again, and at least so many times as long as the look took."""
FIRST, MOST_AT_ONCE = 16, 16_384
"""Keys of which an engine is asked at first, and at most."""


@dataclass(frozen=True)
class Near:
    """What one question is near to: `keys` of documents that the asker may see, nearest first; at most MOST."""

    keys: tuple[str, ...]
    space: "Space"
    cosines: NDArray[np.float32]

    def of(self, key: str) -> float | None:
        """How near that document is to the question, -1..1; None where nobody knows."""
        place = self.space.places.get(key)
        return None if place is None else float(self.cosines[place])

    def ranked(self, rows: list[ranking.Row], *, plan: Plan, look: ranking.Look) -> list[ranking.Row]:
        """`rows` of the engine in their final order."""
        return ranking.ranked(rows, plan, closeness=self.of, look=look)


@dataclass(frozen=True)
class Space:
    """The vectors of an index as they were at one look, 1.5 KB each."""

    keys: list[str] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    matrix: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    version: Any = None
    look_again_at: float = 0.0


_spaces: dict[str, Space] = {}
_lock = threading.Lock()


def near(plan: Plan, index: str, chosen: Engine, access: frozenset[str]) -> Near | None:
    """What of `index` the sentence `plan` is near to; None for no sentence, without an answer, where nothing is near.

    Always the same documents for one asker and question, whatever it is narrowed by: the engine narrows these as it
    does all others. What the asker may not see takes nobody's place: the next nearest is asked for instead.
    """
    text = texts.prepared(plan.text[:LONGEST]) if plan.is_sentence else ""
    if not text or plan.is_empty:
        return None
    try:
        space = _space(index)
        if not space.keys:
            return None
        # Not `@`: there the last digits of a row depend on how many rows, also hidden ones, lie beside it.
        cosines = np.einsum("ij,j->i", space.matrix, process.asking().query(text))
    except MeaningAway:
        return None
    places = np.flatnonzero(cosines >= NEAR_ENOUGH)
    ordered = [space.keys[place] for place in places[np.argsort(-cosines[places], kind="stable")]]
    visible: list[str] = []
    step = FIRST
    while ordered and len(visible) < MOST:
        batch, ordered = ordered[:step], ordered[step:]
        seen = {key_of(row["kind"], row["id"]) for row in chosen.fetch(batch, access)}
        visible += [key for key in batch if key in seen]
        step = min(4 * step, MOST_AT_ONCE)
    if not visible:
        return None
    least = cosines[space.places[visible[0]]] - WITHIN
    found = [key for key in visible[:MOST] if cosines[space.places[key]] >= least]
    return Near(tuple(found), space, cosines)


def forget() -> None:
    """As after the start of the process: the next question looks into the database."""
    _spaces.clear()


def _space(index: str) -> Space:
    """The vectors of `index`, looked after every few seconds; rarely while many change, for loading takes a while."""
    space = _spaces.get(index, Space())
    if time.monotonic() < space.look_again_at or not _lock.acquire(blocking=False):
        return space
    try:
        started = time.monotonic()
        rows = Vector.objects.filter(index=index, model=model_name()).exclude(vector=b"")
        version = rows.aggregate(n=Count("pk"), last=Max("pk"), sum=Sum("pk"))
        if version != space.version:
            found = rows.order_by("key").values_list("key", "vector")
            space = _loaded([(key, bytes(vector)) for key, vector in found])
        pause_s = max(FRESH_S, LOADS_AGAIN_AFTER * (time.monotonic() - started))
        space = replace(space, version=version, look_again_at=time.monotonic() + pause_s)
        if space.keys:  # names without any are not remembered: there is no end of them
            _spaces[index] = space
        else:
            _spaces.pop(index, None)
        return space
    finally:
        _lock.release()


def _loaded(rows: list[tuple[str, bytes]]) -> Space:
    keys = [key for key, _vector in rows]
    places = {key: place for place, key in enumerate(keys)}
    matrix = np.frombuffer(b"".join(vector for _key, vector in rows), "<f2").astype(np.float32)
    return Space(keys, places, matrix.reshape(len(keys), -1) if keys else matrix.reshape(0, 0))
