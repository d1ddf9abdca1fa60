"""Runs ffmpeg, ffprobe and the packager: under limits, watched, in a process group that can be killed whole."""

import errno
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from media_pipeline.cores import held_cores
from media_pipeline.errors import DiskFull, StageInterrupted
from media_pipeline.sandbox import PYTHON, confined

__all__ = ["Limits", "Outcome", "run"]

_CONFINE = str(Path(__file__).with_name("confine.py"))
_STDERR_KEPT = 4000
_SIGXFSZ = getattr(signal, "SIGXFSZ", 25)
_DEADLY = frozenset({4, 6, 7, 8, 9, 11, 15, 24, _SIGXFSZ})
"""Signals that end a program; one that died of them inside the sandbox comes out as 128 + signal."""


@dataclass(frozen=True)
class Limits:
    """What one run may use. `wall_s` is watched by us, the rest by the kernel (rlimits)."""

    wall_s: float
    cpu_s: int
    memory_bytes: int = 6 * 1024**3
    file_bytes: int = 64 * 1024**3
    open_files: int = 256

    def as_rlimits(self) -> dict[str, int]:
        return {
            "CPU": self.cpu_s,
            "AS": self.memory_bytes,
            "FSIZE": self.file_bytes,
            "NOFILE": self.open_files,
            "CORE": 0,
        }


@dataclass(frozen=True)
class Outcome:
    """How a run ended: exit code (negative: killed by that signal), what it said (the end of stderr), what it used."""

    code: int
    stdout: str
    stderr: str
    cpu_s: float = 0.0
    peak_bytes: int = 0


def run(
    command: Sequence[str],
    *,
    limits: Limits,
    cwd: Path,
    tick: Callable[[Mapping[str, str]], None] | None = None,
    tick_s: float = 1.0,
    capture: bool = False,
    cores: int = 0,
    python: bool = False,
) -> Outcome:
    """Run `command` in `cwd` and return how it ended; on `cores` cores of its own, if so many are free (0: anywhere).

    `tick` is called about every `tick_s` seconds with the last `-progress pipe:1` block
    (empty before the first). When it raises (LeaseLost), the group is killed and the error
    goes on. With `capture`, stdout is returned instead of being read as progress.
    ffmpeg, ffprobe, the packager, and a program of ours in `python` run in the sandbox where there is one
    (`sandbox.py`). Raises StageInterrupted when the run was killed or took longer than `limits.wall_s`, DiskFull
    when it says that there is no space left.
    """
    with tempfile.TemporaryFile() as said, held_cores(cores) as mine:
        order = json.dumps({"parent": os.getpid(), "limits": limits.as_rlimits(), "cores": mine})
        process = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-S",
                _CONFINE,
                order,
                *confined(command, cwd=cwd, sees=PYTHON if python else ()),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            cwd=cwd,
            env={
                "PATH": os.environ.get("PATH", ""),
                "LC_ALL": "C",
                "HOME": str(cwd),
                "TMPDIR": str(cwd),
                "SVT_LOG": "1",
            },
            start_new_session=True,
        )
        try:
            stdout, used = _watch(process, limits.wall_s, tick, tick_s, capture)
        finally:
            _kill_group(process)
        said.seek(max(0, said.seek(0, os.SEEK_END) - _STDERR_KEPT))
        stderr = said.read().decode("utf-8", "replace")
    code = process.returncode
    if code - 128 in _DEADLY:
        code = 128 - code
    if os.strerror(errno.ENOSPC) in stderr:
        raise DiskFull(stderr[-300:])
    if code == -_SIGXFSZ or os.strerror(errno.EFBIG) in stderr:
        raise StageInterrupted(f"wrote more than {limits.file_bytes} bytes")
    if code < 0:
        killed = StageInterrupted(f"killed by signal {-code}: {stderr[-300:]}")
        # Past its CPU limit the kernel kills with the same signal.
        killed.from_outside = code in {-signal.SIGKILL, -signal.SIGTERM} and used[0] < 0.5 * limits.cpu_s
        raise killed
    return Outcome(code, stdout, stderr, *used)


def _watch(
    process: subprocess.Popen[bytes],
    wall_s: float,
    tick: Callable[[Mapping[str, str]], None] | None,
    tick_s: float,
    capture: bool,
) -> tuple[str, tuple[float, int]]:
    """Read stdout until the program ends, ticking; raises StageInterrupted past `wall_s`.

    Returns stdout, and CPU seconds and largest resident bytes of the program.
    """
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    end, next_tick = time.monotonic() + wall_s, time.monotonic() + tick_s
    kept, partial, block, last = bytearray(), b"", {}, {}
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        open_ended = True
        while open_ended:
            if ready.select(timeout=min(tick_s, 0.5)):
                piece = process.stdout.read()
                if piece == b"":
                    open_ended = False
                elif piece and capture:
                    kept += piece
                    if len(kept) > 16 * 1024**2:
                        raise StageInterrupted("said more than 16 MB")
                elif piece:
                    *lines, partial = (partial + piece).split(b"\n")
                    for line in lines:
                        name, _, value = line.decode("ascii", "replace").partition("=")
                        block[name.strip()] = value.strip()
                        if name == "progress":
                            last, block = block, {}
            now = time.monotonic()
            if now > end:
                raise StageInterrupted(f"took longer than {wall_s:.0f} s")
            if tick is not None and now >= next_tick:
                next_tick = now + tick_s
                tick(last)
    used = _wait(process, end + 1.0)
    return kept.decode("utf-8", "replace"), used


def _wait(process: subprocess.Popen[bytes], end: float) -> tuple[float, int]:
    """Wait for the program (its output is closed: it is about to end) and read what it used."""
    if not hasattr(os, "wait4"):  # Windows
        process.wait(timeout=max(1.0, end - time.monotonic()))
        return 0.0, 0
    pause_s = 0.0005
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
        if time.monotonic() > end:
            raise StageInterrupted("closed its output but did not end in time")
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, 0.05)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End whatever is left of the process group, and reap the program."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        if process.poll() is None:
            process.kill()
    if process.stdout is not None:
        process.stdout.close()
    process.wait()
