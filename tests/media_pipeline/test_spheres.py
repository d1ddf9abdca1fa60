"""Sizes of panoramas, by table and by property."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.decide.spheres import progressive_rungs, sphere_rungs
from media_pipeline.recipe import VideoRung


def names(rungs):
    return [rung.name for rung in rungs]


@pytest.mark.parametrize(
    ("source", "stereo", "rate", "expected"),
    [
        ((640, 320), "MONO", 25, ["v640"]),
        ((1920, 960), "MONO", 30, ["v1920", "v1280"]),
        ((2560, 1280), "MONO", 30, ["v2560", "v1920", "v1280"]),
        ((3840, 1920), "MONO", 30, ["v3840", "v2560", "v1920", "v1280", "h3840"]),
        ((5760, 2880), "MONO", 30, ["v3840", "v2560", "v1920", "v1280", "h5760", "h3840"]),
        ((7680, 3840), "MONO", 30, ["v3840", "v2560", "v1920", "v1280", "h7680", "h5760"]),
        ((7680, 3840), "MONO", 60, ["v3840", "v2560", "v1920", "v1280", "h5760", "h3840"]),  # level 6
        ((3840, 3840), "TOP_BOTTOM", 30, ["v2880", "v1920", "v1280", "h3840"]),
        ((5760, 5760), "TOP_BOTTOM", 30, ["v2880", "v1920", "v1280", "h5760", "h3840"]),
        ((5760, 2880), "LEFT_RIGHT", 60, ["v4096", "v2880", "v1920", "v1280", "h5760", "h3840"]),
        ((8192, 4096), "LEFT_RIGHT", 30, ["v4096", "v2880", "v1920", "v1280", "h7680", "h5760"]),
        ((0, 0), "MONO", 0, []),
    ],
)
def test_sizes_by_source(source, stereo, rate, expected):
    assert names(sphere_rungs(*source, stereo=stereo, rate=Fraction(rate))) == expected


def test_without_hevc_only_h264():
    assert names(sphere_rungs(5760, 2880, hevc=False)) == ["v3840", "v2560", "v1920", "v1280"]


@given(
    width=st.integers(2, 16384),
    height=st.integers(2, 16384),
    stereo=st.sampled_from(["MONO", "TOP_BOTTOM", "LEFT_RIGHT"]),
    rate=st.fractions(Fraction(1), Fraction(120)),
)
def test_never_above_the_source_nor_above_what_decoders_take(width, height, stereo, rate):
    rungs = sphere_rungs(width, height, stereo=stereo, rate=rate)

    assert rungs[0].codec == "h264"
    assert len(set(names(rungs))) == len(rungs)
    for rung in rungs:
        assert rung.width % 2 == rung.height % 2 == 0
        assert rung.width <= width and rung.height <= height
        pixels = rung.width * rung.height
        if rung.codec == "h264":
            assert pixels <= 4096 * 2304 and rung.width <= 4096
        else:
            assert width > 2560
            assert pixels <= 35_651_584 and pixels * rate <= 1_069_547_520
    for codec in ("h264", "hevc"):
        widths = [rung.width for rung in rungs if rung.codec == codec]
        assert widths == sorted(widths, reverse=True)


def test_whole_files_are_made_of_all_hevc_and_the_two_largest_of_h264():
    rungs = (*sphere_rungs(5760, 2880), VideoRung("s480", 480, 240, 100, fps="1/2"))

    assert names(progressive_rungs(rungs)) == ["h5760", "h3840", "v3840", "v2560"]
