"""Bytes to disk: pieces appended under a file lock, sha256 while writing, the offset read from the file itself."""

import fcntl
import hashlib
import hmac
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from media_pipeline.errors import ChecksumMismatch, DiskFull, OffsetMismatch, UploadBrokenOff, UploadBusy

__all__ = ["ALGORITHMS", "Checksum", "append", "begin", "digest", "discard", "offset_of"]

_PIECE = 1024**2
ALGORITHMS = ("sha256", "sha1")
"""What a piece's checksum may be of; sha1 is what the protocol asks every server to know."""


@dataclass(frozen=True)
class Checksum:
    """What a client says its piece hashes to: `algorithm` is one of ALGORITHMS, `digest` the raw bytes."""

    algorithm: str
    digest: bytes


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...
    def copy(self) -> "_Hash": ...


class _RunningHashes:
    """sha256 under way, by file: (hash, bytes hashed). A hash cannot be stored, so each process keeps
    its own and reads from disk only what other processes have written since."""

    def __init__(self, most: int = 64) -> None:
        self._known: OrderedDict[str, tuple[_Hash, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._most = most

    def take(self, path: Path) -> tuple[_Hash, int]:
        with self._lock:
            return self._known.pop(str(path), None) or (hashlib.sha256(), 0)

    def put(self, path: Path, running: _Hash, done: int) -> None:
        with self._lock:
            self._known[str(path)] = (running, done)
            while len(self._known) > self._most:
                self._known.popitem(last=False)

    def drop(self, path: Path) -> None:
        with self._lock:
            self._known.pop(str(path), None)


_running = _RunningHashes()


def begin(path: Path) -> None:
    """Lay down the empty file of a new upload."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(exist_ok=False)


def offset_of(path: Path) -> int:
    """How many bytes have arrived: the length of the file. 0 when there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def append(path: Path, *, offset: int, stream: IO[bytes], most: int, checksum: Checksum | None = None) -> int:
    """Write what `stream` yields at `offset`, until it ends or the file has `most` bytes; the new length.

    Raises OffsetMismatch when the file does not end at `offset`, UploadBusy when another request is
    writing, DiskFull, and UploadBrokenOff when the stream breaks: then what had come is kept. A whole
    piece that does not hash to `checksum` is taken back: ChecksumMismatch.
    """
    with _alone(path) as opened:
        at = opened.seek(0, os.SEEK_END)
        if at != offset:
            raise OffsetMismatch(at)
        running, done = _caught_up(path, at)
        before = (running.copy(), done)
        arrived = hashlib.new(checksum.algorithm) if checksum else None
        try:
            while at < most:
                try:
                    piece = stream.read(min(_PIECE, most - at))
                except OSError as broken:  # Django's UnreadablePostError is one
                    raise UploadBrokenOff(at) from broken
                if not piece:
                    break
                try:
                    opened.write(piece)
                except OSError as full:
                    opened.truncate(at)
                    raise DiskFull(str(full)) from full
                at += len(piece)
                running.update(piece)
                done = at
                if arrived:
                    arrived.update(piece)
            if checksum and arrived and not hmac.compare_digest(arrived.digest(), checksum.digest):
                opened.truncate(offset)
                running, done = before
                raise ChecksumMismatch(path.name)
        finally:
            _running.put(path, running, done)
        os.fsync(opened.fileno())
    return at


def digest(path: Path) -> str:
    """sha256 of all that has arrived."""
    running, _done = _caught_up(path, offset_of(path))
    return running.hexdigest()


def discard(path: Path) -> None:
    """Delete what has arrived. Twice is once."""
    _running.drop(path)
    path.unlink(missing_ok=True)


def _caught_up(path: Path, length: int) -> tuple[_Hash, int]:
    """The running hash of the first `length` bytes, reading from disk what this process has not seen."""
    running, done = _running.take(path)
    if done > length:
        running, done = hashlib.sha256(), 0
    with path.open("rb") as opened:
        opened.seek(done)
        while done < length:
            piece = opened.read(min(_PIECE, length - done))
            if not piece:
                break
            running.update(piece)
            done += len(piece)
    return running, done


@contextmanager
def _alone(path: Path) -> Iterator[IO[bytes]]:
    with path.open("r+b", buffering=0) as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            raise UploadBusy(path.name) from held
        yield opened
