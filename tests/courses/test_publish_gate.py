"""A lesson does not go live while its lecture cannot be played: each way to publish, and nothing moves."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from wagtail.models import Revision

from courses.catalogue.errors import LectureNotPlayable
from courses.catalogue.models import Lesson, LessonVersion
from people.models import Notice
from tests.courses.conftest import lesson_form
from tests.factories import AdministratorFactory, CourseFactory, LessonFactory, PlayableAssetFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def raw():
    return PlayableAssetFactory(raw=True, title="还在转码")


@pytest.fixture
def draft(raw):
    return LessonFactory(lecture=raw, live=False)


@pytest.fixture
def administering(client):
    client.force_login(AdministratorFactory())
    return client


def fresh(page):
    return Lesson.objects.get(pk=page.pk)


def make_playable(asset):
    asset.state, asset.folder, asset.ready_at = "READY", "sets/x", timezone.now()
    asset.save()


def assert_not_live(page):
    assert not fresh(page).live
    assert not LessonVersion.objects.filter(lesson=page).exists()


def said(response):
    return " ".join(str(message) for message in response.context["messages"])


def test_a_draft_may_wait_for_its_lecture(draft, raw):
    assert_not_live(draft)
    assert fresh(draft).lecture == raw
    assert "还在转码" in draft.publish_obstacle


def test_publishing_the_revision_is_refused_and_changes_nothing(draft):
    with pytest.raises(LectureNotPlayable) as refused:
        draft.get_latest_revision().publish()

    assert refused.value.reason
    assert_not_live(draft)


def test_saving_a_page_as_live_is_refused(raw):
    course = CourseFactory()
    body = json.dumps([{"type": "lecture", "value": {"asset": raw.pk}}])

    with pytest.raises(LectureNotPlayable):
        course.add_child(instance=Lesson(title="直接上线", body=body))

    assert not Lesson.objects.filter(title="直接上线").exists()


def test_once_playable_it_publishes(draft, raw):
    make_playable(raw)

    draft.get_latest_revision().publish()

    assert fresh(draft).live


def test_a_live_lesson_keeps_its_playable_lecture_while_the_new_one_is_being_transcoded(raw):
    playable = PlayableAssetFactory()
    lesson = LessonFactory(lecture=playable)
    lesson.body = json.dumps([{"type": "lecture", "value": {"asset": raw.pk}}])
    lesson.save_revision()

    with pytest.raises(LectureNotPlayable):
        fresh(lesson).get_latest_revision().publish()

    assert (fresh(lesson).live, fresh(lesson).lecture) == (True, playable)
    assert fresh(lesson).versions.count() == 1


def test_a_live_lesson_can_still_be_saved_when_its_lecture_was_lost_afterwards():
    asset = PlayableAssetFactory()
    lesson = LessonFactory(lecture=asset)
    asset.folder, asset.state, asset.refusal_code, asset.ready_at = "", "FAILED", "INTERNAL", None
    asset.save()

    fresh(lesson).save()
    fresh(lesson).unpublish()

    assert not fresh(lesson).live


def test_the_publish_button_of_a_new_page_says_why_and_keeps_what_was_typed(administering, raw):
    course = CourseFactory()
    form = lesson_form("新的一课", lecture=raw, **{"action-publish": "action-publish"})

    response = administering.post(
        reverse("wagtailadmin_pages:add", args=["courses", "lesson", course.pk]), form
    )

    assert response.status_code == 200
    page = response.content.decode()
    assert "还在转码" in page
    assert "新的一课" in page
    assert not Lesson.objects.filter(title="新的一课").exists()


def test_the_publish_button_of_a_draft_says_why(administering, draft, raw):
    form = lesson_form("改了标题", lecture=raw, **{"action-publish": "action-publish"})

    response = administering.post(reverse("wagtailadmin_pages:edit", args=[draft.pk]), form)

    assert response.status_code == 200
    assert "还在转码" in str(response.context["form"].non_field_errors())
    assert_not_live(draft)


def test_saving_the_same_form_as_a_draft_works(administering, draft, raw):
    response = administering.post(
        reverse("wagtailadmin_pages:edit", args=[draft.pk]), lesson_form("改了标题", lecture=raw)
    )

    assert response.status_code == 302
    assert fresh(draft).draft_title == "改了标题"
    assert_not_live(draft)


def test_bulk_publishing_publishes_all_or_none_and_names_the_one(administering, draft):
    ready = LessonFactory(lecture=PlayableAssetFactory(), live=False, parent=draft.course)
    address = reverse("wagtail_bulk_action", args=["wagtailcore", "page", "publish"])

    response = administering.post(f"{address}?id={ready.pk}&id={draft.pk}", {}, follow=True)

    assert response.status_code == 200
    assert draft.title in said(response)
    assert "还在转码" in said(response)
    assert_not_live(draft)
    assert_not_live(ready)


def test_bulk_publishing_a_course_with_its_drafts_is_refused_too(administering, raw):
    course = CourseFactory(live=False)
    draft = LessonFactory(lecture=raw, live=False, parent=course)
    address = reverse("wagtail_bulk_action", args=["wagtailcore", "page", "publish"])

    response = administering.post(f"{address}?id={course.pk}", {"include_descendants": "on"}, follow=True)

    assert "还在转码" in said(response)
    assert_not_live(draft)
    course.refresh_from_db()
    assert not course.live


def schedule(lesson, *, minutes):
    lesson = lesson.get_latest_revision_as_object()
    lesson.go_live_at = timezone.now() + timedelta(minutes=minutes)
    revision = lesson.save_revision(user=AdministratorFactory())
    revision.publish()
    return revision


def test_a_lesson_may_be_scheduled_while_its_lecture_is_on_the_way(draft):
    revision = schedule(draft, minutes=30)

    revision.refresh_from_db()
    assert revision.approved_go_live_at is not None
    assert_not_live(draft)


def test_the_scheduler_leaves_it_waiting_says_so_once_and_publishes_the_others(draft, raw):
    waiting = schedule(draft, minutes=30)
    other = LessonFactory(lecture=PlayableAssetFactory(), live=False)
    schedule(other, minutes=30)
    Revision.objects.exclude(approved_go_live_at=None).update(
        approved_go_live_at=timezone.now() - timedelta(minutes=1)
    )
    for revision in Revision.objects.exclude(approved_go_live_at=None):
        revision.content["go_live_at"] = (timezone.now() - timedelta(minutes=1)).isoformat()
        revision.save(update_fields=["content"])

    call_command("publish_scheduled")
    call_command("publish_scheduled")

    assert_not_live(draft)
    assert fresh(other).live
    waiting.refresh_from_db()
    assert waiting.approved_go_live_at is not None
    assert Notice.objects.filter(kind="publishing_waits").count() == 1

    make_playable(raw)
    call_command("publish_scheduled")
    assert fresh(draft).live


def test_a_draft_with_an_unplayable_lecture_can_be_previewed(administering, draft):
    assert administering.get(reverse("wagtailadmin_pages:view_draft", args=[draft.pk])).status_code == 200
    assert (
        administering.get(reverse("wagtailadmin_pages:preview_on_edit", args=[draft.pk])).status_code == 200
    )
