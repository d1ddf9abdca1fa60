"""Encoded renditions as the encoding stage leaves them, made small and fast, and an asset waiting for PACKAGE.

What PACKAGE makes of renditions is tested apart from how they are encoded: here a set has all that a
set can have (H.264, AV1, stills, two sounds) whatever the ladder decides for a clip.
"""

import shutil
import subprocess
from pathlib import Path

from media_pipeline import storage
from media_pipeline.engine import engine
from media_pipeline.models import Asset, AssetState, Job, Stage
from media_pipeline.probe import Facts
from media_pipeline.recipe import Recipe, SoundRung, VideoRung

SLIDE_S = 4.0
"""How long a slide stands in the drawn lecture."""


def rungs(*, av1: bool = True, hevc: bool = False, still: bool = True) -> tuple[VideoRung, ...]:
    found = [VideoRung("v360", 640, 360, 900), VideoRung("v180", 320, 180, 300)]
    found += [VideoRung("a360", 640, 360, 600, codec="av1")] * av1
    found += [VideoRung("h360", 640, 360, 600, codec="hevc")] * hevc
    found += [VideoRung("s180", 320, 180, 60, fps="1/1")] * still
    return tuple(found)


def sounds(*langs: str) -> tuple[SoundRung, ...]:
    return tuple(
        SoundRung("audio" if not number else f"audio{number + 1}", 2, 64, number + 1, lang=lang)
        for number, lang in enumerate(langs)
    )


def recipe_of(
    pictures: tuple[VideoRung, ...], heard: tuple[SoundRung, ...], *, kind: str = "SLIDES"
) -> Recipe:
    return Recipe(
        rungs=pictures, sounds=heard, kind=kind, fps="25/1", segment_s=2, chunk_s=48, projection="FLAT",
        stereo="MONO", threads=1, max_duration_s=3600, engine="tests",
    )  # fmt: skip


def slides(seconds: float, *, size: str = "640x360", slide_s: float = SLIDE_S) -> list[str]:
    """Inputs of ffmpeg that draw a lecture: a new slide every `slide_s` seconds, a corner that moves all the time."""
    # A slide: paper of a slowly varying grey with a pattern that depends on its number only.
    page = f"floor(T/{slide_s})"
    paper = (
        f"color=white:s={size}:r=25:d={seconds},"
        f"geq=lum='if(lt(mod(X*(3+{page})+Y*(5+2*{page}),97),30),40,210)':cb=128:cr=128"
    )
    return ["-f", "lavfi", "-i", paper]


def encode(made: Recipe, folder: Path, *, seconds: float) -> None:
    """Write `<name>.mp4` of every rendition of `made` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    master = folder / "drawn.mkv"
    _ffmpeg(
        *slides(seconds),
        "-f", "lavfi", "-i", f"testsrc2=s=160x120:r=25:d={seconds}",
        "-filter_complex", "[0:v][1:v]overlay=470:10,format=yuv420p",
        "-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", master,
    )  # fmt: skip
    gop = made.gop
    for rung in made.rungs:
        scale = f"scale={rung.width}:{rung.height}" + (f",fps={rung.fps}" if rung.fps else "")
        length = made.segment_s if rung.fps else gop
        if rung.codec == "av1":
            coder = ["-c:v", "libsvtav1", "-preset", "12", "-g", str(gop), "-svtav1-params", "scd=0"]
        elif rung.codec == "hevc":
            params = f"keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0:log-level=none"
            coder = ["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params", params]
        else:
            coder = ["-c:v", "libx264", "-preset", "ultrafast", "-g", str(length), "-keyint_min", str(length)]
            coder += ["-sc_threshold", "0", "-movflags", "+negative_cts_offsets"]
        _ffmpeg("-i", master, "-vf", scale, *coder, "-pix_fmt", "yuv420p", folder / f"{rung.name}.mp4")
    for number, sound in enumerate(made.sounds):
        tone = f"sine=frequency={440 + 220 * number}:sample_rate=48000:d={seconds}"
        _ffmpeg(
            "-f", "lavfi", "-i", tone, "-c:a", "aac", "-ac", "2", "-b:a", "64k", folder / f"{sound.name}.mp4"
        )
    master.unlink()


def waiting_for_package(made: Recipe, source: Path, *, title: str = "章程学习") -> Job:
    """An asset whose renditions lie encoded in `source`, with its PACKAGE job."""
    sha256 = (made.hash * 2)[:64]
    home = storage.encoded_dir(sha256, made.hash)
    home.mkdir(parents=True)
    for file in source.glob("*.mp4"):
        shutil.copyfile(file, home / file.name)
    picture = made.rungs[0] if made.rungs else None
    asset = Asset.objects.create(
        title=title,
        original_name="章程学习.mp4",
        sha256=sha256,
        state=AssetState.PACKAGING,
        kind=made.kind,
        width=picture.width if picture else 0,
        height=picture.height if picture else 0,
        recipe_hash=made.hash,
        facts={"source": Facts(demuxer="mov", duration_s=0.0).as_dict(), "recipe": made.as_dict()},
    )
    return Job.objects.create(asset=asset, stage=Stage.PACKAGE)


def _ffmpeg(*arguments: object) -> None:
    command = [engine().ffmpeg, "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)
