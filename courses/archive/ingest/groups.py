"""Who is kept with whom: everything that came while the last commit ran goes into the next one.

A timer would only add waiting. Threads talk to the database, the event loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable

from courses.archive.ingest.stores import FAILURES, Batch, Store

__all__ = ["Busy", "Groups"]

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 2000


class Busy(Exception):
    """Nothing was kept as far as we know: too much waits already, or the database does not take it."""


class Groups:
    """Batches in, answers out. Each thread gets a store by `store()`; a batch is turned away while `most` rows wait."""

    def __init__(self, store: Callable[[], Store], *, most: int) -> None:
        self._make_store, self._most = store, most
        self._waiting: deque[Batch] = deque()
        self._bell = threading.Condition()
        self._idle = 0
        # Rows that came and rows that went, each counted by one side alone: the event loop, and whoever has the bell.
        self._came = self._went = 0
        self._started = False

    async def keep(self, batch: Batch) -> None:
        """Returns when `batch` is decided and on disk (see Batch.kept). Raises Busy."""
        if self._came - self._went >= self._most:
            raise Busy("too many beats wait")
        if not self._started:
            self._start()
        batch.answer = asyncio.get_running_loop().create_future()
        self._came += len(batch.rows)
        self._waiting.append(batch)
        if self._idle:
            with self._bell:
                self._bell.notify()
        failure = await batch.answer
        if failure is not None:
            raise Busy("the database did not keep it") from failure

    def _start(self) -> None:
        self._started = True
        stores = [self._make_store()]
        stores += [self._make_store() for _ in range(stores[0].AT_ONCE - 1)]
        for store in stores:
            threading.Thread(target=self._work, args=(store,), name="beats", daemon=True).start()

    def _work(self, store: Store) -> None:
        while True:
            with self._bell:
                self._idle += 1
                while not self._waiting:
                    self._bell.wait()
                self._idle -= 1
                group = self._next_group()
            self._keep(store, group)

    def _next_group(self) -> list[Batch]:
        """What waits, in order; one that names a beat a second time has to wait for the next commit."""
        group: list[Batch] = []
        keys: set[tuple[str, int]] = set()
        rows = 0
        while self._waiting and rows < ROWS_AT_ONCE:
            batch = self._waiting[0]
            if any(key in keys for key in batch.keys):
                break
            group.append(self._waiting.popleft())
            keys.update(batch.keys)
            rows += len(batch.rows)
        self._went += rows
        return group

    def _keep(self, store: Store, group: list[Batch]) -> None:
        failure: Exception | None = None
        try:
            store.keep(group)
        except FAILURES as failed:
            log.warning("a group of %d batches was not kept: %s", len(group), failed)
            failure = failed
        except Exception as failed:
            log.exception("a group of %d batches was not kept", len(group))
            failure = failed
        group[0].answer.get_loop().call_soon_threadsafe(_answer, group, failure)


def _answer(group: list[Batch], failure: Exception | None) -> None:
    for batch in group:
        if not batch.answer.done():  # whoever asked may have gone
            batch.answer.set_result(failure)
