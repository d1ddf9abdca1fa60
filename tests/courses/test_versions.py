"""A published lesson's versions: what makes a new one, and what does not (domain.md §1.3, SH10)."""

import json

import pytest

from courses.catalogue import api
from courses.catalogue.models import Lesson
from tests.factories import LessonFactory, PlayableAssetFactory

pytestmark = pytest.mark.django_db


def publish(lesson, **changes):
    lesson = Lesson.objects.get(pk=lesson.pk).get_latest_revision_as_object()
    for field, value in changes.items():
        setattr(lesson, field, value)
    lesson.save_revision().publish()
    return Lesson.objects.get(pk=lesson.pk)


def body_with(asset):
    return json.dumps([{"type": "lecture", "value": {"asset": asset.pk}}])


def test_the_first_publishing_makes_version_one():
    asset = PlayableAssetFactory(duration_s=2712.4)
    lesson = LessonFactory(lecture=asset)

    version = api.lesson_version(lesson)
    assert (version.number, version.asset, version.duration_s, version.kind, version.title) == (
        1,
        asset,
        2712,
        "LECTURE",
        lesson.title,
    )
    assert lesson.published_duration_s == 2712


def test_a_draft_has_no_version():
    assert api.lesson_version(LessonFactory(lecture=PlayableAssetFactory(), live=False)) is None


def test_a_corrected_comma_makes_no_new_version():
    lesson = LessonFactory(lecture=PlayableAssetFactory())

    publish(lesson, title="第一课：党的性质", summary="改了摘要")

    assert lesson.versions.count() == 1


def test_another_lecture_makes_a_new_version_and_leaves_the_old_one():
    first, second = PlayableAssetFactory(duration_s=600), PlayableAssetFactory(duration_s=900)
    lesson = LessonFactory(lecture=first)

    publish(lesson, body=body_with(second))

    assert list(lesson.versions.values_list("number", "asset", "duration_s")) == [
        (1, first.pk, 600),
        (2, second.pk, 900),
    ]
    assert api.lesson_version(lesson).number == 2


def test_a_reading_lessons_estimate_stays_when_the_text_is_corrected():
    lesson = LessonFactory(text="<p>" + "学" * 601 + "</p>")

    publish(lesson, body=json.dumps([{"type": "text", "value": "<p>" + "学" * 2000 + "</p>"}]))
    assert list(lesson.versions.values_list("number", "duration_s")) == [(1, 180)]

    publish(lesson, reading_s=420)
    assert list(lesson.versions.values_list("number", "duration_s")) == [(1, 180), (2, 420)]


def test_withdrawing_and_publishing_again_makes_no_new_version():
    lesson = LessonFactory(lecture=PlayableAssetFactory())

    lesson.unpublish()
    publish(lesson)

    assert lesson.versions.count() == 1


def test_current_versions_of_many_lessons_are_one_query(django_assert_num_queries):
    lessons = [LessonFactory(lecture=PlayableAssetFactory()) for _ in range(3)]
    with django_assert_num_queries(1):
        assert {pk: version.number for pk, version in api.current_versions(lessons).items()} == {
            lesson.pk: 1 for lesson in lessons
        }
