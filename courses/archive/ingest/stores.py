"""One group of batches, one commit: the statements, for PostgreSQL and for SQLite, on a connection of their own.

`keep` returns only when the rows are on disk; one store keeps one group at a time. A member's turn at the log is
taken (log_order.py), so that her numbers come to light in the order in which they are drawn.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import psycopg
from psycopg import errors
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus

from courses.archive.ingest.holder import LogRow
from courses.archive.log_order import PG_LOCK

__all__ = ["FAILURES", "Batch", "PostgresLog", "SqliteLog", "Store", "store_for"]

PATIENCE_S = 15
NOT_LIBPQS = {
    *("pool", "server_side_binding", "isolation_level", "assume_role"),
    *("autocommit", "prepare_threshold", "cursor_factory", "row_factory", "context"),
}
"""Of DATABASES["OPTIONS"]: what is Django's own, and what of psycopg's a PostgresLog decides by itself."""
DIVISION_BY_ZERO = b"22012"
FAILURES = (psycopg.Error, sqlite3.Error, OSError)
"""What a store raises when nothing was kept, or when it isn't known whether (the phone asks again)."""
WAL_PAGES = 8000
"""Of SQLite's log, until it is written back; as Django's connections have it (portal/settings/database.py)."""


@dataclass(slots=True, eq=False)
class Batch:
    """Rows of one session that are kept together or not at all."""

    rows: list[LogRow]
    turn_id: int
    answer: Any = None
    """Whoever waits for it."""
    kept: bool = False
    """False after `keep`: the lease is somebody else's by now, or the log has other bodies. Nothing was kept."""
    duplicates: set[int] = field(default_factory=set)

    @property
    def keys(self) -> Iterable[tuple[str, int]]:
        return ((row[2], row[3]) for row in self.rows)


Draw = Callable[[], Sequence[Batch]]


class Store(Protocol):
    async def keep(self, draw: Draw) -> None:
        """Have a group on disk. It is drawn when it can be written: what came while another process wrote goes with it."""

    def close(self) -> None: ...


def _settle(
    batches: Sequence[Batch], open_turns: set[int], known: dict[tuple[str, int], bytes]
) -> list[LogRow]:
    """Decide each batch by what the log has; the rows to be added."""
    added: list[LogRow] = []
    for batch in batches:
        before = {row[3]: known.get((row[2], row[3])) for row in batch.rows}
        batch.duplicates = {seq for seq, body in before.items() if body is not None}
        contradicts = any(before[row[3]] not in (None, row[4]) for row in batch.rows)
        batch.kept = batch.turn_id in open_turns and not contradicts
        if batch.kept:
            added += [row for row in batch.rows if before[row[3]] is None]
    return added


def _array(values: Iterable[Any]) -> str:
    return "{" + ",".join(map(str, values)) + "}"


def _numbered(sql: str) -> str:
    """The driver's %s as libpq's $1, $2, …"""
    first, *rest = sql.split("%s")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


_COLUMNS = "member_id, version_id, session, seq, body, received_at, happened_at, wall_ms, in_lease"
_UNNESTED = """unnest(%s::bigint[], %s::bigint[], %s::uuid[], %s::int[], %s::bytea[], %s::bigint[], %s::bigint[],
    %s::bigint[], %s::boolean[]"""


def _arrays(rows: Sequence[LogRow]) -> list[str]:
    # Written by hand: an array of the driver's costs as much a row as everything else.
    members, versions, sessions, seqs, bodies, received, happened, walls, in_lease = zip(*rows, strict=True)
    return [
        _array(members),
        _array(versions),
        _array(sessions),
        _array(seqs),
        "{" + ",".join(['"\\\\x' + body.hex() + '"' for body in bodies]) + "}",
        _array(received),
        _array(happened),
        _array(walls),
        _array(in_lease),
    ]


async def _ready(socket: int, add: Callable[..., object], remove: Callable[[int], object]) -> None:
    """Until something can be read from (or written to) `socket`. Raises OperationalError after PATIENCE_S."""
    heard = asyncio.get_running_loop().create_future()
    add(socket, _set, heard)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await heard
    except TimeoutError as late:
        raise psycopg.OperationalError(f"the database said nothing for {PATIENCE_S} s") from late
    finally:
        remove(socket)


def _set(heard: asyncio.Future[None]) -> None:
    if not heard.done():
        heard.set_result(None)


