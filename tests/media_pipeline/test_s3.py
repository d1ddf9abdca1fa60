"""Sets and sources on S3, against a real S3 API server on loopback (moto)."""

import shutil
import socket
from urllib.parse import urljoin
from urllib.request import Request, urlopen

import boto3
import moto.server as moto_server
import pytest
from django.test import Client
from django.utils import timezone

from media_pipeline import api, shelves, storage
from media_pipeline.models import AssetState, Job
from tests.factories import MemberFactory
from tests.media_pipeline.clips import tree

pytestmark = [pytest.mark.django_db, pytest.mark.media]


class Bucket:
    """The server and a client of its own, which looks at what lies there behind our back."""

    def __init__(self) -> None:
        self.server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        self.port = self.server.get_host_and_port()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        urlopen(Request(f"{self.endpoint}/moto-api/reset", method="POST"), timeout=20).close()
        self.client = boto3.client(
            "s3", endpoint_url=self.endpoint, region_name="us-east-1",
            aws_access_key_id="school", aws_secret_access_key="secret",
        )  # fmt: skip
        self.client.create_bucket(Bucket="lectures")

    def names(self) -> set[str]:
        found = self.client.list_objects_v2(Bucket="lectures").get("Contents", [])
        return {item["Key"] for item in found}

    def stop(self) -> None:
        self.server.stop()


@pytest.fixture
def bucket(settings, own_root):
    bucket = Bucket()
    settings.MEDIA_PIPELINE = {
        **settings.MEDIA_PIPELINE,
        "S3_BUCKET": "lectures",
        "S3_ENDPOINT": bucket.endpoint,
        "S3_REGION": "us-east-1",
        "S3_PREFIX": "dangxiao",
        "S3_ACCESS_KEY": "school",
        "S3_SECRET_KEY": "secret",
    }
    shelves._connected.cache_clear()
    shelves._size_on_s3.cache_clear()
    yield bucket
    bucket.stop()


def read(url, client=None, **headers):
    said = (client or Client()).get(url, headers=headers)
    body = b"".join(said.streaming_content) if said.streaming else said.content
    said.close()
    return said, body


def test_a_lecture_on_s3_from_end_to_end(bucket, own_root, clips):
    asset = api.work_off(api.ingest_file(clips.flat, title="课件", uploaded_by=None, enqueue=False))
    assert asset.state == AssetState.READY

    # all of it lies there, and the source
    here = tree(storage.absolute(asset.folder))
    there = {name for name in bucket.names() if "/sets/" in name}
    assert there == {f"dangxiao/{asset.folder}/{name}" for name in here}
    assert f"dangxiao/sources/{asset.sha256[:2]}/{asset.sha256}" in bucket.names()

    # another machine, whose disk is empty, plays it
    shutil.rmtree(own_root)
    found = api.playback(asset, MemberFactory())
    said, body = read(found.manifest_url)
    assert (said.status_code, body) == (200, here["master.m3u8"])
    rung = next(name for name in here if name.startswith("v") and name.endswith("00001.m4s"))
    url, whole = urljoin(found.manifest_url, rung), here[rung]
    said, body = read(url)
    assert (said.status_code, body, said["Content-Type"]) == (200, whole, "video/iso.segment")
    said, body = read(url, Range="bytes=10-19")
    assert (said.status_code, body) == (206, whole[10:20])
    assert said["Content-Range"] == f"bytes 10-19/{len(whole)}"
    assert read(url, Range="bytes=-5")[1] == whole[-5:]
    assert read(url, Range=f"bytes={len(whole)}-")[0].status_code == 416
    assert read(url, **{"If-None-Match": said["ETag"]})[0].status_code == 304
    head = Client().head(url)
    assert (head.status_code, head["Content-Length"], head.content) == (200, str(len(whole)), b"")
    for name in ("nothing.m4s", "set.json"):
        assert read(urljoin(found.manifest_url, name))[0].status_code == 404
    assert not own_root.exists(), "delivery keeps no copy"

    # a worker on that machine finds the source and the set
    assert shelves.fetch_source(asset.sha256)
    assert storage.sha256_of(storage.source_path(asset.sha256)) == asset.sha256
    assert tree(shelves.at_hand(asset.folder)) == here
    # captions dress it there too
    api.set_captions(asset, vtt="WEBVTT\n\n00:00.000 --> 00:01.000\n同志们好\n")


