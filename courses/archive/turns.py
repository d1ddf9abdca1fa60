"""Turns: of all the sessions in which one member plays, which one counts when.

Turns of one member never overlap. They are part of the log: states are reckoned from beats, and what a beat may count
(its `wall_ms`, its `in_lease`) from the turns at the moment when it came.

Of two devices that were offline one after the other, either may hand in first. The one that is heard of second gets what
the other held and did not play (sharing.py). Who has lost time in that way, or never held the lease, is *sharing*: from
then on playing.py counts what all its beats took and keeps it below the length of its turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

from django.db.models import Q

from courses.archive import sharing
from courses.archive.errors import PackDamaged
from courses.archive.fields import EPOCH, MILLISECOND
from courses.archive.log import session_beats
from courses.archive.models import PlayLease
from courses.archive.sharing import Played, Span
from courses.archive.tokens import Claims

__all__ = ["Turns", "is_sharing", "played_by", "turns_of"]


def is_sharing(mine: Sequence[PlayLease]) -> bool:
    """Whether a session with these turns has anything but one turn that is still its own. Then the server's time until
    a beat came says too much: part of it may have become another session's."""
    return [turn.until_at for turn in mine] != [None]


@dataclass
class Turns:
    """The turns of one session among those of all the member's sessions that overlap it."""

    mine: list[PlayLease]
    holds: bool
    slack: timedelta

    def wall_ms(self, now: datetime) -> int:
        """Server time for which the session had its turn until `now`."""
        spent = ((turn.until_at or max(now, turn.from_at)) - turn.from_at for turn in self.mine)
        return int(_sum(spent).total_seconds() * 1000)

    def hold(self, moment: datetime) -> bool:
        """Whether `moment` lies in one of the session's turns."""
        return any(
            turn.from_at <= moment and (turn.until_at is None or moment <= turn.until_at + self.slack)
            for turn in self.mine
        )


def turns_of(
    claims: Claims, now: datetime, slack: timedelta, *, played: Sequence[Played] = (), take: bool = False
) -> Turns:
    """The session's turns, after what is given to it for beats that were `played`.

    The newest session wins: with its first beat it takes the lease, from when the holder last played. An older one (a
    phone that comes back from offline) gets what nobody has, and what a newer one had without playing before it was
    heard of. With `take` it takes the lease from now on. The caller has folded what waits of this member.
    """
    near = PlayLease.objects.filter(member_id=claims.member_id).filter(
        Q(session=claims.session) | Q(until_at=None) | Q(until_at__gt=claims.issued_at)
    )
    turns = list(near.order_by("from_at", "pk"))
    mine = [turn for turn in turns if turn.session == claims.session]
    others = [turn for turn in turns if turn.session != claims.session]
    holder = next((turn for turn in turns if turn.until_at is None), None)
    line = _Line(claims, now, slack, others)
    found = Turns(mine, holds=holder is not None and holder.session == claims.session, slack=slack)
    # A turn from the future: our own clock was set back, or history is written afterwards.
    ahead = [turn for turn in others if turn.from_at > now]
    newer = ahead or [turn for turn in others if turn.session > claims.session]
    first = not mine and not newer
    if not found.holds and ((take and not ahead) or first):
        from_at = now if take and mine else line.free_from()
        if holder is not None:
            holder.until_at = max(from_at, holder.from_at)
            holder.save(update_fields=["until_at"])
        mine.append(line.give((from_at, None), seen_at=max(now, from_at)))
        found.holds = True
    elif not found.holds and take and not mine:  # history that is written afterwards, before what is there
        mine += line.unowned(None, mine)
    if missed := _outside(mine, slack, played):
        given = line.unowned(missed, mine)
        left = _outside([*mine, *given], slack, missed)
        room = sharing.length(_span(turn, now) for turn in given)
        short = not left and _sum(beat.took for beat in missed) > room + slack
        if left or short:
            given += line.cut(left or missed, short=short, anything=first)
        if given and found.holds:
            _renumber(mine)
        mine += given
        mine.sort(key=lambda turn: turn.from_at)
    return found


