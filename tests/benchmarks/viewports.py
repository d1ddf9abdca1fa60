"""What a view of a sphere costs beside the whole sphere, when what is seen is equally good.

A synthetic sphere of 3840×1920 (six faces: three of a street, three of an animation) is encoded by our
own arguments at several qualities; of each, the picture that a phone would draw looking in three
directions is compared with the source's (VMAF). Our views are drawn out of the sphere's rendition,
as the pipeline does, and compared likewise. Then: bytes of a view, over the bytes of the sphere that
would look as good, read off the sphere's curve.

    .venv/bin/python tests/benchmarks/viewports.py     # prints a table; needs imageio-ffmpeg (libvmaf)
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [
    str(HERE.parents[1]),
    str(HERE.parents[1] / "site"),
    str(HERE),
]  # search is the room, not our file
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.base")

WIDTH, HEIGHT, RATE = 3840, 1920, 25
SPHERE_CRFS = (22, 27, 32, 37)
SEEN = (0, 90, 225)
"""Directions that are judged: a street, an animation, and an edge between faces."""


def measured(folder: Path, *, seconds: float = 3.0) -> dict[str, float]:
    """{"viewport_bytes": ratio, "viewport_vmaf", "view_kbps", "sphere_kbps"} for a clip of `seconds`.

    Everything is made below `folder`. Takes some minutes of CPU.
    """
    import imageio_ffmpeg
    from _clips import Clips
    from _measured import table

    from media_pipeline.graph.viewports import views_command
    from media_pipeline.ladder import ceiling_kbps
    from media_pipeline.recipe import Recipe, VideoRung
    from media_pipeline.vr.views import view_name, views_of

    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    folder.mkdir(parents=True, exist_ok=True)
    source = _sphere(ffmpeg, Clips(folder.parent, ffmpeg), folder, seconds)
    made = Recipe(
        rungs=(VideoRung("v3840", WIDTH, HEIGHT, ceiling_kbps(WIDTH * HEIGHT), crf=SPHERE_CRFS[0]),),
        sounds=(), kind="SPHERE", fps=f"{RATE}/1", segment_s=2, chunk_s=48, projection="EQUIRECT",
        stereo="MONO", threads=1, max_duration_s=60, engine="bench",
    )  # fmt: skip
    plan = views_of(made)
    assert plan is not None

    def look(yaw: int) -> str:
        """The filter that draws what is seen, as views_command does."""
        turned = yaw if yaw <= 180 else yaw - 360
        return (
            f"v360=equirect:flat:yaw={turned}:h_fov=90:v_fov={plan.v_fov}:"
            f"w={plan.width}:h={plan.height}:interp=cubic,format=yuv420p"
        )

    rows: list[Sequence[object]] = [["what", "kbit/s", "VMAF of what is seen"]]
    curve: list[tuple[float, float]] = []
    for crf in SPHERE_CRFS:
        coded = folder / f"sphere-{crf}.mp4"
        _run(ffmpeg, "-i", source, "-an", "-vf", "format=yuv420p", *_x264(crf, made.gop), coded)
        quality = _mean(_vmaf(ffmpeg, coded, source, look(yaw), look(yaw), folder) for yaw in SEEN)
        kbps = _kbps(coded, seconds)
        curve.append((kbps, quality))
        rows.append([f"sphere, crf {crf}", f"{kbps:.0f}", f"{quality:.2f}"])

    best: dict[str, float] = {}
    for crf in (plan.crf, plan.crf + 4):
        drawn = folder / f"views-{crf:g}"
        drawn.mkdir(exist_ok=True)
        wanted = replace(plan, crf=crf)
        command = views_command(ffmpeg, folder / f"sphere-{SPHERE_CRFS[0]}.mp4", wanted)
        subprocess.run(command, check=True, cwd=drawn, stdout=subprocess.DEVNULL)
        kbps = _mean(_kbps(drawn / f"{view_name(yaw)}.mp4", seconds) for yaw in plan.yaws)
        seen = [
            _vmaf(ffmpeg, drawn / f"{view_name(yaw)}.mp4", source, "null", look(yaw), folder) for yaw in SEEN
        ]
        quality = _mean(seen)
        equal = bytes_at(curve, quality)
        rows.append([f"one view, crf {crf:g} (mean of {len(plan.yaws)})", f"{kbps:.0f}", f"{quality:.2f}"])
        rows.append(["  the sphere that looks as good", f"{equal:.0f}", f"ratio {kbps / equal:.3f}"])
        if not best:
            best = {
                "viewport_bytes": kbps / equal, "viewport_vmaf": quality, "view_kbps": kbps, "sphere_kbps": equal,
            }  # fmt: skip
    table(rows)
    return best


def bytes_at(curve: Sequence[tuple[float, float]], quality: float) -> float:
    """kbit/s at which the sphere reaches `quality`, along its curve (straight between points in log kbit/s).

    Beyond its ends the nearest piece is prolonged. `curve`: (kbit/s, VMAF), best first.
    """
    points = sorted(curve, key=lambda point: point[1])
    below, above = points[0], points[1]
    for one, other in pairwise(points):
        below, above = one, other
        if quality <= other[1]:
            break
    share = (quality - below[1]) / (above[1] - below[1])
    return math.exp(math.log(below[0]) + share * (math.log(above[0]) - math.log(below[0])))


def _sphere(ffmpeg: str, clips: Any, folder: Path, seconds: float) -> Path:
    """Six faces of 960×960 as a cube, turned into a whole sphere, hardly compressed."""
    target = folder / f"source-{seconds:g}.mp4"
    if target.exists():
        return target
    inputs: list[object] = []
    for name in ("bikes.mp4", "bigbuckbunny.mp4"):
        for begin in (0, 1, 2):
            inputs += ["-stream_loop", "-1", "-ss", begin, "-i", clips.material(name)]
    faces = "".join(
        f"[{number}:v]fps={RATE},scale=960:960:force_original_aspect_ratio=increase:flags=lanczos,"
        f"crop=960:960,noise=c0s=3:c0f=t,format=yuv420p[f{number}];"
        for number in range(6)
    )
    # Right, left, up / down, front, back (v360's default order of c3x2): the kinds alternate.
    order = "".join(f"[f{number}]" for number in (0, 3, 4, 5, 1, 2))
    places = "|".join(("0_0", "960_0", "1920_0", "0_960", "960_960", "1920_960"))
    graph = f"{faces}{order}xstack=inputs=6:layout={places},v360=c3x2:equirect:w={WIDTH}:h={HEIGHT}:interp=cubic[v]"
    fresh = target.with_name("new-" + target.name)
    _run(
        ffmpeg, *inputs, "-filter_complex", graph, "-map", "[v]", "-t", seconds, "-c:v", "libx264", "-preset",
        "ultrafast", "-crf", "8", "-pix_fmt", "yuv420p", fresh,
    )  # fmt: skip
    fresh.replace(target)
    return target


def _x264(crf: int, gop: int) -> list[object]:
    return [
        "-c:v", "libx264", "-preset", "faster", "-profile:v", "high", "-crf", crf, "-g", gop, "-keyint_min", gop,
        "-sc_threshold", 0,
    ]  # fmt: skip


def _vmaf(ffmpeg: str, seen: Path, source: Path, look: str, reference: str, folder: Path) -> float:
    """Mean VMAF (v0.6.1, every fifth frame) of `seen` through `look` against `source` through `reference`."""
    told = folder / "vmaf.json"
    graph = (
        f"[0:v]{look},setpts=PTS-STARTPTS[a];[1:v]{reference},setpts=PTS-STARTPTS[b];"
        f"[a][b]libvmaf=n_subsample=5:n_threads=2:log_fmt=json:log_path={told.name}"
    )
    _run(ffmpeg, "-i", seen, "-i", source, "-filter_complex", graph, "-f", "null", "-", cwd=folder)
    return float(json.loads(told.read_text())["pooled_metrics"]["vmaf"]["mean"])


def _run(ffmpeg: str, *arguments: object, cwd: Path | None = None) -> None:
    command = [ffmpeg, "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, cwd=cwd)


def _kbps(path: Path, seconds: float) -> float:
    return path.stat().st_size * 8 / 1000 / seconds


def _mean(values: Any) -> float:
    known = list(values)
    return sum(known) / len(known)


if __name__ == "__main__":
    import django

    django.setup()
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="viewports-"))
    print(json.dumps({key: round(value, 3) for key, value in measured(chosen).items()}))
