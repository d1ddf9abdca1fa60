"""What members and editors see of interactive courses, and the hours that come of them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from courses.archive.cmi5 import launching
from courses.archive.cmi5.models import Cmi5Course, Cmi5Registration, Cmi5Session
from courses.archive.models import StudyHourEntry
from courses.archive.tasks import abandon_cmi5
from people.models import AuditEntry, PostRole
from tests.courses.archive.cmi5.conftest import Content, verbs
from tests.courses.archive.cmi5.packages import au, block, package, structure
from tests.factories import AdministratorFactory, CourseFactory, LessonFactory, MemberFactory, PostFactory

COMPLETED = 'moveOn="Completed"'


@pytest.fixture
def lesson(db):
    return LessonFactory(parent=CourseFactory())


@pytest.fixture
def linked(imported, lesson):
    """A course of two units on a lesson, published with 30 minutes (1 study hour)."""
    course = imported(block(au(0, attributes=COMPLETED) + au(1, attributes=COMPLETED)))
    course.lesson, course.published_duration_s = lesson, 1800
    course.save()
    return course


def signed_in(member) -> Client:
    browser = Client()
    browser.force_login(member)
    return browser


def study(browser: Client, course: Cmi5Course, index: int, *words: str) -> Content:
    """Begin a unit as the page's button does, and let it say these words."""
    answer = browser.post(f"/cmi5/{course.uuid}/begin/{index}/")
    assert answer.status_code == 303
    unit = Content(Client(), answer["Location"]).start()
    for word in words:
        assert unit.say(word).status_code == 204
    return unit


def test_a_member_studies_a_course_and_gets_its_hours_once(linked, lesson):
    # Given a member on the lesson's page
    member = MemberFactory()
    browser = signed_in(member)
    assert f"/cmi5/{linked.uuid}/" in browser.get(lesson.url).content.decode()
    page = browser.get(f"/cmi5/{linked.uuid}/")
    assert page.status_code == 200 and page.content.decode().count("/begin/") == 2
    # When the first unit is completed, there are no hours yet
    unit = study(browser, linked, 0, "completed", "terminated")
    assert unit.launch_data["returnURL"] == f"http://testserver/cmi5/{linked.uuid}/"
    assert "已完成" in browser.get(f"/cmi5/{linked.uuid}/").content.decode()
    assert not StudyHourEntry.objects.exists()
    # When the second is
    study(browser, linked, 1, "completed", "terminated")
    # Then the ledger has the hours of the published length, and says where they come from
    entry = StudyHourEntry.objects.get()
    registration = Cmi5Registration.objects.get()
    assert (entry.member, entry.hours, entry.title) == (member, Decimal("1.00"), "网络安全")
    assert (entry.evidence_type, entry.evidence_id) == ("cmi5", str(registration.uuid))
    assert entry.published_duration_s == 1800
    # And looking at it again brings nothing more
    again = study(browser, linked, 1, "terminated")
    assert again.launch_data["launchMode"] == "Review" and again.registration == str(registration.uuid)
    assert StudyHourEntry.objects.count() == 1
    # The learner is named by a number only
    assert again.actor["account"]["name"] == str(member.uuid) and "name" not in again.actor


def test_a_corrected_package_brings_no_hours_again_in_the_same_year(linked, imported, lesson):
    # Given a member who completed a course, which is then replaced by a corrected package
    browser = signed_in(MemberFactory())
    for index in (0, 1):
        study(browser, linked, index, "completed", "terminated")
    launching.retire(linked)
    corrected = imported(au(0, attributes=COMPLETED))
    corrected.lesson, corrected.published_duration_s = lesson, 1800
    corrected.save()
    # When she completes that one too
    study(browser, corrected, 0, "completed", "terminated")
    # Then it is satisfied, and the hours are those that she had
    assert Cmi5Registration.objects.filter(satisfied_at__isnull=False).count() == 2
    assert StudyHourEntry.objects.count() == 1


