"""Views of a sphere for weak phones: what is planned, drawn, cut and told."""

import json
import subprocess
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from django.utils import timezone

from media_pipeline import api, storage
from media_pipeline.engine import engine
from media_pipeline.errors import StageFailed, StageInterrupted
from media_pipeline.models import Asset, AssetState, Job, JobState, Stage
from media_pipeline.recipe import Recipe, SoundRung, VideoRung
from media_pipeline.runner import run
from media_pipeline.stages import viewports
from media_pipeline.stages.viewports import open_views
from media_pipeline.vr.views import codecs_of, measured, segments_of, views_master, views_of
from tests.media_pipeline.clips import sound, tree


def made_of(width, height, *, projection="EQUIRECT", stereo="MONO", sounds=True, **more):
    rungs = (VideoRung(f"v{width}", width, height, 9000, crf=23, preset="ultrafast"),) if width else ()
    return Recipe(
        rungs=rungs,
        sounds=(SoundRung("audio", 2, 96, 1),) if sounds else (),
        kind="SPHERE", fps="25/1", segment_s=2, chunk_s=48, projection=projection, stereo=stereo,
        threads=1, max_duration_s=3600, engine="test", **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("width", "projection", "stereo", "size", "yaws"),
    [
        (3840, "EQUIRECT", "MONO", (960, 540), (0, 45, 90, 135, 180, 225, 270, 315)),
        (5760, "EQUIRECT", "MONO", (1280, 720), (0, 45, 90, 135, 180, 225, 270, 315)),
        (1920, "EQUIRECT", "MONO", (640, 360), (0, 45, 90, 135, 180, 225, 270, 315)),
        (640, "EQUIRECT", "MONO", (640, 360), (0, 45, 90, 135, 180, 225, 270, 315)),
        (4096, "HALF_EQUIRECT", "LEFT_RIGHT", (960, 540), (-45, 0, 45)),
        (2880, "HALF_EQUIRECT", "MONO", (1280, 720), (-45, 0, 45)),
    ],
)
def test_size_and_directions_follow_from_the_sphere(width, projection, stereo, size, yaws):
    plan = views_of(made_of(width, width // 2, projection=projection, stereo=stereo))

    assert (plan.width, plan.height) == size
    assert plan.yaws == yaws
    assert plan.v_fov == pytest.approx(58.7155, abs=0.01)
    assert (plan.segment_s, plan.gop) == (2, 50)


def test_flat_and_encrypted_lectures_have_no_views():
    assert views_of(made_of(1920, 1080, projection="FLAT")) is None
    assert views_of(made_of(3840, 1920, protected=True)) is None
    assert views_of(made_of(0, 0)) is None


def test_other_spheres_have_other_sets_of_views():
    one, other = made_of(3840, 1920), made_of(3840, 1920, edition=1)

    assert views_of(one).hash == views_of(made_of(3840, 1920)).hash
    assert views_of(one).hash != views_of(other).hash


def playlist(folder, *durations, name="y000"):
    lines = ["#EXTM3U", '#EXT-X-MAP:URI="init.mp4"']
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "init.mp4").write_bytes(bytes(100))
    for number, seconds in enumerate(durations, 1):
        lines += [f"#EXTINF:{seconds:.3f},", f"{number:05d}.m4s"]
        (folder / name / f"{number:05d}.m4s").write_bytes(bytes(1000))
    (folder / name / "main.m3u8").write_text("\n".join([*lines, "#EXT-X-ENDLIST"]))


def test_views_on_another_grid_are_not_published(tmp_path):
    playlist(tmp_path, 2, 2, 1)
    (found,) = measured(tmp_path, ["y000"], grid=[2, 2, 1])
    assert (found.duration_s, found.segments, found.size_bytes, found.peak_bps) == (5, 3, 3100, 8000)

    with pytest.raises(StageFailed, match="3 segments, not 2"):
        measured(tmp_path, ["y000"], grid=[2, 2])
    with pytest.raises(StageFailed, match=r"segment 2 lasts 2\.0 s, not 2\.04"):
        measured(tmp_path, ["y000"], grid=[2, 2.04, 1])
    with pytest.raises(StageFailed, match="y045"):
        measured(tmp_path, ["y045"], grid=[2])
    (tmp_path / "y000" / "00002.m4s").write_bytes(b"")
    with pytest.raises(StageFailed, match=r"00002\.m4s"):
        measured(tmp_path, ["y000"], grid=[2, 2, 1])


def test_the_master_names_every_direction_once_and_keeps_their_order(tmp_path):
    made = made_of(3840, 1920)
    plan = views_of(made)
    for name in plan.names:
        playlist(tmp_path, 2, 2, name=name)
    views = measured(tmp_path, plan.names, grid=[2, 2])
    codecs = dict.fromkeys(plan.names, "avc1.64001f")

    text = views_master(plan, views, codecs=codecs, set_folder="0123456789abcdef", sound_bps=100_000)

    told = [line for line in text.splitlines() if line.startswith("#EXT-X-STREAM-INF")]
    bands = [int(line.split("BANDWIDTH=")[1].split(",")[0]) for line in told]
    assert bands == sorted(set(bands)) and len(bands) == 8
    assert [line.split('NAME="')[1].split('"')[0] for line in told] == [str(yaw) for yaw in range(0, 360, 45)]
    assert 'URI="../0123456789abcdef/audio/main.m3u8"' in text
    assert all('CODECS="avc1.64001f,mp4a.40.2"' in line for line in told)
    assert codecs_of(text.replace(",mp4a.40.2", "")) == codecs


def test_without_sound_the_master_speaks_of_none(tmp_path):
    plan = views_of(made_of(3840, 1920, sounds=False))
    for name in plan.names:
        playlist(tmp_path, 2, name=name)
    views = measured(tmp_path, plan.names, grid=[2])

    text = views_master(
        plan, views, codecs=dict.fromkeys(plan.names, "avc1.64001f"), set_folder="a", sound_bps=0
    )

    assert "AUDIO" not in text and "mp4a" not in text


# Through the pipeline


STRIPES = "geq=lum='16+27*floor(mod(X+W/16,W)*8/W)':cb=128:cr=128"
"""Eight stripes, each 45° wide and of another grey, the fifth straight ahead."""


def published(editor, *, seconds=5, title="展馆", stretch_s=48):
    """An asset with a media set as the pipeline publishes it: one H.264 rendition of 640×320, and sound.

    Made here by hand, so that these tests speak of views alone.
    """
    made = replace(made_of(640, 320), chunk_s=stretch_s)
    folder = storage.set_folder("ab" * 32, made.hash)
    place = storage.absolute(folder)
    if not place.is_dir():
        place.mkdir(parents=True)
        source = ["-f", "lavfi", "-i", f"color=black:s=640x320:r=25:d={seconds},format=yuv420p,{STRIPES}"]
        command = [engine().ffmpeg, "-v", "error", "-y", *source, *sound(seconds)]
        command += ["-map", "0:v", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "50"]
        command += [
            "-sc_threshold",
            "0",
            "-movflags",
            "+negative_cts_offsets",
            "-fflags",
            "+bitexact",
            "v640.mp4",
        ]
        command += ["-map", "1:a", "-c:a", "aac", "audio.mp4"]
        subprocess.run(command, check=True, cwd=place, capture_output=True)
        streams = [
            f"in={name}.mp4,stream={kind},init_segment={name}/init.mp4,"
            f"segment_template={name}/$Number%05d$.m4s,playlist_name={name}/main.m3u8"
            for name, kind in (("v640", "video"), ("audio", "audio"))
        ]
        command = [engine().packager, *streams, "--segment_duration", "2"]
        command += ["--hls_master_playlist_output", "master.m3u8", "--hls_playlist_type", "VOD"]
        subprocess.run(command, check=True, cwd=place, capture_output=True)
    asset = Asset.objects.create(
        title=title, original_name="a.mp4", uploaded_by=editor, sha256="ab" * 32, state=AssetState.READY,
        folder=folder, ready_at=timezone.now(), projection="EQUIRECT", recipe_hash=made.hash,
        contents={"recipe": made.as_dict(), "projection": "EQUIRECT", "stereo": "MONO", "duration_s": seconds},
    )  # fmt: skip
    open_views(asset, bell=False)
    return asset


@pytest.fixture
def wanted(settings, own_root):
    settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, "VIEWPORTS": True}


