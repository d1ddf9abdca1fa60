"""What a media set is made of, to the last option: the recipe. Pure values; who decides them is `decide/`."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

__all__ = ["Loudness", "Recipe", "SoundRung", "VideoRung"]

LAYOUT = 3
"""Grows when the files or names of a media set change in a way that players or we must know."""


@dataclass(frozen=True)
class VideoRung:
    """One picture rendition: even `width` × `height` in pixels, constant quality `crf`, peaks below `ceiling_kbps`.

    `codec` is h264, av1 or hevc; the names tell them apart: v720, a720, h2560. `fps` is a fraction
    of its own for the still-picture rendition (s480), else empty: the recipe's.
    """

    name: str
    width: int
    height: int
    ceiling_kbps: int
    codec: str = "h264"
    crf: float = 24
    preset: str = "faster"
    fps: str = ""


@dataclass(frozen=True)
class Loudness:
    """What EBU R 128 measured of a sound stream: integrated LUFS, range LU, true peak dBTP, threshold LUFS."""

    integrated: float
    range: float
    peak: float
    threshold: float


@dataclass(frozen=True)
class SoundRung:
    """One sound rendition, of the source's stream with index `stream`. `lang` as the file says («zho»), "" unknown."""

    name: str
    channels: int
    kbps: int
    stream: int
    lang: str = ""
    label: str = ""
    loudness: Loudness | None = None


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the bytes of a media set besides the source. `hash` names the set's folder.

    `rungs` are ordered from the largest to the smallest, H.264 first, then av1, hevc and stills;
    `sounds` begin with the one that plays when nobody chooses. `kind` is SLIDES, CAMERA, SPHERE or
    SOUND. `chunk_s` is a multiple of `segment_s`. `edition` grows when somebody has a rendition made anew.
    """

    rungs: tuple[VideoRung, ...]
    sounds: tuple[SoundRung, ...]
    kind: str
    fps: str
    segment_s: int
    chunk_s: int
    projection: str
    stereo: str
    threads: int
    max_duration_s: int
    engine: str
    protected: bool = False
    edition: int = 0
    layout: int = LAYOUT

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, known: Mapping[str, Any]) -> "Recipe":
        rest = dict(known)
        rungs = tuple(VideoRung(**rung) for rung in rest.pop("rungs"))
        sounds = tuple(
            SoundRung(**{**sound, "loudness": Loudness(**sound["loudness"]) if sound["loudness"] else None})
            for sound in rest.pop("sounds")
        )
        return cls(rungs=rungs, sounds=sounds, **rest)

    @property
    def hash(self) -> str:
        """sha256 of the canonical JSON: same recipe, same name, on any machine."""
        text = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def rate(self) -> Fraction:
        return Fraction(self.fps)

    @property
    def gop(self) -> int:
        """Frames between keyframes: the least whole number that fills a segment.

        Rounded up, because the packager cuts at the first keyframe at or after the segment's
        length: a GOP one frame short would make segments of double length.
        """
        return math.ceil(self.rate * self.segment_s)

    @property
    def ladder(self) -> tuple[VideoRung, ...]:
        """The H.264 rungs that everybody can play, without the stills."""
        return tuple(rung for rung in self.rungs if rung.codec == "h264" and not rung.fps)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all renditions: pictures, then sounds."""
        return tuple(rung.name for rung in self.rungs) + tuple(sound.name for sound in self.sounds)
