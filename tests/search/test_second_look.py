"""The second look: more of the query comes forward, what is new a little, an exact title stands above both."""

from datetime import date

from search.query import plan
from search.second_look import reordered

TODAY = date(2026, 11, 28)


def row(score: float, title: str, body: str = "", day: str = ""):
    return (score, {"title": title, "body": body, "published_on": day})


def titles(rows):
    return [stored["title"] for _score, stored in rows]


def test_of_two_alike_the_newer_comes_first_and_without_a_day_neither():
    old, new = row(10.0, "消防安全通知甲", day="2020-01-01"), row(9.9, "消防安全通知乙", day="2026-11-20")
    wanted = plan("消防安全")
    assert titles(reordered([old, new], wanted, today=TODAY)) == ["消防安全通知乙", "消防安全通知甲"]
    assert titles(reordered([old, new], wanted)) == ["消防安全通知甲", "消防安全通知乙"]


def test_being_new_earns_a_tenth_at_most_and_half_of_it_after_a_year():
    wanted = plan("消防安全")
    plain = reordered([row(10.0, "消防安全一"), row(5.0, "消防安全二")], wanted)
    dated = reordered(
        [row(10.0, "消防安全一", day="2026-11-28"), row(5.0, "消防安全二", day="2025-11-28")],
        wanted,
        today=TODAY,
    )
    grown = [round(b[0] / a[0], 3) for a, b in zip(plain, dated, strict=True)]
    assert grown == [1.1, 1.05]


def test_a_day_to_come_is_no_more_than_today():
    wanted = plan("消防安全")
    rows = [row(10.0, "消防安全一", day="2026-11-28"), row(10.0, "消防安全二", day="2027-11-28")]
    scores = [score for score, _stored in reordered(rows, wanted, today=TODAY)]
    assert scores[0] == scores[1]


def test_an_exact_title_is_never_behind_for_its_age():
    wanted = plan("消防安全")
    rows = [row(10.0, "消防安全", day="1998-01-01"), row(10.0, "消防安全年", day="2026-11-28")]
    assert titles(reordered(rows, wanted, today=TODAY))[0] == "消防安全"


def test_who_holds_more_of_the_query_comes_forward():
    wanted = plan("消防安全通道堵塞怎么办")
    rows = [row(10.0, "消防消防消防"), row(9.0, "消防安全通道堵塞的处理")]
    assert titles(reordered(rows, wanted))[0] == "消防安全通道堵塞的处理"


def test_a_title_of_which_all_stands_in_the_question_comes_forward_but_not_for_keywords():
    rows = [row(10.0, "造桥史话", "赵州桥和别的桥"), row(9.5, "赵州桥", "隋代李春所建，朝代久远")]
    assert titles(reordered(rows, plan("赵州桥是谁造的")))[0] == "赵州桥"
    assert titles(reordered(rows, plan("赵州桥 史话")))[0] == "造桥史话"
