"""Attempts: frozen questions, the server's time, two tabs, closed browsers, the best score (domain.md §1.5)."""

from datetime import timedelta
from random import Random

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from courses.quizzes import api
from courses.quizzes.errors import AttemptOver, BadAnswer, NoAttemptLeft, PaperIncomplete, PaperNotOpen
from courses.quizzes.models import Attempt, Paper, Question
from courses.quizzes.signals import exam_passed
from tests.factories import CourseFactory, LessonFactory, MemberFactory

pytestmark = pytest.mark.django_db


def right(attempt, number=20):
    """Right answers to the first `number` questions."""
    keys = attempt.right_keys()
    return {str(question["id"]): keys[str(question["id"])] for question in attempt.questions[:number]}


@pytest.fixture
def heard():
    news = []

    def listen(sender, member, paper, attempt, at, **kwargs):
        news.append((member, paper, attempt, at))

    exam_passed.connect(listen)
    yield news
    exam_passed.disconnect(listen)


def test_an_attempt_as_the_defaults_say(paper, member, clock):
    attempt = api.start(paper, member, rng=Random(1))
    assert (len(attempt.questions), attempt.total_points, attempt.pass_mark) == (20, 100, 60)
    assert attempt.ends_at - attempt.started_at == timedelta(minutes=60)
    assert api.standing(paper, member).left == 2


def test_a_pass_is_announced_once_with_the_best_score_kept(paper, member, clock, heard):
    first = api.submit(api.start(paper, member), {})
    assert (first.score, first.passed, heard) == (0, False, [])
    second = api.start(paper, member)
    done = api.submit(second, right(second, 12))  # 10×5 and 2×6
    assert (done.score, done.passed) == (62, True)
    assert [(who, what.pk, which.number) for who, what, which, _at in heard] == [(member, paper.pk, 2)]
    standing = api.standing(paper, member)
    assert (standing.best, standing.passed, standing.left, standing.answers_shown) == (62, True, 0, True)
    with pytest.raises(NoAttemptLeft):
        api.start(paper, member)


def test_the_pass_mark_itself_passes(paper, member, clock):
    attempt = api.start(paper, member)
    keys = right(attempt, 10) | {str(q["id"]): q["right"] for q in attempt.questions[15:]}  # 50 + 20
    paper.pass_mark = 70
    paper.save()
    assert api.submit(attempt, keys).passed, "60 was enough when it began"
    other = MemberFactory()
    attempt = api.start(paper, other)
    keys = right(attempt, 10) | {str(q["id"]): q["right"] for q in attempt.questions[15:]}
    assert (api.submit(attempt, keys).score, Attempt.objects.get(member=other).passed) == (70, True)


def test_three_attempts_and_the_best_counts(paper, member, clock):
    scores = []
    for number in (4, 9, 2):
        attempt = api.start(paper, member)
        scores.append(api.submit(attempt, right(attempt, number)).score)
    standing = api.standing(paper, member)
    assert (scores, standing.best, standing.left, standing.answers_shown) == ([20, 45, 10], 45, 0, True)
    with pytest.raises(NoAttemptLeft):
        api.start(paper, member)
    assert Attempt.objects.count() == 3


def test_answers_stay_hidden_while_an_attempt_is_left(paper, member, clock):
    api.submit(api.start(paper, member), {})
    assert not api.standing(paper, member).answers_shown
    api.submit(api.start(paper, member), {})
    last = api.start(paper, member)
    assert not api.standing(paper, member).answers_shown, "the last one is still open"
    api.submit(last, {})
    assert api.standing(paper, member).answers_shown


def test_questions_are_frozen(paper, member, clock):
    attempt = api.start(paper, member)
    before = attempt.questions
    Question.objects.update(text="改过了", options="* x\ny", is_true=True, live=False)
    Question.objects.filter(kind="JUDGE").delete()
    attempt.refresh_from_db()
    assert attempt.questions == before
    assert api.submit(attempt, right(attempt)).score == 100


def test_two_tabs_share_one_attempt(paper, member, clock):
    one, other = api.start(paper, member), api.start(paper, member)
    assert one.pk == other.pk
    first, second = (str(question["id"]) for question in one.questions[:2])
    keys = one.right_keys()
    api.save_answers(one, {first: keys[first]})
    api.save_answers(other, {second: keys[second]})  # a tab that knows nothing of the first answer
    assert api.submit(one).score == 10


def test_a_start_that_lost_the_race_gets_the_others_attempt(paper, member, clock, monkeypatch):
    # given a second tab whose look at the attempts came before the first tab's commit
    stale = api.standing(paper, member)
    first = api.start(paper, member)
    monkeypatch.setattr(api, "standing", lambda *args, **kwargs: stale)
    assert api.start(paper, member).pk == first.pk
    assert Attempt.objects.count() == 1


