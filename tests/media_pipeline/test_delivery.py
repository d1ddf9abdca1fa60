"""Delivery: signed addresses, ranges, caches, what looks like absence."""

import json
import shutil
from urllib.parse import urljoin

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from media_pipeline import api, storage
from tests.factories import MemberFactory

pytestmark = [pytest.mark.django_db, pytest.mark.media]


@pytest.fixture
def asset(clips):
    """A ready lecture in the folder that all tests of this file share: encoded once, found afterwards."""
    return api.work_off(
        api.ingest_file(
            clips.sphere, title="展馆<360>", uploaded_by=None, projection="EQUIRECT", enqueue=False
        )
    )


@pytest.fixture
def found(asset):
    return api.playback(asset, MemberFactory())


class Reader(Client):
    """A client that reads every answer to its end and closes it; the bytes are in `.body`."""

    def request(self, **request):
        response = super().request(**request)
        response.body = b"".join(response.streaming_content) if response.streaming else response.content
        response.close()
        return response


@pytest.fixture
def client():
    return Reader()


def on_disk(asset, name):
    return (storage.absolute(asset.folder) / name).read_bytes()


def test_relative_addresses_inherit_the_token_without_any_cookie(client, asset, found):
    master = client.get(found.manifest_url)
    assert (master.status_code, master["Content-Type"]) == (200, "application/vnd.apple.mpegurl")
    playlist = urljoin(found.manifest_url, "v640/main.m3u8")
    assert client.get(playlist).status_code == 200
    segment = client.get(urljoin(playlist, "00001.m4s"))
    assert segment.body == on_disk(asset, "v640/00001.m4s")
    assert segment["Content-Type"] == "video/iso.segment"
    assert "immutable" in segment["Cache-Control"] and "private" in segment["Cache-Control"]
    assert segment["Access-Control-Allow-Origin"] == "*"
    assert "Cookie" not in segment.get("Vary", "")
    assert client.get(found.dash_url)["Content-Type"] == "application/dash+xml"
    for url in (found.poster_url, found.storyboard_url, urljoin(found.storyboard_url, "storyboard-1.jpg")):
        assert client.get(url).status_code == 200


def test_ranges(client, asset, found):
    url = urljoin(found.manifest_url, "v640/00001.m4s")
    whole = on_disk(asset, "v640/00001.m4s")

    part = client.get(url, HTTP_RANGE="bytes=10-19")
    assert (part.status_code, part.body) == (206, whole[10:20])
    assert (part["Content-Range"], part["Content-Length"]) == (f"bytes 10-19/{len(whole)}", "10")
    assert client.get(url, HTTP_RANGE="bytes=-5").body == whole[-5:]
    outside = client.get(url, HTTP_RANGE=f"bytes={len(whole)}-")
    assert (outside.status_code, outside["Content-Range"]) == (416, f"bytes */{len(whole)}")
    assert client.get(url, HTTP_RANGE="bytes=0-4", HTTP_IF_RANGE='"old"').status_code == 200
    assert client.get(url, HTTP_RANGE="bytes=0-4", HTTP_IF_RANGE=part["ETag"]).status_code == 206
    head = client.head(url)
    assert (head.status_code, head["Content-Length"], head.content) == (200, str(len(whole)), b"")
    assert client.get(url, HTTP_IF_NONE_MATCH=part["ETag"]).status_code == 304
    assert client.post(url).status_code == 405


def test_what_looks_like_absence(client, asset, found):
    token = found.manifest_url.split("/")[2]
    version = found.manifest_url.split("/")[4]
    other = MemberFactory().uuid  # no asset's
    good = f"/media/{token}/{asset.uuid}/{version}"

    assert client.get(f"{good}/master.m3u8").status_code == 200
    for url in (
        f"/media/{token}x/{asset.uuid}/{version}/master.m3u8",
        f"/media/{token}/{other}/{version}/master.m3u8",
        f"/media/{asset.uuid}/{asset.uuid}/{version}/master.m3u8",
        f"{good}/nothing.m4s",
        f"{good}/v640",
        f"{good}/set.json",
        f"{good}/../../../../sources/{asset.sha256[:2]}/{asset.sha256}",
        f"{good}/%2e%2e/%2e%2e/{version}/master.m3u8",
        f"{good}/v640/..%2fmaster.m3u8",
        f"/media/{token}/{asset.uuid}/../{version}/master.m3u8",
        f"/media/{token}/{asset.uuid}/0000000000000000/master.m3u8",
        f"{good}/captions-en.vtt",
    ):
        assert client.get(url).status_code == 404, url


def test_an_address_whose_time_is_over_says_so(client, found, monkeypatch):
    from datetime import timedelta

    later = found.expires_at + timedelta(seconds=1)
    monkeypatch.setattr("media_pipeline.delivery.timezone.now", lambda: later)

    said = client.get(found.manifest_url)

    assert (said.status_code, said.json()) == (410, {"code": "TOKEN_EXPIRED"})


def test_a_reload_gets_the_same_address_another_member_another(asset):
    member = MemberFactory()
    first = api.playback(asset, member).manifest_url

    assert api.playback(asset, member).manifest_url == first
    assert api.playback(asset, MemberFactory()).manifest_url != first
    assert "-0-0-a-" in api.playback(asset, AnonymousUser()).manifest_url


