"""Two organisers, two tabs: the same decision at the same moment, each on a connection of its own."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import OperationalError, connections

from courses.archive import api
from courses.archive.claims import proofs
from courses.archive.claims.api import Said
from courses.archive.classes import api as classes
from courses.archive.errors import ArchiveError
from courses.archive.models import Certificate, OfflineClaim, StudyHourEntry
from courses.quizzes import api as exams
from courses.quizzes.models import Attempt, Paper, Question, QuestionBank
from tests.factories import MemberFactory, PartyOrganizationFactory, PostFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def proofs_dir(settings, tmp_path):
    settings.STUDY = settings.STUDY | {"PROOFS_DIR": tmp_path / "proofs"}


@pytest.fixture
def branch(clock):
    return PartyOrganizationFactory(code="001")


@pytest.fixture
def organisers(branch):
    return [PostFactory(member=MemberFactory(organization=branch)).member for _n in range(4)]


def at_once(calls):
    """What each of the calls gave, or its error, begun together."""
    begin = Barrier(len(calls))

    def run(call):
        try:
            begin.wait(10)
            for left in reversed(range(200)):
                try:
                    return call()
                except OperationalError:  # SQLite in memory: the table is locked by another connection
                    if not left:
                        raise
                    time.sleep(0.02)
        except ArchiveError as refused:
            return type(refused).__name__
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as many:
        return list(many.map(run, calls))


def test_four_organisers_approve_one_claim(branch, organisers):
    member = MemberFactory(organization=branch)
    said = Said("COLLECTIVE", "党史讲座", date(2026, 3, 3), date(2026, 3, 3), Decimal(2))
    claim = api.file_claim(member, said, [proofs.read_proof("a.pdf", b"%PDF-1.7\n%%EOF")])
    answers = at_once([lambda who=who: api.approve_claim(claim, actor=who, filing=1) for who in organisers])
    assert sum(isinstance(one, OfflineClaim) for one in answers) == 1
    assert sorted(one for one in answers if isinstance(one, str)) == ["ClaimMoved"] * 3
    assert StudyHourEntry.objects.get().hours == 2
    assert api.verify().whole


def test_one_approves_while_another_returns(branch, organisers):
    member = MemberFactory(organization=branch)
    said = Said("COLLECTIVE", "党史讲座", date(2026, 3, 3), date(2026, 3, 3), Decimal(2))
    claim = api.file_claim(member, said, [proofs.read_proof("a.pdf", b"%PDF-1.7\n%%EOF")])
    at_once(
        [
            lambda: api.approve_claim(claim, actor=organisers[0], filing=1),
            lambda: api.return_claim(claim, actor=organisers[1], filing=1, reason="看不清"),
        ]
    )
    claim.refresh_from_db()
    assert (claim.state, StudyHourEntry.objects.count()) in {("APPROVED", 1), ("RETURNED", 0)}


def test_a_class_concluded_by_four_at_once_credits_each_once(branch, organisers):
    course = classes.open_class(
        branch,
        actor=organisers[0],
        title="轮训班",
        mode="CENTRAL_OFFLINE",
        starts_on=date(2026, 6, 9),
        ends_on=date(2026, 6, 9),
    )
    session = classes.add_session(
        course, actor=organisers[0], title="第一讲", held_on=date(2026, 6, 9), hours=Decimal(4)
    )
    classes.enter(course, [MemberFactory(organization=branch) for _n in range(5)], actor=organisers[0])
    classes.mark_attendance(session, {p.pk: "PRESENT" for p in course.roster.all()}, actor=organisers[0])
    at_once([lambda who=who: classes.conclude(course, actor=who) for who in organisers])
    assert StudyHourEntry.objects.count() == 5
    assert sorted(Certificate.objects.values_list("serial", flat=True)) == [1, 2, 3, 4, 5]
    assert api.verify().whole


def test_four_tabs_begin_one_attempt(clock):
    member = MemberFactory()
    bank = QuestionBank.objects.create(title="题库")
    Question.objects.create(bank=bank, kind="JUDGE", text="对吗", is_true=True)
    paper = Paper.objects.create(
        title="测验", bank=bank, singles=0, multis=0, judges=1, judge_points=100, live=True
    )
    answers = at_once([lambda: exams.start(paper, member).pk for _n in range(4)])
    assert len(set(answers)) == 1
    # and handed in by four tabs it is graded and announced once
    attempt = Attempt.objects.get()
    keys = attempt.right_keys()
    scores = at_once([lambda: exams.submit(attempt, keys).score for _n in range(4)])
    assert scores == [100] * 4
