"""Speech to text: where somebody speaks, how words become cues, the real engine with a generated model, whose text wins."""

import json
import math
import wave
from array import array
from itertools import pairwise

import pytest
from django.core.checks import run_checks

from media_pipeline import api, asr
from media_pipeline.asr.cutting import as_cues
from media_pipeline.asr.models import recognise_model
from media_pipeline.asr.pieces import levels, speech
from media_pipeline.captions import Cue
from media_pipeline.errors import RecogniserMissing
from media_pipeline.models import AssetState, Captions, Job, JobState
from media_pipeline.signals import captions_changed
from tests.factories import MemberFactory
from tests.media_pipeline.clips import Clips
from tests.media_pipeline.tiny_speech_model import write_model

# pieces


def loudness(*stretches):
    """(seconds, level) pairs as 20 ms frames."""
    return [level for seconds, level in stretches for _frame in range(round(seconds * 50))]


def test_levels_do_not_depend_on_how_the_sound_arrives():
    samples = array("h", [round(9000 * math.sin(n / 7)) for n in range(16000)])
    parts = [samples[:5], samples[5:7000], samples[7000:]]
    assert levels(parts, 16000) == levels([samples], 16000)
    assert len(levels([samples], 16000)) == 50
    assert levels([], 16000) == []


def test_speech_is_what_is_louder_than_the_hall():
    found = list(speech(loudness((2, 200), (1, 4000), (0.2, 200), (1, 4000), (3, 200), (2, 5000), (1, 200))))
    assert found == [(1800, 4400), (7000, 9400)]


def test_silence_and_a_click_are_no_speech():
    assert list(speech(loudness((5, 10)))) == []
    assert list(speech(loudness((2, 10), (0.04, 9000), (2, 10)))) == []
    assert list(speech([])) == []


def test_who_never_pauses_is_cut_at_the_quietest_place():
    found = list(speech(loudness((1, 10), (13, 5000), (0.1, 900), (16, 5000), (1, 10))))

    assert all(end - begin <= 20_000 for begin, end in found)
    assert found[0] == (800, 14_000)
    assert all(one[1] <= other[0] for one, other in pairwise(found))
    assert found[-1][1] == 30_300


# words to cues


def test_cues_end_at_full_stops_pauses_and_before_they_grow_too_long():
    text = "同志们好。今天我们学习民主集中制，这是我们党的根本组织原则，也是群众路线在党的生活中的运用啊"
    begins = [200 * n for n in range(len(text))]
    cues = list(as_cues(list(text), begins, from_ms=10_000, until_ms=10_000 + begins[-1] + 400))

    assert cues[0] == Cue(10_000, 11_000, "同志们好。")
    assert "".join(cue.text for cue in cues).replace("，", "") == text.replace("，", "")
    assert all(len(cue.text) <= 24 and cue.end_ms - cue.begin_ms <= 7000 for cue in cues)
    assert all(one.end_ms <= other.begin_ms for one, other in pairwise(cues))


def test_a_pause_ends_a_cue_and_marks_are_left_out():
    tokens, begins = ["<|zh|>", "党", "课", "讲", "完"], [0, 0, 300, 3000, 3200]
    assert list(as_cues(tokens, begins, from_ms=0, until_ms=3600)) == [
        Cue(0, 1000, "党课"),
        Cue(3000, 3600, "讲完"),
    ]


def test_pieces_of_latin_words_are_joined():
    tokens = ["▁good", "▁mor", "ning"]
    assert [cue.text for cue in as_cues(tokens, [0, 100, 200], from_ms=0, until_ms=900)] == ["good morning"]


# which model, and what is missing


def given(settings, **chosen):
    settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, **chosen}


def test_what_is_missing_is_said(settings, tmp_path):
    cases = [
        ({"ASR_MODEL_DIR": ""}, "ASR_MODEL_DIR"),
        ({"ASR_MODEL_DIR": str(tmp_path / "nowhere")}, "不存在"),
        ({"ASR_MODEL_DIR": str(tmp_path)}, "model.onnx"),
        ({"ASR_ENGINE": "magic", "ASR_MODEL_DIR": str(tmp_path)}, "magic"),
    ]
    for chosen, word in cases:
        given(settings, ASR_ENGINE="sherpa-onnx")
        given(settings, **chosen)
        with pytest.raises(RecogniserMissing) as missing:
            asr.chosen_model()
        assert word in missing.value.reason


def test_a_missing_package_is_said(settings, tmp_path, monkeypatch):
    (tmp_path / "tokens.txt").write_text("a 0\n")
    (tmp_path / "model.onnx").write_bytes(b"...lfr_window_size...")
    given(settings, ASR_ENGINE="sherpa-onnx", ASR_MODEL_DIR=str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RecogniserMissing) as missing:
        asr.chosen_model()
    assert "pip install sherpa-onnx" in missing.value.reason


