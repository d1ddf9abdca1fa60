"""The storyboard: how many pictures, and which piece belongs to which second."""

import subprocess

import pytest
from PIL import Image

from media_pipeline import graph
from media_pipeline.engine import engine
from media_pipeline.storyboard import plan, track


@pytest.mark.parametrize(
    ("duration_s", "every_s", "count", "sheets"),
    [(1, 2, 1, 1), (4, 2, 2, 1), (5, 2, 3, 1), (180, 2, 90, 1), (181, 5, 37, 1), (1200, 5, 240, 3), (2712, 10, 272, 3)],
)  # fmt: skip
def test_plan(duration_s, every_s, count, sheets):
    board = plan(duration_s, 426, 240)

    assert (board.every_s, board.count, board.sheets) == (every_s, count, sheets)
    assert board.tile == (160, 90)


def test_a_stereo_sphere_shows_one_eye():
    assert plan(10, 640, 640, stereo="TOP_BOTTOM").tile == (160, 80)


def test_track():
    said = track(plan(5, 320, 180), 5.0)

    assert said.splitlines() == [
        "WEBVTT", "",
        "00:00:00.000 --> 00:00:02.000", "storyboard-1.jpg#xywh=0,0,160,90", "",
        "00:00:02.000 --> 00:00:04.000", "storyboard-1.jpg#xywh=160,0,160,90", "",
        "00:00:04.000 --> 00:00:05.000", "storyboard-1.jpg#xywh=320,0,160,90",
    ]  # fmt: skip


def test_the_eleventh_picture_begins_a_row_and_the_hundred_and_first_a_sheet():
    said = track(plan(1200, 426, 240), 1200.0).splitlines()
    places = [line for line in said if line.startswith("storyboard")]

    assert places[10] == "storyboard-1.jpg#xywh=0,90,160,90"
    assert places[100] == "storyboard-2.jpg#xywh=0,0,160,90"


@pytest.mark.media
def test_each_picture_shows_its_own_two_seconds_to_the_end(clips, tmp_path):
    """Every two seconds the grey is 4 lighter; the frames that are left out must not push later pictures along."""
    grey = "geq=lum='20+4*floor((T+0.001)/2)':cb=128:cr=128"
    shown = ["-f", "lavfi", "-i", f"color=black:s=426x240:r=25:d=100,{grey}"]
    rendition = clips.make("greys.mp4", *shown, "-bf", "3", "-g", "200", "-pix_fmt", "yuv420p")
    board = plan(100, 426, 240)

    drawing = graph.storyboard_command(
        engine().ffmpeg, rendition, every_s=board.every_s, columns=board.columns, rows=board.rows, tile=board.tile,
        stereo="MONO", target="sheet-%d.jpg",
    )  # fmt: skip
    subprocess.run(drawing, cwd=tmp_path, check=True)

    (sheet,) = tmp_path.glob("sheet-*.jpg")
    picture = Image.open(sheet).convert("L")
    wide, high = board.tile
    seen = [
        picture.getpixel(
            (number % board.columns * wide + wide // 2, number // board.columns * high + high // 2)
        )
        for number in range(board.count)
    ]
    wanted = [(20 + 4 * number - 16) * 255 / 219 for number in range(50)]  # a picture file is full range
    assert len(seen) == 50
    assert max(abs(a - b) for a, b in zip(seen, wanted, strict=True)) <= 3
