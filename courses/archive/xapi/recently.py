"""What this process has lately seen committed, so that it need not ask the database again at once.

Nothing is lost when it is forgotten; what another process wrote meanwhile is noticed after `for_s` seconds.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from threading import Lock
from typing import Any

__all__ = ["Recently"]


class Recently:
    """The last `size` keys with the last value that each was told to have, for some seconds."""

    def __init__(self, size: int, *, for_s: float) -> None:
        self.size, self.for_s = size, for_s
        self._seen: OrderedDict[Hashable, tuple[Hashable, float]] = OrderedDict()
        self._lock = Lock()

    def knows(self, key: Hashable, value: Hashable) -> bool:
        said, until = self._seen.get(key, (None, 0.0))
        return said == value and time.monotonic() < until

    def tell(self, values: Mapping[Any, Hashable]) -> None:
        until = time.monotonic() + self.for_s
        with self._lock:
            for key, value in values.items():
                self._seen[key] = (value, until)
                self._seen.move_to_end(key)
            while len(self._seen) > self.size:
                self._seen.popitem(last=False)

    def forget(self) -> None:
        with self._lock:
            self._seen.clear()
