"""The indexes that the outbox keeps up to date: the site's own, and others that register here.

The site's index takes all rows but those whose kind another index has taken for itself.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from search.documents import kind_of, kinds
from search.engines import Engine, Entry
from search.engines.current import SITE, engine
from search.entries import entries
from search.errors import KindTaken, KindUnknown, SearchError
from search.models import SearchOutbox

__all__ = ["Kept", "is_known", "keep", "kept", "the_site"]


@dataclass(frozen=True)
class Kept:
    """One index: its name, the kind of its rows ("" for the site: all others), what people call it, how it reads.

    `read(kind, ids)` gives the entries of those of `ids` that exist and may be found now, afresh from
    the database; `everything()` all entries there are.
    """

    name: str
    kind: str
    label: Any
    read: Callable[[str, list[str]], Iterable[Entry]]
    everything: Callable[[], Iterator[Entry]]

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
        rows = SearchOutbox.objects.filter(next_try_at__lte=timezone.now()).order_by("pk")
        if self.kind:
            return rows.filter(kind=self.kind)
        return rows.exclude(kind__in=_others)


def _read_site(kind: str, ids: list[str]) -> Iterable[Entry]:
    try:
        load = kind_of(kind).load
    except KindUnknown:
        return []
    return entries(load(ids))


def _everything_of_the_site() -> Iterator[Entry]:
    return entries(document for kind in kinds() for document in kind.load(None))


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
