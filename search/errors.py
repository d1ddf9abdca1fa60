"""What can go wrong in search, as facts; views word them for a person."""


class SearchError(Exception):
    """Anything that keeps search from answering; pages say so and the rest of the site goes on."""


class KindUnknown(SearchError):
    """Somebody spoke of a kind of document that no room registered."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"no room registered documents of kind {kind!r}")
        self.kind = kind


class KindTaken(SearchError):
    """Two rooms registered the same kind."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"documents of kind {kind!r} are registered twice")
        self.kind = kind


class IndexNameUnfit(SearchError):
    """A name that no index can have (small Latin letters, digits, - and _; at most 40)."""

    def __init__(self, name: str) -> None:
        super().__init__(f"an index cannot be called {name!r}")
        self.name = name


class IndexMissing(SearchError):
    """There is no index yet: the first rebuild has not finished. Retryable."""


class IndexOutdated(SearchError):
    """The index was made by another analyser or schema, so its tokens would not meet ours."""

    def __init__(self, found: str, wanted: str) -> None:
        super().__init__(
            f"the search index was made by version {found!r}, this programme speaks {wanted!r}: "
            "run `manage.py rebuild_search` (the search worker also does it by itself)"
        )
        self.found = found
        self.wanted = wanted


class IndexUnreadable(SearchError):
    """The index is there but cannot be opened or read (damaged files, full disk)."""


class NoSpaceLeft(SearchError):
    """The disk of the index is full: nothing was changed, the index of before stays in use. Retryable."""

    def __init__(self, where: str, fault: object = "") -> None:
        super().__init__(f"no space left for the search index in {where}: {fault}")
        self.where = where


class WriterBusy(SearchError):
    """Another process is writing the index; an index has one writer. Retryable."""


class EngineUnreachable(SearchError):
    """The search server does not answer, not in time, or is too busy. Retryable; comes at once while it rests."""


class EngineRefused(SearchError):
    """The search server answered, but not to us: wrong password, missing right, unknown certificate, no
    Elasticsearch at all. Final: somebody must see to it."""


class SearchAddressUnfit(SearchError):
    """SEARCH_URL cannot be read as the address of a search server. Does not repeat it: it may hold a password."""

    def __init__(self) -> None:
        super().__init__(
            "SEARCH_URL must be like https://user:password@host:9200, several with commas between"
        )


class WritesRefused(SearchError):
    """The index took up all but some documents; `refused` says why by (kind, id). These stay in the outbox."""

    def __init__(self, refused: dict[tuple[str, str], str]) -> None:
        (kind, id), reason = next(iter(refused.items()))
        super().__init__(f"{len(refused)} documents were refused, {kind}:{id} because of {reason}")
        self.refused = refused


class MeaningAway(SearchError):
    """The model that reads meanings has no answer now, and words must do (search/meaning). Retryable."""
