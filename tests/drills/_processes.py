"""The processes that a drill started, read from /proc: whose children they are, and what memory they hold."""

import os
from pathlib import Path

__all__ = ["descendants", "family", "program_of", "resident_mb"]


def family() -> dict[int, tuple[int, int, str]]:
    """Of every process: its parent, its process group, its name (/proc)."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        name = stat[stat.index("(") + 1 : stat.rindex(")")]
        parent, group = stat[stat.rindex(")") + 2 :].split()[1:3]
        found[int(entry.name)] = (int(parent), int(group), name)
    return found


def descendants(known: dict[int, tuple[int, int, str]], ancestor: int) -> list[int]:
    found, generation = [], {ancestor}
    while generation:
        generation = {pid for pid, (parent, _group, _name) in known.items() if parent in generation}
        found += sorted(generation)
    return found


def program_of(pid: int) -> str:
    """The command line, blanks between its words; "" when the process is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def resident_mb(pid: int) -> float:
    """Resident memory of one process; 0 when it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2
