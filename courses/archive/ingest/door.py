"""POST /api/archive/beats as an ASGI application of its own; everything that it does not answer with 200 or 503
it hands to `elsewhere` (Django's own endpoint, endpoints.beats) as it came.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils import translation

from courses.archive.batches import BODY_MOST, read_batch, read_clock
from courses.archive.errors import ArchiveError
from courses.archive.ingest.groups import Busy, Groups
from courses.archive.ingest.holder import Holder, look_up
from courses.archive.ingest.stores import Batch, store_for
from courses.archive.wording import ERRORS

__all__ = ["BeatDoor"]

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

PATH = "/api/archive/beats"
DRAINED_MOST = 16 * 1024**2
HOLDERS_MOST = 50_000
LOOK_UPS_MOST = 500
"""As many tokens may wait to be looked up: some seconds of work for two threads."""
RETRY_AFTER_S = 5


class BeatDoor:
    """Keeps beats of sessions that hold their lease; one a process. `elsewhere` answers all the rest."""

    def __init__(self, elsewhere: Application, groups: Groups | None = None) -> None:
        self._elsewhere = elsewhere
        self._groups = groups or Groups(
            lambda: store_for(settings.DATABASES["default"]), most=settings.STUDY["INGEST_WAITING_MAX"]
        )
        self._batch_most = settings.STUDY["BATCH_MAX"]
        self._access_s = settings.STUDY["INGEST_ACCESS_S"]
        self._holders: dict[str, Holder] = {}
        self._asked: dict[str, asyncio.Future[Holder | None]] = {}
        self._lookers = ThreadPoolExecutor(2, thread_name_prefix="holders")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            return await self._elsewhere(scope, receive, send)
        body = await _whole(receive)
        if body is None:  # who asked has gone, and what came is not what was sent
            return
        if len(body) > BODY_MOST:
            return await _say(send, 413, _refusal("BATCH_TOO_BIG"), [])
        try:
            answer = await self._keep(body)
        except Busy:
            return await _say(send, 503, _refusal("BUSY"), [(b"retry-after", b"%d" % RETRY_AFTER_S)])
        if answer is not None:
            return await _say(send, 200, answer, [])
        await self._elsewhere(_counted(scope, len(body)), _again(body, receive), send)

    async def _keep(self, body: bytes) -> bytes | None:
        """The answer once the batch is on disk; None when Django is to answer."""
        try:
            said = orjson.loads(body)
            token, sent_ms = said["token"], said.get("sent_ms")
            sent = read_batch(said.get("beats"), most=self._batch_most)
            sent_ms = (
                max(beat.clock_ms for beat in sent) if sent_ms is None else read_clock("sent_ms", sent_ms)
            )
        except (ArchiveError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
            return None
        holder = self._holders.get(token) if isinstance(token, str) else None
        if holder is None or time.monotonic() > holder.good_until_s:
            holder = await self._look_up(token) if isinstance(token, str) else None
            if holder is None:
                return None
        rows = holder.rows(sent, sent_ms, time.time_ns() // 1_000_000)
        if rows is None:
            return None
        batch = Batch(rows, holder.turn_id)
        await self._groups.keep(batch)
        if not batch.kept:
            self._holders.pop(token, None)
            return None
        if not batch.duplicates:
            return b'{"accepted":[%s],"duplicates":[],"state":null}' % _numbers(rows)
        accepted = sorted(row[3] for row in rows if row[3] not in batch.duplicates)
        answer = {"accepted": accepted, "duplicates": sorted(batch.duplicates), "state": None}
        return json.dumps(answer, separators=(",", ":")).encode()

    async def _look_up(self, token: str) -> Holder | None:
        """Ask the database, once however many ask at the same time."""
        asked = self._asked.get(token)
        if asked is None:
            if len(self._asked) >= LOOK_UPS_MOST:
                raise Busy("too many sessions wait to be looked up")
            loop = asyncio.get_running_loop()
            asked = loop.run_in_executor(self._lookers, _looked_up, token, self._access_s)
            self._asked[token] = asked
            try:
                holder = await asked
            finally:
                del self._asked[token]
            self._holders.pop(token, None)
            if holder is not None:
                while len(self._holders) >= HOLDERS_MOST:
                    del self._holders[next(iter(self._holders))]
                self._holders[token] = holder
            return holder
        return await asyncio.shield(asked)


def _looked_up(token: str, access_s: float) -> Holder | None:
    close_old_connections()
    try:
        return look_up(token, access_s=access_s)
    except (DatabaseError, InterfaceError) as away:
        raise Busy("the database does not say who holds the lease") from away
    finally:
        close_old_connections()


def _numbers(rows: list[Any]) -> bytes:
    if len(rows) == 1:
        return b"%d" % rows[0][3]
    return ",".join([str(seq) for seq in sorted(row[3] for row in rows)]).encode()


def _refusal(code: str) -> bytes:
    with translation.override(settings.LANGUAGE_CODE):
        answer = {"code": code, "message": str(ERRORS[code])}
    return json.dumps(answer, ensure_ascii=False).encode()


async def _say(send: Send, status: int, body: bytes, more: list[tuple[bytes, bytes]]) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _whole(receive: Receive) -> bytes | None:
    """The body, cut off where it is too big (read to its end all the same, so that the answer is heard); None when
    the client left in the middle."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece = message.get("body", b"")
        if size <= BODY_MOST:
            pieces.append(piece)
        size += len(piece)
        if not message.get("more_body", False) or size > DRAINED_MOST:
            return b"".join(pieces)


def _counted(scope: Scope, size: int) -> Scope:
    """The request with the length of its body, which Django goes by: one that came in chunks says none."""
    lengths = (b"content-length", b"transfer-encoding")
    headers = [(name, value) for name, value in scope.get("headers", ()) if name.lower() not in lengths]
    return {**scope, "headers": [*headers, (b"content-length", b"%d" % size)]}


def _again(body: bytes, receive: Receive) -> Receive:
    """`receive` from the beginning, for whoever answers instead of us."""
    heard = False

    async def hear() -> Message:
        nonlocal heard
        if heard:
            return await receive()
        heard = True
        return {"type": "http.request", "body": body, "more_body": False}

    return hear
