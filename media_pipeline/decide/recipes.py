"""From facts and character to the recipe. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import Any

from media_pipeline.ladder import ladder, output_rate
from media_pipeline.probe import Facts
from media_pipeline.recipe import Loudness, Recipe, SoundRung

__all__ = ["Character", "recipe"]


@dataclass(frozen=True)
class Character:
    """What samples of a lecture told (stage ANALYSE). `kind`: SLIDES, CAMERA, SPHERE or SOUND.

    `crf` maps a rung's name to the constant quality that reaches the VMAF floor; a rung that is
    not in it takes the setting. `loudness` maps a sound stream's index to what was measured.
    """

    kind: str
    crf: Mapping[str, float] = field(default_factory=dict)
    loudness: Mapping[int, Loudness] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


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
) -> Recipe:
    """The recipe for a source with these facts; `projection` and `stereo` as decided (editor before file)."""
    spherical = projection != "FLAT"
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
    rate = output_rate(facts.rate, spherical=spherical) if facts.width else Fraction(0)
    rungs = tuple(
        replace(rung, preset=preset, crf=character.crf.get(rung.name, crf))
        for rung in ladder(facts.width, facts.height, spherical=spherical)
    )
    return Recipe(
        rungs=rungs,
        sounds=tuple(sounds),
        kind=character.kind,
        fps=f"{rate.numerator}/{rate.denominator}",
        segment_s=2 if spherical else 4,
        chunk_s=48,
        projection=projection if facts.width else "FLAT",
        stereo=stereo if facts.width and spherical else "MONO",
        threads=threads,
        max_duration_s=max_duration_s,
        engine=engine,
    )
