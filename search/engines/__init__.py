"""What an engine must be able to do: tantivy.py is embedded, elasticsearch/ for growing. All speak Plan, Entry, Found.

The tokens come from `search.analysis` and are the same for every engine.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from search.query import Plan

FACETS = ("category", "year", "issuer", "length")
"""What results may be narrowed by: names of `Entry.labels` and of the fields of `Filters`."""

TOKEN_FIELDS = (
    "title_words",
    "body_words",
    "title_bigrams",
    "body_bigrams",
    "body_characters",
    "title_characters",
    "syllable_pairs",
    "pinyin",
    "initials",
)
"""The fields of an index that hold tokens: keys of `Entry.tokens`."""

Sort = Literal["relevance", "date"]


@dataclass(frozen=True)
class Entry:
    """A document as it lies in an index: tokens by field, access keys, and what a hit needs to be shown.

    `labels` has a value for those of FACETS that the document has (absent, never empty); `day` is the
    ordinal of its date (`date.toordinal()`, 0 for none); `group` joins parts of one thing (the places
    of one lecture) and is the document's own key for all else. `exact_names` are further values of
    `exact_title`: a query that is one of them means this document.
    """

    kind: str
    id: str
    access: tuple[str, ...]
    tokens: dict[str, list[str]]
    exact_title: str
    stored: dict[str, Any]
    labels: dict[str, str] = field(default_factory=dict)
    day: int = 0
    group: str = ""
    exact_names: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return key_of(self.kind, self.id)


def key_of(kind: str, id: str) -> str:
    """The name of a document within an index: "lesson:12"."""
    return f"{kind}:{id}"


@dataclass(frozen=True)
class Filters:
    """What is wanted of the documents that match; "" and None: anything.

    `only` and `without` are keys (`key_of`) of documents that alone may, or may not, be found; of the parts
    of one thing it is that of their group: "cue:12" stands for all that is said in lesson 12.
    """

    category: str = ""
    year: str = ""
    issuer: str = ""
    length: str = ""
    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    def labels(self) -> dict[str, str]:
        """The facets that are set, by name."""
        return {name: value for name in FACETS if (value := getattr(self, name))}


ANYTHING = Filters()


@dataclass(frozen=True)
class Found:
    """What an engine answers: one page of (score, stored), and how many there are of each kind.

    `facets` has for each of FACETS how many documents bear each value, among those of the chosen kind
    that all *other* filters let through (so that another value of the same facet can be chosen).
    """

    rows: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    facets: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Some:
    """One way to match: at least `minimum` of `tokens` stand in one of `fields` ((name, weight), …).

    A plain question of tokens, for who wants all that matches instead of the best (search.boxes).
    """

    tokens: tuple[str, ...]
    minimum: int
    fields: tuple[tuple[str, float], ...]


class Writer(Protocol):
    """One writer's grip on the index: what it does is seen by readers all at once, after the block."""

    def put(self, entry: Entry) -> None:
        """Add a document or take the place of its former self."""

    def add(self, entry: Entry) -> None:
        """As `put`, quicker, for a document that this index cannot hold yet."""

    def drop(self, kind: str, id: str) -> None:
        """Take a document out; none there is fine."""

    def drop_group(self, kind: str, group: str) -> None:
        """Take out all documents of `kind` that were there before the block with this `Document.group`, or were put
        in it before this call."""


class Renewal(Protocol):
    """A new index beside the one in use; nobody sees it before it takes that one's place."""

    def writing(self, meanwhile: Callable[[], object] = lambda: None) -> AbstractContextManager[Writer]:
        """Change the new index; kept when the block ends well. May be entered again and again.

        After much was written the end of the block may take seconds; `meanwhile` is called now and
        then during these (in this thread). Raises NoSpaceLeft, and WritesRefused for single documents.
        """


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
        filters: Filters = ANYTHING,
        sort: Sort = "relevance",
        facets: bool = False,
    ) -> Found:
        """Documents that match `plan`, pass `filters` and have one of the `access` keys.

        Best first, or newest first with `sort` "date" (those without a date last). `counts` has all
        kinds whatever `kind` is. With `titles` only titles are looked at; `Found.facets` is filled
        with `facets`. Raises what `verify` raises.
        """

    def fetch(self, keys: Collection[str], access: Iterable[str] | None) -> Iterator[dict[str, Any]]:
        """What is stored of those of `keys` that are there and have one of the `access` keys, in any order.

        `access` None looks past access: for keeping things beside the index, never for an answer to somebody.
        Raises what `verify` raises.
        """

    def kinds(self) -> set[str]:
        """The kinds of which there are documents. Raises what `verify` raises."""

    def match(self, ways: Iterable[Some], *, kind: str, category: str) -> Iterator[tuple[float, str]]:
        """(score, id) of *all* documents of `kind` and `category` that match in one of `ways`, in no order.

        A token may stand in any of the fields of its way; the scores of the ways add up. Access keys
        are not looked at: who calls this asks the database what may be seen. Raises what `verify` raises.
        """

    def exclusively(self) -> AbstractContextManager[None]:
        """Be the only writer (across processes) within the block; raises WriterBusy at once otherwise."""

    def has_foreign_writer(self) -> bool:
        """Whether somebody writes without `exclusively`; raises WriterBusy while one of us writes."""

    def writing(self) -> AbstractContextManager[Writer]:
        """Change the present index; committed when the block ends well, forgotten otherwise.

        Raises what `verify` raises, NoSpaceLeft, and WritesRefused when all but some was committed.
        """

    def renewal(self) -> AbstractContextManager[Renewal]:
        """A new, empty index, which at the end of the block takes the place of the present one at once.

        When the block fails it is thrown away and the present one stays; what somebody left behind who
        was killed in the middle is cleared away by the next one. Call it within `exclusively`.
        """

    def rebuild(self, entries: Iterator[Entry]) -> int:
        """A renewal that holds `entries` and nothing else; how many. Keys must not repeat in `entries`."""

    def size_bytes(self) -> int:
        """Bytes that the present index takes on the disk. Raises what `verify` raises."""

    def inventory(self, kind: str, ids: Collection[str] | None = None) -> Iterator[tuple[str, str]]:
        """(id, fingerprint) of every document of `kind` in the index, or of those of `ids`; in any order.

        `fingerprint` is `stored["fingerprint"]`. One look: what is written meanwhile is not in it.
        Raises what `verify` raises.
        """
