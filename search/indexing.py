"""Writing the index: draining the outbox. Only one process at a time gets in (`Engine.exclusively`)."""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone

from search.documents import is_in_parts, whole
from search.engines import Writer
from search.errors import (
    EngineRefused,
    EngineUnreachable,
    IndexMissing,
    IndexOutdated,
    IndexUnreadable,
    NoSpaceLeft,
    WriterBusy,
    WritesRefused,
)
from search.kept import Kept, kept, the_site
from search.models import SearchOutbox
from search.rebuilding import renew
from search.words import vocabulary

__all__ = ["drain", "drain_one", "rebuild"]

log = logging.getLogger(__name__)

BATCH = 200
LONGEST_WAIT_S = 3600
ATTEMPTS = 12
KEPT_TRYING = timedelta(hours=24)
"""A thing is given up after so many attempts, and not before so long: until then a mended programme takes it up."""
REST_S = 60.0
"""Pause after an index could not be made or written, so that a fault that stays does not keep the machine busy."""

Thing = tuple[str, str]
"""Kind and id."""

_tired_until: dict[str, float] = {}


def drain() -> int:
    """Bring the indexes up to date with the outbox; how many changes were taken up.

    May run twice or side by side: the second finds the lock taken and leaves; the scheduler comes
    again every two seconds. Where no usable index is (first start, other analyser, damage), or editors
    changed the words, makes it anew. Killed at any moment it loses nothing: a row goes only after the
    index has committed. One index that cannot be written keeps no other waiting.
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
    if time.monotonic() < _tired_until.get(index.name, 0.0):
        return 0
    chosen = index.engine
    try:
        chosen.verify()
        usable = True
    except EngineRefused:  # a wrong password does not mend itself within two seconds
        _rest(index)
        raise
    except (IndexMissing, IndexOutdated, IndexUnreadable) as fault:
        log.warning("The search index %r must be made: %s", index.name, fault or type(fault).__name__)
        usable = False
    except EngineUnreachable:  # told in the log when it began; the rows wait
        return 0
    vocabulary.refresh()
    remake = not usable or vocabulary.index_lags(index.name)
    if not remake and not index.waiting().exists():
        return 0
    try:
        with chosen.exclusively():
            return _drain(index, remake=remake)
    except (WriterBusy, EngineUnreachable):
        return 0


def _drain(index: Kept, *, remake: bool) -> int:
    if remake:
        _make(index)
    done, remade = 0, False
    while rows := list(index.waiting()[:BATCH]):
        try:
            done += len(_take_up(index, rows)[0])
        except NoSpaceLeft:
            _rest(index)
            raise
        except IndexUnreadable as fault:
            if remade:  # the fault is not the index's
                raise
            log.warning("The search index cannot be written and is made anew: %s", fault)
            _make(index)
            remade = True
    return done


def _make(index: Kept) -> None:
    """Rebuild because there is no usable index; after a failure not again at once, every two seconds."""
    try:
        _renew(index)
    except Exception:
        _rest(index)
        raise


def _rest(index: Kept) -> None:
    _tired_until[index.name] = time.monotonic() + REST_S


def rebuild(index: Kept | None = None) -> int:
    """Make a new index (the site's) of everything in the place of the old one; see `search.api.rebuild`."""
    index = index or the_site()
    with index.engine.exclusively():
        return _renew(index)


def _renew(index: Kept) -> int:
    with vocabulary.taking_up(index.name):
        return renew(index, LiveChanges(index), take_in=_take_in, on_failure=_owe)


class LiveChanges:
    """Changes that come in while a new index is being made: into the present one at once, noted for the new one.

    Called again and again by whoever makes the new index (and so holds the writer's lock). Where the present
    index cannot be written the rows wait: they go into the new one when it is in use.
    """

    EVERY_S = 0.5

    def __init__(self, index: Kept) -> None:
        self._index = index
        self._next = 0.0
        self._things: set[Thing] = set()
        try:
            index.engine.verify()
            self._usable = True
        except (IndexMissing, IndexOutdated, IndexUnreadable):
            self._usable = False

    def __call__(self) -> None:
        if not self._usable or time.monotonic() < self._next:
            return
        try:
            while rows := list(self._index.waiting()[:BATCH]):
                self._things |= _take_up(self._index, rows)[1]
        except (IndexMissing, IndexOutdated, IndexUnreadable) as fault:
            log.warning("The present search index takes no changes; they wait for the new one: %s", fault)
            self._usable = False
        self._next = time.monotonic() + self.EVERY_S

    def noted(self) -> set[Thing]:
        """The things taken up since the last call."""
        things, self._things = self._things, set()
        return things


def _take_up(index: Kept, rows: list[SearchOutbox]) -> tuple[list[int], set[Thing]]:
    """Bring the things that `rows` speak of into the index and delete the rows that this makes superfluous.

    Gives their numbers, and the things that were looked at. Rows of the same things that were put off or given
    up are learned along with these.
    """
    known = _all_known_of({(row.kind, row.object_id) for row in rows})
    failed: dict[Thing, Exception] = {}
    try:
        with index.engine.writing() as writer:
            gone = {
                thing for thing, its in known.items() if all(row.op == SearchOutbox.Op.REMOVED for row in its)
            }
            for kind, id in sorted(gone):
                _drop(writer, kind, id)
            failed = _take_in(index, writer, known.keys() - gone)
    except WritesRefused as fault:
        refused = {(kind, whole(kind, id)): why for (kind, id), why in fault.refused.items()}
        failed |= {thing: Refused(why) for thing, why in refused.items() if thing in known}
    # Here the index has committed. Rows written meanwhile have other numbers and stay.
    learned = [row.pk for thing, its in known.items() if thing not in failed for row in its]
    SearchOutbox.objects.filter(pk__in=learned).delete()
    for thing, reason in failed.items():
        _put_off(known[thing], reason)
    return learned, set(known)


class Refused(Exception):
    """The engine did not take this one document."""


def _all_known_of(things: set[Thing]) -> dict[Thing, list[SearchOutbox]]:
    """All rows there are now of `things`, oldest first. By number, never "all below": numbers are given before the
    commit, so a lower one may still come."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for kind, id in things:
        by_kind[kind].append(id)
    known: dict[Thing, list[SearchOutbox]] = defaultdict(list)
    for kind, ids in by_kind.items():
        for row in SearchOutbox.objects.filter(kind=kind, object_id__in=ids).order_by("pk"):
            known[kind, row.object_id].append(row)
    return known


def _take_in(index: Kept, writer: Writer, things: Iterable[Thing]) -> dict[Thing, Exception]:
    """Write the present state of `things`; those that cannot be read are handed back with the reason."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for kind, id in things:
        by_kind[kind].append(id)
    failed: dict[Thing, Exception] = {}
    for kind, ids in by_kind.items():
        found, bad = index.read(kind, ids)
        failed |= {(kind, id): fault for id, fault in bad.items()}
        present = list(found)
        held = set() if is_in_parts(kind) else {entry.id for entry in present}
        for id in ids:
            if id not in bad and id not in held:
                _drop(writer, kind, id)
        for entry in present:
            writer.put(entry)
    return failed


def _drop(writer: Writer, kind: str, id: str) -> None:
    """Take a thing out, or all parts of it."""
    if is_in_parts(kind):
        writer.drop_group(kind, id)
    else:
        writer.drop(kind, id)


def _put_off(rows: list[SearchOutbox], fault: Exception) -> None:
    """Keep one row of a thing that failed, with the attempts of all; given up after a day and many attempts."""
    kept, now = rows[-1], timezone.now()
    kept.attempts = max(row.attempts for row in rows) + 1
    kept.created_at = min(row.created_at for row in rows)
    kept.op = next((row.op for row in rows if row.op == SearchOutbox.Op.CHANGED), kept.op)
    kept.error = f"{type(fault).__name__}: {fault}"[:2000]
    kept.next_try_at = now + timedelta(seconds=min(LONGEST_WAIT_S, 2 ** min(kept.attempts, 12)))
    kept.given_up_at = now if kept.attempts >= ATTEMPTS and now - kept.created_at >= KEPT_TRYING else None
    kept.save()
    SearchOutbox.objects.filter(pk__in=[row.pk for row in rows[:-1]]).delete()


def _owe(kind: str, id: str, fault: Exception) -> None:
    """A thing that could not be read for a new index stands in the outbox from now on."""
    known = _all_known_of({(kind, id)})
    row = SearchOutbox(kind=kind, object_id=id, op=SearchOutbox.Op.CHANGED)
    _put_off([*known.get((kind, id), []), row], fault)
