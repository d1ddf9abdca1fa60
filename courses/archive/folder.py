"""The folder: a process that keeps every member's progress up to the log, some tenths of a second behind it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections
from django.utils import timezone

from courses.archive.folding import all_waiting, fold_members, waiting_between, waiting_members
from courses.archive.models import LearningArchive

__all__ = ["PAUSE_S", "Folder", "fold_everything"]

log = logging.getLogger(__name__)

PAUSE_S = 0.3
AT_ONCE = 20_000
MEMBERS_AT_ONCE = 100
"""As many are locked in one transaction: more are quicker, and keep others waiting for longer."""
AGAIN_S = 60


LOOK_BACK_S = 2.0
"""How often it looks again at what it has looked at since the look before: numbers are drawn before they are
committed (log_order.py), so that of two members the lower number may come to light after the higher."""
LOOK_AT_ALL_S = 1800
"""How often it looks at each archive: whatever a look back missed waits no longer. (A look at a page of hers does not
wait at all; and each look reads what every member sent since her last month was packed.)"""


class Folder:
    """Remembers only how far it looked; begun anew, and every few minutes, it looks at each archive."""

    def __init__(self) -> None:
        self._seen: int | None = None
        self._looked = (0, 0)
        """How far it had looked at the last look back, and at the one before that."""
        self._look_back_at = time.monotonic() + LOOK_BACK_S
        self._look_at_all_at = 0.0
        self._may_rest = True
        """False after a round that did not come to the end of the log, or folded many."""
        self._stuck: dict[int, float] = {}
        """Members whose fold failed, and when to try again: one broken record stops nobody else's."""

    def round(self) -> int:
        """Fold what waits now; for how many members."""
        now = time.monotonic()
        at_end = True
        if self._seen is None or now >= self._look_at_all_at:
            members, last = all_waiting()
            self._look_at_all_at = now + LOOK_AT_ALL_S
            self._looked = (max(0, last - AT_ONCE), last)
        elif now >= self._look_back_at and self._seen > self._looked[0]:
            members = waiting_between(self._looked[0], self._seen)
            self._looked, self._look_back_at = (self._looked[1], self._seen), now + LOOK_BACK_S
            last = self._seen
        else:
            members, last = waiting_members(self._seen, most=AT_ONCE)
            at_end = last - self._seen < AT_ONCE
        due = [member_id for member_id, again in self._stuck.items() if again <= now]
        members = sorted({*members, *due} - (self._stuck.keys() - set(due)))
        for start in range(0, len(members), MEMBERS_AT_ONCE):
            self._fold(members[start : start + MEMBERS_AT_ONCE])
        self._may_rest = at_end and len(members) <= MEMBERS_AT_ONCE
        self._seen = last
        return len(members)

    def _fold(self, members: list[int]) -> None:
        try:
            fold_members(members)
        except (OperationalError, InterfaceError):
            raise  # the database is away, whoever the members are
        except Exception:  # also what the database said to one member's row: too long, a constraint
            if len(members) > 1:
                for member_id in members:
                    self._fold([member_id])
                return
            log.exception("the beats of member %d cannot be folded; again in %d s", members[0], AGAIN_S)
            if members[0] not in self._stuck:  # for those who run the school (behind.py)
                LearningArchive.objects.filter(member_id=members[0]).update(stuck_at=timezone.now())
            self._stuck[members[0]] = time.monotonic() + AGAIN_S
        else:
            for member_id in members:
                self._stuck.pop(member_id, None)

    def run(self, stopped: Callable[[float], bool]) -> None:
        """Fold until `stopped(seconds)`, which waits that long, says True."""
        wait_s = 0.0
        while not stopped(wait_s):
            try:
                self.round()
                wait_s = PAUSE_S if self._may_rest else 0.0
            except (
                DatabaseError,
                InterfaceError,
            ) as failed:  # of members, only what is no member's fault comes here
                log.warning("the database does not fold: %s", failed)
                wait_s = 5 * PAUSE_S
            finally:
                close_old_connections()


def fold_everything() -> int:
    """Fold whatever waits at this moment, of everybody; of how many members something waited."""
    return Folder().round()
