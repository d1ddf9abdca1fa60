"""`./run drill archive`: phones hand in beats while web, fold, database, worker and broker are killed, again and again.

A history checker in the manner of Jepsen: each phone writes down what it sent and what was acknowledged, sends again
(in other batches) what was not, and in the end the log is read: every acknowledged beat is there, once, with the body
that was sent, and nothing is there that nobody sent. Then the states must be what the log folds to. The negative
control is the same door answering before the commit: if the checker found nothing missing there, it would prove
nothing. Everything runs as `./run` runs it, on PostgreSQL of the drill's own (or on SQLite). kill -9 cannot show
what power loss does; the order of system calls does (tests/courses/archive/test_ingest.py).

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
sys.path[:0] = [str(HERE), str(ROOT), str(ROOT / "site")]

from _postgres import Postgres, free_port  # noqa: E402
from _processes import descendants, family, program_of  # noqa: E402

BATCH_MOST = 60
START_PATIENCE_S = 180
HEAL_PATIENCE_S = 60


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Phone(threading.Thread):
    """One play session. `sent` and `acknowledged` are its history: seq → what was played, and the set of seqs."""

    def __init__(self, port: int, token: str, seed: int, ending: threading.Event) -> None:
        super().__init__(daemon=True)
        self.port, self.token, self.ending = port, token, ending
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
        start = self.chance.randint(0, 79_000_000)
        self.sent[seq] = (start, start + self.chance.randint(1, 3))
        self.waiting.append(seq)

    def _hand_in(self, seqs: list[int]) -> None:
        beats = [
            {"seq": seq, "intervals": [list(self.sent[seq])], "position_ms": self.sent[seq][1],
             "clock_ms": self.clock_ms + seq}
            for seq in self.chance.sample(seqs, len(seqs))
        ]  # fmt: skip
        body = json.dumps({"token": self.token, "beats": beats, "sent_ms": self.clock_ms + len(self.sent)})
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

    def tokens(self, number: int) -> list[str]:
        done = subprocess.run(
            [sys.executable, __file__, "--make", str(number)],
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
                ("web", "granian"),
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
            pids = [*pids, *descendants(family(), pids[0])]
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._restart_database()
            return wanted
        with suppress(ProcessLookupError):
            os.kill(chance.choice(pids), signal.SIGKILL)
        return wanted

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
    school: School, tokens: list[str], kills: int, beats: int, chance: random.Random
) -> tuple[list[Phone], Counter[str]]:
    """Phones play until `beats` are acknowledged and `kills` have been dealt out, then come to rest."""
    ending = threading.Event()
    phones = [Phone(school.port, token, chance.randrange(2**32), ending) for token in tokens]
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


def control(school: School, tokens: list[str], chance: random.Random) -> int:
    """The hasty door under the same checker: how many acknowledged beats it lost."""
    port = free_port()
    ending = threading.Event()
    lost = 0
    for attempt in range(5):
        web = subprocess.Popen(
            [sys.executable, "-m", "granian", "--interface", "asgi", "_lying_asgi:application", "--loop", "uvloop",
             "--port", str(port), "--workers", "1", "--no-ws", "--log-level", "error"],
            cwd=HERE, env=school.environment | {"PYTHONPATH": f"{HERE}:{school.environment['PYTHONPATH']}"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        ending.clear()
        phones = [Phone(port, token, chance.randrange(2**32), ending) for token in tokens[attempt::5]]
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
        sessions = {session_of(phone.token) for phone in phones}
        lost += check(phones, [row for row in school.log() if row[0] in sessions])["lost"]
        if lost:
            break
    return lost


def make(number: int) -> None:
    """Inside the school's settings: a lesson, members, and their play tokens as JSON on stdout."""
    import django

    django.setup()
    from courses.archive import api
    from courses.catalogue.models import LessonVersion
    from tests.factories import CourseFactory, LessonFactory, MemberFactory

    lesson = LessonFactory(parent=CourseFactory())
    version = LessonVersion.objects.create(
        lesson=lesson, number=99, duration_s=80_000, kind="LECTURE", title="第一讲"
    )
    print(json.dumps([api.play(MemberFactory(), version).token for _ in range(number)]))


def main(words: list[str]) -> int:
    asked = argparse.ArgumentParser(prog="./run drill archive", description=__doc__.splitlines()[0])
    asked.add_argument("--kills", type=int, default=50)
    asked.add_argument("--beats", type=int, default=500_000, help="acknowledged beats to reach")
    asked.add_argument("--phones", type=int, default=16)
    asked.add_argument("--database", choices=["postgresql", "sqlite"], default=None)
    asked.add_argument("--port", type=int, default=0)
    asked.add_argument("--seed", type=int, default=None)
    asked.add_argument("--make", type=int, default=0, help=argparse.SUPPRESS)
    chosen = asked.parse_args(words)
    if chosen.make:
        make(chosen.make)
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
            tokens = school.tokens(6 * chosen.phones)
            phones, killed = play(school, tokens[: chosen.phones], chosen.kills, chosen.beats, chance)
            told: dict[str, Any] = check(phones, school.log())
            told["waiting"] = sum(len(phone.waiting) for phone in phones)
            say("· the states must be what the log folds to …")
            school.manage("fold_beats", "--once")
            rebuilt = json.loads(school.manage("rebuild_archive", "--verify", "--json"))
            say("· the negative control …")
            told["control_lost"] = control(school, tokens[chosen.phones :], chance)
        finally:
            school.stop()
    refused = sum((phone.refused for phone in phones), Counter())
    print(
        f"{kind}: killed {dict(killed)}; answers other than 200: {dict(refused)}; {time.monotonic() - begun:.0f} s"
    )
    told |= {"kills": sum(killed.values()), "states": rebuilt["states"], "states_wrong": rebuilt["wrong"]}
    told |= {"database": kind, "seed": seed}
    print(json.dumps(told))
    good = not any(told[name] for name in ("lost", "doubled", "unsent", "altered", "waiting", "states_wrong"))
    return 0 if good and told["control_lost"] and told["acknowledged"] >= chosen.beats else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
