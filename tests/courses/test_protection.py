"""Which lectures are encrypted: those of courses that say so, told to the pipeline when it matters."""

import pytest

from courses.catalogue.protection import settle, wants_protection
from media_pipeline.models import Job
from media_pipeline.recipe import Recipe, VideoRung
from media_pipeline.signals import asset_ready
from tests.factories import CourseFactory, LessonFactory, PlayableAssetFactory

pytestmark = pytest.mark.django_db


def lecture():
    made = Recipe(
        (VideoRung("v720", 1280, 720, 3000),), (), "CAMERA", "25/1", 4, 48, "FLAT", "MONO", 1, 60, "test"
    )
    asset = PlayableAssetFactory(sha256="ab" * 32)
    asset.contents |= {"recipe": made.as_dict()}
    asset.save()
    return asset


def publish(page):
    page.save_revision().publish()


def test_a_course_that_says_so_has_its_lectures_encrypted_and_opened_again():
    asset, other = lecture(), lecture()
    course = CourseFactory()
    LessonFactory(parent=course, lecture=asset)
    LessonFactory(lecture=other)
    asset.refresh_from_db()
    assert (asset.protected, asset.state) == (False, "READY")

    course.refresh_from_db()
    course.protected = True
    publish(course)

    asset.refresh_from_db()
    assert (asset.protected, asset.state) == (True, "PACKAGING")
    assert Recipe.from_dict(asset.facts["recipe"]).protected
    assert Job.objects.get().asset == asset
    other.refresh_from_db()
    assert not other.protected

    course.refresh_from_db()
    course.protected = False
    publish(course)
    asset.refresh_from_db()
    assert not asset.protected


def test_a_lesson_brings_its_lecture_into_a_protected_course():
    asset = lecture()

    LessonFactory(parent=CourseFactory(protected=True), lecture=asset)

    asset.refresh_from_db()
    assert asset.protected


def test_one_protected_course_is_enough():
    asset = lecture()
    strict, open_one = CourseFactory(protected=True), CourseFactory()
    LessonFactory(parent=strict, lecture=asset)
    LessonFactory(parent=open_one, lecture=asset)

    assert wants_protection(asset)
    assert not settle(asset)
    open_one.refresh_from_db()
    publish(open_one)
    asset.refresh_from_db()
    assert asset.protected


def test_a_lecture_published_in_clear_meanwhile_is_taken_up_again():
    asset = PlayableAssetFactory(raw=True, sha256="cd" * 32)
    LessonFactory(parent=CourseFactory(protected=True), lecture=asset, live=False)
    asset.refresh_from_db()
    assert (asset.protected, asset.state) == (True, "TRANSCODING")

    ready = lecture()
    type(asset).objects.filter(pk=asset.pk).update(
        state="READY", folder="sets/x", contents=ready.contents, ready_at=ready.ready_at
    )
    asset.refresh_from_db()
    asset_ready.send(sender=type(asset), asset=asset)

    asset.refresh_from_db()
    assert asset.state == "PACKAGING"


def test_a_set_of_an_earlier_layout_is_made_anew_from_its_source():
    asset = PlayableAssetFactory(sha256="ef" * 32)
    asset.contents |= {"recipe": {"renditions": [], "fps": "25/1"}}
    asset.save()

    LessonFactory(parent=CourseFactory(protected=True), lecture=asset)

    asset.refresh_from_db()
    assert (asset.protected, asset.state, asset.folder != "") == (True, "RECEIVED", True)
    assert Job.objects.get().stage == "PROBE"
