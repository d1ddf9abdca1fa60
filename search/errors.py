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


class WriterBusy(SearchError):
    """Another process is writing the index; an index has one writer. Retryable."""
