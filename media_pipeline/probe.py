"""What a file is: ffprobe under whitelists and limits, then a pure verdict on its report."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from media_pipeline.engine import Engine
from media_pipeline.errors import AssetRefused, StageInterrupted
from media_pipeline.runner import Limits, run

__all__ = [
    "FORMATS",
    "INPUT_GUARD",
    "Facts",
    "Policy",
    "SoundStream",
    "decode_first_frame",
    "examine",
    "judge",
]

FORMATS = ("mov", "matroska", "mpegts", "avi", "flv", "asf", "mpeg", "mp3", "wav", "aac", "flac", "ogg")
"""Demuxers that may touch an upload. Playlists, concat lists, images and SDP are not among them."""

AUDIO_SUFFIXES = (".mp3", ".m4a", ".m4b", ".wav", ".aac", ".flac", ".ogg", ".oga", ".opus", ".wma", ".mka")
"""Whoever sends a file under such a name means sound; under any other, sound alone is a mistake."""

INPUT_GUARD = (
    "-protocol_whitelist", "file",
    "-format_whitelist", ",".join(FORMATS),
    "-max_streams", "32",
)  # fmt: skip
"""Options before every `-i` on a file from outside (shared media notes: hostile kinds 1-9)."""

_LIMITS = Limits(wall_s=60, cpu_s=60, memory_bytes=3 * 1024**3, file_bytes=64 * 1024**2, open_files=64)
_STANDARD_RATES = (
    Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30),
    Fraction(48), Fraction(50), Fraction(60000, 1001), Fraction(60),
)  # fmt: skip


@dataclass(frozen=True)
class Policy:
    """What is accepted. `max_pixels` bounds the decoder's memory."""

    max_duration_s: float = 12 * 3600
    min_duration_s: float = 1.0
    max_pixels: int = 8192 * 4320
    min_side: int = 64


@dataclass(frozen=True)
class SoundStream:
    """One sound stream of the source that becomes a rendition. `lang` and `title` as the file says, "" unknown."""

    index: int
    codec: str
    channels: int
    lang: str = ""
    title: str = ""


@dataclass(frozen=True)
class Facts:
    """What we know of an accepted file. Sizes as displayed (rotation and pixel shape applied).

    `sounds` begins with the preferred stream. `hdr` is "" (normal), "pq" or "hlg".

    `width` 0: sound only. `duration_s` 0: the file does not say (the encoder will find out).
    `fps` is a fraction «25/1»: the steady rate that is nearest to what the file holds.
    `demuxer` is forced in later stages. Stream indices are those of the file.
    """

    demuxer: str
    duration_s: float
    video_index: int = -1
    sounds: tuple[SoundStream, ...] = ()
    width: int = 0
    height: int = 0
    fps: str = "0/1"
    interlaced: bool = False
    square_pixels: bool = True
    video_codec: str = ""
    hdr: str = ""
    projection: str = "FLAT"
    stereo: str = "MONO"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, known: Mapping[str, Any]) -> "Facts":
        rest = dict(known)
        sounds = tuple(SoundStream(**stream) for stream in rest.pop("sounds"))
        return cls(sounds=sounds, **rest)

    @property
    def audio_codec(self) -> str:
        return self.sounds[0].codec if self.sounds else ""

    @property
    def rate(self) -> Fraction:
        return Fraction(self.fps)


def examine(source: Path, *, name: str, engine: Engine, policy: Policy) -> Facts:
    """Ask ffprobe about `source` (uploaded as `name`) and judge the answer.

    Raises AssetRefused with the reason; a probe that had to be killed counts as HOSTILE.
    """
    if source.stat().st_size == 0:
        raise AssetRefused("EMPTY")
    command = [
        engine.ffprobe, "-v", "error", "-hide_banner", *INPUT_GUARD,
        "-probesize", "50M", "-analyzeduration", "30M",
        "-show_format", "-show_streams", "-of", "json", f"file:{source}",
    ]  # fmt: skip
    try:
        outcome = run(command, limits=_LIMITS, cwd=source.parent, capture=True)
    except StageInterrupted as stopped:
        raise AssetRefused("HOSTILE", detail=str(stopped)[:200]) from stopped
    if outcome.code != 0:
        raise AssetRefused(_sniff(source))
    try:
        report = json.loads(outcome.stdout)
    except ValueError as nonsense:
        raise AssetRefused("NOT_MEDIA") from nonsense
    return judge(report, name=name, policy=policy)


