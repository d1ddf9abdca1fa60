"""Sizes for panoramas: what browsers and phones get (H.264), what headsets get (HEVC), what is made as one whole file. Pure.

Only a quarter of a sphere's width is on screen at a time, so a panorama needs three to four times
the width of a flat picture of the same sharpness; a stereo picture holds two of them.
"""

import math
from collections.abc import Iterable
from fractions import Fraction

from media_pipeline.ladder import ceiling_kbps
from media_pipeline.recipe import VideoRung

__all__ = ["HEVC_ABOVE", "progressive_rungs", "sphere_rungs"]

H264_WIDTHS = (3840, 2560, 1920, 1280)
"""Widths of H.264 renditions of a picture for both eyes."""
H264_STEREO_WIDTHS = (4096, 2880, 1920, 1280)
"""The same with two eyes in one picture: up to the very limit, because each eye gets half."""
_H264_PIXELS = 4096 * 2304
"""H.264 level 5.1/5.2 (ITU-T H.264 Annex A, MaxFS 36864 macroblocks): what headsets and phones decode."""
HEVC_WIDTHS = (7680, 5760, 3840)
_HEVC_PIXELS = 35_651_584
_HEVC_PIXELS_A_SECOND = 1_069_547_520
"""HEVC level 6, main tier (ITU-T H.265 Annex A, MaxLumaPs and MaxLumaSr): 7680×3840 at 30, 5760×2880 at 60."""
HEVC_ABOVE = 2560
"""Sources up to this width gain nothing from HEVC that would be worth its CPU."""
_HEVC_BYTES = 0.65
"""HEVC needs about two thirds of H.264's bits for the same picture."""
_HEVC_RUNGS = 2
_STEP = 1.25
"""A rung must be narrower than the one above by this factor, else it is not worth its bytes."""
_PROGRESSIVE_H264 = 2


def sphere_rungs(
    width: int, height: int, *, stereo: str = "MONO", rate: Fraction = Fraction(30), hevc: bool = True
) -> tuple[VideoRung, ...]:
    """The rungs of a panorama of `width` × `height` pixels: H.264 from the largest down, then at most two of HEVC.

    `stereo` as models.Stereo, `rate` in frames a second. Never above the source; each size keeps
    the source's shape. HEVC only above HEVC_ABOVE. () without picture.
    """
    if not width or not height:
        return ()
    widths = H264_WIDTHS if stereo == "MONO" else H264_STEREO_WIDTHS
    rungs = [
        VideoRung(f"v{w}", w, h, ceiling_kbps(w * h))
        for w, h in _sizes(width, height, widths, most=_H264_PIXELS)
    ]
    if hevc and width > HEVC_ABOVE:
        most = min(_HEVC_PIXELS, int(_HEVC_PIXELS_A_SECOND / rate)) if rate else _HEVC_PIXELS
        sizes = _sizes(width, height, HEVC_WIDTHS, most=most)
        rungs += [
            VideoRung(f"h{w}", w, h, round(ceiling_kbps(w * h) * _HEVC_BYTES / 10) * 10, codec="hevc")
            for w, h in sizes[:_HEVC_RUNGS]
        ]
    return tuple(rungs)


def progressive_rungs(rungs: Iterable[VideoRung]) -> tuple[VideoRung, ...]:
    """Which renditions also become one whole file for headset players: every HEVC one and the two largest of H.264.

    The two, because DeoVR and HereSphere let their people choose a size, and more would only
    cost disk: each is a second copy of the rendition.
    """
    known = tuple(rungs)
    h264 = sorted((r for r in known if r.codec == "h264" and not r.fps), key=lambda r: -r.width)
    hevc = sorted((r for r in known if r.codec == "hevc"), key=lambda r: -r.width)
    return (*hevc, *h264[:_PROGRESSIVE_H264])


def _sizes(width: int, height: int, widths: tuple[int, ...], *, most: int) -> list[tuple[int, int]]:
    """Even sizes in the shape of `width` × `height`, none above `most` pixels: the source's own width, then `widths`."""
    found: list[tuple[int, int]] = []
    for wide in (min(width, widths[0]), *(step for step in widths if step < width)):
        w, h = _even(wide), _even(wide * height // width)
        if w * h <= most and (not found or w * _STEP <= found[-1][0]):
            found.append((w, h))
    if not found:  # an odd shape, taller than any sphere
        shrink = math.sqrt(most / (width * height))
        found.append((_even(int(width * shrink)), _even(int(height * shrink))))
    return found


def _even(value: int) -> int:
    """The largest even whole number not above `value` (4:2:0 needs even sides)."""
    return max(2, value // 2 * 2)
