"""The media pipeline under kill -9: worker, ffmpeg, scheduler and broker die at random moments, nothing is lost.

    ./run drill media [--kills 20] [--seed 4]

A school without its web server, as real processes in a folder of its own: embedded Valkey, a Celery
worker for lectures, one for everything else, the scheduler. Lectures of a few chunks come in while one
process after the other is killed and started again, as a supervisor would. At the end every media set
must be equal, file by file (sha256), to that of an undisturbed run, and nothing may be left waiting.
Progress goes to stderr, a table to stdout, last a line of JSON. Exit code 0 when all is well.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from _processes import descendants, family

ROOT = Path(__file__).resolve().parents[2]
MANAGE = [sys.executable, str(ROOT / "site" / "manage.py")]
KINDS = ("worker", "ffmpeg", "scheduler", "broker")
QUICK = {
    "MEDIA_LEASE_S": "10",
    "MEDIA_REAP_S": "2",
    "MEDIA_CHUNK_S": "4",
    "MEDIA_PRESET": "slow",
    "MEDIA_WORKERS": "2",
    # A killed worker is not the lecture's fault here, and nobody waits five minutes for the next attempt.
    "MEDIA_ATTEMPTS": "100",
    "MEDIA_BACK_OFF_S": "0.5,1",
}
PATIENCE_S = 900
LECTURE_S = 14


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass
class Supervised:
    """One process that is started again when it has died."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def look_after(self) -> None:
        if self.process is not None and self.process.poll() is None:
            return
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command, env=self.environment, cwd=ROOT, stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        self.starts += 1

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@dataclass
class School:
    """The processes of a school in `data`."""

    data: Path
    children: dict[str, Supervised] = field(default_factory=dict)

    def __post_init__(self) -> None:
        celery = [sys.executable, "-m", "celery", "--quiet", "-A", "portal.celery"]
        worker = [*celery, "worker", "--loglevel=warning", "--without-gossip", "--without-mingle"]
        commands = {
            "broker": [sys.executable, "-m", "portal.launch", "broker"],
            "worker": [*worker, "--concurrency=2", "-Q", "media", "-n", "media@%h"],
            "small": [*worker, "--concurrency=1", "-Q", "default,search", "-n", "small@%h"],
            "scheduler": [*celery, "beat", "-s", str(self.data / "schedule"), "--pidfile=", "-l", "warning"],
        }
        for name, command in commands.items():
            self.children[name] = Supervised(name, command, environment(self.data), self.data / f"{name}.log")

    def look_after(self) -> None:
        for child in self.children.values():
            child.look_after()

    def stop(self) -> None:
        for child in self.children.values():
            child.stop()


def environment(data: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in {"BROKER_URL", "DATABASE_URL"}}
    return {
        **kept,
        **QUICK,
        "ESCHOOL_DATA_DIR": str(data),
        "DJANGO_SETTINGS_MODULE": "portal.settings.base",
        "PYTHONPATH": f"{ROOT / 'site'}{os.pathsep}{ROOT}",
    }


def kill(kind: str, school: School, dice: random.Random) -> bool:
    """Kill -9 something of `kind`; False when there is nothing of it at the moment."""
    child = school.children["worker" if kind == "ffmpeg" else kind].process
    if child is None or child.poll() is not None:
        return False
    known = family()
    if kind == "ffmpeg":
        at_work = [pid for pid in descendants(known, child.pid) if known[pid][2].startswith("ffmpeg")]
        victims = [dice.choice(at_work)] if at_work else []
    else:
        victims = [pid for pid, (_parent, group, _name) in sorted(known.items()) if group == child.pid]
        if kind == "worker" and dice.random() < 0.4:
            victims = [dice.choice(victims)]  # the master alone, or one of those that do the work
    for pid in victims:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return bool(victims)


def clip(number: int, folder: Path) -> Path:
    """A lecture of `LECTURE_S` seconds, three or four chunks, unlike any other `number`."""
    from media_pipeline.engine import engine

    target = folder / f"第{number:02d}课.mp4"
    subprocess.run(
        [
            engine().ffmpeg, "-v", "error", "-y",
            "-f", "lavfi", "-i", f"testsrc2=s=384x216:r=25:d={LECTURE_S},hue=h={number * 7}",
            "-f", "lavfi", "-i", f"sine=frequency={200 + number}:sample_rate=44100:d={LECTURE_S}",
            "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(target),
        ],
        check=True,
    )  # fmt: skip
    return target


