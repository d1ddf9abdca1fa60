"""Asking: what is found first, what is marked, what is offered instead."""

from datetime import date

import pytest
from django.contrib.auth.models import AnonymousUser

from search import api

pytestmark = pytest.mark.django_db
NOBODY = AnonymousUser()


@pytest.fixture(autouse=True)
def index(library):
    api.rebuild()
    return library


def titles(query, **more):
    return [hit.title for hit in api.search(query, NOBODY, **more).hits]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("民主集中制", "党章里的民主集中制：六条基本原则"),
        ("民主及中制", "党章里的民主集中制：六条基本原则"),  # wrong character of the right sound
        ("明组及中", "党章里的民主集中制：六条基本原则"),  # -ng for -n, z for zh
        ("民集中", "党章里的民主集中制：六条基本原则"),  # a character is missing
        ("民主集中 制 党章", "党章里的民主集中制：六条基本原则"),
        ("minzhujizhongzhi", "党章里的民主集中制：六条基本原则"),
        ("mzjzz", "党章里的民主集中制：六条基本原则"),
        ("mínzhǔ jízhōng", "党章里的民主集中制：六条基本原则"),
        ("dfsj", "党费收缴怎么算"),
        ("df", "党费收缴怎么算"),
        ("党费", "党费收缴怎么算"),
        ("交党费", "党费收缴怎么算"),
        ("党费收缴怎么算", "党费收缴怎么算"),
        ("预备党员转正需要什么材料？", "预备党员转正的手续"),
        ("转组织关系怎么办", "组织关系转接一次办好"),
        ("三会一课", "支部党员大会怎样开"),  # only by its synonym
        ("ＶＲ", "VR 全景：走进旧址"),
        ("vr全景", "VR 全景：走进旧址"),
        ("消防条例", "消防安全进社区"),
        ("消", "消防安全进社区"),
        ("党员活动日", "主题党日这样安排"),
    ],
)
def test_the_right_thing_comes_first(query, first):
    assert titles(query)[:1] == [first]


def test_a_short_keyword_finds_only_what_holds_it():
    found = api.search("党费", NOBODY)
    assert [hit.title for hit in found.hits] == ["党费收缴怎么算"]
    assert (found.total, found.counts, found.pages) == (1, {"book": 1}, 1)
    assert not found.loosened


def test_a_word_of_the_language_is_not_heard_as_another(library):
    library.put("people", "民族团结一家亲", "各族群众守望相助。", kind="book")
    library.put("clean", "环境整治月", "", kind="book")
    library.put("rule", "党内政治生活", "", kind="book")
    api.rebuild()
    assert "民族团结一家亲" not in titles("民主")
    assert titles("政治") == ["党内政治生活"]
    assert titles("名族")[0] == "民族团结一家亲"  # no word: who types it means one that sounds like it


def test_a_word_that_nothing_holds_is_heard_as_another(library):
    library.put("clean", "环境整治月", "", kind="book")
    api.rebuild()
    found = api.search("正治", NOBODY)
    assert [hit.title for hit in found.hits] == ["环境整治月"]


def test_nothing_whole_gives_what_is_near_and_says_so():
    found = api.search("乡村振兴人才返乡创业补贴", NOBODY)
    assert found.loosened
    assert found.hits[0].title == "村级后备干部的培养"


def test_who_describes_a_thing_without_its_name_finds_it_and_is_told_that_it_is_only_near(library):
    library.put("kan", "坎儿井", "在戈壁下面开挖暗渠，引山上融化的雪水灌田，避免蒸发。", kind="book")
    api.rebuild()
    found = api.search("地底下挖沟，引来雪山的水浇田，不怕晒，那叫什么", NOBODY)
    assert found.hits[0].title == "坎儿井"
    assert found.loosened
    assert not api.search("雪水从哪里引来", NOBODY).loosened


def test_in_order_of_date_what_is_merely_near_does_not_stand_first_for_being_new(library):
    """The newest share only characters with the sentence, an older one words."""
    for number in range(25):
        body = "开挖暗渠，引山上融化的雪水灌田，怕日晒。"
        library.put(f"new{number}", f"新闻{number}", body, kind="book", published_on=date(2026, 11, 1))
    library.put("old", "旧闻", "地底下挖沟，不怕晒。", kind="book", published_on=date(2001, 1, 1))
    api.rebuild()
    asked = "地底下挖沟，引来雪山的水浇田，不怕晒，那叫什么"
    by_date = api.search(asked, NOBODY, sort="date")
    assert [hit.id for hit in by_date.hits] == ["old"]
    assert (by_date.total, by_date.loosened) == (1, False)
    by_relevance = api.search(asked, NOBODY)
    assert (by_relevance.hits[0].id, by_relevance.total, by_relevance.loosened) == ("old", 26, False)


def test_in_order_of_date_what_is_near_is_listed_where_there_is_nothing_else(library):
    library.put("kan", "坎儿井", "在戈壁下面开挖暗渠，引山上融化的雪水灌田，避免蒸发。", kind="book")
    api.rebuild()
    found = api.search("地底下挖沟，引来雪山的水浇田，不怕晒，那叫什么", NOBODY, sort="date")
    assert "坎儿井" in [hit.title for hit in found.hits]
    assert found.loosened


