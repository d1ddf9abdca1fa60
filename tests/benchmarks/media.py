"""`./run bench media`: our pipeline beside the calls of two other systems, on the same clips, with one binary.

Progress goes to stderr, tables to stdout, and the very last line is one JSON object of ratios
(issue 4's table). `--small` runs everything once on tiny clips: it shows that the benchmark works, its
ratios mean nothing. `--only KEY…` measures some of them; `--runs N` (3); `--folder DIR` keeps the clips.
CPU seconds are measured, and of alternated runs the median counts: wall seconds of a busy machine lie.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [
    str(HERE.parents[1]),
    str(HERE.parents[1] / "site"),
    str(HERE),
]  # search is the room, not our file

KEYS = (
    "ladder_cpu_slides", "ladder_cpu_camera", "ladder_cpu_vs_peertube", "stored_bytes", "shipped_bytes",
    "shipped_bytes_av1", "chunk_cpu", "chunk_bytes", "two_workers_speedup", "resume_cpu", "storyboard_cpu",
    "viewport_bytes", "eta_error_median",
)  # fmt: skip
REACH = dict(
    zip(KEYS, (0.72, 0.80, 0.50, 0.42, 0.55, 0.45, 1.08, 1.01, 1.7, 0.60, 0.05, 0.15, 0.25), strict=True)
)


@dataclass(frozen=True)
class Scale:
    """How large everything is; lengths in seconds."""

    ladder: tuple[int, int]
    slides_s: int
    camera_s: int
    pieces: tuple[int, int]
    pieces_s: int
    chunk_s: int
    queue: tuple[tuple[str, tuple[int, int], int], ...]
    sphere_s: float


FULL = Scale(
    ladder=(1920, 1080), slides_s=40, camera_s=20, pieces=(1280, 720), pieces_s=192, chunk_s=48, sphere_s=4.0,
    queue=(
        ("slides", (1280, 720), 60), ("camera", (1280, 720), 12), ("slides", (854, 480), 90),
        ("camera", (854, 480), 20), ("slides", (1280, 720), 30), ("camera", (640, 360), 30),
        ("slides", (640, 360), 60), ("camera", (1280, 720), 6),
    ),
)  # fmt: skip
SMALL = Scale(
    ladder=(640, 360), slides_s=16, camera_s=4, pieces=(320, 180), pieces_s=24, chunk_s=8, sphere_s=1.0,
    queue=(("slides", (320, 180), 16), ("camera", (320, 180), 4), ("camera", (320, 180), 2)),
)  # fmt: skip


class Benchmark:
    def __init__(self, folder: Path, scale: Scale, runs: int) -> None:
        from _clips import Clips

        from media_pipeline.engine import engine

        self.scale, self.runs, self.folder = scale, runs, folder
        self.tools = engine()
        self.clips = Clips(folder / "clips", self.tools.ffmpeg)
        self.heights = tuple(h for h in _heights() if h <= scale.ladder[1])
        self.found: dict[str, float] = {}

    # One ladder, three ways

    def ladder(self) -> None:
        """CPU and bytes of the same sizes at the same CRF: theirs, theirs, ours."""
        import _peers
        from _measured import Cost, alternated, cost_of, size_of, table

        clips = {
            "slides": self.clips.slides(self.scale.ladder, self.scale.slides_s),
            "camera": self.clips.camera(self.scale.ladder, self.scale.camera_s),
        }
        rows: list[list[object]] = [
            ["clip", "way", "CPU s (all runs)", "median", "bytes on disk", "CPU ratio", "bytes ratio"]
        ]
        for kind, clip in clips.items():
            sizes: dict[str, int] = {}

            def theirs(kind: str = kind, clip: Path = clip, sizes: dict[str, int] = sizes) -> Cost:
                out = self.fresh("mediacms")
                spent = _sum(cost_of(c, out) for c in _peers.mediacms(self.tools.ffmpeg, clip, self.heights))
                for command in _peers.mediacms_hls(self.tools.ffmpeg, self.heights):
                    cost_of(
                        command, out
                    )  # the copy's bytes count, its CPU does not: we cannot run their tool
                sizes["MediaCMS"] = size_of(out)
                return spent

            def tube(clip: Path = clip, sizes: dict[str, int] = sizes) -> Cost:
                out = self.fresh("peertube")
                spent = _sum(cost_of(c, out) for c in _peers.peertube(self.tools.ffmpeg, clip, self.heights))
                sizes["PeerTube"] = size_of(out)
                return spent

            def ours(preset: str, kind: str = kind, clip: Path = clip, sizes: dict[str, int] = sizes) -> Cost:
                out = self.fresh("ours")
                spent = self.our_ladder(clip, kind.upper(), preset=preset, out=out)
                sizes[f"ours, {preset}"] = size_of(out / "set")
                return spent

            ways = {"MediaCMS": theirs, "ours, medium": lambda o=ours: o("medium")}
            if kind == "slides":
                ways |= {"PeerTube": tube, "ours, veryfast": lambda o=ours: o("veryfast")}
            seen = alternated(ways, self.runs)
            middle = {name: statistics.median(cost.cpu_s for cost in costs) for name, costs in seen.items()}
            for name, costs in seen.items():
                against = "PeerTube" if name == "ours, veryfast" else "MediaCMS"
                rows.append([
                    kind, name, " ".join(f"{cost.cpu_s:.1f}" for cost in costs), f"{middle[name]:.1f}", sizes[name],
                    f"{middle[name] / middle[against]:.2f} of {against}", f"{sizes[name] / sizes['MediaCMS']:.2f}",
                ])  # fmt: skip
            self.found[f"ladder_cpu_{kind}"] = middle["ours, medium"] / middle["MediaCMS"]
            if kind == "slides":
                self.found["ladder_cpu_vs_peertube"] = middle["ours, veryfast"] / middle["PeerTube"]
                self.found["stored_bytes"] = sizes["ours, medium"] / sizes["MediaCMS"]
        print(
            f"One ladder ({'/'.join(map(str, self.heights))}), CRF 23 everywhere, {self.runs} alternated runs"
        )
        table(rows)

    def our_ladder(self, clip: Path, kind: str, *, preset: str, out: Path) -> Any:
        """Our commands for the sizes of the others: pictures, sound, packaging; the set is `out`/set."""
        from _measured import cost_of

        from media_pipeline.decide import Character, recipe
        from media_pipeline.graph.encode import encode_command
        from media_pipeline.graph.sound import sound_command
        from media_pipeline.ladder import ceiling_kbps
        from media_pipeline.package import packager_command
        from media_pipeline.recipe import VideoRung

        facts = self.facts(clip)
        made = recipe(
            facts, Character(kind), projection="FLAT", stereo="MONO", engine=self.tools.version, preset=preset,
            crf=23, threads=1, max_duration_s=43200, stills=False,
        )  # fmt: skip
        rungs = []
        for height in self.heights:
            width = round(height * 16 / 9 / 2) * 2
            rungs.append(
                VideoRung(f"v{height}", width, height, ceiling_kbps(width * height), crf=23, preset=preset)
            )
        made = replace(made, rungs=tuple(rungs))
        (out / "set").mkdir()
        spent = cost_of(encode_command(self.tools.ffmpeg, clip, facts, made, max_pixels=8192 * 4320), out)
        spent += cost_of(sound_command(self.tools.ffmpeg, clip, facts, made, max_pixels=8192 * 4320), out)
        return spent + cost_of(packager_command(self.tools.packager, out, made), out / "set")

    # What is shipped, by the whole pipeline

    def shipped(self) -> None:
        """Bytes of what the pipeline ships at its own choice of quality, beside MediaCMS's set; VMAF of both."""
        from _measured import say, table

        from media_pipeline.decide.quality import FLOOR, Point, Score, bytes_at, crf_for, measure

        if not self.tools.measuring:
            raise RuntimeError("no ffmpeg with libvmaf: pip install imageio-ffmpeg")
        rows: list[list[object]] = [
            [
                "clip",
                "rendition",
                "CRF",
                "bytes",
                "VMAF mean",
                "p5",
                "floor",
                "MediaCMS bytes",
                "its VMAF",
                "p5",
                "ratio",
                "ratio, both at the floor",
            ]
        ]
        ratios: dict[str, dict[str, list[float]]] = {}
        for kind in ("slides", "camera"):
            seconds = self.scale.slides_s if kind == "slides" else self.scale.camera_s
            clip = getattr(self.clips, kind)(self.scale.ladder, seconds)
            out = self.fresh(f"shipped-{kind}")
            theirs = self.mediacms_pictures(clip, out)
            scores = {
                height: measure(clip, theirs[height], size=_size(theirs[height])) for height in self.heights
            }
            # The same system at another quality, to reckon what it would need at the floor.
            missed = any(not score.reaches(FLOOR) for score in scores.values())
            others = self.mediacms_pictures(
                clip, self.fresh(f"shipped-{kind}-other"), crf=20 if missed else 28
            )
            at_floor = {}
            for height, path in others.items():
                trials = [
                    Point(crf, file.stat().st_size, score)
                    for crf, file, score in (
                        (23, theirs[height], scores[height]),
                        (20 if missed else 28, path, measure(clip, path, size=_size(path))),
                    )
                ]
                at_floor[height] = bytes_at(trials, crf_for(trials, margin=Score(0, 0)))
            say(f"  {kind}: through the pipeline")
            asset = self.through(clip, AV1=True, PREVIEW_AFTER_S=0)
            folder = _media_root() / asset.folder
            crf = {rung["name"]: rung["crf"] for rung in asset.facts["recipe"]["rungs"]}
            ratios[kind] = {"h264": [], "av1": []}
            for item in asset.contents["renditions"]:
                if not item["height"] or item["name"][0] not in "va" or item["height"] not in theirs:
                    continue
                whole = out / f"{item['name']}.mp4"
                parts = [folder / item["name"] / "init.mp4", *sorted((folder / item["name"]).glob("*.m4s"))]
                whole.write_bytes(b"".join(part.read_bytes() for part in parts))
                score = measure(clip, whole, size=(item["width"], item["height"]))
                other, size = theirs[item["height"]], whole.stat().st_size
                ratio = size / other.stat().st_size
                ratios[kind]["av1" if item["name"][0] == "a" else "h264"].append(ratio)
                held = scores[item["height"]]
                rows.append([
                    kind, item["name"], crf[item["name"]], size, f"{score.mean:.2f}", f"{score.p5:.2f}",
                    "reached" if score.reaches(FLOOR) else "MISSED", other.stat().st_size,
                    f"{held.mean:.2f}", f"{held.p5:.2f}", f"{ratio:.2f}", f"{size / at_floor[item['height']]:.2f}",
                ])  # fmt: skip
        print(
            "Shipped bytes of the picture at our choice of quality, floor VMAF mean 95.5 and 5th percentile 93"
        )
        table(rows)
        table([
            ["clip", "H.264, mean ratio of the sizes", "AV1"],
            *([kind, *(f"{_mean(found[codec]):.2f}" for codec in ("h264", "av1"))] for kind, found in ratios.items()),
        ])  # fmt: skip
        self.found["shipped_bytes"] = _mean(ratios["slides"]["h264"])
        self.found["shipped_bytes_av1"] = _mean(ratios["slides"]["av1"])

    def mediacms_pictures(self, clip: Path, out: Path, *, crf: int = 23) -> dict[int, Path]:
        """MediaCMS's renditions of a clip without their sound, by height."""
        import _peers
        from _measured import cost_of

        found = {}
        for height, command in zip(
            self.heights, _peers.mediacms(self.tools.ffmpeg, clip, self.heights, crf=crf), strict=True
        ):
            cost_of(command, out)
            only = out / f"only{height}.mp4"
            cost_of([self.tools.ffmpeg, "-v", "error", "-y", "-i", str(out / f"m{height}.mp4"), "-an", "-c", "copy",
                     str(only)], out)  # fmt: skip
            found[height] = only
        return found

    # Pieces

    def chunks(self) -> None:
        """The same lecture undivided and in chunks: CPU, and bytes of what comes out."""
        from _measured import NOTHING, Cost, alternated, cost_of, table

        from media_pipeline import chunks
        from media_pipeline.decide import Character, recipe
        from media_pipeline.graph.encode import encode_command
        from media_pipeline.graph.join import concat_list, join_command

        clip = self.clips.slides(self.scale.pieces, self.scale.pieces_s)
        facts = self.facts(clip)
        made = recipe(
            facts, Character("SLIDES"), projection="FLAT", stereo="MONO", engine=self.tools.version, preset="medium",
            crf=25, threads=1, max_duration_s=43200, stills=False,
        )  # fmt: skip
        made = replace(made, chunk_s=self.scale.chunk_s)
        plan = chunks.plan(facts.duration_s, made)
        sizes: dict[str, int] = {}

        def whole() -> Cost:
            out = self.fresh("whole")
            spent = cost_of(encode_command(self.tools.ffmpeg, clip, facts, made, max_pixels=8192 * 4320), out)
            sizes["undivided"] = sum((out / f"{rung.name}.mp4").stat().st_size for rung in made.rungs)
            return spent

        def pieces() -> Cost:
            out, spent = self.fresh("pieces"), NOTHING
            for chunk in plan:
                place = out / chunk.key
                place.mkdir()
                enter_s = next(iter(chunks.entries(chunk, made, facts.demuxer)))
                spent += cost_of(
                    encode_command(
                        self.tools.ffmpeg,
                        clip,
                        facts,
                        made,
                        chunk=chunk,
                        enter_s=enter_s,
                        max_pixels=8192 * 4320,
                    ),
                    place,
                )
            for rung in made.rungs:
                listed = out / f"{rung.name}.ffconcat"
                frames = [chunk.frames or round(facts.duration_s * made.rate) - chunk.first for chunk in plan]
                listed.write_text(concat_list([
                    (out / chunk.key / f"{rung.name}.mp4", count / made.rate)
                    for chunk, count in zip(plan, frames, strict=True)
                ]))  # fmt: skip
                spent += cost_of(
                    join_command(self.tools.ffmpeg, listed, f"{rung.name}.mp4", codec="h264"), out
                )
            sizes["in chunks"] = sum((out / f"{rung.name}.mp4").stat().st_size for rung in made.rungs)
            return spent

        seen = alternated({"undivided": whole, "in chunks": pieces}, self.runs)
        middle = {name: statistics.median(cost.cpu_s for cost in costs) for name, costs in seen.items()}
        print(f"Chunks: {self.scale.pieces_s} s of slides in {len(plan)} pieces")
        table([
            ["way", "CPU s (all runs)", "median", "bytes"],
            *([name, " ".join(f"{c.cpu_s:.1f}" for c in costs), f"{middle[name]:.1f}", sizes[name]]
              for name, costs in seen.items()),
        ])  # fmt: skip
        self.found["chunk_cpu"] = middle["in chunks"] / middle["undivided"]
        self.found["chunk_bytes"] = sizes["in chunks"] / sizes["undivided"]

    def workers(self) -> None:
        """One worker, two workers, and one that is killed at half: real processes on one database."""
        from _measured import say, table

        clip = self.clips.slides(self.scale.pieces, self.scale.pieces_s)
        walls: dict[int, list[float]] = {1: [], 2: []}
        alone: list[float] = []
        again: list[float] = []
        trees = set()
        for number in range(self.runs):
            for count in (1, 2):
                asset = self.up_to_encoding(clip)
                wall, cpu = self.crew([asset.pk], count)
                walls[count].append(wall)
                trees.add(_tree(asset.pk))
                if count == 1:
                    alone.append(cpu)
                say(f"  {count} worker(s) {number + 1}/{self.runs}: {wall:.1f} s, {cpu:.1f} CPU s")
            asset = self.up_to_encoding(clip)
            self.crew([asset.pk], 1, kill_at_half=True)
            _wall, cpu = self.crew([asset.pk], 1)
            again.append(cpu)
            trees.add(_tree(asset.pk))
            say(f"  after kill -9 at half {number + 1}/{self.runs}: {cpu:.1f} CPU s")
        if len(trees) != 1:
            raise RuntimeError(f"the same lecture came out in {len(trees)} different ways")
        print(f"Workers: {self.scale.pieces_s} s of slides; all runs gave the same bytes")
        table([
            ["way", "wall s", "CPU s"],
            ["one worker", _row(walls[1]), _row(alone)],
            ["two workers", _row(walls[2]), ""],
            ["the rest after kill -9 at half", "", _row(again)],
        ])  # fmt: skip
        self.found["two_workers_speedup"] = statistics.median(walls[1]) / statistics.median(walls[2])
        self.found["resume_cpu"] = statistics.median(again) / statistics.median(alone)

    def storyboard(self) -> None:
        """Small pictures from our smallest rendition, beside one decode of the source (what others do for them)."""
        from _measured import alternated, cost_of, table

        from media_pipeline import graph, storyboard

        clip = self.clips.slides(self.scale.ladder, self.scale.slides_s)
        out = self.fresh("storyboard")
        self.our_ladder(clip, "SLIDES", preset="veryfast", out=out)
        facts = self.facts(clip)
        height = self.heights[-1]
        board = storyboard.plan(facts.duration_s, round(height * 16 / 9), height)
        drawing = graph.storyboard_command(
            self.tools.ffmpeg, out / f"v{height}.mp4", every_s=board.every_s, columns=board.columns, rows=board.rows,
            tile=board.tile, stereo="MONO", target="storyboard-%d.jpg",
        )  # fmt: skip
        decoding = [self.tools.ffmpeg, "-v", "error", "-i", str(clip), "-map", "0:v:0", "-f", "null", "-"]
        seen = alternated(
            {
                "a full decode": lambda: cost_of(decoding, out),
                "our storyboard": lambda: cost_of(drawing, out),
            },
            self.runs,
        )
        middle = {name: statistics.median(cost.cpu_s for cost in costs) for name, costs in seen.items()}
        print("Storyboard")
        table([["way", "CPU s"], *([name, f"{value:.2f}"] for name, value in middle.items())])
        self.found["storyboard_cpu"] = middle["our storyboard"] / middle["a full decode"]

    def viewports(self) -> None:
        """Bytes of one view beside the whole sphere at the same quality of what is seen."""
        import viewports

        self.found["viewport_bytes"] = viewports.measured(
            self.folder / "viewports", seconds=self.scale.sphere_s
        )["viewport_bytes"]

    def eta(self) -> None:
        """A mixed queue and two workers: when each lecture was forecast to be ready, and when it was."""
        from _measured import say, table

        from media_pipeline import eta
        from media_pipeline.models import Asset

        rows: list[list[object]] = [["lecture", "forecast s", "really s", "error"]]
        errors: list[float] = []
        for round_number in range(2):  # the first one teaches the machine's speed
            made = []
            for place, (kind, size, seconds) in enumerate(self.scale.queue):
                clip = getattr(self.clips, kind)(size, seconds)
                made.append(
                    (
                        f"{kind} {size[1]}p {seconds} s",
                        self.up_to_encoding(clip, edition=100 + 20 * round_number + place),
                    )
                )
            told = eta.forecast()
            promised = {asset.pk: told[asset.pk].eta_s for _name, asset in made}
            say(f"  a queue of {len(made)}, round {round_number + 1}")
            began = time.time()
            self.crew([asset.pk for _name, asset in made], 2)
            if not round_number:
                continue
            for name, asset in made:
                really = Asset.objects.get(pk=asset.pk).ready_at.timestamp() - began
                errors.append(abs(promised[asset.pk] - really) / really)
                rows.append([name, round(promised[asset.pk]), f"{really:.0f}", f"{errors[-1]:.0%}"])
        print("ETA over a mixed queue with two workers")
        table(rows)
        self.found["eta_error_median"] = statistics.median(errors)

    # What they share

    def fresh(self, name: str) -> Path:
        place = self.folder / "work" / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        return place

    def facts(self, clip: Path) -> Any:
        from media_pipeline.probe import Policy, examine

        return examine(clip, name=clip.name, engine=self.tools, policy=Policy())

    def through(self, clip: Path, **chosen: Any) -> Any:
        """The clip through the whole pipeline in this process, with some settings changed; ends READY."""
        from django.conf import settings

        from media_pipeline import api

        usual = settings.MEDIA_PIPELINE
        settings.MEDIA_PIPELINE = usual | chosen
        try:
            asset = api.work_off(api.ingest_file(clip, title=clip.stem, uploaded_by=None, enqueue=False))
        finally:
            settings.MEDIA_PIPELINE = usual
        if asset.state != "READY":
            raise RuntimeError(f"{clip.name}: {asset.state} {asset.refusal_code}")
        return asset

    def up_to_encoding(self, clip: Path, *, edition: int | None = None) -> Any:
        """An asset of the clip that is checked, analysed and waiting for encoders; what was made before is forgotten."""
        from media_pipeline import api, storage
        from media_pipeline.models import Asset, Stage

        asset = api.ingest_file(clip, title=clip.stem, uploaded_by=None, enqueue=False)
        if edition is not None:  # another media set of the same file
            Asset.objects.filter(pk=asset.pk).update(edition=edition)
        # Before the recipe is decided: what lies ready by then would count as done.
        made_before = [*(storage.root() / "encoded").glob(f"{asset.sha256}-*")]
        made_before.append(storage.absolute(storage.set_folder(asset.sha256, "")))
        for place in made_before:
            shutil.rmtree(place, ignore_errors=True)
        while True:
            job = asset.jobs.open().filter(stage__in=[Stage.PROBE, Stage.ANALYSE]).first()
            if job is None:
                break
            api.work_on(job.pk, bell=False)
        if asset.jobs.filter(stage=Stage.ENCODE).exclude(state="WAITING").exists():
            raise RuntimeError(f"{clip.name} was not forgotten")
        asset = Asset.objects.get(pk=asset.pk)
        return asset

    def crew(self, assets: list[int], count: int, *, kill_at_half: bool = False) -> tuple[float, float]:
        """Let `count` worker processes do what is left; wall seconds and all CPU seconds. Killed: (0, 0)."""
        from media_pipeline.models import Asset, Job

        place = self.fresh("crew")
        go = place / "go"
        workers = [
            subprocess.Popen(
                [sys.executable, str(HERE / "_worker.py"), str(place / f"ready{n}"), str(go), *map(str, assets)],
                stdout=subprocess.PIPE, start_new_session=True,
            )
            for n in range(count)
        ]  # fmt: skip
        while not all((place / f"ready{n}").exists() for n in range(count)):
            if any(worker.poll() is not None for worker in workers):
                raise RuntimeError("a worker of the benchmark did not start")
            time.sleep(0.05)
        go.touch()
        began = time.monotonic()
        if kill_at_half:
            while True:
                pieces = Job.objects.filter(asset_id__in=assets, stage="ENCODE")
                if sum(pieces.values_list("progress", flat=True)) >= 0.5 * pieces.count():
                    break
                if workers[0].poll() is not None:
                    raise RuntimeError("the worker was done before it could be killed")
                time.sleep(0.05)
            os.killpg(workers[0].pid, signal.SIGKILL)
            workers[0].wait()
            # A real worker would wait until the lease lapses; the benchmark measures CPU, not patience.
            Job.objects.filter(asset_id__in=assets, state="RUNNING").update(lease_until="2000-01-01T00:00Z")
            return 0.0, 0.0
        said = [worker.communicate()[0] for worker in workers]
        wall = time.monotonic() - began
        stopped = Asset.objects.filter(pk__in=assets).exclude(state="READY")
        if stopped:
            raise RuntimeError(f"not ready: {[(asset.title, asset.refusal_code) for asset in stopped]}")
        return wall, sum(json.loads(text.splitlines()[-1])["cpu_s"] for text in said)


