"""What kind of lecture a picture is: slides or camera. Pure: small grey pictures in, signs and a kind out.

The pictures (`graph.samples.look_command`) hold a grid of a frame's pixels as they are, five
frames a second. On a recorded screen most pixels equal those of a fifth of a second ago, also
with a speaker's head in the corner; a camera sees light flicker, leaves move and its own sensor's noise.
"""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

__all__ = ["EVERY_S", "SIZE", "Signs", "kind_of", "signs_of"]

SIZE = (128, 72)
"""Width and height of the pictures looked at."""
EVERY_S = 0.2

_SAME = 2
"""Two values of 256 that differ by no more are the same pixel, coded twice."""
_OTHER = 16
"""Two values that differ by more show something else."""
_NOISE_MOST = 12
_CUT_SHARE = 0.06
_CUT_TIMES = 4
_FROZEN_SHARE = 0.001


@dataclass(frozen=True)
class Signs:
    """What samples of a picture show.

    `stillness`: median share (0..1) of pixels that are the same a fifth of a second later;
    `frozen`: share of moments at which the whole frame is; `cuts_per_minute`: scene or page changes;
    `noise`: standard deviation (of 256) of what flickers without moving; `flat`: share of the
    picture in its three commonest shades of 32 (paper, ink, title bar).
    """

    stillness: float
    frozen: float
    cuts_per_minute: float
    noise: float
    flat: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def signs_of(samples: Sequence[Sequence[bytes]], *, every_s: float = EVERY_S) -> Signs | None:
    """The signs in samples of pictures (bytes of equal length, in order of time); None when no two follow each other."""
    same: list[float] = []
    noise: list[float] = []
    flat: list[float] = []
    cuts = 0
    for pictures in samples:
        other: list[float] = []
        for before, after in pairwise(pictures):
            steps = Counter(abs(a - b) for a, b in zip(before, after, strict=True))
            size = len(after)
            same.append(sum(n for step, n in steps.items() if step <= _SAME) / size)
            other.append(sum(n for step, n in steps.items() if step > _OTHER) / size)
            quiet = sum(n for step, n in steps.items() if step <= _NOISE_MOST)
            # |a - b| of two draws with deviation s is 1.128 s on average.
            noise.append(sum(s * n for s, n in steps.items() if s <= _NOISE_MOST) / max(1, quiet) / 1.128)
        usual = statistics.median(other) if other else 0.0
        cuts += sum(share >= _CUT_SHARE and share > _CUT_TIMES * usual for share in other)
        flat += [_flat(picture) for picture in pictures[:1]]
    if not same:
        return None
    return Signs(
        stillness=round(statistics.median(same), 3),
        frozen=round(sum(share >= 1 - _FROZEN_SHARE for share in same) / len(same), 3),
        cuts_per_minute=round(cuts / (len(same) * every_s) * 60, 1),
        noise=round(statistics.median(noise), 2),
        flat=round(statistics.median(flat), 3),
    )


def kind_of(signs: Signs) -> str:
    """SLIDES or CAMERA.

    Slides are still in most of the picture, or still in a good part of it and flat like paper.
    Cuts every few seconds are a film, however still its pictures are.
    """
    if signs.cuts_per_minute > 15 and signs.frozen < 0.5:
        return "CAMERA"
    if signs.stillness >= 0.7 or (signs.stillness >= 0.45 and signs.flat >= 0.5):
        return "SLIDES"
    return "CAMERA"


def _flat(picture: bytes) -> float:
    shades = Counter(value >> 3 for value in picture)
    return sum(count for _, count in shades.most_common(3)) / len(picture)
