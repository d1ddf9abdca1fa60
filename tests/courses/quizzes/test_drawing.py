"""Drawing and grading without a database (domain.md §1.5)."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.quizzes.drawing import Item, checked, draw, grade, right_keys
from courses.quizzes.errors import BadAnswer, PaperIncomplete
from courses.quizzes.options import OptionsUnreadable, parse_options

PLAN = {"SINGLE": (10, 5), "MULTI": (5, 6), "JUDGE": (5, 4)}
BANK = [
    *(Item(n, "SINGLE", f"s{n}", (("right", True), ("a", False), ("b", False))) for n in range(100, 120)),
    *(Item(n, "MULTI", f"m{n}", (("r1", True), ("r2", True), ("w", False))) for n in range(200, 210)),
    *(Item(n, "JUDGE", f"j{n}", (("", n % 2 == 0), ("", n % 2 == 1))) for n in range(300, 310)),
]


@given(st.integers())
def test_twenty_different_questions_worth_a_hundred_points(seed):
    drawn = draw(BANK, PLAN, Random(seed))
    assert [question["kind"] for question in drawn] == ["SINGLE"] * 10 + ["MULTI"] * 5 + ["JUDGE"] * 5
    assert len({question["id"] for question in drawn}) == 20
    assert sum(question["points"] for question in drawn) == 100
    assert grade(drawn, right_keys(drawn)) == 100
    assert grade(drawn, {}) == 0
    for question in drawn:
        texts = {option["key"]: option["text"] for option in question["options"]}
        if question["kind"] == "SINGLE":
            assert [texts[key] for key in question["right"]] == ["right"]
        elif question["kind"] == "MULTI":
            assert sorted(texts[key] for key in question["right"]) == ["r1", "r2"]
        else:
            assert question["right"] == ["T" if question["id"] % 2 == 0 else "F"]


def test_two_draws_differ():
    assert draw(BANK, PLAN, Random(1)) != draw(BANK, PLAN, Random(2))


@pytest.mark.parametrize(
    ("given_keys", "points"),
    [(["A", "B"], 6), (["B", "A"], 6), (["A"], 0), (["A", "B", "C"], 0), (["C"], 0), ([], 0)],
)
def test_several_right_answers_count_only_whole(given_keys, points):
    question = {
        "id": 1,
        "kind": "MULTI",
        "points": 6,
        "options": [{"key": key, "text": key} for key in "ABC"],
        "right": ["A", "B"],
    }
    assert grade([question], {"1": given_keys}) == points


def test_a_bank_that_is_too_small_is_named():
    with pytest.raises(PaperIncomplete) as refused:
        draw(BANK, {"MULTI": (11, 6)}, Random(1))
    assert (refused.value.kind, refused.value.there, refused.value.wanted) == ("MULTI", 10, 11)


@pytest.mark.parametrize(
    "answers", [{"999": ["A"]}, {"100": ["Z"]}, {"100": ["A", "B"]}, {"300": ["T", "F"]}, {"x": []}]
)
def test_answers_to_what_was_not_asked_or_offered(answers):
    drawn = draw([BANK[0], BANK[30]], {"SINGLE": (1, 5), "JUDGE": (1, 4)}, Random(1))
    with pytest.raises(BadAnswer):
        checked(drawn, answers)


def test_an_answer_taken_back_is_kept_as_none():
    drawn = draw([BANK[0]], {"SINGLE": (1, 5)}, Random(1))
    assert checked(drawn, {"100": []}) == {"100": []}


def test_answers_are_written_one_a_line():
    options = parse_options("* 民主集中制\n\n  首长负责制 \n＊ 集体领导\n")
    assert [(one.text, one.right) for one in options] == [
        ("民主集中制", True),
        ("首长负责制", False),
        ("集体领导", True),
    ]


@pytest.mark.parametrize("text", ["", "* one", "a\na", "*\nb", "\n".join("abcdefghi")])
def test_lines_that_are_no_answers(text):
    with pytest.raises(OptionsUnreadable):
        parse_options(text)
