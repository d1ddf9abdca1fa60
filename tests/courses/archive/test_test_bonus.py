"""The hours of a lesson's test (domain.md §1.3, SH9): both the lesson and the test, in either order, once."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from courses.archive import api
from courses.archive.models import Rule, StudyHourEntry
from courses.quizzes import api as exams
from courses.quizzes.models import Paper, Question, QuestionBank
from tests.courses.archive.conftest import add_version
from tests.factories import AdministratorFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def paper(lesson):
    bank = QuestionBank.objects.create(title="题库")
    Question.objects.create(bank=bank, kind="JUDGE", text="对吗", is_true=True)
    return Paper.objects.create(
        title="第一课测验",
        bank=bank,
        lesson=lesson,
        singles=0,
        multis=0,
        judges=1,
        judge_points=100,
        live=True,
    )


def take(paper, member, *, passes=True):
    attempt = exams.start(paper, member)
    return exams.submit(attempt, {str(attempt.questions[0]["id"]): ["T" if passes else "F"]})


def complete(phone_of, member, version):
    phone = phone_of(member, version)
    phone.watch(version.duration_s)
    phone.flush()


def total(member, year=2026):
    return sum(entry.hours for entry in api.entries(member, year))


def test_sh9_a_test_passed_on_the_second_attempt(phone_of, member, lesson, paper):
    complete(phone_of, member, add_version(lesson, duration_s=1800))
    take(paper, member, passes=False)
    assert total(member) == 1
    passed = take(paper, member)
    assert (passed.number, total(member)) == (2, Decimal("1.5"))
    bonus = StudyHourEntry.objects.get(evidence_type="exam")
    assert (bonus.hours, bonus.evidence_id, bonus.title) == (Decimal("0.5"), str(passed.uuid), "第一课测验")
    assert bonus.rule_version.startswith("TEST_BONUS@")
    assert api.verify().whole


def test_sh9_by_ratio_45_a_test_brings_nothing(phone_of, member, lesson, paper):
    Rule.objects.filter(code="HOURS_RULE").update(value="RATIO_45")
    complete(phone_of, member, add_version(lesson, duration_s=1800))
    take(paper, member)
    assert total(member) == Decimal("0.5")


def test_the_test_first_and_the_lesson_later(phone_of, member, lesson, paper):
    take(paper, member)
    assert total(member) == 0, "without the lesson the test alone brings nothing"
    complete(phone_of, member, add_version(lesson, duration_s=1800))
    assert total(member) == Decimal("1.5")


def test_a_test_counts_once_for_good(phone_of, member, lesson, paper, clock):
    complete(phone_of, member, add_version(lesson, duration_s=1800))
    take(paper, member)
    clock.at = datetime(2027, 2, 1, 1, 0, tzinfo=UTC)
    complete(phone_of, member, add_version(lesson, duration_s=1860))
    assert (total(member, 2026), total(member, 2027)) == (Decimal("1.5"), 1)


def test_a_paper_without_a_lesson_brings_no_hours(member, paper, clock):
    paper.lesson = None
    paper.save()
    take(paper, member)
    assert not StudyHourEntry.objects.exists()


def test_the_rule_of_the_day_decides(phone_of, member, lesson, paper):
    Rule.objects.filter(code="TEST_BONUS").update(effective_to=date(2026, 8, 31))
    Rule.objects.create(
        code="TEST_BONUS",
        title="x",
        value="0.25",
        unit="HOURS",
        effective_from=date(2026, 9, 1),
        confidence="X",
    )
    complete(phone_of, member, add_version(lesson, duration_s=1800))
    take(paper, member)
    assert total(member) == Decimal("1.25")


def test_graded_late_it_is_recorded_when_it_is_graded(phone_of, member, lesson, paper, clock):
    # given answers in December, a browser that was closed, and a server that was off until the year was closed
    complete(phone_of, member, add_version(lesson, duration_s=1800))
    clock.at = datetime(2026, 12, 31, 14, 0, tzinfo=UTC)
    attempt = exams.start(paper, member)
    exams.save_answers(attempt, {str(attempt.questions[0]["id"]): ["T"]})
    clock.at = datetime(2027, 1, 3, 1, 0, tzinfo=UTC)
    api.close_year(member.organization, 2026, actor=AdministratorFactory())
    assert exams.finish_overdue() == 1
    bonus = StudyHourEntry.objects.get(evidence_type="exam")
    assert (bonus.year, bonus.recorded_at) == (2027, clock.at)
    assert (total(member, 2026), total(member, 2027)) == (1, Decimal("0.5"))
    assert api.verify().whole
