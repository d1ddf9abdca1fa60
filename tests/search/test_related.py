"""Lessons on the same subject, under a lesson and under a policy."""

import pytest
from django.contrib.auth.models import AnonymousUser
from hypothesis import given
from hypothesis import strategies as st

from courses.catalogue.models import Disclosure
from people.models import Member
from search import api
from search.documents import Document
from search.engines.current import engine
from search.related import related_plan, telling_words
from tests.factories import CourseFactory, LessonFactory, MemberFactory, PolicyFactory

ANYBODY = AnonymousUser()
DUES = "党费按月交纳，工资收入是交纳党费的基数，党费收缴由支部登记。"
FIRE = "消防通道不能占用，电动车充电要防火，灭火器放在楼道里。"


def test_telling_words_are_often_here_and_seldom_elsewhere():
    words = telling_words("党费怎么交", f"我们的工作要做好。{DUES}")
    assert words[0] == "党费" and "交纳" in words[:4]
    assert "我们" not in words and "的" not in words


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_gives_a_plan(title, body):
    plan = related_plan(title, body)
    assert plan.is_empty == (not telling_words(title, body))
    assert plan.phrase.minimum <= max(1, len(plan.phrase.required))


@pytest.fixture
def pages(db):
    """Two courses that speak of dues and of fire, one of dues for one branch alone, and a policy of dues."""
    dues = CourseFactory(title="党务实务", disclosure=Disclosure.PUBLIC)
    fire = CourseFactory(title="平安社区", disclosure=Disclosure.PUBLIC)
    mixed = CourseFactory(title="支部工作", disclosure=Disclosure.PUBLIC)
    inside = MemberFactory()
    closed = CourseFactory(title="内部课", disclosure=Disclosure.SUBTREE, opened_to=[inside.organization])
    found = {
        "dues": LessonFactory(parent=dues, title="党费怎么交", text=f"<p>{DUES}</p>"),
        "dues too": LessonFactory(parent=dues, title="党费的用途", text=f"<p>{DUES}</p>"),
        "fire": LessonFactory(parent=fire, title="消防进楼道", text=f"<p>{FIRE}</p>"),
        "mixed": LessonFactory(parent=mixed, title="党费收缴记录", text=f"<p>{DUES}</p>"),
        "closed": LessonFactory(parent=closed, title="党费内部说明", text=f"<p>{DUES}</p>"),
        "policy": PolicyFactory(
            title="党费收缴办法", disclosure=Disclosure.PUBLIC, body=[("text", f"<p>{DUES}</p>")]
        ),
        "inside": Member.objects.get(pk=inside.pk),
    }
    api.rebuild()
    return found


def shown(client, page):
    """Titles under 相关课程."""
    html = client.get(page.url).content.decode()
    if 'id="related-title"' not in html:
        return []
    section = html[html.index('id="related-title"') :].split("</section>")[0]
    return [part.split("</span>")[0] for part in section.split('row__title">')[1:]]


def test_a_lesson_shows_lessons_of_other_courses_on_its_subject(client, pages):
    assert shown(client, pages["dues"]) == ["党费收缴记录"]
    assert shown(client, pages["fire"]) == []
    client.force_login(pages["inside"])
    assert sorted(shown(client, pages["dues"])) == ["党费内部说明", "党费收缴记录"]


def test_a_policy_shows_lessons_on_its_subject(client, pages):
    assert sorted(shown(client, pages["policy"])) == ["党费怎么交", "党费收缴记录", "党费的用途"]


def test_without_an_index_the_pages_go_on(client, pages, lose_index):
    lose_index()
    for name in ("dues", "policy"):
        assert client.get(pages[name].url).status_code == 200
        assert shown(client, pages[name]) == []


def test_it_costs_one_question_to_the_engine_and_few_to_the_database(
    client, pages, monkeypatch, django_assert_num_queries
):
    asked = []
    find = type(engine()).find
    monkeypatch.setattr(type(engine()), "find", lambda *a, **more: asked.append(more) or find(*a, **more))
    client.get(pages["dues"].url)
    assert [(one["kind"], one["limit"]) for one in asked] == [("lesson", 5)]
    document = Document(id="1", kind="policy", title="党费", body=DUES)
    with django_assert_num_queries(3):
        # her organisation; her posts of today; the organisations above her
        api.related(document, pages["inside"], kind="lesson")
    with django_assert_num_queries(0):
        assert [hit.title for hit in api.related(document, ANYBODY, kind="lesson", size=1)]
