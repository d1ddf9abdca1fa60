"""Marks of panorama in init segments, read back by ffprobe."""

import json
import subprocess

import pytest

from media_pipeline.engine import engine
from media_pipeline.spherical import mark, marked
from tests.media_pipeline.clips import picture


@pytest.fixture(scope="module")
def fragmented(clips):
    """A fragmented MP4: init segment and the rest."""
    clip = clips.make(
        "f.mp4", *picture("128x64", 25, 1), "-movflags", "+frag_keyframe+empty_moov+default_base_moof"
    )
    data = clip.read_bytes()
    cut = data.index(b"moof") - 4
    return data[:cut], data[cut:]


@pytest.mark.parametrize(
    ("projection", "stereo", "type_", "half"),
    [
        ("EQUIRECT", "MONO", None, False),
        ("EQUIRECT", "TOP_BOTTOM", "top and bottom", False),
        ("EQUIRECT", "LEFT_RIGHT", "side by side", False),
        ("HALF_EQUIRECT", "MONO", None, True),
        ("HALF_EQUIRECT", "LEFT_RIGHT", "side by side", True),
    ],
)
def test_ffprobe_sees_the_mark(fragmented, tmp_path, projection, stereo, type_, half):
    init, rest = fragmented
    done = mark(init, projection=projection, stereo=stereo)
    path = tmp_path / "a.mp4"
    path.write_bytes(done + rest)

    said = subprocess.run(
        [engine().ffprobe, "-v", "error", "-count_frames", "-show_streams", "-of", "json", path],
        capture_output=True, check=True,
    )  # fmt: skip
    stream = json.loads(said.stdout)["streams"][0]
    found = {item["side_data_type"]: item for item in stream["side_data_list"]}
    assert found["Spherical Mapping"]["projection"].endswith("equirectangular")
    assert ("bound_left" in found["Spherical Mapping"]) is half
    if type_:
        assert found["Stereo 3D"]["type"] == type_
    assert stream["nb_read_frames"] == "25"


def test_marking_twice_is_marking_once(fragmented):
    once = mark(fragmented[0], projection="EQUIRECT", stereo="MONO")

    assert marked(once) and not marked(fragmented[0])
    assert mark(once, projection="EQUIRECT", stereo="MONO") == once


def test_what_has_no_picture_is_not_marked():
    with pytest.raises(ValueError):
        mark(b"\0\0\0\x08moov", projection="EQUIRECT", stereo="MONO")
    with pytest.raises(ValueError):
        mark(b"\0\0\0\x40moov", projection="EQUIRECT", stereo="MONO")
