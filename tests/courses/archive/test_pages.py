"""What pages get from the archive: the record, the strip, what to go on with, what is due, reading."""

import json
import re
from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import Context, Template
from django.test import RequestFactory

from courses.archive import api
from courses.archive.errors import BadBeats, NotOpen, TokenInvalid
from courses.archive.models import LessonState, StudyHourEntry
from courses.catalogue.api import lesson_version
from courses.catalogue.models import Disclosure, LessonVersion
from tests.courses.archive.conftest import add_version
from tests.factories import (
    AdministratorFactory,
    CourseFactory,
    LessonFactory,
    MemberFactory,
    PartyOrganizationFactory,
)

pytestmark = pytest.mark.django_db


def rendered(user, page, text):
    request = RequestFactory().get("/")
    request.user = user
    context = Context({"page": page, "request": request})
    return Template("{% load archive %}{% lesson_study page as study %}" + text).render(context)


# The lesson's page


def test_the_lesson_page_knows_play_and_progress(phone, member, lesson, version):
    phone.watch(45)
    phone.flush()
    text = "{{ study.play.resume_s }}|{{ study.progress.watched_s }}|{{ study.progress.hours_on_offer }}"
    assert rendered(member, lesson, text) == "45.0|45|0.25"
    script = rendered(member, lesson, "{% study_config study as c %}{{ c|json_script:'x' }}")
    config = json.loads(re.fullmatch(r"<script[^>]*>(.*)</script>", script)[1])
    assert (config["duration_s"], config["needed_s"], config["beats_url"]) == (600, 570, "/api/archive/beats")
    assert (config["free_seek"], config["speed_cap"], config["playback"]) == (False, 1.0, None)
    answer = phone.client.post(
        "/api/archive/beats",
        {"token": config["token"], "beats": [{"seq": 0, "intervals": [], "position_ms": 0, "clock_ms": 5}]},
        content_type="application/json",
    )
    assert answer.status_code == 200


def test_looking_at_a_lesson_writes_nothing(member, lesson, version, nothing_moved):
    nothing_moved()
    rendered(member, lesson, "{% study_config study as c %}{{ c|json_script:'x' }}")
    nothing_moved()


def test_without_a_sign_in_there_is_nothing_to_hand_in(lesson, version):
    text = (
        "{{ study.play }}|{{ study.progress }}|{% study_config study as c %}{{ c.token }}|{{ c.free_seek }}"
    )
    assert rendered(AnonymousUser(), lesson, text) == "None|None||True"


def test_a_draft_has_nothing_to_study(member, course):
    draft = LessonFactory(parent=course, live=False)
    assert rendered(member, draft, "{{ study.play }}{% study_config study as c %}{{ c }}") == "None{}"


def test_missing_is_empty_exactly_when_completed(phone, member, version):
    for _ in range(12):
        progress = api.lesson_progress(member, version)
        assert bool(progress.missing) is not progress.completed
        assert progress.spans[0].start_s == 0 and progress.spans[-1].end_s == 600
        phone.watch(60)
        phone.flush()
    assert api.lesson_progress(member, version).completed


# Lists


def test_progress_of_many_costs_three_queries(phone, member, course, version, django_assert_num_queries):
    phone.watch(60)
    phone.flush()
    versions = [version, *(add_version(LessonFactory(parent=course)) for _ in range(4))]
    # beats that wait to be folded, states, rules
    with django_assert_num_queries(3):
        found = api.progress_of(member, versions)
    assert (found[version.pk].percent, found[version.pk].left_s, found[version.pk].begun) == (10, 510, True)
    assert (found[versions[1].pk].begun, found[versions[1].pk].needed_s) == (False, 570)


def test_continue_is_the_lesson_touched_last_that_can_be_gone_on_with(phone_of, member, course, clock):
    versions = [add_version(LessonFactory(parent=course), duration_s=60) for _ in range(4)]
    finished, withdrawn, renewed, older = versions
    for version, seconds in ((older, 15), (renewed, 15), (withdrawn, 15), (finished, 60)):
        phone = phone_of(member, version)
        phone.watch(seconds)
        phone.flush()
    withdrawn.lesson.unpublish()
    add_version(renewed.lesson, duration_s=90)
    item = api.continue_item(member)
    assert (item.lesson, item.version, item.position_s, item.duration_s) == (older.lesson, older, 15, 60)
    assert api.continue_item(MemberFactory()) is None


