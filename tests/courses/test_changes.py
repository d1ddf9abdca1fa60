"""A changed lesson: how new a text is, where the new part is, and what the version that comes of it says."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from courses.archive import api as archive
from courses.archive.models import LessonState
from courses.catalogue.changes import (
    BadStretch,
    new_characters,
    read_stretches,
    tidy_stretches,
    write_stretches,
)
from courses.catalogue.models import Lesson
from tests.courses.conftest import lesson_form
from tests.courses.test_versions import body_with, publish
from tests.courses.test_workflow import approve, moderators_browser, submit
from tests.factories import LessonFactory, MemberFactory, PlayableAssetFactory

__all__ = ["moderators_browser"]

TEXT = "民主集中制是党的根本组织原则，是群众路线在党的生活中的运用。" * 6


# Pure


@pytest.mark.parametrize(
    ("typed", "stretches"),
    [
        ("10:00-13:30", [[600, 810]]),
        ("10：00—13：30", [[600, 810]]),
        (" 10:00 至 13:30，1:02:00 到 1:05:00 ", [[600, 810], [3720, 3900]]),
        ("20:00-21:00; 10:00~11:00", [[600, 660], [1200, 1260]]),
        ("10:00-12:00、11:00-13:00", [[600, 780]]),
        ("90:00-91:00", [[5400, 5460]]),
        ("", []),
    ],
)
def test_stretches_are_read_as_editors_type_them(typed, stretches):
    assert read_stretches(typed) == stretches


@pytest.mark.parametrize(
    "typed", ["10", "10:00", "13:30-10:00", "10:00-10:00", "10:75-11:00", "第十分钟", "1-2"]
)
def test_what_is_no_stretch_is_refused(typed):
    with pytest.raises(BadStretch):
        read_stretches(typed)


@given(st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 900)), max_size=5))
def test_stretches_are_read_as_they_are_written(parts):
    tidy = tidy_stretches((start, start + length) for start, length in parts)
    assert read_stretches(write_stretches(tidy)) == tidy


def test_stretches_are_cut_to_the_lesson():
    assert tidy_stretches([[500, 700], [900, 950], [-5, 10]], seconds=600) == [[0, 10], [500, 600]]


@pytest.mark.parametrize(
    ("after", "least", "most"),
    [
        (TEXT, 0, 0),
        (TEXT.replace("，", ", ", 1), 1, 4),
        ("\n".join(TEXT), 0, 0),
        (TEXT[100:] + TEXT[:100], 0, 6),
        (TEXT + "发展党内民主，尊重党员主体地位。", 14, 20),
        ("", 0, 0),
    ],
)
def test_new_characters_are_those_that_were_nowhere_before(after, least, most):
    assert least <= new_characters(TEXT, after) <= most


# Published


def said(lesson, carry, new_parts=(), **changes):
    """Publish with the editor's answer, as a revision carries it."""
    number = lesson.versions.count()
    return publish(lesson, carry=carry, new_parts=list(new_parts), carry_after=number, **changes)


def versions(lesson):
    return list(lesson.versions.values_list("number", "duration_s", "carry", "new_parts"))


@pytest.fixture
def lesson(db):
    return LessonFactory(lecture=PlayableAssetFactory(duration_s=600))


@pytest.fixture
def longer(db):
    return PlayableAssetFactory(duration_s=780)


@pytest.mark.parametrize(
    ("carry", "new_parts", "kept"),
    [
        ("KEEP", [[600, 780]], []),
        ("NEW_PART", [[600, 900]], [[600, 780]]),
        ("AGAIN", [], []),
    ],
)
def test_the_version_says_what_the_editor_said(lesson, longer, carry, new_parts, kept):
    said(lesson, carry, new_parts, body=body_with(longer))
    assert versions(lesson) == [(1, 600, "KEEP", []), (2, 780, carry, kept)]


def test_without_a_word_what_was_studied_stays_valid(lesson, longer):
    publish(lesson, body=body_with(longer))
    assert versions(lesson)[-1] == (2, 780, "KEEP", [])


def test_an_answer_holds_for_one_change_only(lesson, longer):
    lesson = said(lesson, "AGAIN", body=body_with(longer))
    publish(lesson, body=body_with(PlayableAssetFactory(duration_s=900)))
    assert [carry for _number, _s, carry, _parts in versions(lesson)] == ["KEEP", "AGAIN", "KEEP"]


