"""Whose a stretch of time is: gaps, what a beat takes, where it was played."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.archive.packing import pack
from courses.archive.sharing import Played, gaps, hull, length, overlap, took, touched

START = datetime(2026, 9, 30, 1, tzinfo=UTC)
SLACK = timedelta(seconds=5)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def span(since: float, until: float) -> tuple[datetime, datetime]:
    return at(since), at(until)


SECONDS = st.integers(0, 60)


@given(st.lists(st.tuples(SECONDS, SECONDS).map(sorted), max_size=8), st.tuples(SECONDS, SECONDS).map(sorted))
def test_gaps_are_what_no_span_has(spans, bounds):
    found = gaps([span(*one) for one in spans], *span(*bounds))
    inside = [at(s + 0.5) for s in range(*bounds)]
    free = {m for m in inside if not any(at(a) <= m < at(b) for a, b in spans)}
    assert {m for m in inside if any(a <= m < b for a, b in found)} == free
    assert length(found) == timedelta(seconds=len(free))
    assert found == sorted(found) and all(a < b for a, b in found)


def test_two_spans_have_in_common_what_both_have():
    assert overlap(span(0, 10), span(5, 20)) == span(5, 10)
    assert overlap(span(0, 10), span(10, 20)) is None


BODY = {
    "intervals": [[0, 15_000]],
    "position_ms": 15_000,
    "rate": 1.0,
    "visible": True,
    "clock_ms": 1,
    "flags": [],
}


@pytest.mark.parametrize(
    ("change", "seconds"),
    [
        ({}, 15),
        ({"intervals": [[0, 5000], [9000, 12_000]]}, 8),
        ({"rate": 1.5}, 10),
        ({"intervals": []}, 0),
        # nobody was there
        ({"flags": ["idle"]}, 0),
        # a jump that is said to be playing counts nothing, so it took no time
        ({"intervals": [[15_000, 500_000]]}, 0),
        # «I have read it» is one claim for a whole text
        ({"intervals": [[0, 240_000]], "flags": ["confirmed"]}, 240),
    ],
)
def test_what_a_beat_takes(change, seconds):
    assert took(pack(BODY | change)) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("beat", "yes"),
    [
        ((20, 35), True),
        ((5, 20), True),
        ((0, 15), True),
        ((0, 14), False),  # four seconds are within what clocks tell
        ((30, 32), True),
        ((38, 42), False),
        ((45, 60), False),
        ((20, 20), True),
        ((41, 41), False),
    ],
)
def test_a_beat_was_played_in_a_gap(beat, yes):
    played = Played(at(beat[0]), at(beat[1]), at(1000), at(beat[1]) - at(beat[0]))
    assert touched(span(10, 40), [played], SLACK) is yes


def test_the_hull_of_what_was_played_in_a_gap():
    beats = [
        Played(at(a), at(b), at(1000), at(b) - at(a)) for a, b in [(0, 12), (20, 25), (28, 30), (50, 60)]
    ]
    assert hull(span(10, 40), beats) == span(10, 30)
    assert hull(span(15, 40), beats) == span(20, 30)
    assert hull(span(41, 49), beats) is None
