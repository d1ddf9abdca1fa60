"""Which renditions a lecture gets: pure reckoning from its facts. Never above the source."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from media_pipeline.probe import Facts

__all__ = ["AudioRung", "Recipe", "VideoRung", "ladder", "recipe"]

FLAT_SIDES = (1080, 720, 480, 240)
"""Shorter sides of flat renditions, from the largest."""
SPHERE_WIDTHS = (3840, 2560, 1920, 1280)
"""Widths of whole-sphere renditions: only a quarter of the width is on screen at a time."""
_MAX_PIXELS = 4096 * 2304
"""H.264 level 5.1/5.2 (ITU-T H.264 Annex A, MaxFS 36864 macroblocks): what headsets and phones decode."""
_STEP = 1.25
"""A rung must be smaller than the one above by this factor, else it is not worth its bytes."""


@dataclass(frozen=True)
class VideoRung:
    """One picture rendition: even `width` × `height` in pixels, `ceiling_kbps` caps its peaks."""

    name: str
    width: int
    height: int
    ceiling_kbps: int


@dataclass(frozen=True)
class AudioRung:
    name: str
    channels: int
    kbps: int


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the bytes of a media set besides the source. `hash` names the set's folder."""

    rungs: tuple[VideoRung, ...]
    audio: AudioRung | None
    fps: str
    segment_s: int
    projection: str
    stereo: str
    preset: str
    crf: int
    threads: int
    max_duration_s: int
    engine: str
    layout: int = 1

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, known: Mapping[str, Any]) -> "Recipe":
        rest = dict(known)
        rungs = tuple(VideoRung(**rung) for rung in rest.pop("rungs"))
        audio = rest.pop("audio")
        return cls(rungs=rungs, audio=AudioRung(**audio) if audio else None, **rest)

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


def ladder(width: int, height: int, *, spherical: bool = False) -> tuple[VideoRung, ...]:
    """The rungs for a picture of `width` × `height` (as displayed), largest first; () without picture.

    The first rung is the source itself, bounded by 1080 on its shorter side (a sphere by 3840
    wide); the others are standard sizes at least 1.25 times smaller than the one above.
    """
    if not width or not height:
        return ()
    own = width if spherical else min(width, height)
    steps = SPHERE_WIDTHS if spherical else FLAT_SIDES
    sides = [min(own, steps[0])]
    sides += [step for step in steps if step * _STEP <= sides[0]]
    rungs: list[VideoRung] = []
    for side in sides:
        factor = min(Fraction(side, own), _at_most(_MAX_PIXELS, width * height))
        w, h = _even(width * factor), _even(height * factor)
        if rungs and (rungs[-1].width <= w or rungs[-1].height <= h):
            continue
        name = f"v{w if spherical else min(w, h)}"
        rungs.append(VideoRung(name, w, h, ceiling_kbps(w * h)))
    return tuple(rungs)


def ceiling_kbps(pixels: int) -> int:
    """Peak bit rate for a picture of so many pixels: 4500 kbit/s at 1080p, growing with pixels^0.8."""
    return max(150, round(4500 * (pixels / (1920 * 1080)) ** 0.8 / 10) * 10)


def output_rate(rate: Fraction, *, spherical: bool) -> Fraction:
    """Frame rate of all renditions: a lecture needs no more than 30 (halved, never resampled); a sphere 60."""
    most = 60 if spherical else 30
    return rate / math.ceil(rate / most) if rate > most else rate


def recipe(
    facts: Facts,
    *,
    projection: str,
    stereo: str,
    engine: str,
    preset: str,
    crf: int,
    threads: int,
    max_duration_s: int,
) -> Recipe:
    """The recipe for a source with these facts; `projection` and `stereo` as decided (editor before file)."""
    spherical = projection != "FLAT"
    audio = None
    if facts.audio_index >= 0:
        channels = 1 if facts.channels == 1 else 2
        audio = AudioRung("audio", channels, 64 if channels == 1 else 96)
    rate = output_rate(facts.rate, spherical=spherical) if facts.width else Fraction(0)
    return Recipe(
        rungs=ladder(facts.width, facts.height, spherical=spherical),
        audio=audio,
        fps=f"{rate.numerator}/{rate.denominator}",
        segment_s=2 if spherical else 4,
        projection=projection if facts.width else "FLAT",
        stereo=stereo if facts.width and spherical else "MONO",
        preset=preset,
        crf=crf,
        threads=threads,
        max_duration_s=max_duration_s,
        engine=engine,
    )


def _even(value: Fraction) -> int:
    """The largest even whole number not above `value` (4:2:0 needs even sides)."""
    return max(2, int(value) // 2 * 2)


def _at_most(limit: int, pixels: int) -> Fraction:
    """By what factor the sides shrink so that `pixels` becomes at most `limit`; 1 when it is."""
    if pixels <= limit:
        return Fraction(1)
    return Fraction(math.isqrt(limit * 10**6 // pixels), 1000)
