"""The fold of a whole stretch of the log at once. Pure; spans.fold_beat says what is right, this only says it faster.

Nearly all beats are alike: in order, played at normal speed on a visible page, going on beyond all that was
studied, within what the clocks allow. Those are reckoned in one loop without an object a beat (a tenth of a
microsecond each step counts here); the first beat that is in any way different goes to `spans.fold_beat`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from courses.archive.packing import USUAL, USUAL_TAG, unpack
from courses.archive.spans import Beat, Fold, PlayRules, fold_beat

__all__ = ["KeptBeat", "as_beat", "fold_session"]

KeptBeat = tuple[int, bytes, int, int, int, bool]
"""(seq, packed body, wall_ms, received_ms, happened_ms, in_lease) of one session."""


def as_beat(session: str, kept: KeptBeat, rules: PlayRules) -> Beat:
    """The beat for spans.fold_beat."""
    seq, packed, wall_ms, received_ms, happened_ms, in_lease = kept
    body = unpack(packed)
    return Beat(
        session=session,
        seq=seq,
        intervals=tuple((start, end) for start, end in body["intervals"]),
        position_ms=body["position_ms"],
        clock_ms=body["clock_ms"],
        rate=body["rate"],
        visible=body["visible"],
        idle="idle" in body["flags"],
        audio="audio" in body["flags"],
        confirmed="confirmed" in body["flags"],
        wall_ms=wall_ms,
        received_ms=received_ms,
        in_lease=in_lease,
        late=received_ms - happened_ms > rules.offline_max_s * 1000,
    )


def fold_session(fold: Fold, session: str, rows: Sequence[KeptBeat], rules: PlayRules) -> Fold:
    """Reckon the beats of one session, in the order of their numbers, onto `fold`; flags are not told.

    The same as `fold_beat` on each of them in turn.
    """
    at = 0
    while at < len(rows):
        at, fold = _usual_ones(fold, session, rows, at, rules)
        if at < len(rows):
            fold = fold_beat(fold, as_beat(session, rows[at], rules), rules)
            at += 1
    return replace(fold, flags=()) if fold.flags else fold


def _usual_ones(
    fold: Fold, session: str, rows: Sequence[KeptBeat], at: int, rules: PlayRules
) -> tuple[int, Fold]:
    """Fold on from rows[at] while beats are usual; the place of the first that isn't, and the fold before it."""
    cap = rules.speed_cap
    if fold.session != session or fold.completed or cap + 1e-6 < 1:
        return at, fold
    begun = at
    unpacked, size, tag = USUAL.unpack, USUAL.size, USUAL_TAG
    tolerance_ms, slack_ms, late_ms = rules.tolerance_ms, rules.clock_slack_ms, rules.offline_max_s * 1000
    most_ms = rules.gap_ms * cap + tolerance_ms
    # Anywhere may be gone on from where seeking is free: no beat lies beyond that.
    ahead_ms = tolerance_ms if rules.strict_seek else 10**15
    seconds, needed_s = fold.seconds, fold.needed_s
    last_ms = seconds * 1000
    watched, count = fold.watched, fold.watched_s
    run_from = run_to = watched.bit_length()
    frontier_ms, position_ms, claimed_ms = fold.frontier_ms, fold.position_ms, fold.claimed_ms
    seq, clock_ms, latest_ms, completed_ms = fold.seq, fold.clock_ms, fold.latest_ms, None
    for at in range(at, len(rows)):  # noqa: B020  (goes on from where it was)
        number, packed, wall_ms, received_ms, happened_ms, in_lease = rows[at]
        if len(packed) != size:
            break
        its_tag, start_ms, end_ms, clock = unpacked(packed)
        claim_ms = end_ms - start_ms
        elapsed_ms = clock - clock_ms
        first, to = (start_ms + 499) // 1000, (end_ms + 499) // 1000
        if to > seconds:
            to = seconds
        if (
            its_tag != tag
            or number <= seq
            or not in_lease
            or received_ms - happened_ms > late_ms
            or elapsed_ms < 0
            or claim_ms > elapsed_ms * cap + tolerance_ms
            or claim_ms > most_ms
            or start_ms > frontier_ms + ahead_ms
            or claimed_ms + claim_ms > wall_ms * cap + slack_ms
            or first < run_to
        ):
            break
        if to > first:
            if first != run_to:
                watched |= ((1 << (run_to - run_from)) - 1) << run_from
                run_from = first
            run_to = to
            count += to - first
        claimed_ms += claim_ms
        position_ms = end_ms if end_ms < last_ms else last_ms
        if position_ms > frontier_ms:
            frontier_ms = position_ms
        seq, clock_ms = number, clock
        if received_ms > latest_ms:
            latest_ms = received_ms
        if count >= needed_s and seconds:
            completed_ms = latest_ms
            at += 1
            break
    else:
        at = len(rows)
    if at == begun:
        return at, fold
    watched |= ((1 << (run_to - run_from)) - 1) << run_from
    return at, replace(
        fold,
        watched=watched,
        frontier_ms=frontier_ms,
        position_ms=position_ms,
        seq=seq,
        clock_ms=clock_ms,
        claimed_ms=claimed_ms,
        latest_ms=latest_ms,
        completed_ms=completed_ms,
        flags=(),
    )