def decode_first_frame(source: Path, facts: Facts, engine: Engine, policy: Policy) -> None:
    """Decode the first picture (or the first second of sound). Raises AssetRefused UNDECODABLE."""
    index = facts.video_index if facts.width else facts.sounds[0].index
    command = [
        engine.ffmpeg, "-v", "error", "-nostdin", "-hide_banner", *INPUT_GUARD,
        "-max_pixels", str(policy.max_pixels), "-f", facts.demuxer, "-t", "1", "-i", f"file:{source}",
        "-map", f"0:{index}", *(["-frames:v", "1"] if facts.width else []), "-f", "null", "-",
    ]  # fmt: skip
    try:
        outcome = run(command, limits=_LIMITS, cwd=source.parent)
    except StageInterrupted as stopped:
        raise AssetRefused("HOSTILE", detail=str(stopped)[:200]) from stopped
    nothing = "Output file is empty" in outcome.stderr or "received no packets" in outcome.stderr
    if outcome.code != 0 or nothing:
        codec = facts.video_codec or facts.audio_codec
        raise AssetRefused("UNDECODABLE", codec=codec)


def judge(report: Mapping[str, Any], *, name: str, policy: Policy) -> Facts:
    """The verdict on an ffprobe report (`-show_format -show_streams`) of a file called `name`.

    Raises AssetRefused: NOT_MEDIA, NO_PICTURE, NO_STREAMS, TOO_LONG, TOO_SHORT, TOO_LARGE, TOO_SMALL.
    """
    container = report.get("format") or {}
    streams = report.get("streams") or []
    demuxer = str(container.get("format_name", "")).split(",")[0]
    if demuxer not in FORMATS:
        raise AssetRefused("NOT_MEDIA")
    pictures = [s for s in streams if s.get("codec_type") == "video" and not _is_cover(s)]
    sounds = [s for s in streams if s.get("codec_type") == "audio" and s.get("codec_name")]
    picture = _preferred(pictures)
    sound = _preferred(sounds)
    if picture is None and sound is None:
        raise AssetRefused("NO_STREAMS")
    if picture is None and not name.lower().endswith(AUDIO_SUFFIXES):
        raise AssetRefused("NO_PICTURE")

    duration_s = _number(container.get("duration"))
    if duration_s > policy.max_duration_s:
        raise AssetRefused("TOO_LONG", hours=round(policy.max_duration_s / 3600))
    if 0 < duration_s < policy.min_duration_s:
        raise AssetRefused("TOO_SHORT")
    facts: dict[str, Any] = {"demuxer": demuxer, "duration_s": duration_s}
    if sound is not None:
        facts["sounds"] = (
            SoundStream(int(sound["index"]), str(sound["codec_name"]), int(sound.get("channels") or 0)),
        )
    if picture is not None:
        facts |= _picture_facts(picture, policy)
    return Facts(**facts)


def steady_rate(average: str, base: str) -> Fraction:
    """The constant frame rate for a stream with `avg_frame_rate` and `r_frame_rate`.

    The average counts (a variable rate often has a base of 1000); it snaps to a standard rate
    within 1 %, else to a whole number. Unknown: 25. Between 1 and 120.
    """
    rate = _fraction(average) or _fraction(base) or Fraction(25)
    rate = min(max(rate, Fraction(1)), Fraction(120))
    for standard in _STANDARD_RATES:
        if abs(rate - standard) <= standard / 1000:
            return standard
    for standard in _STANDARD_RATES:
        if abs(rate - standard) <= standard / 100:
            return standard
    return Fraction(max(1, round(rate)))


