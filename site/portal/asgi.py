"""The door that granian serves: beats are kept on a short way of their own, everything else goes to Django.

Django itself stays behind its WSGI door (its ASGI handler costs about nine times as much), in a few threads.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from a2wsgi.wsgi import Body, build_environ

from portal.wsgi import application as wsgi_application

from courses.archive.ingest import door  # isort: skip  (Django must be set up)

__all__ = ["application"]

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PIECE = 256 * 1024
_threads = ThreadPoolExecutor(int(os.environ.get("WEB_THREADS", "4")), thread_name_prefix="django")


class _Answer:
    """One request to a WSGI application: reads the answer in a thread, and goes to the event loop as seldom as can be.

    a2wsgi's own responder waits for the loop three times even for the smallest page, which costs half a
    millisecond; here a page up to PIECE bytes is handed over once, and a larger answer piece by piece.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Send) -> None:
        self._loop, self._send = loop, send
        self._head: Message = {}
        self._begun = False

    def read(self, environ: dict[str, Any]) -> bytes:
        """In the thread: what is left to be sent when the application is through."""
        pieces = wsgi_application(environ, self._start)
        waiting: list[bytes] = []
        size = 0
        try:
            for piece in pieces:
                waiting.append(piece)
                size += len(piece)
                if size >= PIECE:
                    self._hand_over(b"".join(waiting))
                    waiting, size = [], 0
        finally:
            getattr(pieces, "close", lambda: None)()
        return b"".join(waiting)

    def _start(self, status: str, headers: Iterable[tuple[str, str]], exc_info: Any = None) -> Any:
        self._head = {
            "type": "http.response.start",
            "status": int(status.split(" ", 1)[0]),
            "headers": [
                (name.lower().encode("latin1"), value.strip().encode("latin1")) for name, value in headers
            ],
        }

    def _hand_over(self, body: bytes) -> None:
        asyncio.run_coroutine_threadsafe(self.say(body, more=True), self._loop).result()

    async def say(self, body: bytes, *, more: bool) -> None:
        if not self._begun:
            self._begun = True
            await self._send(self._head)
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


async def _django(scope: Scope, receive: Receive, send: Send) -> None:
    async def hear() -> Message:
        # granian's own `receive` is an awaitable that is no coroutine, which a2wsgi does not take.
        return await receive()

    loop = asyncio.get_running_loop()
    environ = build_environ(scope, Body(loop, hear))  # type: ignore[arg-type]
    answer = _Answer(loop, send)
    rest = await loop.run_in_executor(_threads, answer.read, environ)
    await answer.say(rest, more=False)


_beats = door.BeatDoor(_django)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Beats to their door, all else to Django."""
    if scope["type"] == "http":
        await (_beats if scope["path"] == door.PATH else _django)(scope, receive, send)
    elif scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"].removeprefix("lifespan.")
            await send({"type": f"lifespan.{kind}.complete"})
            if kind == "shutdown":
                return
