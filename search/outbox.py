"""Telling search of a change: a row in the caller's own transaction, and a bell after its commit."""

import logging

from django.db import transaction
from kombu.exceptions import OperationalError

from search.documents import kind_of, kinds
from search.kept import is_known
from search.models import SearchOutbox
from search.tasks import drain_outbox

__all__ = ["changed", "removed", "ring"]

log = logging.getLogger(__name__)

BELL_S = 10


def changed(kind: str, *ids: object) -> None:
    """Note that documents of `kind` were made, edited, published, unpublished, or opened to others.

    Call it inside the transaction of the change: both are kept or neither. Calling it twice does
    no harm. Also right for things that can no longer be found: the loader will not return them.
    Raises KindUnknown.
    """
    _note(kind, ids, SearchOutbox.Op.CHANGED)


def removed(kind: str, *ids: object) -> None:
    """Note that documents of `kind` are gone for good. As `changed`, without loading anything later."""
    _note(kind, ids, SearchOutbox.Op.REMOVED)


def _note(kind: str, ids: tuple[object, ...], op: SearchOutbox.Op) -> None:
    if not is_known(kind):
        kind_of(kind)
    if not ids:
        return
    touched = [kind, *(one.name for one in kinds() if one.parts_of == kind)]
    SearchOutbox.objects.bulk_create(
        [SearchOutbox(kind=name, object_id=str(one), op=op) for name in touched for one in ids],
        batch_size=500,
    )
    ring()


def ring() -> None:
    """Call the worker after the commit of the present transaction."""
    transaction.on_commit(_ring, robust=True)


def _ring() -> None:
    # The bell only saves waiting for the scheduler's next round; a broker that is down loses nothing.
    try:
        # One that waited so long has been overtaken by the scheduler's.
        drain_outbox.apply_async(retry=False, expires=BELL_S)
    except OperationalError as fault:
        log.warning("The search worker could not be called (%s); the scheduler will do it.", fault)
