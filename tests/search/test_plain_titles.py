"""The index is missing, damaged or of another version: titles are searched in the database, and pages say so."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from courses.catalogue.models import Disclosure
from people.models import Member
from search import api
from search.engines import tantivy as embedded
from search.engines.current import engine
from search.errors import IndexMissing, IndexNameUnfit, KindUnknown
from tests.factories import CourseFactory, LessonFactory, MemberFactory, PolicyFactory

pytestmark = pytest.mark.django_db

NOBODY = AnonymousUser()


@pytest.fixture
def school():
    """An open course, one for a branch, a policy for members; no index."""
    inside = MemberFactory()
    open_course = CourseFactory(title="基层治理十讲", disclosure=Disclosure.PUBLIC)
    LessonFactory(parent=open_course, title="第四讲 基层议事怎么开")
    LessonFactory(parent=open_course, title="草稿 基层议事", live=False)
    branch = CourseFactory(
        title="基层支部内部培训", disclosure=Disclosure.SUBTREE, opened_to=[inside.organization]
    )
    LessonFactory(parent=branch, title="基层内部第一课")
    PolicyFactory(title="基层学时认定办法", disclosure=Disclosure.ALL_MEMBERS)
    return Member.objects.get(pk=inside.pk)


def titles(query, viewer, **options):
    found = api.search(query, viewer, **options)
    assert found.degraded
    return [hit.title for hit in found.hits]


def test_each_viewer_finds_by_title_what_he_may_see(school):
    assert titles("基层", NOBODY) == ["基层治理十讲", "第四讲 基层议事怎么开"]
    assert titles("基层", MemberFactory()) == ["基层治理十讲", "第四讲 基层议事怎么开", "基层学时认定办法"]
    assert titles("基层", school) == [
        "基层治理十讲",
        "基层支部内部培训",
        "基层内部第一课",
        "第四讲 基层议事怎么开",
        "基层学时认定办法",
    ]


def test_each_word_must_stand_in_the_title(school):
    assert titles("议事 基层", NOBODY) == ["第四讲 基层议事怎么开"]
    assert titles("“基层” 治理？", NOBODY) == ["基层治理十讲"]
    assert titles("民主集中制", NOBODY) == []  # stands in the text only
    assert titles("%", NOBODY) == titles("  ", NOBODY) == titles("？！", NOBODY) == []


def test_counts_pages_and_marks_are_those_of_an_ordinary_answer(school):
    found = api.search("基层", school, kind="course", size=1, page=2)
    assert (found.total, found.pages, found.page) == (2, 2, 2)
    assert found.counts == {"course": 2, "lesson": 2, "policy": 1}
    assert [hit.title_html for hit in found.hits] == ["<mark>基层</mark>支部内部培训"]


@pytest.mark.parametrize("harm", ["missing", "damaged", "outdated"])
def test_page_and_endpoint_go_on_and_say_so(school, index_dir, monkeypatch, harm):
    if harm != "missing":
        api.rebuild()
        engine()._opened = None
    if harm == "damaged":
        for file in (index_dir / (index_dir / "CURRENT").read_text()).glob("*"):
            file.write_bytes(b"rubbish")
    if harm == "outdated":
        monkeypatch.setattr(embedded, "VERSION", "another")
    page = Client().get("/search/", {"q": "基层"})
    assert page.status_code == 200
    assert "搜索暂时只按标题查找" in page.content.decode()
    assert "<mark>基层</mark>治理十讲" in page.content.decode()
    answer = Client().get("/api/search/", {"q": "基层"})
    assert (answer.status_code, answer.json()["degraded"], answer.json()["total"]) == (200, True, 2)
    suggested = Client().get("/api/search/suggest", {"q": "治理"}).json()["suggestions"]
    assert [one["title"] for one in suggested] == ["基层治理十讲"]


def test_with_an_index_nothing_is_degraded(school):
    api.rebuild()
    assert not api.search("基层", NOBODY).degraded
    assert Client().get("/api/search/", {"q": "基层"}).json()["degraded"] is False
    assert "只按标题" not in Client().get("/search/", {"q": "基层"}).content.decode()


def test_what_is_no_fault_of_the_index_is_still_refused(school):
    with pytest.raises(KindUnknown):
        api.search("基层", NOBODY, kind="quiz")
    with pytest.raises(IndexNameUnfit):
        api.search("基层", NOBODY, index="../etc")
    with pytest.raises(IndexMissing):  # foreign documents stand in no table of ours
        api.search("基层", NOBODY, index="old-portal")


def test_it_asks_few_queries(school, django_assert_max_num_queries):
    # editors' words; scope; site root; then one for each kind, for files also their pages
    with django_assert_max_num_queries(15):
        api.search("基层 治理", school)