def draw_views(asset):
    job = Job.objects.get(asset=asset, stage=Stage.VIEWPORTS)
    api.work_on(job.pk, bell=False)
    job.refresh_from_db()
    return Asset.objects.get(pk=asset.pk), job


def grey_in_the_middle(playlist_path, at_s=0.0):
    said = subprocess.run(
        [engine().ffmpeg, "-v", "error", "-i", playlist_path, "-vf", "crop=16:16,format=gray", "-ss", str(at_s),
         "-frames:v", "1", "-f", "rawvideo", "-"],
        capture_output=True, check=True,
    )  # fmt: skip
    return sum(said.stdout) / len(said.stdout)


@pytest.mark.media
@pytest.mark.django_db
def test_every_view_looks_its_own_way_on_the_same_grid(editor, wanted):
    asset = published(editor)
    assert Job.objects.get(asset=asset, stage=Stage.VIEWPORTS).priority < 0

    asset, job = draw_views(asset)

    assert job.state == JobState.DONE, job.error
    told = asset.contents["views"]
    sphere = storage.absolute(asset.folder)
    folder = sphere.parent / told["folder"]
    assert told["yaws"] == list(range(0, 360, 45))
    grid = segments_of((sphere / "v640" / "main.m3u8").read_text())[0]
    assert len(grid) == 3
    greys = []
    for yaw in told["yaws"]:
        path = folder / f"y{yaw:03d}" / "main.m3u8"
        assert segments_of(path.read_text())[0] == pytest.approx(grid, abs=0.001)
        greys.append(grey_in_the_middle(path))
    middle = 27 * 255 / 219  # one step of luma, as full-range grey
    turned = [round((grey - greys[0]) / middle) for grey in greys]
    # Straight ahead is stripe 4; turning right by 45° goes one stripe on, round the back from stripe 7 to 0.
    assert turned == [0, 1, 2, 3, -4, -3, -2, -1]
    assert f'URI="../{sphere.name}/audio/main.m3u8"' in (folder / "views.m3u8").read_text()
    assert told["size_bytes"] == sum(
        path.stat().st_size for path in folder.glob("y*/*") if path.suffix in {".m4s", ".mp4"}
    )
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        [*(f"y{yaw:03d}" for yaw in told["yaws"]), "set.json", "views.m3u8"]
    )


