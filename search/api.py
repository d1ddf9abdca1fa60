"""What may be done with search: ask, suggest, rebuild. To tell search of changes see `search.outbox`."""

from dataclasses import dataclass, field
from typing import Any

from search.documents import (
    MEMBERS,
    PUBLIC,
    Document,
    member_token,
    organization_token,
    register,
    tokens_of,
)
from search.outbox import changed, removed

__all__ = [
    "MEMBERS",
    "PUBLIC",
    "Document",
    "Hit",
    "Results",
    "Suggestion",
    "changed",
    "member_token",
    "organization_token",
    "rebuild",
    "register",
    "removed",
    "search",
    "suggest",
    "tokens_of",
]


@dataclass(frozen=True)
class Hit:
    """One found document. `title_html` and `excerpt_html` are safe HTML: text escaped, words found in <mark>."""

    id: str
    kind: str
    kind_label: str
    title: str
    title_html: str
    excerpt_html: str
    url: str
    score: float
    category: str = ""
    published_on: str = ""
    duration_s: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """One page of hits. `counts` has an entry for each kind with hits, `total` is that of the chosen kind.

    `loosened` says that nothing held enough of the words and that these are only near to them;
    `did_you_mean` is a title-like query that would find more ("" for none), never used by itself.
    """

    query: str
    hits: list[Hit]
    total: int
    counts: dict[str, int]
    page: int
    pages: int
    took_ms: float
    loosened: bool = False
    did_you_mean: str = ""


@dataclass(frozen=True)
class Suggestion:
    """One title offered while typing."""

    title: str
    kind: str
    kind_label: str
    url: str


def search(query: str, viewer: Any, *, kind: str | None = None, page: int = 1, size: int = 20) -> Results:
    """Find documents that `viewer` (Member or AnonymousUser) may see; any text is allowed as `query`.

    Raises KindUnknown, and IndexMissing, IndexOutdated or IndexUnreadable when the engine cannot answer.
    """
    raise NotImplementedError


def suggest(query: str, viewer: Any, *, size: int = 8) -> list[Suggestion]:
    """Titles that begin with or contain `query` (Han, pinyin or initials) and that `viewer` may see."""
    raise NotImplementedError


def rebuild() -> int:
    """Make a new index of everything and put it in the place of the old one; the number of documents.

    Readers go on with the old index until the new one is complete; changes made meanwhile wait in
    the outbox and are applied to the new one. Raises WriterBusy while another process writes.
    """
    raise NotImplementedError
