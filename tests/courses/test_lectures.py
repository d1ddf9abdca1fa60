"""授课视频 in the admin: the list, the card, beginning an upload, captions, trying again, the chooser."""

import json

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from courses.catalogue.words import file_size, minutes_and_seconds
from courses.templatetags.catalogue_admin import time_left
from media_pipeline import api as media
from media_pipeline import jobs
from media_pipeline.models import Asset, Upload
from tests.factories import LessonFactory, MemberFactory, PlayableAssetFactory

pytestmark = pytest.mark.django_db


def begin(client, **told):
    return client.post(reverse("lectures:begin"), json.dumps(told), content_type="application/json")


def test_beginning_an_upload_gives_the_addresses_that_the_panel_needs(editing, editor):
    answer = begin(editing, name="民主集中制-录课.mov", size_bytes=1_860_000_000)

    upload = Upload.objects.get()
    said = answer.json()
    assert answer.status_code == 200
    assert (upload.member, upload.size_bytes, upload.asset.original_name) == (
        editor,
        1_860_000_000,
        "民主集中制-录课.mov",
    )
    assert said["asset"] == upload.asset_id
    assert str(upload.uuid) in said["upload_url"]
    assert editing.get(said["card_url"]).status_code == 200


def test_an_empty_file_is_refused_before_a_byte_is_sent(editing):
    answer = begin(editing, name="空.mp4", size_bytes=0)

    assert answer.status_code == 422
    assert answer.json()["message"]
    assert not Asset.objects.exists()


@pytest.mark.parametrize("told", ["{", "[]", '{"name": "a.mp4"}', '{"name": "a.mp4", "size_bytes": "x"}'])
def test_nonsense_is_answered_in_words(editing, told):
    answer = editing.post(reverse("lectures:begin"), told, content_type="application/json")

    assert answer.status_code == 422
    assert answer.json()["message"]
    assert not Asset.objects.exists()


def test_who_may_not_upload_gets_no_upload(client):
    client.force_login(MemberFactory())
    for address in (reverse("lectures:begin"), reverse("lectures:card", args=[PlayableAssetFactory().pk])):
        assert client.post(address, "{}", content_type="application/json").status_code in {302, 403, 404, 405}
    assert not Upload.objects.exists()


def test_the_card_of_a_ready_lecture_is_final(editing):
    response = editing.get(reverse("lectures:card", args=[PlayableAssetFactory(title="录课").pk]))

    assert (response["X-Final"], response["X-Playable"]) == ("1", "1")
    assert "录课.mp4" in response.content.decode()
    assert "45 分 12 秒" in response.content.decode()


def test_the_card_of_a_refused_file_says_what_to_bring_instead(editing):
    asset = PlayableAssetFactory(raw=True, state="REFUSED", refusal_code="NOT_MEDIA", title="会议纪要")
    response = editing.get(reverse("lectures:card", args=[asset.pk]))

    assert (response["X-Final"], response["X-Playable"]) == ("1", "0")
    text = response.content.decode()
    assert "没有收下" in text
    assert "请上传录制的视频" in text


def test_the_list_and_the_lecture_page_work(editing):
    asset = PlayableAssetFactory(title="党课录像")
    lesson = LessonFactory(lecture=asset)
    PlayableAssetFactory(raw=True, title="路上")

    listed = editing.get(reverse("lectures:index"), {"q": "党课"}).content.decode()
    one = editing.get(reverse("lectures:edit", args=[asset.pk])).content.decode()

    assert "党课录像" in listed
    assert lesson.title in one
    assert "/delete/" not in one


def test_a_lecture_gets_another_title(editing):
    asset = PlayableAssetFactory()
    response = editing.post(reverse("lectures:edit", args=[asset.pk]), {"title": "新标题"})

    assert response.status_code == 302
    assert Asset.objects.get().title == "新标题"


