"""Leases, heartbeats, fences: who may write, and what happens when somebody dies."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest
from django.db import connection, connections
from django.utils import timezone

from media_pipeline import admission, api, jobs, probe, runner
from media_pipeline.errors import LeaseLost
from media_pipeline.models import Asset, AssetState, Job, Stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(own_root):
    asset = Asset.objects.create(title="a", original_name="a.mp4", state="QUEUED", sha256="ab" * 32)
    return jobs.open_job(asset, Stage.ENCODE, bell=False)


def lapse(job):
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_only_one_takes_it(job):
    lease = jobs.claim(job.pk)

    assert lease is not None and (lease.fence, lease.attempts) == (1, 1)
    assert jobs.claim(job.pk) is None
    assert jobs.claim(10**9) is None


def test_two_who_read_the_same_row_do_not_both_win(job, monkeypatch):
    first = Job.objects.get(pk=job.pk)
    assert jobs.claim(job.pk) is not None
    lapse(job)
    # A second claimer read the row before the first one took it: its fence is old.
    monkeypatch.setattr(type(Job.objects.all()), "first", lambda self: first)

    assert jobs.claim(job.pk) is None


def test_not_before_its_time(job):
    Job.objects.filter(pk=job.pk).update(not_before=timezone.now() + timedelta(seconds=5))

    assert jobs.claim(job.pk) is None
    assert jobs.claim(job.pk, now=timezone.now() + timedelta(seconds=6)) is not None


def test_progress_never_falls_and_is_saved_seldom(job, settings, django_assert_num_queries):
    settings.MEDIA_PIPELINE = settings.MEDIA_PIPELINE | {"BEAT_S": 1000}
    lease = jobs.claim(job.pk)
    lease.beat(0.5)
    with django_assert_num_queries(0):
        lease.beat(0.6)
        lease.beat(0.4)
    settings.MEDIA_PIPELINE = settings.MEDIA_PIPELINE | {"BEAT_S": 0}
    lease.beat(0.3)

    job.refresh_from_db()
    assert job.progress == 0.6


def test_back_from_the_dead_changes_nothing(job, settings):
    settings.MEDIA_PIPELINE = settings.MEDIA_PIPELINE | {"BEAT_S": 0}
    dead = jobs.claim(job.pk)
    lapse(job)
    living = jobs.claim(job.pk)
    before = Job.objects.filter(pk=job.pk).values().get()

    assert living.fence == 2
    with pytest.raises(LeaseLost):
        dead.beat(0.9)
    with pytest.raises(LeaseLost):
        jobs.finish(dead)
    with pytest.raises(LeaseLost):
        jobs.stop(dead, AssetState.FAILED, "INTERNAL")
    jobs.give_back(dead, error="x", after_s=0)
    assert Job.objects.filter(pk=job.pk).values().get() == before
    assert Asset.objects.get().state == "QUEUED"


def test_the_reaper_rings_for_the_lapsed_and_the_forgotten_only(job, monkeypatch):
    rung = []
    monkeypatch.setattr(jobs, "ring", rung.append)
    assert api.reap() == 1  # waiting, its bell was lost

    jobs.claim(job.pk)
    assert api.reap() == 0
    lapse(job)
    assert api.reap() == 1
    assert rung == [job.pk, job.pk]


def test_scratch_of_the_dead_is_swept_that_of_the_living_kept(job, own_root):
    jobs.claim(job.pk)
    for name in (f"{job.pk}-1", f"{job.pk}-0", "999-3"):
        (own_root / "work" / name).mkdir(parents=True)

    api.reap()

    assert [place.name for place in (own_root / "work").iterdir()] == [f"{job.pk}-1"]


def test_a_job_that_keeps_killing_its_workers_ends_with_a_reason(job):
    for _attempt in range(3):
        assert jobs.claim(job.pk) is not None
        lapse(job)

    assert jobs.claim(job.pk) is None
    asset = Asset.objects.get()
    assert (asset.state, asset.refusal_code) == ("FAILED", "KEEPS_DYING")
    assert "3" in api.why_not_playable(asset)
    assert not Job.objects.open().exists()


def test_without_a_broker_the_job_waits(job, settings, monkeypatch):
    from kombu.exceptions import OperationalError

    from media_pipeline.tasks import work_on

    def unreachable(*args, **kwargs):
        raise OperationalError("no broker")

    monkeypatch.setattr(work_on, "apply_async", unreachable)
    jobs.ring(job.pk)
    job.refresh_from_db()
    assert job.state == "WAITING"


def test_a_check_that_somebody_killed_says_nothing_about_the_file(clips, own_root, monkeypatch):
    made = api.ingest_file(clips.flat, title="a", uploaded_by=None, enqueue=False)
    real = runner.run

    def killed(command, **told):
        before = children()

        def kill(_block):
            os.kill(next(pid for pid in children() if pid not in before), signal.SIGKILL)

        return real(["/bin/sleep", "60"], **{**told, "tick": kill, "tick_s": 0.2, "capture": False})

    monkeypatch.setattr(probe, "run", killed)
    api.work_on(made.jobs.get().pk)

    made.refresh_from_db()
    job = made.jobs.get()
    assert (made.state, job.state, job.attempts) == ("PROBING", "WAITING", 1)
    assert job.error.startswith("killed by signal 9")

    monkeypatch.setattr(probe, "run", real)
    Job.objects.update(not_before=timezone.now())
    assert api.work_on(job.pk)
    made.refresh_from_db()
    assert made.state != "REFUSED"


def children() -> list[int]:
    """Programs that this process has started."""
    return [int(pid) for pid in Path("/proc/thread-self/children").read_text().split()]


# --- order, memory, disk, pause


def open_jobs(*stages):
    asset = Asset.objects.create(title="b", original_name="b.mp4", state="QUEUED", sha256="cd" * 32)
    return [jobs.open_job(asset, stage, key=key, bell=False) for stage, key in stages]


def test_the_bell_only_wakes_the_first_in_the_queue_is_taken(job):
    later, verdict = open_jobs((Stage.SOUND, ""), (Stage.PROBE, ""))

    assert jobs.take(later.pk).job_id == verdict.pk  # short stages before long ones
    assert jobs.take(later.pk).job_id == job.pk  # then in the order of coming
    assert jobs.take(later.pk).job_id == later.pk
    assert jobs.take(later.pk) is None


@pytest.mark.parametrize(
    ("need", "available", "running", "fits"),
    [
        (99999, 100, (), True),
        (500, 2000, (900,), True),
        (900, 2000, (900,), False),
        (900, None, (900,), True),
    ],
)
def test_memory_decides_whether_a_job_fits_beside_others(need, available, running, fits):
    assert admission.fits(need, available_mb=available, running_mb=running) is fits


def test_a_job_too_big_for_the_memory_waits_and_is_rung_for(job, monkeypatch):
    (second,) = open_jobs((Stage.SOUND, ""))
    Job.objects.update(memory_mb=800)
    monkeypatch.setattr(admission, "free_memory_mb", lambda: 600)
    lease = jobs.claim(job.pk)
    assert lease is not None  # one always may

    assert jobs.claim(second.pk) is None
    second.refresh_from_db()
    assert (second.state, second.attempts, second.error) == ("WAITING", 0, jobs.NO_MEMORY)

    rung = []
    monkeypatch.setattr(jobs, "ring", rung.append)
    jobs.finish(lease)
    jobs.ring_on()
    assert rung == [second.pk]
    assert jobs.claim(second.pk) is not None


def test_what_memory_is_free_is_read_from_the_kernel_and_the_container(tmp_path):
    proc, group = tmp_path / "proc", tmp_path / "group"
    proc.mkdir()
    group.mkdir()
    (proc / "meminfo").write_text("MemTotal: 8000000 kB\nMemAvailable: 4096000 kB\n")
    assert admission.free_memory_mb(proc, group) == 4000
    (group / "memory.max").write_text(f"{1024**3}\n")
    (group / "memory.current").write_text(f"{700 * 1024**2}\n")
    (group / "memory.stat").write_text(f"anon 5\ninactive_file {200 * 1024**2}\n")
    assert admission.free_memory_mb(proc, group) == 524
    assert admission.free_memory_mb(tmp_path, tmp_path) is None


# --- deadlines, costs


def test_a_job_past_its_deadline_ends_its_asset_with_a_reason(job, monkeypatch):
    monkeypatch.setattr(jobs, "ring", lambda job_id: None)
    (beside,) = open_jobs((Stage.ENCODE, "c0001"))
    lease = jobs.claim(job.pk)
    Job.objects.filter(pk=job.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))

    api.reap()

    asset = Asset.objects.get(pk=job.asset_id)
    assert (asset.state, asset.refusal_code) == ("FAILED", "OVERDUE")
    with pytest.raises(LeaseLost):
        jobs.finish(lease)
    beside.refresh_from_db()
    assert beside.state == "WAITING"  # another lecture's


def test_waiting_while_the_queue_is_held_does_not_count(job, settings):
    Job.objects.update(deadline_at=timezone.now() - timedelta(seconds=1))
    settings.MEDIA_PIPELINE = settings.MEDIA_PIPELINE | {"DISK_RESERVE_BYTES": 10**18}

    assert jobs.end_overdue() == 0

    settings.MEDIA_PIPELINE = settings.MEDIA_PIPELINE | {"DISK_RESERVE_BYTES": 0}
    assert jobs.end_overdue() == 0
    job.refresh_from_db()
    assert job.state == "WAITING" and job.deadline_at > timezone.now() + timedelta(days=1)


def test_what_stops_a_lecture_stops_its_other_jobs_but_work_beside_stops_alone(job):
    asset = job.asset
    piece = jobs.open_job(asset, Stage.ENCODE, key="c0001", bell=False)
    preview = jobs.open_job(asset, Stage.PREVIEW, bell=False)
    jobs.stop(jobs.claim(preview.pk), AssetState.FAILED, "ENCODE_FAILED")
    asset.refresh_from_db()
    assert asset.state == "QUEUED"

    other = jobs.claim(piece.pk)
    jobs.stop(jobs.claim(job.pk), AssetState.FAILED, "ENCODE_FAILED")

    asset.refresh_from_db()
    assert (asset.state, asset.jobs.open().count()) == ("FAILED", 0)
    with pytest.raises(LeaseLost):
        jobs.finish(other)


def test_a_job_knows_its_work_and_what_it_cost(job):
    assert job.work > 0 and job.memory_mb > 0 and job.sort.startswith("ENCODE") and job.deadline_at
    lease = jobs.claim(job.pk)
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)

    assert jobs.finish(lease).cpu_s > 0.01


@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has one writer; .ci/run runs it on PostgreSQL"
)
@pytest.mark.django_db(transaction=True)
def test_two_jobs_that_fail_in_the_same_moment_do_not_wait_for_each_other(own_root, monkeypatch):
    # given two jobs of one lecture that run in two workers
    asset = Asset.objects.create(title="a", original_name="a.mp4", state="QUEUED", sha256="ab" * 32)
    leases = [jobs.claim(jobs.open_job(asset, Stage.ENCODE, key=key, bell=False).pk) for key in ("c0", "c1")]
    assert None not in leases
    # when both have taken what they need first, before either ends the lecture
    both, usual = Barrier(2), jobs._end

    def together(*words):
        with suppress(BrokenBarrierError):  # the one that has to wait for the other never comes
            both.wait(1)
        usual(*words)

    monkeypatch.setattr(jobs, "_end", together)

    def stopped(lease):
        try:
            jobs.stop(lease, AssetState.FAILED, "ENCODE_FAILED")
            return "stopped"
        except LeaseLost:
            return "lost"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as many:
        ends = sorted(many.map(stopped, leases))
    # then one ends it, and the other learns that its job is gone
    assert ends == ["lost", "stopped"]
    assert set(asset.jobs.values_list("state", flat=True)) == {"STOPPED"}
    asset.refresh_from_db()
    assert (asset.state, asset.refusal_code) == ("FAILED", "ENCODE_FAILED")
