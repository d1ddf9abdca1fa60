"""What a member has finished, as search narrows by it: over all versions, as the archive reckons it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import AnonymousUser

from courses.archive import api
from courses.archive.finished import finished_keys, finished_lessons
from search.documents import finished_keys as known_to_search
from tests.courses.archive.conftest import add_version
from tests.factories import LessonFactory, MemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def complete(phone_of):
    def play(member, version):
        phone = phone_of(member, version)
        phone.watch(version.duration_s)
        assert phone.flush().json()["state"]["completed"]

    return play


def test_lessons_and_then_their_course(complete, member, version, clock):
    lesson, course = version.lesson, version.lesson.get_parent()
    other = add_version(LessonFactory(parent=course))
    assert set(finished_keys(member)) == set()
    complete(member, version)
    assert set(finished_keys(member)) == {f"lesson:{lesson.pk}", f"cue:{lesson.pk}"}
    clock.at = datetime(2026, 10, 2, tzinfo=UTC)
    complete(member, other)
    lessons = {f"{kind}:{pk}" for kind in ("lesson", "cue") for pk in (lesson.pk, other.lesson_id)}
    keys = lessons | {f"course:{course.pk}"}
    assert set(finished_keys(member)) == known_to_search(member) == keys
    assert known_to_search(MemberFactory()) == known_to_search(AnonymousUser()) == frozenset()


@pytest.mark.parametrize(
    ("carry", "new_parts", "stays"),
    [("KEEP", (), True), ("NEW_PART", ((600, 700),), False), ("NEW_PART", (), True), ("AGAIN", (), False)],
)
def test_a_new_version_counts_as_the_archive_says(complete, member, version, carry, new_parts, stays):
    complete(member, version)
    newer = add_version(version.lesson, duration_s=700, carry=carry, new_parts=new_parts)
    assert finished_lessons(member) == ({version.lesson_id} if stays else set())
    assert api.lesson_progress(member, newer).completed == stays


def test_what_was_begun_anew_and_completed_again_is_finished(complete, member, version):
    newer = add_version(version.lesson, carry="AGAIN")
    complete(member, newer)
    assert finished_lessons(member) == {version.lesson_id}
    add_version(version.lesson, carry="KEEP")
    assert finished_lessons(member) == {version.lesson_id}


def test_few_queries(complete, member, version, django_assert_num_queries):
    complete(member, version)
    with django_assert_num_queries(6):
        # 1 whether beats wait, 2 completed versions, 3 versions of their lessons, 4 the member's posts,
        # 5 lessons that are open to her, 6 courses of which nothing is left
        set(finished_keys(member))