class PostgresLog:
    """`dsn` as psycopg.connect takes it."""

    # Members in the order of their numbers, so that no two groups wait for each other.
    TURN = f"SELECT count(pg_advisory_xact_lock({PG_LOCK}, m)) FROM unnest(%s::int[]) AS m"
    # Kept whole or not at all: where one row is missing the division stops the transaction, lock and all.
    ALL = f"""WITH kept AS (
        INSERT INTO archive_beat ({_COLUMNS})
        SELECT {", ".join("t." + name.strip() for name in _COLUMNS.split(","))}
        FROM {_UNNESTED}, %s::bigint[]) WITH ORDINALITY
          AS t({_COLUMNS}, turn_id, place)
        JOIN archive_playlease l ON l.id = t.turn_id AND l.until_at IS NULL
        ORDER BY t.place
        ON CONFLICT (member_id, session, seq) DO NOTHING RETURNING 1
    ) SELECT 1 / (CASE WHEN (SELECT count(*) FROM kept) = %s::int THEN 1 ELSE 0 END)"""
    SOME = f"""INSERT INTO archive_beat ({_COLUMNS})
        SELECT {_COLUMNS} FROM {_UNNESTED}) WITH ORDINALITY AS t({_COLUMNS}, place) ORDER BY place"""
    KNOWN = """SELECT b.session, b.seq, b.body FROM archive_beat b
        JOIN unnest(%s::bigint[], %s::uuid[], %s::int[]) AS t(member_id, session, seq)
          ON b.member_id = t.member_id AND b.session = t.session AND b.seq = t.seq"""
    OPEN = "SELECT id FROM archive_playlease WHERE until_at IS NULL AND id = ANY(%s::bigint[])"

    def __init__(self, **dsn: Any) -> None:
        self._dsn = dsn
        self._connection: psycopg.Connection | None = None

    async def keep(self, draw: Draw) -> None:
        try:
            if self._connection is None:
                await asyncio.get_running_loop().run_in_executor(None, self._connect)
            await self._keep(draw())
        except (*FAILURES, asyncio.CancelledError):
            self.close()
            raise

    def _connect(self) -> None:
        connection = psycopg.connect(**self._dsn, autocommit=True, prepare_threshold=0)
        # Whatever the server's own setting: an answer means that the commit is on disk.
        connection.execute("SET synchronous_commit = on")
        connection.execute("SET statement_timeout = 10000")
        for name, sql in ((b"beats_turn", self.TURN), (b"beats_all", self.ALL)):
            prepared = connection.pgconn.prepare(name, _numbered(sql).encode())
            if prepared.status != ExecStatus.COMMAND_OK:
                raise errors.error_from_result(prepared)
        self._connection = connection

    async def _keep(self, batches: Sequence[Batch]) -> None:
        rows = [row for batch in batches for row in batch.rows]
        members = _array(sorted({batch.rows[0][0] % 2**31 for batch in batches}))
        turns = _array([batch.turn_id for batch in batches for _row in batch.rows])
        wrong = await self._send(
            (b"beats_turn", [members]), (b"beats_all", [*_arrays(rows), turns, str(len(rows))])
        )
        if wrong is None:
            for batch in batches:
                batch.kept = True
        elif wrong.error_field(DiagnosticField.SQLSTATE) == DIVISION_BY_ZERO:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, self._keep_some, batches, rows, members, turns)
        else:
            raise errors.error_from_result(wrong)

    async def _send(self, *statements: tuple[bytes, list[str]]) -> Any:
        """Prepared statements as one transaction, sent at once: None, or the result of the one that failed.

        By libpq's own calls, on the event loop: the driver's cursors and pipelines cost four times as much as all else
        in a group, and a thread that waits for the database as much again.
        """
        assert self._connection is not None
        pgconn = self._connection.pgconn
        loop = asyncio.get_running_loop()
        pgconn.enter_pipeline_mode()
        for name, values in statements:
            pgconn.send_query_prepared(name, [value.encode() for value in values])
        pgconn.pipeline_sync()
        while pgconn.flush():
            await _ready(pgconn.socket, loop.add_writer, loop.remove_writer)
            pgconn.consume_input()
        wrong = None
        while True:
            while pgconn.is_busy():
                await _ready(pgconn.socket, loop.add_reader, loop.remove_reader)
                pgconn.consume_input()
            result = pgconn.get_result()
            if pgconn.status != ConnStatus.OK:
                raise psycopg.OperationalError(
                    "the database went away; whether it kept the group is not known"
                )
            if result is None:  # the end of one statement
                continue
            if result.status == ExecStatus.PIPELINE_SYNC:
                pgconn.exit_pipeline_mode()
                return wrong
            if result.status == ExecStatus.FATAL_ERROR and wrong is None:
                wrong = result

    def _keep_some(self, batches: Sequence[Batch], rows: list[LogRow], members: str, turns: str) -> None:
        connection = self._connection
        assert connection is not None
        with connection.transaction():
            connection.execute(self.TURN, [members])
            open_turns = {turn_id for (turn_id,) in connection.execute(self.OPEN, [turns])}
            asked = [_array(row[place] for row in rows) for place in (0, 2, 3)]
            known = {(one.hex, seq): bytes(body) for one, seq, body in connection.execute(self.KNOWN, asked)}
            added = _settle(batches, open_turns, known)
            if added:
                connection.execute(self.SOME, _arrays(added))

    def close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None


