"""What a file is: ffprobe under whitelists and limits, then a pure verdict on its report."""

import json
import math
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from media_pipeline.engine import Engine
from media_pipeline.errors import AssetRefused, StageInterrupted
from media_pipeline.runner import Limits, Outcome, run

__all__ = [
    "FORMATS",
    "INPUT_GUARD",
    "MAX_SOUNDS",
    "MAX_STREAMS",
    "Facts",
    "Policy",
    "SoundStream",
    "decode_first_frame",
    "examine",
    "judge",
    "settle",
]

FORMATS = ("mov", "matroska", "mpegts", "avi", "flv", "asf", "mpeg", "mp3", "wav", "aac", "flac", "ogg")
"""Demuxers that may touch an upload. Playlists, concat lists, images and SDP are not among them."""

AUDIO_SUFFIXES = (".mp3", ".m4a", ".m4b", ".wav", ".aac", ".flac", ".ogg", ".oga", ".opus", ".wma", ".mka")
"""Whoever sends a file under such a name means sound; under any other, sound alone is a mistake."""

MAX_STREAMS = 32
MAX_SOUNDS = 6
"""Sound streams that become renditions: languages of a lecture; a file may hold more, the rest is left out."""

INPUT_GUARD = (
    "-protocol_whitelist", "file",
    "-format_whitelist", ",".join(FORMATS),
    "-max_streams", str(MAX_STREAMS),
)  # fmt: skip
"""Options before every `-i` on a file from outside (shared media notes: hostile kinds 1-9)."""

_LIMITS = Limits(wall_s=60, cpu_s=60, memory_bytes=3 * 1024**3, file_bytes=64 * 1024**2, open_files=64)
_READ_THROUGH = replace(_LIMITS, wall_s=1800, cpu_s=600)
"""Reading a file of 20 GB once, without decoding."""
_STANDARD_RATES = (
    Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30),
    Fraction(48), Fraction(50), Fraction(60000, 1001), Fraction(60),
)  # fmt: skip


_HDR = {"smpte2084": "pq", "arib-std-b67": "hlg"}
_MATRICES = {
    "bt709": "bt709", "smpte170m": "bt601", "bt470bg": "bt601", "fcc": "bt601", "smpte240m": "bt709",
    "bt2020nc": "bt2020", "bt2020c": "bt2020",
}  # fmt: skip
_RGB_LAYOUTS = ("gbr", "rgb", "bgr", "argb", "abgr", "0rgb", "0bgr", "pal8", "x2rgb", "x2bgr")
_NO_LANGUAGE = {"und", "mul", "zxx", "mis", "unk", "qaa"}
_MADE_UP = re.compile(r"handler|^core media|^mainconcept|^apple|^gpac|^iso media|^\W*$", re.I)
"""Titles that programs write and nobody chose."""


@dataclass(frozen=True)
class Policy:
    """What is accepted. `max_pixels` bounds the decoder's memory."""

    max_duration_s: float = 12 * 3600
    min_duration_s: float = 1.0
    max_pixels: int = 8192 * 4320
    min_side: int = 64
    min_bps: int = 100
    """Fewer bits a second than this no recording has: its stated length is a lie."""


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
    `demuxer` is forced in later stages. Stream indices are those of the file. `picture_s` is where
    the picture ends on the file's timeline, 0 when the file does not say; when the sound goes on for more
    than a second, the last picture is held for `hold_s` seconds. `start_s` is what the file's clock shows
    at its beginning. `matrix` is bt709, bt601, bt2020 or rgb (guessed by size when not stated);
    `interlaced` is what the frames are (`settle`), not only what the file says.
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
    matrix: str = "bt709"
    full_range: bool = False
    picture_s: float = 0.0
    start_s: float = 0.0
    hold_s: float = 0.0

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
    outcome = _look(command, capture=True)
    if outcome.code != 0:
        raise AssetRefused(_sniff(source))
    try:
        report = json.loads(outcome.stdout)
    except ValueError as nonsense:
        raise AssetRefused("NOT_MEDIA") from nonsense
    return judge(report, name=name, policy=policy)


def settle(source: Path, facts: Facts, engine: Engine, policy: Policy) -> Facts:
    """Look into the file itself: can it be decoded, is it whole, is it interlaced; the facts made good.

    Raises AssetRefused: UNDECODABLE, NO_DECODER, DAMAGED (the end is missing), TOO_SHORT, TOO_LONG, HOSTILE.
    """
    decode_first_frame(source, facts, engine, policy)
    facts = _with_true_length(source, facts, engine, policy)
    if facts.interlaced:
        facts = replace(facts, interlaced=_is_woven(source, facts, engine, policy))
    return facts


