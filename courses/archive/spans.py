"""Reckoning of watched time: beats in, seconds that count out. Pure: no database, no clock, no settings.

One second of a lesson is one bit. The second i is watched when its middle was played, that is
when a <= i + 0.5 < b for a played interval [a, b): so intervals that touch neither lose a second
between them nor count one twice, however often the player cuts. Unions are ORs: doing one twice
changes nothing, and the order does not matter.

The rules of watching are those of domain.md §1.7 («防刷课»), as data in PlayRules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from decimal import ROUND_CEILING, Decimal
from itertools import pairwise
from typing import Any

__all__ = [
    "BEYOND_FRONTIER",
    "COUNTED",
    "GAP",
    "NEW_PART",
    "NOT_COUNTED",
    "NOT_PLAYED",
    "NOT_PRESENT",
    "NOT_VISIBLE",
    "OTHER_DEVICE",
    "OVER_CLOCK",
    "PLAY_ONCE",
    "SEEK_FORWARD",
    "TOO_FAST",
    "TOO_LATE",
    "UNWATCHED",
    "Beat",
    "Fold",
    "Piece",
    "PlayRules",
    "begin",
    "fold_beat",
    "missing",
    "needed_seconds",
    "pieces",
    "watched_seconds",
]

SEEK_FORWARD = "SEEK_FORWARD"
TOO_FAST = "TOO_FAST"
BEYOND_FRONTIER = "BEYOND_FRONTIER"
NOT_VISIBLE = "NOT_VISIBLE"
NOT_PRESENT = "NOT_PRESENT"
GAP = "GAP"
OVER_CLOCK = "OVER_CLOCK"
OTHER_DEVICE = "OTHER_DEVICE"
TOO_LATE = "TOO_LATE"
NOT_PLAYED = "NOT_PLAYED"
PLAY_ONCE = "PLAY_ONCE"
"""Enough is studied (the lesson was made shorter since); any beat completes it."""
NEW_PART = "NEW_PART"
"""Not refused: the version is new there, and the member has not been there yet (carrying.py)."""

COUNTED = "counted"
NOT_COUNTED = "not_counted"
UNWATCHED = "unwatched"

REFUSED_KEPT = 40
"""How many refused spans are remembered; the oldest go first. They explain, they never count."""


@dataclass(frozen=True)
class PlayRules:
    """The dated rules under which a lesson is watched, copied into the state at its first beat."""

    beat_s: int = 15
    tolerance_ms: int = 3000
    speed_cap: float = 1.0
    gap_ms: int = 30_000
    complete_at: str = "0.95"
    strict_seek: bool = True
    clock_slack_ms: int = 5000
    offline_max_s: int = 24 * 3600
    hidden_audio_counts: bool = True
    after_speed_cap: float = 2.0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> PlayRules:
        return cls(**kept)


@dataclass(frozen=True)
class Beat:
    """One beat: what was played since the one before, in milliseconds of the lesson.

    `clock_ms` is the phone's clock when the beat was made. `wall_ms` is server time for which the
    session had held the lease when the beat arrived; `late` that it came after the longest time
    offline; `in_lease` that no other device held the lease when it happened.
    """

    session: str
    seq: int
    intervals: tuple[tuple[int, int], ...]
    position_ms: int
    clock_ms: int
    rate: float = 1.0
    visible: bool = True
    idle: bool = False
    audio: bool = False
    confirmed: bool = False
    wall_ms: int = 10**15
    received_ms: int = 0
    in_lease: bool = True
    late: bool = False


@dataclass(frozen=True)
class Fold:
    """What has been reckoned so far, and where the next beat goes on from."""

    seconds: int
    needed_s: int
    kind: str = "LECTURE"
    watched: int = 0
    frontier_ms: int = 0
    position_ms: int = 0
    refused: tuple[tuple[int, int, str], ...] = ()
    session: str = ""
    seq: int = -1
    clock_ms: int = 0
    claimed_ms: int = 0
    """Lesson time that this session has counted so far, also for what was counted before."""
    latest_ms: int = 0
    completed_ms: int | None = None
    """Server time (ms since 1970) of the latest arrival among the beats that completed the lesson."""
    flags: tuple[str, ...] = field(default=(), compare=False)
    """What the last beat was told; for tests and for the player, never kept."""

    @property
    def watched_s(self) -> int:
        return self.watched.bit_count()

    @property
    def coverage(self) -> float:
        """Share of the lesson that counts, 0..1."""
        return self.watched_s / self.seconds if self.seconds else 0.0

    @property
    def completed(self) -> bool:
        return self.completed_ms is not None


def _first_middle(ms: int) -> int:
    """The first second whose middle lies at or after `ms`."""
    return max(0, -((500 - ms) // 1000))


def _mask(start_ms: int, end_ms: int, seconds: int) -> int:
    first, last = _first_middle(start_ms), min(_first_middle(end_ms), seconds)
    return ((1 << (last - first)) - 1) << first if last > first else 0


def watched_seconds(intervals: Iterable[tuple[int, int]], seconds: int) -> int:
    """The bitmap (as int, bit i = second i) of played intervals [a_ms, b_ms) in a lesson of `seconds`."""
    union = 0
    for start, end in intervals:
        union |= _mask(start, end, seconds)
    return union


def needed_seconds(seconds: int, complete_at: str) -> int:
    """Seconds that complete a lesson: threshold × length, rounded up (PB-J: 570 of 600 at 0.95)."""
    return int((Decimal(complete_at) * seconds).to_integral_value(rounding=ROUND_CEILING))


def begin(seconds: int, rules: PlayRules, *, kind: str = "LECTURE") -> Fold:
    """The state before the first beat of a lesson that lasts `seconds`."""
    return Fold(seconds=seconds, needed_s=needed_seconds(seconds, rules.complete_at), kind=kind)


def _judge(fold: Fold, beat: Beat, rules: PlayRules, claim_ms: int) -> tuple[str, ...]:
    """Why the whole beat does not count; empty when its intervals are to be looked at one by one."""
    if beat.late:
        return (TOO_LATE,)
    if not beat.in_lease:
        return (OTHER_DEVICE,)
    may_be_hidden = rules.hidden_audio_counts and (beat.audio or fold.kind == "AUDIO")
    if not beat.visible and not may_be_hidden:
        return (NOT_VISIBLE,)
    if beat.idle:
        return (NOT_PRESENT,)
    cap = rules.after_speed_cap if fold.completed else rules.speed_cap
    if beat.rate > cap + 1e-6:
        return (TOO_FAST,)
    if beat.confirmed and fold.kind == "READING":
        # «I have read it»: one claim for the whole text, which the server's clock alone bounds.
        return ()
    most_ms = rules.gap_ms * cap + rules.tolerance_ms
    if beat.session == fold.session:
        elapsed_ms = beat.clock_ms - fold.clock_ms
        if elapsed_ms < 0:
            # The phone's clock was set back: one beat's length is granted, the server's clock still bounds.
            elapsed_ms = rules.beat_s * 1000
        if claim_ms > elapsed_ms * cap + rules.tolerance_ms:
            return (SEEK_FORWARD,)
    if claim_ms > most_ms:
        beyond = beat.position_ms > fold.frontier_ms + rules.tolerance_ms
        return (GAP, BEYOND_FRONTIER) if beyond and rules.strict_seek else (GAP,)
    return ()


def _refuse(
    refused: tuple[tuple[int, int, str], ...], start_ms: int, end_ms: int, seconds: int, reason: str
) -> tuple[tuple[int, int, str], ...]:
    start, end = _first_middle(start_ms), min(_first_middle(end_ms), seconds)
    if start >= end:
        return refused
    if refused:
        last_start, last_end, last_reason = refused[-1]
        if last_reason == reason and start <= last_end and end >= last_start:
            joined = (min(start, last_start), max(end, last_end), reason)
            return (*refused[:-1], joined)
    return (*refused, (start, end, reason))[-REFUSED_KEPT:]


def fold_beat(fold: Fold, beat: Beat, rules: PlayRules) -> Fold:
    """Reckon one beat onto `fold`. Beats come in the order of study, (session, seq); older ones are REPLAYs.

    Nothing is ever taken away: a beat adds seconds, or adds a reason why its seconds do not count.
    """
    if (beat.session, beat.seq) <= (fold.session, fold.seq):
        return replace(fold, flags=("REPLAY",))
    claim_ms = sum(end - start for start, end in beat.intervals)
    flags = list(_judge(fold, beat, rules, claim_ms))
    whole_beat_refused = bool(flags)
    claimed_ms = fold.claimed_ms if beat.session == fold.session else 0
    cap = rules.after_speed_cap if fold.completed else rules.speed_cap
    bound_ms = beat.wall_ms * cap + rules.clock_slack_ms
    watched, frontier_ms, refused = fold.watched, fold.frontier_ms, fold.refused
    for start_ms, end_ms in beat.intervals:
        reason = flags[0] if whole_beat_refused else ""
        free = fold.completed or not rules.strict_seek
        if not reason and not free and start_ms > frontier_ms + rules.tolerance_ms:
            reason = BEYOND_FRONTIER
        if not reason and claimed_ms + (end_ms - start_ms) > bound_ms:
            reason = OVER_CLOCK
        if reason:
            if reason not in flags:
                flags.append(reason)
            if not fold.completed:
                refused = _refuse(refused, start_ms, end_ms, fold.seconds, reason)
            continue
        claimed_ms += end_ms - start_ms
        watched |= _mask(start_ms, end_ms, fold.seconds)
        frontier_ms = max(frontier_ms, min(end_ms, fold.seconds * 1000))
    latest_ms = max(fold.latest_ms, beat.received_ms)
    completed_ms = fold.completed_ms
    if completed_ms is None and fold.seconds and watched.bit_count() >= fold.needed_s:
        completed_ms = latest_ms
    return replace(
        fold,
        watched=watched,
        frontier_ms=frontier_ms,
        position_ms=max(0, min(beat.position_ms, fold.seconds * 1000)),
        refused=refused,
        session=beat.session,
        seq=beat.seq,
        clock_ms=beat.clock_ms,
        claimed_ms=claimed_ms,
        latest_ms=latest_ms,
        completed_ms=completed_ms,
        flags=tuple(flags),
    )


@dataclass(frozen=True)
class Piece:
    """A stretch [start_s, end_s) of a lesson of which the same is true: COUNTED, NOT_COUNTED or UNWATCHED.

    `reason` says why it does not count: NOT_PLAYED, or what its beat was told; "" when it counts.
    """

    start_s: int
    end_s: int
    kind: str
    reason: str = ""


def _runs(bits: int) -> Iterable[tuple[int, int]]:
    at = 0
    while bits:
        skipped = (bits & -bits).bit_length() - 1
        bits >>= skipped
        length = (~bits & (bits + 1)).bit_length() - 1
        bits >>= length
        yield at + skipped, at + skipped + length
        at += skipped + length


def _unwatched(start: int, end: int, refused: Sequence[tuple[int, int, str]]) -> Iterable[Piece]:
    inside = [one for one in refused if one[0] < end and one[1] > start]
    cuts = sorted({start, end} | {cut for one in inside for cut in (one[0], one[1]) if start < cut < end})
    for a, b in pairwise(cuts):
        told = next((reason for s, e, reason in reversed(inside) if s <= a and e >= b), NOT_PLAYED)
        yield Piece(a, b, UNWATCHED if told in (NOT_PLAYED, NEW_PART) else NOT_COUNTED, told)


def pieces(watched: int, seconds: int, refused: Sequence[tuple[int, int, str]] = ()) -> list[Piece]:
    """The whole lesson from 0 to `seconds` cut into pieces, in order, without holes or overlaps.

    Where several beats were refused, the latest says the reason.
    """
    found: list[Piece] = []
    at = 0
    for start, end in [*_runs(watched & ((1 << seconds) - 1)), (seconds, seconds)]:
        if at < start:
            for piece in _unwatched(at, start, refused):
                before = found[-1] if found else None
                if before and before.end_s == piece.start_s and before.reason == piece.reason:
                    found[-1] = replace(before, end_s=piece.end_s)
                else:
                    found.append(piece)
        if start < end:
            found.append(Piece(start, end, COUNTED))
        at = end
    return found


PLAY_ONCE_S = 15


def missing(cut: Sequence[Piece], needed_s: int, seconds: int) -> list[Piece]:
    """What keeps a lesson that is not completed from being so, out of its `pieces`; never empty.

    Where seconds enough are studied already, it is the end that is to be played once more.
    """
    found = [piece for piece in cut if piece.kind != COUNTED]
    studied_s = seconds - sum(piece.end_s - piece.start_s for piece in found)
    if found and studied_s < needed_s:
        return found
    return [Piece(max(0, seconds - PLAY_ONCE_S), seconds, UNWATCHED, PLAY_ONCE)]