def test_the_system_check_tells_the_administrator(settings, tmp_path):
    def told():
        return [found.id for found in run_checks() if found.id.startswith("media_pipeline.I")]

    given(settings, ASR_ENGINE="sherpa-onnx", ASR_MODEL_DIR="")
    assert "media_pipeline.I101" in told()
    given(settings, ASR_ENGINE="stand-in")
    assert "media_pipeline.I101" not in told()


def test_models_are_told_by_their_files(tmp_path):
    (tmp_path / "tokens.txt").write_text("a 0\n")
    assert recognise_model(tmp_path) is None
    (tmp_path / "model.onnx").write_bytes(b"x" * 100_000 + b"lfr_window_size")
    assert recognise_model(tmp_path).kind == "paraformer"
    (tmp_path / "model.int8.onnx").write_bytes(b"with_itn")
    model = recognise_model(tmp_path)
    assert (model.kind, model.weights.name) == ("sense-voice", "model.int8.onnx")
    (tmp_path / "model.int8.onnx").write_bytes(b"something else")
    assert recognise_model(tmp_path) is None


# the real engine


def recording(path, *stretches, rate=16000):
    """A WAV file of (seconds, loud) stretches: a voice-like buzz or nothing."""
    samples = array("h")
    for seconds, loud in stretches:
        for n in range(int(seconds * rate)):
            buzz = math.sin(n / 6) + 0.7 * math.sin(n / 11) + 0.5 * math.sin(n / 2.3)
            samples.append(round(6000 * buzz * (0.6 + 0.4 * math.sin(n / 900))) if loud else 0)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.tobytes())
    return path


def test_sherpa_onnx_loads_a_model_from_a_folder_and_hears(tmp_path):
    """The engine's own code from the file to the times; only the weights are ours (a few kB that hear loudness)."""
    from media_pipeline.asr.sherpa import Sherpa

    model = recognise_model(write_model(tmp_path / "model"))
    sound = recording(tmp_path / "speech.wav", (2, False), (3, True), (2, False), (1.5, True), (1, False))
    done = []

    engine = Sherpa(model, threads=1)
    cues = list(engine.transcribe(sound, language="zh-Hans", on_progress=done.append))

    assert model.kind == "sense-voice" and "zh-Hans" in engine.languages
    assert len(cues) == 2
    assert set("".join(cue.text for cue in cues)) == {"党", "课"}
    assert abs(cues[0].begin_ms - 2000) < 400 and abs(cues[1].begin_ms - 7000) < 400
    assert 4500 <= cues[0].end_ms <= 6300
    assert len(done) == 2 and done == sorted(done)


# the stage


@pytest.fixture(scope="module")
def speaking(tmp_path_factory):
    """A lecture file: silence, 2 s of sound, silence, 1 s of sound, silence."""
    folder = tmp_path_factory.mktemp("speaking")
    sound = recording(folder / "in.wav", (1, False), (2, True), (2, False), (1, True), (1, False))
    return Clips(folder).make("听写.m4a", "-i", str(sound), "-vn")


@pytest.fixture
def lecture(db, speaking):
    made = api.work_off(api.ingest_file(speaking, title="听写", uploaded_by=None, enqueue=False))
    assert made.state == AssetState.READY, made.refusal_code
    return made


@pytest.fixture
def stand_in(settings):
    given(settings, ASR_ENGINE="stand-in")
    settings.CELERY_TASK_ALWAYS_EAGER = False


def transcribed(asset, lang="zh-Hans"):
    job = api.ask_for_transcription(asset, lang=lang, actor=MemberFactory())
    assert api.work_on(job.pk, bell=False)
    job.refresh_from_db()
    return job


@pytest.mark.media
def test_the_machines_captions_are_published_as_such(lecture, stand_in):
    told = []
    captions_changed.connect(lambda lang, **kwargs: told.append(lang), weak=False, dispatch_uid="test")
    try:
        job = transcribed(lecture)
    finally:
        captions_changed.disconnect(dispatch_uid="test")

    assert (job.state, job.progress) == (JobState.DONE, 1.0)
    (info,) = api.captions_of(lecture)
    assert (info.origin, info.unchecked, info.count) == ("MACHINE", True, 2)
    first, second = api.cues(lecture, "zh-Hans")
    assert first.text == "（试听写 1，zh-Hans）"
    assert abs(first.begin_ms - 800) < 150 and abs(first.end_ms - 3200) < 150
    assert abs(second.begin_ms - 4800) < 150
    assert told == ["zh-Hans"]
    lecture.refresh_from_db()
    assert lecture.state == AssetState.READY


