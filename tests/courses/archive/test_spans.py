"""Reckoning of watched time: the vectors of domain.md §1.7, the bitmap, and properties of any history."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courses.archive.spans import (
    BEYOND_FRONTIER,
    COUNTED,
    GAP,
    NOT_COUNTED,
    NOT_PLAYED,
    NOT_PRESENT,
    NOT_VISIBLE,
    OTHER_DEVICE,
    OVER_CLOCK,
    SEEK_FORWARD,
    TOO_FAST,
    TOO_LATE,
    UNWATCHED,
    Beat,
    PlayRules,
    begin,
    fold_beat,
    needed_seconds,
    pieces,
    watched_seconds,
)

RULES = PlayRules()


def points_to_beats(points, *, session="s", hidden=()):
    """(wall, position) in seconds, as domain.md writes its vectors → beats: what lies between two points."""
    beats = []
    for seq, (wall, position) in enumerate(points):
        before = points[seq - 1] if seq else (wall, position)
        interval = ((before[1] * 1000, position * 1000),) if position > before[1] else ()
        was_hidden = seq in hidden or seq - 1 in hidden
        beats.append(Beat(session, seq, interval, position * 1000, wall * 1000, visible=not was_hidden))
    return beats


def study(beats, *, seconds=600, rules=RULES, kind="LECTURE", fold=None):
    """The fold of `beats`, and what each was told."""
    fold = fold or begin(seconds, rules, kind=kind)
    told = []
    for beat in beats:
        fold = fold_beat(fold, beat, rules)
        told += fold.flags
    return fold, told


def even(start, end, step=15, wall=0):
    """Played at 1× from `start` to `end`, a point each `step` seconds, the clock beginning at `wall`."""
    return [(wall + at - start, at) for at in range(start, end + 1, step)]


PB_A = even(0, 600)


@pytest.mark.parametrize(
    ("name", "beats", "coverage", "completed", "told"),
    [
        ("PB-A whole", points_to_beats(PB_A), 1.0, True, []),
        (
            "PB-B seek forward",
            points_to_beats([(0, 0), (15, 15), (30, 500), (45, 515), (60, 530)]),
            0.025,
            False,
            [SEEK_FORWARD, BEYOND_FRONTIER, BEYOND_FRONTIER],
        ),
        (
            "PB-C twice the speed",
            points_to_beats([(w, 2 * w) for w in range(0, 301, 15)]),
            0,
            False,
            [SEEK_FORWARD] * 20,
        ),
        (
            "PB-D page hidden at 30 and 45",
            points_to_beats([(0, 0), (15, 15), (30, 30), (45, 45), (60, 60)], hidden={2, 3}),
            0.025,
            False,
            [NOT_VISIBLE] * 3,
        ),
        (
            "PB-E first five beats twice",
            points_to_beats(even(0, 60)) + points_to_beats(even(0, 60)),
            0.10,
            False,
            ["REPLAY"] * 5,
        ),
        (
            "PB-F rewind",
            points_to_beats([*even(0, 300), (300, 100), *even(100, 300, 20, wall=300)[1:]]),
            0.5,
            False,
            [],
        ),
        (
            "PB-G silence",
            points_to_beats([(0, 0), (15, 15), (300, 300)]),
            0.025,
            False,
            [GAP, BEYOND_FRONTIER],
        ),
        (
            "PB-H 2× after completion",
            points_to_beats(PB_A + [(600, 0)] + [(600 + w, 2 * w) for w in range(15, 301, 15)]),
            1.0,
            True,
            [],
        ),
        ("PB-J stop at 570", points_to_beats(even(0, 570)), 0.95, True, []),
    ],
)
def test_playback_vectors(name, beats, coverage, completed, told):
    fold, flags = study(beats)
    assert (fold.coverage, fold.completed, flags) == (pytest.approx(coverage), completed, told)


def test_pb_b_and_pb_d_and_pb_g_snap_back_to_fifteen():
    for points, hidden in [
        ([(0, 0), (15, 15), (30, 500), (45, 515), (60, 530)], ()),
        ([(0, 0), (15, 15), (30, 30), (45, 45), (60, 60)], {2, 3}),
        ([(0, 0), (15, 15), (300, 300)], ()),
    ]:
        fold, _told = study(points_to_beats(points, hidden=hidden))
        assert fold.frontier_ms == 15_000


def test_pb_i_buffered_beats_are_judged_by_their_own_clock():
    # given a network drop of 120 s: the beats arrive late, together, with the wall time that has passed
    beats = [
        Beat(
            b.session,
            b.seq,
            b.intervals,
            b.position_ms,
            b.clock_ms,
            wall_ms=max(b.clock_ms, 420_000),
            received_ms=1,
        )
        for b in points_to_beats(PB_A)
    ]
    fold, told = study([b for b in beats if b.clock_ms <= 420_000])
    assert (fold.watched_s, told) == (420, [])


@pytest.mark.parametrize(
    "complete_at,seconds,needed", [("0.95", 600, 570), ("0.95", 2712, 2577), ("1", 7, 7), ("0.9", 0, 0)]
)
def test_needed_seconds_are_rounded_up(complete_at, seconds, needed):
    assert needed_seconds(seconds, complete_at) == needed


@pytest.mark.parametrize(
    ("beat", "reason"),
    [
        ({"rate": 1.5}, TOO_FAST),
        ({"visible": False}, NOT_VISIBLE),
        ({"idle": True}, NOT_PRESENT),
        ({"in_lease": False}, OTHER_DEVICE),
        ({"late": True}, TOO_LATE),
        ({"wall_ms": 20_000}, OVER_CLOCK),
        ({"clock_ms": 27_000 - 1}, SEEK_FORWARD),
    ],
)
def test_why_a_beat_does_not_count(beat, reason):
    # given 15 s that count
    first = Beat("s", 0, ((0, 15_000),), 15_000, 15_000, wall_ms=16_000)
    given = {"clock_ms": 30_000, "wall_ms": 31_000} | beat
    # when the next 15 s have a fault
    fold, told = study([first, Beat("s", 1, ((15_000, 30_000),), 30_000, **given)])
    # then nothing is added, and the strip says why
    assert (fold.watched_s, told, fold.refused) == (15, [reason], ((15, 30, reason),))


def test_server_clock_bounds_what_a_session_counts_however_its_own_clock_runs():
    # given a phone that claims 600 s honestly spaced, though the server saw only 100 s pass
    beats = [
        Beat(b.session, b.seq, b.intervals, b.position_ms, b.clock_ms, wall_ms=100_000)
        for b in points_to_beats(PB_A)
    ]
    fold, told = study(beats)
    assert fold.watched_s == 105
    assert set(told) == {OVER_CLOCK, BEYOND_FRONTIER}


def test_clock_set_back_costs_nobody_anything():
    points = [(0, 0), (15, 15), (-86_400 * 365, 30), (-86_400 * 365 + 15, 45)]
    fold, told = study(points_to_beats(points))
    assert (fold.watched_s, told) == (45, [])


def test_pause_is_no_gap():
    fold, told = study(points_to_beats([(0, 0), (15, 15), (4000, 15), (4015, 30)]))
    assert (fold.watched_s, told) == (30, [])


def test_listening_with_the_screen_off_counts_in_audio_mode_only():
    beat = {"session": "s", "seq": 0, "intervals": ((0, 15_000),), "position_ms": 15_000, "clock_ms": 15_000}
    assert study([Beat(**beat, visible=False)])[0].watched_s == 0
    assert study([Beat(**beat, visible=False, audio=True)])[0].watched_s == 15
    assert study([Beat(**beat, visible=False)], kind="AUDIO")[0].watched_s == 15
    strict = PlayRules(hidden_audio_counts=False)
    assert study([Beat(**beat, visible=False, audio=True)], rules=strict)[0].watched_s == 0


def test_free_seek_is_a_rule_like_any_other():
    free = PlayRules(strict_seek=False)
    beats = [Beat("s", 0, (), 0, 0), Beat("s", 1, ((500_000, 515_000),), 515_000, 15_000)]
    assert study(beats, rules=free)[0].watched_s == 15
    assert study(beats)[0].watched_s == 0


def test_reading_is_confirmed_for_the_time_that_the_server_saw():
    said = Beat("s", 0, ((0, 240_000),), 240_000, 0, confirmed=True, wall_ms=240_000)
    assert study([said], seconds=240, kind="READING")[0].completed
    # a lecture is not completed by saying so, a reading not before its time
    assert study([said], seconds=240)[0].watched_s == 0
    early = Beat("s", 0, ((0, 240_000),), 240_000, 0, confirmed=True, wall_ms=60_000)
    assert study([early], seconds=240, kind="READING")[0].watched_s == 0


# The bitmap


def test_a_second_counts_when_its_middle_was_played():
    assert watched_seconds([(0, 499)], 10) == 0
    assert watched_seconds([(0, 501)], 10) == 0b1
    assert watched_seconds([(500, 1500)], 10) == 0b1
    assert watched_seconds([(0, 99_000)], 3) == 0b111


@given(st.lists(st.integers(0, 600_000), min_size=2, max_size=40, unique=True))
def test_cutting_an_interval_anywhere_changes_nothing(cuts):
    cuts.sort()
    whole = watched_seconds([(cuts[0], cuts[-1])], 600)
    assert watched_seconds(list(itertools.pairwise(cuts)), 600) == whole


@given(st.lists(st.tuples(st.integers(0, 90_000), st.integers(0, 90_000)), max_size=30), st.randoms())
def test_the_union_is_that_of_sets_in_any_order(pairs, chance):
    intervals = [(min(pair), max(pair)) for pair in pairs]
    expected = {i for a, b in intervals for i in range(90) if a <= i * 1000 + 500 < b}
    shuffled = intervals * 2
    chance.shuffle(shuffled)
    union = watched_seconds(shuffled, 90)
    assert {i for i in range(90) if union >> i & 1} == expected
    assert union.bit_count() == len(expected)


# Pieces


@given(
    st.integers(0, 2**60 - 1),
    st.integers(0, 60),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.sampled_from([GAP, TOO_FAST])), max_size=8),
)
def test_pieces_cover_the_lesson_without_holes(watched, seconds, refused):
    refused = [(min(a, b), max(a, b), why) for a, b, why in refused]
    found = pieces(watched, seconds, refused)
    assert [p.start_s for p in found[1:]] == [p.end_s for p in found[:-1]]
    if seconds:
        assert (found[0].start_s, found[-1].end_s) == (0, seconds)
    for one in found:
        for second in range(one.start_s, one.end_s):
            counted = bool(watched >> second & 1)
            assert (one.kind == COUNTED) is counted
            told = [why for a, b, why in refused if a <= second < b]
            if not counted:
                assert one.reason == (told[-1] if told else NOT_PLAYED)
                assert one.kind == (NOT_COUNTED if told else UNWATCHED)


def test_pieces_of_the_picture():
    # lesson.png: counted, not played, counted, too fast, counted, not played
    watched = watched_seconds([(0, 244_000), (380_000, 1_383_000), (1_492_000, 2_500_000)], 2712)
    found = pieces(watched, 2712, [(1383, 1492, TOO_FAST)])
    assert [(p.start_s, p.end_s, p.kind, p.reason) for p in found] == [
        (0, 244, COUNTED, ""),
        (244, 380, UNWATCHED, NOT_PLAYED),
        (380, 1383, COUNTED, ""),
        (1383, 1492, NOT_COUNTED, TOO_FAST),
        (1492, 2500, COUNTED, ""),
        (2500, 2712, UNWATCHED, NOT_PLAYED),
    ]


# Any history


@st.composite
def histories(draw):
    """Beats of up to three sessions, honest and not."""
    beats = []
    for session in "abc"[: draw(st.integers(1, 3))]:
        clock, position = draw(st.integers(-(10**10), 10**10)), 0
        for seq in range(draw(st.integers(1, 12))):
            step = draw(st.integers(0, 40_000))
            clock += draw(st.integers(-5000, 45_000))
            start = draw(st.sampled_from([position, 0, draw(st.integers(0, 120_000))]))
            position = start + step
            beats.append(
                Beat(
                    session,
                    seq,
                    ((start, position),) if step else (),
                    position,
                    clock,
                    rate=draw(st.sampled_from([1.0, 1.0, 1.0, 2.0])),
                    visible=draw(st.sampled_from([True, True, True, False])),
                    wall_ms=draw(st.integers(0, 200_000)),
                    received_ms=draw(st.integers(0, 10**6)),
                )
            )
    return beats


@settings(max_examples=200)
@given(histories())
def test_nothing_is_ever_taken_away_or_given_twice(beats):
    fold = begin(120, RULES)
    claimed = {}
    for beat in beats:
        before = fold
        fold = fold_beat(fold, beat, RULES)
        assert fold.watched | before.watched == fold.watched
        assert fold.watched_s <= 120
        assert fold.completed or not before.completed
        again = fold_beat(fold, beat, RULES)
        assert again == fold and again.flags == ("REPLAY",)
        claimed[beat.session] = max(claimed.get(beat.session, 0), beat.wall_ms)
    most = sum(wall * RULES.after_speed_cap + RULES.clock_slack_ms for wall in claimed.values())
    assert fold.watched_s * 1000 <= most + 500 * len(beats)


@settings(max_examples=200)
@given(histories(), st.integers(0, 2**32))
def test_the_state_is_a_function_of_the_log_not_of_its_arrival(beats, seed):
    shuffled = beats * 2
    random.Random(seed).shuffle(shuffled)
    log = {(beat.session, beat.seq): beat for beat in shuffled}
    in_order, _told = study(sorted(log.values(), key=lambda b: (b.session, b.seq)), seconds=120)
    straight, _told = study(beats, seconds=120)
    assert in_order == straight
