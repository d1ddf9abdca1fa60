"""When statements are stored, and up to when an answer knows of them all (`X-Experience-API-Consistent-Through`).

A statement's `stored` is drawn by whoever writes, in the transaction that writes it: later than everything that was
committed before it, and on PostgreSQL by the database's clock. Whoever reads asks first who is writing just now:
nothing that comes to light later was stored before the answer's «consistent through».
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Max
from django.utils import timezone

from courses.archive.xapi.models import Statement

__all__ = ["TURNS", "begin_storing", "consistent_through"]

TURNS = 0x78415049
"""The number of the lock, on PostgreSQL: «xAPI»."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)

# The lock of a writer is seen before its `stored` is drawn, and until its rows are seen: locks go last.
# What this connection itself has written it sees.
_WRITING = """SELECT least(statement_timestamp(), min(writer.xact_start))
    FROM pg_locks held JOIN pg_stat_activity writer USING (pid)
    WHERE held.locktype = 'advisory' AND held.granted AND held.classid = 0 AND held.objid = %s AND held.objsubid = 1
      AND held.pid <> pg_backend_pid() AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


def begin_storing(*, refers: bool) -> datetime:
    """Take a turn until the end of the transaction; answers the moment at which what is written is stored.

    What refers to statements (`refers`) is written while nothing else is, or two that are committed at once would not
    see each other. SQLite writes one after the other anyway.
    """
    if connection.vendor != "postgresql":
        return timezone.now()
    how = "pg_advisory_xact_lock" if refers else "pg_advisory_xact_lock_shared"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {how}(%s)", [TURNS])
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def consistent_through() -> datetime:
    """Everything stored until then is to be seen by whoever asks the database from now on."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_WRITING, [TURNS])
            return cursor.fetchone()[0]
    if connection.in_atomic_block:  # ours is the turn to write
        return timezone.now()
    return _nobody_writes() or Statement.objects.aggregate(latest=Max("stored_at"))["latest"] or NEVER


def _nobody_writes() -> datetime | None:
    """Now, if nobody holds SQLite's one turn to write at this moment; no waiting for it."""
    connection.ensure_connection()
    sqlite: Any = connection.connection
    (patience_ms,) = sqlite.execute("PRAGMA busy_timeout").fetchone()
    sqlite.execute("PRAGMA busy_timeout = 0")
    try:
        sqlite.execute("BEGIN IMMEDIATE")
        now = timezone.now()
        sqlite.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return None
    finally:
        sqlite.execute(f"PRAGMA busy_timeout = {int(patience_ms)}")
    return now
