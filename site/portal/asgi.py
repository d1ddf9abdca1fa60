"""The door that granian serves: beats are kept on a short way of their own, everything else goes to Django.

Django itself stays behind its WSGI door (its ASGI handler costs about nine times as much), in a few threads.
"""

import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any

from a2wsgi import WSGIMiddleware

from portal.wsgi import application as wsgi_application

from courses.archive.ingest import door  # isort: skip  (Django must be set up)

__all__ = ["application"]

PIECE = 128 * 1024


def _in_larger_pieces(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """A WSGI application whose small pieces are joined: each piece costs a way from the thread to the loop."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return _Joined(application(environ, start_response))

    return answer


class _Joined:
    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        waiting: list[bytes] = []
        size = 0
        for piece in self._pieces:
            waiting.append(piece)
            size += len(piece)
            if size >= PIECE:
                yield b"".join(waiting)
                waiting, size = [], 0
        if waiting:
            yield b"".join(waiting)

    def close(self) -> None:
        getattr(self._pieces, "close", lambda: None)()


_django = WSGIMiddleware(_in_larger_pieces(wsgi_application), workers=int(os.environ.get("WEB_THREADS", "4")))


async def _elsewhere(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    async def hear() -> MutableMapping[str, Any]:
        # granian's own `receive` is an awaitable that is no coroutine, which a2wsgi does not take.
        return await receive()

    await _django(scope, hear, send)  # type: ignore[arg-type]


_beats = door.BeatDoor(_elsewhere)


async def application(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """Beats to their door, all else to Django."""
    if scope["type"] == "http":
        if scope["path"] == door.PATH:
            await _beats(scope, receive, send)
        else:
            await _elsewhere(scope, receive, send)
    elif scope["type"] == "lifespan":
        while True:
            message = await receive()
            kind = message["type"].removeprefix("lifespan.")
            await send({"type": f"lifespan.{kind}.complete"})
            if kind == "shutdown":
                return
