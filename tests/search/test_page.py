"""The page /search/ and GET /api/search/, as a browser without script and as a programme see them."""

from dataclasses import replace
from datetime import date

import pytest
from django.test import Client

from people.models import PartyOrganization
from search import api, documents, views
from search.asked import Asked
from search.documents import organization_token

pytestmark = pytest.mark.django_db

SITE_FRAME = 1
"""Queries of the page's frame for a visitor who is not signed in."""


@pytest.fixture
def client_of(library):
    api.rebuild()

    def make(member=None):
        client = Client()
        if member is not None:
            client.force_login(member, backend="people.sign_in.UsernameOrPhoneBackend")
        return client

    return make


def test_the_page_shows_tabs_hits_and_marks(client_of):
    page = client_of().get("/search/", {"q": "民主集中制"})
    text = page.content.decode()
    assert page.status_code == 200
    assert "党章里的<mark>民主集中制</mark>：六条基本原则" in text
    assert 'href="/book/1/"' in text
    assert "?q=%E6%B0%91%E4%B8%BB%E9%9B%86%E4%B8%AD%E5%88%B6&amp;kind=book" in text
    assert 'value="民主集中制"' in text


def test_a_tab_keeps_the_query_and_an_unknown_one_shows_all(client_of):
    films = client_of().get("/search/", {"q": "安全", "kind": "film"})
    assert [one["hit"].kind for one in films.context["hits"]] == ["film"]
    assert client_of().get("/search/", {"q": "安全", "kind": "quiz"}).context["kind"] == ""


def test_without_words_the_page_invites_and_without_hits_it_helps(client_of):
    empty = client_of().get("/search/").content.decode()
    assert "想找什么" in empty
    none = client_of().get("/search/", {"q": "zzzzqqqq"}).content.decode()
    assert "没有找到" in none and "/courses/" in none


def test_what_was_typed_comes_back_escaped(client_of):
    page = client_of().get("/search/", {"q": '"><script>alert(1)</script>党费'})
    text = page.content.decode()
    assert "<script>alert" not in text
    assert "党费收缴怎么算" in text.replace("<mark>", "").replace("</mark>", "")


@pytest.mark.parametrize("p", ["0", "-1", "x", "99999999", "²", ""])
def test_odd_page_numbers_are_no_error(client_of, p):
    assert client_of().get("/search/", {"q": "党员", "p": p}).status_code == 200


