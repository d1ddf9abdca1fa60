"""Which cores of this machine a job may use: each is taken by a file lock, so that jobs do not get in each other's way."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

__all__ = ["held_cores"]


@contextmanager
def held_cores(count: int, *, folder: Path | None = None) -> Iterator[tuple[int, ...]]:
    """Hold `count` free cores while the block runs: their numbers, for `sched_setaffinity`.

    () when count is 0, fewer are free, or the system has no such thing (macOS, Windows): then the
    job runs wherever the system puts it. A lock ends with its process, also by kill -9.
    """
    if count < 1 or not hasattr(os, "sched_getaffinity"):
        yield ()
        return
    place = folder or Path(tempfile.gettempdir()) / f"eschool-cores-{os.getuid()}"
    with ExitStack() as locks:
        taken: list[int] = []
        for core in sorted(os.sched_getaffinity(0)):
            if len(taken) < count and (lock := _lock(place, core)) is not None:
                locks.enter_context(lock)
                taken.append(core)
        if len(taken) < count:
            locks.close()
            taken = []
        yield tuple(taken)


def _lock(folder: Path, core: int) -> IO[str] | None:
    """The open, locked file of a core; None when somebody holds it or the folder cannot be written."""
    import fcntl

    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = (folder / str(core)).open("a")
    except OSError:
        return None
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        opened.close()
        return None
    return opened
