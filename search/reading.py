"""Asking the rooms above for the present state of their things: in batches, in the site's language, one bad apart."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import translation

from search.documents import Document, Kind
from search.engines import Entry
from search.entries import access_of, entry_of, name_paths, organizations_of
from search.fingerprints import fingerprint_of

__all__ = ["BATCH", "Read", "everything", "read", "read_each"]

log = logging.getLogger(__name__)

BATCH = 200
BATCH_OF_WHOLES = 5
"""Things with hundreds of parts each (what is said in a lecture): reading them is to take no second at a time."""


class Read:
    """Documents as they were in one moment, with the organisations that they name by tree path."""

    def __init__(self, documents: list[Document], organizations: dict[str, Any]) -> None:
        self.documents, self.organizations = documents, organizations

    def entries(self) -> Iterator[Entry]:
        """As they would lie in an index; the dear part, document by document."""
        return (entry_of(one, self.organizations) for one in self.documents)

    def fingerprints(self) -> dict[str, str]:
        """Of each document's id."""
        return {one.id: fingerprint_of(one, access_of(one, self.organizations)) for one in self.documents}


def read(kind: Kind, ids: list[str]) -> Read:
    """Those of `ids` that may be found now; raises whatever the room above raises."""
    with translation.override(settings.LANGUAGE_CODE):
        documents = list(kind.load(ids))
        if not name_paths(documents):
            return Read(documents, {})
        # A path and the organisation it names are read together: a new branch shifts its neighbours' paths.
        with transaction.atomic():
            documents = list(kind.load(ids))
            return Read(documents, organizations_of(documents))


def read_each(kind: Kind, ids: list[str]) -> tuple[Read, dict[str, Exception]]:
    """As `read`, but things that cannot be read are handed back by id and keep none of the others out."""
    try:
        return read(kind, ids), {}
    except Exception as fault:
        if len(ids) == 1:
            log.exception("Search cannot read %s %s", kind.name, ids[0])
            return Read([], {}), {ids[0]: fault}
    documents: list[Document] = []
    organizations: dict[str, Any] = {}
    failed: dict[str, Exception] = {}
    half = len(ids) // 2
    for part in (ids[:half], ids[half:]):
        found, bad = read_each(kind, part)
        documents += found.documents
        organizations |= found.organizations
        failed |= bad
    return Read(documents, organizations), failed


def everything(kind: Kind, on_failure: Callable[[str, Exception], object]) -> Iterator[Read]:
    """All documents of `kind`, a batch at a time; `on_failure` is told of things that cannot be read.

    Nothing is being read from the database while the caller has the batch: on SQLite an unfinished query
    would keep every later one at its own old moment, and forbid writing. A kind that gives no `ids` is
    therefore read in one go, and one bad thing ends it: what `load` raises is raised.
    """
    if kind.ids is None:
        with translation.override(settings.LANGUAGE_CODE):
            documents = list(kind.load(None))
        for start in range(0, len(documents), BATCH):
            batch = documents[start : start + BATCH]
            yield Read(batch, organizations_of(batch))
        return
    ids = [str(one) for one in kind.ids()]
    size = BATCH_OF_WHOLES if kind.parts_of else BATCH
    for start in range(0, len(ids), size):
        found, failed = read_each(kind, ids[start : start + size])
        for id, fault in failed.items():
            on_failure(id, fault)
        yield found