def test_a_broken_engine_is_said_and_the_rest_goes_on(client_of, lose_index):
    client = client_of()
    lose_index()
    page = client.get("/search/", {"q": "党费"})
    assert (page.status_code, page["Retry-After"]) == (503, "30")
    assert "暂时不能检索" in page.content.decode()
    answer = client.get("/api/search/", {"q": "党费"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert answer.json()["code"] == "SEARCH_UNAVAILABLE"
    assert client.get("/search/").status_code == 200
    assert client.get("/privacy/").status_code == 200


def test_the_endpoint_answers_with_safe_html_and_counts(client_of):
    answer = client_of().get("/api/search/", {"q": "党费", "size": 5}).json()
    assert (answer["total"], answer["counts"], answer["page"], answer["pages"]) == (1, {"book": 1}, 1, 1)
    hit = answer["results"][0]
    assert (hit["id"], hit["kind"], hit["title"], hit["url"]) == ("3", "book", "党费收缴怎么算", "/book/3/")
    assert "<mark>党费</mark>" in hit["excerpt_html"] and "<" not in hit["excerpt"]
    assert answer["took_ms"] > 0


def test_the_endpoint_refuses_what_it_cannot_do(client_of):
    client = client_of()
    refused = client.get("/api/search/", {"q": "党费", "kind": "quiz"})
    assert (refused.status_code, refused.json()["code"]) == (422, "KIND_UNKNOWN")
    assert client.get("/api/search/", {"q": "党费", "size": 1000}).status_code == 422
    assert client.get("/api/search/").json()["total"] == 0


def test_page_and_endpoint_know_who_asks(client_of, library, member_in, tree):
    library.put("inner", "支部内部通报", kind="book", acl=[organization_token(tree["11"])])
    inside, beside = member_in("11"), member_in("13")
    api.rebuild()
    for viewer, seen in ((None, 0), (beside, 0), (inside, 1)):
        client = client_of(viewer)
        found = client.get("/api/search/", {"q": "内部通报"}).json()
        # Who may not see it is offered what is near, and told so.
        assert [hit["id"] for hit in found["results"]].count("inner") == seen
        assert found["loosened"] == (not seen)
        assert len(client.get("/api/search/suggest", {"q": "内部"}).json()["suggestions"]) == seen
        assert len(client.get("/api/search/suggest", {"q": "nbtb"}).json()["suggestions"]) == (seen)
        assert ("/book/inner/" in client.get("/search/", {"q": "内部通报"}).content.decode()) == bool(seen)
    assert PartyOrganization.objects.count() == 4


@pytest.fixture
def narrowed(shelves):
    def ask(member=None, **data):
        client = Client()
        if member is not None:
            client.force_login(member, backend="people.sign_in.UsernameOrPhoneBackend")
        page = client.get("/search/", {"q": "消防安全", **data})
        return [one["hit"].id for one in page.context["hits"]], page

    return ask


def test_filters_narrow_and_each_can_be_taken_away(narrowed):
    ids, page = narrowed(kind="book", year="2026", category="通知")
    assert sorted(ids) == ["2", "3"]
    text = page.content.decode()
    assert "类别：通知" in text and "年份：2026 年" in text
    assert [chip["href"] for chip in page.context["chips"]] == [
        Asked("消防安全", kind="book", year="2026").address(),
        Asked("消防安全", kind="book", category="通知").address(),
    ]
    offered = {field["name"]: field["options"] for field in page.context["fields"]}
    assert [(one["value"], one["count"]) for one in offered["year"]] == [("2026", 2), ("2025", 1)]
    assert [one["value"] for one in offered["issuer"]] == ["县委组织部", "应急管理局"]
    assert "length" not in offered and "finished" not in offered
    assert '<option value="2026" selected>2026 年 (2)</option>' in text


@pytest.mark.embedded
def test_tabs_sorting_and_pages_keep_the_filters(narrowed, monkeypatch):
    monkeypatch.setattr(views, "SIZE", 2)
    ids, page = narrowed(kind="book", issuer="", year="2026", sort="date")
    assert ids == ["3", "2"]
    wanted = Asked("消防安全", kind="book", year="2026", sort="date")
    assert page.context["next_page"] == wanted.address(page=2)
    assert [(tab["count"], tab["href"]) for tab in page.context["tabs"]] == [
        (4, wanted.address(kind="")),
        (3, wanted.address()),
        (1, wanted.address(kind="film")),
    ]
    assert [(sort["href"], sort["current"]) for sort in page.context["sorts"]] == [
        (wanted.address(sort="relevance"), False),
        (wanted.address(), True),
    ]
    assert narrowed(kind="book", year="2026", sort="date", p="2")[0] == ["4"]


@pytest.mark.embedded
def test_filters_that_leave_nothing_say_so_and_how_to_go_on(narrowed):
    ids, page = narrowed(year="2025", issuer="县委组织部")
    text = page.content.decode()
    assert ids == []
    assert "按这些条件没有找到" in text and "去掉这些条件有 6 条" in text
    assert "去掉全部筛选" in text and len(page.context["chips"]) == 2
    assert page.context["without_filters"] == Asked("消防安全").address()


@pytest.mark.embedded
def test_a_page_behind_the_last_leads_back(narrowed):
    ids, page = narrowed(p="40")
    assert ids == []
    assert "没有这么多页" in page.content.decode()
    assert page.context["last_page"] == Asked("消防安全").address()


@pytest.mark.embedded
def test_finished_or_not_is_for_members(narrowed, member_in, monkeypatch):
    monkeypatch.setattr(documents, "_finished", [lambda member: ["book:1", "film:9"]])
    member = member_in(None)
    assert sorted(narrowed(member, finished="yes")[0]) == ["1", "9"]
    ids, page = narrowed(member, finished="no")
    assert sorted(ids) == ["2", "3", "4", "5"]
    assert "不看已学完的" in page.content.decode()
    assert len(narrowed(finished="yes")[0]) == 6


@pytest.mark.embedded
def test_moments_of_a_lecture_open_it_there(narrowed, monkeypatch):
    found = api.search

    def with_moments(*args, **more):
        results = found(*args, **more)
        moment = api.Moment(754.0, 760.0, "先<mark>断电</mark>再灭火", "/film/9/?from=754#player")
        hits = [replace(hit, moments=(moment,)) if hit.id == "9" else hit for hit in results.hits]
        return replace(results, hits=hits)

    monkeypatch.setattr(api, "search", with_moments)
    text = narrowed(kind="film")[1].content.decode()
    assert 'href="/film/9/?from=754#player"' in text
    assert "从 12:34 播放" in text and "先<mark>断电</mark>再灭火" in text.replace("&lt;", "<").replace(
        "&gt;", ">"
    )


@pytest.mark.embedded
def test_while_only_titles_are_searched_the_page_says_so_and_offers_no_filters(narrowed, monkeypatch):
    found = api.search
    monkeypatch.setattr(api, "search", lambda *args, **more: replace(found(*args, **more), degraded=True))
    ids, page = narrowed()
    text = page.content.decode()
    assert len(ids) == 6
    assert "暂时只按标题查找" in text and "search-filters" not in text


def test_an_old_exact_title_stands_above_fresh_partial_ones(shelf):
    shelf.put("old", "消防安全", kind="book", published_on=date(2009, 1, 1))
    for number in range(30):
        shelf.put(
            f"new{number}",
            f"全县消防安全大检查第{number}次通报",
            "消防安全" * 20,
            kind="book",
            published_on=date(2026, 11, 27),
        )
    api.rebuild()
    page = Client().get("/search/", {"q": "消防安全"})
    assert page.context["hits"][0]["hit"].id == "old"


@pytest.mark.embedded
def test_the_page_asks_the_database_nothing_about_hits(client_of, django_assert_num_queries):
    client = client_of()
    client.get("/search/", {"q": "党员"})
    with django_assert_num_queries(SITE_FRAME):
        client.get("/search/", {"q": "党员", "year": "2026"})


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"length": "endless"}, "LENGTH_UNKNOWN"),
        ({"finished": "perhaps"}, "FINISHED_UNKNOWN"),
        ({"finished": "yes"}, "SIGN_IN_FIRST"),
        ({"sort": "title"}, "SORT_UNKNOWN"),
    ],
)
def test_the_endpoint_says_in_chinese_what_it_cannot_narrow_by(shelves, data, code):
    answer = Client().get("/api/search/", {"q": "消防", **data})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert "。" in answer.json()["message"]


