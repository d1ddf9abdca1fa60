"""Lecture files made on the spot: drawn slides, spoken text, a film clip, a 360° classroom.

Each file is made once and kept under DATA_DIR/demo-sources/lectures, named by a hash of everything that
goes into it; its captions lie beside it. The media pipeline then treats it like any editor's upload.
"""

import hashlib
import json
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from portal.demonstration import drawing, sources, speech
from portal.demonstration.content.lectures import Lecture

__all__ = ["LectureNotMade", "Made", "Studio", "open_studio"]

RECIPE = 3
"""Raise it when the same texts must give another file."""

FILM_S = 5.28
FILM_ROUNDS = 2
"""How often the film clip is shown in full before the lecture begins."""

ROOM_SIDE = 1080
ROOM_SIZE = (2560, 1280)
FPS = {"slides": 15, "room": 10, "film": 25}
"""Frames a second. Drawn pictures stand still for seconds: more frames would only cost time."""


class LectureNotMade(Exception):
    """ffmpeg refused; carries its last words."""


@dataclass(frozen=True)
class Made:
    """One lecture file: where it lies, what it is, and its captions as WebVTT."""

    lecture: Lecture
    path: Path
    vtt: str
    projection: str | None
    credits: tuple[str, ...]


@dataclass(frozen=True)
class Studio:
    """What lectures are made with; a missing part (None) is replaced by something plainer."""

    folder: Path
    ffmpeg: str
    pen: drawing.Pen
    voice: Path | None
    clip: Path | None
    missing: tuple[str, ...]

    def make(self, lecture: Lecture) -> Made:
        """The file of `lecture`, from the cache if nothing that goes into it has changed."""
        mark = json.dumps(
            [
                RECIPE,
                asdict(lecture),
                str(self.pen.font and self.pen.font.name),
                bool(self.voice),
                bool(self.clip),
            ],
            ensure_ascii=False,
        )
        name = f"{lecture.key}-{hashlib.sha256(mark.encode()).hexdigest()[:12]}"
        suffix = ".m4a" if lecture.kind == "sound" else ".mp4"
        path, captions = self.folder / f"{name}{suffix}", self.folder / f"{name}.vtt"
        if not (path.exists() and captions.exists()):
            self._make(lecture, path, captions)
        film = lecture.kind == "film" and self.clip is not None
        return Made(
            lecture=lecture,
            path=path,
            vtt=captions.read_text(encoding="utf-8"),
            projection="EQUIRECT" if lecture.kind == "room" else None,
            credits=(sources.CLIP.credit,) if film else (),
        )

    def _make(self, lecture: Lecture, path: Path, captions: Path) -> None:
        work = self.folder / f"{path.stem}.work"
        work.mkdir(parents=True, exist_ok=True)
        film = self.clip if lecture.kind == "film" else None
        lead_s = FILM_S * FILM_ROUNDS if film else 0.8
        spoken = self._say(lecture, work / "voice.wav", lead_s)
        fresh = path.with_name("new-" + path.name)
        arguments: list[object] = [self.ffmpeg, "-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
        if lecture.kind == "sound":
            arguments += ["-i", spoken.path, "-c:a", "aac", "-b:a", "64k", "-ac", "1", "-ar", "48000"]
        else:
            arguments += ["-f", "concat", "-safe", "0", "-i", self._stills(lecture, spoken, work, bool(film))]
            arguments += ["-i", spoken.path]
            if film:
                arguments += ["-stream_loop", "-1", "-i", film]
            arguments += self._graph(lecture, bool(film), lead_s)
            arguments += [
                "-t",
                f"{spoken.duration_s:.3f}",
                "-r",
                FPS[lecture.kind],
                "-c:v",
                "libx264",
                "-preset",
                "veryfast",
            ]
            arguments += ["-crf", "20", "-g", FPS[lecture.kind] * 4, "-pix_fmt", "yuv420p", "-threads", "2"]
            arguments += ["-c:a", "aac", "-b:a", "96k", "-ac", "2" if film else "1", "-ar", "48000"]
        arguments += ["-movflags", "+faststart", "-f", "mp4", fresh]
        done = subprocess.run(
            list(map(str, arguments)), capture_output=True, text=True, timeout=300, check=False, cwd=work
        )
        if done.returncode:
            raise LectureNotMade(f"{lecture.key}: {done.stderr.strip()[-400:]}")
        captions.write_text(speech.vtt(spoken.cues), encoding="utf-8")
        fresh.replace(path)
        for rest in work.iterdir():
            rest.unlink()
        work.rmdir()

    def _say(self, lecture: Lecture, into: Path, lead_s: float) -> speech.Spoken:
        sentences = [
            text for slide in lecture.slides for text in (slide.opening, *(said for _, said in slide.points))
        ]
        if self.voice is None:
            return speech.silent(sentences, into=into, lead_s=lead_s)
        return speech.speak(sentences, home=self.voice, into=into, rate=185, lead_s=lead_s)

    def _stills(self, lecture: Lecture, spoken: speech.Spoken, work: Path, film: bool) -> Path:
        """One still a sentence and the list for ffmpeg's concat reader; returns the list."""
        places = [
            (page, told) for page, slide in enumerate(lecture.slides) for told in range(-1, len(slide.points))
        ]
        starts = [0.0, *(cue.start_s for cue in spoken.cues[1:])]
        ends = [*starts[1:], spoken.duration_s + 0.5]
        lines = ["ffconcat version 1.0"]
        for number, (page, told) in enumerate(places):
            if lecture.kind == "room":
                image = drawing.room_strip(self.pen, ROOM_SIDE, told)
            else:
                image = drawing.slide(self.pen, lecture, page, told, inset=film)
            name = f"still-{number:03d}.jpg"
            image.save(work / name, quality=93)
            lines += [f"file {name}", f"duration {ends[number] - starts[number]:.3f}"]
        lines.append(f"file {name}")
        order = work / "stills.ffconcat"
        order.write_text("\n".join(lines) + "\n")
        return order

    def _graph(self, lecture: Lecture, film: bool, lead_s: float) -> list[str]:
        fps = FPS[lecture.kind]
        if lecture.kind == "room":
            width, height = ROOM_SIZE
            # The projection is drawn once a still, then repeated to the frame rate.
            v360 = f"v360=input=c6x1:output=e:in_forder=rludfb:w={width}:h={height}:interp=cubic"
            return ["-vf", f"{v360},fps={fps},format=yuv420p", "-map", "0:v", "-map", "1:a"]
        if not film:
            return ["-vf", f"fps={fps},format=yuv420p", "-map", "0:v", "-map", "1:a"]
        x, y, width, height = drawing.INSET
        graph = (
            f"[0:v]fps={fps},format=yuv420p[slides];"
            f"[2:v]fps={fps},format=yuv420p,split[a][b];[b]scale={width}:{height}[small];"
            f"[slides][a]overlay=0:0:enable='lt(t,{lead_s})'[full];"
            f"[full][small]overlay={x}:{y}:enable='gte(t,{lead_s})'[v];"
            f"[2:a]aresample=48000,volume='if(lt(t,{lead_s}),1,0.10)':eval=frame[sound];"
            "[1:a]aresample=48000[voice];[sound][voice]amix=inputs=2:duration=shortest:normalize=0[a2]"
        )
        return ["-filter_complex", graph, "-map", "[v]", "-map", "[a2]"]


def open_studio(folder: Path, ffmpeg: str, say: Callable[[str], None]) -> Studio:
    """Fetch what is needed into `folder` (DATA_DIR/demo-sources); `say` hears what could not be had."""
    homes: dict[str, Path | None] = {}
    missing = []
    for package, what in (
        (sources.FONT, "字体（幻灯片改用系统字体）"),
        (sources.SPEECH, "语音合成（讲课改为无声，字幕照常）"),
        (sources.CLIP, "影片片段（改用绘制的画面）"),
    ):
        try:
            homes[package.name] = sources.fetch(package, folder)
        except sources.SourceUnavailable as error:
            homes[package.name] = None
            missing.append(package.name)
            say(f"  没有取到{what}：{error}")
    lectures = folder / "lectures"
    lectures.mkdir(parents=True, exist_ok=True)
    clip = homes[sources.CLIP.name]
    return Studio(
        folder=lectures,
        ffmpeg=ffmpeg,
        pen=drawing.Pen(drawing.find_font(homes[sources.FONT.name])),
        voice=homes[sources.SPEECH.name],
        clip=clip / sources.CLIP.members[0] if clip else None,
        missing=tuple(missing),
    )
