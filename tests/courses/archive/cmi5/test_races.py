"""Requests that arrive in the same moment, each on a connection of its own."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from django.db import OperationalError, connections
from django.test import Client

from courses.archive.cmi5 import launching
from courses.archive.cmi5.models import Cmi5Au, Cmi5Registration, Cmi5Session
from tests.courses.archive.cmi5.conftest import verbs
from tests.courses.archive.cmi5.packages import au, block
from tests.factories import MemberFactory

pytestmark = pytest.mark.django_db(transaction=True)


def until_heard(ask):
    """Ask again while the database (in memory, with one lock for all) is busy."""
    try:
        for _ in range(3000):
            try:
                answer = ask()
                if getattr(answer, "status_code", 200) != 503:
                    return answer
            except OperationalError:
                pass  # come again, as after a 503
            time.sleep(0.01)
        raise AssertionError("never heard")
    finally:
        connections.close_all()


def all_at_once(asks):
    with ThreadPoolExecutor(len(asks)) as many:
        return list(many.map(until_heard, asks))


def test_eight_completed_at_once_are_one(imported, content):
    # Given a unit under way that says eight times, each under another id, that it is completed
    unit = content(imported(block(au(0, attributes='moveOn="Completed"')))).start()
    statements = [unit.statement("completed") for _ in range(8)]

    def say(statement):
        unit_of_its_own = type(unit)(Client(), unit.url)
        unit_of_its_own.token = unit.token
        return lambda: unit_of_its_own.put(statement)

    # When all arrive at once
    answers = all_at_once([say(statement) for statement in statements])
    # Then one is recorded, and block and course are satisfied once
    assert sorted(answer.status_code for answer in answers) == [204, *[403] * 7]
    assert verbs(unit.registration) == ["launched", "initialized", "completed", "satisfied", "satisfied"]
    assert Cmi5Au.objects.count() == 1


def test_the_fetch_url_gives_one_token_however_many_ask(imported, content):
    path = urlsplit(content(imported()).fetch_url).path
    answers = all_at_once([lambda: Client().post(path)] * 8)
    assert sum("auth-token" in answer.json() for answer in answers) == 1


def test_a_member_who_taps_eight_times_has_one_registration_and_one_open_session(imported):
    course, member = imported(), MemberFactory()
    actor = launching.actor_of(member)
    all_at_once(
        [lambda: launching.launch(course, 0, actor=actor, member=member, site="http://testserver")] * 8
    )
    registration = Cmi5Registration.objects.get()
    assert Cmi5Session.objects.count() == 8
    assert registration.sessions.filter(abandoned_at=None).count() == 1
    assert verbs(str(registration.uuid)) == ["launched", *["abandoned", "launched"] * 7]
