"""A new index of everything, while the present one goes on answering and taking changes."""

import logging
import time
from collections.abc import Callable
from typing import Protocol

from search.engines import Writer
from search.kept import Kept
from search.reading import BATCH

__all__ = ["Changes", "renew"]

log = logging.getLogger(__name__)

Thing = tuple[str, str]


class Changes(Protocol):
    """What comes in meanwhile."""

    def __call__(self) -> None:
        """Take changes up into the present index, if it is time again."""

    def noted(self) -> set[Thing]:
        """The things taken up since the last call."""


def renew(
    index: Kept,
    changes: Changes,
    *,
    take_in: Callable[[Kept, Writer, set[Thing]], dict[Thing, Exception]],
    on_failure: Callable[[str, str, Exception], object],
) -> int:
    """Make a new index and put it in the place of the present one; how many documents. Call it within `exclusively`.

    Between the documents of the new index the waiting changes go into the present one, as if no rebuild were
    going on. What was changed is then read again and written into the new index too, before the swap; what comes
    after that look stays in the outbox and goes into the new one. Killed at any moment: the present index has all
    its changes, the beginning of a new one is cleared away by the next rebuild.
    """
    started = time.monotonic()
    number = 0
    with index.engine.renewal() as fresh:
        with fresh.writing(changes) as writer:
            for batch in index.everything(on_failure):
                for entry in batch:
                    writer.add(entry)
                    number += 1
                    changes()
                changes()
        while things := changes.noted():
            # A handful is written in no time; only with many must the present index be looked after meanwhile.
            look_after = changes if len(things) > BATCH else _nothing
            with fresh.writing(look_after) as writer:
                for thing, fault in take_in(index, writer, things).items():
                    on_failure(*thing, fault)
    log.info("Search index %r made of %d documents in %.1f s", index.name, number, time.monotonic() - started)
    return number


def _nothing() -> None:
    """Nobody is to be looked after."""
