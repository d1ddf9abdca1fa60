"""Leases, heartbeats, fences: who may write, and what happens when somebody dies."""

from datetime import timedelta

import pytest
from django.utils import timezone

from media_pipeline import api, jobs
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
