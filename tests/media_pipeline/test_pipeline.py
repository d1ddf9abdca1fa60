"""The whole way with real files: from the file on disk to a media set that plays, or to a reason."""

import json
import re
import subprocess

import pytest

from media_pipeline import api, stages, storage
from media_pipeline.engine import engine
from media_pipeline.errors import NotPlayable, StageInterrupted
from media_pipeline.models import Asset, AssetState, Job, Stage
from media_pipeline.runner import Outcome
from media_pipeline.signals import asset_failed, asset_ready
from tests.factories import MemberFactory
from tests.media_pipeline.clips import picture, tree

pytestmark = [pytest.mark.django_db, pytest.mark.media]


@pytest.fixture
def news():
    heard = []

    def ready(asset, **_rest):
        heard.append(("ready", asset.state))

    def failed(asset, **_rest):
        heard.append(("failed", asset.state))

    asset_ready.connect(ready)
    asset_failed.connect(failed)
    yield heard
    asset_ready.disconnect(ready)
    asset_failed.disconnect(failed)


def ingest(path, **kwargs):
    return api.ingest_file(path, title=path.stem, uploaded_by=None, enqueue=False, **kwargs)


def ffprobe(path):
    said = subprocess.run(
        [engine().ffprobe, "-v", "error", "-count_frames", "-show_streams", "-of", "json", path],
        capture_output=True, check=True,
    )  # fmt: skip
    return json.loads(said.stdout)["streams"]


def test_a_flat_lecture(clips, own_root, settings, news):
    settings.MEDIA_PIPELINE = settings.MEDIA_PIPELINE | {"BEAT_S": 0.05}
    told = []

    asset = api.work_off(ingest(clips.flat), on_progress=lambda status: told.append(status))

    assert (asset.state, asset.refusal_code) == ("READY", "")
    assert (asset.width, asset.height, asset.fps, round(asset.duration_s)) == (320, 180, 25.0, 5)
    assert news == [("ready", "READY")]
    # Progress never falls, ends at 1; every state was seen.
    shares = [status.progress for status in told]
    assert shares == sorted(shares) and shares[0] == 0.2 and shares[-1] == 1.0
    assert [status.state for status in told][-1] == "READY"

    folder = storage.absolute(asset.folder)
    assert asset.folder == f"sets/{asset.sha256[:2]}/{asset.sha256}/{asset.recipe_hash[:16]}"
    master = (folder / "master.m3u8").read_text()
    pictures = re.findall(r"#EXT-X-(?:I-FRAME-)?STREAM-INF:.*?RESOLUTION=([0-9x]+)", master)
    assert pictures == ["320x180", "320x180"]  # the second for trick play
    assert 'URI="audio/main.m3u8"' in master
    assert "v180/init.mp4" in (folder / "manifest.mpd").read_text()
    assert (folder / "listen.m3u8").read_text().endswith("audio/main.m3u8\n")
    assert (folder / "v180" / "main.m3u8").read_text().count("#EXTINF") == 2  # 4 s + 1 s
    assert (folder / "storyboard.vtt").read_text().count("-->") == 3
    (poster,) = ffprobe(folder / "poster.jpg")
    assert (poster["width"], poster["height"]) == (320, 180)
    (sheet,) = ffprobe(folder / "storyboard-1.jpg")
    assert (sheet["width"], sheet["height"]) == (480, 90)
    streams = {stream["codec_type"]: stream for stream in ffprobe(folder / "master.m3u8")}
    assert int(streams["video"]["nb_read_frames"]) == 125
    assert streams["video"]["codec_name"] == "h264" and streams["audio"]["codec_name"] == "aac"
    # Nothing is left lying about, and nothing but our own files is in the set.
    assert {name.split("/")[0] for name in tree(own_root)} == {"sources", "sets"}
    assert not Job.objects.open().exists()

    rows = list(asset.renditions.order_by("name").values_list("name", "kind", "height"))
    assert rows == [("audio", "AUDIO", 0), ("v180", "VIDEO", 180)]
    status = api.status(asset)
    assert {stage.state for stage in status.stages} == {"done"}
    assert all(row.bytes_per_minute for row in status.renditions)


def test_waiting_for_what_another_worker_ends_meanwhile_tells_how_it_ended(clips, own_root):
    asset = ingest(clips.flat)

    def another_worker(status):
        if status.state == "PACKAGING":
            (job,) = asset.jobs.open()
            assert api.work_on(job.pk, bell=False)

    told = api.work_off(asset, on_progress=another_worker)

    assert (told.state, told.folder != "") == ("READY", True)


