"""Asking the model, which runs in a process of its own (child.py): it may die or hang, we may not."""

import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from search.errors import MeaningAway

__all__ = ["REST_AFTER_DOCUMENT_S", "Child", "asking", "reading"]

log = logging.getLogger(__name__)

PROGRAM = (sys.executable, "-P", str(Path(__file__).with_name("child.py")))
QUERY_S, PASSAGES_S = 0.25, 10.0
"""So long an answer is waited for."""
HANGS_S = 5.0
"""Who is silent for so long, after a question or after the start, hangs."""
REST_S = 30.0
"""Pause before a child that fell is started again, where people ask."""
REST_AFTER_DOCUMENT_S = 0.2
"""The same where documents are read: the next one may be better."""
LONGEST_VECTOR = 4096


class Child:
    """An Embedder over one child, started at the first question. For any number of threads; not for a forked process.

    An answer that comes too late is thrown away with the next question; MeaningAway is raised meanwhile.
    """

    def __init__(self, program: Sequence[str], *, threads: int = 1, rest_s: float = REST_S) -> None:
        self._program, self._threads, self._rest_s = program, threads, rest_s
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._length = 0
        self._owed, self._got, self._since = 0, b"", 0.0
        self._rests_until, self._is_told = 0.0, False

    def query(self, text: str) -> NDArray[np.float32]:
        return self._ask([text], passages=False, within_s=QUERY_S)[0]

    def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._ask(texts, passages=True, within_s=PASSAGES_S)

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return self._process.pid if self._process else None

    def close(self) -> None:
        """End the child; the next question starts another."""
        if self._process is not None:
            self._channel.close()
            self._process.kill()
            self._process.wait()
            self._process = None

    def let_go(self) -> None:
        """In a forked process: this is the other one's child."""
        if self._process is not None:
            self._channel.close()

    def _ask(self, texts: Sequence[str], *, passages: bool, within_s: float) -> NDArray[np.float32]:
        until = time.monotonic() + within_s
        if not self._lock.acquire(timeout=within_s):
            raise MeaningAway("busy")
        try:
            if self._process is None:
                self._start()
            if self._owed:  # the greeting, or the answer to somebody who has gone
                told = self._receive(until)
                self._length = self._length or int.from_bytes(told, "little")
                if not 1 <= self._length <= LONGEST_VECTOR:
                    raise ValueError(f"vectors of {self._length}")
            self._channel.settimeout(max(until - time.monotonic(), 0.001))
            self._channel.sendall(json.dumps({"passages": passages, "texts": list(texts)}).encode() + b"\n")
            self._owe(4 * self._length * len(texts))
            vectors = np.frombuffer(self._receive(until), "<f4").reshape(len(texts), self._length)
            if not np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=0.01):
                raise ValueError("no vectors of length 1")
            self._is_told = False
            return vectors
        except TimeoutError:
            if time.monotonic() - self._since > HANGS_S:
                self._fell("it hangs")
            raise MeaningAway("no answer yet") from None
        except (OSError, EOFError, ValueError) as fault:
            self._fell(str(fault) or type(fault).__name__)
            raise MeaningAway(str(fault)) from fault
        finally:
            self._lock.release()

    def _start(self) -> None:
        if time.monotonic() < self._rests_until:
            raise MeaningAway("it rests")
        self._channel, its = socket.socketpair()
        # Nothing of our environment goes along but where packages lie: there are secrets in it.
        environment = {
            "LC_ALL": "C.UTF-8",
            "OMP_NUM_THREADS": str(self._threads),
            "OMP_WAIT_POLICY": "PASSIVE",
        }
        environment |= {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        with its:
            self._process = subprocess.Popen(
                self._program,
                stdin=its.fileno(),
                stdout=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        self._length = 0
        self._owe(4)

    def _owe(self, size: int) -> None:
        self._owed, self._got, self._since = size, b"", time.monotonic()

    def _receive(self, until: float) -> bytes:
        """What is owed, whole. Raises TimeoutError; what has come by then is kept."""
        while len(self._got) < self._owed:
            self._channel.settimeout(max(until - time.monotonic(), 0.001))
            part = self._channel.recv(self._owed - len(self._got))
            if not part:
                raise EOFError("it died")
            self._got += part
        self._owed = 0
        return self._got

    def _fell(self, reason: str) -> None:
        """Told once, until it has answered again."""
        self.close()
        self._rests_until = time.monotonic() + self._rest_s
        if not self._is_told:
            log.warning("Searching by words alone, the model's process fell: %s", reason)
        self._is_told = True


@cache
def _child(model: str, threads: int, rest_s: float) -> Child:
    child = Child((*PROGRAM, model), threads=threads, rest_s=rest_s)
    os.register_at_fork(after_in_child=child.let_go)
    return child


def asking() -> Child:
    """The model of this process for questions."""
    return _child(settings.SEARCH["MEANING"], 1, REST_S)


def reading(threads: int = 1) -> Child:
    """The model of this process for documents."""
    return _child(settings.SEARCH["MEANING"], threads, REST_AFTER_DOCUMENT_S)


os.register_at_fork(after_in_child=_child.cache_clear)
