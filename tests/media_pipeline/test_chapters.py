"""Chapters from slide changes and from editors, and the dress that tells players of them and of captions."""

import json
import subprocess
from itertools import pairwise

import pytest
from django.db import transaction

from media_pipeline import api, graph, storage
from media_pipeline.chapters import THRESHOLD, Page, changes_of, least_gap_s, pages
from media_pipeline.dress import dress
from media_pipeline.engine import engine
from media_pipeline.errors import ChaptersUnusable
from media_pipeline.models import Asset
from media_pipeline.package import manifest_path
from media_pipeline.package.dressing import ChapterMark, chapters_json, chapters_vtt
from tests.media_pipeline.clips import tree
from tests.media_pipeline.renditions import (
    SLIDE_S,
    encode,
    recipe_of,
    rungs,
    slides,
    sounds,
    waiting_for_package,
)

SECONDS = 9
VTT = "WEBVTT\n\n00:00.000 --> 00:02.000\n同志们好\n"

# Pure


def test_what_scdet_says():
    said = "frame:250 pts:250 pts_time:10\nlavfi.scd.time=10\nframe:5 pts:9\nlavfi.scd.time=12.04\n"

    assert changes_of(said) == [10.0, 12.04]


@pytest.mark.parametrize(("duration_s", "gap_s"), [(30, 3), (180, 3), (600, 10), (1200, 20), (10800, 20)])
def test_how_long_a_slide_must_stand(duration_s, gap_s):
    assert least_gap_s(duration_s) == gap_s


@pytest.mark.parametrize(
    ("changes", "duration_s", "expected"),
    [
        ([], 60, []),
        ([10, 20], 60, [Page(0, 1), Page(10000, 2), Page(20000, 3)]),
        ([1, 2, 10], 60, [Page(0, 1), Page(10000, 4)]),  # leafed through: counted, no chapters of their own
        ([20, 10], 60, [Page(0, 1), Page(10000, 2), Page(20000, 3)]),
        ([59.5], 60, []),  # the last second is an end, not a chapter
        ([0.0, 30], 60, [Page(0, 1), Page(30000, 2)]),
        ([100, 110, 130], 3600, [Page(0, 1), Page(100000, 2), Page(130000, 4)]),
    ],
)
def test_pages(changes, duration_s, expected):
    assert pages(changes, duration_s) == expected


def test_never_more_than_sixty():
    found = pages([20 * n for n in range(1, 530)], 10800)

    assert 30 <= len(found) <= 60 and found[0] == Page(0, 1)
    assert all(b.begin_ms - a.begin_ms >= 20000 for a, b in pairwise(found))


def test_chapters_for_players():
    rows = [ChapterMark(65500, "第一条 <总则> & 其他"), ChapterMark(0, "开场"), ChapterMark(100000, "在末尾")]

    assert chapters_vtt(rows, 100.0).splitlines() == [
        "WEBVTT", "",
        "00:00:00.000 --> 00:01:05.500", "开场", "",
        "00:01:05.500 --> 00:01:40.000", "第一条 &lt;总则&gt; &amp; 其他",
    ]  # fmt: skip
    said = json.loads(chapters_json(rows, 100.0, "zh-Hans"))
    assert [(one["start-time"], one["duration"], one["titles"][0]["title"]) for one in said] == [
        (0.0, 65.5, "开场"),
        (65.5, 34.5, "第一条 <总则> & 其他"),
    ]


# Found in a picture


@pytest.mark.media
@pytest.mark.parametrize("threshold", [THRESHOLD, 4.0])
def test_slide_changes_are_found_exactly(tmp_path, threshold):
    """A drawn lecture of eleven slides with a moving corner and noise: recall 1, precision at least 0.95."""
    clip = tmp_path / "lecture.mp4"
    inputs = slides(44, size="320x180")
    inputs += ["-f", "lavfi", "-i", "testsrc2=s=80x60:r=25:d=44"]
    command = [engine().ffmpeg, "-v", "error", *inputs, "-filter_complex"]
    command += ["[0:v][1:v]overlay=235:5,noise=alls=6:allf=t,format=yuv420p"]
    subprocess.run([*command, "-c:v", "libx264", "-preset", "ultrafast", str(clip)], check=True)
    known = [SLIDE_S * number for number in range(1, 11)]

    words = graph.scenes_command(engine().ffmpeg, clip, threshold=threshold)
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    found = changes_of(said)

    hits = [moment for moment in known if any(abs(moment - one) <= 0.2 for one in found)]
    assert len(hits) / len(known) == 1.0
    assert len(hits) / len(found) >= 0.95


# In a published lecture


@pytest.fixture(scope="module")
def made():
    return recipe_of(rungs(av1=False), sounds("zho"))


