"""The verdict: what is a lecture, what is not, and that looking at a file opens nothing else."""

import shutil
import socket
import threading

import pytest

from media_pipeline.engine import engine
from media_pipeline.errors import AssetRefused
from media_pipeline.probe import Policy, SoundStream, decode_first_frame, examine, judge, steady_rate
from tests.media_pipeline.clips import picture, sound

VIDEO = {"index": 0, "codec_type": "video", "codec_name": "h264", "width": 1920, "height": 1080,
         "avg_frame_rate": "25/1", "r_frame_rate": "25/1"}  # fmt: skip
AUDIO = {"index": 1, "codec_type": "audio", "codec_name": "aac", "channels": 2}


def report(*streams, name="mov,mp4,m4a,3gp,3g2,mj2", duration="60.0"):
    return {"format": {"format_name": name, "duration": duration}, "streams": list(streams)}


@pytest.mark.parametrize(
    ("said", "name", "code"),
    [
        (report(), "a.mp4", "NO_STREAMS"),
        ({}, "a.mp4", "NOT_MEDIA"),
        (report(VIDEO, name="image2"), "a.mp4", "NOT_MEDIA"),
        (report(VIDEO, name="hls"), "a.mp4", "NOT_MEDIA"),
        (report(AUDIO), "a.mp4", "NO_PICTURE"),
        (report(AUDIO), "a.MOV", "NO_PICTURE"),
        (report(VIDEO | {"disposition": {"attached_pic": 1}}, AUDIO), "a.mp4", "NO_PICTURE"),
        (report(VIDEO, duration="50000"), "a.mp4", "TOO_LONG"),
        (report(VIDEO, duration="0.4"), "a.mp4", "TOO_SHORT"),
        (report(VIDEO | {"width": 20000, "height": 20000}), "a.mp4", "TOO_LARGE"),
        (report(VIDEO | {"width": 32, "height": 32}), "a.mp4", "TOO_SMALL"),
    ],
)
def test_refused(said, name, code):
    with pytest.raises(AssetRefused) as no:
        judge(said, name=name, policy=Policy())
    assert no.value.code == code


def test_sound_alone_is_welcome_under_the_name_of_sound():
    facts = judge(report(AUDIO | {"index": 0}), name="微党课.M4A", policy=Policy())

    assert (facts.width, facts.sounds) == (0, (SoundStream(0, "aac", 2),))


@pytest.mark.parametrize(
    ("stream", "size"),
    [
        ({}, (1920, 1080)),
        ({"sample_aspect_ratio": "0:1"}, (1920, 1080)),
        ({"width": 720, "height": 576, "sample_aspect_ratio": "64:45"}, (1024, 576)),
        ({"width": 1440, "height": 1080, "sample_aspect_ratio": "4:3"}, (1920, 1080)),
        ({"side_data_list": [{"side_data_type": "Display Matrix", "rotation": -90}]}, (1080, 1920)),
        ({"side_data_list": [{"side_data_type": "Display Matrix", "rotation": 180}]}, (1920, 1080)),
    ],
)
def test_size_is_that_of_the_picture_on_screen(stream, size):
    facts = judge(report(VIDEO | stream), name="a.mp4", policy=Policy())

    assert (facts.width, facts.height) == size


@pytest.mark.parametrize(
    ("side_data", "expected"),
    [
        ([{"side_data_type": "Spherical Mapping", "projection": "equirectangular"}], ("EQUIRECT", "MONO")),
        (
            [
                {"side_data_type": "Stereo 3D", "type": "top and bottom"},
                {"side_data_type": "Spherical Mapping", "projection": "equirectangular"},
            ],
            ("EQUIRECT", "TOP_BOTTOM"),
        ),
        (
            [
                {"side_data_type": "Stereo 3D", "type": "side by side"},
                {"side_data_type": "Spherical Mapping", "projection": "tiled equirectangular",
                 "bound_left": 480, "bound_right": 480},
            ],
            ("HALF_EQUIRECT", "LEFT_RIGHT"),
        ),
    ],
)  # fmt: skip
def test_projection_is_read_from_the_file(side_data, expected):
    facts = judge(report(VIDEO | {"side_data_list": side_data}), name="a.mp4", policy=Policy())

    assert (facts.projection, facts.stereo) == expected


@pytest.mark.parametrize(
    ("average", "base", "expected"),
    [
        ("25/1", "25/1", "25/1"),
        ("30000/1001", "30000/1001", "30000/1001"),
        ("2997/100", "90000/1", "30000/1001"),
        ("12475/500", "1000/1", "25/1"),
        ("0/0", "50/1", "50/1"),
        ("0/0", "0/0", "25/1"),
        ("1000/1", "1000/1", "120/1"),
        ("7/3", "1000/1", "2/1"),
    ],
)
def test_steady_rate(average, base, expected):
    rate = steady_rate(average, base)

    assert f"{rate.numerator}/{rate.denominator}" == expected


def refused(path, name=None):
    with pytest.raises(AssetRefused) as no:
        facts = examine(path, name=name or path.name, engine=engine(), policy=Policy())
        decode_first_frame(path, facts, engine(), Policy())
    return no.value.code


def test_real_files(clips, tmp_path):
    facts = examine(clips.flat, name="a.mp4", engine=engine(), policy=Policy())
    decode_first_frame(clips.flat, facts, engine(), Policy())

    assert (facts.width, facts.height, facts.fps, facts.video_codec) == (320, 180, "25/1", "h264")
    assert refused(clips.text) == "NOT_MEDIA"
    assert refused(clips.empty) == "EMPTY"
    assert refused(clips.pictureless) == "NO_PICTURE"
    cut = tmp_path / "cut.mp4"  # its index stood at the end
    cut.write_bytes(clips.flat.read_bytes()[:20_000])
    assert refused(cut) == "DAMAGED"


def test_containers_of_the_field_are_known(clips):
    for ending in ("mkv", "avi", "ts", "flv"):
        clip = clips.make(f"a.{ending}", *picture("128x72", 25, 1.2), *sound(1.2))
        facts = examine(clip, name=clip.name, engine=engine(), policy=Policy())
        decode_first_frame(clip, facts, engine(), Policy())
        assert (facts.width, facts.height) == (128, 72), ending


@pytest.fixture
def listener():
    """A loopback listener that counts who calls."""
    calls = []
    server = socket.create_server(("127.0.0.1", 0))

    def wait():
        while True:
            try:
                peer, _address = server.accept()
            except OSError:
                return
            calls.append(1)
            peer.close()

    threading.Thread(target=wait, daemon=True).start()
    yield server.getsockname()[1], calls
    server.close()


def test_a_playlist_in_disguise_reaches_neither_the_network_nor_a_neighbour(clips, tmp_path, listener):
    port, calls = listener
    neighbour = tmp_path / "neighbour.ts"
    shutil.copy(clips.make("n.ts", *picture("128x72", 25, 1.2)), neighbour)
    hls = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{}\n#EXT-X-ENDLIST\n"
    hostile = {
        "ssrf.mp4": hls.format(f"http://127.0.0.1:{port}/a.ts"),
        "local.mp4": hls.format(f"file://{neighbour}"),
        "concat.mp4": "ffconcat version 1.0\nfile neighbour.ts\n",
        "x.sdp.mp4": f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n",
    }
    for name, text in hostile.items():
        path = tmp_path / name
        path.write_text(text)
        assert refused(path) == "NOT_MEDIA", name
    assert calls == []
