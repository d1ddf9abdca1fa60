"""The door that uvicorn serves (serve.py): beats are kept on a short way of their own, everything else goes to Django.

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
UPLOADS = "/api/media/uploads/"
"""Uploads that go on later (tus): a PATCH that breaks off keeps what came of it."""
_threads = ThreadPoolExecutor(int(os.environ.get("WEB_THREADS", "4")), thread_name_prefix="django")


class _Answer:
    """One request to a WSGI application: reads the answer in a thread, and goes to the event loop as seldom as can be.

    a2wsgi's own responder waits for the loop three times even for the smallest page, which costs half a
    millisecond; here a page up to PIECE bytes is handed over once, and a larger answer piece by piece. With `receive`
    it stops (and closes what the application gave) when the client goes away between the first piece and the last.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Send, receive: Receive | None) -> None:
        self._loop, self._send, self._receive = loop, send, receive
        self._gone: asyncio.Future[None] | None = None
        self._head: Message = {}
        self._begun = False

    def read(self, environ: dict[str, Any]) -> bytes | None:
        """In the thread: what is left to be sent when the application is through; None when nobody listens any more."""
        pieces = wsgi_application(environ, self._start)
        waiting: list[bytes] = []
        size = 0
        try:
            for piece in pieces:
                waiting.append(piece)
                size += len(piece)
                if size >= PIECE:
                    if not self._hand_over(b"".join(waiting)):
                        return None
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

    def _hand_over(self, body: bytes) -> bool:
        return asyncio.run_coroutine_threadsafe(self._say_if_there(body), self._loop).result()

    async def _say_if_there(self, body: bytes) -> bool:
        """Send a piece; False when the client is gone, also one that stopped reading before."""
        saying = asyncio.ensure_future(self.say(body, more=True))
        if self._receive is None:
            await saying
            return True
        if self._gone is None:
            self._gone = asyncio.ensure_future(self._until_gone(self._receive))
        await asyncio.wait({saying, self._gone}, return_when=asyncio.FIRST_COMPLETED)
        if self._gone.done():
            saying.cancel()
            return False
        await saying
        return True

    @staticmethod
    async def _until_gone(receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    def stop_listening(self) -> None:
        if self._gone is not None:
            self._gone.cancel()

    async def say(self, body: bytes, *, more: bool) -> None:
        if not self._begun:
            self._begun = True
            await self._send(self._head)
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


async def _django(scope: Scope, receive: Receive, send: Send) -> None:
    patient = scope["method"] == "PATCH" and scope["path"].startswith(UPLOADS)

    async def hear() -> Message:
        message = await receive()
        if message["type"] == "http.disconnect" and not patient:
            raise ConnectionResetError("the client went away in the middle of the body")
        return message

    loop = asyncio.get_running_loop()
    try:
        environ: Any = build_environ(scope, Body(loop, hear))  # type: ignore[arg-type]
    except UnicodeDecodeError:  # no browser sends a query that is not ASCII
        await send({"type": "http.response.start", "status": 400, "headers": [(b"content-length", b"0")]})
        return await send({"type": "http.response.body", "body": b""})
    answer = _Answer(loop, send, receive if scope["method"] in {"GET", "HEAD"} else None)
    try:
        rest = await loop.run_in_executor(_threads, answer.read, environ)
        if rest is not None:
            await answer.say(rest, more=False)
    finally:
        answer.stop_listening()


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