class SqliteLog:
    """`path` of the database file. One process at a time writes: a lock beside the file, since SQLite's own
    waiting starves whoever comes second. The disk is waited for after the turn, while the next one writes."""

    ADD = f"INSERT OR IGNORE INTO archive_beat ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"

    def __init__(self, path: str, *, patience_s: float = 5.0) -> None:
        self._path, self._patience_s = path, patience_s
        self._connection: sqlite3.Connection | None = None
        self._turn: Any = None
        self._queue: Any = None
        self._wal: Any = None
        self._unsure = False
        """A sync failed: rows that can be read may not be on disk."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="beats")

    async def keep(self, draw: Draw) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._keep_now, draw)

    def _keep_now(self, draw: Draw) -> None:
        try:
            connection = self._connected()
            with self._having_turn():
                if self._unsure:
                    self._write_back(connection)
                self._keep(connection, draw())
            self._sync()
        except FAILURES:
            self.close()
            raise

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(
                self._path, timeout=self._patience_s, isolation_level=None, check_same_thread=False
            )
            self._connection = connection
            connection.execute("PRAGMA journal_mode=WAL")
            # COMMIT itself waits for no disk: _sync does.
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES}")
            # From the first reading on there is the file, and it stays as long as the connection.
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            self._wal = open(f"{self._path}-wal", "rb+", buffering=0)  # noqa: SIM115
            self._turn = open(f"{self._path}-beats.lock", "ab")  # noqa: SIM115
            self._queue = open(f"{self._path}-beats-queue.lock", "ab")  # noqa: SIM115
        return self._connection

    @contextmanager
    def _having_turn(self) -> Iterator[None]:
        # Whoever comes second holds the queue meanwhile, so that the first cannot come back before him.
        fcntl.flock(self._queue, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._turn, fcntl.LOCK_EX)
        finally:
            fcntl.flock(self._queue, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self._turn, fcntl.LOCK_UN)

    def _sync(self) -> None:
        """All that was committed is on disk. What was not synced once is not synced by asking again (the system forgets what
        it could not write), so that after a failure nothing is kept until _write_back."""
        try:
            os.fdatasync(self._wal.fileno())
        except OSError:
            self._unsure = True
            raise

    def _write_back(self, connection: sqlite3.Connection) -> None:
        """Put the log into the database file, which is synced then, and empty it: the beginning of a log that lost its end
        would be taken for newer than the file."""
        left, _pages, _written = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if left:
            raise sqlite3.OperationalError("after a failed sync the log is not written back yet")
        self._unsure = False

    def _keep(self, connection: sqlite3.Connection, batches: Sequence[Batch]) -> None:
        rows = [row for batch in batches for row in batch.rows]
        turns = {batch.turn_id for batch in batches}
        connection.execute("BEGIN IMMEDIATE")
        try:
            if self._open(connection, turns) == turns and self._add(connection, rows) == len(rows):
                for batch in batches:
                    batch.kept = True
            else:
                connection.execute("ROLLBACK")
                connection.execute("BEGIN IMMEDIATE")
                added = _settle(batches, self._open(connection, turns), self._known(connection, rows))
                if self._add(connection, added) != len(added):
                    # IGNORE leaves out whatever the table refuses.
                    raise sqlite3.IntegrityError("the log refused beats that it does not have")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _open(self, connection: sqlite3.Connection, turns: set[int]) -> set[int]:
        asked = (
            f"SELECT id FROM archive_playlease WHERE until_at IS NULL AND id IN ({','.join(map(str, turns))})"
        )
        return {turn_id for (turn_id,) in connection.execute(asked).fetchall()}

    def _add(self, connection: sqlite3.Connection, rows: Sequence[LogRow]) -> int:
        before = connection.total_changes
        connection.executemany(self.ADD, rows)
        return connection.total_changes - before

    def _known(self, connection: sqlite3.Connection, rows: Sequence[LogRow]) -> dict[tuple[str, int], bytes]:
        known = {}
        for member_id, _version, session, seq, *_rest in rows:
            found = connection.execute(
                "SELECT body FROM archive_beat WHERE member_id = ? AND session = ? AND seq = ?",
                (member_id, session, seq),
            ).fetchone()
            if found:
                known[session, seq] = bytes(found[0])
        return known

    def close(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        for file in (self._turn, self._queue, self._wal):
            if file is not None:
                file.close()
        self._turn = self._queue = self._wal = None


def store_for(database: dict[str, Any]) -> Store:
    """The store for one of settings.DATABASES, connecting as Django does (sslmode, service, search_path, …)."""
    if database["ENGINE"].endswith("sqlite3"):
        return SqliteLog(str(database["NAME"]))
    given = {
        "host": database.get("HOST"),
        "port": database.get("PORT"),
        "dbname": database.get("NAME"),
        "user": database.get("USER"),
        "password": database.get("PASSWORD"),
    }
    options = {name: value for name, value in database.get("OPTIONS", {}).items() if name not in NOT_LIBPQS}
    dsn = {"connect_timeout": 5} | options | {name: value for name, value in given.items() if value}
    return PostgresLog(**dsn)
