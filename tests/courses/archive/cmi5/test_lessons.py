"""What a satisfied interactive course does to its lesson: done with its evidence, hours by rule, and what never counts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client

from courses.archive import api, folding
from courses.archive.cmi5 import launching
from courses.archive.cmi5.models import Cmi5Registration
from courses.archive.models import LessonState, StudyHourEntry
from courses.archive.otherwise import complete_otherwise
from courses.archive.signals import lesson_completed
from tests.courses.archive.cmi5.conftest import Content
from tests.courses.archive.cmi5.packages import au, block
from tests.courses.archive.conftest import add_version
from tests.factories import CourseFactory, LessonFactory, MemberFactory

COMPLETED = 'moveOn="Completed"'


@pytest.fixture
def lesson(db):
    return LessonFactory(parent=CourseFactory(title="网络安全"))


@pytest.fixture
def text(lesson):
    """The lesson is a text of four minutes."""
    return add_version(lesson, duration_s=240, kind="READING")


@pytest.fixture
def told():
    """The news of completed lessons: (member, version)."""
    heard = []

    def hear(sender, member, version, at, **more):
        heard.append((member, version))

    lesson_completed.connect(hear)
    yield heard
    lesson_completed.disconnect(hear)


@pytest.fixture
def on_lesson(imported, lesson):
    """on_lesson(inner XML, minutes): a course that hangs on the lesson."""

    def hang(inner: str = "", minutes: int | None = None):
        course = imported(inner or au(0, attributes=COMPLETED))
        course.lesson, course.published_duration_s = lesson, minutes and minutes * 60
        course.save()
        return course

    return hang


def study(member, course, *words: str, index: int = 0) -> Content:
    """Begin a unit as a member, and let it say these words."""
    begun = launching.launch(
        course, index, actor=launching.actor_of(member), member=member, site="http://testserver"
    )
    unit = Content(Client(), begun.url).start()
    for word in words:
        assert unit.say(word).status_code == 204
    return unit


def read(member, version, clock, seconds: int):
    play = api.play(member, version)
    clock.advance(seconds)
    return api.complete_reading(play.token)


def hours(member) -> list[tuple[str, Decimal]]:
    rows = StudyHourEntry.objects.filter(member=member).values_list("evidence_type", "hours")
    return sorted(rows)


def test_a_satisfied_course_completes_its_text_lesson_with_its_evidence(on_lesson, text, member, told, clock):
    # Given a course of two units on a text, for which no length is published
    course = on_lesson(block(au(0, attributes=COMPLETED) + au(1, attributes=COMPLETED)))
    # When one unit is done, nothing is
    study(member, course, "completed", "terminated")
    assert not api.lesson_progress(member, text).completed and told == []
    # When the other is
    study(member, course, "completed", "terminated", index=1)
    # Then the lesson is done, nothing is missing, and it says by what
    progress = api.lesson_progress(member, text)
    registration = Cmi5Registration.objects.get()
    assert (progress.completed_at, progress.missing) == (registration.satisfied_at, [])
    assert progress.done_by == f"cmi5:{registration.uuid}"
    assert api.progress_of(member, [text])[text.pk].completed
    assert told == [(member, text)]
    # and nobody says that she has read it, or gives hours
    assert (progress.watched_s, progress.coverage) == (0, 0)
    assert hours(member) == []
    # and it is no lesson to go on with
    assert api.continue_item(member) is None


def test_hours_come_by_the_published_length_and_name_the_lesson(on_lesson, text, member):
    course = on_lesson(minutes=30)
    study(member, course, "completed", "terminated")
    entry = StudyHourEntry.objects.get()
    assert (entry.mode, entry.hours, entry.published_duration_s) == ("SELF_ONLINE", Decimal("1.00"), 1800)
    # In another school, the hours of the lesson's text are told apart from these by their lesson (records/merge.py)
    assert (entry.lesson_version, entry.provider) == (None, "网络安全")
    assert entry.verified_coverage is None  # nobody measured anything
    assert api.verify().whole


def test_what_is_measured_is_not_completed_by_what_is_said(on_lesson, lesson, member, told):
    # Given a lesson with footage, on which a course hangs
    lecture = add_version(lesson, duration_s=600)
    # When the course is satisfied
    study(member, on_lesson(minutes=30), "completed", "terminated")
    # Then the footage is still to be watched; the course has its hours
    assert not api.lesson_progress(member, lecture).completed
    assert not LessonState.objects.exists() and told == []
    assert hours(member) == [("cmi5", Decimal("1.00"))]


def test_a_waiver_completes_the_lesson_and_brings_no_hours(on_lesson, text, member):
    course = on_lesson(minutes=30)
    study(member, course, "terminated")
    launching.waive(Cmi5Registration.objects.get(), 0, "Administrative")
    assert api.lesson_progress(member, text).done_by.startswith("cmi5:")
    assert hours(member) == []


def test_a_course_that_asks_for_nothing_completes_nothing(on_lesson, text, member, told):
    course = on_lesson(au(0), minutes=30)
    study(member, course, "completed", "terminated")
    assert Cmi5Registration.objects.get().satisfied_at is not None
    assert not api.lesson_progress(member, text).completed
    assert (hours(member), told) == ([], [])


@pytest.mark.parametrize("first", ["course", "text"])
def test_the_text_and_the_course_bring_the_same_in_either_order(on_lesson, text, member, clock, told, first):
    """Each has a length that the school published; the lesson is completed once, by whichever came first."""
    course = on_lesson(minutes=30)
    steps = [lambda: study(member, course, "completed", "terminated"), lambda: read(member, text, clock, 240)]
    for step in steps if first == "course" else reversed(steps):
        step()
    assert hours(member) == [("beats", Decimal("0.25")), ("cmi5", Decimal("1.00"))]
    assert told == [(member, text)]
    state = LessonState.objects.get()
    assert state.done_by == ("" if first == "text" else f"cmi5:{Cmi5Registration.objects.get().uuid}")
    assert state.watched_s == 240
    # and reading it again brings nothing more
    read(member, text, clock, 240)
    assert len(hours(member)) == 2


def test_rebuilding_finds_nothing_different_and_takes_nothing_back(on_lesson, text, member, clock):
    study(member, on_lesson(), "completed", "terminated")
    state = LessonState.objects.get()
    assert not folding.differs(state)
    read(member, text, clock, 100)
    state.refresh_from_db()
    assert not api.rebuild_state(state)
    state.refresh_from_db()
    assert state.completed_at is not None and state.done_by and state.watched_s == 100
    assert hours(member) == []


def test_a_later_version_that_keeps_completions_keeps_this_one(on_lesson, text, member):
    study(member, on_lesson(), "completed", "terminated")
    kept = add_version(text.lesson, duration_s=300, kind="READING", carry="KEEP")
    assert api.lesson_progress(member, kept).completed
    again = add_version(text.lesson, duration_s=300, kind="READING", carry="AGAIN")
    assert not api.lesson_progress(member, again).completed


def test_told_twice_nothing_moves(text, member, clock, told):
    assert complete_otherwise(member, text, done_by="cmi5:1", at=clock.at)
    clock.advance(60)
    assert not complete_otherwise(member, text, done_by="cmi5:2", at=clock.at)
    assert LessonState.objects.get().done_by == "cmi5:1"
    assert told == [(member, text)]


def test_members_see_it_on_the_lesson_the_course_and_in_the_archive(on_lesson, text, member, client):
    # Given a member who completed a course that brings hours
    course = on_lesson(minutes=30)
    study(member, course, "completed", "terminated")
    client.force_login(member)
    entry = StudyHourEntry.objects.get()
    # Then the lesson says so, the course says so with its hours, and the archive lists it
    lesson_page = client.get(text.lesson.url).content.decode()
    assert "学完" in lesson_page and "由所配的互动课件完成" in lesson_page and "/cmi5/" in lesson_page
    link = f"/archive/entries/{entry.uuid}/"
    assert link in client.get(f"/cmi5/{course.uuid}/").content.decode()
    assert 'href="/cmi5/"' in client.get("/archive/").content.decode()
    mine = client.get("/cmi5/")
    (taken,) = mine.context["taken"]
    assert (taken.entry, taken.url, taken.waived) == (entry, f"/cmi5/{course.uuid}/", False)
    assert link in mine.content.decode()
    assert text.lesson.url in client.get(link).content.decode()
    # and nobody else does
    client.force_login(MemberFactory())
    assert client.get("/cmi5/").context["taken"] == []
    assert client.get(link).status_code == 404


def test_the_list_says_why_a_course_brought_no_hours(on_lesson, text, member, client):
    # Given one course for which the school set no length, one with a waived unit, one that was credited this year, one begun
    def done(minutes, *words, waive=False):
        course = on_lesson(minutes=minutes)
        study(member, course, *words)
        if waive:
            launching.waive(Cmi5Registration.objects.get(course=course), 0, "Administrative")
        launching.retire(course)

    done(None, "completed", "terminated")
    done(30, "terminated", waive=True)
    done(30, "completed", "terminated")
    done(30, "completed", "terminated")
    study(member, on_lesson(minutes=30))
    client.force_login(member)
    # When she looks at her list, the latest first
    page = client.get("/cmi5/")
    # Then each says what became of it, and leads where she may go
    lines = page.content.decode().split('<li class="row">')[1:]
    said = ["学习中", "同一课件今年已经记过", "+1 学时", "部分免修", "学校没有为它设定时长"]
    assert len(lines) == 5
    for line, words in zip(lines, said, strict=True):
        assert words in line
    assert [bool(one.url) for one in page.context["taken"]] == [True, False, False, False, False]


def test_my_courses_cost_the_same_for_one_as_for_six(
    on_lesson, lesson, text, member, client, django_assert_num_queries
):
    client.force_login(member)
    for _number in range(6):
        course = on_lesson(minutes=30)
        study(member, course, "completed", "terminated")
        launching.retire(course)
    client.get("/cmi5/")
    # the session
    # the member
    # her registrations with their courses
    # her posts, and which of the courses she may open
    # their lines in the ledger
    # the frame of the site
    # how many notices are unread
    with django_assert_num_queries(8):
        assert len(client.get("/cmi5/").context["taken"]) == 6
