"""One member's month of the log in few bytes, and back, every row as it was. Pure.

A pack is

    format u8 | crc32 of the rest u32 | number of versions, then each version's number (LEB128) | stretches (coder.py)

A stretch is what one session says of one lesson version: its beats in the order of their numbers, and its turns. What
is written of a beat is how it differs from what the beats before it let expect: it goes on where the last one ended,
lasts as long as is usual in this month, the phone's clock went on by as much, the batch came as late as the others.
Of a usual beat that is some ten bits, most of them the chance in its length. Anything else is written out and dearer;
there is nothing that cannot be written. Not kept is `Beat.id`, the order of arrival: a packed beat is folded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median_low
from struct import Struct
from struct import error as StructError
from typing import Any
from uuid import UUID
from zlib import crc32

from courses.archive.leb128 import in_bytes
from courses.archive.packing import OTHER, OTHER_TAG, PAIR, USUAL, USUAL_TAG
from courses.archive.packs.coder import Kind, Reader, Writer
from courses.archive.quick_fold import KeptBeat

__all__ = ["Damaged", "Stretch", "Turn", "decode", "encode", "started_ms", "turns_in", "versions_in"]

FORMAT = 1
_HEAD = Struct("<BI")
_RANDOM = 80
"""Digits of a session's number that follow its start (RFC 9562 §5.7)."""
_TENTH = 100
_USUAL_MANNER = (1, 1000, 1)
"""(bits, rate in thousandths, number of intervals) of the usual beat."""


class Damaged(ValueError):
    """These bytes are not what `encode` made."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn (PlayLease) that is over, in microseconds since 1970."""

    from_us: int
    seen_us: int
    until_us: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one session says of one version: `beats` in the order of their numbers, `turns` in theirs."""

    session: UUID
    version_id: int
    beats: tuple[KeptBeat, ...] = ()
    turns: tuple[Turn, ...] = ()


def started_ms(session: UUID) -> int:
    """When a session began, in milliseconds since 1970, by its number (tokens.new_session)."""
    return session.int >> _RANDOM


def encode(stretches: Iterable[Stretch]) -> bytes:
    """The pack of these stretches, which are told apart by (session, version); beats of each by their number."""
    ordered = sorted(stretches, key=_place)
    versions = sorted({one.version_id for one in ordered})
    writer = Writer()
    _Format(writer).pack(ordered, versions, beats=True)
    rest = in_bytes([len(versions), *versions]) + writer.done()
    return _HEAD.pack(FORMAT, crc32(rest)) + rest


def decode(pack: bytes) -> list[Stretch]:
    """The stretches in `pack`, by session, then version. Raises Damaged."""
    return _decode(pack, beats=True)


def turns_in(pack: bytes) -> list[Stretch]:
    """As `decode`, without the beats: a small part of the work."""
    return _decode(pack, beats=False)


def versions_in(pack: bytes) -> list[int]:
    """Of which versions there is something in `pack`. Raises Damaged."""
    return _opened(pack)[0]


def _place(one: Stretch) -> tuple[int, int]:
    return one.session.int, one.version_id


def _decode(pack: bytes, *, beats: bool) -> list[Stretch]:
    versions, written = _opened(pack)
    try:
        return _Format(Reader(written)).pack(None, versions, beats=beats)
    except (ValueError, IndexError, OverflowError, StructError) as wrong:
        raise Damaged(str(wrong)) from wrong


def _opened(pack: bytes) -> tuple[list[int], bytes]:
    if len(pack) <= _HEAD.size:
        raise Damaged("it is cut off")
    kept_as, checksum = _HEAD.unpack_from(pack)
    rest = pack[_HEAD.size :]
    if kept_as != FORMAT:
        raise Damaged(f"unknown format {kept_as}")
    if crc32(rest) != checksum:
        raise Damaged("its checksum does not fit")
    numbers: list[int] = []
    at = 0
    while not numbers or len(numbers) <= numbers[0]:
        number, shift, byte = 0, 0, 128
        while byte > 127:
            byte = rest[at]
            at, number, shift = at + 1, number | (byte & 127) << shift, shift + 7
        numbers.append(number)
    return numbers[1:], rest[at:]


_KINDS = (
    *("stretches", "version", "started", "same_session"),
    *("turns", "turn_step", "turn_from", "turn_seen", "turn_until"),
    *("beats", "usual_ms", "in_tenths", "said_in_tenths", "odd", "odd_size", "odd_byte"),
    *("seq", "same_manner", "bits", "rate", "intervals", "start", "length", "pause", "part", "position"),
    *("first_clock", "clock", "new_batch", "lost"),
    *("first_received", "received", "first_wall", "wall", "last_age", "age"),
)


@dataclass(frozen=True, slots=True)
class _Said:
    """The body of a beat (packing.py) in numbers."""

    bits: int
    rate: int
    intervals: tuple[tuple[int, int], ...]
    position_ms: int
    clock_ms: int

    @property
    def manner(self) -> tuple[int, int, int]:
        return self.bits, self.rate, len(self.intervals)

    @property
    def body(self) -> bytes:
        if self.manner == _USUAL_MANNER and self.intervals[0][1] == self.position_ms:
            return USUAL.pack(USUAL_TAG, *self.intervals[0], self.clock_ms)
        head = (OTHER_TAG, self.bits, self.rate, self.position_ms, self.clock_ms, len(self.intervals))
        return OTHER.pack(*head) + b"".join(PAIR.pack(*pair) for pair in self.intervals)


def _said(body: bytes) -> _Said | None:
    """None for bytes that no body is packed in."""
    if len(body) == USUAL.size and body[0] == USUAL_TAG:
        _tag, start_ms, end_ms, clock_ms = USUAL.unpack(body)
        return _Said(1, 1000, ((start_ms, end_ms),), end_ms, clock_ms)
    if len(body) < OTHER.size:
        return None
    _tag, bits, rate, position_ms, clock_ms, number = OTHER.unpack_from(body)
    if len(body) != OTHER.size + number * PAIR.size:
        return None
    said = _Said(bits, rate, tuple(PAIR.iter_unpack(body[OTHER.size :])), position_ms, clock_ms)
    return said if said.body == body else None


def _played_ms(intervals: Sequence[tuple[int, int]], rate: int) -> int:
    """How long playing these took, by the phone's clock."""
    played = sum(end - start for start, end in intervals)
    return played * 1000 // rate if rate else played


