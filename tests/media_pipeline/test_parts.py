"""A long lecture in parts, with real files: made in any order, never twice, joined, previewed, cancelled, made anew."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from media_pipeline import api, jobs, storage
from media_pipeline.errors import LeaseLost, StageInterrupted
from media_pipeline.models import Job, Stage
from media_pipeline.recipe import Recipe
from media_pipeline.runner import run
from media_pipeline.signals import asset_ready
from media_pipeline.stages import encode, parts
from tests.media_pipeline.clips import picture, sound, tree

pytestmark = [pytest.mark.django_db, pytest.mark.media]
SECONDS = 14


@pytest.fixture
def lecture(clips):
    return clips.make("长课.mp4", *picture("640x360", 25, SECONDS), *sound(SECONDS), "-g", "50")


@pytest.fixture
def short_chunks(own_root, settings):
    """Chunks of a segment or two; no preview."""
    settings.MEDIA_PIPELINE = settings.MEDIA_PIPELINE | {"CHUNK_S": 1, "PREVIEW_AFTER_S": 0}
    return own_root


@pytest.fixture
def runs(monkeypatch):
    """What the encoding stage ran: (first frame or 0, names of the files made)."""
    seen = []

    def counted(command, **options):
        cut = [word.split("start_pts=")[1].split("[")[0] for word in command if "start_pts=" in word]
        seen.append((int(cut[0]) if cut else 0, [word for word in command if word.endswith(".mp4")]))
        return run(command, **options)

    monkeypatch.setattr(encode, "run", counted)
    return seen


def ingest(path):
    return api.ingest_file(path, title=path.stem, uploaded_by=None, enqueue=False)


def decided(path):
    """An asset whose parts are queued."""
    asset = ingest(path)
    for stage in (Stage.PROBE, Stage.ANALYSE):
        assert api.work_on(asset.jobs.get(stage=stage).pk, bell=False)
    asset.refresh_from_db()
    return asset


def chunk_jobs(asset):
    return list(asset.jobs.filter(stage=Stage.ENCODE).order_by("key"))


def frames(asset, name):
    """Frames of a published rendition, and where the first one lies."""
    folder = storage.absolute(asset.folder) / name
    whole = folder.parent.parent / "whole.mp4"
    whole.write_bytes(b"".join(p.read_bytes() for p in [folder / "init.mp4", *sorted(folder.glob("*.m4s"))]))
    made = Recipe.from_dict(asset.contents["recipe"])
    target = whole.with_name("plain.mp4")
    command = parts.copy_command(parts.engine().ffmpeg, whole, target.name, codec="h264", sound=False)
    run(command, limits=parts.Limits(60, 60), cwd=whole.parent)
    return parts.measure(target, made)


def test_in_any_order_by_several_it_is_the_same_to_the_byte(lecture, short_chunks, settings, tmp_path):
    forwards = decided(lecture)
    keys = [job.key for job in chunk_jobs(forwards)]
    forwards = api.work_off(forwards)
    settings.MEDIA_PIPELINE = settings.MEDIA_PIPELINE | {"ROOT": tmp_path / "other"}
    backwards = decided(lecture)
    for job in reversed(chunk_jobs(backwards)):
        assert api.work_on(job.pk, bell=False)
        assert not backwards.jobs.filter(stage=Stage.PACKAGE).exists()
    assert api.work_on(backwards.jobs.get(stage=Stage.SOUND).pk, bell=False)
    backwards.refresh_from_db()
    assert (backwards.state, backwards.jobs.filter(stage=Stage.PACKAGE).count()) == ("PACKAGING", 1)
    backwards = api.work_off(backwards)

    assert len(keys) >= 2 and keys == sorted(keys) and keys[0] == "c0000"
    assert (forwards.state, backwards.state) == ("READY", "READY")
    assert tree(tmp_path / "other" / "sets") == tree(short_chunks / "sets")
    for rung in Recipe.from_dict(forwards.contents["recipe"]).ladder:
        assert frames(forwards, rung.name).frames == SECONDS * 25


def test_finished_chunks_are_never_made_again(lecture, short_chunks, runs, monkeypatch):
    asset = decided(lecture)
    first, second, *_rest = chunk_jobs(asset)
    api.work_on(first.pk, bell=False)
    assert [begin for begin, _files in runs] == [0]

    # not by the same job when its worker died before it could say so,
    Job.objects.filter(pk=first.pk).update(state="RUNNING", lease_until=timezone.now() - timedelta(seconds=1))
    api.work_on(first.pk, bell=False)
    first.refresh_from_db()
    assert (first.state, len(runs)) == ("DONE", 1)
    # not by another asset with the same bytes,
    twin = decided(lecture)
    assert [job.state for job in chunk_jobs(twin)][:2] == ["DONE", "WAITING"]
    # and not after a failure and another try.
    Job.objects.filter(pk=second.pk).update(attempts=2)
    with monkeypatch.context() as broken:
        broken.setattr(encode, "run", _killed)
        api.work_on(second.pk, bell=False)
    asset.refresh_from_db()
    assert (asset.state, asset.refusal_code) == ("FAILED", "KEEPS_DYING")
    assert not asset.jobs.open().exists()
    again = api.retry(asset, actor=None)
    assert again.state == "QUEUED"
    assert api.work_off(again).state == api.work_off(twin).state == "READY"
    assert len(runs) == len({begin for begin, _files in runs}) == len(chunk_jobs(asset))


def test_what_is_being_made_for_another_asset_is_waited_for(lecture, short_chunks, runs):
    one, other = decided(lecture), decided(lecture)
    first, second = chunk_jobs(one)[0], chunk_jobs(other)[0]
    at_work = jobs.claim(first.pk)

    assert api.work_on(second.pk, bell=False)
    second.refresh_from_db()
    assert (second.state, second.attempts, runs) == ("WAITING", 0, [])
    assert second.not_before > timezone.now()

    jobs.give_back(at_work, error="", after_s=0)
    Job.objects.filter(pk=second.pk).update(not_before=timezone.now())
    assert api.work_on(second.pk, bell=False) and len(runs) == 1
    assert api.work_on(first.pk, bell=False) and len(runs) == 1
    assert {job.state for job in (chunk_jobs(one)[0], chunk_jobs(other)[0])} == {"DONE"}


def _killed(*_args, **_kwargs):
    raise StageInterrupted("killed by signal 9")


def test_after_a_kill_one_rendition_at_a_time_and_the_same_bytes(
    lecture, short_chunks, runs, settings, tmp_path
):
    calm = api.work_off(ingest(lecture))
    settings.MEDIA_PIPELINE = settings.MEDIA_PIPELINE | {"ROOT": tmp_path / "other"}
    asset = decided(lecture)
    for job in chunk_jobs(asset):
        Job.objects.filter(pk=job.pk).update(attempts=1, error="killed by signal 9")
    runs.clear()
    asset = api.work_off(asset)

    assert (calm.state, asset.state) == ("READY", "READY")
    assert {len(files) for _begin, files in runs} == {1} and len(runs) > len(chunk_jobs(asset))
    assert tree(tmp_path / "other" / "sets") == tree(short_chunks / "sets")


def test_a_picture_that_ends_before_the_sound_is_held_through_all_chunks(clips, short_chunks):
    clip = clips.make("声音更长.mp4", *picture("160x90", 25, 3), *sound(SECONDS), "-g", "50")
    asset = api.work_off(ingest(clip))

    assert asset.state == "READY" and len(chunk_jobs(asset)) > 2
    name = Recipe.from_dict(asset.contents["recipe"]).names[0]
    assert abs(frames(asset, name).frames - SECONDS * 25) <= 2


def test_chunks_that_do_not_fit_are_made_undivided(lecture, short_chunks, runs):
    asset = decided(lecture)
    for job in chunk_jobs(asset):
        api.work_on(job.pk, bell=False)
    made = Recipe.from_dict(asset.facts["recipe"])
    name = made.rungs[0].name
    place = storage.chunk_dir(asset.sha256, made.hash, "c0000") / f"{name}.mp4"
    place.write_bytes(b"")  # as if nothing had been found there

    asset = api.work_off(asset)

    assert (asset.state, [job.key for job in chunk_jobs(asset)]) == ("READY", ["c0000"])
    assert frames(asset, name).frames == SECONDS * 25


def test_a_quick_set_comes_first_and_gives_way(lecture, short_chunks, settings):
    settings.MEDIA_PIPELINE = settings.MEDIA_PIPELINE | {"PREVIEW_AFTER_S": SECONDS - 1}
    ready = []

    def heard(asset, **_rest):
        ready.append(asset.state)

    asset_ready.connect(heard)
    try:
        asset = decided(lecture)
        first = asset.jobs.open().first()
        assert first.stage == Stage.PREVIEW  # before the chunks
        api.work_on(first.pk, bell=False)
        asset.refresh_from_db()
        early = asset.folder

        assert early and asset.state in {"QUEUED", "TRANSCODING"} and ready == []
        assert asset.contents["preview"] is True and asset.contents["sound"]
        assert len(asset.contents["renditions"]) == 2
        assert not api.why_not_playable(asset)

        asset = api.work_off(asset)
    finally:
        asset_ready.disconnect(heard)
    assert (asset.state, ready) == ("READY", ["READY"])
    assert asset.folder != early and "preview" not in asset.contents
    assert storage.absolute(early).is_dir()  # for whoever is watching it


def test_a_preview_that_fails_fails_alone(lecture, short_chunks, settings, monkeypatch):
    settings.MEDIA_PIPELINE = settings.MEDIA_PIPELINE | {"PREVIEW_AFTER_S": 5, "PREVIEW_PRESET": "nonsense"}
    asset = api.work_off(decided(lecture))

    assert asset.jobs.get(stage=Stage.PREVIEW).state == "STOPPED"
    assert (asset.state, asset.refusal_code) == ("READY", "")


def test_cancelled_work_stops_and_can_be_taken_up_again(
    lecture, short_chunks, runs, settings, editor, monkeypatch
):
    settings.MEDIA_PIPELINE = settings.MEDIA_PIPELINE | {"BEAT_S": 0}
    asset = decided(lecture)
    first, second, *_rest = chunk_jobs(asset)
    api.work_on(first.pk, bell=False)
    learned = []

    def cancelled_meanwhile(command, *, tick, **_options):
        api.cancel(asset, editor)
        try:
            tick({})
        except LeaseLost as lost:
            learned.append(lost)
            raise

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(encode, "run", cancelled_meanwhile)
        api.work_on(second.pk, bell=False)
    asset.refresh_from_db()
    assert len(learned) == 1
    assert (asset.state, asset.refusal_code) == ("FAILED", "CANCELLED_WORK")
    assert not asset.jobs.open().exists()
    assert "取消" in api.why_not_playable(asset)
    assert api.cancel(asset, editor).state == "FAILED"  # again: nothing happens

    assert api.work_off(api.retry(asset, actor=editor)).state == "READY"
    assert [begin for begin, _files in runs].count(0) == 1


def test_one_rendition_is_made_anew_the_others_are_taken_over(lecture, short_chunks, runs, editor):
    before = api.work_off(ingest(lecture))
    name, *others = Recipe.from_dict(before.contents["recipe"]).names
    old = storage.absolute(before.folder)
    runs.clear()

    with pytest.raises(KeyError):
        api.rerun_rendition(before, "v9999", editor)
    under_way = api.rerun_rendition(before, name, editor)
    assert (under_way.state, under_way.folder, under_way.edition) == ("QUEUED", before.folder, 1)
    after = api.work_off(under_way)

    assert (after.state, after.refusal_code) == ("READY", "")
    assert after.folder != before.folder and old.is_dir()
    assert {file for _begin, files in runs for file in files} == {f"{name}.mp4"}
    new = storage.absolute(after.folder)
    for other in others:
        segments = {p.name: p.read_bytes() for p in (old / other).glob("*.m4s")}
        assert segments and segments == {p.name: p.read_bytes() for p in (new / other).glob("*.m4s")}
    assert frames(after, name).frames == SECONDS * 25


def test_cancelling_a_rerun_leaves_what_was_published(lecture, short_chunks, editor):
    before = api.work_off(ingest(lecture))
    name = Recipe.from_dict(before.contents["recipe"]).names[0]

    after = api.cancel(api.rerun_rendition(before, name, editor), editor)

    assert (after.state, after.folder, after.recipe_hash) == ("READY", before.folder, before.recipe_hash)
    assert not after.jobs.open().exists()


def test_sets_that_nobody_refers_to_go_after_a_day(clips, own_root):
    asset = api.work_off(ingest(clips.flat))
    kept = storage.absolute(asset.folder)
    (kept / "m-0123").mkdir()
    forgotten = kept.with_name("0" * 16)
    forgotten.mkdir()
    begun = timezone.now()

    def swept(hours):
        from media_pipeline.api.work import sweep

        return sweep(now=begun + timedelta(hours=hours))

    assert swept(0) == [] and swept(0.5) == [] and swept(23) == []
    assert forgotten.is_dir()
    assert swept(25) == [str(forgotten.relative_to(own_root))]
    assert kept.is_dir() and not forgotten.exists()
    assert json.loads((kept / "set.json").read_text())
