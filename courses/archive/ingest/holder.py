"""What the short way knows of a play token: whose it is, and since when its session has held the lease."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from courses.archive import tokens
from courses.archive.batches import SentBeat, in_tenths, kept_age_ms
from courses.archive.errors import ArchiveError
from courses.archive.fields import EPOCH, MILLISECOND
from courses.archive.log import is_packed
from courses.archive.models import PlayLease
from courses.archive.playing import admit
from courses.archive.turns import is_sharing

__all__ = ["Holder", "LogRow", "look_up"]

LogRow = tuple[int, int, str, int, bytes, int, int, int, bool]
"""(member_id, version_id, session in hex, seq, packed body, received_ms, happened_ms, wall_ms, in_lease)."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A session that held its member's lease when it was looked up, in milliseconds since 1970.

    It has had one turn and shares none (turns.is_sharing); that the turn is still open, each commit looks up for itself.
    """

    member_id: int
    version_id: int
    session: str
    issued_ms: int
    expires_ms: int
    turn_id: int
    from_ms: int
    good_until_s: float
    """By time.monotonic(): from then on whether the member may study this lesson is looked up again."""

    def rows(self, sent: Sequence[SentBeat], sent_ms: int, now_ms: int) -> list[LogRow] | None:
        """The batch as rows of the log, judged as playing.record_beats does; None when Django is to answer it.

        That is: a beat from before its turn or from after the token's end, a number twice in one batch.
        """
        oldest_ms = now_ms - self.issued_ms
        kept_ms, latest_ms = in_tenths(now_ms), max(beat.clock_ms for beat in sent)
        wall_ms = max(kept_ms - self.from_ms, 0)
        rows: list[LogRow] = []
        for beat in sent:
            happened_ms = now_ms - max(0, min(sent_ms - beat.clock_ms, oldest_ms))
            if not self.from_ms <= happened_ms <= self.expires_ms:
                return None
            rows.append(
                (
                    self.member_id,
                    self.version_id,
                    self.session,
                    beat.seq,
                    beat.packed,
                    kept_ms,
                    kept_ms - kept_age_ms(beat.clock_ms, latest_ms, sent_ms, oldest_ms),
                    wall_ms,
                    True,
                )
            )
        if len(rows) > 1 and len({row[3] for row in rows}) < len(rows):
            return None
        return rows


def look_up(token: str, *, access_s: float, now: datetime | None = None) -> Holder | None:
    """The holder behind `token`; None when it does not hold the lease, or may not study. Five queries."""
    now = now or timezone.now()
    try:
        claims = tokens.read(token, now=now)
        member, version = admit(claims)
    except ArchiveError:
        return None
    if is_packed(member.pk, claims.session, now=now):
        return None
    turns = list(
        PlayLease.objects.filter(member_id=member.pk, session=claims.session).order_by("from_at", "pk")
    )
    if is_sharing(turns):
        return None
    return Holder(
        member_id=member.pk,
        version_id=version.pk,
        session=claims.session.hex,
        issued_ms=_ms(claims.issued_at),
        expires_ms=_ms(claims.expires_at),
        turn_id=turns[0].pk,
        from_ms=_ms(turns[0].from_at),
        good_until_s=time.monotonic() + access_s,
    )


def _ms(moment: datetime) -> int:
    return (moment - EPOCH) // MILLISECOND
