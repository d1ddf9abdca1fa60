"""What search is told of courses, lessons and policies, and when."""

import pytest

from courses.catalogue.documents import load_courses, load_lessons, load_policies
from courses.catalogue.models import Course, Disclosure
from search.documents import organization_token
from search.models import SearchOutbox
from tests.factories import (
    CourseFactory,
    LessonFactory,
    PartyOrganizationFactory,
    PlayableAssetFactory,
    PolicyFactory,
)

pytestmark = pytest.mark.django_db


def noted():
    """What was told to the site's search since the last call; Wagtail's boxes (kind "boxes") hear of every save."""
    rows = list(SearchOutbox.objects.exclude(kind="boxes").values_list("kind", "object_id", "op"))
    SearchOutbox.objects.all().delete()
    return set(rows)


def test_a_lesson_carries_its_text_its_course_and_its_courses_readers():
    organization = PartyOrganizationFactory()
    course = CourseFactory(title="党章学习", disclosure=Disclosure.SUBTREE, opened_to=[organization])
    lesson = LessonFactory(parent=course, lecture=PlayableAssetFactory(duration_s=600), summary="要点")

    (document,) = load_lessons(None)

    assert document.id == str(lesson.pk)
    assert document.body == "要点\n民主集中制是党的根本组织原则。"
    assert list(document.acl) == [organization_token(organization)]
    assert document.extra["course"] == "党章学习"
    assert document.duration_s == 600
    assert document.url == lesson.url


def test_drafts_and_lessons_of_withdrawn_courses_cannot_be_found():
    course = CourseFactory()
    LessonFactory(parent=course)
    LessonFactory(parent=course, live=False)
    Course.objects.get(pk=course.pk).unpublish()

    assert list(load_lessons(None)) == []
    assert list(load_courses(None)) == []


def test_a_policy_is_found_by_its_number_and_its_issuing_body():
    policy = PolicyFactory(disclosure=Disclosure.PUBLIC, summary="学时要求")

    (document,) = load_policies([str(policy.pk)])

    assert "海组发〔2026〕3号" in document.names
    assert "中共海棠县委组织部" in document.names
    assert list(document.acl) == ["public"]
    assert list(load_policies(["0"])) == []


def test_publishing_withdrawing_and_deleting_are_told_but_drafts_are_not():
    policy = PolicyFactory(live=False)
    noted()

    policy.title = "改了标题"
    policy.save_revision()
    assert noted() == set()

    policy.get_latest_revision().publish()
    assert noted() == {("policy", str(policy.pk), SearchOutbox.Op.CHANGED)}

    policy.refresh_from_db()
    policy.unpublish()
    assert noted() == {("policy", str(policy.pk), SearchOutbox.Op.CHANGED)}

    pk = policy.pk
    policy.delete()
    assert ("policy", str(pk), SearchOutbox.Op.REMOVED) in noted()


def test_a_courses_change_is_a_change_of_its_lessons():
    course = CourseFactory()
    lesson = LessonFactory(parent=course)
    noted()

    course = Course.objects.get(pk=course.pk)
    course.disclosure = Disclosure.PUBLIC
    course.save_revision().publish()

    assert {("course", str(course.pk), "CHANGED"), ("lesson", str(lesson.pk), "CHANGED")} <= {
        (kind, pk, str(SearchOutbox.Op(op).name)) for kind, pk, op in noted()
    }


def test_deleting_a_course_of_drafts_takes_its_lessons_out(django_capture_on_commit_callbacks):
    course = CourseFactory(live=False)
    lesson = LessonFactory(parent=course, live=False)
    noted()

    Course.objects.get(pk=course.pk).delete()

    assert ("lesson", str(lesson.pk), SearchOutbox.Op.REMOVED) in noted()


def test_moving_a_lesson_to_another_course_is_told():
    lesson = LessonFactory()
    other = CourseFactory()
    noted()

    lesson.move(Course.objects.get(pk=other.pk), pos="last-child")

    assert ("lesson", str(lesson.pk), SearchOutbox.Op.CHANGED) in noted()
