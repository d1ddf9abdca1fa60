"""Writing the index: draining the outbox, and rebuilding. Only one process at a time gets in (a file lock)."""

import logging
import time
from collections import defaultdict
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from search.engines import Writer
from search.errors import (
    EngineUnreachable,
    IndexMissing,
    IndexOutdated,
    IndexUnreadable,
    WriterBusy,
    WritesRefused,
)
from search.kept import Kept, kept, the_site
from search.models import SearchOutbox

__all__ = ["drain", "drain_one", "rebuild"]

log = logging.getLogger(__name__)

BATCH = 200
LONGEST_WAIT_S = 3600
REST_S = 60.0
"""Pause after an index could not be made, so that a broken loader does not keep the machine busy."""

_tired_until: dict[str, float] = {}


def drain() -> int:
    """Bring the indexes up to date with the outbox; how many changes were taken up.

    May run twice or side by side: the second finds the lock taken and leaves; the scheduler comes
    again every two seconds. Where no usable index is (first start, other analyser, damage), makes
    it anew. Killed at any moment it loses nothing: a row goes only after the index has committed.
    One index that cannot be written keeps no other waiting.
    """
    done = 0
    faults: list[Exception] = []
    for index in kept():
        try:
            done += drain_one(index)
        except Exception as fault:
            log.exception("The search index %r cannot be brought up to date", index.name)
            faults.append(fault)
    if faults:
        raise faults[0]
    return done


def drain_one(index: Kept) -> int:
    """As `drain`, for one index alone."""
    chosen = index.engine
    try:
        chosen.verify()
        usable = True
    except (IndexMissing, IndexOutdated, IndexUnreadable) as fault:
        log.warning("The search index %r must be made: %s", index.name, fault or type(fault).__name__)
        usable = False
    except EngineUnreachable:  # told in the log when it began; the rows wait
        return 0
    nothing_to_do = (
        not index.waiting().exists() if usable else time.monotonic() < _tired_until.get(index.name, 0.0)
    )
    if nothing_to_do:
        return 0
    try:
        with chosen.exclusively():
            if not usable:
                _make(index)
            done, remade = 0, False
            while rows := list(index.waiting()[:BATCH]):
                try:
                    done += _take_up(index, rows)
                except IndexUnreadable as fault:
                    if remade:  # the fault is not the index's: a full disk, say
                        raise
                    log.warning("The search index cannot be written and is made anew: %s", fault)
                    _make(index)
                    remade = True
            return done
    except (WriterBusy, EngineUnreachable):
        return 0


def _make(index: Kept) -> None:
    """Rebuild because there is no usable index; after a failure not again at once, every two seconds."""
    try:
        _rebuild(index)
    except Exception:
        _tired_until[index.name] = time.monotonic() + REST_S
        raise


def rebuild(index: Kept | None = None) -> int:
    """Make a new index (the site's) of everything in the place of the old one; see `search.api.rebuild`."""
    index = index or the_site()
    with index.engine.exclusively():
        return _rebuild(index)


def _rebuild(index: Kept) -> int:
    started = time.monotonic()
    number = index.engine.rebuild(index.everything())
    log.info("Search index %r made of %d documents in %.1f s", index.name, number, time.monotonic() - started)
    return number


def _take_up(index: Kept, rows: list[SearchOutbox]) -> int:
    """Bring the things that `rows` speak of into the index, then delete the rows that succeeded."""
    by_thing: dict[tuple[str, str], list[SearchOutbox]] = defaultdict(list)
    for row in rows:
        by_thing[row.kind, row.object_id].append(row)
    failed: dict[tuple[str, str], Exception] = {}
    try:
        with index.engine.writing() as writer:
            by_kind: dict[str, list[str]] = defaultdict(list)
            for (kind, id), its_rows in by_thing.items():
                if any(row.op == SearchOutbox.Op.CHANGED for row in its_rows):
                    by_kind[kind].append(id)
                else:
                    writer.drop(kind, id)
            for kind, ids in by_kind.items():
                failed |= {(kind, id): fault for id, fault in _replace(writer, index, kind, ids).items()}
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


def _replace(writer: Writer, index: Kept, kind: str, ids: list[str]) -> dict[str, Exception]:
    """Write the present state of `ids` of one kind; what cannot be read is handed back by id."""
    try:
        _write(writer, index, kind, ids)
        return {}
    except Exception as fault:
        if len(ids) == 1:
            log.exception("Search cannot read %s %s", kind, ids[0])
            return {ids[0]: fault}
    # One bad thing must not keep its neighbours waiting.
    failed: dict[str, Exception] = {}
    for id in ids:
        failed |= _replace(writer, index, kind, [id])
    return failed


def _write(writer: Writer, index: Kept, kind: str, ids: list[str]) -> None:
    # In one transaction, so that an access path and the organisation it names are read together.
    with transaction.atomic():
        found = {entry.id: entry for entry in index.read(kind, ids)}
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
