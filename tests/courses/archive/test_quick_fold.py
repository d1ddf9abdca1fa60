"""The quick fold reckons what spans.fold_beat reckons; a body is packed in one way and comes back whole."""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from courses.archive import batches, packing, spans
from courses.archive.quick_fold import as_beat, fold_session

SESSION = "01990000-0000-7000-8000-000000000001"
NEWER = "01990000-0000-7000-8000-000000000002"
BODIES = st.fixed_dictionaries(
    {
        "intervals": st.lists(
            st.tuples(st.integers(0, 86_400_000), st.integers(0, 86_400_000)).map(lambda pair: sorted(pair)),
            max_size=50,
        ).map(lambda pairs: [pair for pair in pairs if pair[0] < pair[1]]),
        "position_ms": st.integers(0, 86_400_000),
        "rate": st.integers(0, 16_000).map(lambda n: n / 1000),
        "visible": st.booleans(),
        "clock_ms": st.integers(0, 2**53),
        "flags": st.sets(st.sampled_from(sorted(batches.FLAGS))).map(sorted),
    }
)


@given(BODIES)
def test_a_body_comes_back_as_it_was(body):
    assert packing.unpack(packing.pack(body)) == body


@pytest.mark.parametrize("kept", [b"", b"\x01", b"\x01" * 18, b"\x02" * 16, b"\x02" * 30, b"\x03" * 17])
def test_bytes_that_are_no_body_are_refused(kept):
    with pytest.raises(ValueError):
        packing.unpack(kept)


@given(
    st.fixed_dictionaries(
        {
            "seq": st.integers(-1, 2**30) | st.just(True) | st.just("1"),
            "intervals": st.lists(
                st.lists(st.integers(-1, 86_400_001) | st.just(1.0), min_size=1, max_size=3), max_size=2
            ),
            "position_ms": st.integers(-1, 40) | st.floats(allow_nan=True),
            "clock_ms": st.integers(-1, 2**53 + 1) | st.none(),
        },
        optional={
            "rate": st.sampled_from([1, 1.0, True, 0, 1.5, "1"]),
            "visible": st.sampled_from([True, False, 1, None]),
            "flags": st.sampled_from([[], None, ["idle"], ["?"], "idle", 0]),
        },
    )
)
@example({"seq": 1, "intervals": [[0, 20]], "position_ms": 20, "clock_ms": 5, "rate": True})
@settings(max_examples=500)
def test_the_quick_reading_of_a_beat_reads_what_the_thorough_one_does(raw):
    quick = batches._usual(raw, batches.CLIENT_SEQ_LIMIT)
    if quick is not None:
        assert quick == batches._beat(0, raw, batches.CLIENT_SEQ_LIMIT)


def test_the_usual_beat_is_read_quickly():
    raw = {"seq": 1, "intervals": [[0, 20]], "position_ms": 20, "clock_ms": 5, "rate": 1, "visible": True}
    assert batches._usual(raw, batches.CLIENT_SEQ_LIMIT) is not None


@st.composite
def _histories(draw):
    """Beats as phones make them, mostly usual, with all that may be wrong with some of them."""
    rows = {}
    position_ms, clock_ms, received_ms, wall_ms = 0, 1_000_000, 2_000_000, 0
    for seq in range(draw(st.integers(1, 40))):
        played_ms = draw(st.sampled_from([15_000, 15_003, 14_200, 250, 0, 31_000]))
        gone_ms = draw(st.sampled_from([0, 0, 0, 2, -15_000, 8_000, 400_000]))
        start_ms = max(0, position_ms + gone_ms)
        end_ms = start_ms + played_ms
        clock_ms += draw(
            st.sampled_from([played_ms, played_ms, played_ms + 40, 15_000, 0, -86_400_000, 300_000])
        )
        clock_ms = max(clock_ms, 0)
        received_ms += draw(st.sampled_from([15_000, 15_000, 0, -20]))
        wall_ms += draw(st.sampled_from([15_000, 15_000, 15_000, 0]))
        body = {
            "intervals": [[start_ms, end_ms]] if played_ms else [],
            "position_ms": draw(st.sampled_from([end_ms, end_ms, end_ms, start_ms, end_ms + 60_000])),
            "rate": draw(st.sampled_from([1.0, 1.0, 1.0, 1.5, 2.0])),
            "visible": draw(st.sampled_from([True, True, True, False])),
            "clock_ms": clock_ms,
            "flags": draw(st.sampled_from([[], [], [], ["idle"], ["audio"], ["confirmed"]])),
        }
        late_ms = draw(st.sampled_from([0, 0, 0, 86_400_001]))
        in_lease = draw(st.sampled_from([True, True, True, False]))
        rows[seq] = (seq, packing.pack(body), wall_ms, received_ms, received_ms - late_ms, in_lease)
        position_ms = end_ms
    return list(rows.values())


RULES = st.builds(
    spans.PlayRules,
    speed_cap=st.sampled_from([1.0, 1.0, 1.5, 0.5]),
    strict_seek=st.booleans(),
    complete_at=st.sampled_from(["0.95", "0.1", "0"]),
)


@given(
    _histories(), RULES, st.integers(0, 700), st.sampled_from(["LECTURE", "AUDIO", "READING"]), st.randoms()
)
@settings(max_examples=1000)
def test_the_quick_fold_reckons_what_the_plain_one_does(rows, rules, seconds, kind, chance):
    # given one history in two sessions, cut anywhere, doubled in places
    cut = chance.randint(0, len(rows))
    doubled = sorted([*rows, *chance.sample(rows, len(rows) // 3)])
    parts = [(SESSION, doubled[:cut]), (SESSION, doubled[cut:]), (NEWER, rows[: len(rows) // 2])]
    quick = plain = spans.begin(seconds, rules, kind=kind)
    # when both fold it
    for session, part in parts:
        quick = fold_session(quick, session, part, rules)
        for row in part:
            plain = spans.fold_beat(plain, as_beat(session, row, rules), rules)
        # then they agree after each part, down to the last field
        assert replace(quick, flags=()) == replace(plain, flags=())
