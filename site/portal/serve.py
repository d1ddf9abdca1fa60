"""The web server: uvicorn in some processes, with limits on what a request may send before it is one.

    python -m portal.serve --host 127.0.0.1 --port 8000 --workers 2 [--application portal.asgi:application]

Addresses that a proxy tells of are read by people.client_address alone, so uvicorn is not to believe any.
"""

import argparse
import asyncio
import resource
import sys
import time
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import multiprocess

__all__ = ["HEAD_MOST", "HEAD_PATIENCE_S", "LimitedProtocol", "main"]

HEAD_MOST = 64 * 1024
"""Bytes of request line and headers together."""
HEAD_PATIENCE_S = 30.0
"""From the first byte of a request, or from the connection, to the end of its headers."""
TOGETHER_MOST = 16 * 1024
KEEP_ALIVE_S = 65
"""A phone has news each minute."""


class _Together:
    """A transport that sends what is written in one round of the event loop at once: head and body of a small answer
    are one packet then, and one call of the system. All else is the transport's own."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._pieces: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)
        if len(data) > TOGETHER_MOST:
            self._send()

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._pieces:
            pieces, self._pieces = self._pieces, []
            self._transport.writelines(pieces)


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's own reads headers of any length for any time, and sends head and body of an answer apart."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self.transport = _Together(self.transport, self.loop)  # type: ignore[assignment]
        self._head: int | None = 0
        self._head_since = time.monotonic()
        self._look = self.loop.call_later(HEAD_PATIENCE_S, self._look_at_head)

    def connection_lost(self, exc: Exception | None) -> None:
        self._look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            if self._head == 0:
                self._head_since = time.monotonic()
            self._head += len(data)
            # What follows the headers in the same piece is counted with them: a piece is never longer than that.
            if self._head > HEAD_MOST + 256 * 1024:
                return self._refuse_head()
        super().data_received(data)
        if self._head is not None and self._head > HEAD_MOST and not self.transport.is_closing():
            self._refuse_head()

    def _refuse_head(self) -> None:
        self._unset_keepalive_if_required()
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        self.transport.close()

    def on_headers_complete(self) -> None:
        self._head = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._head = 0
        super().on_message_complete()

    def _look_at_head(self) -> None:
        """Hang up on whoever has been at the headers of one request for too long; look again later."""
        waits = self._head is not None and (self._head > 0 or self.cycle is None)
        spent_s = time.monotonic() - self._head_since
        if waits and spent_s >= HEAD_PATIENCE_S:
            self.transport.close()
            return
        self._look = self.loop.call_later(
            HEAD_PATIENCE_S - spent_s if waits else HEAD_PATIENCE_S, self._look_at_head
        )


class _Worker(multiprocess.Process):
    """A worker that is asked how it is without being waited for.

    uvicorn's supervisor waits for each worker's answer in turn, up to `timeout_worker_healthcheck`, and does not hear
    when the worker dies meanwhile (it holds the other end of the line itself): a minute in which no dead one is replaced.
    """

    _asked_since: float | None = None

    def is_alive(self, timeout: float = 5) -> bool:
        """Whether it runs and has answered in the last `timeout` seconds; never waits."""
        if not self.process.is_alive():
            return False
        try:
            if self._asked_since is None:
                self.parent_conn.send(b"ping")
                self._asked_since = time.monotonic()
            elif self.parent_conn.poll():
                self.parent_conn.recv()
                self._asked_since = None
        except (OSError, EOFError):
            return False
        return self._asked_since is None or time.monotonic() - self._asked_since < timeout


def _as_many_lines_as_allowed() -> None:
    """Most systems let a process have 1,024 open files until it asks for more; each phone that studies is one."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def main(words: list[str]) -> Any:
    asked = argparse.ArgumentParser(prog="portal.serve")
    asked.add_argument("--host", default="127.0.0.1")
    asked.add_argument("--port", type=int, default=8000)
    asked.add_argument("--workers", type=int, default=2)
    asked.add_argument("--application", default="portal.asgi:application")
    chosen = asked.parse_args(words)
    _as_many_lines_as_allowed()
    multiprocess.Process = _Worker  # type: ignore[misc]
    uvicorn.run(
        chosen.application,
        host=chosen.host,
        port=chosen.port,
        workers=chosen.workers,
        loop="uvloop",
        http=LimitedProtocol,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=10,
        # A worker that is busy with one long piece of Python is no dead one.
        timeout_worker_healthcheck=60,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
