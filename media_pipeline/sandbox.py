"""Bubblewrap around whatever opens files of strangers: no network, no other process, no file but those named.

The command line is ours, so what it names is what the program may see: its own file, the files
named in its arguments (read only) and the working folder (read and write). Nothing else of the
disk exists in there, and there is no network interface. A program in Python also sees Python
(`PYTHON`). Without bubblewrap (Windows, a container that forbids user namespaces) whitelists and
rlimits still hold; MEDIA_SANDBOX=require forbids that.

Measured (bubblewrap 0.8, Debian 12): 12 ms and 6 ms of CPU a process on a quiet machine.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from django.conf import settings

from media_pipeline.errors import EngineMissing

__all__ = ["MODES", "PYTHON", "available", "confined", "named", "wrap"]

MODES = ("auto", "off", "require")
_PROGRAMS = ("ffmpeg", "ffprobe", "packager")
_NAMED = re.compile(r"(?:file:|in=|input=)?(/[^,\n]+)")
_LIBRARIES = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")
"""What a program that is not static needs to start (Debian's own ffmpeg)."""
PYTHON = (sys.base_prefix, sys.prefix)
"""What a program in Python sees, besides itself, to run and to find the installed packages."""


def confined(command: Sequence[str], *, cwd: Path, sees: tuple[str, ...] = ()) -> list[str]:
    """`command` as it is to be started: inside the sandbox where there is one and it is meant for it.

    Only ffmpeg, ffprobe and the packager go in, and what is told which folders it `sees` (read only).
    Raises EngineMissing when the setting requires a sandbox and none works here.
    """
    mode = settings.MEDIA_PIPELINE.get("SANDBOX", "auto")
    if mode == "off" or not (sees or Path(command[0]).name.startswith(_PROGRAMS)):
        return list(command)
    bwrap = available(command[0], sees)
    if bwrap is None:
        if mode == "require":
            raise EngineMissing("MEDIA_SANDBOX=require, but bubblewrap does not work here")
        return list(command)
    return wrap(command, cwd=cwd, bwrap=bwrap, sees=sees)


@cache
def available(program: str, sees: tuple[str, ...] = ()) -> str | None:
    """The path of a bubblewrap that really starts `program` here, tried once per process; else None."""
    bwrap = shutil.which("bwrap") if sys.platform == "linux" else None
    if bwrap is None:
        return None
    asked = "-version" if Path(program).name.startswith(("ffmpeg", "ffprobe")) else "--version"
    trial = wrap([program, asked], bwrap=bwrap, sees=sees)
    try:
        done = subprocess.run(trial, capture_output=True, stdin=subprocess.DEVNULL, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return bwrap if done.returncode == 0 else None


def wrap(
    command: Sequence[str], *, bwrap: str, cwd: Path | None = None, sees: tuple[str, ...] = ()
) -> list[str]:
    """The bubblewrap command around `command`. Paths inside are the same as outside.

    No session of its own: the runner has made one already, without a terminal, and kills the
    whole process group.
    """
    found = str(Path(command[0]).resolve())
    program = command[0] if sees else found  # by its link, or Python does not know its environment
    words = [
        # as pid 1: else bubblewrap's own init takes the program's CPU seconds to its grave (rusage).
        bwrap, "--unshare-all", "--as-pid-1", "--die-with-parent", "--clearenv", "--cap-drop", "ALL",
        "--setenv", "LC_ALL", "C", "--tmpfs", "/tmp", "--dev", "/dev",
    ]  # fmt: skip
    for place in () if _is_static(found) else (*_LIBRARIES, *sees):
        words += ["--ro-bind-try", place, place]
    words += ["--ro-bind", found, found]
    if cwd is not None:
        home = str(cwd.resolve())
        words += ["--setenv", "HOME", home, "--setenv", "TMPDIR", home, "--bind", home, home]
        for path in named(command, cwd=cwd):
            if not path.is_relative_to(home):
                words += ["--ro-bind", str(path.resolve()), str(path)]
        words += ["--chdir", home]
    return [*words, "--", program, *command[1:]]


def named(command: Sequence[str], *, cwd: Path) -> list[Path]:
    """Files that the arguments of `command` name by absolute path and that are there, each once.

    Of a concat list (`-f concat`, written by us, perhaps in the working folder) also what stands in it.
    """
    found: dict[Path, None] = {}
    for number, word in enumerate(command[1:], start=1):
        if command[number - 1] == "-i" and "concat" in command[:number]:
            listed = cwd / word.removeprefix("file:")
            if listed.is_file():
                for line in listed.read_text("utf-8").splitlines():
                    if line.startswith("file '") and line.endswith("'"):
                        found[Path(line[6:-1].replace("'\\''", "'").removeprefix("file:"))] = None
        hit = _NAMED.fullmatch(word) or _NAMED.match(word if word.startswith(("in=", "input=")) else "")
        if hit is not None and Path(hit.group(1)).is_file():
            found[Path(hit.group(1))] = None
    return [path for path in found if path.is_absolute()]


@cache
def _is_static(program: str) -> bool:
    """Whether an ELF program names no interpreter (PT_INTERP), so that it needs no library to start."""
    with open(program, "rb") as opened:
        head = opened.read(64)
        if head[:5] != b"\x7fELF\x02":
            return False
        offset = int.from_bytes(head[32:40], "little")
        size, count = int.from_bytes(head[54:56], "little"), int.from_bytes(head[56:58], "little")
        opened.seek(offset)
        table = opened.read(size * count)
    return all(table[i * size : i * size + 4] != b"\x03\0\0\0" for i in range(count))
