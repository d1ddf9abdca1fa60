"""The ladder: which renditions a picture gets."""

import itertools
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.decide import Character, recipe
from media_pipeline.ladder import ladder, output_rate
from media_pipeline.probe import Facts, SoundStream
from media_pipeline.recipe import Recipe


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (1920, 1080, ["1920x1080", "1280x720", "852x480", "426x240"]),
        (3840, 2160, ["1920x1080", "1280x720", "852x480", "426x240"]),
        (1280, 720, ["1280x720", "852x480", "426x240"]),
        (1024, 576, ["1024x576", "426x240"]),
        (854, 480, ["854x480", "426x240"]),
        (1080, 1920, ["1080x1920", "720x1280", "480x852", "240x426"]),
        (640, 360, ["640x360", "426x240"]),
        (320, 180, ["320x180"]),
        (321, 181, ["320x180"]),
        (176, 144, ["176x144"]),
        (0, 0, []),
    ],
)
def test_flat_pictures(width, height, expected):
    assert [f"{r.width}x{r.height}" for r in ladder(width, height)] == expected


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (3840, 1920, ["3840x1920", "2560x1280", "1920x960", "1280x640"]),
        (7680, 3840, ["3840x1920", "2560x1280", "1920x960", "1280x640"]),
        (3840, 3840, ["3072x3072", "2560x2560", "1920x1920", "1280x1280"]),
        (1280, 640, ["1280x640"]),
        (640, 320, ["640x320"]),
    ],
)
def test_spheres_are_measured_by_width_and_bounded_by_what_headsets_decode(width, height, expected):
    assert [f"{r.width}x{r.height}" for r in ladder(width, height, spherical=True)] == expected


@given(st.integers(64, 8192), st.integers(64, 8192), st.booleans())
def test_never_above_the_source_always_even_always_smaller(width, height, spherical):
    rungs = ladder(width, height, spherical=spherical)

    assert rungs
    for rung in rungs:
        assert rung.width <= width and rung.height <= height
        assert rung.width % 2 == 0 and rung.height % 2 == 0
        assert rung.width * rung.height <= 4096 * 2304
    for above, below in itertools.pairwise(rungs):
        assert below.width < above.width and below.height < above.height
    assert len({rung.name for rung in rungs}) == len(rungs)


@pytest.mark.parametrize(
    ("rate", "spherical", "expected"),
    [("25", False, "25"), ("50", False, "25"), ("60000/1001", False, "30000/1001"), ("120", False, "30"),
     ("60", True, "60"), ("90", True, "45"), ("12", False, "12")],
)  # fmt: skip
def test_rates_are_halved_never_resampled(rate, spherical, expected):
    assert output_rate(Fraction(rate), spherical=spherical) == Fraction(expected)


FACTS = Facts(
    demuxer="mov",
    duration_s=60,
    video_index=0,
    width=1280,
    height=720,
    fps="30000/1001",
    sounds=(SoundStream(1, "aac", 1),),
)
CAMERA = Character("CAMERA")
CHOICES = {"engine": "x", "preset": "medium", "crf": 24, "threads": 1, "max_duration_s": 43200}


def test_a_segment_is_filled_by_whole_frames():
    made = recipe(FACTS, CAMERA, projection="FLAT", stereo="MONO", **CHOICES)

    assert (made.segment_s, made.gop) == (4, 120)
    assert replace(made, fps="25/1").gop == 100
    assert replace(made, fps="7/1", segment_s=2).gop == 14
    assert replace(made, fps="73/10").gop == 30  # 29.2 frames: one short of a segment would double its length


def test_mono_sound_stays_mono_and_stereo_needs_a_sphere():
    made = recipe(FACTS, CAMERA, projection="FLAT", stereo="TOP_BOTTOM", **CHOICES)

    assert [(sound.name, sound.channels, sound.kbps) for sound in made.sounds] == [("audio", 1, 64)]
    assert made.stereo == "MONO"
    assert recipe(replace(FACTS, sounds=()), CAMERA, projection="FLAT", stereo="MONO", **CHOICES).sounds == ()


def test_the_recipe_survives_json_and_any_change_renames_it():
    made = recipe(FACTS, CAMERA, projection="EQUIRECT", stereo="MONO", **CHOICES)

    assert Recipe.from_dict(made.as_dict()) == made
    assert Recipe.from_dict(made.as_dict()).hash == made.hash
    others = [replace(made, edition=1), replace(made, engine="y"), replace(made, stereo="TOP_BOTTOM")]
    assert len({made.hash, *(other.hash for other in others)}) == 4
