"""Tiny real clips, made when first asked for by the real ffmpeg; and small helpers of these tests."""

import subprocess
from pathlib import Path

from media_pipeline.engine import engine


class Clips:
    """`clips.flat` and so on: paths; made when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, name: str, *arguments: str) -> Path:
        target = self.folder / name
        if not target.exists():
            quick = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
            command = [engine().ffmpeg, "-v", "error", "-y", *arguments, *quick, str(target)]
            subprocess.run(command, check=True, capture_output=True)
        return target

    @property
    def flat(self) -> Path:
        """5 s of 320×180 at 25 frames a second, with stereo sound: one whole segment and a bit."""
        return self.make("课件.mp4", *picture("320x180", 25, 5), *sound(5), "-ac", "2")

    @property
    def sphere(self) -> Path:
        return self.make("展馆_360.mp4", *picture("640x320", 25, 3))

    @property
    def recording(self) -> Path:
        return self.make("录音.m4a", *sound(3), "-vn")

    @property
    def pictureless(self) -> Path:
        return self.make("没有画面.mp4", *sound(3), "-vn")

    @property
    def text(self) -> Path:
        path = self.folder / "会议纪要.mp4"
        path.write_text("会议纪要：本次会议……\n" * 200)
        return path

    @property
    def empty(self) -> Path:
        path = self.folder / "空.mp4"
        path.touch()
        return path


def picture(size: str, rate: float | str, seconds: float) -> list[str]:
    return ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]


def sound(seconds: float) -> list[str]:
    return ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=44100:d={seconds}"]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below `folder` with its content."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