def _heights() -> tuple[int, ...]:
    import _peers

    return _peers.HEIGHTS


def _sum(costs: Any) -> Any:
    from _measured import NOTHING

    return sum(costs, NOTHING)


def _mean(ratios: list[float]) -> float:
    """The geometric mean; not a number when there is nothing."""
    return math.exp(statistics.fmean(math.log(ratio) for ratio in ratios)) if ratios else math.nan


def _row(values: list[float]) -> str:
    return " ".join(f"{value:.1f}" for value in values)


def _media_root() -> Path:
    from media_pipeline import storage

    return storage.root()


def _size(path: Path) -> tuple[int, int]:
    from media_pipeline.engine import engine

    said = subprocess.run(
        [engine().ffprobe, "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height",
         "-of", "csv=p=0", str(path)], capture_output=True, text=True, check=True,
    ).stdout.strip().split(",")  # fmt: skip
    return int(said[0]), int(said[1])


def _tree(asset_id: int) -> str:
    """One hash over all files of an asset's media set."""
    import hashlib

    from media_pipeline import storage
    from media_pipeline.models import Asset

    folder = storage.absolute(Asset.objects.get(pk=asset_id).folder)
    running = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            running.update(
                f"{path.relative_to(folder)}\n".encode() + hashlib.sha256(path.read_bytes()).digest()
            )
    return running.hexdigest()


