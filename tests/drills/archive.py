"""`./run drill archive`: phones hand in beats while web, fold, database, worker and broker are killed, again and again.

A history checker in the manner of Jepsen: each phone writes down what it sent and what was acknowledged, sends again
(in other batches) what was not, and in the end the log is read: every acknowledged beat is there, once, with the body
that was sent, and nothing is there that nobody sent. Three phones of four play their lesson forward to its end, each
one of another length, so that lessons are completed all through the run: the states must be what the log folds to,
and each completed lesson must have brought its hours once. The negative control is the same door answering before
the commit: it must lose some of what it acknowledged, but not all (a door that keeps nothing would prove nothing).
Everything runs as `./run` runs it, on PostgreSQL of the drill's own (or on SQLite). kill -9 cannot show what power
loss does; the order of system calls does (tests/courses/archive/test_ingest.py).

The last line is JSON: {"acknowledged", "lost", "doubled", "kills", "control_lost", …}; exit code 1 when it failed.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "site"), str(HERE)]  # our search.py after the room of that name

from _postgres import Postgres, free_port  # noqa: E402
from _processes import descendants, family, program_of  # noqa: E402

BATCH_MOST = 60
START_PATIENCE_S = 180
HEAL_PATIENCE_S = 60
STEP_S = 15
LESSON_S = (300, 36_000)
"""Lessons that are played forward are at least and at most as long; their tokens are older than the longest, since the
server's clock bounds what counts."""
OTHER_S = 80_000
"""The lesson of phones that play a moment here and a moment there."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


Play = tuple[str, int]
"""A play token, and the length of its lesson in seconds."""


class Phone(threading.Thread):
    """One play session. `sent` and `acknowledged` are its history: seq → what was played, and the set of seqs."""

    def __init__(self, port: int, play: Play, seed: int, ending: threading.Event) -> None:
        super().__init__(daemon=True)
        self.port, self.ending = port, ending
        self.token, self.length_ms, self.forward = play[0], play[1] * 1000, play[1] != OTHER_S
        self.position_ms = 0
        self.clocks: dict[int, int] = {}
        self.first: set[int] = set()
        """What the first answer acknowledged: Django's own, since a session's first beats take the lease."""
        self.chance = random.Random(seed)
        self.sent: dict[int, tuple[int, int]] = {}
        self.acknowledged: set[int] = set()
        self.waiting: list[int] = []
        self.refused: Counter[str] = Counter()
        self.clock_ms = int(time.time() * 1000)
        self.connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        while not self.ending.is_set():
            for _ in range(self.chance.randint(0, BATCH_MOST)):
                if len(self.waiting) < 200:
                    self._make()
            if self.waiting:
                self._hand_in(self.waiting[: self.chance.randint(1, len(self.waiting))])

    def finish(self, patience_s: float) -> None:
        """Hand in what waits, as a phone does that comes back into the network."""
        until = time.monotonic() + patience_s
        while self.waiting and time.monotonic() < until:
            self._hand_in(self.waiting[:200])

    def _make(self) -> None:
        seq = len(self.sent)
        if self.forward:
            start = 0 if self.position_ms >= self.length_ms else self.position_ms
            end = self.position_ms = min(start + STEP_S * 1000, self.length_ms)
        else:
            start = self.chance.randint(0, self.length_ms - 1000)
            end = start + self.chance.randint(1, 3)
        self.clock_ms += end - start
        self.sent[seq], self.clocks[seq] = (start, end), self.clock_ms
        self.waiting.append(seq)

    def _hand_in(self, seqs: list[int]) -> None:
        beats = [
            {"seq": seq, "intervals": [list(self.sent[seq])], "position_ms": self.sent[seq][1],
             "clock_ms": self.clocks[seq]}
            for seq in self.chance.sample(seqs, len(seqs))
        ]  # fmt: skip
        body = json.dumps({"token": self.token, "beats": beats, "sent_ms": self.clock_ms})
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
            self.connection.request("POST", "/api/archive/beats", body, {"Content-Type": "application/json"})
            answer = self.connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException):
            self.connection = None
            time.sleep(self.chance.uniform(0.05, 0.3))
            return
        if answer.status == 200:
            told = json.loads(said)
            self.acknowledged.update(told["accepted"], told["duplicates"])
            self.first = self.first or set(self.acknowledged)
            self.waiting = [seq for seq in self.waiting if seq not in self.acknowledged]
        else:
            # 503 is «come again»; 500 may come from a page that was killed with its database.
            self.refused[str(answer.status)] += 1
            time.sleep(self.chance.uniform(0.05, 0.3))


class School:
    """`./run` without demonstration, and the PostgreSQL behind it."""

    def __init__(self, folder: Path, kind: str, port: int) -> None:
        self.folder, self.kind, self.port = folder, kind, port
        self.postgres = Postgres(folder / "postgres")
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("BROKER_URL", "CACHE_URL", "ESCHOOL_MODE", "DATABASE_URL", "BASE_URL", "PORT")
        } | {
            "DJANGO_SETTINGS_MODULE": "portal.settings.base",
            "ESCHOOL_DATA_DIR": str(folder / "data"),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'site'}",
        }
        if kind == "postgresql":
            self.postgres.make()
            self.postgres.start()
            self.environment["DATABASE_URL"] = self.postgres.url
        self.launcher: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.launcher = subprocess.Popen(
            [sys.executable, "-m", "portal.launch", "serve", "--no-demonstration", "--port", str(self.port),
             "--data", str(self.folder / "data")],
            cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        ready = threading.Event()
        threading.Thread(target=self._read, args=(self.launcher, ready), daemon=True).start()
        if not ready.wait(START_PATIENCE_S):
            raise RuntimeError("the school did not start:\n" + "".join(self.said[-20:]))

    said: list[str] = []

    def _read(self, launcher: subprocess.Popen[str], ready: threading.Event) -> None:
        assert launcher.stdout is not None
        for line in launcher.stdout:
            self.said.append(line)
            if line.startswith("ready "):
                ready.set()

    def manage(self, *words: str) -> str:
        return subprocess.run(
            [sys.executable, str(ROOT / "site" / "manage.py"), *words],
            env=self.environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        ).stdout  # fmt: skip

    def plays(self, lengths: list[int]) -> list[Play]:
        """A member and a play token for each lesson length."""
        made = self._inside("--make", json.dumps(lengths))
        return [(token, length) for token, length in zip(made, lengths, strict=True)]

    def hours(self) -> dict[str, int]:
        """What the ledger says of completed lessons (`hours` below)."""
        return self._inside("--hours")

    def _inside(self, *words: str) -> Any:
        done = subprocess.run(
            [sys.executable, __file__, *words],
            env=self.environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        return json.loads(done.stdout.splitlines()[-1])

    def victims(self) -> dict[str, list[int]]:
        """By what they are: processes that may be killed now."""
        assert self.launcher is not None
        known = family()
        found: dict[str, list[int]] = {}
        for pid in descendants(known, self.launcher.pid):
            program = program_of(pid)
            mother = program_of(known[pid][0])
            for name, mark in (
                ("web", "portal.serve"),
                ("fold", "fold_beats"),
                ("worker", "worker@"),
                ("broker", "portal.launch broker"),
            ):
                if mark in program or mark in mother:
                    found.setdefault(name, []).append(pid)
        if self.kind == "postgresql":
            found["database"] = [self.postgres.pid]
        return found

    def kill(self, chance: random.Random) -> str:
        """kill -9 of one process, or of the whole database; what it was, or "" when there was nobody."""
        victims = self.victims()
        wanted = chance.choice(["web", "web", "web", "fold", "worker", "broker", "database", "database"])
        if wanted not in victims:
            wanted = "web"
        if wanted not in victims:
            return ""
        pids = victims[wanted]
        if wanted == "database":
            struck = is_alive(pids[0])
            pids = [*pids, *descendants(family(), pids[0])]
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._restart_database()
            return wanted if struck else ""
        pids = [pid for pid in pids if is_alive(pid)]
        if not pids:
            return ""
        with suppress(ProcessLookupError):
            os.kill(chance.choice(pids), signal.SIGKILL)
            return wanted
        return ""

    def _restart_database(self) -> None:
        for _ in range(40):
            time.sleep(0.3)
            try:
                self.postgres.start()
                return
            except subprocess.CalledProcessError:
                continue
        raise RuntimeError("the database did not start again")

    def stop(self) -> None:
        if self.launcher is not None:
            self.launcher.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.launcher.wait(60)
            self.launcher = None
        if self.kind == "postgresql":
            self.postgres.stop()

    def state(self) -> str:
        """What runs and what it said last, for whoever has to find out why it does not."""
        assert self.launcher is not None
        known = family()
        running = [
            f"{pid} of {known[pid][0]}: {program_of(pid)}" for pid in descendants(known, self.launcher.pid)
        ]
        return "\n".join([*running, *map(str.rstrip, self.said[-60:])])

    def log(self) -> list[tuple[str, int, bytes]]:
        """(session in hex, seq, packed body) of every beat, read past Django."""
        sql = "SELECT session, seq, body FROM archive_beat"
        if self.kind == "postgresql":
            import psycopg

            with psycopg.connect(self.postgres.url.replace("postgres://", "postgresql://")) as database:
                return [(one.hex, seq, bytes(body)) for one, seq, body in database.execute(sql)]
        import sqlite3

        with sqlite3.connect(self.folder / "data" / "eschool.sqlite3") as database:
            return database.execute(sql).fetchall()


def is_alive(pid: int) -> bool:
    """Whether the process runs: a dead one whose mother has not looked yet is still listed, and takes signals."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def session_of(token: str) -> str:
    """The session in a play token (tokens.issue): what the phone was told with it."""
    import base64

    payload = token.split(":")[0]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["s"]