def decode_first_frame(source: Path, facts: Facts, engine: Engine, policy: Policy) -> None:
    """Decode the first picture (or the first second of sound). Raises AssetRefused UNDECODABLE, NO_DECODER."""
    codec = facts.video_codec or facts.audio_codec
    index = facts.video_index if facts.width else facts.sounds[0].index
    command = [
        *_reader(engine, facts, policy, "-t", "1"), f"file:{source}",
        "-map", f"0:{index}", *(["-frames:v", "1"] if facts.width else []), "-f", "null", "-",
    ]  # fmt: skip
    outcome = _look(command)
    nothing = "Output file is empty" in outcome.stderr or "received no packets" in outcome.stderr
    if outcome.code != 0 or nothing:
        raise AssetRefused("NO_DECODER" if codec == "av1" else "UNDECODABLE", codec=codec)


def _with_true_length(source: Path, facts: Facts, engine: Engine, policy: Policy) -> Facts:
    """`facts` with a length that packets bear out.

    Not stated (a recorder that crashed, a live stream), or nothing is found near the end that is
    stated (perhaps for want of an index): counted by reading the file once without decoding. When
    more than a tenth is missing the copy was cut short, or it is a lie.
    """
    if facts.duration_s and _has_an_end(source, facts, engine):
        return facts
    index = facts.video_index if facts.width else facts.sounds[0].index
    command = [
        *_reader(engine, facts, policy), f"file:{source}", "-map", f"0:{index}", "-c", "copy",
        "-progress", "pipe:1", "-stats_period", "5", "-f", "null", "-",
    ]  # fmt: skip
    said = _look(command, limits=_READ_THROUGH, capture=True).stdout
    times = re.findall(r"^out_time_us=(\d+)$", said, re.M)
    length_s = int(times[-1]) / 1e6 if times else 0.0
    if length_s < facts.duration_s - _tolerance_s(facts.duration_s) or not length_s:
        raise AssetRefused("DAMAGED")
    if length_s < policy.min_duration_s:
        raise AssetRefused("TOO_SHORT")
    if length_s > policy.max_duration_s:
        raise AssetRefused("TOO_LONG", hours=round(policy.max_duration_s / 3600))
    return replace(facts, duration_s=round(length_s, 3))


def _has_an_end(source: Path, facts: Facts, engine: Engine) -> bool:
    """Whether a packet ends in the last tenth (at least the last one and a half seconds) of the stated length."""
    from_s = facts.start_s + facts.duration_s - max(2.0, min(0.03 * facts.duration_s, 60))
    command = [
        engine.ffprobe, "-v", "error", "-hide_banner", *INPUT_GUARD, "-f", facts.demuxer,
        "-read_intervals", f"{max(facts.start_s, from_s):.3f}%", "-show_entries",
        "packet=pts_time,dts_time,duration_time", "-of", "csv=p=0", f"file:{source}",
    ]  # fmt: skip
    last_s = 0.0
    for line in _look(command, limits=_READ_THROUGH, capture=True).stdout.splitlines():
        cells = [*line.split(","), "", ""]
        last_s = max(last_s, (_number(cells[0]) or _number(cells[1])) + max(0.0, _number(cells[2])))
    return last_s - facts.start_s >= facts.duration_s - _tolerance_s(facts.duration_s)


def _tolerance_s(duration_s: float) -> float:
    """How much of a stated length may be missing."""
    return max(1.5, 0.1 * duration_s)


def _is_woven(source: Path, facts: Facts, engine: Engine, policy: Policy) -> bool:
    """Whether frames of a stream that calls itself interlaced really consist of two moments (idet on samples).

    Much that is stored as 50i holds 25 whole pictures; taking those apart would blur the slides.
    """
    woven = whole = 0
    for share in (0.15, 0.5, 0.85):
        command = [
            *_reader(engine, facts, policy, "-ss", f"{share * facts.duration_s:.2f}"), f"file:{source}",
            "-map", f"0:{facts.video_index}", "-frames:v", "40", "-vf", "idet", "-f", "null", "-",
        ]  # fmt: skip
        command[command.index("-v") + 1] = "info"
        said = _look([*command[:-1], "-nostats", "-"]).stderr
        found = re.findall(
            r"(?:Single|Multi) frame detection: TFF:\s*(\d+) BFF:\s*(\d+) Progressive:\s*(\d+)", said
        )
        for top, bottom, progressive in found[-1:]:
            woven += int(top) + int(bottom)
            whole += int(progressive)
    return woven * 10 > whole if woven + whole else True


def _reader(engine: Engine, facts: Facts, policy: Policy, *options: str) -> list[str]:
    """The ffmpeg command up to its input's name."""
    return [
        engine.decoder_for(facts.video_codec), "-v", "error", "-nostdin", "-hide_banner", *INPUT_GUARD,
        "-max_pixels", str(policy.max_pixels), "-f", facts.demuxer, *options, "-i",
    ]  # fmt: skip


