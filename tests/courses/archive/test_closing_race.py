"""A line for last year and the close of last year in the same moment, each on a connection of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from threading import Event

import pytest
from django.conf import settings
from django.db import OperationalError, connection, connections, transaction

from courses.archive import api
from courses.archive.closing.models import YearClose
from courses.archive.errors import YearClosed
from courses.archive.models import StudyHourEntry
from tests.courses.archive.test_decisions_race import at_once
from tests.factories import MemberFactory, PartyOrganizationFactory, PostFactory

pytestmark = pytest.mark.django_db(transaction=True)

JANUARY = datetime(2027, 1, 15, 1, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)
"""When 2027 begins in Shanghai."""
LAST_SECOND = datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC)


@pytest.fixture
def committee():
    return PartyOrganizationFactory(code="001")


@pytest.fixture
def branch(committee):
    return PartyOrganizationFactory(parent=committee, code="001.001")


@pytest.fixture
def organiser(committee):
    return PostFactory(member=MemberFactory(organization=committee)).member


@pytest.fixture
def member(branch):
    return MemberFactory(organization=branch)


def add(member, *, now: datetime = JANUARY, **more) -> StudyHourEntry:
    said = {"mode": "COLLECTIVE", "title": "主题党日", "hours": Decimal(2)} | more
    return api.add_entry(member, finished_at=datetime(2026, 5, 1, tzinfo=UTC), now=now, **said)


class Meanwhile:
    """Work of another connection: begun, seen to wait for ours, and what became of it."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.waited = Event()
        self._threads = ThreadPoolExecutor(1)
        self._work = work
        self._done: Future = self._threads.submit(self._run)

    def _run(self) -> object:
        try:
            for _ in range(1000):
                try:
                    return self._work()
                except OperationalError:  # SQLite in memory does not wait: it says that the table is locked
                    if connection.vendor == "postgresql":
                        raise
                    self.waited.set()
                    time.sleep(0.01)
            raise AssertionError("never our turn")
        finally:
            connections.close_all()

    def is_waiting(self) -> None:
        """Returns once the other connection waits for a lock that we hold; fails when it does not."""
        for _ in range(500):
            assert not self._done.done(), f"it did not wait: {self._done}"
            if self.waited.is_set() or (connection.vendor == "postgresql" and _somebody_waits()):
                return
            time.sleep(0.01)
        raise AssertionError("it neither ended nor waited")

    def result(self) -> object:
        return self._done.result(10)

    def close(self) -> None:
        self._threads.shutdown()


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0


def test_a_line_waits_for_a_close_that_is_not_committed_and_is_refused(
    committee, organiser, member, nothing_moved
):
    api.open_archive(member, at=JANUARY)
    nothing_moved()
    # given a close that is written and not committed
    with transaction.atomic():
        api.close_year(committee, 2026, actor=organiser, now=JANUARY)
        # when somebody else adds a line for that year
        other = Meanwhile(lambda: add(member))
        other.is_waiting()
    # then it is refused as a line after the close is
    with pytest.raises(YearClosed):
        other.result()
    other.close()
    nothing_moved()


def test_a_close_waits_for_a_line_that_is_not_committed(committee, organiser, member):
    # given a line for last year that is written and not committed
    with transaction.atomic():
        entry = add(member)
        # when somebody else closes the year
        other = Meanwhile(lambda: api.close_year(committee, 2026, actor=organiser, now=JANUARY))
        other.is_waiting()
    # then both stand, and whoever sees the close sees every line that it does not forbid
    assert isinstance(other.result(), YearClose)
    other.close()
    assert StudyHourEntry.objects.get() == entry
    with pytest.raises(YearClosed):
        add(member, title="另一次")


def test_a_reversal_waits_too(committee, organiser, member, nothing_moved):
    entry = add(member)
    nothing_moved()
    with transaction.atomic():
        api.close_year(committee, 2026, actor=organiser, now=JANUARY)
        other = Meanwhile(lambda: api.reverse_entry(entry, actor=None, reason="重复", now=JANUARY))
        other.is_waiting()
    with pytest.raises(YearClosed):
        other.result()
    other.close()
    nothing_moved()


def test_a_line_that_began_in_the_last_second_of_the_year_does_not_slip_into_the_closed_one(
    committee, organiser, member
):
    # given a line that began before midnight and is not committed when the year is over
    with transaction.atomic():
        entry = add(member, now=LAST_SECOND)
        # when somebody closes the year
        other = Meanwhile(lambda: api.close_year(committee, 2026, actor=organiser, now=MIDNIGHT))
        # then the close waits for it
        other.is_waiting()
    assert isinstance(other.result(), YearClose)
    other.close()
    assert StudyHourEntry.objects.get() == entry
    # and a line that began then and comes to be written after the close is refused
    with pytest.raises(YearClosed):
        add(member, title="另一次", now=LAST_SECOND)


@pytest.mark.skipif(
    "sqlite" in settings.DATABASES["default"]["ENGINE"],
    reason="SQLite has one writer; .ci/run asks PostgreSQL",
)
def test_lines_of_last_year_do_not_wait_for_each_other(branch, member):
    neighbour = MemberFactory(organization=branch)
    with transaction.atomic():
        add(member)
        other = Meanwhile(lambda: add(neighbour))
        assert isinstance(other.result(), StudyHourEntry)
    other.close()
    assert StudyHourEntry.objects.count() == 2


def test_ten_lines_and_a_close_at_once(committee, branch, organiser):
    # given members of one branch
    members = [MemberFactory(organization=branch) for _ in range(10)]
    for one in members:
        api.open_archive(one, at=JANUARY)
    # when a line is added for each while the year is closed
    calls = [lambda who=who: add(who) for who in members]
    calls.insert(5, lambda: api.close_year(committee, 2026, actor=organiser, now=JANUARY))
    answers = at_once(calls)
    # then each is either there or refused, and nothing is half done
    close = answers.pop(5)
    assert isinstance(close, YearClose)
    assert {type(one) if not isinstance(one, str) else one for one in answers} <= {
        StudyHourEntry,
        "YearClosed",
    }
    assert StudyHourEntry.objects.count() == sum(isinstance(one, StudyHourEntry) for one in answers)
    assert api.verify().whole
