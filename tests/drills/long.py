"""A lecture of three hours through the whole pipeline: how much memory does it take, and at which program?

    ./run drill long [--hours 3] [--preset ultrafast] [--workers 2]

The source is 1080p at 25 frames: pages that change every 20 seconds, with sound, ten minutes of it put in a row by
copying. It goes the way that `./run manage ingest_lecture FILE --wait` goes, in as many processes as there are workers.
Five times a second the resident memory of everything that runs for it is read from /proc. How long it is must not matter:
the same is done with a tenth of it first. Progress goes to stderr, a table to stdout, last a line of JSON; exit code 0
when both are ready and no program took more than a quarter more for the long one than for the short one. That is
judged from an hour on: in a lecture of seconds no buffer is full yet, and some programs are gone before they are seen.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from _processes import descendants, family, program_of, resident_mb

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "site"), str(ROOT / "tests" / "benchmarks")]
STRETCH_S = 600
JUDGED_FROM_S = 3600
MORE = 1.25
SLACK_MB = 32
"""Programs this small may grow by so much without anybody minding."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def source(folder: Path, seconds: int) -> Path:
    """A lecture of so many seconds (rounded up to whole stretches, but for one shorter than a stretch)."""
    from _clips import Clips

    from media_pipeline.engine import engine

    tools = engine()
    stretch = min(STRETCH_S, seconds)
    once = Clips(folder, tools.ffmpeg).pages((1920, 1080), stretch)
    times = -(-seconds // stretch)
    if times == 1:
        return once
    target = folder / f"{times}.mp4"
    command = [
        tools.ffmpeg,
        "-v",
        "error",
        "-stream_loop",
        str(times - 1),
        "-i",
        str(once),
        "-c",
        "copy",
        str(target),
    ]
    subprocess.run(command, check=True)
    return target


def memory_of(roots: Sequence[int]) -> dict[str, float]:
    """Memory in MB of the processes `roots` and all below them: of the largest of each program, and of all (total)."""
    known = family()
    found: dict[str, float] = {"total": 0.0}
    for pid in {*roots, *(one for root in roots for one in descendants(known, root))}:
        name, mb = program_of(pid).split(" ")[0].rsplit("/", 1)[-1], resident_mb(pid)
        found["total"] += mb
        if name:
            found[name] = max(found.get(name, 0.0), mb)
    return found


def ingested(lecture: Path, data: Path, workers: int, preset: str) -> tuple[dict[str, float], float]:
    """Peaks of memory while `lecture` goes its way in `workers` processes, and wall seconds."""
    environment = os.environ | {
        "ESCHOOL_DATA_DIR": str(data), "DJANGO_SETTINGS_MODULE": "portal.settings.base", "MEDIA_PRESET": preset,
        "BROKER_URL": "memory://",
    }  # fmt: skip
    manage = [sys.executable, str(ROOT / "site" / "manage.py")]
    subprocess.run([*manage, "migrate", "--verbosity=0"], env=environment, cwd=ROOT, check=True)
    taken = [*manage, "ingest_lecture", str(lecture)]
    subprocess.run(taken, env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    began = time.monotonic()
    crew = [
        subprocess.Popen(
            [*taken, "--wait"],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
        )
        for _number in range(workers)
    ]
    peaks: dict[str, float] = {}
    while any(one.poll() is None for one in crew):
        for name, mb in memory_of([one.pid for one in crew]).items():
            peaks[name] = max(peaks.get(name, 0.0), mb)
        time.sleep(0.2)
    for one in crew:
        assert one.stdout is not None
        told = json.loads(one.stdout.read().splitlines()[-1])
        if told["state"] != "READY":
            raise SystemExit(f"{lecture.name}: {told['state']} {told['reason']}")
    return peaks, time.monotonic() - began


def main(words: list[str]) -> int:
    asked = argparse.ArgumentParser(prog="./run drill long", description=__doc__.splitlines()[0])
    asked.add_argument("--hours", type=float, default=3.0)
    asked.add_argument("--preset", default="ultrafast")
    asked.add_argument("--workers", type=int, default=2)
    chosen = asked.parse_args(words)
    seconds = max(60, round(chosen.hours * 3600))
    with tempfile.TemporaryDirectory(prefix="eschool-drill-") as scratch:
        folder = Path(scratch)
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "portal.settings.base",
            "ESCHOOL_DATA_DIR": f"{scratch}/none",
        }
        import django

        django.setup()
        peaks, walls = {}, {}
        for name, length in (("short", max(30, seconds // 10)), ("long", seconds)):
            say(f"{name}: {length} s of 1080p …")
            lecture = source(folder / "clips", length)
            peaks[name], walls[name] = ingested(lecture, folder / name, chosen.workers, chosen.preset)
    programs = sorted(set(peaks["short"]) | set(peaks["long"]), key=lambda one: -peaks["long"].get(one, 0))
    print(f"{'program':34} {'short MB':>9} {'long MB':>9}")
    for one in programs:
        print(f"{one:34} {peaks['short'].get(one, 0):9.0f} {peaks['long'].get(one, 0):9.0f}")
    grown = [
        one for one in programs
        if seconds >= JUDGED_FROM_S
        and peaks["long"].get(one, 0) > peaks["short"].get(one, 0) * MORE + SLACK_MB
    ]  # fmt: skip
    figures = {
        "hours": round(seconds / 3600, 2), "peak_mb": round(peaks["long"]["total"]),
        "peak_mb_of_a_tenth": round(peaks["short"]["total"]), "wall_s": round(walls["long"]),
        "judged": seconds >= JUDGED_FROM_S, "grown": grown,
    }  # fmt: skip
    print(json.dumps(figures))
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
