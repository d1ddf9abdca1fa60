"""From an editor's publishing to a member's finding, with the real pages of the catalogue."""

import pytest
from django.contrib.auth.models import AnonymousUser

from courses.catalogue.models import Disclosure
from people.models import Member
from search import api
from search.models import SearchOutbox
from tests.factories import CourseFactory, LessonFactory, MemberFactory, PolicyFactory

pytestmark = pytest.mark.django_db


def seen(query, viewer):
    return [(hit.kind, hit.title) for hit in api.search(query, viewer).hits]


def test_published_pages_are_found_and_withdrawn_ones_are_not():
    api.rebuild()
    course = CourseFactory(title="基层治理十讲", disclosure=Disclosure.PUBLIC)
    lesson = LessonFactory(parent=course, title="第四讲 议事怎么开", text="<p>楼道议事里也有民主集中制。</p>")
    policy = PolicyFactory(
        title="学时认定办法", document_number="海组发〔2026〕15号", disclosure=Disclosure.PUBLIC
    )
    LessonFactory(parent=course, title="草稿 楼道议事", live=False)
    assert seen("楼道议事", AnonymousUser()) == []

    api.drain()
    assert not SearchOutbox.objects.exists()
    hits = api.search("楼道议事", AnonymousUser()).hits
    assert [(hit.kind, hit.title, hit.url) for hit in hits] == [("lesson", lesson.title, lesson.url)]
    assert hits[0].excerpt_html == "<mark>楼道议事</mark>里也有民主集中制。"
    assert seen("海组发〔2026〕15号", AnonymousUser())[0] == ("policy", "学时认定办法")

    policy.unpublish()
    course.unpublish()
    api.drain()
    assert seen("学时认定办法", AnonymousUser()) == []
    assert seen("楼道议事", AnonymousUser()) == []


def test_a_course_opened_to_one_subtree_is_found_there_only():
    inside, outside = MemberFactory(), MemberFactory()
    course = CourseFactory(
        title="支部内部培训", disclosure=Disclosure.SUBTREE, opened_to=[inside.organization]
    )
    LessonFactory(parent=course, title="内部培训第一课")
    api.rebuild()
    inside, outside = (Member.objects.get(pk=one.pk) for one in (inside, outside))
    assert {title for _kind, title in seen("内部培训", inside)} == {"支部内部培训", "内部培训第一课"}
    assert seen("内部培训", outside) == seen("内部培训", AnonymousUser()) == []

    course.disclosure = Disclosure.ALL_MEMBERS
    course.save()
    api.drain()
    assert len(seen("内部培训", outside)) == 2
    assert seen("内部培训", AnonymousUser()) == []
