"""Words and meaning added up, on rows as an engine gives them."""

from dataclasses import replace

from search.meaning.ranking import SCALE, ranked
from search.query import NEAR, plan
from search.second_look import LOOKED_AT

WANTED = plan("党费怎么交")


def row(id, score, title="题目"):
    return score, {"kind": "book", "id": str(id), "title": title, "body": ""}


def order(rows, closeness, near=()):
    wanted = replace(WANTED, near=tuple(f"book:{id}" for id in near))
    found = ranked(rows, wanted, closeness=lambda key: closeness.get(key[5:]), look=list)
    return [stored["id"] for _score, stored in found]


def test_all_that_words_can_say_weighs_as_much_as_one_scale_of_cosine():
    rows = [row("words", 10.0), row("nearer", 5.0)]
    assert order(rows, {"words": 0.80, "nearer": 0.80 + 0.4 * SCALE}) == ["words", "nearer"]
    assert order(rows, {"words": 0.80, "nearer": 0.80 + 0.6 * SCALE}) == ["nearer", "words"]


def test_what_is_near_has_the_points_of_its_words_and_no_more():
    rows = [row("near", NEAR), row("both", NEAR + 4.0), row("words", 10.0)]
    same = dict.fromkeys(["near", "both", "words"], 0.9)
    assert order(rows, same, near=["near", "both"]) == ["words", "both", "near"]


def test_an_exact_title_stands_above_all():
    rows = [row("near", NEAR), row("exact", 90.0, "党费怎么交？"), row("words", 100.0)]
    assert order(rows, {"near": 0.99, "exact": 0.8, "words": 0.95}, near=["near"])[0] != "exact"
    rows[1] = row("exact", 90.0, "党费怎么交")
    assert order(rows, {"near": 0.99, "exact": 0.8, "words": 0.95}, near=["near"])[0] == "exact"


def test_a_document_of_unknown_meaning_is_as_near_as_the_middle_one():
    rows = [row("far", 10.0), row("new", 10.0), row("middle", 9.9), row("nearest", 10.0)]
    known = {"far": 0.80, "middle": 0.85, "nearest": 0.90}
    assert order(rows, known) == ["nearest", "new", "middle", "far"]
    assert order(rows, {}) == ["far", "new", "nearest", "middle"]


def test_those_behind_the_first_keep_their_places():
    rows = [row(number, 100.0 - number) for number in range(LOOKED_AT + 20)]
    near = LOOKED_AT + 5
    given = [row(near, NEAR + 100.0 - near), *(one for one in rows if one[1]["id"] != str(near))]
    closeness = {str(number): 0.8 + 0.001 * number for number in range(LOOKED_AT + 20)}
    found = order(given, closeness, near=[near])
    assert sorted(found, key=int) == [str(number) for number in range(LOOKED_AT + 20)]
    assert set(found[: LOOKED_AT + 1]) == {*(str(number) for number in range(LOOKED_AT)), str(near)}
    behind = [str(number) for number in range(LOOKED_AT, LOOKED_AT + 20) if number != near]
    assert found[LOOKED_AT + 1 :] == behind
