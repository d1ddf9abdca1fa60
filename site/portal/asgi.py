"""The door that uvicorn serves (serve.py): beats are kept on a short way of their own, everything else goes to Django.

Django itself stays behind its WSGI door (its ASGI handler costs about nine times as much), in a few threads. A thread is
busy only while Django is: slow lines, on which a phone takes half a minute for a piece of a lecture, wait in the
event loop. Bodies up to BODY_HERE are heard before a thread is asked for; files are read piece by piece, as fast as they
are taken; uploads and other large bodies, which Django reads itself, have threads of their own.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
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
BODY_HERE = 256 * 1024
UPLOADS = "/api/media/uploads/"
"""Uploads that go on later (tus): a PATCH that breaks off keeps what came of it."""
_threads = ThreadPoolExecutor(int(os.environ.get("WEB_THREADS", "4")), thread_name_prefix="django")
_uploads = ThreadPoolExecutor(int(os.environ.get("WEB_UPLOADS", "8")), thread_name_prefix="uploads")
_files = ThreadPoolExecutor(4, thread_name_prefix="files")


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

    def read(self, environ: dict[str, Any]) -> Any:
        """In the thread: what is left to be sent when the application is through; None when nobody listens any more; a
        file that is to be poured."""
        pieces = wsgi_application(environ, self._start)
        if _is_file(pieces):
            return pieces
        try:
            iterator = iter(pieces)
            while len(piece := _some_of(iterator)) >= PIECE:
                if not asyncio.run_coroutine_threadsafe(self._say_if_there(piece), self._loop).result():
                    return None
            return piece
        finally:
            _close(pieces)

    async def pour(self, file: Any, *, only_head: bool) -> None:
        """Send a file, for whose pieces the client takes as long as it takes; no thread waits for it."""
        try:
            iterator = iter(() if only_head else file)
            while len(piece := await self._loop.run_in_executor(_files, _some_of, iterator)) >= PIECE:
                if not await self._say_if_there(piece):
                    return
            await self.say(piece, more=False)
        finally:
            await self._loop.run_in_executor(_files, _close, file)

    def _start(self, status: str, headers: Iterable[tuple[str, str]], exc_info: Any = None) -> Any:
        self._head = {
            "type": "http.response.start",
            "status": int(status.split(" ", 1)[0]),
            "headers": [
                (name.lower().encode("latin1"), value.strip().encode("latin1")) for name, value in headers
            ],
        }

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


def _is_file(pieces: Any) -> bool:
    """Whether the answer's pieces may come from any thread: Django's FileResponse, and what says so of itself."""
    return getattr(pieces, "file_to_stream", None) is not None or getattr(pieces, "is_file", False)


def _some_of(pieces: Iterator[bytes]) -> bytes:
    """PIECE bytes and some more, or less at the end."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= PIECE:
            break
    return b"".join(waiting)


def _close(pieces: Any) -> None:
    getattr(pieces, "close", lambda: None)()


async def _django(scope: Scope, receive: Receive, send: Send) -> None:
    loop = asyncio.get_running_loop()
    heard, threads = await _hear(loop, scope, receive)
    if heard is None:
        return
    try:
        environ: Any = build_environ(scope, heard)  # type: ignore[arg-type]
    except UnicodeDecodeError:  # no browser sends a query that is not ASCII
        await send({"type": "http.response.start", "status": 400, "headers": [(b"content-length", b"0")]})
        return await send({"type": "http.response.body", "body": b""})
    if isinstance(heard, BytesIO):
        environ["CONTENT_LENGTH"] = str(heard.getbuffer().nbytes)
    answer = _Answer(loop, send, receive if scope["method"] in {"GET", "HEAD"} else None)
    try:
        rest = await loop.run_in_executor(threads, answer.read, environ)
        if isinstance(rest, bytes):
            await answer.say(rest, more=False)
        elif rest is not None:
            await answer.pour(rest, only_head=scope["method"] == "HEAD")
    finally:
        answer.stop_listening()


async def _hear(
    loop: asyncio.AbstractEventLoop, scope: Scope, receive: Receive
) -> tuple[BytesIO | Body | None, ThreadPoolExecutor]:
    """The body, whole when it is small, else to be read in one of the threads given; None when the client went away in
    the middle of it."""
    is_upload = scope["method"] == "PATCH" and scope["path"].startswith(UPLOADS)
    pieces: list[bytes] = []
    size, more = 0, True
    while more and size <= BODY_HERE and not is_upload:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None, _threads
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        more = message.get("more_body", False)
    if not more:
        return BytesIO(b"".join(pieces)), _threads

    async def hear() -> Message:
        if pieces:
            return {"type": "http.request", "body": pieces.pop(0), "more_body": True}
        message = await receive()
        if message["type"] == "http.disconnect" and not is_upload:
            raise ConnectionResetError("the client went away in the middle of the body")
        return message

    return Body(loop, hear), _uploads  # type: ignore[arg-type]


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