def test_an_answer_without_a_change_makes_no_version(lesson):
    said(lesson, "AGAIN", title="第一课：党的性质")
    assert versions(lesson) == [(1, 600, "KEEP", [])]


def test_new_words_of_a_text_make_a_version_only_when_the_editor_says_so(db):
    lesson = LessonFactory(text=f"<p>{TEXT}</p>")
    more = json.dumps([{"type": "text", "value": f"<p>{TEXT}{'发展党内民主尊重党员主体地位' * 30}</p>"}])
    said(lesson, "KEEP", body=more)
    assert versions(lesson) == [(1, 60, "KEEP", [])]


def test_the_new_part_of_a_text_is_the_time_of_its_new_words(db):
    lesson = LessonFactory(text=f"<p>{TEXT}</p>")
    fresh = "".join(chr(0x4E00 + number) for number in range(400))
    said(lesson, "NEW_PART", body=json.dumps([{"type": "text", "value": f"<p>{TEXT}{fresh}</p>"}]))
    assert versions(lesson) == [(1, 60, "KEEP", []), (2, 120, "NEW_PART", [[0, 120]])]
    # and a corrected comma afterwards changes nothing
    publish(lesson, body=json.dumps([{"type": "text", "value": f"<p>{TEXT}，{fresh}</p>"}]))
    assert lesson.versions.count() == 2


def test_a_scheduled_publishing_keeps_the_answer(lesson, longer):
    draft = Lesson.objects.get(pk=lesson.pk).get_latest_revision_as_object()
    draft.body = body_with(longer)
    draft.carry, draft.carry_after, draft.new_parts = "NEW_PART", 1, [[600, 780]]
    draft.go_live_at = timezone.now() + timedelta(days=1)
    revision = draft.save_revision()
    revision.publish()
    assert lesson.versions.count() == 1

    # the day comes
    revision.refresh_from_db()
    revision.content["go_live_at"] = (timezone.now() - timedelta(minutes=1)).isoformat()
    revision.approved_go_live_at = timezone.now() - timedelta(minutes=1)
    revision.save()
    call_command("publish_scheduled")

    assert versions(lesson)[-1] == (2, 780, "NEW_PART", [[600, 780]])


# In the editor's form


def edit(lesson):
    return reverse("wagtailadmin_pages:edit", args=[lesson.pk])


@pytest.fixture
def studied(lesson):
    """Two members who completed the lesson, one in the middle of it."""
    version = lesson.versions.get()
    for done in (True, True, False):
        LessonState.objects.create(
            member=MemberFactory(),
            version=version,
            duration_s=600,
            needed_s=570,
            params={},
            last_beat_at=timezone.now(),
            completed_at=timezone.now() if done else None,
        )
    return lesson


PUBLISH = {"action-publish": "action-publish"}


def test_a_changed_lecture_is_not_published_before_the_editor_has_answered(moderating, studied, longer):
    page = moderating.post(edit(studied), lesson_form(lecture=longer, **PUBLISH))

    words = page.content.decode()
    assert "学过这节课的党员怎么办？" in words
    assert "已有 2 名党员学完，另有 1 名正在学。" in words
    assert "原来 10 分，现在 13 分。" in words
    assert "10:00-13:00" in words
    assert "请选一项" in words
    for answer in ("学过的都算数", "只补学新的部分", "所有人重新学"):
        assert answer in words
    assert studied.versions.count() == 1
    assert Lesson.objects.get(pk=studied.pk).lecture != longer


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ({"carry": "KEEP", "new_parts": ""}, (2, 780, "KEEP", [])),
        ({"carry": "NEW_PART", "new_parts": "10:00 - 13:00"}, (2, 780, "NEW_PART", [[600, 780]])),
        ({"carry": "AGAIN", "new_parts": ""}, (2, 780, "AGAIN", [])),
    ],
)
def test_with_an_answer_it_is_published(moderating, studied, longer, answer, version):
    response = moderating.post(edit(studied), lesson_form(lecture=longer, **PUBLISH, **answer))
    assert response.status_code == 302
    assert versions(studied)[-1] == version
    # and the next visit asks nothing, since nothing differs
    assert "学过这节课的党员怎么办？" not in moderating.get(edit(studied)).content.decode()