@pytest.mark.media
@pytest.mark.django_db
def test_two_stretches_are_joined_without_a_seam(editor, wanted):
    asset = published(editor, stretch_s=4)
    sphere = storage.absolute(asset.folder)
    before = tree(sphere)

    asset, job = draw_views(asset)

    assert job.state == JobState.DONE, job.error
    assert tree(sphere) == before  # a published set is never touched
    folder = sphere.parent / asset.contents["views"]["folder"]
    said = subprocess.run(
        [engine().ffprobe, "-v", "error", "-show_entries", "frame=pts_time", "-of", "json",
         "-select_streams", "v", folder / "y045" / "main.m3u8"],
        capture_output=True, check=True,
    )  # fmt: skip
    times = [Fraction(frame["pts_time"]) for frame in json.loads(said.stdout)["frames"]]
    assert len(times) == 125
    assert {later - earlier for earlier, later in pairwise(times)} == {Fraction(1, 25)}


@pytest.mark.media
@pytest.mark.django_db
def test_a_stretch_that_is_drawn_is_not_drawn_again(editor, wanted, monkeypatch):
    """The worker dies after the first of two stretches; the next one takes only the second."""
    asset = published(editor, stretch_s=4)
    drawn = []

    def dying(command, **more):
        drawn.append(more["cwd"].name)
        if len(drawn) == 2:
            raise StageInterrupted("killed")
        return run(command, **more)

    monkeypatch.setattr(viewports, "run", dying)
    _asset, job = draw_views(asset)
    assert job.state == JobState.WAITING and drawn == ["c0000", "c0001"]
    Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
    monkeypatch.setattr(
        viewports, "run", lambda command, **more: drawn.append(more["cwd"].name) or run(command, **more)
    )

    _asset, job = draw_views(asset)

    assert job.state == JobState.DONE, job.error
    assert drawn[2] == "c0001" and drawn.count("c0000") == 1
    assert not list(storage.absolute("encoded").iterdir())


@pytest.mark.media
@pytest.mark.django_db
def test_trouble_with_views_leaves_the_lecture_alone(editor, wanted):
    asset = published(editor)
    for segment in (storage.absolute(asset.folder) / "v640").glob("*.m4s"):
        segment.write_bytes(b"\0" * 100)

    asset, job = draw_views(asset)

    assert job.state == JobState.STOPPED and job.error
    assert asset.state == AssetState.READY
    assert "views" not in asset.contents


@pytest.mark.django_db
def test_views_are_a_matter_of_the_setting(editor, wanted, settings, monkeypatch):
    settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, "VIEWPORTS": False}
    made = made_of(640, 320)
    asset = Asset.objects.create(
        title="展馆", uploaded_by=editor, folder="sets/a", contents={"recipe": made.as_dict()}
    )

    open_views(asset, bell=False)
    assert not asset.jobs.exists()
    settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, "VIEWPORTS": True}
    open_views(asset, bell=False)
    assert asset.jobs.get().stage == Stage.VIEWPORTS
    older = Asset.objects.create(title="旧", folder="sets/b", contents={"recipe": {"audio_kbps": 96}})
    open_views(older, bell=False)
    assert not older.jobs.exists()


@pytest.mark.media
@pytest.mark.django_db
def test_the_second_of_two_equal_lectures_finds_the_views(editor, wanted, monkeypatch):
    first, _job = draw_views(published(editor))
    monkeypatch.setattr(viewports, "run", lambda *a, **k: pytest.fail("drawn twice"))

    second, job = draw_views(published(editor, title="展馆二"))

    assert job.state == JobState.DONE
    assert second.contents["views"] == first.contents["views"]
