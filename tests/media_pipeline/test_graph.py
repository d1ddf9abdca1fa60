"""The one ffmpeg run that makes pictures: one input, one decode, a cascade."""

from pathlib import Path

import pytest

from media_pipeline.chunks import Chunk
from media_pipeline.graph.encode import encode_command, x264_options
from media_pipeline.probe import Facts
from media_pipeline.recipe import Recipe, SoundRung, VideoRung

LADDER = tuple(
    VideoRung(f"v{height}", width, height, 1000, preset="medium")
    for width, height in [(1920, 1080), (1280, 720), (852, 480), (426, 240)]
)
AV1 = VideoRung("a720", 1280, 720, 800, codec="av1", crf=45, preset="10")
HEVC = VideoRung("h2560", 2560, 1440, 9000, codec="hevc", preset="fast")
STILLS = VideoRung("s480", 852, 480, 80, preset="medium", fps="1/2")


def command(*, rungs=LADDER, facts=None, **options):
    known = {
        "demuxer": "mov",
        "duration_s": 60,
        "width": 1920,
        "height": 1080,
        "fps": "25/1",
        "video_index": 0,
    }
    made = Recipe(
        rungs, (SoundRung("audio", 2, 96, 1),), "CAMERA", "25/1", 4, 48, "FLAT", "MONO", 1, 43200, "x"
    )
    return encode_command(
        "ffmpeg", Path("/in/source"), Facts(**(known | (facts or {}))), made, max_pixels=100, **options
    )


def graph_of(line):
    return line[line.index("-filter_complex") + 1]


def scaled(line):
    """Sizes in the order of the cascade."""
    parts = [part for part in graph_of(line).split("]") if part.startswith("scale=")]
    return [":".join(part.split("=")[1].split(":")[:2]) for part in parts if part[6].isdigit()]


def files(line):
    return [word for word in line if word.endswith(".mp4")]


def of_file(line, name):
    """The options of one output file."""
    end = line.index(name)
    begin = max(i for i, word in enumerate(line[:end]) if word == "-map")
    return line[begin:end]


def test_one_input_one_chain_each_rung_from_the_one_above():
    line = command()

    assert line.count("-i") == 1
    assert line[line.index("-i") + 1] == "file:/in/source"
    assert graph_of(line).count("fps=fps=") == 1
    assert graph_of(line).count("split") == 3
    assert scaled(line) == ["1920:1080", "1280:720", "852:480", "426:240"]
    assert files(line) == ["v1080.mp4", "v720.mp4", "v480.mp4", "v240.mp4"]  # sound is a run of its own


def test_renditions_of_all_codecs_share_the_scaled_pictures():
    line = command(rungs=(*LADDER, AV1, HEVC, STILLS))

    assert scaled(line) == ["2560:1440", "1920:1080", "1280:720", "852:480", "426:240"]
    assert "framestep=50" in graph_of(line)
    encoders = {"v720": "libx264", "a720": "libsvtav1", "h2560": "libx265", "s480": "libx264"}
    for name, encoder in encoders.items():
        assert f"-vcodec {encoder}" in " ".join(of_file(line, f"{name}.mp4"))
    assert "hvc1" in of_file(line, "h2560.mp4")


def test_one_rendition_alone_goes_the_same_way():
    alone = command(rungs=(*LADDER, AV1, STILLS), only=["v480"])

    assert files(alone) == ["v480.mp4"]
    assert scaled(alone) == ["1920:1080", "1280:720", "852:480"]
    together = of_file(command(rungs=(*LADDER, AV1, STILLS)), "v480.mp4")
    assert of_file(alone, "v480.mp4")[2:] == together[2:]  # all but the label of the picture


def test_the_input_is_fenced_in_before_it_is_named():
    line = command()
    before = line[: line.index("-i")]

    assert before[before.index("-protocol_whitelist") + 1] == "file"
    assert before[before.index("-f") + 1] == "mov"
    assert "-format_whitelist" in before and "-max_pixels" in before and "-t" in before
    assert "-nostdin" in line


def test_keyframes_of_all_rungs_fall_together():
    line = command(rungs=(*LADDER, AV1, HEVC, STILLS))

    assert [line[i + 1] for i, word in enumerate(line) if word == "-g"] == ["100"] * 5 + [
        "2"
    ]  # stills: 0.5 a s
    assert "keyint=100:min-keyint=100:scenecut=0:open-gop=0" in " ".join(of_file(line, "h2560.mp4"))
    assert [line[i + 1] for i, word in enumerate(line) if word == "-sc_threshold"] == ["0"] * 5


def test_every_encoder_repeats_itself():
    line = command(rungs=(LADDER[0], AV1, HEVC))

    assert "-threads 1" in " ".join(of_file(line, "v1080.mp4"))
    assert "lp=1" in " ".join(of_file(line, "a720.mp4"))
    assert "pools=none:frame-threads=1" in " ".join(of_file(line, "h2560.mp4"))
    for name in ("v1080.mp4", "a720.mp4", "h2560.mp4"):
        assert any("+bitexact" in word for word in of_file(line, name))


@pytest.mark.parametrize(
    ("chunk", "enter_s", "cut"),
    [
        (None, None, None),
        (Chunk(0, 0, None), None, None),
        (Chunk(0, 0, 1200), None, "trim=end_pts=1200:start_pts=0"),
        (Chunk(1, 1200, 1200), 46.92, "trim=end_pts=2400:start_pts=1200"),
        (Chunk(2, 2400, None), 84.0, "trim=start_pts=2400"),
        (Chunk(1, 1200, 1200), None, "trim=end_pts=2400:start_pts=1200"),
    ],
)
def test_a_chunk_is_cut_by_number_on_the_clock_of_the_whole(chunk, enter_s, cut):
    line = command(chunk=chunk, enter_s=enter_s)
    before = line[: line.index("-i")]

    assert ("trim=" in graph_of(line)) == (cut is not None) and (cut or "") in graph_of(line)
    assert ("start_time=0" in graph_of(line)) == (chunk is None or chunk.first == 0)
    assert ("-ss" in before) == ("-copyts" in before) == ("-start_at_zero" in before) == (enter_s is not None)


def test_interlaced_pictures_are_woven_first():
    line = command(facts={"interlaced": True})

    assert "bwdif" in graph_of(line).split(";")[0]


def test_hasty_presets_stay_hasty():
    told = {
        p: x264_options(VideoRung("v480", 852, 480, 100, preset=p), "CAMERA")
        for p in ("ultrafast", "veryfast", "medium")
    }

    assert told["ultrafast"] == {} and told["medium"]["aq-mode"] == 2
    assert told["veryfast"]["subme"] == 1 and "subme" not in told["medium"]


def test_what_stands_still_for_long_is_coded_finer():
    rung = VideoRung("v480", 852, 480, 100, preset="medium")

    assert x264_options(rung, "SLIDES") == x264_options(rung, "CAMERA") | {"qcomp": 0.45, "ipratio": 2.0}