def check(phones: list[Phone], log: list[tuple[str, int, bytes]]) -> dict[str, int]:
    """What the history and the log say of each other."""
    from struct import unpack

    kept = Counter((session, seq) for session, seq, _body in log)
    bodies = {(session, seq): body for session, seq, body in log}
    told = {"acknowledged": 0, "lost": 0, "doubled": 0, "unsent": 0, "altered": 0}
    mine = 0
    for phone in phones:
        session = session_of(phone.token)
        told["acknowledged"] += len(phone.acknowledged)
        told["lost"] += sum((session, seq) not in kept for seq in phone.acknowledged)
        for seq, (start, end) in phone.sent.items():
            body = bodies.get((session, seq))
            if body is not None:
                mine += kept[session, seq]
                _tag, kept_start, kept_end, _clock = unpack("<BIIQ", body)
                told["altered"] += (kept_start, kept_end) != (start, end)
    told["doubled"] = sum(number - 1 for number in kept.values())
    told["unsent"] = len(log) - mine
    return told


def play(
    school: School, plays: list[Play], kills: int, beats: int, chance: random.Random
) -> tuple[list[Phone], Counter[str]]:
    """Phones play until `beats` are acknowledged and `kills` have been dealt out, then come to rest."""
    ending = threading.Event()
    phones = [Phone(school.port, one, chance.randrange(2**32), ending) for one in plays]
    for phone in phones:
        phone.start()
    killed: Counter[str] = Counter()
    told = 0
    while sum(killed.values()) < kills or _acknowledged(phones) < beats:
        if sum(killed.values()) < kills:
            _wait_for_progress(phones, chance)
            what = school.kill(chance)
            if what:
                killed[what] += 1
        else:
            time.sleep(0.2)
        if sum(killed.values()) >= told + 10:
            told = sum(killed.values())
            say(f"  {told} kills, {_acknowledged(phones):,} beats acknowledged")
    ending.set()
    for phone in phones:
        phone.join(30)
    for phone in phones:
        phone.finish(HEAL_PATIENCE_S)
    return phones, killed


