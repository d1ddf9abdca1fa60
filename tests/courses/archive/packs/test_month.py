"""A packed month comes back row for row, whatever the rows are; and the usual ones cost next to nothing."""

import random
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courses.archive.packing import USUAL, USUAL_TAG, pack
from courses.archive.packs.coder import Kind, Reader, Writer
from courses.archive.packs.month import Damaged, Stretch, Turn, decode, encode, turns_in, versions_in
from tests.courses.archive.test_quick_fold import BODIES, _histories

WHOLE = st.integers(-(2**63), 2**63 - 1)
ODD = st.binary(max_size=40) | st.builds(lambda tail: b"\x02" + tail, st.binary(min_size=16, max_size=40))
BEATS = st.lists(
    st.tuples(st.integers(0, 2**31 - 1), BODIES.map(pack) | ODD, WHOLE, WHOLE, WHOLE, st.booleans()),
    max_size=8,
    unique_by=lambda beat: beat[0],
).map(lambda beats: tuple(sorted(beats)))
TURNS = st.lists(st.builds(Turn, WHOLE, WHOLE, WHOLE), max_size=3).map(tuple)
STRETCHES = st.lists(
    st.builds(Stretch, st.uuids() | st.just(uuid.UUID(int=7 << 80)), st.integers(0, 2**63 - 1), BEATS, TURNS),
    max_size=5,
    unique_by=lambda one: (one.session, one.version_id),
).map(lambda some: sorted(some, key=lambda one: (one.session.int, one.version_id)))


@given(STRETCHES)
@settings(max_examples=150)
def test_any_rows_come_back_as_they_were(stretches):
    # given rows as no phone makes them: any bytes for a body, any clocks, sessions and versions criss-cross
    kept = encode(reversed(stretches))
    # then they come back, in the order of sessions
    assert decode(kept) == stretches
    assert turns_in(kept) == [Stretch(one.session, one.version_id, (), one.turns) for one in stretches]
    assert versions_in(kept) == sorted({one.version_id for one in stretches})
    assert encode(stretches) == kept


@given(st.lists(_histories(), max_size=4), st.integers(1, 100), st.integers(0, 2**40))
@settings(max_examples=60)
def test_histories_as_phones_make_them_come_back(histories, step_ms, shift_ms):
    # given sessions with seeks, pauses, other speeds, hidden pages, clocks that go back, late beats
    stretches = [
        Stretch(
            uuid.UUID(int=(shift_ms + place) << 80 | 7 << 76),
            place % 2,
            tuple(
                (seq, body, wall, received // step_ms * step_ms, happened // step_ms * step_ms, bool(held))
                for seq, body, wall, received, happened, held in rows
            ),
        )
        for place, rows in enumerate(histories)
    ]
    assert decode(encode(stretches)) == stretches


@given(STRETCHES, st.data())
@settings(max_examples=100)
def test_a_pack_that_was_changed_anywhere_is_refused(stretches, data):
    kept = bytearray(encode(stretches))
    place = data.draw(st.integers(0, len(kept) - 1))
    kept[place] ^= data.draw(st.integers(1, 255))
    for read in (decode, turns_in, versions_in):
        with pytest.raises(Damaged):
            read(bytes(kept))


@pytest.mark.parametrize("kept", [b"", b"\1", b"\1\0\0\0\0", b"\2\0\0\0\0\0", b"\1\1\2\3\4\5"])
def test_bytes_that_are_no_pack_are_refused(kept):
    with pytest.raises(Damaged):
        decode(kept)


def lesson(begun_ms: int, seconds: int, chance: random.Random, *, usual: bool = True) -> Stretch:
    """A lecture as our player plays it, in tenths of a second, two to four beats to a batch."""
    rows, batch, at, clock = [], [], 0, begun_ms + 2_300
    while at < seconds * 1000:
        end = min(at + chance.choice([15_000, 15_000, 15_100, 15_200]), seconds * 1000)
        clock += end - at + chance.choice([0, 0, 0, 100])
        body = {"intervals": [[at, end]], "position_ms": end, "rate": 1, "visible": True, "clock_ms": clock}
        batch.append((len(rows) + len(batch), pack(body | {"flags": [] if usual else ["audio"]}), clock))
        at = end
        if len(batch) == 3 or at == seconds * 1000:
            received = clock + chance.choice([100, 100, 200])
            rows += [
                (seq, body, received - begun_ms, received, received - (clock - then), True)
                for seq, body, then in batch
            ]
            batch = []
    turn = Turn(begun_ms * 1000, rows[-1][3] * 1000, rows[-1][3] * 1000 + 86_400_000_000)
    session = uuid.UUID(int=begun_ms << 80 | 7 << 76 | 2 << 62 | chance.getrandbits(62))
    return Stretch(session, 41, tuple(rows), (turn,))


@pytest.mark.parametrize("usual", [True, False])
def test_a_usual_beat_takes_less_than_a_byte(usual):
    chance = random.Random(1)
    month = [lesson(1_790_000_000_000 + day * 86_400_000, 2700, chance, usual=usual) for day in range(4)]
    beats = sum(len(one.beats) for one in month)
    assert beats == 720 or beats > 700
    assert len(encode(month)) < beats


def test_a_usual_beat_is_told_from_one_that_looks_like_it():
    # given the same content in the bytes of another tag, as pack() never writes it
    like = b"\x02\x01" + (1000).to_bytes(2, "little") + USUAL.pack(USUAL_TAG, 0, 15_000, 9)[5:9]
    like += (9).to_bytes(8, "little") + b"\1" + (0).to_bytes(4, "little") + (15_000).to_bytes(4, "little")
    stretch = Stretch(uuid.UUID(int=7 << 76), 1, ((0, like, 0, 0, 0, True),))
    assert decode(encode([stretch])) == [stretch]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-(2**78), 2**78))))
def test_numbers_come_back(said):
    writer, kinds = Writer(), {name: Kind() for name in "abc"}
    for name, number in said:
        writer.near(kinds[name], number, 0)
    reader, kinds = Reader(writer.done()), {name: Kind() for name in "abc"}
    assert [(name, reader.near(kinds[name], 0, 0)) for name, _number in said] == said


def test_carries_run_through():
    # given what comes close to the upper end of the range again and again
    for seed in range(40):
        chance = random.Random(seed)
        answers = [chance.random() < 0.999 for _ in range(500)]
        writer, kind = Writer(), Kind()
        for yes in answers:
            writer.flag(kind, yes)
            writer.digits(0xFFFF, 16)
        reader, kind = Reader(writer.done()), Kind()
        assert [(reader.flag(kind), reader.digits(0, 16)) for _ in answers] == [
            (yes, 0xFFFF) for yes in answers
        ]


def test_a_number_beyond_all_measure_is_refused():
    with pytest.raises(ValueError, match="too large"):
        Writer().near(Kind(), 2**80, 0)
