"""A backup that is put back verifies to the published root; an older one, or one that was touched, says so.

For real: a database of its own, written through the archive's door by a process of its own, copied as administrators
copy it (SQLite's file; pg_dump and pg_restore), verified by `manage.py verify_archive` on the copy.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
from django.db import connection

from portal.settings.environment import ROOT

POSTGRES = os.environ.get("DATABASE_URL", "")

WRITE = """
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from courses.archive import api
from people.models import Member
first = datetime(2026, 11, 20, 2, tzinfo=UTC)
members = [Member.objects.get_or_create(username=f"m{n}", defaults={"name": f"党员{n}"})[0] for n in range(5)]
for day in range({days}):
    at = first + timedelta(days=day)
    for member in members:
        last = api.add_entry(
            member, mode="COLLECTIVE", title=f"第{day}次", hours=Decimal("0.5"), finished_at=at, now=at,
            verified_coverage=Decimal("0.9876"), started_at=at - timedelta(minutes=45, microseconds=1),
        )
    if day % 3 == 0:
        api.reverse_entry(last, actor=None, reason="登记有误", now=at)
    api.seal(at.date(), now=at + timedelta(hours=15))
"""


@dataclass
class Place:
    """One installation: its database and its folder; `copy` makes another one of it as an administrator would."""

    url: str
    folder: Path
    copy: Callable[[Place, str], Place]
    sql: Callable[[Place, str], list]
    """Run one statement; its rows, where it has any."""

    @property
    def seals(self) -> Path:
        return self.folder / "archive.jsonl"

    def run(self, *words: str, stdin: str = "", code: int = 0) -> str:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "portal.settings.base",
            "DATABASE_URL": self.url,
            "ESCHOOL_DATA_DIR": str(self.folder),
            "ARCHIVE_SEALS_FILE": str(self.seals),
        }
        done = subprocess.run(
            [sys.executable, "site/manage.py", *words],
            cwd=ROOT,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr[-2000:]
        return done.stdout

    def write(self, first: int, end: int) -> None:
        self.run("shell", "--no-imports", stdin=WRITE.replace("{days}", f"{first}, {end}"))

    def verify(self, *, whole: bool) -> dict:
        said = json.loads(self.run("verify_archive", "--json", code=0 if whole else 1))
        assert said["whole"] is whole
        return said

    def published_root(self) -> str:
        return json.loads(self.seals.read_text().splitlines()[-1])["root"]

    def sealed_root(self) -> str:
        return self.sql(self, "SELECT root FROM archive_archiveseal ORDER BY number DESC LIMIT 1")[0][0]


# SQLite: the file


def _copy_file(place: Place, name: str) -> Place:
    folder = place.folder.parent / name
    folder.mkdir()
    target = folder / "eschool.sqlite3"
    kept = sqlite3.connect(place.folder / "eschool.sqlite3")
    kept.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept.close()
    shutil.copyfile(place.folder / "eschool.sqlite3", target)
    shutil.copyfile(place.seals, folder / "archive.jsonl")
    return Place(f"sqlite:///{target}", folder, _copy_file, _sql_file)


def _sql_file(place: Place, text: str) -> list:
    with sqlite3.connect(place.folder / "eschool.sqlite3") as kept:
        return kept.execute(text).fetchall()


def _vacuum_into(place: Place, target: Path) -> None:
    kept = sqlite3.connect(place.folder / "eschool.sqlite3", isolation_level=None)
    kept.execute("VACUUM INTO ?", [str(target)])
    kept.close()


def _backup(place: Place, target: Path) -> None:
    """SQLite's own `.backup`, while somebody is in the middle of writing."""
    writer = sqlite3.connect(place.folder / "eschool.sqlite3", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE archive_studyhourentry SET title = '改'")
    kept, copy = sqlite3.connect(place.folder / "eschool.sqlite3"), sqlite3.connect(target)
    kept.backup(copy)
    copy.close()
    kept.close()
    writer.execute("ROLLBACK")
    writer.close()


@pytest.fixture
def on_sqlite(tmp_path: Path, transactional_db: None) -> Place:
    folder = tmp_path / "first"
    folder.mkdir()
    place = Place(f"sqlite:///{folder / 'eschool.sqlite3'}", folder, _copy_file, _sql_file)
    if connection.vendor != "sqlite":
        place.run("migrate", "--verbosity=0")
        return place
    connection.ensure_connection()  # the tests' own database has all tables already: migrating costs a minute
    with sqlite3.connect(folder / "eschool.sqlite3") as target:
        connection.connection.backup(target)
    return place


# PostgreSQL: pg_dump and pg_restore


def _other_database(url: str, name: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{name}"))


def _ask_server(text: str) -> None:
    import psycopg

    with psycopg.connect(_other_database(POSTGRES, "postgres"), autocommit=True) as server:
        server.execute(text)


def _dump_and_restore(place: Place, name: str) -> Place:
    folder = place.folder.parent / name
    folder.mkdir()
    dump = folder / "backup.dump"
    url = _other_database(POSTGRES, f"{urlsplit(place.url).path[1:]}_{name}")
    subprocess.run(["pg_dump", "--format=custom", f"--file={dump}", place.url], check=True)
    _ask_server(f'CREATE DATABASE "{urlsplit(url).path[1:]}"')
    subprocess.run(["pg_restore", "--no-owner", "--exit-on-error", f"--dbname={url}", dump], check=True)
    shutil.copyfile(place.seals, folder / "archive.jsonl")
    return Place(url, folder, _dump_and_restore, _sql_server)


def _sql_server(place: Place, text: str) -> list:
    import psycopg

    with psycopg.connect(place.url, autocommit=True) as kept:
        done = kept.execute(text)
        return done.fetchall() if done.description else []


@pytest.fixture
def on_postgres(tmp_path: Path) -> Iterator[Place]:
    name = f"restore_{uuid4().hex[:12]}"
    folder = tmp_path / "first"
    folder.mkdir()
    _ask_server(f'CREATE DATABASE "{name}"')
    place = Place(_other_database(POSTGRES, name), folder, _dump_and_restore, _sql_server)
    place.run("migrate", "--verbosity=0")
    yield place
    for one in (name, f"{name}_older", f"{name}_newer"):
        _ask_server(f'DROP DATABASE IF EXISTS "{one}"')


def goes_and_comes(place: Place) -> None:
    # given a ledger of three sealed days, and a backup of it
    place.write(0, 3)
    older = place.copy(place, "older")
    # and two days more, and a backup of those
    place.write(3, 5)
    newer = place.copy(place, "newer")
    # then each copy verifies to the root that was published when it was made
    for copy in (older, newer):
        said = copy.verify(whole=True)
        assert copy.sealed_root() == copy.published_root()
        assert said["entries"] > 0 and said["seals"] in (3, 5)
    assert newer.published_root() == place.published_root() != older.published_root()
    # when the older backup is put beside the file that is kept elsewhere
    shutil.copyfile(place.seals, older.seals)
    lost = older.verify(whole=False)["findings"]
    assert sorted((one["kind"], one.get("day"), one.get("count")) for one in lost) == [
        ("MISSING", None, 11),
        ("SEAL_MISSING", "2026-11-23", None),
        ("SEAL_MISSING", "2026-11-24", None),
    ]
    # when somebody touches the copy before it is put back
    ((member,),) = newer.sql(newer, "SELECT min(member_id) FROM archive_studyhourentry WHERE chain_seq = 2")
    newer.sql(
        newer, f"UPDATE archive_studyhourentry SET hours = 9 WHERE chain_seq = 2 AND member_id = {member}"
    )
    touched = newer.verify(whole=False)["findings"]
    assert [(one["kind"], one["member"], one["seq"]) for one in touched] == [("ALTERED", member, 2)]


def test_sqlites_file_copied_verifies_to_the_published_root(on_sqlite):
    goes_and_comes(on_sqlite)


def verifies_and_goes_on(place: Place, copy: Place) -> None:
    # given a copy with the file of seals beside it, it verifies to the published root
    shutil.copyfile(place.seals, copy.seals)
    said = copy.verify(whole=True)
    assert said["entries"] == 16 and copy.sealed_root() == copy.published_root() == place.published_root()
    # and the school goes on from there: numbers, chains and seals follow on
    copy.write(3, 5)
    assert copy.verify(whole=True)["seals"] == 5
    assert copy.published_root() != place.published_root()


def test_sqlites_own_ways_of_copying_verify_and_go_on(on_sqlite):
    on_sqlite.write(0, 3)
    for make in (_vacuum_into, _backup):
        folder = on_sqlite.folder.parent / make.__name__
        folder.mkdir()
        make(on_sqlite, folder / "eschool.sqlite3")
        url = f"sqlite:///{folder / 'eschool.sqlite3'}"
        verifies_and_goes_on(on_sqlite, Place(url, folder, _copy_file, _sql_file))


@pytest.mark.grown
@pytest.mark.skipif(
    not POSTGRES.startswith("postgres") or shutil.which("pg_dump") is None,
    reason="needs DATABASE_URL (PostgreSQL) and its pg_dump; .ci/run has both",
)
def test_pg_dump_and_pg_restore_verify_to_the_published_root(on_postgres):
    goes_and_comes(on_postgres)


@pytest.mark.grown
@pytest.mark.skipif(
    not POSTGRES.startswith("postgres") or shutil.which("pg_dump") is None,
    reason="needs DATABASE_URL (PostgreSQL) and its pg_dump; .ci/run has both",
)
def test_what_pg_dump_put_back_goes_on(on_postgres):
    on_postgres.write(0, 3)
    verifies_and_goes_on(on_postgres, on_postgres.copy(on_postgres, "newer"))
