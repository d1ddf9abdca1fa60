"""Turns: of all the sessions in which one member plays, which one counts when.

Turns are written in the order in which they are taken and never moved; only the end of the one that holds the
lease is still to come. They are part of the log: states are reckoned from beats, and what a beat may count (its
`wall_ms`, its `in_lease`) from the turns at the moment when it came.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from courses.archive.models import PlayLease
from courses.archive.tokens import Claims

__all__ = ["Turns", "turns_of"]


@dataclass
class Turns:
    """The turns of one session among those of all the member's sessions that overlap it."""

    mine: list[PlayLease]
    holds: bool
    slack: timedelta

    def wall_ms(self, now: datetime) -> int:
        """Server time for which the session had its turn until `now`."""
        spent = ((turn.until_at or max(now, turn.from_at)) - turn.from_at for turn in self.mine)
        return int(sum(spent, timedelta()).total_seconds() * 1000)

    def hold(self, moment: datetime) -> bool:
        """Whether `moment` lies in one of the session's turns."""
        return any(
            turn.from_at <= moment and (turn.until_at is None or moment <= turn.until_at + self.slack)
            for turn in self.mine
        )


def turns_of(claims: Claims, now: datetime, slack: timedelta, *, take: bool = False) -> Turns:
    """The session's turns; a session that beats for the first time is given one.

    The newest session wins: it takes the lease from the moment when the holder was last heard of.
    A session that is older than one which played already (a phone that comes back from offline)
    gets the time between its own start and the other's. With `take` it takes the lease from now on.
    """
    near = PlayLease.objects.filter(member_id=claims.member_id).filter(
        Q(session=claims.session) | Q(until_at=None) | Q(until_at__gt=claims.issued_at)
    )
    turns = list(near.order_by("from_at", "pk"))
    mine = [turn for turn in turns if turn.session == claims.session]
    others = [turn for turn in turns if turn.session != claims.session]
    holder = next((turn for turn in turns if turn.until_at is None), None)
    if holder is not None and holder.session == claims.session:
        return Turns(mine, holds=True, slack=slack)
    # A turn from the future: our own clock was set back, or history is written afterwards.
    ahead = [turn for turn in others if turn.from_at > now]
    newer = ahead or [turn for turn in others if turn.session > claims.session]
    if (take and not ahead) or (not mine and not newer):
        heard = max((turn.seen_at for turn in others), default=claims.issued_at)
        from_at = now if take and mine else max(claims.issued_at, heard)
        if holder is not None:
            holder.until_at = max(from_at, holder.from_at)
            holder.save(update_fields=["until_at"])
        mine.append(_turn(claims, from_at, seen_at=max(now, from_at), until_at=None))
        return Turns(mine, holds=True, slack=slack)
    if not mine:
        until_at = min(now, *(turn.from_at for turn in newer))
        before = [turn.until_at or turn.seen_at for turn in others if turn.from_at < until_at]
        from_at = min(max([claims.issued_at, *before]), until_at)
        mine.append(_turn(claims, from_at, seen_at=until_at, until_at=until_at))
    return Turns(mine, holds=False, slack=slack)


def _turn(claims: Claims, from_at: datetime, *, seen_at: datetime, until_at: datetime | None) -> PlayLease:
    return PlayLease.objects.create(
        member_id=claims.member_id,
        version_id=claims.version_id,
        session=claims.session,
        from_at=from_at,
        seen_at=seen_at,
        until_at=until_at,
    )
