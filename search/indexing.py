"""Writing the index: draining the outbox, and rebuilding. Only one process at a time gets in (a file lock)."""

import logging
import time
from collections import defaultdict
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from search.documents import kind_of, kinds
from search.engines import Engine, Entry, Writer
from search.engines.current import engine
from search.entries import entries
from search.errors import (
    EngineUnreachable,
    IndexMissing,
    IndexOutdated,
    IndexUnreadable,
    KindUnknown,
    WriterBusy,
    WritesRefused,
)
from search.models import SearchOutbox
from search.words import vocabulary

__all__ = ["drain", "rebuild"]

log = logging.getLogger(__name__)

BATCH = 200
LONGEST_WAIT_S = 3600
REST_S = 60.0
"""Pause after an index could not be made, so that a broken loader does not keep the machine busy."""

_tired_until = 0.0


def drain() -> int:
    """Bring the index up to date with the outbox; how many changes were taken up.

    May run twice or side by side: the second finds the lock taken and leaves; the scheduler comes
    again every two seconds. Where no usable index is (first start, other analyser, damage), or editors
    changed the words, makes it anew. Killed at any moment it loses nothing: a row goes only after the index has committed.
    """
    chosen = engine()
    try:
        chosen.verify()
        usable = True
    except (IndexMissing, IndexOutdated, IndexUnreadable) as fault:
        log.warning("The search index must be made: %s", fault or type(fault).__name__)
        usable = False
    except EngineUnreachable:  # told in the log when it began; the rows wait
        return 0
    vocabulary.refresh()
    tired = time.monotonic() < _tired_until
    remake = not tired and (not usable or vocabulary.index_lags())
    if not remake and (not usable or not _waiting().exists()):
        return 0
    try:
        with chosen.exclusively():
            if remake:
                _make(chosen)
            done, remade = 0, False
            while rows := list(_waiting()[:BATCH]):
                try:
                    done += _take_up(chosen, rows)
                except IndexUnreadable as fault:
                    if remade:  # the fault is not the index's: a full disk, say
                        raise
                    log.warning("The search index cannot be written and is made anew: %s", fault)
                    _make(chosen)
                    remade = True
            return done
    except (WriterBusy, EngineUnreachable):
        return 0


def _make(chosen: Engine) -> None:
    """Rebuild because there is no usable index; after a failure not again at once, every two seconds."""
    global _tired_until
    try:
        _rebuild(chosen)
    except Exception:
        _tired_until = time.monotonic() + REST_S
        raise


def rebuild() -> int:
    """Make a new index of everything in the place of the old one; see `search.api.rebuild`."""
    chosen = engine()
    with chosen.exclusively():
        return _rebuild(chosen)


def _rebuild(chosen: Engine) -> int:
    started = time.monotonic()
    with vocabulary.taking_up():
        number = chosen.rebuild(entries(document for kind in kinds() for document in kind.load(None)))
    log.info("Search index made of %d documents in %.1f s", number, time.monotonic() - started)
    return number


def _waiting() -> QuerySet[SearchOutbox]:
    return SearchOutbox.objects.filter(next_try_at__lte=timezone.now()).order_by("pk")


def _take_up(chosen: Engine, rows: list[SearchOutbox]) -> int:
    """Bring the things that `rows` speak of into the index, then delete the rows that succeeded."""
    by_thing: dict[tuple[str, str], list[SearchOutbox]] = defaultdict(list)
    for row in rows:
        by_thing[row.kind, row.object_id].append(row)
    failed: dict[tuple[str, str], Exception] = {}
    try:
        with chosen.writing() as writer:
            by_kind: dict[str, list[str]] = defaultdict(list)
            for (kind, id), its_rows in by_thing.items():
                if any(row.op == SearchOutbox.Op.CHANGED for row in its_rows):
                    by_kind[kind].append(id)
                else:
                    writer.drop(kind, id)
            for kind, ids in by_kind.items():
                failed |= {(kind, id): fault for id, fault in _replace(writer, kind, ids).items()}
    except WritesRefused as fault:
        for refused, reason in fault.refused.items():
            # A part of something is not known here by its own id: then all of its kind are done again.
            its = [
                thing
                for thing in by_thing
                if thing == refused or (thing[0] == refused[0] and refused not in by_thing)
            ]
            failed |= {thing: ValueError(reason) for thing in its}
    # Here the index has committed. Rows written meanwhile have other numbers and stay.
    learned = [row.pk for thing, its in by_thing.items() if thing not in failed for row in its]
    SearchOutbox.objects.filter(pk__in=learned).delete()
    for thing, fault in failed.items():
        _put_off(by_thing[thing], fault)
    return len(learned)


def _replace(writer: Writer, kind: str, ids: list[str]) -> dict[str, Exception]:
    """Write the present state of `ids` of one kind; what cannot be read is handed back by id."""
    try:
        _write(writer, kind, ids)
        return {}
    except Exception as fault:
        if len(ids) == 1:
            log.exception("Search cannot read %s %s", kind, ids[0])
            return {ids[0]: fault}
    # One bad thing must not keep its neighbours waiting.
    failed: dict[str, Exception] = {}
    for id in ids:
        failed |= _replace(writer, kind, [id])
    return failed


def _write(writer: Writer, kind: str, ids: list[str]) -> None:
    try:
        load = kind_of(kind).load
    except KindUnknown:
        found: dict[str, Entry] = {}
    else:
        # In one transaction, so that an access path and the organisation it names are read together.
        with transaction.atomic():
            found = {entry.id: entry for entry in entries(load(ids))}
    for id in ids:
        if id in found:
            writer.put(found[id])
        else:
            writer.drop(kind, id)


def _put_off(rows: list[SearchOutbox], fault: Exception) -> None:
    now = timezone.now()
    for row in rows:
        row.attempts += 1
        row.error = f"{type(fault).__name__}: {fault}"[:2000]
        row.next_try_at = now + timedelta(seconds=min(LONGEST_WAIT_S, 2 ** min(row.attempts, 12)))
    SearchOutbox.objects.bulk_update(rows, ["attempts", "error", "next_try_at"])
