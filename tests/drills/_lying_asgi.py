"""The negative control of the archive drill: the same door, but it answers before the commit. It must lose beats."""

from __future__ import annotations

import asyncio

from portal import asgi

from courses.archive.ingest.groups import Groups  # isort: skip
from courses.archive.ingest.stores import Batch  # isort: skip

__all__ = ["application"]


class Hasty(Groups):
    """Says 200 as soon as a batch waits."""

    async def keep(self, batch: Batch) -> None:
        waiting = asyncio.ensure_future(super().keep(batch))
        waiting.add_done_callback(lambda done: done.exception())
        batch.kept = True


asgi._beats._groups.__class__ = Hasty
application = asgi.application
