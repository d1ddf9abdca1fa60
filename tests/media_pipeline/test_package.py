"""A media set: what is in it, and that a set with anything wrong in it is not published."""

import re
import shutil
from xml.etree import ElementTree as ET

import pytest

from media_pipeline import package
from media_pipeline.package import dash
from media_pipeline.package.languages import name as language_name
from media_pipeline.package.languages import tag
from media_pipeline.package.tracks import Track, names_apart, peak_bps
from media_pipeline.package.verify import (
    alignment_faults,
    length_faults,
    master_faults,
    media_faults,
)
from media_pipeline.stages import publish
from tests.media_pipeline.clips import tree
from tests.media_pipeline.renditions import encode, recipe_of, rungs, sounds

SECONDS = 13

# Playlists, broken one way at a time

MEDIA = """#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:4
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MAP:URI="init.mp4"
#EXTINF:4.000,
00001.m4s
#EXTINF:4.011,
00002.m4s
#EXT-X-ENDLIST
"""
MEDIA_FILES = {"v/main.m3u8": 1, "v/init.mp4": 800, "v/00001.m4s": 5000, "v/00002.m4s": 6000}
TRICK = MEDIA.replace("#EXT-X-MAP", "#EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP").replace(
    "\n0000", "\n#EXT-X-BYTERANGE:900@84\n0000"
)


def codes(faults):
    return [fault.code for fault in faults]


@pytest.mark.parametrize(
    ("was", "now", "code"),
    [
        ("", "", None),
        ("#EXTM3U\n", "", "NO_HEADER"),
        ("#EXT-X-ENDLIST", "", "NO_END"),
        ("#EXT-X-TARGETDURATION:4\n", "", "NO_TARGET"),
        ("TARGETDURATION:4", "TARGETDURATION:3", "TARGET_TOO_SHORT"),
        ("4.011", "4.600", "TARGET_TOO_SHORT"),
        ("#EXTINF:4.011,\n", "", "NO_LENGTH"),
        ("00002.m4s", "00003.m4s", "FILE_MISSING"),
        ("00002.m4s", "00001.m4s", "SEGMENT_TWICE"),
        ("init.mp4", "begin.mp4", "FILE_MISSING"),
        ("00001.m4s", "../w/00001.m4s", "FILE_MISSING"),
    ],
)
def test_a_broken_media_playlist(was, now, code):
    found = codes(media_faults("v/main.m3u8", MEDIA.replace(was, now, 1), MEDIA_FILES))

    assert found == [] if code is None else code in found


def test_empty_files_are_missing_files():
    assert codes(media_faults("v/main.m3u8", MEDIA, MEDIA_FILES | {"v/00002.m4s": 0})) == ["FILE_MISSING"]


@pytest.mark.parametrize(
    ("was", "now", "code"),
    [("", "", None), ("900@84", "9000@84", "RANGE_OUTSIDE"), ("#EXT-X-BYTERANGE:900@84\n", "", "NO_RANGE")],
)
def test_a_broken_iframe_playlist(was, now, code):
    found = codes(media_faults("v/iframe.m3u8", TRICK.replace(was, now, 1), MEDIA_FILES))

    assert found == ([] if code is None else [code])


MASTER = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS

