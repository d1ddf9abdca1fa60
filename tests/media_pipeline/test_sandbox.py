"""How programs are run: inside bubblewrap where it works, under limits, and dead when they must be."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from media_pipeline import checks, runner, sandbox
from media_pipeline.engine import engine
from media_pipeline.errors import DiskFull, EngineMissing, StageInterrupted
from media_pipeline.runner import Limits, run

LIMITS = Limits(wall_s=120, cpu_s=60)


@pytest.fixture
def mode(settings):
    def choose(word):
        settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, "SANDBOX": word}

    return choose


@pytest.fixture
def works(mode):
    if sandbox.available(engine().ffmpeg) is None:
        pytest.skip("bubblewrap does not work here")
    mode("require")


def test_what_a_command_names_is_what_it_sees(tmp_path):
    for name in ("a.mp4", "b.mp4", "c.mp4", "it's.mp4", "not named.mp4"):
        (tmp_path / name).touch()
    work = tmp_path / "work"
    work.mkdir()
    (work / "list.ffconcat").write_text(
        f"ffconcat version 1.0\nfile '{tmp_path}/c.mp4'\nfile '{tmp_path}/it'\\''s.mp4'\nfile 'own.mp4'\n"
    )

    def seen(*words):
        return sorted(path.name for path in sandbox.named(["ffmpeg", *words], cwd=work))

    assert seen("-i", f"file:{tmp_path}/a.mp4", "-f", "mp4", "out.mp4") == ["a.mp4"]
    assert seen(f"in={tmp_path}/a.mp4,stream=video", f"in={tmp_path}/b.mp4,stream=audio") == [
        "a.mp4",
        "b.mp4",
    ]
    assert seen("-f", "concat", "-i", f"file:{work}/list.ffconcat", "o.mp4") == [
        "c.mp4",
        "it's.mp4",
        "list.ffconcat",
    ]
    assert seen("-f", "concat", "-i", "list.ffconcat", "o.mp4") == ["c.mp4", "it's.mp4"]
    assert seen("-vf", "scale=1280/720", "-metadata", "title=/etc") == []


def test_only_the_programs_of_the_pipeline_go_in(works, tmp_path):
    assert sandbox.confined([sys.executable, "-c", "1"], cwd=tmp_path) == [sys.executable, "-c", "1"]
    wrapped = sandbox.confined([engine().ffprobe, "-version"], cwd=tmp_path)
    assert Path(wrapped[0]).name == "bwrap" and "--unshare-all" in wrapped and "--die-with-parent" in wrapped


def test_require_without_bubblewrap_stops_everything(mode, monkeypatch, tmp_path):
    monkeypatch.setattr(sandbox, "available", lambda program, sees=(): None)
    mode("auto")
    assert run([engine().ffprobe, "-version"], limits=LIMITS, cwd=tmp_path).code == 0
    assert checks.sandbox_is_there_when_required(None) == []

    mode("require")
    with pytest.raises(EngineMissing):
        run([engine().ffprobe, "-version"], limits=LIMITS, cwd=tmp_path)
    (said,) = checks.sandbox_is_there_when_required(None)
    assert said.is_serious() and "bubblewrap" in said.msg

    mode("perhaps")
    assert checks.sandbox_is_there_when_required(None)[0].is_serious()


def test_nothing_else_of_the_disk_is_there(works, tmp_path):
    beside, named, work = tmp_path / "beside.mp4", tmp_path / "named.wav", tmp_path / "work"
    work.mkdir()
    sound = ["-f", "lavfi", "-i", "sine=d=0.1"]
    for path in (beside, named):
        subprocess.run([engine().ffmpeg, "-v", "error", *sound, "-f", "wav", str(path)], check=True)

    def copy(listed: str) -> int:
        """Ask for a file by a list that the sandbox does not read (the demuxer is guessed)."""
        (work / "l.txt").write_text(f"ffconcat version 1.0\nfile '{listed}'\n")
        command = [engine().ffmpeg, "-v", "error", "-y", "-safe", "0", "-i", "l.txt", "-i", f"file:{named}"]
        return run([*command, "-map", "0", "-f", "null", "-"], limits=LIMITS, cwd=work).code

    assert copy(str(named)) == 0
    assert copy(str(beside)) != 0
    assert copy("/etc/passwd") != 0


def test_a_program_in_python_finds_its_packages_and_nothing_else(works, tmp_path):
    """It reads the file beside it, and sees neither what lies next door, nor this project, nor a server of ours."""
    work, secret = tmp_path / "work", tmp_path / "secret.json"
    work.mkdir()
    (work / "file").write_text("its own")
    secret.write_text("{}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        script = tmp_path / "script.py"
        script.write_text(
            "import json, os, socket\n"
            "import pypdfium2\n"
            "def tried(act):\n"
            "    try:\n"
            "        return bool(act())\n"
            "    except OSError:\n"
            "        return False\n"
            "secret, port = open('told').read().split()\n"
            "print(json.dumps([open('file').read(), tried(lambda: open(secret)), tried(lambda: open('/etc/passwd')),\n"
            f"    tried(lambda: os.listdir({str(Path(sandbox.__file__).parent)!r})),\n"
            "    tried(lambda: socket.create_connection(('127.0.0.1', int(port)), 1)),\n"
            "    tried(lambda: open(pypdfium2.__file__, 'a'))]))\n"
        )
        (work / "told").write_text(f"{secret} {server.getsockname()[1]}")

        def said(**options):
            command = [sys.executable, "-I", str(script)]
            outcome = run(command, limits=LIMITS, cwd=work, capture=True, **options)
            assert outcome.code == 0, outcome.stderr
            return json.loads(outcome.stdout)

        assert said(python=True) == ["its own", *[False] * 5]
        assert said() == ["its own", *[True] * 5]  # outside: nothing of it holds in there by chance


def test_what_is_named_cannot_be_written_over(works, tmp_path):
    named, work = tmp_path / "named.wav", tmp_path / "work"
    work.mkdir()
    named.write_bytes(b"as it was")

    outcome = run(
        [engine().ffmpeg, "-v", "error", "-y", "-f", "lavfi", "-i", "sine=d=0.1", str(named)],
        limits=LIMITS,
        cwd=work,
    )

    assert outcome.code != 0 and named.read_bytes() == b"as it was"


@pytest.mark.parametrize("word", ["off", "auto"])
def test_limits_hold_inside_and_outside(word, mode, tmp_path):
    mode(word)
    endless = [engine().ffmpeg, "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25"]

    with pytest.raises(StageInterrupted, match="killed by signal"):
        run([*endless, "-f", "null", "-"], limits=Limits(wall_s=120, cpu_s=1), cwd=tmp_path)
    with pytest.raises(StageInterrupted, match="wrote more than"):
        run([*endless, "-f", "rawvideo", "x"], limits=Limits(120, 60, file_bytes=10**6), cwd=tmp_path)
    assert (tmp_path / "x").stat().st_size <= 10**6
    with pytest.raises(StageInterrupted, match="took longer"):
        run([*endless, "-f", "null", "-"], limits=Limits(wall_s=0.5, cpu_s=60), cwd=tmp_path)
    large = [
        engine().ffmpeg,
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=8000x4000:r=5:d=1",
        "-f",
        "null",
        "-",
    ]
    outcome = run(large, limits=Limits(120, 60, memory_bytes=100 * 1024**2), cwd=tmp_path)
    assert outcome.code != 0 or "memory" in outcome.stderr


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux only")
def test_the_program_dies_with_the_run_and_keeps_to_its_cores(works, tmp_path):
    """Killed from a tick, as when the lease is lost; its cores are those of whoever starts it."""
    before = os.sched_getaffinity(0)
    seen: list[set[int]] = []

    class Enough(Exception):
        pass

    def running() -> list[int]:
        mark = str(tmp_path).encode()
        found = []
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = place.read_bytes().split(b"\0")
            except OSError:
                continue
            if any(
                word.endswith(b"ffmpeg") or b"ffmpeg-" in word for word in words[:1]
            ) and mark in b" ".join(words):
                found.append(int(place.parent.name))
        return found

    def tick(block):
        for pid in running():
            seen.append(os.sched_getaffinity(pid))
        if seen:
            raise Enough

    source = tmp_path / "marked.nut"
    source.write_bytes(b"")
    command = [
        engine().ffmpeg,
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=320x180:r=25",
        "-progress",
        "pipe:1",
    ]
    os.sched_setaffinity(0, {min(before)})
    try:
        with pytest.raises(Enough):
            run(
                [*command, "-metadata", f"title={tmp_path}", "-f", "null", "-"],
                limits=LIMITS,
                cwd=tmp_path,
                tick=tick,
                tick_s=0.1,
            )
    finally:
        os.sched_setaffinity(0, before)

    assert seen == [{min(before)}] * len(seen)
    gone = threading.Event()
    for _look in range(100):  # the kernel takes the namespace down behind the first process
        if not running():
            gone.set()
            break
        gone.wait(0.1)
    assert gone.is_set()


def test_a_full_disk_is_told_apart(mode, tmp_path):
    mode("off")
    with pytest.raises(DiskFull):
        run(
            [sys.executable, "-c", "raise SystemExit('x: No space left on device')"],
            limits=LIMITS,
            cwd=tmp_path,
        )
    with pytest.raises(StageInterrupted, match=f"signal {signal.SIGKILL.value}"):
        run([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], limits=LIMITS, cwd=tmp_path)


def test_what_a_run_used_is_known(mode, tmp_path):
    mode("off")
    hungry = "x = bytearray(80 * 1024**2); sum(range(10**6))"

    outcome = run([sys.executable, "-c", hungry], limits=LIMITS, cwd=tmp_path)

    assert isinstance(outcome, runner.Outcome)
    if hasattr(os, "wait4"):
        assert outcome.peak_bytes > 80 * 1024**2 and outcome.cpu_s > 0
