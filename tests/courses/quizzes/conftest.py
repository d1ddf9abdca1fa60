"""A bank of forty questions, a paper with the figures of domain.md §1.5, a member, a clock."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from courses.quizzes.models import Paper, Question, QuestionBank
from tests.factories import MemberFactory


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        at = datetime(2026, 9, 30, 1, 0, tzinfo=UTC)

        def __call__(self):
            return self.at

        def advance(self, **parts):
            self.at += timedelta(**parts)

    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture
def member(db):
    return MemberFactory()


@pytest.fixture
def bank(db):
    bank = QuestionBank.objects.create(title="党章知识题库")
    for n in range(20):
        Question.objects.create(
            bank=bank, kind="SINGLE", text=f"单选{n}", options=f"* 对的{n}\n错的{n}\n也错{n}"
        )
    for n in range(10):
        Question.objects.create(
            bank=bank, kind="MULTI", text=f"多选{n}", options=f"* 甲{n}\n* 乙{n}\n丙{n}\n丁{n}"
        )
    for n in range(10):
        Question.objects.create(bank=bank, kind="JUDGE", text=f"判断{n}", is_true=n % 2 == 0)
    return bank


@pytest.fixture
def paper(bank):
    return Paper.objects.create(title="党章知识测验", bank=bank, live=True)
