"""A member whose log cannot be folded (a broken record, a fault of ours): her pages stand, her beats are kept."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import DataError, InterfaceError, OperationalError, connection
from django.test import Client

from courses.archive import api, folding
from courses.archive.errors import NotReckoned
from courses.archive.folder import Folder
from courses.archive.models import Beat, LearningArchive, LessonState, PlayLease
from courses.archive.packing import pack
from tests.courses.archive.conftest import add_version
from tests.factories import AdministratorFactory, MemberFactory, PostFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def break_fold(monkeypatch):
    """`break_fold(error)`: from now on crediting and reckoning raise it; without an error all is well again."""
    real = folding._advance

    def make(error: Exception | None = None) -> None:
        def fails(*args, **more):
            real(*args, **more)
            raise error

        monkeypatch.setattr(folding, "_advance", fails if error else real)

    return make


@pytest.fixture
def stuck(phone, break_fold):
    """A minute is reckoned; another minute is in the log and cannot be."""
    phone.watch(60)
    phone.flush()
    break_fold(DataError("value too long for type character varying(200)"))
    phone.watch(60)
    assert phone.flush().status_code == 200
    return phone


def folded(member) -> int:
    return LearningArchive.objects.get(member=member).beats_folded


def test_beats_are_kept_and_reckoned_when_it_is_mended(stuck, member, version, break_fold):
    # then each of them was acknowledged and is in the log, the state is what it was
    assert (Beat.objects.count(), LessonState.objects.get().watched_s) == (8, 60)
    assert folded(member) == sorted(Beat.objects.values_list("pk", flat=True))[3]
    # when she goes on, also while a backlog waits
    stuck.watch(60)
    answer = stuck.flush()
    assert (answer.status_code, answer.json()["state"]["watched_s"]) == (200, 60)
    # and somebody mends it
    break_fold()
    assert api.lesson_progress(member, version).watched_s == 180
    assert folded(member) == max(Beat.objects.values_list("pk", flat=True))


def test_her_pages_show_what_is_reckoned(stuck, client, member, version):
    client.force_login(member)
    assert client.get("/archive/").status_code == 200
    assert api.lesson_progress(member, version).watched_s == 60
    assert api.year_standing(member, 2026).hours == 0
    assert api.play(member, version).watched_s == 60


def test_a_database_that_is_away_is_not_taken_for_a_broken_record(stuck, member, version, break_fold):
    for away in (OperationalError("gone"), InterfaceError("closed")):
        break_fold(away)
        for read in (api.lesson_progress, api.play):
            with pytest.raises(type(away)):
                read(member, version)
        with pytest.raises(type(away)):
            api.year_standing(member, 2026)
    assert stuck.post([stuck.note()]).status_code == 503


def test_a_second_device_takes_over_no_earlier_than_the_first_was_heard(
    stuck, phone_of, member, version, clock
):
    heard = clock.at
    second = phone_of(member, version)
    second.watch(30)
    assert second.flush().status_code == 200
    first, later = PlayLease.objects.order_by("from_at")
    assert (first.until_at, later.from_at) == (heard, heard)
    assert heard + timedelta(seconds=30) == clock.at


def test_reading_is_not_confirmed_on_top_of_what_is_not_reckoned(
    phone_of, lesson, member, clock, break_fold, nothing_moved
):
    text = add_version(lesson, duration_s=60, kind="READING")
    phone = phone_of(member, text)
    phone.watch(15)
    phone.flush()
    break_fold(DataError("value too long"))
    phone.watch(15)
    phone.flush()
    nothing_moved()
    with pytest.raises(NotReckoned):
        api.complete_reading(phone.play.token)
    nothing_moved()
    # when she presses the button on the page, then it says in words what holds and what to do
    client = Client()
    client.force_login(member)
    answer = client.post("/study/read/", {"token": phone.play.token, "next": "/study/"}, follow=True)
    assert answer.redirect_chain == [("/study/", 302)] and answer.status_code == 200
    assert "已经保存" in answer.text and "过几分钟" in answer.text
    nothing_moved()
    # and once it is mended, the same button counts
    break_fold()
    answer = client.post("/study/read/", {"token": phone.play.token, "next": "/study/"}, follow=True)
    assert answer.status_code == 200 and "已经保存" not in answer.text
    assert api.lesson_progress(member, text).watched_s == 30


# A record that is broken on disk, through every door


@pytest.fixture
def admin_client():
    client = Client()
    client.force_login(AdministratorFactory())
    return client


def spoil(beat: Beat, body: bytes = b"\x03nonsense") -> None:
    """As a failing disk or a hand in the database does: past every rule of ours."""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {Beat._meta.db_table} SET body = %s WHERE id = %s", [body, beat.pk])


@pytest.fixture
def spoiled(phone, member, version):
    """A minute is reckoned; of the next minute, which the folder has not seen, one record is broken."""
    phone.watch(60)
    phone.flush()
    before = LearningArchive.objects.get().beats_folded
    states = list(LessonState.objects.values())
    phone.watch(60)
    sent = list(phone.queue)
    phone.flush()
    LessonState.objects.update(**{name: value for name, value in states[0].items() if name != "id"})
    LearningArchive.objects.update(beats_folded=before)
    spoil(Beat.objects.order_by("pk")[5])
    phone.queue = sent
    return phone


@pytest.fixture
def spoiled_later(phone):
    """Two minutes are reckoned, and a record of the first minute is broken afterwards."""
    phone.watch(120)
    phone.queue, late = phone.queue[:3] + phone.queue[4:], phone.queue[3:4]
    phone.flush()
    spoil(Beat.objects.order_by("pk")[1])
    phone.queue = late
    return phone


MEMBERS_PAGES = [
    "/",
    "/study/",
    "/my/",
    "/courses/",
    "/archive/",
    "/archive/?year=2026",
    "/archive/years/",
    "/archive/exports/",
    "/archive/corrections/",
    "/archive/corrections/new/",
    "/archive/claims/",
    "/archive/classes/",
    "/exams/",
    "/api/archive/lessons",
    "/api/archive/me/standing",
]
FILES = ["json", "pdf", "record"]
DESK_PAGES = [
    "/board/",
    "/archive/desk/claims/",
    "/archive/desk/classes/",
    "/archive/desk/years/",
    "/archive/desk/corrections/",
    "/archive/desk/records/",
]


@pytest.mark.parametrize("kind", ["spoiled", "spoiled_later"])
def test_no_page_and_no_interface_fails(request, kind, client, member, version, lesson, clock):
    # given a broken record, and more beats that come on top of it
    phone = request.getfixturevalue(kind)
    assert phone.post(sent_ms=phone.clock_ms).status_code in (200, 409)
    kept = Beat.objects.count()
    client.force_login(member)
    # then each of her pages opens
    pages = [*MEMBERS_PAGES, lesson.url, lesson.get_parent().url, f"/api/archive/progress/{version.uuid}"]
    told = {page: client.get(page, follow=True).status_code for page in pages}
    told |= {kind: client.post(f"/archive/exports/{kind}/").status_code for kind in FILES}
    # and phones are answered: leave to play, the lease, beats of this session and of a new one
    opened = client.post("/api/archive/play", {"version": str(version.uuid)}, content_type="application/json")
    told["play"] = opened.status_code
    told["lease"] = phone.take().status_code
    clock.advance(15)
    told["beats"] = phone.post([phone.note()]).status_code
    told["form"] = client.post("/study/read/", {"token": phone.play.token, "next": "/"}).status_code
    # and those of whoever looks after her
    organiser = PostFactory(member=MemberFactory(organization=member.organization)).member
    client.force_login(organiser)
    told |= {page: client.get(page, follow=True).status_code for page in DESK_PAGES}
    told["person"] = client.get(f"/board/members/{member.uuid}/").status_code
    told["excel"] = client.post("/board/export/", {"purpose": "年度总结"}).status_code
    assert {page: status for page, status in told.items() if status not in (200, 302)} == {}
    # and nothing was lost or taken for something else
    assert Beat.objects.count() == kept + 1
    assert api.verify().whole


def test_a_reading_is_not_confirmed_and_the_page_says_why(phone_of, lesson, member, client):
    text = add_version(lesson, duration_s=60, kind="READING")
    phone = phone_of(member, text)
    phone.watch(15)
    phone.flush()
    spoil(Beat.objects.get())
    LearningArchive.objects.update(beats_folded=0)
    client.force_login(member)
    page = client.post("/study/read/", {"token": phone.play.token, "next": "/archive/"}, follow=True)
    assert page.status_code == 200 and "过几分钟" in page.text


def test_the_same_beat_again_contradicts_a_record_that_is_broken(spoiled, nothing_moved):
    # given the beats that the phone has not heard about, of which one is broken in the log
    nothing_moved()
    answer = spoiled.post(sent_ms=spoiled.clock_ms)
    # then the others are not taken for broken, and the phone is told which is on record with another body
    assert (answer.status_code, answer.json()["conflicts"]) == (409, [5])
    nothing_moved()


def test_those_who_run_the_school_learn_of_it(spoiled, member, client, clock, capsys, admin_client):
    # given a broken record, a moment later
    box = "无法计算的学习记录"
    assert box not in admin_client.get("/admin/").text
    # when the folder meets it
    Folder().round()
    page = admin_client.get("/admin/").text
    # then the admin's first page says so, to administrators only
    assert box in page and member.name in page and "check_archive" in page
    # and the command names the record
    with pytest.raises(SystemExit) as ended:
        call_command("check_archive", "--json")
    (found,) = json.loads(capsys.readouterr().out)["stuck"]
    broken = Beat.objects.defer("body").order_by("pk")[5]
    assert ended.value.code == 1
    assert (found["member_id"], found["beat_id"], found["seq"]) == (member.pk, broken.pk, 5)
    with pytest.raises(SystemExit):
        call_command("check_archive")
    assert f"第 {broken.pk} 条播放记录无法读出" in capsys.readouterr().out
    # when the record is put back
    spoil(broken, pack(spoiled.queue[1] | {"rate": 1.0, "flags": []}))
    call_command("check_archive")
    assert "都已计算" in capsys.readouterr().out
    assert LessonState.objects.get().watched_s == 120
    assert box not in admin_client.get("/admin/").text


def test_a_state_that_cannot_be_reckoned_again_hides_no_other(spoiled_later, phone_of, version, capsys):
    other = phone_of(MemberFactory(), version)
    other.watch(60)
    other.flush()
    LessonState.objects.filter(watched_s=60).update(watched_s=1)
    with pytest.raises(SystemExit):
        call_command("rebuild_archive", "--verify", "--json")
    assert json.loads(capsys.readouterr().out) == {"states": 2, "wrong": 1, "unreadable": 1, "damaged": 0}