#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="captions",URI="captions-zh.m3u8",LANGUAGE="zh",NAME="中文",DEFAULT=NO
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",URI="audio/main.m3u8",LANGUAGE="zh",NAME="普通话",DEFAULT=YES
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",URI="audio2/main.m3u8",LANGUAGE="en",NAME="英语",DEFAULT=NO
#EXT-X-STREAM-INF:BANDWIDTH=900,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=320x180,AUDIO="sound",SUBTITLES="captions"
v180/main.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=80,CODECS="avc1.64001f",RESOLUTION=320x180,URI="v180/iframe.m3u8"
"""
MASTER_FILES = dict.fromkeys(
    ["captions-zh.m3u8", "audio/main.m3u8", "audio2/main.m3u8", "v180/main.m3u8", "v180/iframe.m3u8"], 9
)
PEAKS = {"v180": 700, "audio": 150, "audio2": 200}


@pytest.mark.parametrize(
    ("was", "now", "code"),
    [
        ("", "", None),
        ("#EXTM3U\n", "", "NO_HEADER"),
        ("#EXT-X-INDEPENDENT-SEGMENTS", "", "NOT_INDEPENDENT"),
        ("BANDWIDTH=900", "BANDWIDTH=899", "BANDWIDTH_TOO_LOW"),
        ("BANDWIDTH=900,", "", "BANDWIDTH_TOO_LOW"),
        ('CODECS="avc1.64001f,mp4a.40.2",', "", "NO_CODECS"),
        (",mp4a.40.2", "", "NO_CODECS"),
        ("RESOLUTION=320x180,", "", "NO_RESOLUTION"),
        ('AUDIO="sound"', 'AUDIO="sounds"', "NO_GROUP"),
        ('SUBTITLES="captions"', 'SUBTITLES="texts"', "NO_GROUP"),
        ('NAME="英语"', 'NAME="普通话"', "NAME_TWICE"),
        ("DEFAULT=YES", "DEFAULT=NO", "WRONG_DEFAULT"),
        ('NAME="英语",DEFAULT=NO', 'NAME="英语",DEFAULT=YES', "WRONG_DEFAULT"),
        ("v180/main.m3u8", "v240/main.m3u8", "FILE_MISSING"),
        ("v180/iframe.m3u8", "v240/iframe.m3u8", "FILE_MISSING"),
        ("captions-zh.m3u8", "captions-en.m3u8", "FILE_MISSING"),
        ("BANDWIDTH=80,", "", "NO_BANDWIDTH"),
        ("v180/main.m3u8\n", "", "NO_ADDRESS"),
    ],
)
def test_a_broken_master_playlist(was, now, code):
    found = codes(master_faults("master.m3u8", MASTER.replace(was, now, 1), MASTER_FILES, PEAKS))

    assert found == [] if code is None else code in found


def test_a_master_without_variants():
    assert "NO_VARIANT" in codes(master_faults("m", "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n", {}, {}))


@pytest.mark.parametrize(
    ("lasts_s", "fine"), [(10, True), (10.04, True), (9.96, True), (10.05, False), (9.9, False), (0, False)]
)
def test_length_within_a_frame(lasts_s, fine):
    assert (length_faults("v", lasts_s, expected_s=10, frame_s=0.04) == []) is fine


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ([4, 4, 2], None),
        ([4, 4, 1.99], None),
        ([4, 6], "SEGMENT_COUNT"),
        ([4, 4, 1, 1], "SEGMENT_COUNT"),
        ([4.04, 3.96, 2], "NOT_ALIGNED"),
        ([4, 4, 2.1], "NOT_ALIGNED"),
    ],
)
def test_boundaries_of_all_renditions(other, code):
    found = codes(alignment_faults({"v720": [4, 4, 2], "v480": other}, within_s=0.02))

    assert found == ([] if code is None else [code])


@pytest.mark.parametrize(
    ("sizes", "durations", "expected"),
    [
        ([1000, 1000], [4, 4], 2000),
        ([1000, 3000], [4, 4], 6000),
        ([1000, 500], [4, 0.1], 2927),  # a short end counts together with what goes before
        ([500], [0.5], 8000),
        ([], [], 0),
    ],
)
def test_peak(sizes, durations, expected):
    assert peak_bps(sizes, durations, 4) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("zho", "zh"),
        ("chi", "zh"),
        ("zh-Hans", "zh-Hans"),
        ("eng", "en"),
        ("bod", "bo"),
        ("", "und"),
        ("a b", "und"),
    ],
)
def test_language_tags(said, expected):
    assert tag(said) == expected


def test_names_of_sounds():
    assert language_name("eng") == "英语"
    assert language_name("tib", label="Tibetan") == "藏语"
    assert language_name("", label='导播"声道\n二') == "导播 声道 二"
    assert [language_name("", number=number) for number in (1, 2)] == ["原声", "音轨2"]
    assert names_apart(["普通话", "英语", "普通话"]) == ["普通话", "英语", "普通话 2"]


# A real set


@pytest.fixture(scope="module")
def made():
    return recipe_of(rungs(av1=True, hevc=True), sounds("zho", "eng"))


@pytest.fixture(scope="module")
def encoded(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoded")
    encode(made, folder, seconds=SECONDS)
    return folder


@pytest.fixture(scope="module")
def whole(made, encoded, tmp_path_factory):
    """A whole set and its contents, made once; tests that break one take a copy."""
    work = tmp_path_factory.mktemp("whole")
    out = work / "set"
    out.mkdir()
    return out, publish.make_set(encoded, out, made, lambda *_share: None)


def attributes(text, mark):
    return [line for line in text.splitlines() if line.startswith(mark)]


@pytest.mark.media
def test_hls_of_a_whole_set(whole):
    out, _contents = whole
    text = (out / "master.m3u8").read_text()

    variants = attributes(text, "#EXT-X-STREAM-INF")
    assert [re.search(r'CODECS="([a-z0-9]+)\.', line)[1] for line in variants] == ["avc1", "avc1", "av01"]
    assert [re.search(r"RESOLUTION=(\S+?),", line)[1] for line in variants] == [
        "640x360",
        "320x180",
        "640x360",
    ]
    audio = attributes(text, "#EXT-X-MEDIA:TYPE=AUDIO")
    assert [re.search(r'LANGUAGE="(\w+)",NAME="(.+?)",DEFAULT=(\w+)', line).groups() for line in audio] == [
        ("zh", "普通话", "YES"), ("en", "英语", "NO"),
    ]  # fmt: skip
    assert len(attributes(text, "#EXT-X-I-FRAME-STREAM-INF")) == 3
    assert len(attributes(text, "#EXT-X-IMAGE-STREAM-INF")) == 1
    assert "s180" not in text and "h360" not in text


@pytest.mark.media
def test_hevc_is_for_headsets_and_stills_for_thin_lines(whole):
    out, _contents = whole

    assert re.findall(r"^(\w+)/main", (out / "headset.m3u8").read_text(), re.M) == ["h360", "v360", "v180"]
    assert 'CODECS="hvc1.' in (out / "headset.m3u8").read_text()
    slides = (out / "slides.m3u8").read_text()
    assert re.findall(r"^(\w+)/main", slides, re.M) == ["s180"]
    assert 'AUDIO="sound"' in slides
    listen = (out / "listen.m3u8").read_text()
    assert re.findall(r"^(\w+)/main", listen, re.M) == ["audio"] and "RESOLUTION" not in listen


@pytest.mark.media
def test_dash_of_a_whole_set(whole):
    out, contents = whole
    root = ET.fromstring((out / "manifest.mpd").read_text())
    groups = root.findall(f".//{{{dash.NS}}}AdaptationSet")

    said = [
        (group.get("contentType"), [one.get("id") for one in group.iter(f"{{{dash.NS}}}Representation")])
        for group in groups
    ]
    assert said == [
        ("video", ["v360", "v180"]), ("video", ["a360"]), ("audio", ["audio"]), ("audio", ["audio2"]),
        ("image", ["thumbnails"]),
    ]  # fmt: skip
    assert [group.findtext(f"{{{dash.NS}}}Label") for group in groups[2:4]] == ["普通话", "英语"]
    (tiles,) = groups[4].iter(f"{{{dash.NS}}}EssentialProperty")
    assert (tiles.get("schemeIdUri"), tiles.get("value")) == (
        "http://dashif.org/guidelines/thumbnail_tile",
        "7x1",
    )
    assert abs(contents["duration_s"] - SECONDS) < 0.04


@pytest.mark.media
def test_what_the_set_says_of_itself(whole):
    out, contents = whole

    assert contents["scenes_ms"] == [4000, 8000, 12000]
    assert contents["slides"] and contents["layout"] == 3
    renditions = {item["name"]: item for item in contents["renditions"]}
    assert renditions["s180"]["bandwidth_bps"] < renditions["v180"]["bandwidth_bps"]
    assert renditions["v360"]["size_bytes"] == sum(
        f.stat().st_size for f in (out / "v360").iterdir() if f.suffix != ".m3u8"
    )
    assert (out / "storyboard.m3u8").read_text().count("EXT-X-TILES") == 1


@pytest.mark.media
def test_made_twice_it_is_the_same_to_the_byte(whole, made, encoded, tmp_path):
    again = tmp_path / "set"
    again.mkdir()

    assert publish.make_set(encoded, again, made, lambda *_share: None) == whole[1]
    assert tree(again) == tree(whole[0])


# A real set, broken one way at a time: every check has to see it


def edit(name, was, now):
    def do(folder):
        text = (folder / name).read_text()
        assert was in text
        (folder / name).write_text(text.replace(was, now, 1))

    return do


def remove(name):
    return lambda folder: (folder / name).unlink()


def lose_last_segment(folder):
    """As if the encoder had stopped early: playlists agree with the files, the lecture is too short."""
    lines = (folder / "v180" / "main.m3u8").read_text().splitlines()
    last = max(number for number, line in enumerate(lines) if line.endswith(".m4s"))
    (folder / "v180" / lines[last]).unlink()
    (folder / "v180" / "main.m3u8").write_text("\n".join(lines[: last - 1] + lines[last + 1 :]) + "\n")


def every(name, pattern, now):
    def do(folder):
        (folder / name).write_text(re.sub(pattern, now, (folder / name).read_text()))

    return do


ELSEWHERE = '<S t="0" d="25088" />\n<S d="26112" />\n<S d="25600" r="3" />'
BREAKS = {
    "a segment gone": (remove("v360/00003.m4s"), "FILE_MISSING"),
    "an init segment gone": (remove("audio2/init.mp4"), "FILE_MISSING"),
    "a playlist gone": (remove("a360/main.m3u8"), "FILE_MISSING"),
    "an I-frame playlist gone": (remove("v180/iframe.m3u8"), "FILE_MISSING"),
    "a storyboard playlist gone": (remove("storyboard.m3u8"), "FILE_MISSING"),
    "a playlist without end": (edit("v360/main.m3u8", "#EXT-X-ENDLIST", ""), "NO_END"),
    "target too short": (edit("audio/main.m3u8", "DURATION:3", "DURATION:1"), "TARGET_TOO_SHORT"),
    "too short": (lose_last_segment, "WRONG_LENGTH"),
    "longer than it is": (edit("v180/main.m3u8", "#EXTINF:2.000", "#EXTINF:2.200"), "WRONG_LENGTH"),
    "cut elsewhere": (edit("manifest.mpd", '<S t="0" d="25600" r="5" />', ELSEWHERE), "NOT_ALIGNED"),
    "a hole in the timeline": (edit("manifest.mpd", '<S t="153600"', '<S t="153900"'), "TIMELINE_HOLE"),
    "DASH that is no XML": (edit("manifest.mpd", "</MPD>", ""), "DASH_UNREADABLE"),
    "DASH with another size": (edit("manifest.mpd", 'width="640"', 'width="320"'), "WRONG_SIZE"),
    "DASH too modest": (every("manifest.mpd", r'bandwidth="\d+"', 'bandwidth="9"'), "BANDWIDTH_TOO_LOW"),
    "HLS too modest": (every("master.m3u8", r"BANDWIDTH=\d+", "BANDWIDTH=9"), "BANDWIDTH_TOO_LOW"),
    "no codecs": (every("master.m3u8", r'CODECS="[^"]+",', ""), "NO_CODECS"),
    "slides without their sound": (edit("slides.m3u8", "audio/main", "audio9/main"), "FILE_MISSING"),
}


@pytest.mark.media
@pytest.mark.parametrize("which", ["nothing", *BREAKS])
def test_a_set_with_something_wrong_is_told(whole, made, tmp_path, which):
    out, contents = whole
    copy = tmp_path / "set"
    shutil.copytree(out, copy)
    tracks = [Track.from_dict(item) for item in contents["renditions"]]
    told = {
        "expected_s": dict.fromkeys(made.names, float(SECONDS)),
        "masters": ["master.m3u8", "slides.m3u8", "headset.m3u8", "listen.m3u8"],
        "duration_s": contents["duration_s"],
    }
    if which == "nothing":
        package.verify(copy, tracks, **told)
        return
    deed, code = BREAKS[which]
    deed(copy)

    with pytest.raises(publish.StageFailed) as fault:
        package.verify(copy, tracks, **told)
    assert (fault.value.code, code in fault.value.detail) == ("PACKAGE_UNSOUND", True), fault.value.detail


@pytest.mark.media
def test_a_segment_that_does_not_decode_is_told(made, encoded, tmp_path, monkeypatch):
    """The files are there and as long as they must be, but one ends in rubbish."""
    out = tmp_path / "set"
    out.mkdir()
    real = publish.run

    def spoil(command, **kwargs):
        outcome = real(command, **kwargs)
        if "segment_duration" in " ".join(command):
            last = sorted((out / "v180").glob("*.m4s"))[-1]
            data = bytearray(last.read_bytes())
            begin = data.index(b"mdat") + 4
            data[begin:] = bytes(len(data) - begin)
            last.write_bytes(data)
        return outcome

    monkeypatch.setattr(publish, "run", spoil)
    with pytest.raises(publish.StageFailed) as fault:
        publish.make_set(encoded, out, made, lambda *_share: None)
    assert "v180" in fault.value.detail


def test_what_a_trial_may_say():
    track = Track("v180", "h264", "avc1", 320, 180, 25.0, False, "", "", 0, 1, 1, 1, 1, 1, 1.0)
    good = {
        "codec_name": "h264",
        "width": 320,
        "height": 180,
        "nb_read_frames": "75",
        "nb_read_packets": "75",
    }

    assert publish._trial_faults(track, {"streams": [good]}, counted=True) == []
    for change in (
        {"codec_name": "hevc"},
        {"width": 640},
        {"nb_read_frames": "70"},
        {"nb_read_packets": "0"},
    ):
        assert publish._trial_faults(track, {"streams": [good | change]}, counted=True) != []
    assert publish._trial_faults(track, {"streams": []}, counted=True) != []
