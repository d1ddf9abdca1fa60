"""One group of batches, one commit: the statements, for PostgreSQL and for SQLite, on a connection of their own.

`keep` returns only when the rows are on disk; one store keeps one group at a time. A member's turn at the log is
taken (log_order.py), so that her numbers come to light in the order in which they are drawn.
"""

from __future__ import annotations

import asyncio
import fcntl
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, nullcontext, suppress
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


class Store(Protocol):
    def turn(self) -> AbstractAsyncContextManager[None]:
        """Be the one that writes, where only one can: wait before choosing what to `keep`."""

    async def keep(self, batches: Sequence[Batch]) -> None: ...

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

    def turn(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def keep(self, batches: Sequence[Batch]) -> None:
        try:
            if self._connection is None:
                await asyncio.get_running_loop().run_in_executor(None, self._connect)
            await self._keep(batches)
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
    waiting starves whoever comes second."""

    ADD = f"INSERT OR IGNORE INTO archive_beat ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"

    def __init__(self, path: str, *, patience_s: float = 5.0) -> None:
        self._path, self._patience_s = path, patience_s
        self._connection: sqlite3.Connection | None = None
        self._turn: Any = None
        self._queue: Any = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="beats")

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        if not self._take_turn(fcntl.LOCK_NB):
            await asyncio.get_running_loop().run_in_executor(self._thread, self._take_turn, 0)
        try:
            yield
        finally:
            if self._turn is not None:
                fcntl.flock(self._turn, fcntl.LOCK_UN)

    def _take_turn(self, option: int) -> bool:
        """False where LOCK_NB was asked for and another process has the turn, or waits for it."""
        if self._turn is None:
            # Open as long as the connection is.
            self._turn = open(f"{self._path}-beats.lock", "ab")  # noqa: SIM115
            self._queue = open(f"{self._path}-beats-queue.lock", "ab")  # noqa: SIM115
        try:
            # Whoever comes second holds the queue meanwhile, so that the first cannot come back before him.
            fcntl.flock(self._queue, fcntl.LOCK_EX | option)
        except BlockingIOError:
            return False
        try:
            fcntl.flock(self._turn, fcntl.LOCK_EX | option)
        except BlockingIOError:
            return False
        finally:
            fcntl.flock(self._queue, fcntl.LOCK_UN)
        return True

    async def keep(self, batches: Sequence[Batch]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._keep_now, batches)

    def _keep_now(self, batches: Sequence[Batch]) -> None:
        try:
            self._keep(self._connected(), batches)
        except FAILURES:
            self.close()
            raise

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(
                self._path, timeout=self._patience_s, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA journal_mode=WAL")
            # An answer means that the log was synced, not only written.
            connection.execute("PRAGMA synchronous=FULL")
            # As Django's connections do (portal/settings/database.py).
            connection.execute("PRAGMA wal_autocheckpoint=8000")
            self._connection = connection
        return self._connection

    def _keep(self, connection: sqlite3.Connection, batches: Sequence[Batch]) -> None:
        rows = [row for batch in batches for row in batch.rows]
        connection.execute("BEGIN IMMEDIATE")
        try:
            turns = {batch.turn_id for batch in batches}
            with closing(
                connection.execute(
                    "SELECT id FROM archive_playlease WHERE until_at IS NULL AND id IN"
                    f" ({','.join(map(str, turns))})"
                )
            ) as found:
                open_turns = {turn_id for (turn_id,) in found}
            if open_turns != turns or not self._add_all(connection, rows):
                added = _settle(batches, open_turns, self._known(connection, rows))
                if not self._add_all(connection, added):  # IGNORE leaves out whatever the table refuses
                    raise sqlite3.IntegrityError("the log refused beats that it does not have")
            else:
                for batch in batches:
                    batch.kept = True
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _add_all(self, connection: sqlite3.Connection, rows: Sequence[LogRow]) -> bool:
        connection.execute("SAVEPOINT rows")
        before = connection.total_changes
        connection.executemany(self.ADD, rows)
        if connection.total_changes - before == len(rows):
            return True
        connection.execute("ROLLBACK TO rows")
        return False

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
        for file in (self._turn, self._queue):
            if file is not None:
                file.close()
        self._turn = self._queue = None


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