def _look(command: list[str], *, limits: Limits | None = None, capture: bool = False) -> Outcome:
    """Run a command of the check, in an empty folder; one that had to be killed is a verdict on the file.

    Raises AssetRefused (HOSTILE); StageInterrupted when somebody else killed it: worth another attempt.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="look-") as empty:
            return run(command, limits=limits or _LIMITS, cwd=Path(empty), capture=capture)
    except StageInterrupted as stopped:
        if stopped.from_outside:
            raise
        raise AssetRefused("HOSTILE", detail=str(stopped)[:200]) from stopped


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
    sounds = [
        s for s in streams
        if s.get("codec_type") == "audio" and s.get("codec_name") and int(s.get("channels") or 0) > 0
    ]  # fmt: skip
    picture = _preferred(pictures)
    sound = _preferred(sounds)
    if picture is None and sound is None:
        raise AssetRefused("NO_STREAMS")
    if picture is None and not name.lower().endswith(AUDIO_SUFFIXES):
        raise AssetRefused("NO_PICTURE")

    duration_s = max(0.0, _number(container.get("duration")))
    if duration_s > policy.max_duration_s:
        raise AssetRefused("TOO_LONG", hours=round(policy.max_duration_s / 3600))
    if 0 < duration_s < policy.min_duration_s:
        raise AssetRefused("TOO_SHORT")
    size_bytes = _number(container.get("size"))
    if duration_s > 60 and 0 < size_bytes * 8 < policy.min_bps * duration_s:
        raise AssetRefused("HOLLOW", minutes=round(duration_s / 60))
    facts: dict[str, Any] = {"demuxer": demuxer, "duration_s": duration_s}
    facts["start_s"] = _number(container.get("start_time"))
    if sound is not None:
        ordered = [sound, *(other for other in sounds if other is not sound)]
        facts["sounds"] = tuple(_sound_facts(stream) for stream in ordered[:MAX_SOUNDS])
    if picture is not None:
        facts |= _picture_facts(picture, policy)
        facts |= _length_of_picture(_ends_at(picture, container), duration_s)
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
        "interlaced": _may_be_woven(stream),
        "hdr": _HDR.get(str(stream.get("color_transfer")), ""),
        "matrix": _matrix(stream, width, height),
        "full_range": stream.get("color_range") == "pc" or str(stream.get("pix_fmt")).startswith("yuvj"),
        "square_pixels": shape == 1,
        "projection": projection,
        "stereo": stereo,
    }


def _matrix(stream: Mapping[str, Any], width: int, height: int) -> str:
    """Which RGB↔YCbCr matrix the picture is in; when not stated: BT.601 below 720 lines, as players guess."""
    pixels = str(stream.get("pix_fmt") or "")
    if stream.get("color_space") == "gbr" or pixels.startswith(_RGB_LAYOUTS):
        return "rgb"
    stated = _MATRICES.get(str(stream.get("color_space")))
    if stated:
        return stated
    if _HDR.get(str(stream.get("color_transfer"))):
        return "bt2020"
    return "bt709" if min(width, height) >= 720 or max(width, height) >= 1280 else "bt601"


def _may_be_woven(stream: Mapping[str, Any]) -> bool:
    """Stated as interlaced, or silent about it in a format of the tape age; `settle` looks closer."""
    order = str(stream.get("field_order") or "unknown")
    old = {"dvvideo", "mpeg2video", "vc1", "wmv3", "mpeg4"}
    return order in {"tt", "bb", "tb", "bt"} or (order == "unknown" and stream.get("codec_name") in old)


def _sound_facts(stream: Mapping[str, Any]) -> SoundStream:
    tags = {str(key).lower(): str(value) for key, value in (stream.get("tags") or {}).items()}
    lang = tags.get("language", "").strip()
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", lang) or lang.lower() in _NO_LANGUAGE:
        lang = ""
    title = tags.get("title") or tags.get("handler_name") or ""
    title = "".join(sign for sign in title if sign.isprintable()).strip()[:80]
    if _MADE_UP.search(title):
        title = ""
    return SoundStream(
        int(stream["index"]), str(stream["codec_name"]), int(stream["channels"]), lang.lower(), title
    )


def _ends_at(stream: Mapping[str, Any], container: Mapping[str, Any]) -> float:
    """Seconds from the file's beginning to the end of `stream`; 0 when the file does not say."""
    lasts_s = _number(stream.get("duration")) or _clock((stream.get("tags") or {}).get("DURATION"))
    if lasts_s <= 0:
        return 0.0
    return lasts_s + max(0.0, _number(stream.get("start_time")) - _number(container.get("start_time")))


def _length_of_picture(ends_s: float, duration_s: float) -> dict[str, float]:
    """`picture_s` and `hold_s` of a picture that ends at `ends_s` (0: unknown) in a file of `duration_s`."""
    if ends_s <= 0 or ends_s > duration_s + 1:
        return {}
    if ends_s < duration_s - 1:
        return {"picture_s": duration_s, "hold_s": round(duration_s - ends_s, 3)}
    return {"picture_s": ends_s}


def _clock(text: Any) -> float:
    """Seconds of «00:01:02.500000000» (matroska's tag); 0 for anything else."""
    found = re.fullmatch(r"(\d{1,3}):(\d\d):(\d\d(?:\.\d{1,9})?)", str(text or ""))
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else 0.0


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
