"""How often one launched unit may ask in a minute. Counted in each server process by itself."""

from __future__ import annotations

from datetime import datetime
from threading import Lock

__all__ = ["PER_MINUTE", "Allowance"]

PER_MINUTE = 300


class Allowance:
    """Requests of the running minute, by session; the next minute begins empty."""

    def __init__(self, most: int = PER_MINUTE) -> None:
        self.most = most
        self._minute = 0
        self._used: dict[int, int] = {}
        self._lock = Lock()

    def wait_s(self, session: int, now: datetime) -> int:
        """Count a request; 0, or the seconds until the next minute when the session has used up this one."""
        minute, second = divmod(int(now.timestamp()), 60)
        with self._lock:
            if minute != self._minute:
                self._minute, self._used = minute, {}
            used = self._used[session] = self._used.get(session, 0) + 1
        return 60 - second if used > self.most else 0
