"""The one ffmpeg run: one input, one decode, a cascade."""

from pathlib import Path

from media_pipeline.decide import Character, recipe
from media_pipeline.graph import encode_command
from media_pipeline.probe import Facts, SoundStream

CHOICES = {"engine": "x", "preset": "medium", "crf": 24, "threads": 1, "max_duration_s": 43200}


def command(**facts):
    known = {"demuxer": "mov", "duration_s": 60, "width": 1920, "height": 1080, "fps": "25/1"}
    known |= {"video_index": 0, "sounds": (SoundStream(1, "aac", 2),)} | facts
    made = recipe(Facts(**known), Character("CAMERA"), projection="FLAT", stereo="MONO", **CHOICES)
    return encode_command("ffmpeg", Path("/in/source"), Facts(**known), made, max_pixels=100)


def test_one_input_one_chain_each_rung_from_the_one_above():
    line = command()
    graph = line[line.index("-filter_complex") + 1]

    assert line.count("-i") == 1
    assert line[line.index("-i") + 1] == "file:/in/source"
    assert graph.count("fps=fps=") == 1
    assert graph.count("split") == 3
    assert [part.split("=")[1] for part in graph.split("]") if part.startswith("scale=")] == [
        "1920:1080:flags", "1280:720:flags", "852:480:flags", "426:240:flags",
    ]  # fmt: skip
    assert [word for word in line if word.endswith(".mp4")] == [
        "v1080.mp4", "v720.mp4", "v480.mp4", "v240.mp4", "audio.mp4",
    ]  # fmt: skip


def test_the_input_is_fenced_in_before_it_is_named():
    line = command()
    before = line[: line.index("-i")]

    assert before[before.index("-protocol_whitelist") + 1] == "file"
    assert before[before.index("-f") + 1] == "mov"
    assert "-format_whitelist" in before and "-max_pixels" in before and "-t" in before
    assert "-nostdin" in line


def test_keyframes_of_all_rungs_fall_together():
    line = command()

    assert [line[i + 1] for i, word in enumerate(line) if word == "-g"] == ["100"] * 4
    assert [line[i + 1] for i, word in enumerate(line) if word == "-sc_threshold"] == ["0"] * 4


def test_sound_alone():
    line = command(width=0, height=0, video_index=-1, sounds=(SoundStream(0, "mp3", 2),), fps="0/1")

    assert [word for word in line if word.endswith(".mp4")] == ["audio.mp4"]
    assert "libx264" not in line


def test_interlaced_pictures_are_woven_first():
    line = command(interlaced=True)

    assert "yadif" in line[line.index("-filter_complex") + 1].split(";")[0]