def test_the_chooser_offers_what_is_ready_or_on_the_way_and_finds_chinese(editing):
    PlayableAssetFactory(title="民主集中制")
    PlayableAssetFactory(title="四个意识", raw=True)
    PlayableAssetFactory(title="不是视频", raw=True, state="REFUSED", refusal_code="NOT_MEDIA")

    everything = editing.get(reverse("lecture_chooser:choose")).json()["html"]
    assert "民主集中制" in everything
    assert "四个意识" in everything
    assert "不是视频" not in everything

    found = editing.get(reverse("lecture_chooser:choose_results"), {"q": "集中"}).content.decode()
    assert "民主集中制" in found
    assert "四个意识" not in found


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, ""), (25, "25 秒"), (75, "1 分 15 秒"), (3600, "60 分 0 秒"), (2712.4, "45 分 12 秒")],
)
def test_lengths_in_words(seconds, said):
    assert minutes_and_seconds(seconds) == said


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 kB"),
        (300_000, "0.3 MB"),
        (4_100_000, "4.1 MB"),
        (412_000_000, "412 MB"),
        (1_860_000_000, "1.86 GB"),
    ],
)
def test_sizes_in_words(size, said):
    assert file_size(size) == said


# --- time left, cancelling, one version anew


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (40, "不到 1 分钟"),
        (700, "大约还要 12 分钟"),
        (1900, "大约还要 30 分钟"),
        (4100, "大约还要 1 小时 10 分钟"),
        (3590, "大约还要 1 小时 0 分钟"),
    ],
)
def test_time_left_is_rounded_for_people(seconds, words):
    assert time_left(seconds) == words


@pytest.fixture
def two_on_their_way(settings, tmp_path, monkeypatch):
    settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, "ROOT": tmp_path / "media", "WORKERS": 1}
    monkeypatch.setattr(jobs, "ring", lambda job_id: None)
    assets = []
    for title in ("第一讲", "第二讲"):
        asset = PlayableAssetFactory(raw=True, title=title, fps=25, width=640, height=360, duration_s=300)
        Asset.objects.filter(pk=asset.pk).update(state="QUEUED", sha256=f"{asset.pk:064x}")
        asset.refresh_from_db()
        jobs.open_job(asset, "ENCODE", key="c0000")
        assets.append(asset)
    return assets


def test_the_card_says_how_many_are_ahead_and_how_long_it_takes(editing, two_on_their_way):
    first, second = (
        editing.get(reverse("lectures:card", args=[asset.pk])).content.decode() for asset in two_on_their_way
    )

    assert "下一个就是它" in first and "还要" in first
    assert "前面还有 1 个" in second and "还要" in second
    assert "<form" not in second  # inside the lesson's own form there are no buttons


def test_an_editor_cancels_and_takes_up_again(editing, two_on_their_way):
    asset, _other = two_on_their_way
    card = reverse("lectures:card", args=[asset.pk]) + "?do=1"
    assert reverse("lectures:cancel", args=[asset.pk]) in editing.get(card).content.decode()

    editing.post(reverse("lectures:cancel", args=[asset.pk]))

    asset.refresh_from_db()
    assert asset.state == "FAILED" and not asset.jobs.open().exists()
    page = editing.get(card).content.decode()
    assert reverse("lectures:retry", args=[asset.pk]) in page and "再试一次" in page

    editing.post(reverse("lectures:retry", args=[asset.pk]))
    asset.refresh_from_db()
    assert asset.state in {"RECEIVED", "QUEUED"} and asset.jobs.open().exists()


def test_who_may_not_change_lectures_cancels_nothing(client, two_on_their_way):
    client.force_login(MemberFactory())
    asset = two_on_their_way[0]

    assert client.post(reverse("lectures:cancel", args=[asset.pk])).status_code in {302, 403, 404}
    asset.refresh_from_db()
    assert asset.state == "QUEUED"


def test_one_version_anew_is_for_operators(editing, editor, monkeypatch):
    asset = PlayableAssetFactory(title="录课")
    asked = []
    monkeypatch.setattr(media, "rerun_rendition", lambda asset, name, actor: asked.append((asset, name)))

    assert editing.post(reverse("lectures:remake", args=[asset.pk]), {"name": "v720"}).status_code in {
        302,
        403,
    }
    assert asked == []

    editor.user_permissions.add(Permission.objects.get(codename="change_job"))
    editing.post(reverse("lectures:remake", args=[asset.pk]), {"name": "v720"})
    assert asked == [(asset, "v720")]