def test_an_exact_title_stands_above_all(library):
    for number in range(20):
        library.put(f"x{number}", f"主题党日 主题党日 主题党日 {number}", "主题党日" * 50, kind="book")
    library.put("exact", "主题党日", "", kind="film")
    api.rebuild()
    assert titles("主题党日")[0] == "主题党日"
    assert titles(" 主题党日　")[0] == "主题党日"


def test_a_word_in_many_titles_still_counts_more_than_one_deep_in_a_text(library):
    for number in range(12):
        library.put(f"x{number}", f"志愿服务问答（{number}）", "怎样报名。", kind="book")
    library.put("text", "社区公告", "最后提一句志愿服务。", kind="book")
    api.rebuild()
    found = titles("志愿服务")
    assert len(found) == 13 and found[-1] == "社区公告"


def test_tabs_keep_their_counts_whatever_is_chosen():
    everything = api.search("党员", NOBODY)
    films = api.search("安全", NOBODY, kind="film")
    assert everything.total == everything.counts["book"] + everything.counts.get("film", 0)
    assert {hit.kind for hit in films.hits} == {"film"}
    assert films.total == films.counts["film"] == 1
    with pytest.raises(api.KindUnknown):
        api.search("安全", NOBODY, kind="quiz")


def test_leafing_shows_each_hit_once(library):
    for number in range(45):
        library.put(f"n{number}", f"安全生产第{number}讲", "安全生产人人有责", kind="film")
    api.rebuild()
    pages = [api.search("安全生产", NOBODY, page=page, size=20) for page in (1, 2, 3, 4)]
    assert [len(page.hits) for page in pages] == [20, 20, 5, 0]
    assert pages[0].total == 45 and pages[0].pages == 3
    assert len({hit.id for page in pages for hit in page.hits}) == 45


def test_hits_are_marked_and_nothing_else_is_markup(library):
    library.put(
        "evil", "<script>党徽</script>党徽使用", "请看<img src=x onerror=alert(1)>党徽的使用。", kind="book"
    )
    api.rebuild()
    hit = api.search("党徽", NOBODY).hits[0]
    assert hit.title_html == ("&lt;script&gt;<mark>党徽</mark>&lt;/script&gt;<mark>党徽</mark>使用")
    assert hit.excerpt_html == "请看&lt;img src=x onerror=alert(1)&gt;<mark>党徽</mark>的使用。"


def test_what_was_found_by_sound_is_marked():
    assert api.search("mzjzz", NOBODY).hits[0].title_html == ("党章里的<mark>民主集中制</mark>：六条基本原则")
    assert "<mark>民主集中制</mark>" in api.search("民主及中制 四个服从", NOBODY).hits[0].title_html


def test_what_was_found_by_a_near_sound_is_marked():
    found = api.search("明组及中", NOBODY)
    assert "<mark>民主集中</mark>" in found.hits[0].title_html


def test_did_you_mean_offers_and_never_replaces():
    found = api.search("民主及中制 四个服从", NOBODY)
    assert found.did_you_mean == "民主集中制 四个服从"
    assert found.query == "民主及中制 四个服从"
    assert api.search("民主集中制", NOBODY).did_you_mean == ""


def test_what_a_hit_says_as_it_was_typed_is_not_put_right(shelf):
    shelf.put("1", "公示表的填写", "公示期为五个工作日，公示期内可以反映情况。", kind="book")
    api.rebuild()
    found = api.search("公示期", NOBODY)
    assert ([hit.id for hit in found.hits], found.did_you_mean) == (["1"], "")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("党", "党员教育培训学时认定办法（试行）"),
        ("民主", "党章里的民主集中制：六条基本原则"),
        ("dangf", "党费收缴怎么算"),
        ("zzgx", "组织关系转接一次办好"),
        ("消防", "消防安全进社区"),
    ],
)
def test_titles_are_suggested_while_typing(typed, offered):
    assert offered in [one.title for one in api.suggest(typed, NOBODY)]


@pytest.mark.parametrize("nothing", ["", "   ", "？！。", "😀", "\x00", "\ud800", "的", "()"])
def test_nothing_to_look_for_finds_nothing(nothing):
    if nothing != "的":
        assert api.search(nothing, NOBODY).hits == []
    assert isinstance(api.suggest(nothing, NOBODY), list)


@pytest.mark.parametrize(
    "odd",
    [
        '"安全', '消防 "', '安全"生产', "title:(党", "AND OR NOT", "[a TO z]", "党*", "党~2^9", "\\",
        "'; DROP TABLE people_member; --", "<script>alert(1)</script>", "a" * 2000, "党" * 2000,
        "\ud83d党员\udc00", "党\x00员", "%E5%85%9A", "{{ 7*7 }}", "\u202e党员",
    ],
)  # fmt: skip
def test_odd_queries_are_only_text(odd):
    found = api.search(odd, NOBODY)
    for hit in found.hits:
        for html in (hit.title_html, hit.excerpt_html):
            assert "<" not in html.replace("<mark>", "").replace("</mark>", "")
    api.suggest(odd, NOBODY)
