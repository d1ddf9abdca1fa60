"""Bytes to disk: pieces appended by whoever has the turn, sha256 while writing, the offset read from the file itself."""

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
from uuid import uuid4

from media_pipeline.errors import ChecksumMismatch, DiskFull, OffsetMismatch, UploadBrokenOff, UploadBusy
from media_pipeline.intake.patience import Readable

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


def append(path: Path, *, offset: int, stream: Readable, most: int, checksum: Checksum | None = None) -> int:
    """Write what `stream` yields at `offset`, until it ends or the file has `most` bytes; the new length.

    The newest request has the turn: one that still waits for bytes of a dead connection loses it and
    writes no more. Raises OffsetMismatch when the file does not end at `offset`, UploadBusy when
    the turn was lost, DiskFull, and UploadBrokenOff when the stream breaks: then what had come is kept.
    A whole piece that does not hash to `checksum` is taken back: ChecksumMismatch.
    """
    turn = _Turn(path)
    with turn.held() as opened:
        at = opened.seek(0, os.SEEK_END)
        if at != offset:
            raise OffsetMismatch(at)
        turn.take()
    running, done = _caught_up(path, at)
    before = (running.copy(), done)
    arrived = hashlib.new(checksum.algorithm) if checksum else None
    try:
        while at < most:
            try:
                piece = stream.read(min(_PIECE, most - at))
            except (
                OSError
            ) as broken:  # Django's UnreadablePostError is one, a stalled body's TimeoutError another
                raise UploadBrokenOff(at) from broken
            if not piece:
                break
            with turn.held(mine=True) as opened:
                opened.seek(at)
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
        with turn.held(mine=True) as opened:
            if checksum and arrived and not hmac.compare_digest(arrived.digest(), checksum.digest):
                opened.truncate(offset)
                running, done = before
                raise ChecksumMismatch(path.name)
            os.fsync(opened.fileno())
    finally:
        _running.put(path, running, done)
        turn.give_up()
    return at


def digest(path: Path) -> str:
    """sha256 of all that has arrived."""
    running, _done = _caught_up(path, offset_of(path))
    return running.hexdigest()


def discard(path: Path) -> None:
    """Delete what has arrived. Twice is once."""
    _running.drop(path)
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".turn").unlink(missing_ok=True)


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


class _Turn:
    """Whose turn it is to write to a file: the request whose word stands in `<file>.turn`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sign = path.with_name(path.name + ".turn")
        self._word = uuid4().hex

    @contextmanager
    def held(self, *, mine: bool = False) -> Iterator[IO[bytes]]:
        """The file, opened and locked for a moment. Raises UploadBusy when it must be our turn and is not."""
        try:
            opened = self._path.open("r+b", buffering=0)
        except FileNotFoundError as moved:
            if mine:  # somebody else brought the last bytes
                raise UploadBusy(self._path.name) from moved
            raise
        with opened:
            fcntl.flock(opened, fcntl.LOCK_EX)
            if mine and self._read() != self._word:
                raise UploadBusy(self._path.name)
            yield opened

    def take(self) -> None:
        """From now on it is ours (call it while the file is held)."""
        self._sign.write_text(self._word)

    def give_up(self) -> None:
        if self._read() == self._word:
            self._sign.unlink(missing_ok=True)

    def _read(self) -> str:
        try:
            return self._sign.read_text()
        except FileNotFoundError:
            return ""