def tree(data: Path) -> dict[str, str]:
    """sha256 of every file of the media sets."""
    sets = data / "media" / "sets"
    return {
        str(path.relative_to(sets)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(sets.rglob("*"))
        if path.is_file()
    }


def manage(data: Path, *words: str) -> None:
    subprocess.run([*MANAGE, *words], env=environment(data), cwd=ROOT, stdout=subprocess.DEVNULL)


def at_work() -> list[str]:
    """The stages of the jobs that a living worker holds now."""
    from media_pipeline.models import Job

    held = Job.objects.filter(state="RUNNING").values_list("stage", "worker")
    return sorted(stage for stage, worker in held if Path("/proc", worker.rpartition(":")[2]).exists())


def disturb(
    school: School, clips: Path, kills: int, dice: random.Random
) -> tuple[Counter[str], Counter[str]]:
    """Let lectures come in and kill until it is enough; how often each kind was hit, and what ran at those moments."""
    from media_pipeline import api
    from media_pipeline.models import Asset

    hit: Counter[str] = Counter()
    during: Counter[str] = Counter()
    due = [KINDS[number % len(KINDS)] for number in range(kills)]
    dice.shuffle(due)
    brought, began = 0, time.monotonic()
    while due and time.monotonic() - began < PATIENCE_S:
        if (broken := Asset.objects.filter(state__in=["FAILED", "REFUSED"]).first()) is not None:
            say(f"{broken.title} ended {broken.state}: {broken.refusal_code}")
            break
        if Asset.objects.under_way().count() < 2:
            brought += 1
            path = clip(brought, clips)
            api.ingest_file(path, title=path.stem, uploaded_by=None)
        patient_until = time.monotonic() + 40  # until somebody works again: then a random moment of it
        while not at_work() and time.monotonic() < patient_until:
            school.look_after()
            time.sleep(0.05)
        pause_until = time.monotonic() + dice.uniform(0.0, 2.5)
        while time.monotonic() < pause_until:
            school.look_after()
            time.sleep(0.02)
        stages = at_work()
        patient_until = time.monotonic() + (10 if due[-1] == "ffmpeg" else 0)  # programs live shortly
        while not (done := kill(due[-1], school, dice)) and time.monotonic() < patient_until:
            school.look_after()
            time.sleep(0.02)
        if done:
            kind = due.pop()
            hit[kind] += 1
            during.update(stages or ["nothing"])
            states = ", ".join(
                f"{asset.title} {asset.state} {api.status(asset).progress:.0%}"
                for asset in Asset.objects.under_way().order_by("pk")
            )
            say(
                f"{time.monotonic() - began:6.1f} s  kill -9 {kind:<9} ({sum(hit.values())}/{kills})  {states}"
            )
        else:  # nothing of that kind runs now: another kind first
            due.insert(dice.randrange(len(due)), due.pop())
    return hit, during


def settle(school: School) -> int:
    """Wait until every asset is at its end; how many never get there."""
    from media_pipeline.models import Asset, Job

    began, said = time.monotonic(), 0.0
    while time.monotonic() - began < PATIENCE_S:
        school.look_after()
        left = Asset.objects.under_way().count() + Job.objects.open().count()
        if not left:
            return 0
        if time.monotonic() - said > 10:
            said = time.monotonic()
            say(f"  … {left} assets and jobs to go")
        time.sleep(0.2)
    return left


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run drill media")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--keep", action="store_true", help="leave the folder for a look")
    options = parser.parse_args()
    began = time.monotonic()
    place = Path(tempfile.mkdtemp(prefix="drill-media-"))
    data, calm, clips = place / "d", place / "calm", place / "clips"
    for folder in (data, calm, clips):
        folder.mkdir()
    os.environ.update(environment(data))
    sys.path[:0] = [str(ROOT / "site"), str(ROOT)]
    manage(data, "migrate", "--noinput", "--verbosity=0")
    for name in ("eschool.sqlite3", "secrets.json"):
        shutil.copy(data / name, calm / name)

    import django

    django.setup()
    from media_pipeline.models import Asset, Job

    school, dice = School(data), random.Random(options.seed)
    try:
        hit, during = disturb(school, clips, options.kills, dice)
        say("no more kills; waiting for the end")
        pending = settle(school)
    finally:
        school.stop()
    disturbed = tree(data)
    ended = Counter(Asset.objects.values_list("state", flat=True))
    taken = list(Job.objects.values_list("attempts", flat=True))

    say("the same lectures once more, undisturbed")
    manage(calm, "ingest_lecture", str(clips), "--wait")
    undisturbed = tree(calm)
    names = set(disturbed) | set(undisturbed)
    unequal = sorted(name for name in names if disturbed.get(name) != undisturbed.get(name))
    for name in unequal[:20]:
        say(f"unequal: {name}")
    rows = {
        **{f"kill -9 {kind}": hit[kind] for kind in KINDS},
        **{f"while {stage} ran": count for stage, count in sorted(during.items())},
        "lectures": sum(ended.values()),
        **{f"ended {state}": count for state, count in sorted(ended.items())},
        "jobs": len(taken),
        "jobs taken more than once": sum(count > 1 for count in taken),
        "files compared": len(names),
        "files unequal": len(unequal),
        "pending for ever": pending,
        "seconds": round(time.monotonic() - began),
    }
    for what, number in rows.items():
        print(f"{what:<28}{number:>8}")
    result = {"kills": sum(hit.values()), "pending_for_ever": pending, "hash_mismatches": len(unequal)}
    print(json.dumps(result))
    well = result["kills"] >= options.kills and not pending and not unequal and set(ended) == {"READY"}
    if options.keep or not well:
        say(f"kept for a look: {place}")
    else:
        shutil.rmtree(place)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
