"""`./run drill search`: saves at full speed while worker, broker and rebuilds are killed, again and again; nothing is lost.

    ./run drill search [--saves 10000] [--kills 20] [--engine tantivy|elasticsearch] [--database sqlite|postgresql]

A school without its web server, as ./run starts it, in a folder of its own: embedded Valkey, the Celery worker that keeps
the index, the scheduler. Another process edits, publishes, withdraws, moves, deletes, makes and opens pages and moves
organisations, while the worker (all of it, or only the hand that writes), the broker and rebuilds are killed with -9 at
random moments and started again, as ./run does; with --engine elasticsearch its server too. When the outbox is empty
every document of every kind must lie in the index as the database says it. Then: how
long a change takes from its commit until readers see it, with and without a rebuild going on. Controls that show the
checker can fail: an index that was tampered with, and an editor who dies between the commit and a row that is written
only after it (the real one dies at the same moment and loses nothing).

Progress goes to stderr, a table to stdout, last a line of JSON: {"saves", "kills", "lost", "stale", "ghosts", …}.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "site"), str(HERE)]  # our search.py after the room of that name

from _postgres import Postgres  # noqa: E402
from _processes import descendants, family, program_of  # noqa: E402

PATIENCE_S = 600
RESTART_PAUSE_S = 2
"""As ./run."""
COURSES, LESSONS, POLICIES, BRANCHES = 4, 5, 24, 4
THICK, THICK_CHARACTERS = 24, 60_000
"""Long texts that nobody edits: they make a rebuild last."""
SAMPLES = 40


STARTED = time.monotonic()


def say(text: str) -> None:
    print(f"{time.monotonic() - STARTED:6.1f} s  {text}", file=sys.stderr, flush=True)


class Supervised:
    """One process that is started again some seconds after it died."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.name, self.command, self.environment, self.log = name, command, environment, log
        self.process: subprocess.Popen[bytes] | None = None
        self.down_since: float | None = None

    def look_after(self) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                return
            self.down_since = self.down_since or time.monotonic()
            if time.monotonic() - self.down_since < RESTART_PAUSE_S:
                return
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command, env=self.environment, cwd=ROOT, stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        self.down_since = None

    def stop(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Server:
    """A real Elasticsearch, started again as soon as it died (tests/search/elasticsearch_node.py)."""

    def __init__(self, home: Path) -> None:
        from tests.search import elasticsearch_node

        if reason := elasticsearch_node.missing():
            raise SystemExit(f"不能启动 Elasticsearch：{reason}")
        self._make, self._home = elasticsearch_node.Node, home
        self._port, self._transport = elasticsearch_node.free_ports(2)
        self.url = f"http://127.0.0.1:{self._port}"
        self._node = self._start()
        self._node.wait()

    def _start(self) -> Any:
        return self._make(self._home, self._port, f"transport.port={self._transport}")

    def look_after(self) -> None:
        if self._node.process.poll() is not None:
            self._node = self._start()

    def kill(self) -> bool:
        if self._node.process.poll() is not None:
            return False
        self._node.kill()
        return True

    def stop(self) -> None:
        self._node.stop()

    def indexes(self) -> set[str]:
        asked = f"{self.url}/_alias/eschool"
        with urllib.request.urlopen(
            f"{self.url}/_cat/indices/eschool.v*?format=json&h=index", timeout=10
        ) as told:
            made = {one["index"] for one in json.load(told)}
        with urllib.request.urlopen(asked, timeout=10) as told:
            return made - set(json.load(told))


class School:
    """The processes of a school in `data`, and the editor who saves."""

    def __init__(self, data: Path, environment: dict[str, str], server: Server | None) -> None:
        self.data, self.environment, self.server = data, environment, server
        self._before: set[str] = set()
        celery = [sys.executable, "-m", "celery", "--quiet", "-A", "portal.celery"]
        worker = [*celery, "worker", "--loglevel=warning", "--without-gossip", "--without-mingle"]
        commands = {
            "broker": [sys.executable, "-m", "portal.launch", "broker"],
            "worker": [*worker, "--concurrency=1", "-Q", "default,search", "-n", "worker@%h"],
            "scheduler": [*celery, "beat", "-s", str(data / "schedule"), "--pidfile=", "-l", "warning"],
        }
        self.children = {
            name: Supervised(name, command, environment, data / f"{name}.log")
            for name, command in commands.items()
        }

    def look_after(self) -> None:
        if self.server is not None:
            self.server.look_after()
        for child in self.children.values():
            child.look_after()

    def wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.look_after()
            time.sleep(min(0.05, left))

    def stop(self) -> None:
        for child in self.children.values():
            child.stop()

    def run(self, *words: str, **more: Any) -> subprocess.Popen[str]:
        """This file once more, as another process of the school."""
        return subprocess.Popen(
            [sys.executable, __file__, *words],
            env=self.environment, cwd=ROOT, text=True, stdin=subprocess.DEVNULL, **more,
        )  # fmt: skip

    def rebuild(self) -> subprocess.Popen[bytes]:
        self._before = self._indexes()
        return subprocess.Popen(
            [sys.executable, str(ROOT / "site" / "manage.py"), "rebuild_search"],
            env=self.environment, cwd=ROOT, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=(self.data / "rebuild.log").open("ab"),
        )  # fmt: skip

    def is_writing(self) -> bool:
        """Whether somebody holds the writer's lock of the embedded engine."""
        with (self.data / "search" / "writer.lock").open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _indexes(self) -> set[str]:
        """Indexes that are there and not in use."""
        if self.server is not None:
            with contextlib.suppress(OSError, ValueError):
                return self.server.indexes()
            return set()
        used = (self.data / "search" / "CURRENT").read_text().strip()
        return {path.name for path in (self.data / "search").glob("index-*")} - {used}

    def is_rebuilding(self) -> bool:
        """Whether the rebuild that was started last writes a new index, and has not swapped yet."""
        return bool(self._indexes() - self._before)

    def kill(self, kind: str, chance: random.Random) -> bool:
        """kill -9 of the broker, of the whole worker, or only of its hand; False when there is nobody."""
        if kind == "server":
            return self.server is not None and self.server.kill()
        child = self.children["worker" if kind == "hand" else kind].process
        if child is None or child.poll() is not None:
            return False
        known = family()
        below = descendants(known, child.pid)
        hand = [pid for pid in below if "worker@" in program_of(pid)]
        victims = hand if kind == "hand" else [child.pid, *below]
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return bool(victims)


# The editor: a process of its own


def save(number: int, seed: int) -> None:
    """Do `number` saves; what was done goes to stdout, line by line."""
    from django.db import transaction

    chance = random.Random(seed)
    ways = {
        edit: 50, publish: 14, withdraw: 8, publish_again: 8, move: 4, delete: 3, make: 3, open_to: 6, reorganise: 2, readdress: 2
    }  # fmt: skip
    for done in range(number):
        way = chance.choices(list(ways), list(ways.values()))[0]
        with transaction.atomic():
            way(chance, done)
        print(way.__name__, flush=True)


def _any(chance: random.Random, *models: Any, **which: Any) -> Any:
    model = chance.choice(models)
    numbers = list(
        model.objects.filter(**which).exclude(title__startswith="长文").values_list("pk", flat=True)
    )
    return model.objects.get(pk=chance.choice(numbers)) if numbers else None


def edit(chance: random.Random, number: int) -> None:
    from courses.catalogue.models import Course, Lesson, Policy

    page = _any(chance, Course, Lesson, Lesson, Policy, Policy)
    page.title = f"第{number}稿 {page.title.split(' ')[-1]}"
    page.save()


def publish(chance: random.Random, number: int) -> None:
    from courses.catalogue.models import Lesson, Policy

    page = _any(chance, Lesson, Policy)
    page.summary = f"发布第{number}次"
    page.save_revision().publish()


def withdraw(chance: random.Random, number: int) -> None:
    from wagtail.models import Page

    from courses.catalogue.models import Course, Lesson, Policy

    page = _any(chance, Course, Lesson, Policy, live=True)
    if page is not None:
        Page.objects.get(pk=page.pk).unpublish()


def publish_again(chance: random.Random, number: int) -> None:
    from courses.catalogue.models import Course, Lesson, Policy

    page = _any(chance, Course, Lesson, Policy, live=False)
    if page is not None:
        page.save_revision().publish()


def move(chance: random.Random, number: int) -> None:
    from courses.catalogue.models import Course, Lesson

    lesson, course = _any(chance, Lesson), _any(chance, Course)
    lesson.slug = f"moved-{number}"
    lesson.save()
    lesson.move(course, pos="last-child")


def delete(chance: random.Random, number: int) -> None:
    from wagtail.models import Page

    from courses.catalogue.models import Policy

    if Policy.objects.exclude(title__startswith="长文").count() > POLICIES // 2:
        Page.objects.get(pk=_any(chance, Policy).pk).delete()


def make(chance: random.Random, number: int) -> None:
    from tests.factories import PolicyFactory

    PolicyFactory(title=f"新文件{number}", slug=f"new-{number}-{chance.randrange(10**9)}")


def open_to(chance: random.Random, number: int) -> None:
    from courses.catalogue.models import Course, Disclosure, Policy
    from people.models import PartyOrganization

    page = _any(chance, Course, Policy)
    page.disclosure = chance.choice(Disclosure.values)
    page.opened_to = chance.sample(list(PartyOrganization.objects.all()), 2)
    page.save_revision().publish()


def reorganise(chance: random.Random, number: int) -> None:
    from people.api import change_organization
    from people.models import PartyOrganization

    branch = chance.choice(list(PartyOrganization.objects.filter(numchild=0)))
    parent = chance.choice(list(PartyOrganization.objects.filter(depth=1)))
    if parent.pk != branch.pk:
        change_organization(branch, parent=parent, fields={"parent"}, actor=None)


def readdress(chance: random.Random, number: int) -> None:
    from courses.catalogue.models import Course

    course = _any(chance, Course)
    course.slug = f"course-{course.pk}-{number}"
    course.save()


def die_after_commit(hasty: bool) -> None:
    """One save by an editor who dies right after its commit; `hasty`: whose row would only be written after it."""
    from django.db import transaction

    from courses.catalogue.models import Policy
    from search import outbox

    note = outbox._note
    if hasty:
        outbox._note = lambda *words: transaction.on_commit(lambda: note(*words))
    with transaction.atomic():
        transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))
        policy = Policy.objects.live().order_by("pk").first()
        policy.title = f"写完就断电 {'晚记' if hasty else '同记'}"
        policy.save()