def test_a_course_without_a_length_brings_no_hours(linked):
    linked.published_duration_s = None
    linked.save()
    browser = signed_in(MemberFactory())
    for index in (0, 1):
        study(browser, linked, index, "completed", "terminated")
    assert Cmi5Registration.objects.get().satisfied_at is not None
    assert not StudyHourEntry.objects.exists()


def test_a_waiver_satisfies_and_brings_no_hours(linked):
    # Given a member who studied one of two units, and the organiser of her branch
    member = MemberFactory()
    study(signed_in(member), linked, 0, "completed", "terminated")
    registration = Cmi5Registration.objects.get()
    organiser = MemberFactory(organization=member.organization, is_superuser=False)
    PostFactory(member=organiser, role=PostRole.ORGANIZER)
    path = f"/api/cmi5/registrations/{registration.uuid}/waive-au/1"
    body = {"reason": "Equivalent Outside Activity"}
    # Then the organiser cannot, without the right to edit courses; nor can the member; nor a stranger with the right
    assert signed_in(organiser).post(path, body, content_type="application/json").status_code == 401
    stranger = MemberFactory()
    for one in (organiser, stranger, member):
        one.user_permissions.add(_permission())
    assert signed_in(stranger).post(path, body, content_type="application/json").status_code == 404
    assert signed_in(member).post(path, body, content_type="application/json").status_code == 404
    assert not registration.aus.filter(waived_at__isnull=False).exists()
    # When the organiser with the right does
    answer = signed_in(organiser).post(path, body, content_type="application/json")
    # Then the course is satisfied, the trail says who decided, and no hours came of it
    assert answer.status_code == 200
    registration.refresh_from_db()
    assert registration.satisfied == ["block:0", "course"]
    assert AuditEntry.objects.get(action="cmi5.au_waived").actor == organiser
    assert not StudyHourEntry.objects.exists()
    assert "免修" in signed_in(member).get(f"/cmi5/{linked.uuid}/").content.decode()


def _permission():
    from django.contrib.auth.models import Permission

    return Permission.objects.get(codename="change_cmi5course")


def test_who_may_not_open_the_lesson_finds_no_course(linked, lesson, imported):
    browser = signed_in(MemberFactory())
    unlinked = imported()
    lesson.unpublish()
    for course in (linked, unlinked):
        assert browser.get(f"/cmi5/{course.uuid}/").status_code == 404
        assert browser.post(f"/cmi5/{course.uuid}/begin/0/").status_code == 404
    assert Client().get(f"/cmi5/{linked.uuid}/").status_code == 302
    assert not Cmi5Session.objects.exists()


def test_the_page_asks_the_database_as_often_for_forty_units_as_for_two(linked, imported, lesson):
    def asked(course: Cmi5Course, browser: Client) -> int:
        with CaptureQueriesContext(connection) as caught:
            assert browser.get(f"/cmi5/{course.uuid}/").status_code == 200
        return len(caught)

    browser = signed_in(MemberFactory())
    study(browser, linked, 0, "completed", "terminated")
    asked(linked, browser)
    few = asked(linked, browser)
    launching.retire(linked)
    many = imported("".join(au(n, attributes=COMPLETED) for n in range(40)))
    many.lesson = lesson
    many.save()
    for index in range(3):
        study(browser, many, index, "completed", "terminated")
    assert asked(many, browser) == few


def test_a_unit_elsewhere_may_be_sent_to(imported, lesson):
    course = imported(au(0, url="https://content.example/start/一?x=二"))
    course.lesson = lesson
    course.save()
    browser = signed_in(MemberFactory())
    page = browser.get(f"/cmi5/{course.uuid}/")
    assert "content.example" in page["Content-Security-Policy"].split("form-action")[1].split(";")[0]
    url = browser.post(f"/cmi5/{course.uuid}/begin/0/")["Location"]
    assert url.startswith(
        "https://content.example/start/%E4%B8%80?x=%E4%BA%8C&endpoint=http%3A%2F%2Ftestserver%2F"
    )


