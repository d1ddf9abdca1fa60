"""`./run bench archive`: what the archive takes in and what that costs; how long verifying a million entries takes.

First the ingest, for SQLite and PostgreSQL (_beats.py; a PostgreSQL of its own, and raw one-row commits before, between
and after in the same run); its keys are those of PostgreSQL, with `_sqlite` those of SQLite. Then the verification, and
what a member's archive page costs:

Progress goes to stderr, a table to stdout, and the very last line is one JSON object. The ledger is made in a
SQLite file of its own, or in the empty database of BENCH_DATABASE_URL: members who study through a year, one
entry in a hundred taken back, a seal each month. It is read by `api.verify`, the door's own; the median of the
runs counts, in CPU seconds of this one process: with SQLite that is all there is, and wall seconds of a busy
machine lie (they stand beside; with PostgreSQL the server's own work is in them alone). `--small` makes 3,000 entries: it
shows that the benchmark works, its figure means nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [
    str(HERE.parents[1]),
    str(HERE.parents[1] / "site"),
    str(HERE),
]  # search is the room, not our file

START = datetime(2026, 1, 1, tzinfo=UTC)
AT_ONCE = 3000


class Year:
    """A year of study, member after member in turn: neighbours in the table belong to different chains."""

    def __init__(self, entries: int, members: int) -> None:
        from courses.archive import chain

        self.entries, self.members = entries, members
        self.ends = {member: (0, chain.genesis(member)) for member in range(1, members + 1)}
        self.waiting: list[Any] = []
        self.to_take_back: list[Any] = []

    def write(self) -> None:
        from _measured import say

        from courses.archive import api

        month = max(1, self.entries // 12)
        for number in range(1, self.entries + 1):
            at = START + timedelta(seconds=number * 364 * 86400 / self.entries)
            if self.to_take_back:
                self._append(self._reversal(self.to_take_back.pop(), at))
            else:
                self._append(self._entry(number, at))
            if len(self.waiting) == AT_ONCE:
                self._store()
                self.to_take_back = [one for one in self.waiting[::100] if not one.reversal_of_id]
                self.waiting = []
            if number % month == 0:
                self._store()
                self.waiting = []
                self._store_ends()
                api.seal(at.date(), now=at + timedelta(minutes=1))
                say(f"  {number:,} of {self.entries:,} entries written, sealed as {at.date()}")
        self._store()
        self._store_ends()

    def _entry(self, number: int, at: datetime) -> Any:
        from courses.archive.models import StudyHourEntry

        return StudyHourEntry(
            member_id=number * 7919 % self.members + 1, year=2026, mode="SELF_ONLINE", hours=Decimal("0.50"),
            title=f"第{number % 400}讲 学习贯彻党的创新理论", provider="中共青溪县委党校",
            lesson_version_id=number % 400 + 1, credit_key=f"lesson:{number}", started_at=at - timedelta(minutes=45),
            finished_at=at, published_duration_s=2712, verified_coverage=Decimal("0.9876"),
            rule_version="TIER_YN@2026-01-01#1", organization_code="530100001002003",
            organization_name="中共青溪县桂花社区第一支部委员会", evidence_type="beats",
            evidence_id="5b0cbb6e-3c0a-4c39-9a40-0d3f1c1f6f0e", evidence_hash="0f" * 32, recorded_at=at,
        )  # fmt: skip

    def _reversal(self, entry: Any, at: datetime) -> Any:
        from courses.archive.models import StudyHourEntry

        return StudyHourEntry(
            member_id=entry.member_id, year=2026, mode=entry.mode, hours=-entry.hours, title=entry.title,
            provider=entry.provider, lesson_version_id=entry.lesson_version_id, finished_at=entry.finished_at,
            rule_version=entry.rule_version, organization_code=entry.organization_code,
            organization_name=entry.organization_name, reversal_of=entry, reason="登记有误", recorded_at=at,
        )  # fmt: skip

    def _append(self, entry: Any) -> None:
        from courses.archive import chain

        values = {name: getattr(entry, name) for name in chain.FIELDS if name != "reversal_of"}
        values["reversal_of"] = entry.reversal_of.uuid if entry.reversal_of_id else None
        seq, link = self.ends[entry.member_id]
        entry.chain_seq, entry.link = seq + 1, chain.link(link, chain.content(values))
        self.ends[entry.member_id] = (entry.chain_seq, entry.link)
        self.waiting.append(entry)

    def _store(self) -> None:
        from django.db import transaction

        from courses.archive.models import StudyHourEntry

        with transaction.atomic():
            StudyHourEntry.objects.bulk_create(self.waiting)

    def _store_ends(self) -> None:
        from django.db import transaction

        from courses.archive.models import LearningArchive

        with transaction.atomic():
            LearningArchive.objects.bulk_create(
                [
                    LearningArchive(member_id=member, created_at=START, chain_seq=seq, chain_link=link)
                    for member, (seq, link) in self.ends.items()
                    if seq
                ],
                update_conflicts=True,
                unique_fields=["member"],
                update_fields=["chain_seq", "chain_link"],
            )


def statement_cpu_ms(requests: int) -> float:
    """CPU milliseconds of one POST of one statement to /xapi/statements through the whole WSGI application.

    The median of ten rounds; agents and activities repeat as they do in life, ids do not.
    """
    import base64
    import io
    import uuid

    from django.core.wsgi import get_wsgi_application

    from courses.archive.xapi import api

    api.add_client("bench", scopes="all", key="bench", secret="bench", requests_per_minute=1_000_000)
    application = get_wsgi_application()
    authorization = "Basic " + base64.b64encode(b"bench:bench").decode()

    def post(number: int) -> None:
        body = json.dumps(
            {
                "id": str(uuid.uuid4()),
                "actor": {
                    "account": {"homePage": "http://example.com", "name": str(number % 500)},
                    "name": "学员",
                },
                "verb": {"id": "http://adlnet.gov/expapi/verbs/completed", "display": {"zh-CN": "完成了"}},
                "object": {
                    "id": f"http://example.com/lessons/{number % 40}",
                    "definition": {
                        "name": {"zh-CN": f"第{number % 40}讲"},
                        "type": "http://example.com/types/lesson",
                    },
                },
                "result": {"score": {"scaled": 0.9}, "completion": True, "duration": "PT45M"},
                "context": {
                    "registration": str(uuid.UUID(int=number % 500)),
                    "contextActivities": {"category": [{"id": "https://w3id.org/xapi/video"}]},
                },
                "timestamp": "2026-09-30T09:00:00.000Z",
            }
        ).encode()
        environ = {
            "REQUEST_METHOD": "POST", "PATH_INFO": "/xapi/statements", "QUERY_STRING": "", "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr,
            "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": "application/json",
            "HTTP_AUTHORIZATION": authorization, "HTTP_X_EXPERIENCE_API_VERSION": "1.0.3",
        }  # fmt: skip
        told: list[str] = []
        answer = application(environ, lambda status, headers, *_: told.append(status))
        content = b"".join(answer)
        answer.close()
        if not told[0].startswith("200"):
            raise RuntimeError(f"{told[0]}: {content[:200]!r}")

    for number in range(50):
        post(number)
    costs = []
    for _round in range(10):
        spent = time.process_time()
        for number in range(requests // 10):
            post(number)
        costs.append((time.process_time() - spent) * 1000 / (requests // 10))
    return statistics.median(costs)


def main(words: list[str]) -> int:
    asked = argparse.ArgumentParser(prog="./run bench archive", description=__doc__.splitlines()[0])
    asked.add_argument("--small", action="store_true", help="3,000 entries, one run: shows that it works")
    asked.add_argument("--entries", type=int, default=1_000_000)
    asked.add_argument("--members", type=int, default=20_000)
    asked.add_argument("--runs", type=int, default=3)
    asked.add_argument("--rounds", type=int, default=7, help="slices of time of the ingest")
    asked.add_argument("--only", choices=["ingest", "ledger"], default=None)
    chosen = asked.parse_args(words)
    told = (
        ingest(1 if chosen.small else chosen.rounds, 0.5 if chosen.small else 2.0)
        if chosen.only != "ledger"
        else {}
    )
    if chosen.only != "ingest":
        told |= ledger(chosen)
    print(json.dumps(told))
    return 0


KEYS = (
    *("beats_vs_raw", "batch10_vs_raw", "cpu_ms_per_beat", "p95_ms_c64", "fold_beats_per_s"),
    *("member_year_bytes", "fold_behind_s", "beats_per_s", "raw_per_s", "raw_before", "raw_after"),
)


def ingest(rounds: int, seconds: float) -> dict[str, Any]:
    """The figures of _beats.py for both databases."""
    told: dict[str, Any] = {}
    for kind, ending in (("sqlite", "_sqlite"), ("postgresql", "")):
        done = subprocess.run(
            [
                sys.executable,
                str(HERE / "_beats.py"),
                kind,
                "--rounds",
                str(rounds),
                "--seconds",
                str(seconds),
            ],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        *shown, last = done.stdout.splitlines()
        print("\n".join(line for line in shown if " | " not in line), flush=True)
        figures = json.loads(last) or {}
        told |= {key + ending: figures.get(key) for key in KEYS}
    return told


def ledger(chosen: argparse.Namespace) -> dict[str, Any]:
    """How long the verification takes."""
    entries, members, runs = (3000, 60, 1) if chosen.small else (chosen.entries, chosen.members, chosen.runs)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="eschool-bench-") as scratch:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "portal.settings.base",
            "ESCHOOL_DATA_DIR": f"{scratch}/data",
            "DATABASE_URL": os.environ.get("BENCH_DATABASE_URL") or f"sqlite:///{scratch}/bench.sqlite3",
            "ARCHIVE_SEALS_FILE": f"{scratch}/seals.jsonl",
        }
        import django

        django.setup()
        import _archive_page
        from _measured import say, table
        from django.core.management import call_command
        from django.db import connection

        from courses.archive import api

        call_command("migrate", verbosity=0)
        if api.verify().entries:
            raise SystemExit("the database is not empty")
        say(f"writing {entries:,} entries of {members:,} members …")
        Year(entries, members).write()
        rows: list[list[object]] = [["run", "entries", "seals", "findings", "wall s", "CPU s"]]
        costs = []
        for run in range(1, runs + 1):
            say(f"verifying, {run}/{runs} …")
            begun, spent = time.monotonic(), time.process_time()
            seen = api.verify()
            costs.append(time.process_time() - spent)
            wall = time.monotonic() - begun
            rows.append(
                [run, seen.entries, seen.seals, len(seen.findings), f"{wall:.2f}", f"{costs[-1]:.2f}"]
            )
            if seen.entries != entries or not seen.whole:
                raise RuntimeError(f"a clean ledger did not verify: {seen.findings[:3]}")
        print(
            f"{date.today()}, {os.cpu_count()} cores, {platform.machine()}, {connection.vendor}, {entries:,} entries, "
            f"{members:,} members; to reach: below 10 s for 1,000,000"
        )
        table(rows)
        figures["verify_1m_s"] = round(statistics.median(costs) * 1_000_000 / entries, 2)
        figures |= _archive_page.measure(small=chosen.small)
        say("posting statements …")
        figures["statement_cpu_ms"] = round(statement_cpu_ms(200 if chosen.small else 5000), 2)
        print(f"one statement by POST: {figures['statement_cpu_ms']:.2f} ms CPU; to reach: at most 5 ms")
        connection.close()
    return figures


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