@pytest.mark.media
def test_what_a_person_corrected_is_never_replaced(lecture, stand_in):
    transcribed(lecture)
    api.save_cues(lecture, "zh-Hans", [Cue(0, 900, "校对过")], revision=1, actor=MemberFactory())

    transcribed(lecture)

    assert [cue.text for cue in api.cues(lecture, "zh-Hans")] == ["校对过"]
    newest = api.captions_versions(lecture)[0]
    assert (newest.origin, newest.revision) == ("MACHINE", 0)
    api.restore_captions(lecture, newest.pk, actor=MemberFactory())
    assert api.captions_of(lecture)[0].unchecked


@pytest.mark.media
def test_heard_again_the_machines_own_text_is_replaced(lecture, stand_in):
    transcribed(lecture)
    Captions.objects.update(vtt="WEBVTT\n\n00:00.000 --> 00:01.000\n旧的\n")
    transcribed(lecture)
    assert "旧的" not in Captions.objects.get().vtt


@pytest.mark.media
def test_the_real_engine_in_its_own_process(lecture, settings, tmp_path):
    settings.CELERY_TASK_ALWAYS_EAGER = False
    given(settings, ASR_ENGINE="sherpa-onnx", ASR_MODEL_DIR=str(write_model(tmp_path / "model")))

    job = transcribed(lecture)

    assert job.state == JobState.DONE, job.error
    assert set("".join(cue.text for cue in api.cues(lecture, "zh-Hans"))) == {"党", "课"}


@pytest.mark.media
def test_a_broken_model_ends_the_job_and_not_the_lecture(lecture, settings, tmp_path):
    settings.CELERY_TASK_ALWAYS_EAGER = False
    (tmp_path / "tokens.txt").write_text("a 0\n")
    (tmp_path / "model.onnx").write_bytes(b"with_itn, but no model")
    given(settings, ASR_ENGINE="sherpa-onnx", ASR_MODEL_DIR=str(tmp_path), ATTEMPTS=1)

    job = transcribed(lecture)

    lecture.refresh_from_db()
    assert (job.state, lecture.state) == (JobState.STOPPED, AssetState.READY)
    assert not Captions.objects.exists()
    (told,) = api.transcriptions(lecture)
    assert "听写中断了" in told.reason


@pytest.mark.media
def test_a_silent_lecture_is_said_to_be_silent(db, tmp_path, stand_in):
    silent = recording(tmp_path / "in.wav", (3, False))
    clip = Clips(tmp_path).make("静音.m4a", "-i", str(silent), "-vn")
    asset = api.work_off(api.ingest_file(clip, title="静音", uploaded_by=None, enqueue=False))

    job = transcribed(asset)

    assert job.state == JobState.STOPPED
    assert "没有听到说话" in api.transcriptions(asset)[0].reason
    assert not Captions.objects.exists()


@pytest.mark.media
def test_a_stopped_job_writes_nothing(lecture, stand_in, monkeypatch):
    from media_pipeline.stages import transcribe

    real = transcribe.run

    def stopped_meanwhile(command, **options):
        outcome = real(command, **options)
        if "listen.py" in " ".join(command):
            api.cancel_transcription(lecture, lang="zh-Hans", actor=MemberFactory())
        return outcome

    monkeypatch.setattr(transcribe, "run", stopped_meanwhile)
    job = transcribed(lecture)

    assert job.state == JobState.STOPPED
    assert not Captions.objects.exists()


@pytest.mark.django_db
def test_languages_the_model_does_not_know_are_refused(settings, tmp_path):
    from tests.factories import PlayableAssetFactory

    (tmp_path / "tokens.txt").write_text("a 0\n")
    (tmp_path / "model.onnx").write_bytes(b"with_itn")
    given(settings, ASR_ENGINE="sherpa-onnx", ASR_MODEL_DIR=str(tmp_path))
    asset = PlayableAssetFactory()
    with pytest.raises(RecogniserMissing) as refused:
        api.ask_for_transcription(asset, lang="bo", actor=MemberFactory())
    assert "བོད་ཡིག" in refused.value.reason
    raw = PlayableAssetFactory(raw=True)
    assert "可以播放以后" in api.why_no_transcription(raw)
    assert not Job.objects.exists()


def test_the_script_needs_no_settings(tmp_path):
    """listen.py runs outside Django, with the order as its only word."""
    import subprocess
    import sys

    from media_pipeline.stages.transcribe import _LISTEN

    recording(tmp_path / "speech.wav", (0.5, False), (1, True), (0.5, False))
    order = {
        "kind": "stand-in",
        "folder": ".",
        "wav": "speech.wav",
        "language": "en",
        "threads": 1,
        "out": "o.jsonl",
    }
    clean = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-I", _LISTEN, json.dumps(order)],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "o.jsonl").read_text(encoding="utf-8"))[2] == "（试听写 1，en）"
    assert "done_ms=" in done.stdout
