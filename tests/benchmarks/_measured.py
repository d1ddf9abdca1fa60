"""Running things and reading what they cost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """CPU seconds (user and system, with the children that were waited for) and wall seconds."""

    cpu_s: float
    wall_s: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.cpu_s + other.cpu_s, self.wall_s + other.wall_s)


NOTHING = Cost(0.0, 0.0)


def cost_of(command: Sequence[str], cwd: Path) -> Cost:
    """Run one program to its end. Raises RuntimeError with what it said when it fails."""
    begun = time.monotonic()
    with open(os.devnull, "wb") as nowhere:
        process = subprocess.Popen(
            list(command), cwd=cwd, stdin=subprocess.DEVNULL, stdout=nowhere, stderr=subprocess.PIPE
        )
        assert process.stderr is not None
        said = process.stderr.read()
        _pid, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} …: {said.decode('utf-8', 'replace')[-800:]}")
    return Cost(used.ru_utime + used.ru_stime, time.monotonic() - begun)


def alternated(ways: dict[str, Callable[[], Cost]], runs: int) -> dict[str, list[Cost]]:
    """Run all `ways` once, then all once more, `runs` times: a busy minute hits them all alike."""
    seen: dict[str, list[Cost]] = {name: [] for name in ways}
    for number in range(runs):
        for name, way in ways.items():
            seen[name].append(way())
            cost = seen[name][-1]
            say(f"  {name} {number + 1}/{runs}: {cost.cpu_s:.1f} CPU s, {cost.wall_s:.1f} s")
    return seen


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def table(rows: Sequence[Sequence[object]]) -> None:
    """Rows as columns on stdout; the first row is the heading."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in texts) for column in range(len(texts[0]))]
    for row in texts:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(flush=True)
