"""Comparing the index with the truth: what is missing, stale, or should not be there; repaired through the outbox.

Both sides are reduced to (id, fingerprint) and laid side by side in a table of a temporary file, so that
memory stays flat however many documents there are.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from django.utils import timezone

from search.documents import Kind, kinds, whole
from search.engines import Engine
from search.engines.current import engine
from search.kept import Truth, kept
from search.models import IndexCheck, SearchOutbox
from search.reading import BATCH, everything, read_each

__all__ = ["Comparison", "compare", "verify"]

log = logging.getLogger(__name__)

KEPT = timedelta(days=90)
"""Comparisons are remembered so long."""
TABLE = """
CREATE TABLE truth (id TEXT PRIMARY KEY, fingerprint TEXT) WITHOUT ROWID;
CREATE TABLE lying (id TEXT, fingerprint TEXT);
"""
DIFFERENT = """
SELECT id FROM truth WHERE NOT EXISTS (SELECT 1 FROM lying WHERE lying.id = truth.id)
UNION SELECT lying.id FROM lying LEFT JOIN truth USING (id) WHERE truth.fingerprint IS NOT lying.fingerprint
UNION SELECT id FROM lying GROUP BY id HAVING count(*) > 1
ORDER BY 1
"""


@dataclass
class Comparison:
    """What came out for one kind: ids, each in one list. Whatever waits in the outbox is no difference."""

    kind: str
    documents: int = 0
    missing: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    ghosts: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    @property
    def differing(self) -> list[str]:
        return [*self.missing, *self.stale, *self.ghosts]


def verify(*, repair: bool, meanwhile: Callable[[], object] = lambda: None) -> list[Comparison]:
    """Compare all kinds, remember the result, and with `repair` put what differs into the outbox.

    `meanwhile` is called between batches. Raises what `Engine.verify` raises: without an index there is
    nothing to compare.
    """
    started_at = timezone.now()
    chosen = engine()
    chosen.verify()
    found = [compare(chosen, OfKind(kind), meanwhile) for kind in kinds()]
    # An index beside the site's that is not there yet has nothing to be compared; the worker makes it.
    found += [
        compare(index.engine, index.truth, meanwhile) for index in kept() if index.truth and index.is_ready()
    ]
    for one in found:
        for what in ("missing", "stale", "ghosts", "unreadable"):
            if ids := getattr(one, what):
                log.warning("Search index: %d of %s %s: %s", len(ids), one.kind, what, " ".join(ids[:20]))
        if repair:
            SearchOutbox.objects.bulk_create(
                SearchOutbox(kind=one.kind, object_id=id, op=SearchOutbox.Op.CHANGED)
                for id in dict.fromkeys(whole(one.kind, id) for id in one.differing)
            )
    IndexCheck.objects.filter(finished_at__lt=started_at - KEPT).delete()
    IndexCheck.objects.create(
        started_at=started_at,
        finished_at=timezone.now(),
        documents=sum(one.documents for one in found),
        missing=sum(len(one.missing) for one in found),
        stale=sum(len(one.stale) for one in found),
        ghosts=sum(len(one.ghosts) for one in found),
        unreadable=sum(len(one.unreadable) for one in found),
        repaired=repair,
    )
    return found


class OfKind:
    """What the site's index should hold of one kind."""

    def __init__(self, kind: Kind) -> None:
        self._kind, self.name = kind, kind.name

    def batches(self, on_failure: Callable[[str, Exception], object]) -> Iterator[dict[str, str]]:
        return (batch.fingerprints() for batch in everything(self._kind, on_failure))

    def read(self, ids: list[str]) -> tuple[dict[str, str], dict[str, Exception]]:
        found, failed = read_each(self._kind, ids)
        return found.fingerprints(), failed


def compare(chosen: Engine, truth: Truth, meanwhile: Callable[[], object] = lambda: None) -> Comparison:
    """The index and the truth of one kind. Changes going on meanwhile are not taken for differences."""
    result = Comparison(truth.name)
    with closing(sqlite3.connect("")) as table:  # "": a temporary file
        table.executescript(TABLE)
        for batch in truth.batches(lambda id, fault: result.unreadable.append(id)):
            result.documents += len(batch)
            table.executemany("INSERT OR REPLACE INTO truth VALUES (?, ?)", batch.items())
            meanwhile()
        table.executemany("INSERT INTO lying VALUES (?, ?)", chosen.inventory(truth.name))
        unreadable = set(result.unreadable)
        for ids in _batches(
            id for (id,) in table.execute(DIFFERENT) if whole(truth.name, id) not in unreadable
        ):
            _look_again(chosen, truth, ids, result)
            meanwhile()
    return result


def _look_again(chosen: Engine, truth: Truth, ids: list[str], result: Comparison) -> None:
    """Sort those of `ids` that really differ into `result`.

    The truth is read before the outbox and the index, and once more after. A thing changed before the first
    reading either has its row still (no difference, it waits) or stands in the index by now, since its row goes
    only after that; one changed later equals the last reading.
    """
    things = list(dict.fromkeys(whole(truth.name, id) for id in ids))
    before, unreadable = truth.read(things)
    waiting = set(
        SearchOutbox.objects.filter(kind=truth.name, object_id__in=things).values_list("object_id", flat=True)
    )
    lying: dict[str, list[str]] = {}
    for id, fingerprint in chosen.inventory(truth.name, ids):
        lying.setdefault(id, []).append(fingerprint)
    after, unreadable_too = truth.read(things)
    result.unreadable += sorted(unreadable.keys() | unreadable_too.keys())
    seen = [before, after]
    for id in ids:
        there = lying.get(id, [])
        right = any(there == ([one[id]] if id in one else []) for one in seen)
        if right or whole(truth.name, id) in (waiting | unreadable.keys() | unreadable_too.keys()):
            continue
        if not there:
            result.missing.append(id)
        elif id in after:
            result.stale.append(id)
        else:
            result.ghosts.append(id)


def _batches(ids: Iterable[str]) -> Iterator[list[str]]:
    coming = iter(ids)
    while batch := list(islice(coming, BATCH)):
        yield batch
