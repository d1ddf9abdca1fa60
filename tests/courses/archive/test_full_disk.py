"""A full disk under PostgreSQL: «come again», nothing acknowledged is lost, nothing doubled, and it goes on by itself.

For real: a PostgreSQL whose files lie on a file system of some megabytes, that is filled to the last byte and emptied
again, under the web process of production. Twice: where only the beats' own table cannot grow, and where nothing can
be written at all, the write-ahead log included (PostgreSQL gives up then, and is started again as systemd does).
SQLite's full disk: test_ingest.py.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.utils import timezone

from courses.archive import api, tokens
from courses.archive.packing import unpack
from tests.courses.archive.conftest import add_version
from tests.courses.archive.server import Answer, Server, database_url, free_port
from tests.drills._postgres import Postgres
from tests.factories import LessonFactory, MemberFactory

POSTGRES = os.environ.get("DATABASE_URL", "").startswith("postgres")

pytestmark = [
    pytest.mark.grown,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("servers"),
    pytest.mark.skipif(not POSTGRES, reason="needs DATABASE_URL (PostgreSQL); .ci/run has it"),
]

WHOLE_MIB, TABLE_MIB = 160, 6
RUN = """
mkdir {disk}/table/beats
{bin}/initdb -D {disk}/db -A trust -E UTF8 --locale=C.UTF-8 -U postgres --wal-segsize=1 >{disk}/log 2>&1 || exit 1
while [ ! -e {disk}/db/stop ]; do
  {bin}/postgres -D {disk}/db -p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
    -c max_wal_size=8MB -c min_wal_size=2MB -c max_connections=60 >/dev/null 2>&1
  sleep 0.3
done
"""


@dataclass
class SmallDisk:
    """A PostgreSQL on file systems in memory that nobody else sees: `whole` for its cluster, `table` for the beats."""

    folder: Path
    port: int = field(default_factory=free_port)

    def __enter__(self) -> SmallDisk:
        self.postgres = Postgres(self.folder)
        disk = self.folder / "disk"
        disk.mkdir()
        told, tell = os.pipe()
        asked = RUN.format(disk=disk, bin=Path(self.postgres.program("initdb")).parent, port=self.port)
        as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        self.process = subprocess.Popen(
            [
                *("bwrap", "--dev-bind", "/", "/", "--die-with-parent", "--info-fd", str(tell)),
                *("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"),
                *("--perms", "0777", "--size", str(WHOLE_MIB * 1024**2), "--tmpfs", str(disk)),
                *("--perms", "0777", "--size", str(TABLE_MIB * 1024**2), "--tmpfs", str(disk / "table")),
                *(as_postgres if os.geteuid() == 0 else ()),
                *("bash", "-c", asked),
            ],
            pass_fds=[tell],
            start_new_session=True,
            cwd="/",
        )
        os.close(tell)
        with os.fdopen(told) as info:
            self.inside = Path(f"/proc/{json.load(info)['child-pid']}/root{disk}")
        self.answers()
        return self

    def __exit__(self, *unused: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def answers(self) -> None:
        """Returns once the database takes statements."""
        until = time.monotonic() + 60
        while True:
            try:
                with psycopg.connect(self.url, connect_timeout=2) as server:
                    server.execute("SELECT 1")
                    return
            except psycopg.OperationalError:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise
                time.sleep(0.2)

    def copy_of(self, url: str) -> None:
        """Everything that the test has written so far, by pg_dump."""
        dump = self.folder / "test.dump"
        subprocess.run(["pg_dump", "--format=custom", f"--file={dump}", url], check=True)
        subprocess.run(
            ["pg_restore", "--no-owner", "--exit-on-error", f"--dbname={self.url}", dump], check=True
        )

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as server:
            done = server.execute(text)
            return done.fetchall() if done.description else []

    def put_beats_apart(self) -> None:
        """The beats and their indexes on the smallest file system."""
        self.sql(f"CREATE TABLESPACE apart LOCATION '{self.folder}/disk/table/beats'")
        self.sql("ALTER TABLE archive_beat SET TABLESPACE apart")
        for (name,) in self.sql("SELECT indexname FROM pg_indexes WHERE tablename = 'archive_beat'"):
            self.sql(f'ALTER INDEX "{name}" SET TABLESPACE apart')

    def fill(self, where: str) -> None:
        with (self.inside / where / "filler").open("ab", buffering=0) as filler:
            for size in (1024**2, 65536, 4096, 512, 1):
                with suppress(OSError):
                    while filler.write(b"\0" * size) == size:
                        pass

    def empty(self, where: str) -> None:
        (self.inside / where / "filler").unlink()


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    if shutil.which("bwrap") is None:
        pytest.fail("bubblewrap makes the small file system: apt install bubblewrap (.ci/run does)")
    with tempfile.TemporaryDirectory(
        prefix="eschool-small-"
    ) as folder:  # tmp_path is nobody else's to look into
        Path(folder).chmod(0o755)
        with SmallDisk(Path(folder)) as running:
            yield running


class History:
    """What one phone sent, and what of it was acknowledged."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.sent: dict[int, list[list[int]]] = {}
        self.acknowledged: set[int] = set()

    def batch(self, beats: int) -> list[int]:
        """New beats of many short stretches: some hundred bytes each."""
        seqs = list(range(len(self.sent), len(self.sent) + beats))
        for seq in seqs:
            self.sent[seq] = [[at * 10 + seq % 7, at * 10 + seq % 7 + 2] for at in range(50)]
        return seqs

    def hand_in(self, server: Server, seqs: list[int]) -> Answer:
        beats = [
            {"seq": seq, "intervals": self.sent[seq], "position_ms": 0, "clock_ms": 1_790_000_000_000 + seq}
            for seq in seqs
        ]
        answer = server.beats({"token": self.token, "beats": beats})
        assert answer.headers.get("content-type", "").startswith("application/json"), (answer, server.said())
        if answer.status == 200:
            said = answer.json()
            assert set(said["accepted"]) | set(said["duplicates"]) == set(seqs)
            self.acknowledged.update(seqs)
        else:
            assert (answer.status, answer.json()["code"]) == (503, "BUSY"), answer
            assert int(answer.headers["retry-after"]) > 0
        return answer


