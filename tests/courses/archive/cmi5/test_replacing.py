"""A corrected package in place of another: whom it concerns, what goes over, and what stays as it was."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from courses.archive.cmi5 import content as content_files
from courses.archive.cmi5 import launching, replacing
from courses.archive.cmi5.errors import CourseUnknown, PackageInvalid
from courses.archive.cmi5.models import Cmi5Course, Cmi5Registration
from people.models import AuditEntry
from tests.courses.archive.cmi5.conftest import Content, verbs
from tests.courses.archive.cmi5.packages import au, block, package, structure
from tests.factories import AdministratorFactory, CourseFactory, LessonFactory, MemberFactory

COMPLETED = 'moveOn="Completed"'


@pytest.fixture
def course(imported):
    """Two units on a lesson, with a title and a length that the school gave."""
    made = imported(block(au(0, attributes=COMPLETED) + au(1, attributes=COMPLETED)))
    made.lesson, made.title, made.published_duration_s = (
        LessonFactory(parent=CourseFactory()),
        "我们的网络安全",
        1800,
    )
    made.save()
    return made


def corrected(inner: str = "", **more):
    return package(structure(inner or au(0, attributes=COMPLETED) + au(2, attributes=COMPLETED), **more))


def study(member, course, *words: str, index: int = 0) -> Content:
    begun = launching.launch(
        course, index, actor=launching.actor_of(member), member=member, site="http://testserver"
    )
    unit = Content(Client(), begun.url).start()
    for word in words:
        assert unit.say(word).status_code == 204
    return unit


def everybody(course) -> tuple[Content, list]:
    """One who is done, one under way, one in a unit right now, and a program's learner who is nobody here."""
    done, under_way, inside = MemberFactory.create_batch(3)
    for index in (0, 1):
        study(done, course, "completed", "terminated", index=index)
    study(under_way, course, "completed", "terminated")
    unit = study(inside, course)
    launching.launch(
        course,
        0,
        actor={"account": {"homePage": "https://p.example/", "name": "1"}},
        site="http://testserver",
    )
    return unit, [done, under_way, inside]


def test_what_the_school_said_goes_over_and_the_old_version_is_withdrawn(course):
    unit, _members = everybody(course)
    # Given whom it concerns
    assert replacing.concerned(course) == replacing.Concerned(satisfied=1, under_way=2, in_a_unit=1)
    # When it is replaced
    editor = AdministratorFactory()
    fresh = replacing.replace(course, corrected(), by=editor)
    # Then title, lesson and length are the old one's, and the units the new one's
    course.refresh_from_db()
    assert (fresh.title, fresh.lesson, fresh.published_duration_s) == ("我们的网络安全", course.lesson, 1800)
    assert (fresh.replaces, fresh.au_count, fresh.imported_by) == (course, 2, editor)
    assert course.retired_at is not None and fresh.retired_at is None
    assert AuditEntry.objects.get(action="cmi5.course_replaced").actor == editor
    # and the unit that was open goes on to its end
    assert unit.say("completed").status_code == 204
    assert verbs(unit.registration)[-1] == "completed"


def test_members_are_told_how_they_stand(course):
    _unit, (done, under_way, _inside) = everybody(course)
    fresh = replacing.replace(course, corrected())
    for member, words in ((done, "您完成了上一版本"), (under_way, "请重新开始"), (MemberFactory(), "")):
        browser = Client()
        browser.force_login(member)
        page = browser.get(f"/cmi5/{fresh.uuid}/").content.decode()
        assert browser.get(f"/cmi5/{course.uuid}/").status_code == 404
        assert page.count("/begin/") == 2
        assert words in page
        assert ("上一版本" in page or "新版本" in page) == bool(words)
    # also when it is replaced once more, until she begins
    newest = replacing.replace(fresh, corrected())
    browser.force_login(done)
    assert "您完成了上一版本" in browser.get(f"/cmi5/{newest.uuid}/").content.decode()
    study(done, newest)
    assert "上一版本" not in browser.get(f"/cmi5/{newest.uuid}/").content.decode()


def test_one_that_nobody_began_goes_and_the_chain_holds(course):
    everybody(course)
    second = replacing.replace(course, corrected())
    third = replacing.replace(second, corrected())
    assert third.replaces == course
    assert set(Cmi5Course.objects.all()) == {course, third}


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (lambda: corrected(id="https://publisher.example/other"), "ANOTHER_COURSE"),
        (lambda: package(structure(au(0, url="gone.html"))), "URL_WITHOUT_FILE"),
    ],
)
def test_a_package_that_cannot_replace_it_leaves_everything(course, settings, file, code):
    everybody(course)
    with pytest.raises(PackageInvalid) as refused:
        replacing.replace(course, file())
    assert refused.value.code == code
    course.refresh_from_db()
    assert Cmi5Course.objects.get() == course and course.retired_at is None and course.lesson is not None
    assert not AuditEntry.objects.filter(action="cmi5.course_replaced").exists()


@pytest.mark.django_db(transaction=True)
def test_no_file_of_a_refused_version_stays(course, settings):
    with pytest.raises(PackageInvalid):
        replacing.replace(course, corrected(id="https://publisher.example/other"))
    assert [one.name for one in settings.STUDY["CMI5_DIR"].iterdir()] == [str(course.uuid)]


def test_one_that_was_withdrawn_meanwhile_is_not_replaced(course):
    everybody(course)
    launching.retire(course)
    with pytest.raises(CourseUnknown):
        replacing.replace(course, corrected())
    assert Cmi5Course.objects.get() == course


def test_an_editor_replaces_it_on_the_desk(course):
    everybody(course)
    desk = Client()
    desk.force_login(AdministratorFactory())
    place = reverse("cmi5_courses:replace", args=[course.pk])
    assert place in desk.get(reverse("cmi5_courses:edit", args=[course.pk])).content.decode()
    # She sees whom it concerns
    page = desk.get(place).content.decode()
    assert "1 名党员已完成" in page and "2 名党员正在学习" in page and "1 名党员此刻" in page
    # A bad package, another course and no file are refused in words
    for file, words in (
        (b"no zip", "cmi5.xml"),
        (corrected(id="https://publisher.example/other").getvalue(), "不是本课件的新版本"),
    ):
        answer = desk.post(place, {"package": SimpleUploadedFile("x.zip", file)})
        assert answer.status_code == 422 and words in answer.content.decode()
    assert desk.post(place, {}).status_code == 422
    assert Cmi5Course.objects.count() == 1
    # A good one takes its place
    answer = desk.post(place, {"package": SimpleUploadedFile("x.zip", corrected().getvalue())})
    fresh = Cmi5Course.objects.in_use().get()
    assert answer.status_code == 302 and answer["Location"] == reverse("cmi5_courses:edit", args=[fresh.pk])
    old = desk.get(reverse("cmi5_courses:edit", args=[course.pk])).content.decode()
    assert reverse("cmi5_courses:edit", args=[fresh.pk]) in old and place not in old
    assert desk.get(place).status_code == 302
    assert (content_files.folder_of(fresh.uuid) / "index.html").is_file()


def test_others_replace_nothing(course):
    place = reverse("cmi5_courses:replace", args=[course.pk])
    browser = Client()
    for member in (None, MemberFactory()):
        if member:
            browser.force_login(member)
        file = SimpleUploadedFile("x.zip", corrected().getvalue())
        assert browser.get(place).status_code in (302, 403)
        assert browser.post(place, {"package": file}).status_code in (302, 403)
    assert Cmi5Course.objects.get() == course and not Cmi5Registration.objects.exists()
