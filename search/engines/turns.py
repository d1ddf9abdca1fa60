"""Whose turn it is to write: one process of a machine by a file lock, one of several machines by PostgreSQL."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, connections

from search.errors import WriterBusy

__all__ = ["file_lock", "only_writer"]


@contextmanager
def only_writer(lock_file: Path, name: str) -> Iterator[None]:
    """Be the only one within the block who writes what is called `name`; raises WriterBusy at once otherwise.

    The file lock alone does not hold for several machines that write into one cluster: each has its
    own disk, and over NFS a flock is not to be trusted. Several machines share one PostgreSQL though
    (with SQLite there can be but one), so its advisory lock says whose turn it is. The file lock stays
    beside it: an advisory lock lets the same session in twice. Both are freed by the death of the process.
    """
    with file_lock(lock_file):
        if connections[DEFAULT_DB_ALIAS].vendor != "postgresql":
            yield
            return
        # A connection of its own: the lock lives as long as the session, whatever becomes of transactions.
        session = connections.create_connection(DEFAULT_DB_ALIAS)
        try:
            with session.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [_number(name)])
                if not cursor.fetchone()[0]:
                    raise WriterBusy(name)
            yield
            with session.cursor() as cursor:
                # The server notices the end of a session a moment later; who comes next should not be refused for that.
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_number(name)])
        finally:
            session.close()


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold a lock on `path` (made when missing) within the block; raises WriterBusy at once otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WriterBusy(str(path)) from None
        yield


def _number(name: str) -> int:
    """`name` as a signed number of 64 bits, as PostgreSQL wants it."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), signed=True)
