"""A member whose log cannot be folded (a broken record, a fault of ours): her pages stand, her beats are kept."""

from datetime import timedelta

import pytest
from django.db import DataError, InterfaceError, OperationalError
from django.test import Client

from courses.archive import api, folding
from courses.archive.errors import NotReckoned
from courses.archive.models import Beat, LearningArchive, LessonState, PlayLease
from tests.courses.archive.conftest import add_version

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
