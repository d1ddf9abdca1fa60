"""The indexes that the outbox keeps up to date: the site's own, and others that register here.

The site's index takes all rows but those whose kind another index has taken for itself.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from search.documents import kind_of, kinds
from search.engines import Engine, Entry
from search.engines.current import SITE, engine
from search.errors import IndexMissing, KindTaken, KindUnknown, SearchError
from search.models import SearchOutbox
from search.reading import everything, read_each

__all__ = ["Kept", "Truth", "foreign_or_site", "is_known", "keep", "kept", "the_site"]


OnFailure = Callable[[str, str, Exception], object]
"""Told the kind, the id and the reason of a thing that could not be read."""


class Truth(Protocol):
    """What should lie in an index, told by the database: fingerprints by id (`stored["fingerprint"]` of an entry)."""

    name: str
    """The kind of its documents."""

    def batches(self, on_failure: Callable[[str, Exception], object]) -> Iterator[dict[str, str]]:
        """All of them, batch by batch; `on_failure` is told of those that cannot be read."""

    def read(self, ids: list[str]) -> tuple[dict[str, str], dict[str, Exception]]:
        """Those of `ids` that exist now, and why others could not be read."""


@dataclass(frozen=True)
class Kept:
    """One index: its name, the kind of its rows ("" for the site: all others), what people call it, how it reads.

    `read(kind, ids)` gives the entries of those of `ids` that exist and may be found now, afresh from
    the database, and by id the reason for each that could not be read; `everything(on_failure)` all
    entries there are, batch by batch, nothing being read from the database while the caller has one.
    """

    name: str
    kind: str
    label: Any
    read: Callable[[str, list[str]], tuple[Iterable[Entry], dict[str, Exception]]]
    everything: Callable[[OnFailure], Iterator[Iterable[Entry]]]
    truth: Truth | None = None
    """What it is compared with every night; None for the site, whose kinds are compared one by one."""

    @property
    def engine(self) -> Engine:
        return engine(self.name)

    def is_ready(self) -> bool:
        """Whether it can be asked: it is there, whole, and of this programme's version."""
        try:
            self.engine.verify()
        except SearchError:
            return False
        return True

    def waiting(self) -> QuerySet[SearchOutbox]:
        """The rows that it should take up now, oldest first."""
        rows = SearchOutbox.objects.waiting(timezone.now())
        if self.kind:
            return rows.filter(kind=self.kind)
        return rows.exclude(kind__in=_others)


def _read_site(kind: str, ids: list[str]) -> tuple[Iterable[Entry], dict[str, Exception]]:
    """A kind that no room of this process registered is not known to be gone: it may have come with a newer
    programme that runs beside this one during an update. Its rows wait for that one."""
    try:
        known = kind_of(kind)
    except KindUnknown as fault:
        return [], dict.fromkeys(ids, fault)
    found, bad = read_each(known, ids)
    return found.entries(), bad


def _everything_of_the_site(on_failure: OnFailure) -> Iterator[Iterable[Entry]]:
    for kind in kinds():
        for batch in everything(kind, partial(on_failure, kind.name)):
            yield batch.entries()


_SITE = Kept(SITE, "", _("Search of the site"), _read_site, _everything_of_the_site)
_others: dict[str, Kept] = {}


def keep(index: Kept) -> None:
    """Keep `index` up to date from now on. Called once, in `ready()`; raises KindTaken."""
    if index.kind in _others:
        raise KindTaken(index.kind)
    _others[index.kind] = index


def the_site() -> Kept:
    """The site's own index."""
    return _SITE


def kept() -> list[Kept]:
    """All of them, the site's first."""
    return [_SITE, *_others.values()]


def is_known(kind: str) -> bool:
    """Whether rows of `kind` belong to an index that registered here."""
    return kind in _others


def foreign_or_site(name: str) -> Engine:
    """The engine over the site's index ("") or over a foreign one, which nobody keeps up to date here.

    Raises IndexNameUnfit, and IndexMissing for a name that is taken by another index of ours: that one is
    asked and written by nobody but its own room.
    """
    chosen = engine(name)
    if name != SITE and any(one.name == name for one in kept()):
        raise IndexMissing(name)
    return chosen
