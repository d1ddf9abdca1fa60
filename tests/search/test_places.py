"""Captions as windows, and what was found in them as places: cutting, falling together, standing together. Pure."""

import pytest

from search.documents import Document
from search.entries import entry_of
from search.places import gathered
from search.query import plan
from search.windows import Cue, cues_of, opened_at, windows_of


def said(*texts, start=0.0):
    return [Cue(start + number, start + number + 0.5, text) for number, text in enumerate(texts)]


def stored(video, number, cues):
    return entry_of(
        Document(id=f"{video}:{number}", kind="cue", title=video, group=video, video=video, cues=cues), {}
    ).stored


def rows(video, *texts, score=10.0, start=0.0):
    return [
        (score - number, stored(video, number, cues))
        for number, cues in windows_of(said(*texts, start=start))
    ]


def text_row(id, score):
    return score, entry_of(Document(id=id, kind="book", title=f"书{id}", body="组织生活"), {}).stored


@pytest.mark.parametrize(
    ("count", "windows"),
    [
        (0, []),
        (1, ["0"]),
        (4, ["0123"]),
        (5, ["0123", "234"]),
        (6, ["0123", "2345"]),
        (7, ["0123", "2345", "456"]),
    ],
)
def test_every_two_neighbouring_cues_lie_in_one_window_and_none_lies_within_another(count, windows):
    cut = windows_of(said(*map(str, range(count))))
    assert [(number, "".join(cue.text for cue in cues)) for number, cues in cut] == list(enumerate(windows))


def test_the_cues_come_back_out_of_the_one_text_that_is_stored():
    row = stored("v", 0, said("  同志们\n好 ", "\ud800今天", "", "学习　党章"))
    assert row["body"] == "同志们 好 今天  学习 党章"
    assert [cue.text for cue in cues_of(row)] == ["同志们 好", "今天", "", "学习 党章"]
    assert [cue.start_s for cue in cues_of(row)] == [0.0, 1.0, 2.0, 3.0]
    assert cues_of({"body": "一段文字"}) == []


def test_what_is_said_is_found_by_itself_and_not_by_its_lecture_s_title():
    tokens = entry_of(Document(id="v:0", kind="cue", title="党章学习", cues=said("四个", "服从")), {}).tokens
    assert tokens["title_bigrams"] == tokens["pinyin"] == []
    # A sentence that runs on from one cue into the next is not torn there.
    assert tokens["body_bigrams"] == ["四个", "个服", "服从"]


def test_two_windows_that_mean_the_same_cue_are_one_place():
    found = gathered(
        rows("v", "甲", "乙", "四个服从", "丙", "丁", "戊"), plan("四个服从"), together=False, wanted=9
    )
    assert [(one.score, one.cue.text) for one in found if one.cue.text == "四个服从"] == [(10.0, "四个服从")]


def test_places_of_a_lecture_stand_together_under_its_best_and_at_most_three():
    given = [
        row for start in range(5) for row in rows("v", "四个服从", start=start * 100.0, score=10.0 - start)
    ]
    given = sorted([*given, text_row("1", 8.5), *rows("w", "四个服从", score=7.5)], key=lambda row: -row[0])

    found = gathered(given, plan("四个服从"), together=True, wanted=9)

    assert [one.row["group"] or one.row["id"] for one in found] == ["v", "1", "w"]
    assert found[0].cue.start_s == 0.0
    assert [cue.start_s for _row, cue in found[0].others] == [100.0, 200.0]


def test_apart_each_place_stands_where_its_score_puts_it():
    given = [
        *rows("v", "四个服从", score=10),
        *rows("w", "四个服从", score=9),
        *rows("v", "四个服从", start=50, score=8),
    ]
    found = gathered(given, plan("四个服从"), together=False, wanted=2)
    assert [(one.row["video"], one.cue.start_s) for one in found] == [("v", 0.0), ("w", 0.0)]


def test_a_list_that_is_long_enough_still_learns_of_its_lectures_places():
    given = [*rows("v", "四个服从", score=10), text_row("1", 9), *rows("v", "四个服从", start=50, score=8)]
    (only,) = gathered(given, plan("四个服从"), together=True, wanted=1)
    assert [cue.start_s for _row, cue in only.others] == [50.0]


def test_an_address_opens_at_the_whole_second_in_which_the_cue_begins():
    assert opened_at("/courses/a/?from={s}#player", 244.9) == "/courses/a/?from=244#player"
    assert opened_at("/courses/a/", 244.9) == "/courses/a/"
