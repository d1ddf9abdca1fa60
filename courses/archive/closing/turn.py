"""A line for an earlier year and the close of that year, one after the other.

A line looks whether its year is closed and is written a moment later; a close that fell between the two would not
be seen. So lines for an earlier year hold the year together (many may), and whoever closes it waits until all of them
are committed, and holds it alone: what comes afterwards sees the close. Both until the end of their transaction.

The order of locks: the member's archive row (ledger.lock_archive), her turn at the log (log_order.py), then the year;
a close takes the year alone and no archive row. The lock is one a year, not one an organisation: a close holds for
everything below and for members who moved away, and closes are few. SQLite has one writer at a time, and its
transactions begin as writers (portal.settings.database), so that there is nothing to do.
"""

from __future__ import annotations

from django.db import connections, router

from courses.archive.closing.models import YearClose

__all__ = ["PG_LOCK", "hold_to_close", "hold_to_write"]

PG_LOCK = 0x79656172  # «year»


def hold_to_write(year: int) -> None:
    """Inside a transaction, before asking whether `year` is closed."""
    _hold(year, "pg_advisory_xact_lock_shared")


def hold_to_close(year: int) -> None:
    """Inside a transaction, before closing `year`."""
    _hold(year, "pg_advisory_xact_lock")


def _hold(year: int, lock: str) -> None:
    connection = connections[router.db_for_write(YearClose)]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {lock}(%s, %s)", [PG_LOCK, year])
