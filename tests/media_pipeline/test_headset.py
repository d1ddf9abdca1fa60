"""What headset players are told, held to the fields that DeoVR and HereSphere document."""

import json

import pytest
from django.test import Client
from django.utils import timezone

from media_pipeline import api, storage
from media_pipeline.headset import Lecture, Listed, deovr, deovr_list, heresphere, heresphere_list
from media_pipeline.models import Asset, AssetState, Captions, Chapter

WHOLE = [
    {"name": "h5760", "file": "progressive/h5760.mp4", "codec": "hevc", "width": 5760, "height": 2880, "size_bytes": 900},
    {"name": "v3840", "file": "progressive/v3840.mp4", "codec": "h264", "width": 3840, "height": 1920, "size_bytes": 700},
    {"name": "v2560", "file": "progressive/v2560.mp4", "codec": "h264", "width": 2560, "height": 1280, "size_bytes": 400},
]  # fmt: skip
RENDITIONS = [
    {"name": "v3840", "width": 3840, "height": 1920, "size_bytes": 690},
    {"name": "audio", "width": 0, "height": 0, "size_bytes": 10},
]
DEOVR = {
    "authorized": str, "fullAccess": bool, "title": str, "id": int, "videoLength": int, "is3d": bool,
    "screenType": str, "stereoMode": str, "skipIntro": int, "thumbnailUrl": str, "timeStamps": list,
    "encodings": list,
}  # fmt: skip
HERESPHERE = {
    "access": int, "title": str, "description": str, "thumbnailImage": str, "dateReleased": str,
    "dateAdded": str, "duration": float, "rating": float, "favorites": int, "isFavorite": bool,
    "projection": str, "stereo": str, "fov": float, "lens": str, "scripts": list, "subtitles": list,
    "tags": list, "media": list, "writeFavorite": bool, "writeRating": bool, "writeTags": bool,
}  # fmt: skip
SOURCE = {"resolution": int, "width": int, "height": int, "size": int, "url": str}


def lecture(projection="EQUIRECT", stereo="MONO", **more):
    contents = {
        "projection": projection, "stereo": stereo, "duration_s": 61.4, "renditions": RENDITIONS,
        "progressive": WHOLE,
    }  # fmt: skip
    contents |= more
    return Lecture(
        id=7, title="红色展馆", contents=contents, base="https://s.cn/media/t/u/v",
        chapters=[(0, "序厅"), (20_500, "展厅一")], captions=[("zh-Hans", "中文")], released_on="2026-11-23",
    )  # fmt: skip


def assert_shape(value, shape):
    assert set(value) == set(shape)
    for name, kind in shape.items():
        assert type(value[name]) is kind, name


@pytest.mark.parametrize(
    ("projection", "stereo", "deo", "here"),
    [
        ("EQUIRECT", "MONO", ("sphere", "off"), ("equirectangular360", "mono", 360)),
        ("EQUIRECT", "TOP_BOTTOM", ("sphere", "tb"), ("equirectangular360", "tb", 360)),
        ("EQUIRECT", "LEFT_RIGHT", ("sphere", "sbs"), ("equirectangular360", "sbs", 360)),
        ("HALF_EQUIRECT", "MONO", ("dome", "off"), ("equirectangular", "mono", 180)),
        ("HALF_EQUIRECT", "TOP_BOTTOM", ("dome", "tb"), ("equirectangular", "tb", 180)),
        ("HALF_EQUIRECT", "LEFT_RIGHT", ("dome", "sbs"), ("equirectangular", "sbs", 180)),
        ("FLAT", "MONO", ("flat", "off"), ("perspective", "mono", 90)),
    ],
)
def test_both_say_the_shape_in_their_own_words(projection, stereo, deo, here):
    one, other = deovr(lecture(projection, stereo)), heresphere(lecture(projection, stereo))

    assert_shape(one, DEOVR)
    assert_shape(other, HERESPHERE)
    assert (one["screenType"], one["stereoMode"]) == deo
    assert (other["projection"], other["stereo"], other["fov"]) == here
    assert other["lens"] == "Linear"
    assert one["is3d"] is (projection != "FLAT")


def test_every_whole_file_is_offered_by_codec_and_size():
    encodings = deovr(lecture())["encodings"]

    assert [one["name"] for one in encodings] == ["h265", "h264"]
    sources = [source for one in encodings for source in one["videoSources"]]
    for source in sources:
        assert_shape(source, SOURCE)
    assert [(s["resolution"], s["size"]) for s in sources] == [(2880, 900), (1920, 700), (1280, 400)]
    assert sources[0]["url"] == "https://s.cn/media/t/u/v/progressive/h5760.mp4"
    media = heresphere(lecture())["media"]
    assert [(m["name"], [s["url"] for s in m["sources"]]) for m in media] == [
        (one["name"], [s["url"] for s in one["videoSources"]]) for one in encodings
    ]