def test_handing_in_twice_counts_the_first(paper, member, clock, heard):
    attempt = api.start(paper, member)
    api.submit(attempt, right(attempt, 14))
    again = api.submit(attempt, right(attempt, 20))
    assert again.score == 74
    with pytest.raises(AttemptOver):
        api.save_answers(attempt, right(attempt, 20))
    assert (Attempt.objects.get().score, len(heard)) == (74, 1)


def test_a_closed_browser_keeps_what_was_answered(paper, member, clock):
    attempt = api.start(paper, member)
    api.save_answers(attempt, right(attempt, 13))
    clock.advance(minutes=61)
    assert api.finish_overdue() == 1
    assert api.finish_overdue() == 0
    attempt.refresh_from_db()
    assert (attempt.score, attempt.passed, attempt.submitted_at) == (68, True, attempt.ends_at)


def test_a_look_grades_what_is_overdue_without_the_task(paper, member, clock):
    attempt = api.start(paper, member)
    api.save_answers(attempt, right(attempt, 13))
    clock.advance(minutes=61)
    assert api.standing(paper, member).best == 68
    assert api.standing(paper, member).passed


def test_too_late_only_what_was_saved_counts(paper, member, clock):
    attempt = api.start(paper, member)
    api.save_answers(attempt, right(attempt, 2))
    clock.advance(minutes=60, seconds=16)
    done = api.submit(attempt, right(attempt, 20))
    assert (done.score, done.submitted_at) == (10, attempt.ends_at)


def test_a_form_on_its_way_when_the_time_ran_out_is_taken(paper, member, clock):
    attempt = api.start(paper, member)
    clock.advance(minutes=60, seconds=10)
    assert api.submit(attempt, right(attempt, 20)).score == 100


def test_saving_too_late_grades_and_says_so(paper, member, clock):
    attempt = api.start(paper, member)
    clock.advance(minutes=61)
    with pytest.raises(AttemptOver):
        api.save_answers(attempt, right(attempt, 20))
    assert Attempt.objects.get().score == 0


def test_a_bad_answer_keeps_nothing(paper, member, clock):
    attempt = api.start(paper, member)
    number = str(attempt.questions[0]["id"])
    for call in (api.save_answers, api.submit):
        with pytest.raises(BadAnswer):
            call(attempt, {number: ["A", "B"]})
    attempt.refresh_from_db()
    assert (attempt.answers, attempt.submitted_at) == ({}, None)


def test_who_may_take_it(paper, member, clock):
    secret = CourseFactory(disclosure="SUBTREE", opened_to=[MemberFactory().organization])
    hidden = Paper.objects.create(title="b", bank=paper.bank, live=True, lesson=LessonFactory(parent=secret))
    unused = Paper.objects.create(title="c", bank=paper.bank, live=False)
    class_only = Paper.objects.create(title="d", bank=paper.bank, live=True, audience="ADMITTED")
    assert list(Paper.objects.open_to(member)) == [paper]
    for closed in (hidden, unused, class_only):
        with pytest.raises(PaperNotOpen):
            api.start(closed, member)
    assert not Attempt.objects.exists()
    assert api.admit(class_only, [member], actor=None) == 1
    assert api.admit(class_only, [member], actor=None) == 0
    assert api.start(class_only, member).number == 1


def test_a_bank_that_became_too_small_begins_nothing(paper, member, clock):
    Question.objects.filter(kind="MULTI").update(live=False)
    with pytest.raises(PaperIncomplete):
        api.start(paper, member)
    assert not Attempt.objects.exists()
    with pytest.raises(ValidationError):
        paper.full_clean()


@pytest.mark.parametrize(
    ("kind", "options"),
    [("SINGLE", "a\nb"), ("SINGLE", "* a\n* b"), ("MULTI", "* a\nb"), ("JUDGE", "* a\nb"), ("SINGLE", "* a")],
)
def test_questions_that_cannot_be(bank, kind, options):
    with pytest.raises(ValidationError):
        Question(bank=bank, kind=kind, text="?", options=options).full_clean()


def test_the_schema_holds_one_open_attempt_and_no_grade_before_the_end(paper, member, clock):
    attempt = api.start(paper, member)
    with pytest.raises(IntegrityError), transaction.atomic():
        Attempt.objects.create(
            member=member, paper=paper, number=2, revision=1, title="x", pass_mark=60, total_points=100,
            questions=[], ends_at=attempt.ends_at,
        )  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        Attempt.objects.filter(pk=attempt.pk).update(passed=True)
