"""Which picture sizes and rates a lecture gets: pure reckoning. Never above the source."""

import math
from fractions import Fraction

from media_pipeline.recipe import VideoRung

__all__ = ["ceiling_kbps", "ladder", "output_rate"]

FLAT_SIDES = (1080, 720, 480, 240)
"""Shorter sides of flat renditions, from the largest."""
SPHERE_WIDTHS = (3840, 2560, 1920, 1280)
"""Widths of whole-sphere renditions: only a quarter of the width is on screen at a time."""
_MAX_PIXELS = 4096 * 2304
"""H.264 level 5.1/5.2 (ITU-T H.264 Annex A, MaxFS 36864 macroblocks): what headsets and phones decode."""
_PEAK = 1.5
"""Peaks above the usual rate: quality is bounded by CRF, and a cap that binds breaks its floor (MediaCMS has 1.5, too)."""
_STEP = 1.25
"""A rung must be smaller than the one above by this factor, else it is not worth its bytes."""


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
        peak = ceiling_kbps(w * h) if spherical else round(ceiling_kbps(w * h) * _PEAK / 10) * 10
        rungs.append(VideoRung(name, w, h, peak))
    return tuple(rungs)


def ceiling_kbps(pixels: int) -> int:
    """Peak bit rate for a picture of so many pixels: 4500 kbit/s at 1080p, growing with pixels^0.8."""
    return max(150, round(4500 * (pixels / (1920 * 1080)) ** 0.8 / 10) * 10)


def output_rate(rate: Fraction, *, spherical: bool) -> Fraction:
    """Frame rate of all renditions: a lecture needs no more than 30 (halved, never resampled); a sphere 60."""
    most = 60 if spherical else 30
    return rate / math.ceil(rate / most) if rate > most else rate


def _even(value: Fraction) -> int:
    """The largest even whole number not above `value` (4:2:0 needs even sides)."""
    return max(2, int(value) // 2 * 2)


def _at_most(limit: int, pixels: int) -> Fraction:
    """By what factor the sides shrink so that `pixels` becomes at most `limit`; 1 when it is."""
    if pixels <= limit:
        return Fraction(1)
    return Fraction(math.isqrt(limit * 10**6 // pixels), 1000)