def _outside(mine: list[PlayLease], slack: timedelta, played: Iterable[Played]) -> list[Played]:
    """What was played in none of these turns: whole beats that do not count, and parts of others, for which the turns would
    be too short."""
    turns = Turns(mine, False, slack)
    found = []
    for beat in played:
        if turns.hold(beat.ended_at):
            own = [_span(turn, beat.ended_at) for turn in mine]
            found += [
                replace(beat, began_at=since, ended_at=until, took=until - since)
                for since, until in sharing.gaps(own, beat.began_at, beat.ended_at)
            ]
        else:
            found.append(beat)
    return found


def _sum(times: Iterable[timedelta]) -> timedelta:
    return sum(times, timedelta())


def _renumber(mine: list[PlayLease]) -> None:
    """The open turn under a new number: the short way, which knows the old one, asks again, and leaves it to Django."""
    turn = next(turn for turn in mine if turn.until_at is None)
    PlayLease.objects.filter(pk=turn.pk).delete()
    turn.pk = None
    turn.save(force_insert=True)


def _span(turn: PlayLease, end: datetime) -> Span:
    return turn.from_at, max(turn.from_at, turn.until_at or end)


class _Line:
    """The time since a session was opened, and what others have of it."""

    def __init__(self, claims: Claims, now: datetime, slack: timedelta, others: list[PlayLease]) -> None:
        self._claims, self._now, self._slack, self._others = claims, now, slack, others
        self._heard: dict[UUID, _Heard] = {}

    def free_from(self) -> datetime:
        """From when on the session may hold the lease: since when nobody else has had it, or played."""
        from_at = self._claims.issued_at
        for turn in self._others:
            end = turn.until_at or turn.seen_at
            if turn.until_at is None and end > from_at:
                end = self._of(turn).last_played(turn, after=from_at)
            from_at = max(from_at, end)
        return from_at

    def unowned(self, missed: Sequence[Played] | None, mine: Sequence[PlayLease]) -> list[PlayLease]:
        """Turns in time that nobody has, where beats were played; in all of it for None."""
        taken = [_span(turn, self._now) for turn in [*self._others, *mine]]
        free = sharing.gaps(taken, self._claims.issued_at, self._now)
        return [self.give(gap) for gap in free if missed is None or sharing.touched(gap, missed, self._slack)]

    def cut(self, missed: Sequence[Played], *, short: bool, anything: bool) -> list[PlayLease]:
        """Turns out of other sessions' turns, where beats were played and those did not play; where time is `short`, all
        around such beats (a phone whose clock was put forward cannot tell when it was).

        Not from when they were heard of on, unless `anything` is to be had: who comes back later knows, or may ask.
        """
        heard = {turn.session: self._of(turn) for turn in self._others}
        if not all(one.readable for one in heard.values()):
            return []
        played = [(beat.began_at, beat.ended_at) for one in heard.values() for beat in one.beats]
        idle = sharing.gaps(played, self._claims.issued_at, self._now)
        given = []
        for turn in list(self._others):
            its = heard[turn.session]
            start, end = _span(turn, self._now)
            end = end if anything else min(end, its.known_at(turn))
            for gap in reversed(idle):  # the piece before a cut stays `turn`
                cell = sharing.overlap(gap, (start, end))
                asked = (gap[0], min(gap[1], end)) if short else cell
                if not cell or not asked or not sharing.touched(asked, missed, self._slack):
                    continue
                needed = sharing.hull(cell, missed)
                if cell[1] == gap[1] < end:  # there the other began again, as far as clocks tell
                    until = cell[1] - min(self._slack, (cell[1] - cell[0]) / 2)
                    cell = cell[0], max(until, needed[1]) if needed else until
                for part in (cell, needed):
                    if part and its.can_spare(turn, part):
                        its.lose(turn, part)
                        given.append(self.give(part))
                        break
        return given

    def give(self, span: tuple[datetime, datetime | None], *, seen_at: datetime | None = None) -> PlayLease:
        from_at, until_at = span
        return PlayLease.objects.create(
            member_id=self._claims.member_id,
            version_id=self._claims.version_id,
            session=self._claims.session,
            from_at=from_at,
            seen_at=seen_at or until_at or from_at,
            until_at=until_at,
        )

    def _of(self, turn: PlayLease) -> _Heard:
        if turn.session not in self._heard:
            same = {one.pk: one for one in self._others if one.session == turn.session}
            self._heard[turn.session] = _Heard(turn, same, self._slack)
        return self._heard[turn.session]


