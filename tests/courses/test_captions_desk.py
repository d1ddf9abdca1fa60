"""字幕 in the admin: look before keeping, correct with and without script, two editors, take back, speech to text."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from media_pipeline import api as media
from media_pipeline.captions import Cue
from media_pipeline.models import Captions, Job
from tests.factories import MemberFactory, PlayableAssetFactory

pytestmark = pytest.mark.django_db

SRT = "1\n00:00:01,000 --> 00:00:03,000\n同志们好\n\n2\n00:00:02,500 --> 00:00:05,000\n今天学习党张\n"


@pytest.fixture
def asset():
    return PlayableAssetFactory(title="民主集中制", duration_s=60)


@pytest.fixture
def captions(asset, editor):
    return media.upload_captions(asset, name="a.srt", data=SRT.encode(), lang="zh-Hans", actor=editor)


def at(name, *arguments):
    return reverse(f"lectures:captions_{name}", args=arguments)


def chosen(client, asset, data, **more):
    file = SimpleUploadedFile("录课.srt", data)
    return client.post(at("upload", asset.pk), {"file": file, "lang": "zh-Hans"} | more)


def test_a_gbk_file_is_looked_at_then_kept(editing, asset):
    looked = chosen(editing, asset, SRT.encode("gbk"))

    page = looked.content.decode()
    assert looked.status_code == 200
    assert "同志们好" in page and "00:01.0 – 00:02.5" in page
    assert '<option value="gb18030" selected>' in page
    assert "1 条与后一条重叠" in page
    assert not Captions.objects.exists()

    form = {name: looked.context[name] for name in ("look", "lang", "encoding")} | {"revision": 0}
    kept = editing.post(at("keep", asset.pk), form)

    assert kept.status_code == 302
    assert [cue.text for cue in media.cues(asset, "zh-Hans")] == ["同志们好", "今天学习党张"]
    assert "同志们好" not in editing.get(reverse("lectures:edit", args=[asset.pk])).content.decode()
    again = editing.post(at("keep", asset.pk), form)
    assert again.status_code == 302 and Captions.objects.get().revision == 1


def test_another_encoding_can_be_tried_before_keeping(editing, asset):
    looked = chosen(editing, asset, SRT.encode("gbk"))
    form = {"look": looked.context["look"], "lang": "zh-Hans", "look_again": "1"}

    wrong = editing.post(at("keep", asset.pk), form | {"encoding": "utf-8"})
    assert wrong.status_code == 422 and "请换一种编码" in wrong.content.decode()
    right = editing.post(at("keep", asset.pk), form | {"encoding": "gb18030"})
    assert right.status_code == 200 and "同志们好" in right.content.decode()
    assert not Captions.objects.exists()


def test_a_file_that_replaces_says_so_and_does_not_overwrite_what_came_meanwhile(editing, asset, captions):
    looked = chosen(editing, asset, SRT.replace("党张", "党章").encode())
    assert "将替换现有的字幕" in looked.content.decode()
    info, cues = media.opened_captions(asset, "zh-Hans")
    media.save_cues(asset, "zh-Hans", cues[:1], revision=info.revision, actor=MemberFactory(name="李建国"))

    form = {"look": looked.context["look"], "lang": "zh-Hans", "encoding": "utf-8", "revision": info.revision}
    answer = editing.post(at("keep", asset.pk), form)

    assert answer.status_code == 422 and "李建国" in answer.content.decode()
    assert len(media.cues(asset, "zh-Hans")) == 1


@pytest.mark.parametrize("data", [b"", b"\x00\x01PK\x03\x04" * 30, "没有时间的文字".encode()])
def test_what_is_no_captions_is_refused_with_a_sentence(editing, asset, data):
    answer = chosen(editing, asset, data) if data else editing.post(at("upload", asset.pk), {"lang": "en"})
    assert answer.status_code in {302, 422}
    assert not Captions.objects.exists()


def test_somebody_elses_look_cannot_be_kept(editing, client, asset):
    look = chosen(editing, asset, SRT.encode()).context["look"]
    other = PlayableAssetFactory()
    editing.post(at("keep", other.pk), {"look": look, "lang": "zh-Hans", "encoding": "utf-8"})
    assert not Captions.objects.exists()


def saved(client, asset, revision, cues, lang="zh-Hans"):
    body = json.dumps({"revision": revision, "cues": cues})
    return client.post(at("edit", asset.pk, lang), body, content_type="application/json")


def test_the_editor_gets_the_cues_and_saves_them(editing, asset, captions):
    page = editing.get(at("edit", asset.pk, "zh-Hans"))
    assert page.context["editor"]["cues"][1] == [2500, 5000, "今天学习党张", ""]
    assert page.context["editor"]["videoUrl"].endswith("master.m3u8")
    assert "今天学习党张" in page.content.decode()

    answer = saved(
        editing, asset, 1, [[1000, 2500, "同志们好", ""], [2500, 5000, "今天学习</script>党章", "line:0"]]
    )

    assert (answer.status_code, answer.json()) == (200, {"revision": 2})
    assert media.cues(asset, "zh-Hans")[1] == Cue(2500, 5000, "今天学习</script>党章", "line:0")
    assert "</script>党章" not in editing.get(at("edit", asset.pk, "zh-Hans")).content.decode()


def test_the_second_of_two_editors_is_told_who_was_first(editing, asset, captions):
    media.save_cues(asset, "zh-Hans", [Cue(0, 900, "李的")], revision=1, actor=MemberFactory(name="李建国"))

    answer = saved(editing, asset, 1, [[0, 900, "我的", ""]])

    assert (answer.status_code, answer.json()["revision"]) == (409, 2)
    assert "李建国" in answer.json()["message"]
    assert media.cues(asset, "zh-Hans")[0].text == "李的"
    assert saved(editing, asset, 2, [[0, 900, "我的", ""]]).status_code == 200
    assert any("李的" in version.vtt for version in media.captions_versions(asset))


@pytest.mark.parametrize("body", ["{", "[]", '{"revision": 1, "cues": [[1]]}', '{"revision": "x", "cues": []}',
                                  '{"revision": 1, "cues": [["a", 1, "", ""]]}', '{"revision": 1, "cues": []}'])  # fmt: skip
def test_nonsense_is_answered_in_words(editing, asset, captions, body):
    answer = editing.post(at("edit", asset.pk, "zh-Hans"), body, content_type="application/json")

    assert answer.status_code == 422 and answer.json()["message"]
    assert Captions.objects.get().revision == 1


def test_without_script_a_text_can_be_corrected(editing, asset, captions):
    text = captions.vtt.replace("党张", "党章")
    assert editing.post(at("edit", asset.pk, "zh-Hans"), {"vtt": text, "revision": 1}).status_code == 302
    assert "党章" in Captions.objects.get().vtt

    late = editing.post(at("edit", asset.pk, "zh-Hans"), {"vtt": text.replace("同志", "各位"), "revision": 1})
    assert late.status_code == 422 and "各位" in late.content.decode()
    assert "各位" not in Captions.objects.get().vtt
    form = {"vtt": text.replace("同志", "各位"), "revision": 1, "overwrite": late.context["overwrite"]}
    assert editing.post(at("edit", asset.pk, "zh-Hans"), form).status_code == 302
    assert "各位" in Captions.objects.get().vtt

    broken = editing.post(
        at("edit", asset.pk, "zh-Hans"), {"vtt": text.replace("00:00:01.000", "00:xx"), "revision": 3}
    )
    assert broken.status_code == 422 and "第 3 行" in broken.content.decode()
    assert Captions.objects.get().revision == 3


def test_captions_can_be_typed_from_nothing(editing, asset):
    assert editing.get(at("edit", asset.pk, "bo")).context["editor"]["revision"] == 0
    assert editing.get(at("edit", asset.pk, "xx")).status_code == 404
    assert saved(editing, asset, 0, [[0, 900, "བཀྲ་ཤིས", ""]], "bo").json() == {"revision": 1}


def test_removing_asks_first_and_can_be_taken_back(editing, asset, captions):
    assert "删除" in editing.get(at("remove", asset.pk, "zh-Hans")).content.decode()
    assert Captions.objects.exists()
    editing.post(at("remove", asset.pk, "zh-Hans"), {"revision": 1})
    assert not Captions.objects.exists()

    page = editing.get(reverse("lectures:edit", args=[asset.pk])).content.decode()
    (version,) = media.captions_versions(asset)
    assert at("restore", asset.pk, version.pk) in page
    assert "党张" in editing.get(at("version", asset.pk, version.pk)).content.decode()
    editing.post(at("restore", asset.pk, version.pk))
    assert media.cues(asset, "zh-Hans")[0].text == "同志们好"
    assert editing.post(at("restore", asset.pk, version.pk)).status_code == 302


def test_removing_what_was_changed_meanwhile_does_nothing(editing, asset, captions):
    media.save_cues(asset, "zh-Hans", [Cue(0, 900, "新")], revision=1, actor=None)
    assert editing.post(at("remove", asset.pk, "zh-Hans"), {"revision": 1}).status_code == 409
    assert Captions.objects.exists()


def test_files_to_take_along(editing, asset, captions):
    vtt = editing.get(at("download", asset.pk, "zh-Hans", "vtt"))
    srt = editing.get(at("download", asset.pk, "zh-Hans", "srt"))

    assert vtt.content.decode("utf-8-sig").startswith("WEBVTT")
    assert srt.content.decode("utf-8-sig").startswith("1\r\n00:00:01,000 --> 00:00:02,500\r\n")
    assert "%E6%B0%91%E4%B8%BB" in srt["Content-Disposition"]
    assert editing.get(at("download", asset.pk, "zh-Hans", "doc")).status_code == 404
    assert editing.get(at("download", asset.pk, "en", "vtt")).status_code == 404


def test_without_a_model_the_panel_says_what_to_do(editing, asset, settings):
    settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, "ASR_MODEL_DIR": ""}
    page = editing.get(reverse("lectures:edit", args=[asset.pk])).content.decode()
    assert "ASR_MODEL_DIR" in page and "可以上传字幕文件" in page

    editing.post(at("transcribe", asset.pk), {"lang": "zh-Hans"})
    assert not Job.objects.exists()


def test_speech_to_text_is_asked_for_once_and_can_be_stopped(editing, asset, settings):
    asset.facts = {"source": {"fps": "25"}, "recipe": {"fps": "25", "layout": 1}}  # published last year
    asset.save()
    settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, "ASR_ENGINE": "stand-in"}
    settings.CELERY_TASK_ALWAYS_EAGER = False
    for _twice in range(2):
        editing.post(at("transcribe", asset.pk), {"lang": "zh-Hans"})

    job = Job.objects.get()
    assert (job.stage, job.key, job.state) == ("TRANSCRIBE", "zh-Hans", "WAITING")
    assert job.priority < 0
    panel = editing.get(at("panel", asset.pk))
    assert panel["X-Final"] == "0" and "等待" in panel.content.decode()
    editing.post(at("transcribe", asset.pk), {"lang": "zh-Hans", "cancel": "1"})
    assert Job.objects.get().state == "STOPPED"
    assert "已取消" in editing.get(at("panel", asset.pk)).content.decode()


def test_who_may_not_change_lectures_finds_no_way_in(client, asset, captions):
    client.force_login(MemberFactory())
    addresses = [
        at("edit", asset.pk, "zh-Hans"), at("remove", asset.pk, "zh-Hans"), at("upload", asset.pk), at("keep", asset.pk),
        at("transcribe", asset.pk), at("restore", asset.pk, 1), at("panel", asset.pk), at("download", asset.pk, "zh-Hans", "vtt"),
    ]  # fmt: skip
    for address in addresses:
        assert client.get(address).status_code in {302, 403, 404, 405}
        assert client.post(address, {"revision": 1, "vtt": "WEBVTT"}).status_code in {302, 403, 404, 405}
    assert Captions.objects.get().revision == 1