def test_due_are_open_unfinished_lessons_nearest_day_first(phone_of, member, clock):
    elsewhere = PartyOrganizationFactory()
    due = CourseFactory(due_on=date(2026, 12, 20))
    by_course = LessonFactory(parent=due)
    by_itself = LessonFactory(parent=due, due_on=date(2026, 9, 1))
    done = add_version(LessonFactory(parent=due), duration_s=60)
    free = LessonFactory(parent=CourseFactory())
    closed = CourseFactory(due_on=date(2026, 10, 1), disclosure=Disclosure.SUBTREE, opened_to=[elsewhere])
    LessonFactory(parent=closed)
    phone = phone_of(member, done)
    phone.watch(60)
    phone.flush()
    items = api.due_items(member)
    assert [(one.lesson.pk, one.due_on, one.overdue) for one in items] == [
        (by_itself.pk, date(2026, 9, 1), True),
        (by_course.pk, date(2026, 12, 20), False),
    ]
    assert free.pk not in {one.lesson.pk for one in items}
    assert items[0].version == lesson_version(by_itself)


def test_a_lesson_completed_in_an_earlier_version_is_not_due_again(phone_of, member, clock):
    version = add_version(LessonFactory(due_on=date(2026, 12, 1)), duration_s=60)
    phone = phone_of(member, version)
    phone.watch(60)
    phone.flush()
    add_version(version.lesson, duration_s=90, carry="KEEP")
    assert api.due_items(member) == []


# Reading


@pytest.fixture
def text(lesson) -> LessonVersion:
    return add_version(lesson, duration_s=240, kind="READING")


def confirm(play):
    return api.complete_reading(play.token)


def test_reading_is_completed_by_saying_so_after_its_time(member, text, clock):
    play = api.play(member, text)
    clock.advance(230)
    assert confirm(play).completed
    assert StudyHourEntry.objects.get(member=member).published_duration_s == 240


def test_saying_so_too_early_counts_the_time_and_no_more(member, text, clock):
    play = api.play(member, text)
    clock.advance(100)
    confirm(play)
    confirm(play)
    progress = api.lesson_progress(member, text)
    assert (progress.completed, progress.watched_s, progress.left_s) == (False, 100, 128)
    assert progress.missing[0].start_label == "01:40"
    # when she opens it again and reads the rest
    again = api.play(member, text)
    clock.advance(128)
    confirm(again)
    assert api.lesson_progress(member, text).completed


def test_dwelling_and_saying_so_count_the_same_time_once(phone_of, member, text, clock):
    phone = phone_of(member, text)
    phone.watch(60)
    phone.flush()
    confirm(phone.play)
    assert api.lesson_progress(member, text).watched_s == 60
    phone.watch(60)
    assert phone.flush().json()["state"]["watched_s"] == 120


def test_idle_dwelling_is_not_counted(phone_of, member, text):
    phone = phone_of(member, text)
    phone.watch(60, flags=["idle"])
    state = phone.flush().json()["state"]
    assert (state["watched_s"], state["missing"][0]["reason_code"]) == (0, "NOT_PRESENT")


def test_a_lecture_is_not_completed_by_saying_so(member, version, clock, nothing_moved):
    play = api.play(member, version)
    clock.advance(600)
    nothing_moved()
    with pytest.raises(BadBeats):
        confirm(play)
    nothing_moved()


def test_reading_with_a_forged_token_or_for_strangers_moves_nothing(member, text, clock, nothing_moved):
    play = api.play(member, text)
    clock.advance(240)
    text.lesson.unpublish()
    nothing_moved()
    with pytest.raises(TokenInvalid):
        api.complete_reading("forged")
    with pytest.raises(NotOpen):
        confirm(play)
    nothing_moved()


def test_reading_beside_a_lecture_counts_only_when_nothing_else_played(phone_of, member, course, text, clock):
    # given a text opened, then a lecture played for two minutes elsewhere
    play = api.play(member, text)
    lecture = phone_of(member, add_version(LessonFactory(parent=course)))
    lecture.watch(120)
    lecture.flush()
    clock.advance(60)
    # when she says that she has read the text
    progress = confirm(play)
    # then only the minute after the lecture counts
    assert (progress.watched_s, progress.completed) == (60, False)


