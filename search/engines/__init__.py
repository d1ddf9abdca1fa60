"""What an engine must be able to do; tantivy.py is the embedded one. Both sides speak Plan, Entry and Found.

The tokens come from `search.analysis` and are the same for every engine (issue 6 adds Elasticsearch).
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from search.query import Plan


@dataclass(frozen=True)
class Entry:
    """A document as it lies in an index: tokens by field, access keys, and what a hit needs to be shown."""

    kind: str
    id: str
    access: tuple[str, ...]
    tokens: dict[str, list[str]]
    exact_title: str
    stored: dict[str, Any]


@dataclass(frozen=True)
class Found:
    """What an engine answers: one page of (score, stored), and how many there are of each kind."""

    rows: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


class Writer(Protocol):
    """One writer's grip on the index: what it does is seen by readers all at once, after the block."""

    def put(self, entry: Entry) -> None:
        """Add a document or take the place of its former self."""

    def drop(self, kind: str, id: str) -> None:
        """Take a document out; none there is fine."""


class Engine(Protocol):
    """One way to keep an index."""

    def verify(self) -> None:
        """Raise IndexMissing, IndexOutdated or IndexUnreadable unless queries can be answered."""

    def find(
        self,
        plan: Plan,
        access: Iterable[str],
        *,
        kind: str | None,
        offset: int,
        limit: int,
        titles: bool = False,
    ) -> Found:
        """Documents that match `plan` and have one of the `access` keys, best first.

        `counts` has all kinds whatever `kind` is. With `titles` only titles are looked at.
        Raises what `verify` raises.
        """

    def exclusively(self) -> AbstractContextManager[None]:
        """Be the only writer (across processes) within the block; raises WriterBusy at once otherwise."""

    def has_foreign_writer(self) -> bool:
        """Whether somebody writes without `exclusively`; raises WriterBusy while one of us writes."""

    def writing(self) -> AbstractContextManager[Writer]:
        """Change the present index; committed when the block ends well, forgotten otherwise."""

    def rebuild(self, entries: Iterator[Entry]) -> int:
        """Write a new index of `entries` and put it in the place of the present one at once; how many."""
