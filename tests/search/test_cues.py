"""The cue at which a hit opens a lecture."""

import pytest

from search.cues import best_cue
from search.query import plan

WINDOW = [
    (0.0, 3.2, "同志们好，今天我们来讲民主集中制"),
    (3.2, 7.5, "它是党的根本组织原则"),
    (7.5, 11.0, "少数服从多数，下级组织服从上级组织"),
    (11.0, 15.4, "全党各个组织和全体党员服从党的全国代表大会和中央委员会"),
]


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("少数服从多数", 2),
        ("民主集中制是什么", 0),
        ("党的根本组织原则", 1),
        ("全体党员要服从中央委员会", 3),
        ("根本的组织原则是什么", 1),
        ("少数符从多数", 2),  # a wrong character of the right sound
        ("SHAOSHU 服从 多数 下级", 2),
    ],
)
def test_the_cue_that_says_it_is_chosen(said, number):
    assert best_cue(WINDOW, plan(said)) == number


def test_a_sentence_over_two_cues_is_opened_where_it_begins():
    assert best_cue(WINDOW, plan("它是党的根本组织原则少数服从多数")) == 1
    assert best_cue(WINDOW, plan("今天我们来讲民主集中制它是党的根本组织原则")) == 0


def test_without_anything_in_common_the_window_is_opened_at_its_beginning():
    assert best_cue(WINDOW, plan("森林防火")) == 0
    assert best_cue(WINDOW, plan("😀 ！？")) == 0


def test_of_equal_cues_the_first_is_chosen():
    assert best_cue([(0, 1, "开会"), (1, 2, "开会")], plan("开会")) == 0


def test_no_cues_are_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="without cues"):
        best_cue([], plan("开会"))