class _Heard:
    """What the log says of another session of the member: when it played, and its turns, all of them."""

    def __init__(self, turn: PlayLease, known: dict[int, PlayLease], slack: timedelta) -> None:
        self._member_id, self._session, self._known, self._slack = (
            turn.member_id,
            turn.session,
            known,
            slack,
        )

    @cached_property
    def _beats(self) -> list[Played] | None:
        return played_by(self._member_id, self._session)

    @cached_property
    def _turns(self) -> list[PlayLease]:
        mine = PlayLease.objects.filter(member_id=self._member_id, session=self._session)
        return [self._known.get(turn.pk, turn) for turn in mine]

    @property
    def readable(self) -> bool:
        """Whether the log tells when it played."""
        return self._beats is not None

    @property
    def beats(self) -> list[Played]:
        return self._beats or []

    def last_played(self, turn: PlayLease, *, after: datetime) -> datetime:
        """The end of what was played in its open turn, or of the turn when the log does not tell, or tells of more than
        the turn would have place for if it ended then or at `after`."""
        end = max([turn.from_at, *(beat.ended_at for beat in self.beats)])
        spare = (max(end, after), turn.seen_at)
        if self.readable and (spare[0] >= spare[1] or self.can_spare(turn, spare)):
            return end
        return turn.seen_at

    def known_at(self, turn: PlayLease) -> datetime:
        """When the school heard that it had this turn."""
        return min(
            (beat.heard_at for beat in self.beats if beat.heard_at >= turn.from_at), default=turn.seen_at
        )

    def can_spare(self, turn: PlayLease, cell: Span) -> bool:
        """Whether all that it played has its time in its turns without `cell` of this one."""
        left = sharing.length(_span(one, one.seen_at) for one in self._turns)
        lost = sharing.overlap(cell, _span(turn, turn.seen_at))
        spent = _sum(beat.took for beat in self.beats)
        return spent <= left - (sharing.length([lost]) if lost else timedelta()) + self._slack

    def lose(self, turn: PlayLease, cell: Span) -> None:
        """The piece before `cell` stays, even when nothing is left of it; the piece after it is a turn of its own."""
        until_at = turn.until_at
        turn.until_at = cell[0]
        turn.save(update_fields=["until_at"])
        if until_at is None or cell[1] < until_at:
            rest = PlayLease.objects.create(
                member_id=turn.member_id,
                version_id=turn.version_id,
                session=turn.session,
                from_at=cell[1],
                seen_at=max(turn.seen_at, cell[1]),
                until_at=until_at,
            )
            self._turns.append(rest)


def played_by(member_id: int, session: UUID) -> list[Played] | None:
    """When the beats of a session that may count were played; None when its log cannot be read."""
    try:
        rows = session_beats(member_id, session)
        return [
            _played(happened_ms, received_ms, sharing.took(bytes(body)))
            for _seq, body, wall_ms, received_ms, happened_ms, in_lease in rows
            if in_lease and wall_ms >= 0
        ]
    except (ValueError, PackDamaged):
        return None


def _played(happened_ms: int, received_ms: int, took: timedelta) -> Played:
    ended_at = EPOCH + happened_ms * MILLISECOND
    return Played(ended_at - took, ended_at, EPOCH + received_ms * MILLISECOND, took)
