"""The database of an installation, out of DATABASE_URL, with what this school's promises ask of it."""

from typing import Any

import dj_database_url

__all__ = ["database_of"]


def database_of(url: str) -> dict[str, Any]:
    """One of settings.DATABASES: whoever was told «kept» finds it again after a power cut, whatever the server's
    own setting. Options of the URL stay; PostgreSQL takes the last of two that contradict each other.
    """
    database: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=600, conn_health_checks=True))
    if database["ENGINE"].endswith("sqlite3"):
        database["OPTIONS"] = {
            "timeout": 20,
            # A write transaction takes its lock at BEGIN: waiting is safe, upgrading a read is not.
            "transaction_mode": "IMMEDIATE",
            # Up to 32 MB wait in the journal: pages that each commit touches are then written back once, not 15 times.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;"
            " PRAGMA wal_autocheckpoint=8000;",
        }
    elif database["ENGINE"].endswith("postgresql"):
        given = database.get("OPTIONS", {})
        database["OPTIONS"] = given | {
            "options": f"{given.get('options', '')} -c synchronous_commit=on".strip()
        }
    return database