def _picture_facts(stream: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    width, height = int(stream.get("width") or 0), int(stream.get("height") or 0)
    if width * height > policy.max_pixels:
        raise AssetRefused("TOO_LARGE", width=width, height=height)
    shape = _fraction(str(stream.get("sample_aspect_ratio", "1:1")).replace(":", "/")) or Fraction(1)
    if not Fraction(1, 8) <= shape <= 8:
        shape = Fraction(1)
    if shape > 1:
        width = round(width * shape)
    elif shape < 1:
        height = round(height / shape)
    side_data = stream.get("side_data_list") or []
    if any(abs(round(_number(item.get("rotation")))) % 180 == 90 for item in side_data):
        width, height = height, width
    if min(width, height) < policy.min_side:
        raise AssetRefused("TOO_SMALL", width=width, height=height)
    projection, stereo = _spherical(side_data)
    rate = steady_rate(str(stream.get("avg_frame_rate", "")), str(stream.get("r_frame_rate", "")))
    return {
        "video_index": int(stream["index"]),
        "video_codec": str(stream.get("codec_name") or "unknown"),
        "width": width,
        "height": height,
        "fps": f"{rate.numerator}/{rate.denominator}",
        "interlaced": stream.get("field_order") in {"tt", "bb", "tb", "bt"},
        "square_pixels": shape == 1,
        "projection": projection,
        "stereo": stereo,
    }


def _spherical(side_data: list[Mapping[str, Any]]) -> tuple[str, str]:
    """Projection and stereo layout out of ffprobe's side data (Spherical Video V1 and V2 alike)."""
    projection, stereo = "FLAT", "MONO"
    for item in side_data:
        kind = item.get("side_data_type")
        if kind == "Spherical Mapping":
            says = str(item.get("projection", "")).replace(" ", "").replace("_", "")
            if says in {"equirectangular", "tiledequirectangular", "halfequirectangular"}:
                bounds = _number(item.get("bound_left")) + _number(item.get("bound_right"))
                half = says.startswith("half") or bounds > 0
                projection = "HALF_EQUIRECT" if half else "EQUIRECT"
        elif kind == "Stereo 3D":
            layout = str(item.get("type", ""))
            stereo = {"top and bottom": "TOP_BOTTOM", "side by side": "LEFT_RIGHT"}.get(layout, "MONO")
    return projection, stereo


def _is_cover(stream: Mapping[str, Any]) -> bool:
    marks = stream.get("disposition") or {}
    return bool(marks.get("attached_pic") or marks.get("timed_thumbnails"))


def _preferred(streams: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The stream marked as default, else the first."""
    marked = [s for s in streams if (s.get("disposition") or {}).get("default")]
    best = marked or streams
    return best[0] if best else None


def _number(text: Any) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return 0.0
    return value if math.isfinite(value) and abs(value) < 1e9 else 0.0


def _fraction(text: str) -> Fraction | None:
    if not re.fullmatch(r"\d{1,12}(/\d{1,12})?", text):
        return None
    above, _, below = text.partition("/")
    if not int(above) or not int(below or 1):
        return None
    return Fraction(int(above), int(below or 1))


def _sniff(source: Path) -> str:
    """NOT_MEDIA for documents and text; DAMAGED for what begins like a media file."""
    with source.open("rb") as opened:
        head = opened.read(64)
    media = head[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free"} or head[:4] in {
        b"\x1aE\xdf\xa3", b"FLV\x01", b"OggS", b"fLaC", b"0&\xb2u",
    }  # fmt: skip
    riff = head[:4] == b"RIFF" and head[8:12] in {b"AVI ", b"WAVE"}
    return "DAMAGED" if media or riff else "NOT_MEDIA"