def main(words: list[str]) -> int:
    asked = argparse.ArgumentParser(prog="./run bench media", description=__doc__.splitlines()[0])
    asked.add_argument("--small", action="store_true", help="tiny clips, one run: shows that it works")
    asked.add_argument("--runs", type=int, default=0)
    asked.add_argument("--only", nargs="*", choices=KEYS, default=KEYS)
    asked.add_argument("--folder", type=Path, help="where clips are kept between runs")
    chosen = asked.parse_args(words)
    scale = SMALL if chosen.small else FULL
    with tempfile.TemporaryDirectory(prefix="eschool-bench-") as scratch:
        folder = (chosen.folder or Path(scratch)).absolute()
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "portal.settings.base",
            "ESCHOOL_DATA_DIR": f"{scratch}/data",
            "MEDIA_PRESET": "medium",
            "MEDIA_PREVIEW_AFTER_S": "0",
            "MEDIA_CHUNK_S": str(scale.chunk_s),
            "MEDIA_WORKERS": "2",
            "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE.parents[1] / "site")]),
        }
        import django

        django.setup()
        from _measured import say
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        bench = Benchmark(folder, scale, chosen.runs or (1 if chosen.small else 3))
        parts = {
            bench.ladder: KEYS[:4], bench.shipped: KEYS[4:6], bench.chunks: KEYS[6:8], bench.workers: KEYS[8:10],
            bench.storyboard: KEYS[10:11], bench.viewports: KEYS[11:12], bench.eta: KEYS[12:],
        }  # fmt: skip
        print(f"{date.today()}, {os.cpu_count()} cores, {platform.machine()}, {bench.tools.version}\n")
        for part, keys in parts.items():
            if set(keys) & set(chosen.only):
                say(f"{', '.join(keys)} …")
                part()
        from _measured import table

        figures = {
            key: None if math.isnan(bench.found[key]) else round(bench.found[key], 3)
            for key in KEYS
            if key in bench.found
        }
        table([
            ["figure", "measured", "to reach"],
            *([key, value, f"{'≥' if key == 'two_workers_speedup' else '≤'} {REACH[key]}"] for key, value in figures.items()),
        ])  # fmt: skip
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
