"""Who is kept with whom: everything that came while the last commit ran goes into the next one.

A timer would only add waiting. All of this runs on the event loop; stores wait for the database elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from courses.archive.ingest.stores import FAILURES, Batch, Store

__all__ = ["Busy", "Groups"]

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 2000


class Busy(Exception):
    """Nothing was kept as far as we know: too much waits already, or the database does not take it."""


class Groups:
    """Batches in, answers out. `store()` makes the store; a batch is turned away while `most` rows wait."""

    def __init__(self, store: Callable[[], Store], *, most: int) -> None:
        self._make_store, self._most = store, most
        self._store: Store | None = None
        self._waiting: deque[Batch] = deque()
        self._rows_waiting = 0
        self._work: asyncio.Task[None] | None = None

    async def keep(self, batch: Batch) -> None:
        """Returns when `batch` is decided and on disk (see Batch.kept). Raises Busy."""
        if self._rows_waiting >= self._most:
            raise Busy("too many beats wait")
        batch.answer = asyncio.get_running_loop().create_future()
        self._waiting.append(batch)
        self._rows_waiting += len(batch.rows)
        if self._work is None or self._work.done():
            # Begins in the next round of the loop: what else comes in this one goes with it.
            self._work = asyncio.ensure_future(self._keep_all())
        failure = await batch.answer
        if failure is not None:
            raise Busy("the database did not keep it") from failure

    async def _keep_all(self) -> None:
        """Keep what waits, group after group, until nothing does."""
        self._store = store = self._store or self._make_store()
        while self._waiting:
            await self._keep(store)

    def _next_group(self) -> list[Batch]:
        """What waits, in order; one that names a beat a second time has to wait for the next commit. In whatever thread the
        store draws it."""
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
        return group

    async def _keep(self, store: Store) -> None:
        """One group, from its drawing to its answers."""
        group: list[Batch] = []

        def draw() -> list[Batch]:
            group.extend(self._next_group())
            return group

        failure: Exception | None = None
        try:
            await store.keep(draw)
        except Exception as failed:
            failure = failed
            if not group:
                draw()
            tell = log.warning if isinstance(failed, FAILURES) else log.exception
            tell("a group of %d batches was not kept: %s", len(group), failed)
        for batch in group:
            self._rows_waiting -= len(batch.rows)
            if not batch.answer.done():  # whoever asked may have gone
                batch.answer.set_result(failure)