def test_chapters_become_timestamps_and_tags():
    assert deovr(lecture())["timeStamps"] == [{"ts": 0, "name": "序厅"}, {"ts": 20, "name": "展厅一"}]
    assert heresphere(lecture())["tags"] == [
        {"name": "序厅", "start": 0, "end": 20_500, "track": 0},
        {"name": "展厅一", "start": 20_500, "end": 61_400, "track": 0},
    ]


def test_captions_are_offered_where_the_player_knows_them():
    assert heresphere(lecture())["subtitles"] == [
        {"name": "中文", "language": "zh-Hans", "url": "https://s.cn/media/t/u/v/captions-zh-Hans.vtt"}
    ]


def test_a_set_without_whole_files_is_played_by_its_playlist():
    (only,) = deovr(lecture(progressive=[]))["encodings"]

    assert [s["url"] for s in only["videoSources"]] == ["https://s.cn/media/t/u/v/master.m3u8"]
    assert only["videoSources"][0]["resolution"] == 1920


def test_lists_lead_to_the_lectures():
    lines = [
        Listed("红色展馆", 61.4, "https://s.cn/p.jpg", "https://s.cn/deovr.json", "https://s.cn/here.json")
    ]

    assert deovr_list("全景课程", lines) == {
        "authorized": "1",
        "scenes": [
            {
                "name": "全景课程",
                "list": [
                    {
                        "title": "红色展馆", "videoLength": 61, "thumbnailUrl": "https://s.cn/p.jpg",
                        "video_url": "https://s.cn/deovr.json",
                    }
                ],
            }
        ],
    }  # fmt: skip
    assert heresphere_list("全景课程", lines) == {
        "access": 1,
        "library": [{"name": "全景课程", "list": ["https://s.cn/here.json"]}],
    }


# Served


@pytest.fixture
def sphere(editor, own_root):
    folder = storage.set_folder("cd" * 32, "ef" * 32)
    place = storage.absolute(folder)
    (place / "progressive").mkdir(parents=True)
    for one in WHOLE:
        (place / one["file"]).write_bytes(bytes(range(100)) * 9)
    contents = lecture().contents | {"picture": True, "sound": True}
    asset = Asset.objects.create(
        title="红色展馆", uploaded_by=editor, sha256="cd" * 32, state=AssetState.READY, folder=folder,
        ready_at=timezone.now(), projection="EQUIRECT", contents=contents,
    )  # fmt: skip
    Chapter.objects.create(asset=asset, begin_ms=0, title="序厅")
    Captions.objects.create(asset=asset, vtt="WEBVTT\n")
    return asset


@pytest.mark.django_db
def test_a_headset_needs_no_cookie_and_reads_ranges(sphere, editor):
    address = api.playback(sphere, editor, client="vr").vr_url
    nobody = Client(enforce_csrf_checks=True)

    told = nobody.get(address).json()

    assert_shape(told, DEOVR)
    assert told["timeStamps"] == [{"ts": 0, "name": "序厅"}]
    for one in told["encodings"]:
        for source in one["videoSources"]:
            assert source["url"].startswith("http://testserver/media/")
            answer = nobody.get(source["url"], headers={"range": "bytes=10-19"})
            assert answer.status_code == 206
            assert b"".join(answer.streaming_content) == bytes(range(10, 20))
    assert address.rpartition("/")[0] in told["thumbnailUrl"]


@pytest.mark.django_db
def test_heresphere_posts_its_question(sphere, editor):
    address = api.playback(sphere, editor).vr_url.replace("deovr.json", "heresphere.json")
    nobody = Client(enforce_csrf_checks=True)
    question = json.dumps({"username": "", "password": "", "needsMediaSource": True})

    posted = nobody.post(address, question, content_type="application/json")

    assert posted.status_code == 200
    assert posted.headers["HereSphere-JSON-Version"] == "1"
    assert_shape(posted.json(), HERESPHERE)
    assert posted.json() == nobody.get(address).json()
    assert posted.json()["subtitles"][0]["language"] == "zh-Hans"
    assert nobody.post(address.replace("heresphere", "deovr")).status_code == 405


@pytest.mark.django_db
def test_views_have_an_address_when_there_are_some(sphere, editor):
    assert api.playback(sphere, editor).views_url == ""
    sphere.contents |= {"views": {"folder": "0123456789abcdef", "yaws": [0, 45]}}

    found = api.playback(sphere, editor)

    assert found.views_url.endswith(f"/{sphere.uuid}/0123456789abcdef/views.m3u8")
    assert found.view_yaws == [0, 45]
