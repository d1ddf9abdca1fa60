"""Reading a request's body without waiting for ever: a laptop that is closed neither sends nor says good-bye.

The web server has no limit for a body that stalls, and a thread that waits in `read` cannot be
called back. So a thread of our own waits, and the view stops waiting for it; when the connection
is given up at last, the server ends the read and the thread with it.
"""

import queue
import threading
from contextlib import suppress
from typing import Protocol

__all__ = ["PatientStream"]

_PIECE = 1024**2
MOST_HEARD_OUT = 64 * 1024**2
_AHEAD = 2
"""Pieces that may wait to be written."""


class Readable(Protocol):
    def read(self, most: int, /) -> bytes: ...


class PatientStream:
    """`read(most)` like the stream underneath, but raises TimeoutError when nothing comes for `patience_s` seconds.

    A body that ends before `expected` bytes (Content-Length; 0: not known) raises ConnectionError: the web
    server reports a broken connection as a plain end.

    Use it as a context manager: leaving it lets the waiting thread go.
    """

    def __init__(self, stream: Readable, *, patience_s: float, expected: int = 0) -> None:
        self._stream, self._patience_s = stream, patience_s
        self._pieces: queue.Queue[bytes | Exception] = queue.Queue(_AHEAD)
        self._given_up = threading.Event()
        self._rest = b""
        self._ended = False
        self._lacking = expected

    def __enter__(self) -> "PatientStream":
        threading.Thread(target=self._listen, name="upload-body", daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._given_up.set()

    def read(self, most: int) -> bytes:
        """Up to `most` bytes; b"" at the end. Raises what the stream raised, or TimeoutError (an OSError)."""
        if not self._rest and not self._ended:
            try:
                came = self._pieces.get(timeout=self._patience_s)
            except queue.Empty as silence:
                raise TimeoutError(f"nothing came for {self._patience_s:.0f} s") from silence
            if isinstance(came, Exception):
                raise came
            self._rest, self._ended = came, not came
            self._lacking -= len(came)
            if self._ended and self._lacking > 0:
                raise ConnectionError(f"{self._lacking} bytes did not come")
        given, self._rest = self._rest[:most], self._rest[most:]
        return given

    def finish(self, *, most: int = MOST_HEARD_OUT) -> None:
        """Read what is left and forget it: a browser listens to an answer only when it has finished speaking."""
        with suppress(OSError):
            while most > 0 and (piece := self.read(_PIECE)):
                most -= len(piece)

    def _listen(self) -> None:
        came: bytes | Exception = b"?"
        while came and not isinstance(came, Exception) and not self._given_up.is_set():
            try:
                came = self._stream.read(_PIECE)
            except Exception as broken:  # handed to the view, which raises it
                came = broken
            while not self._given_up.is_set():
                try:
                    self._pieces.put(came, timeout=0.5)
                    break
                except queue.Full:
                    continue
