"""One after the other into one member's log: `Beat.id` is the order in which her beats became visible.

Whoever adds beats of a member holds this turn from before the first number is drawn until the commit. Without it
a number could be drawn, a higher one be committed and folded, and the lower one come to light behind the fold's
back. SQLite has one writer at a time anyway; PostgreSQL is asked for a lock that ends with the transaction.
"""

from django.db import connections, router

from courses.archive.models import Beat

__all__ = ["PG_LOCK", "wait_for_turn"]

PG_LOCK = 0x62656174  # «beat»


def wait_for_turn(member_id: int) -> None:
    """Inside a transaction that is about to add beats, after the lock of the member's archive row."""
    connection = connections[router.db_for_write(Beat)]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [PG_LOCK, member_id % 2**31])
