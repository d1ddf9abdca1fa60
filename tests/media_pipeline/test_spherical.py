"""Marks of panorama in init segments and whole files, read back by ffprobe; and what comes of unsound boxes."""

import json
import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.engine import engine
from media_pipeline.errors import BoxesUnsound
from media_pipeline.spherical import mark, mark_file, marked
from tests.media_pipeline.clips import picture, sound

SIX = [
    (projection, stereo)
    for projection in ("EQUIRECT", "HALF_EQUIRECT")
    for stereo in ("MONO", "TOP_BOTTOM", "LEFT_RIGHT")
]
CODECS = {
    "h264": ["-c:v", "libx264", "-preset", "ultrafast"],
    "hevc": ["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params", "log-level=none:pools=1"],
    "av1": ["-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "lp=1"],
}  # fmt: skip


def make(target, codec, *more, seconds=1):
    command = [engine().ffmpeg, "-v", "error", "-y", *picture("128x64", 25, seconds), *sound(seconds)]
    command += ["-pix_fmt", "yuv420p", *CODECS[codec], "-c:a", "aac", *more, str(target)]
    subprocess.run(command, check=True, capture_output=True)
    return target


@pytest.fixture(scope="module", params=sorted(CODECS))
def segment(request, tmp_path_factory):
    """A CMAF-like file without sound: its init segment and the rest."""
    name = tmp_path_factory.mktemp("segment") / "f.mp4"
    data = make(
        name, request.param, "-an", "-movflags", "+frag_keyframe+empty_moov+default_base_moof"
    ).read_bytes()
    cut = data.index(b"moof") - 4
    return data[:cut], data[cut:]


@pytest.fixture(scope="module", params=sorted(CODECS))
def progressive(request, tmp_path_factory):
    return make(tmp_path_factory.mktemp("whole") / "p.mp4", request.param, "-movflags", "+faststart")


def side_data(path):
    said = subprocess.run(
        [engine().ffprobe, "-v", "error", "-select_streams", "v", "-show_entries", "stream_side_data",
         "-of", "json", path],
        capture_output=True, check=True,
    )  # fmt: skip
    assert said.stderr == b""
    found = json.loads(said.stdout)["streams"][0].get("side_data_list", [])
    return {item["side_data_type"]: item for item in found}


def assert_seen(path, projection, stereo):
    found = side_data(path)
    mapping = found["Spherical Mapping"]
    if projection == "EQUIRECT":
        assert mapping["projection"] == "equirectangular"
    else:
        assert mapping["projection"] == "tiled equirectangular"
        quarter = 128 // 2  # a quarter of the whole sphere is missing on each side; ffprobe rounds
        assert abs(mapping["bound_left"] - quarter) <= 1 and abs(mapping["bound_right"] - quarter) <= 1
        assert (mapping["bound_top"], mapping["bound_bottom"]) == (0, 0)
    expected = {"MONO": "2D", "TOP_BOTTOM": "top and bottom", "LEFT_RIGHT": "side by side"}[stereo]
    assert found["Stereo 3D"]["type"] == expected


def fingerprints(path):
    """What is in the file besides marks: a hash for every packet, as ffmpeg demuxes it."""
    said = subprocess.run(
        [engine().ffmpeg, "-v", "error", "-i", path, "-c", "copy", "-f", "framemd5", "-"],
        capture_output=True, check=True,
    )  # fmt: skip
    assert said.stderr == b""
    lines = [line for line in said.stdout.splitlines() if not line.startswith(b"#")]
    assert lines
    return lines


@pytest.mark.media
@pytest.mark.parametrize(("projection", "stereo"), SIX)
def test_ffprobe_sees_the_marks_of_an_init_segment(segment, tmp_path, projection, stereo):
    init, rest = segment
    done = mark(init, projection=projection, stereo=stereo)
    path, plain = tmp_path / "a.mp4", tmp_path / "b.mp4"
    path.write_bytes(done + rest)
    plain.write_bytes(init + rest)

    assert marked(done) and not marked(init)
    assert_seen(path, projection, stereo)
    assert fingerprints(path) == fingerprints(plain)


@pytest.mark.media
@pytest.mark.parametrize(("projection", "stereo"), SIX)
def test_ffprobe_sees_the_marks_of_a_progressive_file(progressive, tmp_path, projection, stereo):
    done = tmp_path / "done.mp4"

    mark_file(progressive, done, projection=projection, stereo=stereo)

    assert_seen(done, projection, stereo)
    assert fingerprints(done) == fingerprints(progressive)  # every chunk offset was moved right
    assert done.read_bytes() == mark(progressive.read_bytes(), projection=projection, stereo=stereo)


@pytest.mark.media
def test_the_older_mark_alone_is_seen_too(segment, tmp_path):
    """A reader that knows V1 only: the V2 boxes are spoiled, the XML speaks."""
    init, rest = segment
    done = mark(init, projection="EQUIRECT", stereo="LEFT_RIGHT").replace(b"sv3d", b"free")
    path = tmp_path / "a.mp4"
    path.write_bytes(done.replace(b"st3d", b"free") + rest)

    found = side_data(path)

    assert found["Spherical Mapping"]["projection"] == "equirectangular"
    assert found["Stereo 3D"]["type"] == "side by side"


@pytest.mark.media
def test_half_a_sphere_says_in_the_older_mark_what_is_cropped(segment):
    done = mark(segment[0], projection="HALF_EQUIRECT", stereo="MONO")

    assert b"<GSpherical:FullPanoWidthPixels>256<" in done
    assert b"<GSpherical:CroppedAreaImageWidthPixels>128<" in done
    assert b"<GSpherical:CroppedAreaLeftPixels>64<" in done


@pytest.mark.media
def test_with_moov_behind_the_pictures_nothing_is_shifted(tmp_path):
    plain = make(tmp_path / "slow.mp4", "h264")
    done = tmp_path / "done.mp4"
    assert plain.read_bytes().index(b"mdat") < plain.read_bytes().index(b"moov")

    mark_file(plain, done, projection="EQUIRECT", stereo="MONO")

    assert_seen(done, "EQUIRECT", "MONO")
    assert fingerprints(done) == fingerprints(plain)


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def tiny(entry=b"avc1", *, offsets=(), wide=False, tail=b"", extra=b"", tracks=1):
    """A made-up moov with the tables that matter here; `tail` closes the sample entry, `extra` the table box."""
    fields = bytes(24) + struct.pack(">HH", 4096, 2048) + bytes(50)
    stsd = box(b"stsd", bytes(4), struct.pack(">I", 1), box(entry, fields, box(b"avcC", b"\1"), tail))
    form = f">{len(offsets)}{'Q' if wide else 'I'}"
    table = struct.pack(">II", 0, len(offsets)) + struct.pack(form, *offsets)
    stbl = box(b"stbl", stsd, box(b"co64" if wide else b"stco", table), extra)
    trak = box(b"trak", box(b"tkhd", bytes(8)), box(b"mdia", box(b"minf", stbl)))
    return box(b"moov", box(b"mvhd", bytes(8)), *[trak] * tracks)


ANY = st.sampled_from(SIX)


@given(first=ANY, again=ANY, tail=st.sampled_from([b"", b"\0\0\0\0", box(b"pasp", bytes(8))]))
def test_marking_again_replaces_the_marks(first, again, tail):
    plain = box(b"ftyp", b"isom") + tiny(tail=tail)
    once = mark(plain, projection=again[0], stereo=again[1])
    twice = mark(mark(plain, projection=first[0], stereo=first[1]), projection=again[0], stereo=again[1])

    assert twice == once
    assert marked(once) and not marked(plain)
    assert b"avcC" in once


@given(
    payload=st.binary(min_size=1, max_size=200),
    cuts=st.lists(st.integers(0, 199), max_size=8),
    wide=st.booleans(),
    shape=ANY,
    between=st.integers(0, 40),
)
def test_offsets_point_at_the_same_bytes_afterwards(payload, cuts, wide, shape, between):
    places = [cut % len(payload) for cut in cuts]
    head = box(b"ftyp", b"isom")

    def whole(offsets):
        return head + tiny(offsets=offsets, wide=wide) + box(b"free", bytes(between)) + box(b"mdat", payload)

    begin = len(whole([0] * len(places))) - len(payload)
    plain = whole([begin + place for place in places])
    done = mark(plain, projection=shape[0], stereo=shape[1])

    at = done.index(b"co64" if wide else b"stco") + 12
    found = struct.unpack_from(f">{len(places)}{'Q' if wide else 'I'}", done, at)
    assert [done[offset : offset + 1] for offset in found] == [payload[place : place + 1] for place in places]
    assert done.endswith(payload)


@given(st.binary(max_size=300))
def test_any_bytes_are_marked_or_refused(data):
    with pytest.raises(BoxesUnsound):
        mark(data, projection="EQUIRECT", stereo="MONO")


@given(at=st.integers(0, 300), byte=st.integers(0, 255), cut=st.integers(0, 300))
def test_a_damaged_file_never_ends_in_another_error(at, byte, cut):
    sound_file = box(b"ftyp", b"isom") + tiny(offsets=(400, 401)) + box(b"mdat", b"abc")
    damaged = bytearray(sound_file[: len(sound_file) - cut % 60])
    damaged[at % len(damaged)] = byte
    try:
        done = mark(bytes(damaged), projection="EQUIRECT", stereo="MONO")
    except BoxesUnsound:
        return
    assert marked(done)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\0\0\0\x08moov", "0 picture tracks"),
        (b"\0\0\0\x40moov", "64 bytes"),
        (b"\0\0\0\x01moov\0\0", "cut off"),
        (b"\0\0\0\x01moov" + bytes(8), "0 bytes"),
        (b"\0\0\0", "no box"),
        (tiny() + tiny(), "2 moov"),
        (tiny(tracks=2), "2 picture tracks"),
        (tiny(b"mp4a"), "0 picture tracks"),
        (tiny(tail=b"\0\0\0\x02oddy"), "2 bytes"),
        (tiny(offsets=(2**32 - 1,)) + box(b"mdat", b"x"), "64 bits"),
        (tiny(extra=box(b"saio", bytes(8))) + box(b"mdat", b"x"), "encrypted"),
        (tiny(extra=box(b"stco", struct.pack(">II", 0, 0x0FFFFFFF))) + box(b"mdat", b"x"), "do not fit"),
        (box(b"moov", b"\0\0\0\x09moov" * 100000), "bytes at"),
        (tiny() + box(b"moof", b"") + box(b"mdat", b"x"), "fragments"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_add_up_is_refused_in_words(data, word):
    with pytest.raises(BoxesUnsound, match=word):
        mark(data, projection="EQUIRECT", stereo="MONO")


def test_a_flat_picture_gets_no_mark(tmp_path):
    with pytest.raises(ValueError, match="no panorama"):
        mark(tiny(), projection="FLAT", stereo="MONO")
    with pytest.raises(ValueError, match="no panorama"):
        mark(tiny(), projection="EQUIRECT", stereo="TILED")


def test_a_file_is_read_box_by_box(tmp_path):
    """A large-size mdat and 64-bit offsets: moov grows, the rest is copied as it lies."""
    source, target = tmp_path / "a", tmp_path / "b"
    head = box(b"ftyp", b"isom")
    moov = tiny(offsets=(5 * 1024**3,), wide=True)
    source.write_bytes(head + moov + struct.pack(">I4sQ", 1, b"mdat", 16 + 3) + b"abc")

    mark_file(source, target, projection="EQUIRECT", stereo="MONO")

    done = target.read_bytes()
    grown = len(done) - len(source.read_bytes())
    assert done.endswith(b"abc") and grown > 0
    assert struct.pack(">Q", 5 * 1024**3 + grown) in done
    source.write_bytes(head + moov + box(b"moof", b"") + box(b"mdat", b"x"))
    with pytest.raises(BoxesUnsound, match="fragmented"):
        mark_file(source, target, projection="EQUIRECT", stereo="MONO")
