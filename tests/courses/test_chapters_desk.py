"""章节 in the Wagtail admin: what may be typed, who may, and what is told when it cannot be kept."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from courses.catalogue.chapters_desk import clock, milliseconds
from media_pipeline import api as media
from media_pipeline.models import Asset, Chapter
from tests.factories import MemberFactory


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0:00", 0), ("1:05", 65000), ("01:05.5", 65500), ("1:02:03", 3723000), ("75:00", 4500000),
        ("12：30", 750000), (" 2:00 ", 120000), ("1:60", None), ("1:75:00", None), ("90", None), ("", None),
        ("-1:00", None), ("1:05.1234", None), ("一分", None),
    ],
)  # fmt: skip
def test_times_as_people_write_them(text, ms):
    assert milliseconds(text) == ms


@pytest.mark.parametrize("ms", [0, 65500, 60000, 3723040, 35999999])
def test_a_time_reads_back(ms):
    assert milliseconds(clock(ms)) == ms


@pytest.fixture
def asset(db):
    made = Asset.objects.create(
        title="章程学习", original_name="a.mp4", state="READY", folder="sets/ab/x/y", ready_at=timezone.now(),
        duration_s=600, contents={"scenes_ms": [], "duration_s": 600},
    )  # fmt: skip
    Chapter.objects.create(asset=made, begin_ms=0, title="第1页")
    Chapter.objects.create(asset=made, begin_ms=60000, title="第2页")
    return made


@pytest.fixture
def editor(db, client):
    member = MemberFactory(name="何静")
    for codename in ["access_admin", "view_asset", "change_asset"]:
        member.user_permissions.add(Permission.objects.get(codename=codename))
    client.force_login(member)
    return member


def seen(client, asset):
    page = client.get(reverse("lectures:chapters_edit", args=[asset.pk]))
    assert page.status_code == 200
    return re.search(r'name="seen" value="(\w+)"', page.content.decode())[1]


def post(client, asset, lines, mark):
    told = {
        "time": [time for time, _title in lines],
        "title": [title for _time, title in lines],
        "seen": mark,
    }
    return client.post(reverse("lectures:chapters_edit", args=[asset.pk]), told)


def test_an_editor_renames_moves_adds_and_removes(client, editor, asset):
    answer = post(client, asset, [("5:00", "要求"), ("", ""), ("0:00", "开场")], seen(client, asset))

    assert answer.status_code == 302
    assert [(row.begin_ms, row.title, row.by_hand) for row in media.chapters(asset)] == [
        (0, "开场", True),
        (300000, "要求", True),
    ]
    page = client.get(reverse("lectures:edit", args=[asset.pk])).content.decode()
    assert "要求" in page and "05:00" in page and "第2页" not in page


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([("0:00", "开场"), ("五分", "要求")], "分:秒"),
        ([("11:00", "在末尾之后")], "超过视频结尾"),
        ([("1:00", "")], "没有标题"),
        ([("1:00", "一"), ("1:00", "二")], "从 01:00 开始"),
    ],
)
def test_what_cannot_be_kept_is_shown_again(client, editor, asset, lines, words):
    before = media.chapters(asset)

    answer = post(client, asset, lines, seen(client, asset))

    assert answer.status_code == 422
    said = answer.content.decode()
    assert words in said and all(f'value="{title}"' in said for _time, title in lines if title)
    assert media.chapters(asset) == before


def test_of_two_editors_one_is_told(client, editor, asset):
    mark = seen(client, asset)
    media.set_chapters(asset, [media.ChapterRow(0, "别人的")], actor=editor)

    answer = post(client, asset, [("0:00", "我的")], mark)

    assert answer.status_code == 422 and "刚才有人改过章节" in answer.content.decode()
    assert [row.title for row in media.chapters(asset)] == ["别人的"]


def test_who_may_not_change_lectures_may_not_change_chapters(client, asset):
    member = MemberFactory()
    member.user_permissions.add(Permission.objects.get(codename="access_admin"))
    client.force_login(member)

    answer = post(client, asset, [("0:00", "开场")], "")

    assert answer.status_code in {302, 403} and len(media.chapters(asset)) == 2
    assert media.chapters(asset)[0].title == "第1页"