@pytest.mark.parametrize("where", ["table", "."], ids=["the beats' table", "the whole cluster"])
def test_a_full_disk_loses_and_doubles_nothing_and_recovers(disk, tmp_path, where):
    # given a school on a small disk, a phone that plays, and one that is about to begin
    version, now = add_version(LessonFactory(), duration_s=3600), timezone.now()
    opened = [api.play(MemberFactory(), version, now=now - timedelta(hours=1)).token for _ in range(2)]
    playing, beginning = (History(token) for token in opened)
    disk.copy_of(database_url(tmp_path))
    if where == "table":
        disk.put_beats_apart()
    with Server(disk.url, tmp_path) as server:
        assert playing.hand_in(server, playing.batch(1)).status == 200
        assert playing.hand_in(server, playing.batch(5)).status == 200
        # when the disk is full
        disk.fill(where)
        refused: list[list[int]] = []
        until = time.monotonic() + 120
        while len(refused) < 5:
            assert time.monotonic() < until, "the disk was never full"
            seqs = playing.batch(60)
            if playing.hand_in(server, seqs).status != 200:
                refused.append(seqs)
        # then also what Django keeps is not kept: the first beat of another member
        first = beginning.batch(1)
        for _ in range(3):
            if beginning.hand_in(server, first).status != 200:
                break
            first = beginning.batch(60)
        else:
            pytest.fail("Django kept beats on a full disk")
        # and pages and phones are answered, whatever the database does
        assert server.ask("GET", "/api/archive/beats").status == 405
        # when there is room again, and the phones come again until they are answered
        disk.empty(where)
        until = time.monotonic() + 60
        for phone, waiting in ((playing, refused), (beginning, [first])):
            for seqs in waiting:
                while phone.hand_in(server, seqs).status != 200:
                    assert time.monotonic() < until, "it did not recover:\n" + server.said()[-2000:]
                    time.sleep(0.5)
        assert playing.hand_in(server, playing.batch(5)).status == 200
        # then everything that was acknowledged is there once, as it was sent, and nothing else is
        assert playing.acknowledged == set(playing.sent)
        for phone, token in ((playing, opened[0]), (beginning, opened[1])):
            session = tokens.read(token, now=now).session
            rows = disk.sql(f"SELECT seq, body FROM archive_beat WHERE session = '{session}'")
            kept = {seq: unpack(bytes(body))["intervals"] for seq, body in rows}
            assert len(rows) == len(kept)
            assert kept == {seq: phone.sent[seq] for seq in phone.acknowledged}
        assert "Traceback" not in server.said(), server.said()[-3000:]
