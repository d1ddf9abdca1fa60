"""The page /search/ and GET /api/search/, as a browser without script and as a programme see them."""

import pytest
from django.test import Client

from people.models import PartyOrganization
from search import api
from search.documents import organization_token

pytestmark = pytest.mark.django_db


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
    assert client_of().get("/search/", {"q": "安全", "kind": "quiz"}).context["kind"] is None


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
        assert client.get("/api/search/", {"q": "内部通报"}).json()["total"] == seen
        assert len(client.get("/api/search/suggest", {"q": "内部"}).json()["suggestions"]) == seen
        assert len(client.get("/api/search/suggest", {"q": "nbtb"}).json()["suggestions"]) == (seen)
        assert ("/book/inner/" in client.get("/search/", {"q": "内部通报"}).content.decode()) == bool(seen)
    assert PartyOrganization.objects.count() == 4


def test_the_schema_names_the_promise(client_of):
    schema = client_of().get("/api/openapi.json").json()
    names = {one["name"] for one in schema["paths"]["/api/search/"]["get"]["parameters"]}
    assert names >= {"q", "kind", "index", "page", "size"}
