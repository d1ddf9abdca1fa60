"""Which texts of queries are kept and shown: nothing that may be somebody's number or name."""

import pytest

from search.sought.keeping import Line, keepable, name_candidates, report


@pytest.mark.parametrize(
    "query",
    [
        "13800001234",
        "138 0000 1234",
        "138-0000-1234 党费",
        "１３８００００１２３４",
        "11010119900307123X",
        "身份证 110101 1990 0307 1234",
        "1990.03.07 生",
        "一三八零零零零一二三四",
        "someone@example.org",
        "https://example.org/",
        "很" * 41,
        "？？！！",
        "  ",
    ],
)
def test_not_kept_as_text(query):
    assert keepable(query) == ""


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        (" 三会一课 ", "三会一课"),
        ("ＶＲ 全景", "vr 全景"),
        ("2026年通知", "2026年通知"),
        ("县发〔2026〕12号", "县发〔2026〕12号"),
        ("预备党员转正需要什么材料？", "预备党员转正需要什么材料?"),
        ("四个意识 五位一体", "四个意识 五位一体"),
    ],
)
def test_kept(query, kept):
    assert keepable(query) == kept


def test_what_may_be_a_name():
    assert name_candidates("张三 党费") == {"张三", "党费"}
    assert name_candidates("欧阳春的学时") >= {"欧阳春", "欧阳春的学时"}
    assert "安全" not in name_candidates("消防安全")


def test_rare_ones_are_summed_up_and_totals_rounded():
    found = report([("党费", 12, 5), ("党课", 7, 2), ("换届", 4, 4), ("张三", 1, 1), ("", 3, 0)])
    assert found.lines == [Line("党费", 12, 5), Line("党课", 7, "<5")]
    assert (found.others, found.total) == (10, 25)
    assert found.in_vain == [Line("党费", 12, 5)]


@pytest.mark.parametrize(
    ("others", "shown"), [(0, 0), (1, "<5"), (4, "<5"), (5, 5), (7, 5), (8, 10), (12, 10)]
)
def test_others_as_a_figure(others, shown):
    assert report([("", others, 0)]).others == shown


def test_nothing_held_back_leaves_the_total_exact():
    assert report([("党费", 13, 0)]).total == 13
    assert report([]).total == 0
