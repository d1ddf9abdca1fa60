"""Pieces of a long lecture: which frames, where to enter, whether they make a whole; and with real files that they do."""

import json
import random
import subprocess
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest

from media_pipeline.chunks import Chunk, Piece, entries, is_whole, plan
from media_pipeline.engine import engine
from media_pipeline.graph.encode import encode_command, still_step
from media_pipeline.graph.join import concat_list, join_command
from media_pipeline.probe import Facts
from media_pipeline.recipe import Recipe, VideoRung
from tests.media_pipeline.clips import picture

RUNG = VideoRung("v180", 320, 180, 900, preset="ultrafast")


def recipe(**other):
    known = {
        "rungs": (RUNG,), "sounds": (), "kind": "CAMERA", "fps": "25/1", "segment_s": 4, "chunk_s": 48,
        "projection": "FLAT", "stereo": "MONO", "threads": 1, "max_duration_s": 43200, "engine": "x",
    }  # fmt: skip
    return Recipe(**(known | other))


@pytest.mark.parametrize(
    ("seconds", "other", "firsts"),
    [
        (0, {}, [0]),  # the file does not say how long it is
        (float("inf"), {}, [0]),
        (5, {}, [0]),
        (71.9, {}, [0]),  # less than one and a half
        (72, {}, [0, 1200]),
        (95, {}, [0, 1200]),
        (150, {}, [0, 1200, 2400]),
        (30, {"chunk_s": 8}, [0, 200, 400, 600]),
        (30, {"chunk_s": 1}, [0, 100, 200, 300, 400, 500, 600, 700]),  # a segment at least
        (100, {"fps": "30000/1001"}, [0, 1440]),  # 12 GOPs of 120 frames
        (100, {"fps": "30000/1001", "segment_s": 6}, [0, 1440]),  # 8 GOPs of 180
        (10, {"rungs": ()}, []),  # sound alone
    ],
)
def test_where_chunks_begin(seconds, other, firsts):
    assert [chunk.first for chunk in plan(seconds, recipe(**other))] == firsts


def test_chunks_cover_all_frames_once_and_begin_with_a_keyframe():
    dice = random.Random(4)
    for _case in range(500):
        rate = dice.choice(["24000/1001", "25/1", "30000/1001", "30/1", "15/1", "7/1", "50/1"])
        made = recipe(fps=rate, segment_s=dice.choice([2, 4, 6, 8]), chunk_s=dice.choice([2, 10, 48, 96]))
        seconds = dice.uniform(0.1, 20000)
        found = plan(seconds, made)

        assert [chunk.index for chunk in found] == list(range(len(found)))
        assert found[0].first == 0 and found[-1].frames is None
        for one, following in pairwise(found):
            assert one.end == following.first
        each = found[0].frames or 0
        assert all(chunk.frames == each for chunk in found[:-1]) and each % made.gop == 0
        if len(found) > 1:
            rest = seconds * float(made.rate) - found[-1].first
            assert 0.5 * each <= rest + 1e-6 and rest < 1.5 * each
            assert max(c.frames or 0 for c in found) <= max(made.gop, made.rate * made.chunk_s + made.gop / 2)


def test_keys_sort_like_numbers():
    keys = [chunk.key for chunk in plan(12 * 3600, recipe(chunk_s=8))]

    assert keys[0] == "c0000" and keys == sorted(keys) and len(set(keys)) == len(keys)


def test_the_source_is_entered_earlier_and_earlier():
    chunk = Chunk(2, 2400, 1200)  # at 96 s

    assert entries(Chunk(0, 0, 1200), recipe(), "mov") == (None,)
    assert entries(chunk, recipe(), "mov") == (94.92, 36.0, None)
    assert entries(chunk, recipe(), "mpegts") == (84.0, 36.0, None)
    assert entries(Chunk(1, 200, None), recipe(), "flv") == (None,)  # 8 s: no use in seeking


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        ([100, 100, 30], True),
        ([100, 100, 170], True),
        ([100, 60, 0], True),  # the picture ends before the file does
        ([100, 60, 30], False),  # a hole in the middle
        ([100, 0, 30], False),
        ([100, 101, 30], False),
        ([0, 0, 0], False),
        ([100, 100, Piece(20, start=10)], False),  # entered too late
    ],
)
def test_what_makes_a_whole(pieces, whole):
    chunks = (Chunk(0, 0, 100), Chunk(1, 100, 100), Chunk(2, 200, None))
    found = [piece if isinstance(piece, Piece) else Piece(piece) for piece in pieces]

    assert is_whole(found, chunks) is whole


@pytest.mark.parametrize(
    ("fps", "segment_s", "wish", "step"),
    [("25/1", 4, "1/2", 50), ("25/1", 6, "1/2", 50), ("30000/1001", 4, "1/2", 60), ("25/1", 4, "", 1), ("7/1", 4, "1/2", 14)],
)  # fmt: skip
def test_stills_take_every_so_manieth_frame_of_the_same_grid(fps, segment_s, wish, step):
    made = recipe(fps=fps, segment_s=segment_s)

    assert still_step(VideoRung("s480", 852, 480, 100, fps=wish), made) == step
    assert made.gop % step == 0


def test_names_in_the_list_are_quoted(tmp_path):
    text = concat_list(
        [(tmp_path / "it's a #1 name.mp4", Fraction(1001, 250)), (tmp_path / "b", Fraction(4))]
    )

    assert text.splitlines() == [
        "ffconcat version 1.0", f"file '{tmp_path}/it'\\''s a #1 name.mp4'", "duration 4.004000",
        f"file '{tmp_path}/b'", "duration 4.000000",
    ]  # fmt: skip
    with pytest.raises(ValueError):
        concat_list([(tmp_path / "a\nfile b", Fraction(1))])