# The drill itself


def furnish(thick: int) -> None:
    """Content to work on, `thick` long texts among it."""
    from courses.catalogue.models import Disclosure
    from tests.factories import CourseFactory, LessonFactory, PartyOrganizationFactory, PolicyFactory

    chance = random.Random(1)
    words = (
        "党员 支部 会议 学习 党费 组织 关系 转接 议事 乡村 振兴 安全 生产 志愿 服务 档案 学时 考试 培训 干部".split()  # noqa: SIM905
    )
    roots = [PartyOrganizationFactory(code=f"{number:03}") for number in (1, 2)]
    for number in range(BRANCHES):
        PartyOrganizationFactory(code=f"001.{number:03}", parent=roots[0])
    for number in range(COURSES):
        course = CourseFactory(title=f"课程{number}", disclosure=chance.choice(Disclosure.values))
        for place in range(LESSONS):
            LessonFactory(parent=course, title=f"课时{number}-{place}")
    for number in range(POLICIES):
        PolicyFactory(title=f"文件{number}")
    for number in range(thick):
        text = "".join(chance.choice(words) for _ in range(THICK_CHARACTERS // 2))
        PolicyFactory(title=f"长文{number}", body=json.dumps([{"type": "text", "value": f"<p>{text}</p>"}]))


def check() -> dict[str, int]:
    """Every document of every kind: does the index say what the database says? By plain sets, nothing else."""
    from search.documents import kinds
    from search.engines.current import engine
    from search.reading import everything

    told = {"documents": 0, "lost": 0, "stale": 0, "ghosts": 0}
    for kind in kinds():
        truth: dict[str, str] = {}
        for batch in everything(kind, lambda id, fault: say(f"unreadable: {id} {fault}")):
            truth |= batch.fingerprints()
        lying = list(engine().inventory(kind.name))
        index = dict(lying)
        told["documents"] += len(truth)
        told["lost"] += len(truth.keys() - index.keys())
        told["ghosts"] += len(index.keys() - truth.keys()) + len(lying) - len(index)
        told["stale"] += sum(index[id] != truth[id] for id in truth.keys() & index.keys())
        for id in sorted({id for id, _fingerprint in truth.items() ^ index.items()})[:10]:
            say(f"differs: {kind.name} {id}")
    return told


def settle(school: School) -> int:
    """Wait until nothing waits in the outbox; what is left when patience ends."""
    from search.models import SearchOutbox

    until, said = time.monotonic() + PATIENCE_S, time.monotonic()
    while (left := SearchOutbox.objects.count()) and time.monotonic() < until:
        school.wait(0.2)
        if time.monotonic() - said > 10:
            said = time.monotonic()
            say(f"  … {left} rows to go")
    return left


def disturb(
    school: School, saves: int, kills: int, chance: random.Random
) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Let the editor save and kill meanwhile; what was saved, what was hit, and whether somebody was writing then."""
    editor = school.run("--save", str(saves), "--seed", str(chance.randrange(2**31)), stdout=subprocess.PIPE)
    assert editor.stdout is not None
    saved: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    moment: Counter[str] = Counter()
    os.set_blocking(editor.stdout.fileno(), False)
    kinds = ("worker", "hand", "server" if school.server else "worker", "rebuild", "hand", "broker")
    due = [kinds[place % len(kinds)] for place in range(kills)]
    began = time.monotonic()
    while editor.poll() is None or due:
        _count(editor, saved)
        # A kill for each stretch of saves, then a moment of chance; the last ones are not left over for the end.
        reached = (len(hit) and sum(hit.values()) + 1) or 1
        if due and (sum(saved.values()) * (kills + 1) >= reached * saves or editor.poll() is not None):
            kind = due.pop(0)
            if chance.random() < 0.7:  # most of them while somebody writes the index
                until = time.monotonic() + 20
                while not school.is_writing() and time.monotonic() < until:
                    school.look_after()
                    time.sleep(0.002)
                time.sleep(chance.uniform(0.0, 0.1))
            else:
                school.wait(chance.uniform(0.0, 1.5))
            writing = school.is_writing()
            if _strike(school, kind, chance):
                hit[kind] += 1
                moment["while the index was being written" if writing else "while nothing was written"] += 1
                say(f"kill -9 {kind:<8} ({sum(hit.values())}/{kills})  {sum(saved.values())} saves")
            else:
                due.append(kind)
            if editor.poll() is None:
                continue
        school.wait(0.1)
        if time.monotonic() - began > PATIENCE_S + saves:
            editor.kill()
            raise RuntimeError("the editor never came to an end")
    _count(editor, saved)
    if editor.returncode:
        raise RuntimeError(f"the editor ended with {editor.returncode}")
    return saved, hit, moment


def _count(editor: subprocess.Popen[str], saved: Counter[str]) -> None:
    assert editor.stdout is not None
    with contextlib.suppress(BlockingIOError, TypeError):
        while line := editor.stdout.readline():
            saved[line.strip()] += 1


def _strike(school: School, kind: str, chance: random.Random) -> bool:
    if kind != "rebuild":
        return school.kill(kind, chance)
    process = school.rebuild()
    until = time.monotonic() + 60
    while not school.is_rebuilding() and process.poll() is None and time.monotonic() < until:
        school.wait(0.02)
    school.wait(chance.uniform(0.0, 2.0))
    struck = process.poll() is None
    process.kill()
    process.wait()
    return struck


def delays(school: School, samples: int, *, rebuilding: bool) -> list[float]:
    """Seconds from the commit of a change until a reader of the index sees it; with `rebuilding` only those that
    began and ended while a new index was being made."""
    from django.db import transaction

    from courses.catalogue.models import Policy
    from search.documents import kind_of
    from search.engines.current import engine
    from search.reading import read

    taken: list[float] = []
    process: subprocess.Popen[bytes] | None = None
    pk = (
        Policy.objects.live().exclude(title__startswith="长文").order_by("pk").values_list("pk", flat=True)[0]
    )
    until = time.monotonic() + PATIENCE_S
    while len(taken) < samples and time.monotonic() < until:
        if rebuilding and (process is None or process.poll() is not None):
            process = school.rebuild()
        while rebuilding and not school.is_rebuilding() and process is not None and process.poll() is None:
            school.wait(0.01)
        before = school.is_rebuilding()
        with transaction.atomic():
            policy = Policy.objects.get(pk=pk)
            policy.title = f"第{len(taken)}次看多久 {time.time_ns()}"
            policy.save()
        committed = time.monotonic()
        wanted = read(kind_of("policy"), [str(pk)]).fingerprints()
        while dict(engine().inventory("policy", [str(pk)])) != wanted:
            school.wait(0.01)
            if time.monotonic() - committed > 60:
                break
        took = time.monotonic() - committed
        if not rebuilding or (before and school.is_rebuilding()):
            taken.append(took)
        school.wait(random.uniform(0.0, 0.3))
    if process is not None:
        process.wait()
    return taken


def tamper() -> None:
    """One document out of the index, one changed, one too many."""
    from dataclasses import replace

    from courses.catalogue.models import Policy
    from search.documents import kind_of
    from search.engines.current import engine
    from search.reading import read

    first, second = Policy.objects.live().order_by("pk").values_list("pk", flat=True)[:2]
    [entry] = read(kind_of("policy"), [str(second)]).entries()
    changed = replace(entry, stored={**entry.stored, "fingerprint": "0" * 16})
    ghost = replace(entry, id="999999", stored={**entry.stored, "id": "999999"})
    with engine().exclusively(), engine().writing() as writer:
        writer.drop("policy", str(first))
        writer.put(changed)
        writer.put(ghost)


def summary(taken: list[float]) -> dict[str, float]:
    if not taken:
        return {"samples": 0}
    high = quantiles(taken, n=100)[98] if len(taken) > 1 else taken[0]
    figures = {"median_s": median(taken), "p99_s": min(high, max(taken)), "max_s": max(taken)}
    return {"samples": len(taken)} | {name: round(one, 2) for name, one in figures.items()}


@contextlib.contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield ""
        return
    postgres = Postgres(folder / "postgres")
    if not postgres.available:
        raise SystemExit("没有找到 PostgreSQL，请安装后再试，或用 --database sqlite。")
    postgres.make()
    postgres.start()
    try:
        yield postgres.url
    finally:
        postgres.stop()


OUTSIDE = ("BROKER_URL", "DATABASE_URL", "SEARCH_URL")


def environment_of(data: Path, database_url: str, search_url: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in OUTSIDE}
    if database_url:
        kept["DATABASE_URL"] = database_url
    if search_url:
        kept["SEARCH_URL"] = search_url
    return {
        **kept,
        "ESCHOOL_DATA_DIR": str(data),
        "DJANGO_SETTINGS_MODULE": "portal.settings.base",
        "PYTHONPATH": f"{ROOT / 'site'}{os.pathsep}{ROOT}",
    }


def drill(
    chosen: argparse.Namespace, folder: Path, database_url: str, server: Server | None
) -> dict[str, Any]:
    data = folder / "data"
    data.mkdir()
    environment = environment_of(data, database_url, server.url if server else "")
    for name in OUTSIDE:
        os.environ.pop(name, None)
    os.environ.update(environment)
    chance = random.Random(chosen.seed)
    subprocess.run(
        [sys.executable, str(ROOT / "site" / "manage.py"), "migrate", "--noinput", "--verbosity=0"],
        env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    import django

    django.setup()
    furnish(THICK if chosen.samples >= SAMPLES else THICK // 4)
    from search import api

    school = School(data, environment, server)
    result: dict[str, Any] = {}
    try:
        school.look_after()
        say("· the worker makes the index …")
        until = time.monotonic() + PATIENCE_S
        while not api.is_ready() and time.monotonic() < until:
            school.wait(0.2)
        began = time.monotonic()
        saved, hit, moment = disturb(school, chosen.saves, chosen.kills, chance)
        saving_s = time.monotonic() - began
        say("· no more kills; waiting for the outbox …")
        waiting = settle(school)
        told = check()
        result = {"saves": sum(saved.values()), "kills": sum(hit.values()), **told, "waiting": waiting}
        for name, count in sorted({**hit, **moment}.items()):
            print(f"{name:<36}{count:>8}")
        for name, count in sorted(saved.items()):
            print(f"{'saves: ' + name:<36}{count:>8}")
        print(f"{'saves in a second':<36}{sum(saved.values()) / saving_s:>8.1f}")
        say("· how soon changes are seen …")
        for rebuilding in (False, True):
            name = "seen_during_rebuild" if rebuilding else "seen"
            result[name] = summary(delays(school, chosen.samples, rebuilding=rebuilding))
            print(f"{name:<24}{result[name]}")
        say("· the controls …")
        for hasty in (False, True):
            settle(school)
            school.run("--die", "hasty" if hasty else "real").wait()
            settle(school)
            differing = check()
            result["control_hasty" if hasty else "died_after_commit"] = sum(
                differing[what] for what in ("lost", "stale", "ghosts")
            )
        school.stop()
        with contextlib.suppress(api.SearchError):
            api.rebuild()
        tamper()
        result["control_tampered"] = {name: check()[name] for name in ("lost", "stale", "ghosts")}
    finally:
        school.stop()
    return result


def main(words: list[str]) -> int:
    asked = argparse.ArgumentParser(prog="./run drill search", description=__doc__.splitlines()[0])
    asked.add_argument("--saves", type=int, default=10_000)
    asked.add_argument("--kills", type=int, default=20)
    asked.add_argument("--samples", type=int, default=SAMPLES, help="changes to be timed, each way")
    asked.add_argument("--engine", choices=["tantivy", "elasticsearch"], default="tantivy")
    asked.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    asked.add_argument("--seed", type=int, default=6)
    asked.add_argument("--save", type=int, help=argparse.SUPPRESS)
    asked.add_argument("--die", choices=["real", "hasty"], help=argparse.SUPPRESS)
    chosen = asked.parse_args(words)
    logging.disable(logging.WARNING)  # hundreds of pages tell of themselves
    if chosen.save or chosen.die:
        import django

        django.setup()
        save(chosen.save, chosen.seed) if chosen.save else die_after_commit(chosen.die == "hasty")
        return 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="drill-search-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        server = Server(folder / "elasticsearch") if chosen.engine == "elasticsearch" else None
        try:
            with database(chosen.database, folder) as url:
                result = drill(chosen, folder, url, server)
        finally:
            if server is not None:
                server.stop()
    result |= {
        "engine": chosen.engine,
        "database": chosen.database,
        "seed": chosen.seed,
        "seconds": round(time.monotonic() - began),
    }
    print(json.dumps(result))
    well = (
        result["saves"] >= chosen.saves
        and result["kills"] >= chosen.kills
        and not any(result[name] for name in ("lost", "stale", "ghosts", "waiting", "died_after_commit"))
        and result["control_hasty"] == 1
        and result["control_tampered"] == {"lost": 1, "stale": 1, "ghosts": 1}
    )
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
