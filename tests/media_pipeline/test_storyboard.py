"""The storyboard: how many pictures, and which piece belongs to which second."""

import pytest

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
