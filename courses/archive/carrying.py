"""What of the study of one version of a lesson holds for the next. Pure: folds in, the fold to begin with out.

The editor decides it with the new version (catalogue.changes.Carry). What carries over are seconds that
were studied, or a completion; never hours (those are in the ledger, once a year whatever the version).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from courses.archive import spans
from courses.archive.spans import Fold, PlayRules, needed_seconds

__all__ = ["Follows", "begin_after", "seconds_to_credit"]

INSERTED_TOLERANCE_S = 2
"""A lecture is cut to the frame, not to the second."""


@dataclass(frozen=True)
class Follows:
    """A new version as it follows the one before: its length, its kind, and what the editor said.

    `carry`: KEEP, NEW_PART or AGAIN. `new_parts`: stretches (from_s, to_s) of the new version that were not
    in the old one, in order, apart, within its length; only for NEW_PART.
    """

    seconds: int
    kind: str
    carry: str
    new_parts: tuple[tuple[int, int], ...] = ()

    @property
    def new_s(self) -> int:
        return sum(end - start for start, end in self.new_parts) if self.carry == "NEW_PART" else 0


def _same_axis(one: str, other: str) -> bool:
    """A text is studied by the time spent with it, everything else on its timeline; a panorama is a lecture."""
    return (one == "READING") == (other == "READING")


def _bits(start: int, end: int) -> int:
    return ((1 << (end - start)) - 1) << start if end > start else 0


def _stretches_kept(follows: Follows) -> list[tuple[int, int]]:
    """What lies before, between and after the new parts; the first and the last may be empty."""
    cuts = [0, *(second for part in follows.new_parts for second in part), follows.seconds]
    return list(zip(cuts[::2], cuts[1::2], strict=True))


def _shifts(follows: Follows, before_s: int) -> list[int | None]:
    """By how much later each kept stretch lies than it lay in the old version; None where nobody can know.

    What is before the first new part has not moved, what is after the last is as far from the end as
    before. Between them it is known when the new parts were put in (the length grew by just them) or put
    in the place of others as long.
    """
    grown = follows.seconds - before_s
    inserted = abs(grown - follows.new_s) <= INSERTED_TOLERANCE_S
    shifts: list[int | None] = [0]
    so_far = 0
    for start, end in follows.new_parts[:-1]:
        so_far += end - start
        shifts.append(so_far if inserted else 0 if grown == 0 else None)
    if follows.new_parts:
        shifts.append(grown)
    return shifts


def _carried(before: Fold, follows: Follows) -> int:
    """Seconds of the new version that were studied in the old one; each old second stands for one at most."""
    if not _same_axis(before.kind, follows.kind):
        return 0
    watched = before.watched & _bits(0, before.seconds)
    if follows.kind == "READING":
        # Time spent is time spent: the new words are paid for at the end of the axis.
        return watched & _bits(0, follows.seconds - follows.new_s)
    if not follows.new_parts:
        return watched & _bits(0, follows.seconds)
    found = 0
    used = 0
    for (start, end), shift in zip(_stretches_kept(follows), _shifts(follows, before.seconds), strict=True):
        if shift is None:
            continue
        source = watched & _bits(max(start - shift, used), max(end - shift, used))
        found |= source << shift if shift >= 0 else source >> -shift
        used = max(used, end - shift)
    return found


def begin_after(before: Fold | None, follows: Follows, rules: PlayRules) -> Fold:
    """The state before the first beat of a version, of a member who stood at `before` in the one before it.

    AGAIN, or nothing studied before: from zero. KEEP: a completion stays one, seconds stay seconds on the
    same timeline. NEW_PART: whoever had completed has all but the new parts, and needs the usual share of
    these; whoever had not goes on with what she had, where it lies now. A lesson that is not completed yet
    never becomes so here: completing is something that a member does, with her next beat.
    """
    fresh = spans.begin(follows.seconds, rules, kind=follows.kind)
    if before is None or follows.carry == "AGAIN":
        return fresh
    if before.completed and not follows.new_s:
        watched = _carried(before, replace(follows, new_parts=()))
        return replace(
            fresh,
            watched=watched,
            frontier_ms=watched.bit_length() * 1000,
            position_ms=min(before.position_ms, follows.seconds * 1000),
            completed_ms=before.completed_ms,
        )
    asked = tuple((start, end, spans.NEW_PART) for start, end in follows.new_parts) if follows.new_s else ()
    if before.completed:
        watched = _bits(0, follows.seconds)
        for start, end in follows.new_parts:
            watched &= ~_bits(start, end)
        needed_s = watched.bit_count() + needed_seconds(follows.new_s, rules.complete_at)
        return replace(
            fresh,
            needed_s=needed_s,
            watched=watched,
            # Whatever is new may be studied at once, and in any order.
            frontier_ms=watched.bit_length() * 1000,
            position_ms=follows.new_parts[0][0] * 1000,
            refused=asked,
        )
    watched = _carried(before, follows if follows.new_s else replace(follows, new_parts=()))
    reached_s = watched.bit_length()
    position_ms = min(before.position_ms, reached_s * 1000)
    if follows.new_s and position_ms > follows.new_parts[0][0] * 1000:
        position_ms = follows.new_parts[0][0] * 1000
    return replace(
        fresh, watched=watched, frontier_ms=reached_s * 1000, position_ms=position_ms, refused=asked
    )


def seconds_to_credit(chain: Sequence[Follows], completed: Sequence[bool]) -> int:
    """For how many seconds completing the last version of `chain` brings hours.

    `completed[i]`: whether the member had completed version i. All of its length, unless a version that
    carries over to it was completed: that one brought hours for the rest, so it is the new parts since.
    Within a calendar year nothing is credited twice anyway (domain.md §1.3, SH10).
    """
    credited = 0
    for place in range(len(chain) - 1, 0, -1):
        if chain[place].carry == "AGAIN":
            break
        credited += chain[place].new_s
        if completed[place - 1]:
            return min(credited, chain[-1].seconds)
    return chain[-1].seconds
