"""Statements that are written in the same moment, each on a connection of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest
from django.test import Client

from courses.archive.xapi import statements
from courses.archive.xapi.models import Statement, StatementTarget
from courses.archive.xapi.validation import VOIDED
from tests.courses.archive.cmi5.test_races import until_heard
from tests.courses.archive.xapi.conftest import Lrs, new_id, statement

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def at_once(lrs, monkeypatch):
    """Post statements at once: each waits, when its row is written and not committed, for the others to come there."""

    def post(made):
        together, write = Barrier(len(made)), statements._refer

        def refer(fresh):
            with suppress(BrokenBarrierError):  # the others wait for their turn
                together.wait(1)
            write(fresh)

        monkeypatch.setattr(statements, "_refer", refer)

        def ask(one):
            own = Lrs(Client(), lrs.authorization)
            return until_heard(lambda: own.post("statements", one))

        with ThreadPoolExecutor(len(made)) as many:
            assert [answer.status_code for answer in many.map(ask, made)] == [200] * len(made)

    return post


def test_a_statement_and_what_voids_it(at_once):
    made = statement(id=new_id())
    at_once([made, statement(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": made["id"]})])
    assert Statement.objects.get(uuid=made["id"]).voided


def test_a_chain_of_references(at_once, lrs):
    verb = {"id": "http://example.com/verbs/first"}
    first = statement(id=new_id(), verb=verb)
    second = statement(id=new_id(), object={"objectType": "StatementRef", "id": first["id"]})
    third = statement(id=new_id(), object={"objectType": "StatementRef", "id": second["id"]})
    at_once([first, second, third])
    assert set(lrs.ids(verb=verb["id"])) == {first["id"], second["id"], third["id"]}
    assert StatementTarget.objects.count() == 3


def test_what_refers_to_nothing_does_not_wait(at_once):
    at_once([statement(), statement()])
    assert Statement.objects.count() == 2
