"""What a panorama's set gets before it is published: marks in every init segment, whole files for headset players."""

import json
import subprocess
from dataclasses import replace

import pytest

from media_pipeline.engine import engine
from media_pipeline.errors import StageFailed
from media_pipeline.recipe import Recipe, SoundRung, VideoRung
from media_pipeline.runner import Limits, run
from media_pipeline.vr import dress_set
from tests.media_pipeline.clips import picture, sound

pytestmark = pytest.mark.media

MADE = Recipe(
    rungs=(
        VideoRung("v256", 256, 128, 900), VideoRung("v192", 192, 96, 600), VideoRung("v128", 128, 64, 400),
        VideoRung("a128", 128, 64, 300, codec="av1"), VideoRung("h256", 256, 128, 600, codec="hevc"),
    ),
    sounds=(SoundRung("audio", 1, 64, 1),),
    kind="SPHERE", fps="25/1", segment_s=2, chunk_s=48, projection="HALF_EQUIRECT", stereo="LEFT_RIGHT",
    threads=1, max_duration_s=3600, engine="test",
)  # fmt: skip
CODEC = {
    "h264": ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "50", "-keyint_min", "50"],
    "hevc": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=50:min-keyint=50:pools=1"],
    "av1": ["-c:v", "libsvtav1", "-preset", "12", "-g", "50", "-svtav1-params", "lp=1"],
}  # fmt: skip


def ffmpeg(*arguments, cwd):
    subprocess.run(
        [engine().ffmpeg, "-v", "error", "-y", *arguments], check=True, capture_output=True, cwd=cwd
    )


@pytest.fixture(scope="module")
def encoded(tmp_path_factory):
    """Renditions as the pipeline leaves them for packaging: 5 s, with negative composition offsets."""
    folder = tmp_path_factory.mktemp("encoded")
    for rung in MADE.rungs:
        size = f"{rung.width}x{rung.height}"
        more = [*CODEC[rung.codec], "-pix_fmt", "yuv420p", "-movflags", "+negative_cts_offsets"]
        ffmpeg(*picture(size, 25, 5), *more, f"{rung.name}.mp4", cwd=folder)
    ffmpeg(*sound(5), "-c:a", "aac", "audio.mp4", cwd=folder)
    return folder


@pytest.fixture
def out(encoded, tmp_path):
    """A packaged set, as far as it matters here: init segments and the rest of each rendition."""
    for rung in MADE.rungs:
        (tmp_path / rung.name).mkdir()
        ffmpeg("-i", encoded / f"{rung.name}.mp4", "-c", "copy", "-movflags",
               "+frag_keyframe+empty_moov+default_base_moof", "f.mp4", cwd=tmp_path)  # fmt: skip
        data = (tmp_path / "f.mp4").read_bytes()
        cut = data.index(b"moof") - 4
        (tmp_path / rung.name / "init.mp4").write_bytes(data[:cut])
        (tmp_path / rung.name / "00001.m4s").write_bytes(data[cut:])
    return tmp_path


def dressed(encoded, out, made=MADE):
    def must(command):
        outcome = run(command, limits=Limits(wall_s=60, cpu_s=60), cwd=out)
        if outcome.code:
            raise StageFailed("PACKAGE_UNSOUND", outcome.stderr)

    return dress_set(encoded, out, made, ffmpeg=engine().ffmpeg, must=must)


def probe(path, *what):
    said = subprocess.run(
        [engine().ffprobe, "-v", "error", "-of", "json", *what, path], capture_output=True, check=True
    )
    assert said.stderr == b""
    return json.loads(said.stdout)


def marks(path):
    stream = probe(path, "-select_streams", "v", "-show_entries", "stream_side_data")["streams"][0]
    found = {item["side_data_type"]: item for item in stream.get("side_data_list", [])}
    return (found["Spherical Mapping"]["projection"], found["Stereo 3D"]["type"])


def test_every_init_segment_and_every_whole_file_is_marked(encoded, out):
    found = dressed(encoded, out)

    for rung in MADE.rungs:
        joined = out / "joined.mp4"
        joined.write_bytes(
            (out / rung.name / "init.mp4").read_bytes() + (out / rung.name / "00001.m4s").read_bytes()
        )
        assert marks(joined) == ("tiled equirectangular", "side by side"), rung.name
    for item in found:
        assert marks(out / item["file"]) == ("tiled equirectangular", "side by side")
        data = (out / item["file"]).read_bytes()
        assert b"GSpherical:StereoMode>left-right" in data


def test_whole_files_are_of_every_hevc_and_the_two_largest_of_h264(encoded, out):
    found = dressed(encoded, out)

    assert [item["name"] for item in found] == ["h256", "v256", "v192"]
    assert sorted(path.name for path in (out / "progressive").iterdir()) == [
        "h256.mp4",
        "v192.mp4",
        "v256.mp4",
    ]
    for item in found:
        assert item["size_bytes"] == (out / item["file"]).stat().st_size


def test_a_whole_file_begins_with_its_index_and_carries_the_same_packets(encoded, out):
    for item in dressed(encoded, out):
        path = out / item["file"]
        data = path.read_bytes()
        assert data.index(b"moov") < data.index(b"mdat")
        told = probe(path, "-show_entries", "stream=codec_name,codec_tag_string,duration,start_time")[
            "streams"
        ]
        assert [one["codec_name"] for one in told] == [item["codec"], "aac"]
        assert told[0]["codec_tag_string"] == ("hvc1" if item["codec"] == "hevc" else "avc1")
        assert float(told[0]["start_time"]) == pytest.approx(0, abs=0.001)
        frames = probe(path, "-select_streams", "v", "-show_entries", "frame=pts_time,key_frame")["frames"]
        assert [float(frame["pts_time"]) for frame in frames] == pytest.approx([n / 25 for n in range(125)])
        keys = [float(frame["pts_time"]) for frame in frames if frame["key_frame"]]
        assert keys == pytest.approx([0, 2, 4])


def test_encrypted_lectures_get_marks_but_no_whole_files(encoded, out):
    assert dressed(encoded, out, replace(MADE, protected=True)) == []
    assert not (out / "progressive").exists()
    assert b"sv3d" in (out / "v256" / "init.mp4").read_bytes()


def test_a_flat_lecture_is_left_alone(encoded, out):
    before = (out / "v256" / "init.mp4").read_bytes()

    assert dressed(encoded, out, replace(MADE, projection="FLAT", stereo="MONO")) == []
    assert (out / "v256" / "init.mp4").read_bytes() == before


def test_without_sound_the_whole_file_has_a_picture_only(encoded, out):
    (first, *_rest) = dressed(encoded, out, replace(MADE, sounds=()))

    assert len(probe(out / first["file"], "-show_entries", "stream=codec_name")["streams"]) == 1