def test_the_same_file_again_is_not_encoded_again(clips, own_root, monkeypatch):
    first = api.work_off(ingest(clips.flat))
    before = tree(own_root)
    monkeypatch.setattr("media_pipeline.graph.encode_command", None)
    monkeypatch.setattr("media_pipeline.package.packager_command", None)

    second = api.work_off(ingest(clips.flat))

    assert second.state == "READY" and second.pk != first.pk
    assert second.folder == first.folder and tree(own_root) == before


def test_made_twice_it_is_the_same_to_the_byte(clips, own_root, settings, tmp_path):
    first = api.work_off(ingest(clips.flat))
    settings.MEDIA_PIPELINE = settings.MEDIA_PIPELINE | {"ROOT": tmp_path / "other"}
    second = api.work_off(ingest(clips.flat))

    assert second.folder == first.folder
    assert tree(tmp_path / "other" / "sets") == tree(own_root / "sets")


def test_a_sphere_keeps_its_projection(clips, own_root):
    asset = api.work_off(ingest(clips.sphere, projection="EQUIRECT", stereo="TOP_BOTTOM"))

    assert (asset.state, asset.projection, asset.stereo) == ("READY", "EQUIRECT", "TOP_BOTTOM")
    folder = storage.absolute(asset.folder)
    whole = own_root / "joined.mp4"
    whole.write_bytes(
        (folder / "v640" / "init.mp4").read_bytes() + (folder / "v640" / "00001.m4s").read_bytes()
    )
    (stream,) = ffprobe(whole)
    found = {item["side_data_type"]: item for item in stream["side_data_list"]}
    assert found["Spherical Mapping"]["projection"] == "equirectangular"
    assert found["Stereo 3D"]["type"] == "top and bottom"
    assert int(stream["nb_read_frames"]) == 50  # segments of 2 s
    (poster,) = ffprobe(folder / "poster.jpg")
    assert (poster["width"], poster["height"]) == (1280, 720)  # a flat view, not the sphere
    assert api.playback(asset, MemberFactory()).vr_url.endswith("/deovr.json")


def test_a_sound_recording(clips, own_root):
    asset = api.work_off(ingest(clips.recording))

    assert (asset.state, asset.has_picture) == ("READY", False)
    found = api.playback(asset, MemberFactory())
    assert found.manifest_url and found.audio_url
    assert (found.poster_url, found.storyboard_url, api.poster_url(asset)) == ("", "", "")
    streams = ffprobe(storage.absolute(asset.folder) / "master.m3u8")
    assert {stream["codec_type"] for stream in streams} == {"audio"}


def test_a_silent_lecture(clips, own_root):
    asset = api.work_off(ingest(clips.make("无声.mp4", *picture("160x90", 25, 1.5))))

    assert asset.state == "READY"
    assert api.playback(asset, MemberFactory()).audio_url == ""
    assert [row.name for row in asset.renditions.all()] == ["v90"]


def test_a_portrait_with_a_variable_rate(clips, own_root):
    clip = clips.make(
        "竖屏.mp4", *picture("180x320", 30, 2), "-vf", "select='not(eq(mod(n,3),1))'", "-fps_mode", "vfr"
    )
    asset = api.work_off(ingest(clip))

    assert asset.state == "READY"
    assert [(row.width, row.height) for row in asset.renditions.all()] == [(180, 320)]
    (stream,) = ffprobe(storage.absolute(asset.folder) / "master.m3u8")
    assert stream["avg_frame_rate"] == f"{round(asset.fps)}/1"


@pytest.mark.parametrize(
    ("which", "code", "words"),
    [
        ("text", "NOT_MEDIA", "看起来是一份文档"),
        ("empty", "EMPTY", "0 字节"),
        ("pictureless", "NO_PICTURE", "没有画面"),
    ],
)
def test_what_is_no_lecture_is_refused_in_words_and_not_kept(clips, own_root, news, which, code, words):
    asset = api.work_off(ingest(getattr(clips, which)))

    assert (asset.state, asset.refusal_code) == ("REFUSED", code)
    assert words in api.why_not_playable(asset) and words in api.status(asset).message
    assert tree(own_root) == {} and asset.folder == ""
    assert not Job.objects.open().exists()
    with pytest.raises(NotPlayable):
        api.playback(asset, MemberFactory())


