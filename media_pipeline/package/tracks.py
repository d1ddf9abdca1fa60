"""What a set is made of, measured: one Track a rendition, as it is kept in set.json. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

__all__ = ["Track", "heard", "in_main", "names_apart", "peak_bps", "stills"]


@dataclass(frozen=True)
class Track:
    """One rendition as it was packaged.

    `codec` is h264, av1, hevc or aac; `codecs` what players are told (RFC 6381). Bits a second:
    `bandwidth_bps` the peak (RFC 8216 §4.3.4.2), `mean_bps` over all; `trick_bps` the peak of its
    I-frames alone. `still`: a picture now and then, for the slides manifest. `label` in Chinese.
    """

    name: str
    codec: str
    codecs: str
    width: int
    height: int
    fps: float
    still: bool
    lang: str
    label: str
    channels: int
    bandwidth_bps: int
    mean_bps: int
    trick_bps: int
    size_bytes: int
    segments: int
    duration_s: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, known: Mapping[str, Any]) -> "Track":
        return cls(**{field.name: known[field.name] for field in fields(cls)})


def peak_bps(sizes: Sequence[int], durations: Sequence[float], target_s: float) -> int:
    """The peak segment bit rate: the highest rate of any run of segments that lasts 0.5 to 1.5 targets.

    RFC 8216 §4.1. A set shorter than that has the rate of the whole.
    """
    best = 0.0
    for begin in range(len(sizes)):
        bits, lasts = 0, 0.0
        for size, duration in zip(sizes[begin:], durations[begin:], strict=True):
            bits, lasts = bits + size * 8, lasts + duration
            if lasts > 1.5 * target_s:
                break
            if lasts >= 0.5 * target_s:
                best = max(best, bits / lasts)
    whole = sum(durations)
    if not best and whole:
        best = sum(sizes) * 8 / whole
    return math.ceil(best)


def in_main(tracks: Iterable[Track]) -> list[Track]:
    """Pictures of the main manifests: H.264 and AV1, without stills; HEVC is for headsets."""
    return [track for track in tracks if track.height and not track.still and track.codec != "hevc"]


def stills(tracks: Iterable[Track]) -> list[Track]:
    return [track for track in tracks if track.still]


def heard(tracks: Iterable[Track]) -> list[Track]:
    """The sounds, the one that plays by itself first."""
    return [track for track in tracks if not track.height]


def names_apart(labels: Sequence[str]) -> list[str]:
    """`labels` with numbers behind those that occur twice: a player's menu must tell them apart (RFC 8216 §4.3.4.1.1)."""
    seen: dict[str, int] = {}
    apart = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        apart.append(label if seen[label] == 1 else f"{label} {seen[label]}")
    return apart