CLIPS = {
    "mp4": ("mov", "25/1", ["-bf", "2", "-g", "50"], ".mp4"),
    "ts": ("mpegts", "25/1", ["-bf", "2", "-g", "50", "-muxdelay", "3"], ".ts"),
    "ts 29.97, keyframes far apart": ("mpegts", "30000/1001", ["-bf", "2", "-g", "250"], ".ts"),
    "flv": ("flv", "30000/1001", ["-bf", "2", "-g", "250"], ".flv"),
    "mkv": ("matroska", "25/1", ["-bf", "2", "-g", "120"], ".mkv"),
    "avi": ("avi", "25/1", ["-bf", "0", "-g", "250"], ".avi"),
    "vfr with a hole": (
        "mov", "20/1", ["-vf", "select='not(eq(mod(n,3),1))*not(between(t,5,9))'", "-fps_mode", "vfr", "-bf", "2"], ".mp4",
    ),
}  # fmt: skip


@pytest.mark.media
@pytest.mark.parametrize("kind", CLIPS)
def test_chunks_in_a_row_are_frame_for_frame_the_undivided_run(clips, tmp_path, kind):
    """With a lossless encoder, so that equal pictures are equal hashes."""
    demuxer, fps, options, ending = CLIPS[kind]
    rate = "30" if "select" in str(options) else fps
    source = clips.make(f"chunks {kind}{ending}", *picture("320x180", rate, 14.3), *options)
    made = recipe(fps=fps, chunk_s=4, rungs=(replace(RUNG, crf=0),))
    facts = Facts(demuxer, 14.3, 0, (), 320, 180, fps)

    (undivided,) = (encoded(tmp_path / "whole", source, facts, made, None),)
    parts = plan(facts.duration_s, made)
    files = [encoded(tmp_path / chunk.key, source, facts, made, chunk) for chunk in parts]

    assert len(parts) == 4
    assert is_whole([piece_of(file) for file in files], parts)
    listed = tmp_path / "list"
    listed.write_text(concat_list([(f, Fraction(piece_of(f).frames) / made.rate) for f in files]))
    run(join_command(engine().ffmpeg, listed, "joined.mp4", codec="h264"), tmp_path)
    assert pictures(tmp_path / "joined.mp4") == pictures(undivided)


@pytest.mark.media
@pytest.mark.parametrize(("codec", "preset"), [("av1", "12"), ("hevc", "ultrafast")])
def test_chunks_of_the_other_codecs_make_a_whole_too(clips, tmp_path, codec, preset):
    """Each decoded picture of the joined file is its chunk's, on the grid of the whole; keyframes begin every segment."""
    source = clips.make("chunks mp4.mp4", *picture("320x180", "25", 14.3), "-bf", "2", "-g", "50")
    rung = replace(RUNG, codec=codec, preset=preset, crf=35)
    made = recipe(chunk_s=4, rungs=(rung,))
    parts = plan(14.3, made)
    files = [
        encoded(tmp_path / chunk.key, source, Facts("mov", 14.3, 0, (), 320, 180, "25/1"), made, chunk)
        for chunk in parts
    ]

    assert is_whole([piece_of(file) for file in files], parts)
    listed = tmp_path / "list"
    listed.write_text(concat_list([(f, Fraction(piece_of(f).frames) / made.rate) for f in files]))
    run(join_command(engine().ffmpeg, listed, "joined.mp4", codec=codec), tmp_path)

    joined = pictures(tmp_path / "joined.mp4", codec)
    step = joined[1][0] - joined[0][0]
    assert [time for time, _hash in joined] == [step * number for number in range(358)]
    assert [seen for _time, seen in joined] == [
        seen for file in files for _time, seen in pictures(file, codec)
    ]
    assert keyframes(tmp_path / "joined.mp4") == [0, 100, 200, 300]


def keyframes(file):
    """Numbers of the packets that are keyframes."""
    said = subprocess.run(
        [engine().ffprobe, "-v", "error", "-show_entries", "packet=flags", "-of", "json", file],
        capture_output=True, check=True,
    )  # fmt: skip
    packets = json.loads(said.stdout)["packets"]
    return [number for number, packet in enumerate(packets) if packet["flags"].startswith("K")]


def encoded(folder, source, facts, made, chunk):
    """The file of a chunk (None: of the whole), entered as early as needed, as the stage does it."""
    folder.mkdir()
    for enter_s in entries(chunk, made, facts.demuxer) if chunk else (None,):
        # x264 is lossless at 0 in the High 4:4:4 profile only.
        command = encode_command(
            engine().ffmpeg, source, facts, made, chunk=chunk, enter_s=enter_s, max_pixels=10**7
        )
        if "-profile" in command:
            command[command.index("-profile") + 1] = "high444"
        run(command, folder)
        piece = piece_of(folder / "v180.mp4")
        if piece.frames and not piece.start:
            break
    return folder / "v180.mp4"


def run(command, folder):
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def piece_of(file):
    said = subprocess.run(
        [engine().ffprobe, "-v", "error", "-show_entries", "stream=nb_frames,start_pts", "-of", "json", file],
        capture_output=True, check=True,
    )  # fmt: skip
    (stream,) = json.loads(said.stdout)["streams"]
    return Piece(int(stream["nb_frames"]), int(stream["start_pts"]))


def pictures(file, codec="h264"):
    """Time and hash of each decoded picture."""
    said = subprocess.run(
        [engine().decoder_for(codec), "-v", "error", "-i", file, "-f", "framemd5", "-"],
        capture_output=True,
        check=True,
    )
    lines = [line.split(b",") for line in said.stdout.splitlines() if not line.startswith(b"#")]
    return [(int(line[2]), line[5]) for line in lines]