def test_refused_bytes_that_another_asset_needs_stay(clips, own_root):
    """The same bytes are sound under the name of sound and a mistake under the name of a video."""
    kept = api.work_off(ingest(clips.recording))
    under_wrong_name = clips.folder / "同一份.mp4"
    under_wrong_name.write_bytes(clips.recording.read_bytes())

    refused = api.work_off(ingest(under_wrong_name))

    assert (refused.state, refused.refusal_code) == ("REFUSED", "NO_PICTURE")
    assert storage.source_path(kept.sha256).is_file()


def at_transcode(clips):
    """An asset that has been judged and decided, and its (first) job of encoding."""
    asset = ingest(clips.flat)
    for stage in (Stage.PROBE, Stage.ANALYSE):
        assert api.work_on(asset.jobs.get(stage=stage).pk, bell=False)
    return asset, asset.jobs.get(stage=Stage.ENCODE)


def test_what_cannot_be_decoded_to_the_end_fails_and_can_be_tried_again(clips, own_root, monkeypatch, editor):
    asset, job = at_transcode(clips)
    monkeypatch.setattr(stages.encode, "run", lambda *args, **kwargs: Outcome(1, "", "Invalid data found"))
    api.work_on(job.pk)
    asset.refresh_from_db()
    assert (asset.state, asset.refusal_code) == ("FAILED", "ENCODE_FAILED")
    assert "failed" in {stage.state for stage in api.status(asset).stages}
    monkeypatch.undo()

    again = api.retry(asset, actor=editor)

    assert again.state == "QUEUED"
    assert api.work_off(again).state == "READY"
    assert api.retry(again, actor=editor).state == "READY"  # nothing happens to what is well


def test_interrupted_runs_are_tried_three_times(clips, own_root, monkeypatch):
    asset, job = at_transcode(clips)

    def killed(*args, **kwargs):
        raise StageInterrupted("killed by signal 9")

    monkeypatch.setattr(stages.encode, "run", killed)
    for attempt in (1, 2):
        api.work_on(job.pk, bell=False)
        job.refresh_from_db()
        assert (job.state, job.attempts) == ("WAITING", attempt)
        assert "自动" in api.status(asset).message
        Job.objects.update(not_before=job.created_at)
    api.work_on(job.pk, bell=False)
    asset.refresh_from_db()
    assert (asset.state, asset.refusal_code) == ("FAILED", "KEEPS_DYING")
    assert {name.split("/")[0] for name in tree(own_root)} == {"sources"}


def test_a_full_disk_pauses_and_is_not_counted(clips, own_root, settings):
    asset, job = at_transcode(clips)
    generous = settings.MEDIA_PIPELINE
    settings.MEDIA_PIPELINE = generous | {"DISK_RESERVE_BYTES": 10**18}
    assert not api.work_on(job.pk)  # nothing that fills the disk begins
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("WAITING", 0)
    assert "磁盘" in api.status(asset).message

    settings.MEDIA_PIPELINE = generous
    assert api.work_off(asset).state == "READY"


def test_a_source_that_vanished_fails_with_a_reason(clips, own_root):
    asset, job = at_transcode(clips)
    storage.source_path(asset.sha256).unlink()
    api.work_on(job.pk)

    asset.refresh_from_db()
    assert (asset.state, asset.refusal_code) == ("FAILED", "SOURCE_MISSING")


def test_a_set_with_a_missing_segment_is_not_published(clips, own_root, monkeypatch):
    asset, job = at_transcode(clips)
    api.work_on(job.pk, bell=False)
    real = stages.publish.run

    def lossy(command, **kwargs):
        outcome = real(command, **kwargs)
        if command[0] == engine().packager:
            (kwargs["cwd"] / "v180" / "00002.m4s").unlink()
        return outcome

    monkeypatch.setattr(stages.publish, "run", lossy)
    asset = api.work_off(asset)

    assert (asset.state, asset.refusal_code, asset.folder) == ("FAILED", "PACKAGE_UNSOUND", "")
    assert not (own_root / "sets").exists()
    monkeypatch.undo()
    assert api.work_off(api.retry(asset, actor=None)).state == "READY"


def test_encoded_files_that_vanished_are_made_again(clips, own_root):
    import shutil

    asset, job = at_transcode(clips)
    api.work_on(job.pk, bell=False)
    shutil.rmtree(own_root / "encoded")

    assert api.work_off(asset).state == "READY"


def test_every_state_has_a_word(db):
    for state in AssetState.values:
        asset = Asset(title="a", original_name="a.mp4", state=state)
        assert asset.get_state_display() != state
