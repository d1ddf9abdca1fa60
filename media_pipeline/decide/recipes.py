"""From facts and character to the recipe. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import Any

from media_pipeline.decide.spheres import sphere_rungs
from media_pipeline.ladder import ladder, output_rate
from media_pipeline.probe import Facts
from media_pipeline.recipe import Loudness, Recipe, SoundRung, VideoRung

__all__ = ["SEGMENT_S", "Character", "recipe"]

SEGMENT_S = {"SLIDES": 8, "CAMERA": 4, "SPHERE": 2, "SOUND": 4}
"""Seconds of a segment, which is a GOP. Of slides the keyframes are most of the bytes; a headset turns at a segment."""

AV1_SIDES = (1080, 720, 480)
_AV1_PRESET = "10"
_AV1_CRF = {"SLIDES": 46.0, "CAMERA": 28.0}
"""libsvtav1, preset 10: what comes nearest to the floor on our clips (decisions/0002)."""
_AV1_BYTES = 0.7
_HEVC_MORE_CRF = 3.0
"""x265's scale of constant quality against x264's at equal VMAF (shared/media.md §3.2)."""
_HASTY = ("ultrafast", "superfast", "veryfast")

STILLS_SIDE = 480
_STILLS_FPS = {"SLIDES": "1/2", "CAMERA": "1/4"}
_STILLS_KBPS = 100
_STILLS_CRF = 28.0
_STILLS_FROM = 360
"""Below this short side the smallest rendition is as thrifty as stills would be."""


@dataclass(frozen=True)
class Character:
    """What samples of a lecture told (stage ANALYSE). `kind`: SLIDES, CAMERA, SPHERE or SOUND.

    `crf` maps a rung's name to the constant quality that reaches the VMAF floor; a rung that is
    not in it takes the setting. `loudness` maps a sound stream's index to what was measured.
    `left_out` names rungs that are not worth their bytes. `still`: nothing on the screen moves
    but from page to page, so half the frames are enough.
    """

    kind: str
    crf: Mapping[str, float] = field(default_factory=dict)
    loudness: Mapping[int, Loudness] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    still: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As JSON keeps it: the streams' indices become words."""
        known = asdict(self)
        known["loudness"] = {str(index): value for index, value in known["loudness"].items()}
        return known

    @classmethod
    def from_dict(cls, known: Mapping[str, Any]) -> "Character":
        rest = dict(known)
        loudness = {int(index): Loudness(**value) for index, value in rest.pop("loudness", {}).items()}
        left_out = tuple(rest.pop("left_out", ()))
        return cls(loudness=loudness, left_out=left_out, **rest)


def recipe(
    facts: Facts,
    character: Character,
    *,
    projection: str,
    stereo: str,
    engine: str,
    preset: str,
    crf: float,
    threads: int,
    max_duration_s: int,
    av1: bool = False,
    stills: bool = True,
    hevc: bool = True,
    protected: bool = False,
    edition: int = 0,
) -> Recipe:
    """The recipe for a source with these facts; `projection` and `stereo` as decided (editor before file).

    A flat lecture gets an H.264 ladder without the rungs that are left out, with `av1` a second
    one in AV1 beside it, and with `stills` (when it has sound and is large enough) a rendition of
    a picture every few seconds, for the mode «sound and slides». A sphere gets `sphere_rungs`.
    """
    spherical = bool(facts.width) and projection != "FLAT"
    rate = output_rate(facts.rate, spherical=spherical) if facts.width else Fraction(0)
    if character.still and not spherical and rate >= 20:
        rate /= 2
    if spherical:
        rungs = _sphere(facts, character, stereo=stereo, rate=rate, preset=preset, crf=crf, hevc=hevc)
    else:
        rungs = _flat(facts, character, preset=preset, crf=crf)
        if av1:
            rungs += _av1(rungs, character)
        if stills and facts.sounds:
            rungs += _stills(facts, character, preset=preset)
    return Recipe(
        rungs=rungs,
        sounds=_sounds(facts, character),
        kind=character.kind,
        fps=f"{rate.numerator}/{rate.denominator}",
        segment_s=SEGMENT_S[character.kind],
        chunk_s=48,
        projection=projection if facts.width else "FLAT",
        stereo=stereo if spherical else "MONO",
        threads=threads,
        max_duration_s=max_duration_s,
        engine=engine,
        protected=protected,
        edition=edition,
    )


def _flat(facts: Facts, character: Character, *, preset: str, crf: float) -> tuple[VideoRung, ...]:
    full = ladder(facts.width, facts.height)
    rungs = [rung for rung in full if rung.name not in character.left_out] or list(full[-1:])
    return tuple(replace(rung, preset=preset, crf=character.crf.get(rung.name, crf)) for rung in rungs)


def _sphere(
    facts: Facts, character: Character, *, stereo: str, rate: Fraction, preset: str, crf: float, hevc: bool
) -> tuple[VideoRung, ...]:
    found = []
    for rung in sphere_rungs(facts.width, facts.height, stereo=stereo, rate=rate, hevc=hevc):
        if rung.codec == "hevc":
            usual = replace(rung, preset=preset if preset in _HASTY else "fast", crf=crf + _HEVC_MORE_CRF)
        else:
            usual = replace(rung, preset=preset, crf=crf)
        found.append(replace(usual, crf=character.crf.get(rung.name, usual.crf)))
    return tuple(found)


def _av1(rungs: tuple[VideoRung, ...], character: Character) -> tuple[VideoRung, ...]:
    """AV1 beside the larger rungs: the smallest are watched on phones that have no decoder for it."""
    return tuple(
        replace(
            rung,
            name=f"a{rung.name[1:]}",
            codec="av1",
            preset=_AV1_PRESET,
            crf=character.crf.get(f"a{rung.name[1:]}", _AV1_CRF.get(character.kind, 40.0)),
            ceiling_kbps=round(rung.ceiling_kbps * _AV1_BYTES / 10) * 10,
        )
        for rung in rungs
        if min(rung.width, rung.height) >= AV1_SIDES[-1]
    )


def _stills(facts: Facts, character: Character, *, preset: str) -> tuple[VideoRung, ...]:
    if not facts.width or min(facts.width, facts.height) < _STILLS_FROM:
        return ()
    full = ladder(facts.width, facts.height)
    near = min(full, key=lambda rung: abs(min(rung.width, rung.height) - STILLS_SIDE))
    still = replace(
        near,
        name=f"s{min(near.width, near.height)}",
        preset=preset,
        crf=_STILLS_CRF,
        ceiling_kbps=_STILLS_KBPS,
        fps=_STILLS_FPS[character.kind],
    )
    return (still,)


def _sounds(facts: Facts, character: Character) -> tuple[SoundRung, ...]:
    """One rendition for each language of the source, the preferred first."""
    sounds = []
    for number, stream in enumerate(facts.sounds):
        channels = 1 if stream.channels == 1 else 2
        name = "audio" if number == 0 else f"audio{number + 1}"
        sounds.append(
            SoundRung(
                name, channels, 64 if channels == 1 else 96, stream.index,
                lang=stream.lang, label=stream.title, loudness=character.loudness.get(stream.index),
            )
        )  # fmt: skip
    return tuple(sounds)