def _in_tenths(said: _Said | None) -> bool:
    if said is None:
        return True
    moments = (said.position_ms, said.clock_ms, *(moment for pair in said.intervals for moment in pair))
    return not any(moment % _TENTH for moment in moments)


def _usual_ms(stretches: Sequence[Stretch]) -> int:
    """How long a beat usually is in these, by the phone's clock."""
    said = (_said(beat[1]) for one in stretches for beat in one.beats)
    lengths = [_played_ms(one.intervals, one.rate) for one in said if one and len(one.intervals) == 1]
    return median_low(lengths) if lengths else 0


class _Clocks:
    """When a batch comes, going by the phone's clock and by the batches before."""

    def __init__(self, step_ms: int) -> None:
        self._step_ms = step_ms
        self._ahead = 0
        """How far the server's clock is ahead of the phone's, in sixteenths of a millisecond."""
        self._heard = False

    def expected(self, clock_ms: int) -> int:
        return (clock_ms + (self._ahead >> 4)) // self._step_ms

    def heard(self, clock_ms: int, received_ms: int) -> None:
        found = (received_ms + self._step_ms // 2 - clock_ms) << 4
        self._ahead = self._ahead + (found - self._ahead) // 4 if self._heard else found
        self._heard = True


class _Format:
    """What is said in which order, in both directions: with a Reader, what would be said is None."""

    def __init__(self, io: Writer | Reader) -> None:
        self.io = io
        self.kinds = {name: Kind() for name in _KINDS}
        self.usual_ms = 0
        self.said_step_ms = 1

    def near(self, name: str, value: Any, expected: int) -> int:
        return self.io.near(self.kinds[name], 0 if value is None else value, expected)

    def said(self, name: str, value: Any, expected: int) -> int:
        """As `near`, for what a phone said in milliseconds: in its own steps."""
        step_ms = self.said_step_ms
        return self.near(name, None if value is None else value // step_ms, expected // step_ms) * step_ms

    def flag(self, name: str, yes: Any, question: int = 0) -> bool:
        return self.io.flag(self.kinds[name], bool(yes), question)

    def pack(self, given: list[Stretch] | None, versions: list[int], *, beats: bool) -> list[Stretch]:
        number = self.near("stretches", None if given is None else len(given), 0)
        some: Sequence[Stretch | None] = given or [None] * number
        heads = self._heads(some, versions)
        turns = self._turns(some, heads)
        told: list[tuple[KeptBeat, ...]] = [()] * number
        if beats:
            self.usual_ms = self.near("usual_ms", None if given is None else _usual_ms(given), 0)
            told = [
                self._beats(one.beats if one else None, session)
                for one, (session, _version_id) in zip(some, heads, strict=True)
            ]
        return [
            Stretch(session, version_id, some_beats, some_turns)
            for (session, version_id), some_beats, some_turns in zip(heads, told, turns, strict=True)
        ]

    def _heads(self, some: Sequence[Stretch | None], versions: list[int]) -> list[tuple[UUID, int]]:
        heads: list[tuple[UUID, int]] = []
        session, place = UUID(int=0), 0
        for one in some:
            if not self.flag("same_session", one and one.session == session and bool(heads)):
                started = self.near("started", one and started_ms(one.session), started_ms(session))
                low = self.io.digits(one.session.int & ((1 << _RANDOM) - 1) if one else 0, _RANDOM)
                session = UUID(int=started << _RANDOM | low)
            place = self.near("version", one and versions.index(one.version_id), place)
            heads.append((session, versions[place]))
        return heads

    def _turns(
        self, some: Sequence[Stretch | None], heads: Sequence[tuple[UUID, int]]
    ) -> list[tuple[Turn, ...]]:
        """A turn usually begins with its session and ends when the next one begins."""
        moments = (moment for one in some if one for turn in one.turns for moment in _moments(turn))
        step = 1 if self.flag("turn_step", any(moment % 1000 for moment in moments)) else 1000
        found = []
        for place, one in enumerate(some):
            number = self.near("turns", one and len(one.turns), 1)
            mine: Sequence[Turn | None] = one.turns if one else [None] * number
            after = (started_ms(session) for session, _version in heads[place + 1 :])
            started = started_ms(heads[place][0])
            next_at = next((moment for moment in after if moment > started), started) * 1000 // step
            expected = started * 1000 // step
            told = []
            for turn in mine:
                from_at = self.near("turn_from", turn and turn.from_us // step, expected)
                until_at = self.near("turn_until", turn and turn.until_us // step, next_at)
                seen_at = self.near("turn_seen", turn and turn.seen_us // step, from_at)
                told.append(Turn(from_at * step, seen_at * step, until_at * step))
                expected = until_at
            found.append(tuple(told))
        return found

    def _beats(self, given: Sequence[KeptBeat] | None, session: UUID) -> tuple[KeptBeat, ...]:
        number = self.near("beats", None if given is None else len(given), 0)
        some: Sequence[KeptBeat | None] = [None] * number if given is None else given
        tenths = given is not None and all(beat[3] % _TENTH == 0 == beat[4] % _TENTH for beat in given)
        step_ms = _TENTH if self.flag("in_tenths", tenths) else 1
        said_tenths = given is not None and all(_in_tenths(_said(beat[1])) for beat in given)
        self.said_step_ms = _TENTH if self.flag("said_in_tenths", said_tenths) else 1
        seqs: list[int] = []
        bodies: list[bytes] = []
        clocks: list[int] = []
        lost: list[bool] = []
        seq, here = -1, None
        for beat in some:
            seq = self.near("seq", beat and beat[0], seq + 1)
            here, body = self._body(beat[1] if beat else None, here, session)
            seqs.append(seq)
            bodies.append(body)
            clocks.append(here.clock_ms if here else 0)
            lost.append(self.flag("lost", beat and not beat[5], 1 + lost[-1] if lost else 0))
        times = self._times(some, clocks, step_ms, started_ms(session))
        return tuple(
            (seq, body, *moments, not gone)
            for seq, body, moments, gone in zip(seqs, bodies, times, lost, strict=True)
        )

    def _body(self, body: bytes | None, before: _Said | None, session: UUID) -> tuple[_Said | None, bytes]:
        """The body in numbers (for the next one to go on from) and in bytes."""
        said = None if body is None else _said(body)
        if self.flag("odd", body is not None and said is None):
            size = self.near("odd_size", None if body is None else len(body), 0)
            told = bytes(self.near("odd_byte", None if body is None else body[n], 0) for n in range(size))
            return before, told
        bits, rate, number = before.manner if before else _USUAL_MANNER
        if not self.flag("same_manner", said and said.manner == (bits, rate, number)):
            bits = self.near("bits", said and said.bits, bits)
            rate = self.near("rate", said and said.rate, rate)
            number = self.near("intervals", said and len(said.intervals), number)
        at = before.position_ms if before else 0
        usual = self.usual_ms * rate // 1000 if number == 1 else 0
        intervals = []
        for place in range(number):
            pair = said.intervals[place] if said else None
            start = self.said("pause" if place else "start", pair and pair[0], at)
            at = self.said("length" if number == 1 else "part", pair and pair[1], start + usual)
            intervals.append((start, at))
        position_ms = self.said("position", said and said.position_ms, at)
        if before is None:
            clock_ms = self.said("first_clock", said and said.clock_ms, started_ms(session))
        else:
            expected = before.clock_ms + _played_ms(intervals, rate)
            clock_ms = self.said("clock", said and said.clock_ms, expected)
        here = _Said(bits, rate, tuple(intervals), position_ms, clock_ms)
        return here, here.body

    def _times(
        self, some: Sequence[KeptBeat | None], clocks: Sequence[int], step_ms: int, started: int
    ) -> list[tuple[int, int, int]]:
        """(wall_ms, received_ms, happened_ms) of each. Beats of a batch came at the same moment."""
        begins: list[int] = []
        for place, here in enumerate(some):
            before = some[place - 1] if place else None
            alike = here is not None and before is not None and here[3] == before[3]
            length = min(place - begins[-1], 60) if begins else 0
            if not place or self.flag("new_batch", not alike, length):
                begins.append(place)
        ends = [*(place - 1 for place in begins[1:]), len(some) - 1]
        told: list[tuple[int, int, int]] = []
        clock = _Clocks(step_ms)
        wall_ms, received_ms = 0, started
        for first, last in zip(begins, ends, strict=True) if some else ():
            final = some[last]
            expected = clock.expected(clocks[last])
            name = "received" if told else "first_received"
            wall_ms -= received_ms
            received_ms = self.near(name, final and final[3] // step_ms, expected) * step_ms
            wall_ms += received_ms
            clock.heard(clocks[last], received_ms)
            last_age = self.near("last_age", final and (final[3] - final[4]) // step_ms, 0)
            slip = last_age
            for place in range(first, last + 1):
                beat = some[place]
                wall_ms = self.near("wall" if told else "first_wall", beat and beat[2], wall_ms)
                age = last_age
                if place < last:
                    behind = (clocks[last] - clocks[place]) // step_ms
                    age = self.near("age", beat and (beat[3] - beat[4]) // step_ms, slip + behind)
                    slip = age - behind
                told.append((wall_ms, received_ms, received_ms - age * step_ms))
        return told


def _moments(turn: Turn) -> tuple[int, int, int]:
    return turn.from_us, turn.seen_us, turn.until_us
