"""An editor writes and submits, a moderator approves, the page goes live; who lacks the right is refused."""

import json

import pytest
from django.test import Client
from django.urls import reverse
from wagtail.models import Page

from courses.catalogue.models import Lesson, Policy
from tests.courses.conftest import lesson_form
from tests.factories import (
    CourseFactory,
    LessonFactory,
    MemberFactory,
    PlayableAssetFactory,
    PolicyFactory,
)

pytestmark = pytest.mark.django_db


def submit(client, page):
    form = lesson_form("送审的一课", lecture=page.lecture, **{"action-submit": "1"})
    return client.post(reverse("wagtailadmin_pages:edit", args=[page.pk]), form)


def approve(client, page, *, ajax=True):
    state = Page.objects.get(pk=page.pk).current_workflow_task_state
    extra = {"HTTP_X_REQUESTED_WITH": "XMLHttpRequest"} if ajax else {}
    return client.post(
        reverse("wagtailadmin_pages:workflow_action", args=[page.pk, "approve", state.pk]),
        {"comment": "同意"},
        **extra,
    )


@pytest.fixture
def moderators_browser(moderator):
    client = Client()
    client.force_login(moderator)
    return client


def test_from_the_editors_draft_to_a_live_lesson(editing, moderators_browser):
    lesson = LessonFactory(lecture=PlayableAssetFactory(), live=False)

    assert submit(editing, lesson).status_code == 302
    assert not Lesson.objects.get(pk=lesson.pk).live
    answer = approve(moderators_browser, lesson)

    assert answer.json()["step"] == "success"
    lesson.refresh_from_db()
    assert (lesson.live, lesson.title) == (True, "送审的一课")
    assert lesson.versions.count() == 1


def test_an_approval_before_the_lecture_is_playable_is_refused_in_words_and_stays_in_review(
    editing, moderators_browser
):
    lesson = LessonFactory(lecture=PlayableAssetFactory(raw=True, title="还在转码"), live=False)
    submit(editing, lesson)

    answer = approve(moderators_browser, lesson)

    assert answer.status_code == 200
    page = moderators_browser.get(answer.json()["redirect"])
    assert "还在转码" in " ".join(str(message) for message in page.context["messages"])
    lesson.refresh_from_db()
    assert not lesson.live
    assert lesson.current_workflow_state.status == "in_progress"


def test_an_approval_in_the_moderators_own_form_is_refused_and_what_was_typed_is_kept(
    editing, moderators_browser
):
    lesson = LessonFactory(lecture=PlayableAssetFactory(raw=True, title="还在转码"), live=False)
    submit(editing, lesson)
    form = lesson_form(
        "审核时改了标题",
        lecture=lesson.lecture,
        **{
            "action-workflow-action": "true",
            "workflow-action-name": "approve",
            "workflow-action-extra-data": json.dumps({"comment": ""}),
        },
    )

    address = reverse("wagtailadmin_pages:edit", args=[lesson.pk])
    response = moderators_browser.post(address, form, follow=True)

    assert response.redirect_chain == [(address, 302)]
    assert "还在转码" in " ".join(str(message) for message in response.context["messages"])
    lesson.refresh_from_db()
    assert (lesson.live, lesson.draft_title) == (False, "审核时改了标题")
    assert lesson.current_workflow_state.status == "in_progress"


def test_an_editor_cannot_publish_by_sending_the_button_anyway(editing):
    lesson = LessonFactory(lecture=PlayableAssetFactory(), live=False)
    form = lesson_form("我自己发布", lecture=lesson.lecture, **{"action-publish": "action-publish"})

    editing.post(reverse("wagtailadmin_pages:edit", args=[lesson.pk]), form)

    lesson.refresh_from_db()
    assert not lesson.live


def test_an_editor_cannot_publish_in_bulk_nor_approve(editing):
    lesson = LessonFactory(lecture=PlayableAssetFactory(), live=False)
    submit(editing, lesson)

    editing.post(reverse("wagtail_bulk_action", args=["wagtailcore", "page", "publish"]) + f"?id={lesson.pk}")
    approve(editing, lesson, ajax=False)

    lesson.refresh_from_db()
    assert not lesson.live
    assert lesson.current_workflow_state.status == "in_progress"


@pytest.mark.parametrize("name", ["wagtailadmin_home", "lectures:index", "wagtailadmin_explore_root"])
def test_a_member_without_rights_does_not_get_into_the_admin(client, name):
    client.force_login(MemberFactory())

    response = client.get(reverse(name))

    assert response.status_code in {302, 403, 404}
    if response.status_code == 302:
        assert "login" in response["Location"]


def test_a_policy_goes_the_same_way(editing, moderators_browser):
    policy = PolicyFactory(live=False)
    Policy.objects.get(pk=policy.pk).get_workflow().start(policy, None)

    approve(moderators_browser, policy)

    policy.refresh_from_db()
    assert policy.live


def test_the_editor_finds_the_fields_in_chinese(editing):
    course = CourseFactory()

    page = editing.get(
        reverse("wagtailadmin_pages:add", args=["courses", "lesson", course.pk])
    ).content.decode()

    for words in ("授课视频", "摘要", "完成期限", "阅读用时（分钟）", "怎样做一节课"):
        assert words in page, words
    # The blocks of the body travel as JSON.
    for words in ("上传视频", "选用已上传的视频", "测验（预留位置）"):
        assert json.dumps(words)[1:-1] in page, words


def test_a_studied_lesson_can_be_withdrawn_but_not_deleted(moderating):
    lesson = LessonFactory(lecture=PlayableAssetFactory())

    for address in (
        reverse("wagtailadmin_pages:delete", args=[lesson.pk]),
        reverse("wagtailadmin_pages:delete", args=[lesson.course.pk]),
        reverse("wagtail_bulk_action", args=["wagtailcore", "page", "delete"]) + f"?id={lesson.pk}",
    ):
        response = moderating.post(address, follow=True)
        assert response.status_code == 200, address
    assert Lesson.objects.filter(pk=lesson.pk, live=True).exists()

    moderating.post(reverse("wagtailadmin_pages:unpublish", args=[lesson.pk]))
    assert not Lesson.objects.get(pk=lesson.pk).live


def test_a_draft_that_nobody_saw_can_be_deleted(moderating):
    lesson = LessonFactory(live=False)

    moderating.post(reverse("wagtailadmin_pages:delete", args=[lesson.pk]))

    assert not Lesson.objects.filter(pk=lesson.pk).exists()