@pytest.fixture(scope="module")
def encoded(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoded")
    encode(made, folder, seconds=SECONDS)
    return folder


@pytest.fixture
def lecture(db, own_root, made, encoded):
    """A published lecture of three slides with sound and stills."""
    job = waiting_for_package(made, encoded)
    api.work_on(job.pk, bell=False)
    asset = Asset.objects.get(pk=job.asset_id)
    assert asset.state == "READY", job.asset.jobs.get(stage="PACKAGE").error
    return asset


def read(asset, name):
    asset.refresh_from_db()
    return (storage.absolute(asset.folder) / manifest_path(asset.contents, name)).read_text()


@pytest.mark.media
def test_a_lecture_is_published_in_its_dress(lecture, own_root):
    assert [(row.begin_ms, row.title) for row in api.chapters(lecture)] == [
        (0, "第1页"),
        (4000, "第2页"),
    ]  # the third slide comes in the last second
    assert lecture.contents["dress"].startswith("m-")
    assert "第2页" in read(lecture, "chapters.vtt")
    master = read(lecture, "master.m3u8")
    assert "../v360/main.m3u8" in master and 'URI="../audio/main.m3u8"' in master
    assert 'DATA-ID="com.apple.hls.chapters",URI="chapters.json"' in master
    assert 'initialization="../v360/init.mp4"' in read(lecture, "manifest.mpd")
    assert "../s180/main.m3u8" in read(lecture, "slides.m3u8")
    found = api.playback(lecture, None)
    assert f"/{lecture.contents['dress']}/master.m3u8" in found.manifest_url
    assert found.slides_url.endswith("/slides.m3u8") and found.chapters_url.endswith("/chapters.vtt")
    assert {row.name: (row.codec, row.lang) for row in lecture.renditions.all()}["audio"] == ("aac", "zh")


@pytest.mark.media
@pytest.mark.django_db(transaction=True)
def test_correcting_a_word_makes_another_dress_and_encodes_nothing(lecture, own_root, monkeypatch):
    monkeypatch.setattr("media_pipeline.stages.publish.run", None)
    before = tree(own_root / "sets")
    was = lecture.contents["dress"]

    api.set_captions(lecture, vtt=VTT)
    first = read(lecture, "captions-zh-Hans.vtt")
    api.set_captions(lecture, vtt=VTT.replace("同志们好", "同志们，大家好"))

    assert "同志们好" in first and "同志们，大家好" in read(lecture, "captions-zh-Hans.vtt")
    assert "captions-zh-Hans.vtt" in read(lecture, "captions-zh-Hans.m3u8")
    assert 'TYPE=SUBTITLES,GROUP-ID="captions",URI="captions-zh-Hans.m3u8"' in read(lecture, "master.m3u8")
    assert 'SUBTITLES="captions"' in read(lecture, "slides.m3u8")
    assert "<BaseURL>captions-zh-Hans.vtt</BaseURL>" in read(lecture, "manifest.mpd")
    assert lecture.contents["dress"] != was
    after = tree(own_root / "sets")
    assert before.items() <= after.items()  # who is in the middle of a lecture goes on
    assert all("/m-" in name for name in after.keys() - before.keys())


@pytest.mark.media
@pytest.mark.django_db(transaction=True)
def test_the_same_words_are_the_same_dress(lecture):
    api.set_captions(lecture, vtt=VTT)
    lecture.refresh_from_db()
    first = lecture.contents["dress"]
    api.set_captions(lecture, vtt=VTT.replace("好", "坏"))
    api.set_captions(lecture, vtt=VTT)
    lecture.refresh_from_db()

    assert lecture.contents["dress"] == first == dress(lecture)


@pytest.mark.media
def test_whoever_dresses_last_has_read_the_last_change(lecture, django_capture_on_commit_callbacks):
    """Two changes commit before either is dressed, and the earlier one's dressing comes last."""
    with django_capture_on_commit_callbacks() as waiting:
        for lang in ["zh-Hans", "en"]:
            api.set_captions(Asset.objects.get(pk=lecture.pk), vtt=VTT, lang=lang)

    for deed in reversed(waiting):
        deed()

    master = read(lecture, "master.m3u8")
    assert "captions-zh-Hans.m3u8" in master and "captions-en.m3u8" in master


@pytest.mark.media
@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_rolled_back_dresses_nothing(lecture, own_root):
    before = tree(own_root)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        api.set_captions(lecture, vtt=VTT)
        raise ZeroDivisionError

    assert tree(own_root) == before


@pytest.mark.media
@pytest.mark.django_db(transaction=True)
def test_an_editor_has_the_last_word(lecture, editor, made, encoded):
    rows = [api.ChapterRow(6000, " 要求 "), api.ChapterRow(0, "开场")]

    kept = api.set_chapters(lecture, rows, actor=editor)

    assert [(row.begin_ms, row.title, row.by_hand) for row in kept] == [
        (0, "开场", True),
        (6000, "要求", True),
    ]
    assert "要求" in read(lecture, "chapters.vtt") and "第2页" not in read(lecture, "chapters.vtt")
    # Packaged anew, hers stay.
    job = lecture.jobs.get(stage="PACKAGE")
    lecture.jobs.filter(pk=job.pk).update(state="WAITING", lease_until=None)
    api.work_on(job.pk, bell=False)
    assert api.chapters(lecture) == kept
    assert "要求" in read(lecture, "chapters.vtt")
    # Without any the found ones come back.
    assert [row.title for row in api.set_chapters(lecture, [], actor=editor)] == ["第1页", "第2页"]
    assert "第2页" in read(lecture, "chapters.vtt")


@pytest.mark.media
@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([(0, "  ")], "NO_TITLE"),
        ([(0, "长" * 121)], "TITLE_TOO_LONG"),
        ([(9000, "在末尾")], "OUTSIDE"),
        ([(-1, "在开头之前")], "OUTSIDE"),
        ([(0, "一"), (0, "二")], "TOGETHER"),
        ([(n, "多") for n in range(201)], "TOO_MANY"),
    ],
)
def test_chapters_that_cannot_be_kept(lecture, editor, rows, code):
    before = api.chapters(lecture)

    with pytest.raises(ChaptersUnusable) as refused:
        api.set_chapters(lecture, [api.ChapterRow(*row) for row in rows], actor=editor)

    assert refused.value.code == code and api.chapters(lecture) == before


def test_what_is_not_published_yet_is_left_alone(db):
    asset = Asset.objects.create(title="a", original_name="a.mp4", state="QUEUED")

    assert dress(asset) == ""
    asset.refresh_from_db()
    assert asset.contents == {}