def test_history_may_be_written_afterwards_in_any_order(member, course, clock):
    days = [datetime(2026, 9, day, 1, 0, tzinfo=UTC) for day in (20, 10, 15)]
    for day in days:
        version = add_version(LessonFactory(parent=course), duration_s=240, kind="READING")
        clock.at = day
        play = api.play(member, version)
        clock.advance(245)
        assert confirm(play).completed
    assert StudyHourEntry.objects.filter(member=member).count() == 3


# The member's own archive


def entry_for(member, year, title="集中培训"):
    return api.add_entry(
        member, mode="CENTRAL_OFFLINE", title=title, hours=8, finished_at=datetime(year, 5, 4, tzinfo=UTC)
    )


def test_the_archive_shows_ones_own_years(client, member):
    entry_for(member, 2025, "二〇二五年班")
    entry_for(member, 2026, "二〇二六年班")
    entry_for(MemberFactory(), 2026, "别人的班")
    client.force_login(member)
    answer = client.get("/archive/?year=2025")
    assert answer.status_code == 200
    assert [entry.title for entry in answer.context["entries"]] == ["二〇二五年班"]
    assert answer.context["standing"].hours == 8
    assert "别人的班" not in client.get("/archive/?year=2026").content.decode()
    for nonsense in ("1999", "20x6", "99999", "²⁰²⁶"):
        assert client.get(f"/archive/?year={nonsense}").status_code in {200, 404}


def test_the_archive_needs_a_sign_in(client, db):
    answer = client.get("/archive/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/archive/")


def test_the_archive_page_costs_the_same_however_long_the_history(
    client, member, django_assert_max_num_queries
):
    client.force_login(member)
    for count in (1, 12):
        for _ in range(count):
            entry_for(member, 2026)
        with django_assert_max_num_queries(30):
            assert client.get("/archive/?year=2026").status_code == 200


# The API beside the beats


def test_standing_by_api(client, member, clock):
    entry_for(member, 2026)
    assert client.get("/api/archive/me/standing").status_code == 401
    client.force_login(member)
    said = client.get("/api/archive/me/standing").json()
    assert (said["year"], said["hours"], said["target"], said["missing"]) == (2026, 8, 32, 24)
    assert [mode["code"] for mode in said["by_mode"]] == ["CENTRAL_OFFLINE"]


def test_leave_to_play_by_api(client, member, version, clock):
    asked = {"version": str(version.uuid)}
    assert client.post("/api/archive/play", asked, content_type="application/json").status_code == 401
    client.force_login(member)
    leave = client.post("/api/archive/play", asked, content_type="application/json")
    assert leave.status_code == 200
    beats = [{"seq": 0, "intervals": [], "position_ms": 0, "clock_ms": 5}]
    body = {"token": leave.json()["token"], "beats": beats}
    assert client.post("/api/archive/beats", body, content_type="application/json").status_code == 200
    absent = {"version": "00000000-0000-4000-8000-000000000000"}
    answer = client.post("/api/archive/play", absent, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_OPEN")
    nonsense = client.post("/api/archive/play", {"version": "nonsense"}, content_type="application/json")
    assert nonsense.status_code == 422
    version.lesson.unpublish()
    assert client.post("/api/archive/play", asked, content_type="application/json").status_code == 404
    assert LessonState.objects.count() == 1


def test_leave_to_play_is_safe_from_other_sites(member, version):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(member)
    answer = client.post("/api/archive/play", {"version": str(version.uuid)}, content_type="application/json")
    assert answer.status_code == 403


def test_the_schema_describes_the_beats(client, db):
    client.force_login(AdministratorFactory())
    schema = client.get("/api/openapi.json").json()
    body = schema["paths"]["/api/archive/beats"]["post"]["requestBody"]["content"]["application/json"]
    assert body["examples"]["first_batch"]["value"]["beats"][0]["seq"] == 1
    assert set(body["schema"]["properties"]) == {"token", "beats", "sent_ms"}
    assert body["schema"]["properties"]["beats"]["items"]["properties"]["intervals"]
    assert set(schema["paths"]["/api/archive/beats"]["post"]["responses"]) >= {
        "200",
        "401",
        "404",
        "409",
        "413",
        "422",
        "503",
    }