def test_an_upload_that_breaks_off_leaves_no_half_published_set(bucket, clips, monkeypatch, settings):
    send, sent = shelves._send, []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody_listens = f"http://127.0.0.1:{probe.getsockname()[1]}"

    def broken_off(path):
        sent.append(path.name)
        if "sets" in path.parts and sum(name.endswith(".m4s") for name in sent) == 3:
            settings.MEDIA_PIPELINE["S3_ENDPOINT"] = nobody_listens
        return send(path)

    monkeypatch.setattr(shelves, "_send", broken_off)
    asset = api.ingest_file(clips.flat, title="课件", uploaded_by=None, enqueue=False)
    while not (job := asset.jobs.filter(stage="PACKAGE").first()):
        for waiting in asset.jobs.open():
            api.work_on(waiting.pk, bell=False)

    # when S3 goes away in the middle
    api.work_on(job.pk, bell=False)

    # then nothing is published, and the job waits for another attempt
    monkeypatch.undo()
    settings.MEDIA_PIPELINE["S3_ENDPOINT"] = bucket.endpoint
    asset.refresh_from_db()
    job.refresh_from_db()
    assert (asset.state, asset.folder) == (AssetState.PACKAGING, "")
    assert (job.state, job.attempts) == ("WAITING", 1)
    assert "S3" in job.error
    assert not [name for name in bucket.names() if name.endswith("set.json")]

    # another attempt sends the rest, set.json last
    Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
    order = []
    monkeypatch.setattr(shelves, "_send", lambda path: order.append(path.name) or send(path))
    assert api.work_on(job.pk, bell=False)
    asset.refresh_from_db()
    assert asset.state == AssetState.READY
    assert order[-1] == "set.json"
    here = {f"dangxiao/{asset.folder}/{name}" for name in tree(storage.absolute(asset.folder))}
    assert {name for name in bucket.names() if "/sets/" in name} == here


def test_what_nobody_refers_to_is_swept_a_day_later(bucket, own_root):
    for name in ("sets/ab/abc/0000000000000001/set.json", "sets/ab/abc/0000000000000002/v720/00001.m4s"):
        bucket.client.put_object(Bucket="lectures", Key=f"dangxiao/{name}", Body=b"x")
    bucket.client.put_object(Bucket="lectures", Key="somebody/else.txt", Body=b"x")
    kept = {"sets/ab/abc/0000000000000001"}

    assert shelves.sweep(kept, now=1000, kept_s=100) == []
    assert shelves.sweep(kept, now=1050, kept_s=100) == []
    assert shelves.sweep(kept, now=1101, kept_s=100) == ["sets/ab/abc/0000000000000002"]

    assert bucket.names() == {"dangxiao/sets/ab/abc/0000000000000001/set.json", "somebody/else.txt"}


def test_a_source_that_comes_damaged_is_not_kept(bucket, own_root):
    from media_pipeline.errors import StageInterrupted

    sha256 = "ab" * 32
    bucket.client.put_object(Bucket="lectures", Key=f"dangxiao/sources/ab/{sha256}", Body=b"other bytes")

    with pytest.raises(StageInterrupted):
        shelves.fetch_source(sha256)

    assert not storage.source_path(sha256).exists()
    assert not shelves.fetch_source("cd" * 32)


def test_a_check_speaks_when_the_library_is_missing(bucket, monkeypatch, settings):
    from media_pipeline import checks

    assert checks.s3_can_be_reached_by_us(None) == []
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    assert [said.id for said in checks.s3_can_be_reached_by_us(None)] == ["media_pipeline.E011"]
    settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, "S3_BUCKET": ""}
    assert checks.s3_can_be_reached_by_us(None) == []
