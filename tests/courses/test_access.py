"""Who sees a course, a lesson, a policy: lists, pages, and a refusal that looks like an absence."""

import pytest
from django.contrib.auth.models import AnonymousUser

from courses.catalogue.models import Course, Disclosure, Lesson, Policy
from tests.factories import (
    AdministratorFactory,
    CourseFactory,
    LessonFactory,
    MemberFactory,
    PartyOrganizationFactory,
    PolicyFactory,
    PostFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def tree():
    county = PartyOrganizationFactory(code="001", name="海棠县委")
    west = PartyOrganizationFactory(parent=county, code="001.001", name="城西党委")
    east = PartyOrganizationFactory(parent=county, code="001.002", name="城东党委")
    west_branch = PartyOrganizationFactory(parent=west, code="001.001.001", name="城西第一支部")
    return {"county": county, "west": west, "east": east, "west_branch": west_branch}


def for_west(tree, **more):
    return CourseFactory(title="城西专题", disclosure=Disclosure.SUBTREE, opened_to=[tree["west"]], **more)


def test_a_subtree_course_is_open_to_the_organisation_and_all_below_it_only(tree):
    course = for_west(tree)
    seen_by = {
        name: list(Course.objects.open_to(MemberFactory(organization=organization)))
        for name, organization in tree.items()
    }
    assert seen_by == {"county": [], "west": [course], "east": [], "west_branch": [course]}


def test_an_organiser_sees_what_is_open_to_the_organisation_looked_after(tree):
    course = for_west(tree)
    organiser = MemberFactory(organization=tree["east"])
    PostFactory(member=organiser, organization=tree["west_branch"])

    assert list(Course.objects.open_to(organiser)) == [course]


@pytest.mark.parametrize(
    ("disclosure", "anonymous", "member", "administrator"),
    [("PUBLIC", True, True, True), ("ALL_MEMBERS", False, True, True), ("SUBTREE", False, False, True)],
)
def test_disclosure_says_to_whom(disclosure, anonymous, member, administrator):
    PolicyFactory(disclosure=disclosure)
    for asker, sees in (
        (AnonymousUser(), anonymous),
        (MemberFactory(), member),
        (AdministratorFactory(), administrator),
    ):
        assert Policy.objects.open_to(asker).exists() is sees, asker


def test_a_blocked_account_sees_no_more_than_a_stranger():
    CourseFactory(disclosure=Disclosure.ALL_MEMBERS)

    assert not Course.objects.open_to(MemberFactory(is_active=False)).exists()


def test_drafts_are_open_to_nobody():
    draft = CourseFactory(live=False, disclosure=Disclosure.PUBLIC)
    lesson = LessonFactory(parent=draft)

    assert not Course.objects.open_to(AdministratorFactory()).exists()
    assert not Lesson.objects.open_to(AdministratorFactory()).filter(pk=lesson.pk).exists()


def test_a_lesson_is_as_open_as_its_course(tree):
    lesson = LessonFactory(parent=for_west(tree))

    assert list(Lesson.objects.open_to(MemberFactory(organization=tree["west_branch"]))) == [lesson]
    assert not Lesson.objects.open_to(MemberFactory(organization=tree["east"])).exists()


def test_withdrawing_a_course_withdraws_its_lessons(tree):
    course = for_west(tree)
    LessonFactory(parent=course)

    Course.objects.get(pk=course.pk).unpublish()

    assert not Lesson.objects.open_to(MemberFactory(organization=tree["west"])).exists()


@pytest.mark.parametrize("kind", ["course", "lesson", "policy"])
def test_another_subtree_is_told_404_and_not_403(client, tree, kind):
    course = for_west(tree)
    page = {
        "course": lambda: course,
        "lesson": lambda: LessonFactory(parent=course),
        "policy": lambda: PolicyFactory(disclosure=Disclosure.SUBTREE, opened_to=[tree["west"]]),
    }[kind]()
    client.force_login(MemberFactory(organization=tree["east"]))

    assert client.get(page.url).status_code == 404

    client.force_login(MemberFactory(organization=tree["west_branch"]))
    assert client.get(page.url).status_code == 200


def test_the_lists_hold_only_what_is_open(client, tree):
    for_west(tree)
    everybody = CourseFactory(title="入党第一课", disclosure=Disclosure.PUBLIC)

    assert list(client.get("/courses/").context["courses"]) == [everybody]
    client.force_login(MemberFactory(organization=tree["west"]))
    assert {course.title for course in client.get("/courses/").context["courses"]} == {
        "入党第一课",
        "城西专题",
    }


def test_finding_lessons_takes_one_query_after_posts_are_read(tree, django_assert_num_queries):
    course = for_west(tree)
    for _ in range(5):
        LessonFactory(parent=course)
    member = MemberFactory(organization=tree["west_branch"])

    with django_assert_num_queries(2):  # 1 posts of the member, 2 the lessons
        assert len(Lesson.objects.open_to(member)) == 5
