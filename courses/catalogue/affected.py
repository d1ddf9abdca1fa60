"""How many members a changed lesson concerns. The archive knows; it stands a storey higher and says so here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Affected", "affected_by", "counted_by"]


@dataclass(frozen=True)
class Affected:
    """Members who completed the lesson as it is now, and members in the middle of it: counts, no names."""

    completed: int = 0
    in_progress: int = 0

    @property
    def anybody(self) -> bool:
        return bool(self.completed or self.in_progress)


_counters: list[Callable[[Any], Affected]] = []


def counted_by(count: Callable[[Any], Affected]) -> None:
    """Let `count(lesson)` answer `affected_by`; called once, by the room that keeps who studied what."""
    _counters[:] = [count]


def affected_by(lesson: Any) -> Affected:
    """Whom a new version of `lesson` concerns; nobody, as long as nothing keeps who studied it."""
    return _counters[0](lesson) if _counters else Affected()
