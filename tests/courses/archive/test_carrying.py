"""What of the study of one version holds for the next: a table of all cases, and what must hold for any."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.archive import spans
from courses.archive.carrying import Follows, begin_after, seconds_to_credit
from courses.archive.spans import Beat, Fold, PlayRules

RULES = PlayRules()
OLD_S = 600
COMPLETED_MS = 1_790_000_000_000


def bits(*stretches: tuple[int, int]) -> int:
    return sum(((1 << (end - start)) - 1) << start for start, end in stretches)


def stretches(fold: Fold) -> list[tuple[int, int]]:
    return [
        (one.start_s, one.end_s) for one in spans.pieces(fold.watched, fold.seconds) if one.kind == "counted"
    ]


def studied(
    *stretches: tuple[int, int], seconds: int = OLD_S, completed: bool = False, kind="LECTURE"
) -> Fold:
    fold = spans.begin(seconds, RULES, kind=kind)
    watched = bits(*stretches)
    return replace(
        fold,
        watched=watched,
        frontier_ms=watched.bit_length() * 1000,
        position_ms=watched.bit_length() * 1000,
        completed_ms=COMPLETED_MS if completed else None,
    )


DONE = studied((0, 570), completed=True)
HALF = studied((0, 200), (250, 400))
NOTHING = None

LONGER, SAME, SHORTER = 780, 600, 450


@pytest.mark.parametrize(
    ("before", "seconds", "carry", "new_parts", "counted", "needed_s", "completed"),
    [
        # keep
        (DONE, LONGER, "KEEP", (), [(0, 570)], 741, True),
        (DONE, SAME, "KEEP", (), [(0, 570)], 570, True),
        (DONE, SHORTER, "KEEP", (), [(0, 450)], 428, True),
        (HALF, LONGER, "KEEP", (), [(0, 200), (250, 400)], 741, False),
        (HALF, SAME, "KEEP", (), [(0, 200), (250, 400)], 570, False),
        (HALF, SHORTER, "KEEP", (), [(0, 200), (250, 400)], 428, False),
        (NOTHING, LONGER, "KEEP", (), [], 741, False),
        (NOTHING, SAME, "KEEP", (), [], 570, False),
        (NOTHING, SHORTER, "KEEP", (), [], 428, False),
        # only the new part: put in after 5:00, put in the place of another, put in where more was cut
        (DONE, LONGER, "NEW_PART", ((300, 480),), [(0, 300), (480, 780)], 600 + 171, False),
        (DONE, SAME, "NEW_PART", ((300, 480),), [(0, 300), (480, 600)], 420 + 171, False),
        (DONE, SHORTER, "NEW_PART", ((300, 330),), [(0, 300), (330, 450)], 420 + 29, False),
        (HALF, LONGER, "NEW_PART", ((300, 480),), [(0, 200), (250, 300), (480, 580)], 741, False),
        (HALF, SAME, "NEW_PART", ((300, 350),), [(0, 200), (250, 300), (350, 400)], 570, False),
        (HALF, SHORTER, "NEW_PART", ((100, 130),), [(0, 100), (130, 250)], 428, False),
        (NOTHING, LONGER, "NEW_PART", ((300, 480),), [], 741, False),
        (NOTHING, SAME, "NEW_PART", ((300, 480),), [], 570, False),
        (NOTHING, SHORTER, "NEW_PART", ((300, 330),), [], 428, False),
        # again
        (DONE, LONGER, "AGAIN", (), [], 741, False),
        (DONE, SAME, "AGAIN", (), [], 570, False),
        (DONE, SHORTER, "AGAIN", (), [], 428, False),
        (HALF, LONGER, "AGAIN", (), [], 741, False),
        (HALF, SAME, "AGAIN", (), [], 570, False),
        (HALF, SHORTER, "AGAIN", (), [], 428, False),
        (NOTHING, LONGER, "AGAIN", (), [], 741, False),
        (NOTHING, SAME, "AGAIN", (), [], 570, False),
        (NOTHING, SHORTER, "AGAIN", (), [], 428, False),
    ],
)
def test_what_a_new_version_begins_with(before, seconds, carry, new_parts, counted, needed_s, completed):
    fold = begin_after(before, Follows(seconds, "LECTURE", carry, new_parts), RULES)
    assert stretches(fold) == counted
    assert (fold.seconds, fold.needed_s, fold.completed) == (seconds, needed_s, completed)
    assert fold.completed_ms == (COMPLETED_MS if completed else None)
    assert (fold.session, fold.seq, fold.claimed_ms) == ("", -1, 0)


def test_a_part_at_the_end_is_reachable_at_its_beginning_and_not_beyond():
    fold = begin_after(DONE, Follows(780, "LECTURE", "NEW_PART", ((600, 780),)), RULES)
    assert (fold.position_ms, fold.frontier_ms) == (600_000, 600_000)
    assert [
        (one.start_s, one.end_s, one.reason) for one in spans.pieces(fold.watched, 780, fold.refused)
    ] == [
        (0, 600, ""),
        (600, 780, "NEW_PART"),
    ]


def test_studying_the_new_part_completes_the_new_version():
    fold = begin_after(DONE, Follows(780, "LECTURE", "NEW_PART", ((300, 480),)), RULES)
    for number in range(12):
        assert not fold.completed
        start = 300_000 + number * 15_000
        beat = Beat("s", number, ((start, start + 15_000),), start + 15_000, clock_ms=number * 15_000)
        fold = spans.fold_beat(fold, replace(beat, received_ms=COMPLETED_MS + number), RULES)
    assert fold.completed_ms == COMPLETED_MS + 11
    assert fold.watched_s == 780


def test_two_parts_put_in_move_what_lies_between_them():
    # 0-100 | new 60 s | 100-400 | new 120 s | 400-600
    follows = Follows(780, "LECTURE", "NEW_PART", ((100, 160), (460, 580)))
    fold = begin_after(studied((50, 150), (390, 450)), follows, RULES)
    assert stretches(fold) == [(50, 100), (160, 210), (450, 460), (580, 630)]


def test_what_lies_between_two_parts_is_left_out_where_nobody_can_know_where_it_was():
    # longer by 40 s although 180 s are new: something was cut, and it is not said where
    follows = Follows(640, "LECTURE", "NEW_PART", ((100, 160), (460, 580)))
    fold = begin_after(studied((0, 500)), follows, RULES)
    assert stretches(fold) == [(0, 100)]


def test_who_had_studied_enough_of_what_is_shorter_now_is_not_completed_by_that_but_by_the_next_beat():
    fold = begin_after(studied((0, 500)), Follows(450, "LECTURE", "KEEP"), RULES)
    assert (fold.watched_s, fold.completed) == (450, False)
    [reason] = spans.missing(spans.pieces(fold.watched, 450), fold.needed_s, 450)
    assert (reason.start_s, reason.end_s, reason.reason) == (435, 450, "PLAY_ONCE")
    beat = Beat("s", 0, ((435_000, 440_000),), 440_000, clock_ms=0, received_ms=7)
    assert spans.fold_beat(fold, beat, RULES).completed_ms == 7


def test_a_text_with_new_words_asks_for_their_time_at_the_end_of_its_axis():
    follows = Follows(240, "READING", "NEW_PART", ((180, 240),))
    read = studied((0, 171), seconds=180, completed=True, kind="READING")
    half = studied((0, 90), seconds=180, kind="READING")
    assert (begin_after(read, follows, RULES).watched_s, begin_after(read, follows, RULES).needed_s) == (
        180,
        237,
    )
    assert (begin_after(half, follows, RULES).watched_s, begin_after(half, follows, RULES).needed_s) == (
        90,
        228,
    )


@pytest.mark.parametrize(("old", "new"), [("LECTURE", "READING"), ("READING", "LECTURE")])
def test_time_with_a_text_is_no_part_of_a_lecture_but_a_completion_is_one(old, new):
    follows = Follows(600, new, "KEEP")
    assert begin_after(studied((0, 300), kind=old), follows, RULES).watched == 0
    assert begin_after(studied((0, 600), kind=old, completed=True), follows, RULES).completed


def test_a_panorama_and_a_sound_have_the_axis_of_a_lecture():
    for kind in ("PANORAMA", "AUDIO"):
        assert begin_after(HALF, Follows(600, kind, "KEEP"), RULES).watched == HALF.watched


# For what completing brings hours


@pytest.mark.parametrize(
    ("chain", "completed", "seconds"),
    [
        ([Follows(600, "LECTURE", "KEEP")], [], 600),
        ([Follows(600, "LECTURE", "KEEP"), Follows(780, "LECTURE", "KEEP")], [False], 780),
        ([Follows(600, "LECTURE", "KEEP"), Follows(780, "LECTURE", "KEEP")], [True], 0),
        ([Follows(600, "LECTURE", "KEEP"), Follows(780, "LECTURE", "NEW_PART", ((600, 780),))], [True], 180),
        ([Follows(600, "LECTURE", "KEEP"), Follows(780, "LECTURE", "NEW_PART", ((600, 780),))], [False], 780),
        ([Follows(600, "LECTURE", "KEEP"), Follows(780, "LECTURE", "AGAIN")], [True], 780),
        (
            [
                Follows(600, "LECTURE", "KEEP"),
                Follows(780, "LECTURE", "NEW_PART", ((600, 780),)),
                Follows(780, "LECTURE", "KEEP"),
            ],
            [True, False],
            180,
        ),
        (
            [
                Follows(600, "LECTURE", "KEEP"),
                Follows(700, "LECTURE", "AGAIN"),
                Follows(780, "LECTURE", "NEW_PART", ((700, 780),)),
            ],
            [True, False],
            780,
        ),
    ],
)
def test_hours_are_for_what_no_completed_version_has_brought_hours_for(chain, completed, seconds):
    assert seconds_to_credit(chain, [*completed, True]) == seconds


# For any state and any change

SECONDS = st.integers(1, 400)


@st.composite
def folds(draw) -> Fold:
    seconds = draw(SECONDS)
    kind = draw(st.sampled_from(["LECTURE", "PANORAMA", "READING"]))
    watched = draw(st.integers(0, (1 << seconds) - 1))
    fold = spans.begin(seconds, RULES, kind=kind)
    done = COMPLETED_MS if watched.bit_count() >= fold.needed_s else None
    return replace(fold, watched=watched, frontier_ms=watched.bit_length() * 1000, completed_ms=done)


@st.composite
def changes(draw) -> Follows:
    seconds = draw(SECONDS)
    carry = draw(st.sampled_from(["KEEP", "NEW_PART", "AGAIN"]))
    cuts = sorted(draw(st.sets(st.integers(0, seconds), max_size=6)))
    pairs = tuple(zip(cuts[::2], cuts[1::2], strict=False)) if carry == "NEW_PART" else ()
    kind = draw(st.sampled_from(["LECTURE", "PANORAMA", "READING"]))
    if kind == "READING" and pairs:
        new_s = sum(end - start for start, end in pairs)
        pairs = ((seconds - new_s, seconds),)
    return Follows(seconds, kind, carry, pairs)


@given(folds(), changes())
def test_nothing_is_taken_and_nothing_is_given(before, follows):
    fold = begin_after(before, follows, RULES)
    # never more than there is, never a second that was not studied, unless all of it counted as completed
    assert 0 <= fold.watched < 1 << follows.seconds
    assert fold.watched & bits(*follows.new_parts) == 0
    if not before.completed:
        assert fold.watched_s <= before.watched_s
        assert not fold.completed
    # a completion is kept by KEEP, and comes by nothing else
    if follows.carry == "KEEP":
        assert fold.completed_ms == before.completed_ms
    if follows.carry == "AGAIN" or follows.new_s:
        assert not fold.completed
    # what was completed needs no more than the new parts
    if before.completed and follows.carry == "NEW_PART":
        assert fold.completed or follows.seconds - fold.watched_s == follows.new_s
        assert fold.completed or fold.needed_s - fold.watched_s <= follows.new_s
    # and it can be gone on with: where it stands may be reached
    assert fold.position_ms <= max(
        fold.frontier_ms, follows.new_parts[0][0] * 1000 if follows.new_parts else 0
    )
    assert fold.frontier_ms <= follows.seconds * 1000


@given(folds(), changes(), st.data())
def test_studying_more_before_never_means_less_after(before, follows, data):
    more = replace(
        before,
        watched=before.watched | data.draw(st.integers(0, (1 << before.seconds) - 1)),
    )
    one, other = begin_after(before, follows, RULES), begin_after(more, follows, RULES)
    assert one.watched & ~other.watched == 0


@given(folds(), changes(), st.lists(st.tuples(st.integers(0, 399), st.integers(1, 20)), max_size=30))
def test_something_is_missing_exactly_as_long_as_the_lesson_is_not_completed(before, follows, plays):
    fold = begin_after(before, follows, RULES)
    for number, (start, length) in enumerate([(0, 0), *plays]):
        beat = Beat(
            "s", number, ((start * 1000, (start + length) * 1000),), start * 1000, clock_ms=number * 30_000
        )
        fold = spans.fold_beat(fold, beat, RULES)
        pieces = spans.pieces(fold.watched, fold.seconds, fold.refused)
        missing = spans.missing(pieces, fold.needed_s, fold.seconds)
        assert bool(missing) or fold.completed
        if not fold.completed:
            assert all(one.reason and one.start_s < one.end_s for one in missing)