def test_the_endpoint_narrows_sorts_and_tells_what_may_be_chosen(shelves, member_in, monkeypatch):
    asked = {"q": "消防安全", "kind": "book", "year": "2026", "sort": "date", "facets": "true"}
    answer = Client().get("/api/search/", asked).json()
    assert [one["id"] for one in answer["results"]] == ["3", "2", "4"]
    assert answer["facets"]["issuer"] == {"县委组织部": 2, "应急管理局": 1}
    assert Client().get("/api/search/", {"q": "消防安全"}).json()["facets"] == {}
    monkeypatch.setattr(documents, "_finished", [lambda member: ["book:1", "film:9"]])
    client = Client()
    client.force_login(member_in(None), backend="people.sign_in.UsernameOrPhoneBackend")
    answer = client.get("/api/search/", {"q": "消防安全", "finished": "yes"}).json()
    assert sorted(one["id"] for one in answer["results"]) == ["1", "9"]


def test_the_schema_names_the_promise(client_of):
    schema = client_of().get("/api/openapi.json").json()
    names = {one["name"] for one in schema["paths"]["/api/search/"]["get"]["parameters"]}
    assert names == {
        *("q", "kind", "index", "page", "size", "sort", "facets"),
        *("category", "year", "issuer", "length", "finished"),
    }
