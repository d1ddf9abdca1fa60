"""Which job may begin now: is the queue paused, is there room on the disk, is there memory."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.utils import timezone

from media_pipeline import storage
from media_pipeline.models import Job, JobState, QueuePause, Stage

__all__ = ["DISK_FULL", "PAUSED", "Gate", "fits", "free_memory_mb", "gate", "queue_held"]

PAUSED, DISK_FULL = "PAUSED", "DISK_FULL"
_FILLS_DISK = {Stage.ENCODE, Stage.SOUND, Stage.PREVIEW, Stage.PACKAGE, Stage.VIEWPORTS}
_KEPT_MB = 256
"""Memory that is left to everything else on the machine."""


@dataclass(frozen=True)
class Gate:
    """What may begin on this machine at this moment: ask `lets(job)`; "" or why not."""

    held: str
    available_mb: int | None
    running_mb: tuple[int, ...]

    def lets(self, job: Job) -> str:
        """ "" when `job` may begin, else PAUSED, DISK_FULL or MEMORY."""
        if self.held == PAUSED or (self.held == DISK_FULL and job.stage in _FILLS_DISK):
            return self.held
        if fits(job.memory_mb, available_mb=self.available_mb, running_mb=self.running_mb):
            return ""
        return "MEMORY"


def fits(need_mb: int, *, available_mb: int | None, running_mb: Sequence[int]) -> bool:
    """Whether a job that needs `need_mb` may begin beside those running here. Pure.

    `available_mb`: what the machine could give if nothing of ours ran (None: unknown, everything
    fits); `running_mb`: what each running job may need at its peak. One job always may run.
    """
    if not running_mb or available_mb is None:
        return True
    return sum(running_mb) + need_mb + _KEPT_MB <= available_mb


def gate(*, now: datetime | None = None) -> Gate:
    """The gate of this machine as it is now (two queries)."""
    now = now or timezone.now()
    running = tuple(
        Job.objects.filter(
            state=JobState.RUNNING, lease_until__gte=now, worker__startswith=f"{socket.gethostname()}:"
        ).values_list("memory_mb", flat=True)
    )
    free = free_memory_mb()
    # What runs already holds part of its need, nobody knows how much: at least the free memory can
    # be given, at most that and all that the running jobs asked for. Half of their need is in between.
    available = None if free is None else free + sum(running) // 2
    return Gate(queue_held(), available, running)


def queue_held() -> str:
    """ "" when work goes on, PAUSED when operators hold the queue, DISK_FULL when there is no room. One query."""
    if QueuePause.objects.filter(ended_at__isnull=True).exists():
        return PAUSED
    return DISK_FULL if storage.room_left() < 0 else ""


def free_memory_mb(proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")) -> int | None:
    """MB that programs may still take on this machine or in this container; None where nobody tells (macOS)."""
    found: list[int] = []
    try:
        lines = (proc / "meminfo").read_text().splitlines()
        found += [int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable:")]
    except (OSError, ValueError, IndexError):
        pass
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        if limit != "max":
            used = int((cgroup / "memory.current").read_text()) - _file_cache(cgroup)
            found.append((int(limit) - used) // 1024**2)
    except (OSError, ValueError):
        pass
    return min(found) if found else None


def _file_cache(cgroup: Path) -> int:
    """Bytes of the container's memory that only keep files at hand: given up when somebody needs them."""
    for line in (cgroup / "memory.stat").read_text().splitlines():
        if line.startswith("inactive_file "):
            return int(line.split()[1])
    return 0
