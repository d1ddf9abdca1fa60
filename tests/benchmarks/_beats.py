"""The ingest part of `./run bench archive`, for one database: what it keeps in a second, and what that costs.

Run by archive.py in a process of its own (settings are read once). Starts web and folder exactly as `./run` does,
on a database of its own, and alternates slices of time: raw commits, beats one by one, batches of ten, raw commits
again. A busy minute hits them all alike; the ratio of each slice to the raw slices around it counts, its median
is told. In the end every acknowledged beat is counted in the database.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "site"), str(HERE), str(HERE.parent / "drills")]

RAW_TABLE = """CREATE TABLE raw (id bigserial PRIMARY KEY, member_id bigint, version_id bigint, session uuid, seq int,
 body bytea, received_at bigint, UNIQUE (member_id, session, seq))"""
RAW_ROW = """\\set m random(1,1000000)
INSERT INTO raw (member_id, version_id, session, seq, body, received_at)
 VALUES (:m, 3, gen_random_uuid(), 5, '\\x0102030405060708090a0b0c0d0e0f1011', 1790000000000);
"""


class Raw:
    """One-row commits: pgbench with 64 clients; without PostgreSQL one SQLite connection (FULL)."""

    def __init__(self, postgres: Any, folder: Path) -> None:
        self.postgres, self.folder = postgres, folder
        self.script = folder / "raw.sql"
        self.script.write_text(RAW_ROW, encoding="utf-8")
        if postgres.available:
            self._psql(RAW_TABLE)

    def _psql(self, sql: str) -> None:
        subprocess.run(
            ["psql", "-qX", self.postgres.url.replace("postgres://", "postgresql://"), "-c", sql], check=True
        )

    def per_s(self, seconds: int) -> float:
        """pgbench counts its connecting into the seconds it was given, and where they were not enough for one commit
        it tells no rate and ends well: then it gets twice as many."""
        if not self.postgres.available:
            return self._sqlite(seconds)
        where = ("-h", "127.0.0.1", "-p", str(self.postgres.port), "-U", "postgres")
        how = ("-n", "-f", str(self.script), "-c", "64", "-j", "1", "-M", "prepared")
        for longer in (1, 2, 4, 8, 16):
            told = subprocess.run(
                [self.postgres.program("pgbench"), *where, *how, "-T", str(seconds * longer), "postgres"],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            ).stdout
            if rate := re.search(r"^tps = ([\d.]+)", told, re.MULTILINE):
                return float(rate[1])
        raise RuntimeError(f"pgbench did not commit once in {seconds * longer} s:\n{told}")

    def _sqlite(self, seconds: int) -> float:
        database = sqlite3.connect(self.folder / "raw.sqlite3", isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE IF NOT EXISTS raw (id INTEGER PRIMARY KEY, body)")
        until, done = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            database.execute("INSERT INTO raw (body) VALUES (?)", [b"x" * 60])
            done += 1
        database.close()
        return done / seconds


class School:
    """Web and folder as `./run` starts them, and the phones that play there."""

    def __init__(self, data: Path, phones: int) -> None:
        from _postgres import free_port

        from courses.archive import api
        from courses.catalogue.models import LessonVersion
        from portal import launch
        from tests.factories import CourseFactory, LessonFactory, MemberFactory

        self.port = free_port()
        lesson = LessonFactory(parent=CourseFactory())
        version = LessonVersion.objects.create(
            lesson=lesson, number=99, duration_s=80_000, kind="LECTURE", title="第一讲"
        )
        self.tokens = data / "tokens.json"
        tokens = [api.play(MemberFactory(), version).token for _ in range(phones)]
        self.tokens.write_text(json.dumps(tokens), encoding="utf-8")
        environment = launch._environment(data, f"http://127.0.0.1:{self.port}")
        environment["PYTHONPATH"] = f"{ROOT}:{ROOT / 'site'}"
        children = launch._children(environment, data, "127.0.0.1", self.port)
        self.children = [child for child in children if child.name in ("web", "fold")]
        self.next = 0
        self.acknowledged = 0

    def start(self) -> None:
        for child in self.children:
            child.start()
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                if self.load(1, 0.2)["beats"]:
                    return
            except (subprocess.CalledProcessError, ConnectionError):
                time.sleep(0.5)
        raise RuntimeError("the school did not start")

    def load(self, size: int, seconds: float) -> dict[str, Any]:
        done = subprocess.run(
            [
                *(sys.executable, str(HERE / "_beat_load.py"), str(self.port), str(self.tokens)),
                *("--size", str(size), "--seconds", str(seconds), "--start", str(self.next)),
            ],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        told = json.loads(done.stdout)
        self.next = told["next"]
        self.acknowledged += told["beats"]
        if told["refused"]:
            raise RuntimeError(f"beats were refused: {told['refused']}")
        return told

    def stop(self) -> None:
        for child in self.children:
            child.stop()


def cpu_s(pids: list[int]) -> float:
    """CPU seconds so far of these processes and of all below them."""
    from _processes import descendants, family

    known = family()
    spent = 0.0
    for pid in {one for root in pids for one in (root, *descendants(known, root))}:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        spent += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return spent


class Behind(threading.Thread):
    """How old the oldest beat is that no fold has seen, looked at twice a second."""

    SQL = """SELECT b.received_at FROM archive_beat b
        JOIN archive_learningarchive a ON a.member_id = b.member_id AND b.id > a.beats_folded
        WHERE b.id > (SELECT min(beats_folded) FROM archive_learningarchive WHERE beats_folded > 0)
        ORDER BY b.id LIMIT 1"""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most_s = 0.0
        self.stopped = threading.Event()

    def run(self) -> None:
        from django.db import connection

        while not self.stopped.wait(0.5):
            with connection.cursor() as cursor:
                cursor.execute(self.SQL)
                oldest = cursor.fetchone()
            if oldest is not None:
                self.most_s = max(self.most_s, time.time() - oldest[0] / 1000)
        connection.close()

    def stop(self) -> None:
        self.stopped.set()
        if self.is_alive():
            self.join()


def measure(kind: str, folder: Path, postgres: Any, rounds: int, seconds: float) -> dict[str, Any]:
    from _measured import say, table
    from django.core.management import call_command

    from courses.archive.models import Beat

    say(f"· {kind}: making a school with 64 phones …")
    call_command("migrate", verbosity=0)
    raw, school, behind = Raw(postgres, folder), School(folder, 64), Behind()
    before: list[float] = []
    rows: list[list[object]] = [
        ["slice", "raw/s", "beats/s", "p95 ms", "CPU ms a beat: web + fold + database", "in tens/s"]
    ]
    try:
        school.start()
        counted = [child.process.pid for child in school.children if child.process]
        if kind == "postgresql":
            counted.append(postgres.pid)
        school.load(1, 1.0)
        behind.start()
        before.append(raw.per_s(1))
        ones, tens = [], []
        for number in range(1, rounds + 1):
            spent = [cpu_s([pid]) for pid in counted]
            one = school.load(1, seconds)
            parts = [
                (cpu_s([pid]) - so_far) * 1000 / max(one["beats"], 1)
                for pid, so_far in zip(counted, spent, strict=True)
            ]
            one["cpu_ms"] = sum(parts)
            before.append(raw.per_s(1))
            ten = school.load(10, seconds)
            before.append(raw.per_s(1))
            ones.append(one)
            tens.append(ten)
            rows.append(
                [number, *(f"{x:,.0f}" for x in (before[-2], one["beats_per_s"])), f"{one['p95_ms']:.1f}",
                 " + ".join(f"{part:.3f}" for part in parts), f"{ten['beats_per_s']:,.0f}"]
            )  # fmt: skip
        behind.stop()
        until = time.monotonic() + 30
        while time.monotonic() < until and _waiting():
            time.sleep(0.2)
        if _waiting():
            raise RuntimeError("the fold did not come to its end")
    finally:
        behind.stop()
        school.stop()
    kept = Beat.objects.count()
    if kept != school.acknowledged:
        raise RuntimeError(f"{school.acknowledged:,} beats were acknowledged, {kept:,} are in the log")
    print(
        f"{kind}: {kept:,} beats acknowledged, all in the log; fold behind by {behind.most_s:.1f} s at most"
    )
    table(rows)
    around = [(before[2 * n] + before[2 * n + 1]) / 2 for n in range(rounds)]
    after = [(before[2 * n + 1] + before[2 * n + 2]) / 2 for n in range(rounds)]

    def median(values: Any) -> float:
        return round(statistics.median(values), 3)

    return {
        "beats_vs_raw": median(one["beats_per_s"] / raw for one, raw in zip(ones, around, strict=True)),
        "batch10_vs_raw": median(ten["beats_per_s"] / raw for ten, raw in zip(tens, after, strict=True)),
        "cpu_ms_per_beat": median(one["cpu_ms"] for one in ones),
        "p95_ms_c64": median(one["p95_ms"] for one in ones),
        "beats_per_s": median(one["beats_per_s"] for one in ones),
        "raw_per_s": median(before),
        "raw_before": round(before[0]),
        "raw_after": round(before[-1]),
        "fold_behind_s": round(behind.most_s, 2),
        "member_year_bytes": member_year_bytes(4 if rounds == 1 else 100),
    }


LECTURE_S = 2700


def lectures() -> list[list[tuple[int, bytes, int, int, int, bool]]]:
    """Beats of 32 hours of study, played through: lectures of 45 minutes, a beat each 15 s or a little later."""
    import random

    from courses.archive.packing import USUAL, USUAL_TAG

    chance = random.Random(1)
    played = []
    for _ in range(-(-32 * 3600 // LECTURE_S)):
        rows, at, clock = [], 0, 1_790_000_000_000
        while at < LECTURE_S * 1000:
            took = 15_000 + chance.randint(0, 250)
            end = min(at + took, LECTURE_S * 1000)
            clock += took + chance.randint(0, 3)
            rows.append(
                (len(rows), USUAL.pack(USUAL_TAG, at, end, clock), end + 900, clock + 120, clock + 60, True)
            )
            at = end
        played.append(rows)
    return played


def fold_speed() -> float:
    """Beats a CPU second of one core, from packed rows to the bytes of the state; the best of five."""
    from courses.archive.quick_fold import fold_session
    from courses.archive.spans import PlayRules, begin

    played, rules, best = lectures(), PlayRules(), 0.0
    session = "01990000-0000-7000-8000-000000000001"
    for _ in range(5):
        spent = time.process_time()
        for rows in played:
            fold = fold_session(begin(LECTURE_S, rules), session, rows, rules)
            if not fold.completed:
                raise RuntimeError("a whole lecture did not complete")
            fold.watched.to_bytes((fold.seconds + 7) // 8, "little")
        best = max(best, sum(map(len, played)) / (time.process_time() - spent))
    return best


def member_year_bytes(members: int) -> int | None:
    """What a packed member-year of 32 h takes, rows and indexes, measured (_member_year.py); the split goes to stdout."""
    import _member_year

    told = _member_year.measure(members)
    if told is None:
        return None
    parts = ", ".join(f"{name} {told[name]:,.0f}" for name in _member_year.TABLES)
    total = sum(told[name] for name in _member_year.TABLES)
    print(
        f"a member-year of 32 h, {told['beats']:,.0f} beats, {members} members: {total:,.0f} bytes ({parts})"
    )
    return round(total)


def _waiting() -> bool:
    from courses.archive.folding import all_waiting

    return bool(all_waiting()[0])


def main(words: list[str]) -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("kind", choices=["sqlite", "postgresql"])
    asked.add_argument("--rounds", type=int, default=7)
    asked.add_argument("--seconds", type=float, default=2.0)
    chosen = asked.parse_args(words)
    from _postgres import Postgres

    with tempfile.TemporaryDirectory(prefix="eschool-beats-") as scratch:
        folder = Path(scratch)
        postgres = Postgres(folder / "postgres")
        if postgres.available:
            postgres.make()
            postgres.start()
        elif chosen.kind == "postgresql":
            print(json.dumps(None))
            return 0
        try:
            os.environ |= {
                "DJANGO_SETTINGS_MODULE": "portal.settings.base",
                "ESCHOOL_DATA_DIR": str(folder / "data"),
                "ARCHIVE_SEALS_FILE": str(folder / "seals.jsonl"),
                "DATABASE_URL": postgres.url
                if chosen.kind == "postgresql"
                else f"sqlite:///{folder}/school.sqlite3",
            }
            (folder / "data").mkdir()
            import logging

            import django

            django.setup()
            logging.disable(logging.WARNING)
            told = {"fold_beats_per_s": round(fold_speed())}
            told |= measure(chosen.kind, folder / "data", postgres, chosen.rounds, chosen.seconds)
            from django.db import connections

            connections.close_all()
        finally:
            if postgres.available:
                postgres.stop()
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
