"""What a state says comes back as it was, and takes few bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.archive.spans import PlayRules, begin
from courses.archive.state_packing import (
    REASONS,
    RULES,
    pack_bitmap,
    pack_fold,
    pack_refused,
    pack_rules,
    unpack_bitmap,
    unpack_fold,
    unpack_refused,
    unpack_rules,
)

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
RUNS = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)), max_size=5).map(
    lambda runs: int("1" + "".join("0" * a + "1" * b for a, b in runs), 2)
)
FOLD = {
    "session": "01990000-0000-7000-8000-000000000001",
    "seq": 180,
    "clock_ms": 1_758_345_000_000,
    "claimed_ms": 2_700_000,
    "latest_ms": 1_758_345_000_400,
    "completed_ms": 1_758_344_900_300,
}


@given(st.binary(max_size=400) | RUNS.map(lambda bits: bits.to_bytes(bits.bit_length() // 8 + 2, "little")))
def test_a_bitmap_comes_back(bitmap):
    kept = pack_bitmap(bitmap)
    assert unpack_bitmap(kept) == bitmap
    assert len(kept) <= len(bitmap) + 1


@pytest.mark.parametrize(("seconds", "size"), [(2712, 339), (2712, 340), (1, 1), (8, 1), (0, 1), (9, 2)])
def test_a_lecture_played_through_takes_three_bytes(seconds, size):
    bitmap = ((1 << seconds) - 1).to_bytes(size, "little")
    assert unpack_bitmap(pack_bitmap(bitmap)) == bitmap
    assert size != (seconds + 7) // 8 or len(pack_bitmap(bitmap)) <= 3


def test_no_bitmap_is_no_bytes():
    assert pack_bitmap(b"") == b""


@given(
    st.lists(
        st.tuples(st.integers(0, 3000), st.integers(0, 3000), st.sampled_from(REASONS)).map(list)
        | st.lists(SCALARS, max_size=4),
        max_size=5,
    )
)
def test_refused_spans_come_back(refused):
    assert json.dumps(unpack_refused(pack_refused(refused))) == json.dumps(refused)


def test_usual_refused_spans_take_few_bytes():
    assert pack_refused([]) == b""
    assert len(pack_refused([[300, 315, "GAP"], [15, 30, "NOT_VISIBLE"]])) <= 8


@given(
    st.dictionaries(st.sampled_from([*RULES, "new"]), JSON)
    | st.fixed_dictionaries({name: st.just(value) | SCALARS for name, value in RULES.items()})
)
def test_rules_come_back(params):
    assert json.dumps(unpack_rules(pack_rules(params)), sort_keys=True) == json.dumps(params, sort_keys=True)


def test_rules_as_they_are_shipped_take_nothing():
    assert pack_rules(PlayRules().as_json()) == b""
    assert len(pack_rules(PlayRules(speed_cap=1.5).as_json())) == 1 + len('{"speed_cap":1.5}')


@given(
    st.fixed_dictionaries(
        {
            "session": st.uuids().map(str) | st.text(max_size=40),
            **{name: st.integers(-(2**53), 2**53) for name in ("seq", "clock_ms", "claimed_ms", "latest_ms")},
            "completed_ms": st.none() | st.integers(-(2**53), 2**53),
        }
    )
    | st.dictionaries(st.sampled_from([*FOLD, "new"]), SCALARS)
)
def test_a_fold_comes_back(fold):
    assert json.dumps(unpack_fold(pack_fold(fold)), sort_keys=True) == json.dumps(fold, sort_keys=True)


def test_a_usual_fold_takes_thirty_bytes():
    begun = int(FOLD["session"].replace("-", "")[:12], 16)
    fold = FOLD | {"clock_ms": begun // 100 * 100 + 2_701_000, "latest_ms": begun // 100 * 100 + 2_701_300}
    fold |= {"completed_ms": fold["latest_ms"] - 90_000}
    assert len(pack_fold(fold)) <= 30 and unpack_fold(pack_fold(fold)) == fold
    assert len(pack_fold(fold | {"clock_ms": fold["clock_ms"] + 7})) < 40
    assert unpack_fold(pack_fold(FOLD)) == FOLD
    assert list(unpack_fold(pack_fold(FOLD))) == list(FOLD)


@pytest.mark.parametrize("kept", [b"\1\x80", b"\1\5\x81"])
def test_numbers_that_are_cut_off_are_refused(kept):
    with pytest.raises(ValueError):
        unpack_bitmap(kept)


def test_a_state_before_its_first_beat_can_be_kept():
    fold = begin(600, PlayRules())
    said = {
        "session": fold.session,
        "seq": fold.seq,
        "clock_ms": fold.clock_ms,
        "claimed_ms": fold.claimed_ms,
        "latest_ms": fold.latest_ms,
        "completed_ms": fold.completed_ms,
    }
    assert unpack_fold(pack_fold(said)) == said
