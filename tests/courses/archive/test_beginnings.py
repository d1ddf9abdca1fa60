"""A lesson was changed after people had studied it: where they begin in the new version, and what it brings."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from courses.archive import api, beginnings
from courses.archive.models import LessonState, StudyHourEntry
from courses.archive.signals import lesson_completed
from courses.catalogue.affected import Affected, affected_by
from tests.courses.archive.conftest import add_version
from tests.factories import LessonFactory, MemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(phone_of):
    """`study(member, version, (from_s, to_s), …)`: plays these stretches in a session of their own."""

    def play(member, version, *stretches):
        phone = phone_of(member, version)
        for start, end in stretches:
            phone.position_ms = start * 1000
            phone.watch(end - start)
        answer = phone.flush()
        assert answer.status_code == 200
        return answer.json()["state"]

    return play


@pytest.fixture
def announced():
    heard = []

    def listen(sender, version, **kwargs):
        heard.append(version.number)

    lesson_completed.connect(listen)
    yield heard
    lesson_completed.disconnect(listen)


def gaps(progress):
    return [(gap.start_s, gap.end_s, gap.reason_code) for gap in progress.missing]


def total(member, year):
    return api.year_standing(member, year, today=date(year, 12, 31)).hours


# Keep


def test_a_completion_that_is_kept_brings_no_hours_and_is_not_announced_again(
    study, member, version, clock, announced
):
    study(member, version, (0, 600))
    completed_at = api.lesson_progress(member, version).completed_at
    newer = add_version(version.lesson, duration_s=780, carry="KEEP")

    # when it is looked at, nothing is written
    progress = api.lesson_progress(member, newer)
    assert (progress.completed_at, progress.missing, progress.begun) == (completed_at, [], True)
    assert LessonState.objects.count() == 1
    assert api.play(member, newer).free_seek

    # and when it is played all the same, nothing comes of it
    clock.at = datetime(2027, 2, 1, 1, 0, tzinfo=UTC)
    state = study(member, newer, (0, 780))
    assert (state["completed"], state["credited_hours"]) == (True, 0.25)
    assert LessonState.objects.get(version=newer).completed_at == completed_at
    assert StudyHourEntry.objects.count() == 1
    assert announced == [version.number]
    assert (total(member, 2026), total(member, 2027)) == (Decimal("0.25"), 0)


def test_who_is_in_the_middle_goes_on_from_there(study, member, version):
    study(member, version, (0, 300))
    newer = add_version(version.lesson, duration_s=780, carry="KEEP")
    play = api.play(member, newer)
    assert (play.resume_s, play.frontier_s, play.watched_s, play.needed_s) == (300, 300, 300, 741)
    assert gaps(api.lesson_progress(member, newer)) == [(300, 780, "NOT_PLAYED")]

    state = study(member, newer, (300, 741))

    assert (state["completed"], state["watched_s"], state["missing"]) == (True, 741, [])
    assert StudyHourEntry.objects.get().published_duration_s == 780
    # the state of the version before is as it was
    assert LessonState.objects.get(version=version).watched_s == 300


def test_what_is_shorter_now_than_what_was_studied_is_completed_by_playing_once_more(study, member, version):
    study(member, version, (0, 500))
    newer = add_version(version.lesson, duration_s=450, carry="KEEP")
    progress = api.lesson_progress(member, newer)
    assert not progress.completed
    assert gaps(progress) == [(435, 450, "PLAY_ONCE")]
    assert progress.missing[0].reason

    state = study(member, newer, (435, 450))

    assert (state["completed"], state["credited_hours"]) == (True, 0.25)


def test_over_three_versions_what_carries_over_is_carried_on(study, member, version):
    study(member, version, (0, 300))
    add_version(version.lesson, duration_s=700, carry="KEEP")
    third = add_version(version.lesson, duration_s=780, carry="KEEP")
    assert api.lesson_progress(member, third).watched_s == 300
    # and an AGAIN between them ends it
    fourth = add_version(version.lesson, duration_s=780, carry="AGAIN")
    fifth = add_version(version.lesson, duration_s=780, carry="KEEP")
    for later in (fourth, fifth):
        progress = api.lesson_progress(member, later)
        assert (progress.begun, progress.watched_s) == (False, 0)


# Only the new part


@pytest.fixture
def with_a_new_part(study, member, version):
    """Version 2 with three minutes put in after five, for a member who completed the ten minutes before."""
    study(member, version, (0, 600))
    return add_version(version.lesson, duration_s=780, carry="NEW_PART", new_parts=[(300, 480)])


def test_only_the_new_part_is_missing_and_brings_no_hours_again_in_the_year(study, member, with_a_new_part):
    progress = api.lesson_progress(member, with_a_new_part)
    assert gaps(progress) == [(300, 480, "NEW_PART")]
    assert (progress.completed, progress.left_s, progress.hours_on_offer) == (False, 171, 0)
    assert api.play(member, with_a_new_part).resume_s == 300

    state = study(member, with_a_new_part, (300, 471))

    assert (state["completed"], state["missing"]) == (True, [])
    assert StudyHourEntry.objects.count() == 1
    assert total(member, 2026) == Decimal("0.25")


def test_in_a_later_year_the_new_part_brings_the_hours_of_its_own_length(
    study, phone_of, member, lesson, clock
):
    long = add_version(lesson, duration_s=1800)
    study(member, long, (0, 1800))
    newer = add_version(lesson, duration_s=2100, carry="NEW_PART", new_parts=[(1800, 2100)])
    clock.at = datetime(2027, 2, 1, 1, 0, tzinfo=UTC)
    assert api.lesson_progress(member, newer).hours_on_offer == Decimal("0.25")

    study(member, newer, (1800, 2100))

    assert [(entry.year, entry.hours, entry.published_duration_s) for entry in api.entries(member)] == [
        (2027, Decimal("0.25"), 300),
        (2026, Decimal("1.00"), 1800),
    ]


def test_who_had_not_completed_needs_the_rest_as_well(study, member, version):
    study(member, version, (0, 400))
    newer = add_version(version.lesson, duration_s=780, carry="NEW_PART", new_parts=[(300, 480)])
    assert gaps(api.lesson_progress(member, newer)) == [(300, 480, "NEW_PART"), (580, 780, "NOT_PLAYED")]
    assert study(member, newer, (300, 480), (580, 780))["completed"]
    assert StudyHourEntry.objects.get().published_duration_s == 780


def test_what_is_played_twice_counts_once_over_versions(study, member, with_a_new_part):
    # the strict order holds for the new part as for anything: beyond it everything was studied
    study(member, with_a_new_part, (200, 400))
    assert api.lesson_progress(member, with_a_new_part).watched_s == 700


# Again


def test_again_begins_at_nothing_and_is_due_again(study, member, clock):
    version = add_version(LessonFactory(due_on=date(2026, 12, 1)), duration_s=60)
    study(member, version, (0, 60))
    assert api.due_items(member) == []

    newer = add_version(version.lesson, duration_s=60, carry="AGAIN")

    [item] = api.due_items(member)
    assert (item.version, item.progress.begun, gaps(item.progress)) == (newer, False, [(0, 60, "NOT_PLAYED")])
    assert study(member, newer, (0, 60))["completed"]
    assert api.due_items(member) == []
    assert StudyHourEntry.objects.count() == 1


# Lists


def test_to_go_on_with_is_what_carries_over(study, member, version):
    study(member, version, (0, 300))
    newer = add_version(version.lesson, duration_s=780, carry="KEEP")
    item = api.continue_item(member)
    assert (item.version, item.position_s, item.progress.left_s) == (newer, 300, 441)


def test_a_lesson_with_a_new_part_is_due_until_that_is_studied(study, member, clock):
    version = add_version(LessonFactory(due_on=date(2026, 12, 1)), duration_s=600)
    study(member, version, (0, 600))
    newer = add_version(version.lesson, duration_s=660, carry="NEW_PART", new_parts=[(600, 660)])
    [item] = api.due_items(member)
    assert gaps(item.progress) == [(600, 660, "NEW_PART")]
    # the lesson has brought its hours this year; in the next the new minute has some of its own
    assert item.hours == 0
    assert api.due_items(member, today=date(2027, 1, 2))[0].hours == Decimal("0.25")
    study(member, newer, (600, 660))
    assert api.due_items(member) == []


def test_what_was_completed_and_asks_for_something_again_is_listed_until_it_is_studied(
    study, member, version, course, django_assert_num_queries
):
    study(member, version, (0, 600))
    kept = add_version(LessonFactory(parent=course), duration_s=60)
    study(member, kept, (0, 60))
    add_version(kept.lesson, duration_s=90, carry="KEEP")
    # given nothing but what is kept (and first versions that others follow by AGAIN)
    add_version(version.lesson, duration_s=660, carry="KEEP")
    assert api.changed_items(member) == []
    # when a new part comes, and another lesson is to be studied again
    newer = add_version(version.lesson, duration_s=720, carry="NEW_PART", new_parts=[(660, 720)])
    again = add_version(kept.lesson, duration_s=90, carry="AGAIN")
    # then both are listed, the latest first
    assert [(item.version, gaps(item.progress)) for item in api.changed_items(member)] == [
        (again, [(0, 90, "NOT_PLAYED")]),
        (newer, [(660, 720, "NEW_PART")]),
    ]
    # but not to somebody who never completed them, and no longer when they are studied, or withdrawn
    assert api.changed_items(MemberFactory()) == []
    study(member, newer, (660, 720))
    again.lesson.unpublish()
    assert api.changed_items(member) == []


def test_lists_with_versions_that_follow_others_cost_five_queries(
    study, member, version, course, django_assert_num_queries
):
    study(member, version, (0, 300))
    others = [add_version(LessonFactory(parent=course), carry="KEEP") for _ in range(4)]
    newer = add_version(version.lesson, duration_s=780, carry="KEEP")
    # what waits in the log, rules, states, versions before, states in those
    with django_assert_num_queries(5):
        found = api.progress_of(member, [newer, *others])
    assert [found[one.pk].watched_s for one in (newer, *others)] == [300, 0, 0, 0, 0]


# Beats that come late for a version that was replaced


def test_what_was_played_offline_before_the_change_reaches_the_new_version(phone_of, member, version, clock):
    # given a phone that played the first five minutes offline
    phone = phone_of(member, version)
    phone.watch(300)
    # and a laptop that meanwhile began the new version
    newer = add_version(version.lesson, duration_s=660, carry="NEW_PART", new_parts=[(600, 660)])
    clock.advance(60)
    laptop = phone_of(member, newer)
    laptop.watch(15)
    laptop.flush()
    assert api.lesson_progress(member, newer).watched_s == 15
    # when the phone comes back
    phone.flush()
    # then the new version has both
    state = LessonState.objects.get(version=newer)
    assert state.watched_s == api.lesson_progress(member, newer).watched_s == 300
    assert api.rebuild_state(state) is False


def test_a_completion_that_the_late_beats_bring_is_credited_once(
    phone_of, study, member, version, clock, announced
):
    phone = phone_of(member, version)
    phone.watch(600)
    newer = add_version(version.lesson, duration_s=600, carry="KEEP")
    study(member, newer, (0, 30))
    assert StudyHourEntry.objects.count() == 0

    phone.flush()

    assert api.lesson_progress(member, newer).completed
    assert StudyHourEntry.objects.get().lesson_version == version
    assert announced == [version.number]


def test_a_state_that_began_with_something_is_rebuilt_to_the_byte(study, member, with_a_new_part):
    study(member, with_a_new_part, (300, 400))
    state = LessonState.objects.get(version=with_a_new_part)
    kept = LessonState.objects.filter(pk=state.pk).values().get()
    LessonState.objects.filter(pk=state.pk).update(watched=b"", watched_s=0, frontier_ms=0, refused=[])
    state.refresh_from_db()

    assert api.rebuild_state(state) is True
    assert LessonState.objects.filter(pk=state.pk).values().get() == kept


# How many a change concerns


def test_the_editor_sees_how_many_are_concerned_as_the_lesson_is_now(study, version):
    done, half, newcomer, _nobody = (MemberFactory() for _ in range(4))
    study(done, version, (0, 600))
    study(half, version, (0, 60))
    assert affected_by(version.lesson) == Affected(completed=1, in_progress=1)

    # kept: they stand as before, and somebody begins
    second = add_version(version.lesson, carry="KEEP")
    study(newcomer, second, (0, 60))
    assert affected_by(version.lesson) == Affected(completed=1, in_progress=2)

    # a new part: nobody has completed the lesson as it is now
    third = add_version(version.lesson, duration_s=660, carry="NEW_PART", new_parts=[(600, 660)])
    assert affected_by(version.lesson) == Affected(completed=0, in_progress=3)
    study(done, third, (600, 660))
    assert affected_by(version.lesson) == Affected(completed=1, in_progress=2)

    # again: nobody has begun it
    add_version(version.lesson, carry="AGAIN")
    assert affected_by(version.lesson) == Affected(completed=0, in_progress=0)
    assert not affected_by(version.lesson).anybody


def test_a_lesson_that_nobody_studied_concerns_nobody(version):
    assert beginnings.affected(version.lesson) == Affected(0, 0)


# A text


def test_of_a_text_only_the_time_of_its_new_words_is_missing(member, lesson, clock):
    text = add_version(lesson, duration_s=180, kind="READING")
    play = api.play(member, text)
    clock.advance(180)
    assert api.complete_reading(play.token, now=clock()).completed
    newer = add_version(lesson, duration_s=240, kind="READING", carry="NEW_PART", new_parts=[(180, 240)])
    assert api.lesson_progress(member, newer).left_s == 57

    again = api.play(member, newer)
    clock.advance(30)
    progress = api.complete_reading(again.token, now=clock())
    assert (progress.completed, progress.left_s) == (False, 27)
    clock.advance(27)
    assert api.complete_reading(again.token, now=clock()).completed
    assert StudyHourEntry.objects.count() == 1


def test_both_versions_handed_in_at_once_come_to_the_same(phone_of, member, version, clock):
    # given beats of the old version that wait, and beats of the new one that were reckoned before them
    old = phone_of(member, version)
    old.watch(580)
    newer = add_version(version.lesson, duration_s=600, carry="KEEP")
    new = phone_of(member, newer)
    new.position_ms = 0
    new.watch(15)
    new.flush()
    old.flush()
    progress = api.lesson_progress(member, newer)
    assert (progress.completed, progress.watched_s) == (True, 580)
    assert StudyHourEntry.objects.count() == 1
    assert api.rebuild_state(LessonState.objects.get(version=newer)) is False


@pytest.mark.parametrize("carry", ["KEEP", "NEW_PART"])
def test_one_fold_of_both_versions_comes_to_what_two_folds_came_to(phone_of, member, version, clock, carry):
    from courses.archive.folding import fold_members
    from courses.archive.models import LearningArchive

    old = phone_of(member, version)
    old.watch(600)
    old.flush()
    newer = add_version(version.lesson, duration_s=780, carry=carry, new_parts=[(600, 780)])
    new = phone_of(member, newer)
    new.position_ms = 600_000
    new.watch(180)
    new.flush()
    told = list(LessonState.objects.order_by("version_id").values_list(*KEPT))
    LessonState.objects.all().delete()
    LearningArchive.objects.update(beats_folded=0)

    fold_members([member.pk])

    assert list(LessonState.objects.order_by("version_id").values_list(*KEPT)) == told
    assert StudyHourEntry.objects.count() == 1


KEPT = ("watched", "watched_s", "needed_s", "position_ms", "frontier_ms", "refused", "fold", "completed_at")