def test_the_task_abandons_what_is_too_old(linked):
    unit = study(signed_in(MemberFactory()), linked, 0)
    Cmi5Session.objects.update(expires_at="2026-01-01T00:00:00Z")
    assert abandon_cmi5() == 1
    assert verbs(unit.registration)[-1] == "abandoned"


def test_the_session_of_the_site_alone_changes_nothing(linked):
    """Another site's form, sent by an administrator's browser, is refused."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(AdministratorFactory())
    assert browser.delete(f"/api/cmi5/courses/{linked.uuid}").status_code == 403
    assert browser.post(f"/cmi5/{linked.uuid}/begin/0/").status_code == 403
    linked.refresh_from_db()
    assert linked.retired_at is None and not Cmi5Session.objects.exists()


# the editors' desk


def test_an_administrator_imports_links_previews_and_withdraws(db, lesson):
    administrator = AdministratorFactory()
    desk = signed_in(administrator)
    assert desk.get(reverse("cmi5_courses:index")).status_code == 200
    # A bad package is refused in words, and nothing is there
    bad = SimpleUploadedFile("x.zip", b"no zip")
    answer = desk.post(reverse("cmi5_courses:add"), {"package": bad})
    assert answer.status_code == 200 and "cmi5.xml" in answer.content.decode()
    assert not Cmi5Course.objects.exists()
    # A good one is taken in
    good = SimpleUploadedFile("x.zip", package(structure(block(au(0, attributes=COMPLETED)))).getvalue())
    answer = desk.post(reverse("cmi5_courses:add"), {"package": good})
    course = Cmi5Course.objects.get()
    edit = reverse("cmi5_courses:edit", args=[course.pk])
    assert answer.status_code == 302 and answer["Location"] == edit
    assert course.imported_by == administrator
    page = desk.get(edit).content.decode()
    assert "第0单元" in page and "第一部分" in page
    assert reverse("cmi5_courses:withdraw", args=[course.pk]) in page
    # It gets its lesson and its length, and the trail tells
    answer = desk.post(edit, {"title": "网络安全培训", "lesson": lesson.pk, "minutes": 45})
    assert answer.status_code == 302
    course.refresh_from_db()
    assert (course.title, course.lesson, course.published_duration_s) == ("网络安全培训", lesson, 2700)
    assert AuditEntry.objects.filter(action="cmi5.course_changed").count() == 1
    # A preview counts for nobody
    answer = desk.post(reverse("cmi5_courses:preview", args=[course.pk, 0]))
    assert Content(Client(), answer["Location"]).start().launch_data["launchMode"] == "Browse"
    assert Cmi5Registration.objects.get().member is None
    # Withdrawn, it is on the lesson's page no more
    assert desk.post(reverse("cmi5_courses:withdraw", args=[course.pk])).status_code == 302
    course.refresh_from_db()
    assert course.retired_at is not None
    assert f"/cmi5/{course.uuid}/" not in desk.get(lesson.url).content.decode()


def test_a_lesson_holds_one_course(linked, imported, lesson):
    other = imported()
    desk = signed_in(AdministratorFactory())
    edit = reverse("cmi5_courses:edit", args=[other.pk])
    answer = desk.post(edit, {"title": "x", "lesson": lesson.pk, "minutes": ""})
    assert answer.status_code == 200
    other.refresh_from_db()
    assert other.lesson is None


def test_others_have_no_desk(db, imported):
    course = imported()
    member = signed_in(MemberFactory())
    for name, args in (("index", []), ("add", []), ("edit", [course.pk])):
        assert member.get(reverse(f"cmi5_courses:{name}", args=args)).status_code in (302, 403)
    for name, args in (("preview", [course.pk, 0]), ("withdraw", [course.pk])):
        assert member.post(reverse(f"cmi5_courses:{name}", args=args)).status_code in (302, 403)
    course.refresh_from_db()
    assert course.retired_at is None and not Cmi5Session.objects.exists()