def test_the_poster_of_lists_is_the_same_for_all_and_opens_nothing_else(client, asset):
    url = api.poster_url(asset)

    assert url == api.poster_url(asset)
    assert client.get(url)["Content-Type"] == "image/jpeg"
    assert client.get(url.replace("poster.jpg", "master.m3u8")).status_code == 404


def test_captions(client, asset):
    vtt = "WEBVTT\r\n\r\n00:00.000 --> 00:01.000\r\n同志们好\r\n"
    api.set_captions(asset, vtt="\ufeff" + vtt)
    api.set_captions(asset, vtt=vtt + "\r\n", label="中文")
    (track,) = api.playback(asset, MemberFactory()).captions

    said = client.get(track.url)

    assert (track.lang, track.label) == ("zh-Hans", "中文")
    assert said["Content-Type"] == "text/vtt; charset=utf-8"
    assert said.content.decode() == "WEBVTT\n\n00:00.000 --> 00:01.000\n同志们好\n\n"
    assert client.get(track.url, HTTP_IF_NONE_MATCH=said["ETag"]).status_code == 304
    for bad in ({"vtt": "1\n00:00 --> 00:01\nx"}, {"vtt": vtt, "lang": "../x"}):
        with pytest.raises(ValueError):
            api.set_captions(asset, **bad)
    assert asset.captions.count() == 1


def test_an_address_dies_with_the_password_and_with_the_account(client, asset):
    member = MemberFactory()
    url = api.playback(asset, member).manifest_url
    assert client.get(url).status_code == 200

    member.set_password("另一个很长的口令-7391")
    member.save()

    assert client.get(url).status_code == 404
    url = api.playback(asset, member).manifest_url
    assert client.get(url).status_code == 200
    type(member).objects.filter(pk=member.pk).update(is_active=False)
    assert client.get(url).status_code == 404
    type(member).objects.filter(pk=member.pk).update(is_active=True)
    assert client.get(url).status_code == 200


def test_folders_inside_a_set(client, asset, found):
    base = storage.absolute(asset.folder)
    for name in ("m-0a/master.m3u8", "views/y045/main.m3u8", "extra/h640.mp4"):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_bytes(b"inside")
        assert client.get(urljoin(found.manifest_url, name)).body == b"inside"
    (base / "a/b/c").mkdir(parents=True)
    (base / "a/b/c/deep.m3u8").write_bytes(b"too deep")
    (base / ".plain").mkdir()
    (base / ".plain/master.m3u8").write_bytes(b"set aside")
    for name in ("a/b/c/deep.m3u8", ".plain/master.m3u8", "views", "views/"):
        assert client.get(urljoin(found.manifest_url, name)).status_code == 404, name
    for name in ("m-0a", "views", "extra", "a", ".plain"):
        shutil.rmtree(base / name)


def test_where_sets_lie_is_told_to_nginx_only(client, found, settings):
    url = urljoin(found.manifest_url, "grant")
    assert client.get(url).status_code == 404
    assert client.get(url, headers={"X-Media-Nginx": ""}).status_code == 404


def test_headset_manifests(client, asset, found):
    deovr = client.get(found.vr_url).json()
    here = client.get(urljoin(found.vr_url, "heresphere.json")).json()

    assert (deovr["screenType"], deovr["stereoMode"], deovr["title"]) == ("sphere", "off", "展馆<360>")
    source = deovr["encodings"][0]["videoSources"][0]
    whole = source["url"].removeprefix("http://testserver")
    assert (source["resolution"], whole.split("/")[2]) == (320, found.vr_url.split("/")[2])
    assert client.get(whole, HTTP_RANGE="bytes=0-9").status_code == 206
    assert (here["projection"], here["stereo"], here["duration"]) == ("equirectangular360", "mono", 3000)
    assert client.get(here["thumbnailImage"].removeprefix("http://testserver")).status_code == 200


def test_a_page_asks_before_it_reads_ranges(client, found):
    said = client.options(found.manifest_url)

    assert said.status_code == 204 and said["Access-Control-Allow-Headers"] == "Range, Content-Type"


def test_one_query_a_segment(client, found, django_assert_num_queries):
    with django_assert_num_queries(1):  # the asset: where its set lies
        client.get(urljoin(found.manifest_url, "v640/00001.m4s"))


def test_status_for_the_editors_panel(client, asset, editor):
    url = f"/api/media/assets/{asset.uuid}/status"
    assert client.get(url).status_code == 401
    client.force_login(MemberFactory())
    assert client.get(url).status_code == 404
    client.force_login(editor)
    said = client.get(url)

    assert said.status_code == 200
    known = json.loads(said.content)
    assert (known["state"], known["state_label"], known["progress"]) == ("READY", "已就绪", 1.0)
    assert [stage["name"] for stage in known["stages"]] == [
        "upload",
        "probe",
        "analyse",
        "encode",
        "package",
        "publish",
    ]
    assert known["renditions"][0]["bytes_per_minute"] > 0
