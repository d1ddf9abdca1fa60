"""«Consistent through»: nothing that comes to light later was stored before what an answer said."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event

import pytest
from django.db import connection
from django.db.utils import ConnectionHandler
from django.test import Client

from courses.archive.xapi import consistency, statements, values
from portal.settings.database import database_of
from tests.courses.archive.xapi.conftest import Lrs, new_id, statement

HEADER = "X-Experience-API-Consistent-Through"
FIRST = datetime(2026, 9, 30, 1, 0, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has one writer; .ci/run runs it on PostgreSQL"
)
@pytest.mark.parametrize("refers", [False, True])
def test_what_is_stored_and_not_committed_is_stored_after_what_was_told(lrs, monkeypatch, refers):
    assert lrs.post("statements", statement()).status_code == 200  # what it names is known now
    written, may_commit, write = Event(), Event(), statements._refer

    def refer(fresh):
        write(fresh)
        written.set()
        assert may_commit.wait(10)

    monkeypatch.setattr(statements, "_refer", refer)
    target = {"objectType": "StatementRef", "id": new_id()}
    made = statement(id=new_id(), **({"object": target} if refers else {}))

    def post():
        try:
            return Lrs(Client(), lrs.authorization).post("statements", made)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        posted = other.submit(post)
        assert written.wait(10)
        meanwhile = lrs.get("statements")
        may_commit.set()
        assert posted.result().status_code == 200

    assert made["id"] not in [one["id"] for one in meanwhile.json()["statements"]]
    stored = values.moment(lrs.get("statements", statementId=made["id"]).json()["stored"])
    assert values.moment(meanwhile[HEADER]) < stored
    afterwards = lrs.get("statements")
    assert values.moment(afterwards[HEADER]) >= stored
    assert made["id"] in [one["id"] for one in afterwards.json()["statements"]]


@pytest.mark.django_db
def test_a_statement_is_stored_when_its_turn_comes(lrs, monkeypatch):
    monkeypatch.setattr(statements, "begin_storing", lambda *, refers: FIRST)
    made = statement(id=new_id())
    assert lrs.post("statements", made).status_code == 200

    found = lrs.get("statements", statementId=made["id"]).json()

    assert found["stored"] == found["timestamp"] == "2026-09-30T01:00:00.000000Z"


@pytest.mark.django_db
def test_every_answer_about_statements_tells_it(lrs):
    for answer in (
        lrs.post("statements", statement()),
        lrs.put("statements", statement(), statementId=new_id()),
        lrs.post("statements", {}),
        lrs.get("statements"),
        lrs.head("statements"),
        lrs.get("statements", nothing="1"),
        lrs.get("statements", statementId=new_id()),
        lrs.post("statements", b"limit=1", type="application/x-www-form-urlencoded", method="GET"),
    ):
        assert values.moment(answer[HEADER], rfc3339=True) is not None
    for answer in (lrs.get("about"), lrs.get("activities")):
        assert HEADER not in answer


# SQLite


@pytest.fixture
def sqlite_file(tmp_path, monkeypatch):
    """The room looks at an SQLite file of its own; answers its path."""
    path = tmp_path / "school.sqlite3"
    handler = ConnectionHandler({"default": database_of(f"sqlite:///{path}")})
    monkeypatch.setattr(consistency, "connection", handler["default"])
    yield path
    handler["default"].close()


@pytest.mark.django_db
def test_while_nobody_writes_to_sqlite_it_is_now(sqlite_file):
    before = datetime.now(UTC)
    assert before <= consistency.consistent_through() <= datetime.now(UTC)
    raw = consistency.connection.connection
    assert not raw.in_transaction
    assert raw.execute("PRAGMA busy_timeout").fetchone() == (20_000,)


@pytest.mark.django_db
def test_while_somebody_writes_to_sqlite_it_is_the_last_that_is_seen_and_nobody_waits(
    sqlite_file, lrs, monkeypatch
):
    monkeypatch.setattr(statements, "begin_storing", lambda *, refers: FIRST)
    consistency.connection.ensure_connection()
    with sqlite3.connect(sqlite_file, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        assert consistency.consistent_through() == consistency.NEVER
        assert lrs.post("statements", statement()).status_code == 200
        assert consistency.consistent_through() == FIRST
        assert time.monotonic() - began < 5
        other.execute("ROLLBACK")
    other.close()
    assert consistency.consistent_through() > FIRST
