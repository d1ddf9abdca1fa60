"""Encrypted lectures: nothing decodes without the key, everything plays with it, and only a member gets it."""

import json
import subprocess
from urllib.parse import urljoin

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline import api, keys, storage
from media_pipeline.engine import engine
from media_pipeline.errors import NotPlayable
from media_pipeline.models import AssetState, ContentKey
from people.models import AuditEntry
from tests.factories import MemberFactory
from tests.media_pipeline.clips import tree

SECRET = bytes(range(16))
PLAYLIST = """#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:5
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MAP:URI="init.mp4"
#EXTINF:4.000,
00001.m4s
#EXTINF:1.000,
00002.m4s
#EXT-X-ENDLIST
"""


# The set on disk


@pytest.fixture
def made(tmp_path):
    """A set of one picture, one sound, a master with trick play, DASH."""
    for rung in ("v720", "audio"):
        (tmp_path / rung).mkdir()
        (tmp_path / rung / "main.m3u8").write_text(PLAYLIST)
        (tmp_path / rung / "init.mp4").write_bytes(b"init")
        (tmp_path / rung / "00001.m4s").write_bytes(b"one of " + rung.encode() * 40)
        (tmp_path / rung / "00002.m4s").write_bytes(b"x" * 32)
    (tmp_path / "v720/iframe.m3u8").write_text('#EXTM3U\n#EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP:URI="init.mp4"\n')
    (tmp_path / "master.m3u8").write_text(
        '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv720/main.m3u8\n#EXT-X-I-FRAME-STREAM-INF:URI="v720/iframe.m3u8"\n'
    )
    (tmp_path / "manifest.mpd").write_text("<MPD/>")
    (tmp_path / "poster.jpg").write_bytes(b"jpeg")
    return tmp_path


def test_what_is_encrypted_and_what_is_not(made):
    before = tree(made)

    keys.protect_set(made, SECRET)

    after = tree(made)
    for name in ("v720/init.mp4", "poster.jpg", "audio/init.mp4"):
        assert after[name] == before[name]
    for name in ("v720/00001.m4s", "v720/00002.m4s", "audio/00001.m4s"):
        assert before[name][:16] not in after[name]
        assert len(after[name]) == len(before[name]) // 16 * 16 + 16
    assert after["v720/00002.m4s"] != after["v720/00001.m4s"][:48]
    text = after["v720/main.m3u8"].decode()
    assert '#EXT-X-MAP:URI="init.mp4"\n#EXT-X-KEY:METHOD=AES-128,URI="../key.bin"\n' in text
    assert b"I-FRAME" not in after["master.m3u8"]
    assert not {"manifest.mpd", "v720/iframe.m3u8"} & after.keys()


def test_openssl_decrypts_it_with_the_sequence_number_as_iv(made):
    clear = (made / "v720/00002.m4s").read_bytes()
    keys.protect_set(made, SECRET)

    said = subprocess.run(
        ["openssl", "enc", "-d", "-aes-128-cbc", "-K", SECRET.hex(), "-iv", f"{1:032x}"],
        input=(made / "v720/00002.m4s").read_bytes(),
        capture_output=True,
        check=True,
    )

    assert said.stdout == clear


def test_twice_is_once_and_there_is_a_way_back(made):
    before = tree(made)
    keys.protect_set(made, SECRET)
    once = tree(made)
    keys.protect_set(made, SECRET)
    assert tree(made) == once

    keys.open_set(made, SECRET)

    assert tree(made) == before


def test_segments_count_from_the_media_sequence(made):
    playlist = made / "v720/main.m3u8"
    playlist.write_text(PLAYLIST.replace("#EXT-X-PLAYLIST-TYPE:VOD", "#EXT-X-MEDIA-SEQUENCE:7"))
    clear = (made / "v720/00001.m4s").read_bytes()

    keys.protect_set(made, SECRET)

    assert keys._decrypt((made / "v720/00001.m4s").read_bytes(), SECRET, 7) == clear