def _acknowledged(phones: list[Phone]) -> int:
    return sum(len(phone.acknowledged) for phone in phones)


def _wait_for_progress(phones: list[Phone], chance: random.Random) -> None:
    """Until beats are acknowledged again, and then for a moment of chance: kills are to hit work, not rest."""
    before, until = _acknowledged(phones), time.monotonic() + HEAL_PATIENCE_S
    while _acknowledged(phones) <= before:
        if time.monotonic() > until:
            raise RuntimeError(f"nothing was acknowledged for {HEAL_PATIENCE_S} s")
        time.sleep(0.01)
    time.sleep(chance.uniform(0.0, 1.0))


def control(school: School, plays: list[Play], chance: random.Random) -> tuple[int, int]:
    """The hasty door under the same checker: how many beats it lost, of how many that it acknowledged by itself."""
    port = free_port()
    ending = threading.Event()
    lost = told = 0
    for attempt in range(5):
        web = subprocess.Popen(
            [sys.executable, "-m", "portal.serve", "--application", "_lying_asgi:application",
             "--port", str(port), "--workers", "1"],
            # This folder last: its search.py must not stand before the room of that name.
            cwd=ROOT, env=school.environment | {"PYTHONPATH": f"{school.environment['PYTHONPATH']}:{HERE}"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        ending.clear()
        phones = [Phone(port, one, chance.randrange(2**32), ending) for one in plays[attempt::5]]
        try:
            for phone in phones:
                phone.start()
            until = time.monotonic() + HEAL_PATIENCE_S
            while _acknowledged(phones) < 2000 and time.monotonic() < until:
                time.sleep(0.02)
        finally:
            os.killpg(web.pid, signal.SIGKILL)
            web.wait()
            ending.set()
        for phone in phones:
            phone.join(30)
        kept = {(session, seq) for session, seq, _body in _log_at_rest(school)}
        hasty = [(session_of(one.token), seq) for one in phones for seq in one.acknowledged - one.first]
        told, lost = len(hasty), sum(beat not in kept for beat in hasty)
        if 0 < lost < told:
            break
    return lost, told


def _log_at_rest(school: School) -> list[tuple[str, int, bytes]]:
    """The log when nothing is being committed any more: the database may be at work for somebody who was killed."""
    before, log = -1, school.log()
    while len(log) != before:
        before = len(log)
        time.sleep(0.5)
        log = school.log()
    return log


def make(lengths: list[int]) -> None:
    """Inside the school's settings: a lesson of each length, members, and their play tokens as JSON on stdout."""
    import django

    django.setup()
    from datetime import timedelta

    from django.utils import timezone

    from courses.archive import api
    from courses.catalogue.models import LessonVersion
    from tests.factories import CourseFactory, LessonFactory, MemberFactory

    course = CourseFactory()
    versions = {
        length: LessonVersion.objects.create(
            lesson=LessonFactory(parent=course),
            number=99,
            duration_s=length,
            kind="LECTURE",
            title="第一讲",
            carry="AGAIN",
        )
        for length in sorted(set(lengths))
    }
    opened_at = timezone.now() - timedelta(seconds=LESSON_S[1] + 600)
    print(
        json.dumps([api.play(MemberFactory(), versions[length], now=opened_at).token for length in lengths])
    )


def hours() -> None:
    """Inside the school's settings: completed lessons, and those whose hours are not in the ledger exactly once."""
    import django

    django.setup()
    from courses.archive.models import LessonState, StudyHourEntry

    completed = Counter(LessonState.objects.exclude(completed_at=None).values_list("member_id", "version_id"))
    credited = Counter(StudyHourEntry.objects.values_list("member_id", "lesson_version_id"))
    wrong = sum(completed[one] != credited[one] for one in completed | credited)
    print(json.dumps({"completed": completed.total(), "hours_wrong": wrong}))


def lengths_for(phones: int, beats: int) -> list[int]:
    """Lesson lengths: three of four are played forward, the longest is through when half the beats are in."""
    longest = min(max(LESSON_S[0], beats // phones // 2 * STEP_S), LESSON_S[1])
    return [
        OTHER_S if place % 4 == 3 else max(LESSON_S[0], longest * (place + 1) // phones)
        for place in range(phones)
    ]


def main(words: list[str]) -> int:
    asked = argparse.ArgumentParser(prog="./run drill archive", description=__doc__.splitlines()[0])
    asked.add_argument("--kills", type=int, default=50)
    asked.add_argument("--beats", type=int, default=500_000, help="acknowledged beats to reach")
    asked.add_argument("--phones", type=int, default=16)
    asked.add_argument("--database", choices=["postgresql", "sqlite"], default=None)
    asked.add_argument("--port", type=int, default=0)
    asked.add_argument("--seed", type=int, default=None)
    asked.add_argument("--make", type=json.loads, default=None, help=argparse.SUPPRESS)
    asked.add_argument("--hours", action="store_true", help=argparse.SUPPRESS)
    chosen = asked.parse_args(words)
    if chosen.make or chosen.hours:
        hours() if chosen.hours else make(chosen.make)
        return 0
    seed = random.randrange(2**32) if chosen.seed is None else chosen.seed
    chance = random.Random(seed)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="eschool-drill-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        kind = chosen.database or ("postgresql" if Postgres(folder).available else "sqlite")
        school = School(folder, kind, chosen.port or free_port())
        try:
            say(f"· {kind}, seed {seed}: starting the school …")
            school.start()
            lengths = lengths_for(chosen.phones, chosen.beats)
            plays = school.plays([*lengths, *[OTHER_S] * (5 * chosen.phones)])
            try:
                phones, killed = play(school, plays[: chosen.phones], chosen.kills, chosen.beats, chance)
            except RuntimeError:
                say(school.state())
                raise
            told: dict[str, Any] = check(phones, school.log())
            told["waiting"] = sum(len(phone.waiting) for phone in phones)
            say("· the states must be what the log folds to …")
            school.manage("fold_beats", "--once")
            rebuilt = json.loads(school.manage("rebuild_archive", "--verify", "--json"))
            told |= school.hours()
            say("· the negative control …")
            told["control_lost"], told["control_acknowledged"] = control(
                school, plays[chosen.phones :], chance
            )
        finally:
            school.stop()
    refused = sum((phone.refused for phone in phones), Counter())
    print(
        f"{kind}: killed {dict(killed)}; answers other than 200: {dict(refused)}; {time.monotonic() - begun:.0f} s"
    )
    told |= {"kills": sum(killed.values()), "states": rebuilt["states"], "states_wrong": rebuilt["wrong"]}
    told |= {"database": kind, "seed": seed}
    print(json.dumps(told))
    forward = sum(length != OTHER_S for length in lengths)
    none = ("lost", "doubled", "unsent", "altered", "waiting", "states_wrong", "hours_wrong")
    good = (
        not any(told[name] for name in none)
        and 0 < told["control_lost"] < told["control_acknowledged"]
        and told["acknowledged"] >= chosen.beats
        and told["completed"] * 2 >= forward > 0
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