@pytest.mark.parametrize(
    ("new_parts", "words"),
    [
        ("", "请写明新的部分从几分到几分"),
        ("十分钟以后", "看不出是哪一段"),
        ("12:00-13:00", "填写的新部分只有 1 分 0 秒"),
        ("12:00-20:00", "新视频只有 13 分 0 秒"),
    ],
)
def test_a_new_part_that_cannot_be_is_refused_in_words(moderating, studied, longer, new_parts, words):
    form = lesson_form(lecture=longer, carry="NEW_PART", new_parts=new_parts, **PUBLISH)
    assert words in moderating.post(edit(studied), form).content.decode()
    assert studied.versions.count() == 1


def test_a_draft_may_be_saved_without_an_answer_and_is_asked_for_it_at_the_next_visit(
    moderating, studied, longer
):
    assert moderating.post(edit(studied), lesson_form(lecture=longer)).status_code == 302
    page = moderating.get(edit(studied)).content.decode()
    assert "已有 2 名党员学完" in page
    # the likeliest new part is written there already
    assert 'value="10:00-13:00"' in page


def test_corrected_words_ask_nothing(moderating, studied):
    form = lesson_form("改了标题", lecture=studied.lecture, **PUBLISH)
    assert moderating.post(edit(studied), form).status_code == 302
    assert studied.versions.count() == 1


def test_a_lesson_that_nobody_studied_is_published_without_a_question(moderating, lesson, longer):
    assert moderating.post(edit(lesson), lesson_form(lecture=longer, **PUBLISH)).status_code == 302
    assert versions(lesson)[-1] == (2, 780, "KEEP", [])


def test_the_answer_goes_with_the_lesson_through_the_workflow(editing, moderators_browser, studied, longer):
    studied.lecture = longer
    # who submits is asked, since the approval asks no more
    assert submit(editing, studied).status_code == 200
    assert studied.current_workflow_state is None

    form = lesson_form(lecture=longer, carry="NEW_PART", new_parts="10:00-13:00", **{"action-submit": "1"})
    assert editing.post(edit(studied), form).status_code == 302
    approve(moderators_browser, studied)

    assert versions(studied)[-1] == (2, 780, "NEW_PART", [[600, 780]])


def test_lessons_published_in_bulk_keep_what_was_said_and_what_was_studied(moderating, studied, longer):
    silent = LessonFactory(parent=studied.course, lecture=PlayableAssetFactory(duration_s=300))
    for lesson, carry in ((studied, "AGAIN"), (silent, "")):
        draft = Lesson.objects.get(pk=lesson.pk).get_latest_revision_as_object()
        draft.body, draft.carry, draft.carry_after = body_with(longer), carry, 1
        draft.save_revision()

    address = reverse("wagtail_bulk_action", args=["wagtailcore", "page", "publish"])
    moderating.post(f"{address}?id={studied.pk}&id={silent.pk}", {"include_descendants": "on"})

    assert versions(studied)[-1] == (2, 780, "AGAIN", [])
    assert versions(silent)[-1] == (2, 780, "KEEP", [])


def test_what_the_editor_answered_is_what_the_member_finds(moderating, lesson, longer, client):
    member = MemberFactory()
    LessonState.objects.create(
        member=member,
        version=lesson.versions.get(),
        duration_s=600,
        needed_s=570,
        watched=b"\xff" * 75,
        watched_s=600,
        frontier_ms=600_000,
        params={},
        fold={"session": "", "seq": -1, "clock_ms": 0, "claimed_ms": 0, "latest_ms": 0, "completed_ms": 1},
        last_beat_at=timezone.now(),
        completed_at=timezone.now(),
    )
    form = lesson_form(lecture=longer, carry="NEW_PART", new_parts="10:00-13:00", **PUBLISH)
    moderating.post(edit(lesson), form)

    progress = archive.lesson_progress(member, lesson.versions.get(number=2))
    assert [(gap.start_label, gap.end_label, gap.reason) for gap in progress.missing] == [
        ("10:00", "13:00", "这节课新增的内容，还没有学")
    ]