@given(clear=st.binary(max_size=100), number=st.integers(0, 2**32))
def test_every_segment_comes_back(clear, number):
    assert keys._decrypt(keys._encrypt(clear, SECRET, number), SECRET, number) == clear


# A real lecture


@pytest.fixture
def clear_asset(clips, own_root, db):
    return api.work_off(api.ingest_file(clips.flat, title="密级课件", uploaded_by=None, enqueue=False))


@pytest.fixture
def asset(clear_asset):
    api.set_protection(clear_asset, True)
    return api.work_off(clear_asset)


def play(path, key: bytes | None, tmp_path, **more) -> subprocess.CompletedProcess:
    """Decode a copy of a set's first rendition with the real ffmpeg; its key lies beside it when given."""
    import shutil

    copy = tmp_path / f"copy-{more.get('name', 'x')}"
    shutil.copytree(path, copy)
    if key is not None:
        (copy / "key.bin").write_bytes(key)
    (rung,) = [item.name for item in sorted(copy.iterdir()) if item.name.startswith("v")][:1]
    return subprocess.run(
        [engine().ffmpeg, "-v", "error", "-xerror", "-allowed_extensions", "ALL",
         "-protocol_whitelist", "file,crypto", "-i", str(copy / rung / "main.m3u8"),
         "-f", "framecrc", "-"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.media
def test_an_encrypted_lecture_from_end_to_end(clear_asset, tmp_path):
    clear_folder = clear_asset.folder
    clear = tree(storage.absolute(clear_folder))

    # given: the course is set to «encrypt»
    assert api.set_protection(clear_asset, True)
    assert not api.set_protection(clear_asset, True)
    assert (clear_asset.state, clear_asset.folder) == (AssetState.PACKAGING, clear_folder)
    asset = api.work_off(clear_asset)

    # then: another set, without encoding; the old one is as it was
    assert asset.state == AssetState.READY and asset.folder != clear_folder
    assert tree(storage.absolute(clear_folder)) == clear
    assert asset.jobs.filter(stage="ENCODE").values_list("fence", flat=True)[0] == 1
    home = storage.absolute(asset.folder)
    sealed = tree(home)
    (name,) = [name for name in sealed if name.startswith("v") and name.endswith("00001.m4s")][:1]
    assert sealed[name] != clear[name]
    init = name.rpartition("/")[0] + "/init.mp4"

    # without the key nothing decodes: neither the segment by itself nor the playlist
    alone = tmp_path / "alone.mp4"
    alone.write_bytes(sealed[init] + sealed[name])
    probe = [engine().ffmpeg, "-v", "error", "-i", str(alone), "-map", "0:v:0", "-f", "framecrc", "-"]
    said = subprocess.run(probe, capture_output=True, text=True, timeout=60)
    assert not [line for line in said.stdout.splitlines() if not line.startswith("#")]
    assert not frames(play(home, bytes(16), tmp_path, name="wrong"))
    # with it all of it does, frame for frame
    right = keys.secret_of(asset.sha256)
    assert (
        len(frames(play(home, right, tmp_path, name="right")))
        == len(frames(play(storage.absolute(clear_folder), None, tmp_path, name="clear")))
        == 125
    )

    # the key lies sealed in the database
    row = ContentKey.objects.get()
    assert row.secret == right.hex()
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("select secret from media_pipeline_contentkey")
        (stored,) = cursor.fetchone()
    assert right.hex() not in stored

    # and there is a way back, to the bytes as they were
    assert api.set_protection(asset, False)
    again = api.work_off(asset)
    assert again.folder == clear_folder


def frames(said: subprocess.CompletedProcess) -> list[str]:
    return [line for line in said.stdout.splitlines() if line.startswith("0,")]


@pytest.mark.media
def test_opened_again_without_the_clear_set_it_has_the_same_bytes(asset):
    import shutil

    folder = storage.absolute(asset.folder)
    clear = next(place for place in folder.parent.iterdir() if place != folder)
    before = tree(clear)
    shutil.rmtree(clear)

    api.set_protection(asset, False)
    api.work_off(asset)

    assert tree(clear) == before


@pytest.mark.media
def test_encrypted_from_the_start(clips, own_root, db):
    asset = api.ingest_file(clips.flat, title="x", uploaded_by=None, enqueue=False)
    api.set_protection(asset, True)

    asset = api.work_off(asset)

    assert keys.is_protected(asset.contents)
    assert len(list(storage.absolute(asset.folder).parent.iterdir())) == 1
    assert not api.set_protection(asset, True)


# Who gets the key


@pytest.mark.media
def test_only_the_member_of_the_address_gets_the_key_in_her_own_session(asset):
    member, other = MemberFactory(), MemberFactory()
    found = api.playback(asset, member)
    url = urljoin(found.manifest_url, "key.bin")
    hers, his, nobodys = Client(), Client(), Client()
    hers.force_login(member)
    his.force_login(other)

    # she
    said = hers.get(url)
    assert (said.status_code, said.content) == (200, keys.secret_of(asset.sha256))
    assert "no-store" in said["Cache-Control"]
    assert "Access-Control-Allow-Origin" not in said
    hers.get(url)
    assert AuditEntry.objects.filter(action="asset.key_given", actor=member).count() == 1

    # somebody who has her address: segments (which are no use to him), but no key
    assert nobodys.get(found.manifest_url).status_code == 200
    assert nobodys.get(url).status_code == 404
    assert his.get(url).status_code == 404
    # an address without the right to the key, of her own
    token = found.manifest_url.split("/")[2]
    assert hers.get(url.replace(token, token.replace("-k-", "-a-"))).status_code == 404
    # she, when she may no longer sign in
    type(member).objects.filter(pk=member.pk).update(is_active=False)
    assert hers.get(url).status_code == 404
    assert AuditEntry.objects.filter(action="asset.key_given").count() == 1


@pytest.mark.media
def test_who_asks_too_often_waits(asset, settings):
    settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, "KEYS_AN_HOUR": 2}
    member = MemberFactory()
    client = Client()
    client.force_login(member)
    url = urljoin(api.playback(asset, member).manifest_url, "key.bin")

    assert [client.get(url).status_code for _ in range(4)] == [200, 200, 429, 429]


@pytest.mark.media
def test_what_is_offered_of_an_encrypted_lecture(asset):
    member = MemberFactory()
    found = api.playback(asset, member)

    assert (found.protected, found.dash_url, found.vr_url) == (True, "", "")
    assert "-k-" in found.manifest_url
    with pytest.raises(NotPlayable):
        api.playback(asset, member, client="vr")
    client = Client()
    client.force_login(member)
    for name in ("manifest.mpd", "deovr.json", "heresphere.json", ".plain/manifest.mpd"):
        assert client.get(urljoin(found.manifest_url, name)).status_code == 404
    api.set_captions(asset, vtt="WEBVTT\n\n00:00.000 --> 00:01.000\n同志们好\n")
    asset.refresh_from_db()
    master = client.get(api.playback(asset, member).manifest_url)
    text = b"".join(master.streaming_content).decode()
    assert "I-FRAME" not in text and "main.m3u8" in text


@pytest.mark.media
def test_a_lecture_in_clear_has_no_key_to_give(clear_asset):
    member = MemberFactory()
    client = Client()
    client.force_login(member)
    url = urljoin(api.playback(clear_asset, member).manifest_url, "key.bin")

    assert client.get(url).status_code == 404
    assert not ContentKey.objects.exists()


@pytest.mark.media
def test_the_key_does_not_stand_in_what_is_delivered(asset):
    secret = keys.secret_of(asset.sha256)
    for name, data in tree(storage.absolute(asset.folder)).items():
        assert secret not in data and secret.hex().encode() not in data, name
    assert secret.hex() not in json.dumps(asset.contents) + json.dumps(asset.facts)
