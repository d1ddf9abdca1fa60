"""Views of a sphere for weak phones: flat pictures in eight directions, as ordinary HLS renditions. Pure but for reading.

Switching direction is switching the rendition, at the next segment's border: the phone does
nothing but play a small video. The views are a media set of their own, keyed by their recipe,
beside the sphere's set, whose sound they share.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from media_pipeline.errors import StageFailed
from media_pipeline.ladder import ceiling_kbps
from media_pipeline.recipe import Recipe

__all__ = [
    "FOV",
    "MANIFEST_VIEWS",
    "View",
    "ViewsRecipe",
    "codecs_of",
    "measured",
    "view_name",
    "views_master",
    "views_of",
]

MANIFEST_VIEWS = "views.m3u8"
FOV = 90
"""Degrees from the left edge of a view to the right one; with a view every 45° each thing is seen whole in one of them."""
_ROUND = tuple(range(0, 360, 45))
_IN_FRONT = (-45, 0, 45)
_SIZES = ((1280, 720), (960, 540), (640, 360))


@dataclass(frozen=True)
class ViewsRecipe:
    """Everything that decides the bytes of a set of views besides the media set `of` (its recipe's hash)."""

    of: str
    rung: str
    yaws: tuple[int, ...]
    width: int
    height: int
    ceiling_kbps: int
    crf: float
    preset: str
    fps: str
    gop: int
    segment_s: int
    chunk_s: int
    projection: str
    stereo: str
    sound: str
    threads: int
    engine: str
    layout: int = 1

    @property
    def hash(self) -> str:
        """sha256 of the canonical JSON, as Recipe.hash."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def v_fov(self) -> float:
        """Degrees from the lower to the upper edge: 58.7 at 16:9."""
        half = math.tan(math.radians(FOV / 2)) * self.height / self.width
        return round(math.degrees(2 * math.atan(half)), 4)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(view_name(yaw) for yaw in self.yaws)


def view_name(yaw: int) -> str:
    """Folder of the view that looks `yaw` degrees to the right: y000, y045 …; y315 looks 45° to the left."""
    return f"y{yaw % 360:03d}"


def views_of(made: Recipe) -> ViewsRecipe | None:
    """What views the sphere of `made` gets; None for a flat or an encrypted lecture.

    They are drawn from its largest H.264 rendition, which is ours, upright and of constant rate;
    as large as that one has pixels in 90°, within 640×360 and 1280×720. Half a sphere has three.
    """
    if made.projection == "FLAT" or made.protected or not made.ladder:
        return None
    top = made.ladder[0]
    half = made.projection == "HALF_EQUIRECT"
    eye = top.width // 2 if made.stereo == "LEFT_RIGHT" else top.width
    seen = eye * FOV / (180 if half else 360)
    width, height = next((size for size in _SIZES if size[0] <= seen), _SIZES[-1])
    return ViewsRecipe(
        of=made.hash,
        rung=top.name,
        yaws=_IN_FRONT if half else _ROUND,
        width=width,
        height=height,
        ceiling_kbps=ceiling_kbps(width * height),
        crf=top.crf,
        preset=top.preset,
        fps=made.fps,
        gop=made.gop,
        segment_s=made.segment_s,
        chunk_s=made.chunk_s,
        projection=made.projection,
        stereo=made.stereo,
        sound=made.sounds[0].name if made.sounds else "",
        threads=made.threads,
        engine=made.engine,
    )


@dataclass(frozen=True)
class View:
    """One view as it lies on disk: seconds, number of segments, bytes, peak bits a second."""

    name: str
    duration_s: float
    segments: int
    size_bytes: int
    peak_bps: int


def measured(folder: Path, names: Sequence[str], *, grid: Sequence[float]) -> list[View]:
    """The views below `folder`, checked: each has the segments of the sphere's own rendition.

    `grid` are that rendition's segment durations in seconds; a view may differ by a thousandth.
    Raises StageFailed PACKAGE_UNSOUND.
    """
    found = []
    for name in names:
        playlist = folder / name / "main.m3u8"
        if not playlist.is_file():
            raise StageFailed("PACKAGE_UNSOUND", f"{name}/main.m3u8 is not there")
        durations, files = segments_of(playlist.read_text())
        if len(durations) != len(grid):
            raise StageFailed("PACKAGE_UNSOUND", f"{name} has {len(durations)} segments, not {len(grid)}")
        for number, (here, there) in enumerate(zip(durations, grid, strict=True)):
            if abs(here - there) > 0.001:
                raise StageFailed(
                    "PACKAGE_UNSOUND", f"{name}: segment {number + 1} lasts {here} s, not {there} s"
                )
        sizes = [_size(playlist.parent / file, name) for file in files]
        peak = max(
            size * 8 / seconds
            for size, seconds in zip(sizes, durations, strict=True)
            if seconds > 0.3 or len(durations) == 1
        )
        total = sum(sizes) + _size(playlist.parent / "init.mp4", name)
        found.append(View(name, sum(durations), len(durations), total, round(peak)))
    return found


def segments_of(playlist: str) -> tuple[list[float], list[str]]:
    """Durations in seconds and file names of a media playlist. Raises StageFailed when it has no end or no segment."""
    lines = playlist.splitlines()
    durations = [float(line[8:].split(",")[0]) for line in lines if line.startswith("#EXTINF:")]
    files = [line for line in lines if line and not line.startswith("#")]
    if "#EXT-X-ENDLIST" not in lines or not files or len(files) != len(durations):
        raise StageFailed("PACKAGE_UNSOUND", "a playlist without end or segments")
    return durations, files


def codecs_of(packed: str) -> dict[str, str]:
    """What the packager's master playlist says of each view's codec: {"y000": "avc1.64001f", …}."""
    found = {}
    for told, uri in re.findall(r"^#EXT-X-STREAM-INF:(.*)\n(.+)$", packed, re.MULTILINE):
        codecs = re.search(r'CODECS="([^"]+)"', told)
        if codecs:
            found[uri.split("/")[0]] = codecs.group(1)
    return found


def views_master(
    made: ViewsRecipe,
    views: Sequence[View],
    *,
    codecs: Mapping[str, str],
    set_folder: str,
    sound_bps: int,
) -> str:
    """The master playlist: one variant a direction, `NAME` its degrees to the right, with the sphere's own sound.

    Each announces the same bandwidth plus its number: a player that sorts by it keeps their
    order, and none is taken for another's double. `set_folder` is the name of the sphere's set.
    """
    rate = Fraction(made.fps)
    most = max(view.peak_bps for view in views)
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if made.sound:
        lines.append(
            f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",URI="../{set_folder}/{made.sound}/main.m3u8",'
            'NAME="sound",DEFAULT=YES,AUTOSELECT=YES'
        )
    for number, (yaw, view) in enumerate(zip(made.yaws, views, strict=True)):
        told = [
            f"BANDWIDTH={most + sound_bps + number}",
            f'CODECS="{codecs[view.name]}{",mp4a.40.2" if made.sound else ""}"',
            f"RESOLUTION={made.width}x{made.height}",
            f"FRAME-RATE={float(rate):.3f}",
            f'NAME="{yaw % 360}"',
            *(['AUDIO="sound"'] if made.sound else []),
            "CLOSED-CAPTIONS=NONE",
        ]
        lines += ["#EXT-X-STREAM-INF:" + ",".join(told), f"{view.name}/main.m3u8"]
    return "\n".join(lines) + "\n"


def description(made: ViewsRecipe, views: Sequence[View]) -> dict[str, Any]:
    """What the asset's contents say of its views."""
    return {
        "folder": made.hash[:16],
        "yaws": [yaw % 360 for yaw in made.yaws],
        "width": made.width,
        "height": made.height,
        "fov": FOV,
        "size_bytes": sum(view.size_bytes for view in views),
        "bandwidth_bps": max(view.peak_bps for view in views),
    }


def _size(path: Path, name: str) -> int:
    size = path.stat().st_size if path.is_file() else 0
    if not size:
        raise StageFailed("PACKAGE_UNSOUND", f"{name}: {path.name} is missing or empty")
    return size
