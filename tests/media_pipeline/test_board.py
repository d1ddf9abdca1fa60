"""媒体处理: what operators see of the queue, and what they may do."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from media_pipeline import admission, api, jobs
from media_pipeline.api import queue
from media_pipeline.models import Asset, Job, QueuePause, Stage
from media_pipeline.verdicts import sentence
from people.models import AuditEntry, MemberStatus
from tests.factories import MemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh(own_root, monkeypatch):
    cache.clear()
    monkeypatch.setattr(jobs, "ring", lambda job_id: None)


@pytest.fixture
def operator(db):
    member = MemberFactory(name="操作员", status=MemberStatus.STAFF, organization=None)
    member.user_permissions.set(
        Permission.objects.filter(codename__in=["access_admin", "view_job", "change_job"])
    )
    return member


@pytest.fixture
def operating(client, operator):
    client.force_login(operator)
    return client


def asset(title: str, **told) -> Asset:
    return Asset.objects.create(
        **{"title": title, "original_name": f"{title}.mp4", "state": "TRANSCODING", "sha256": "ab" * 32,
           "duration_s": 600, "width": 1280, "height": 720, "fps": 25, "size_bytes": 10**8} | told
    )  # fmt: skip


def part(client) -> str:
    return client.get(reverse("media_queue"), {"part": "1"}).content.decode()


def test_an_empty_board_says_what_will_stand_there(operating):
    page = operating.get(reverse("media_queue")).content.decode()

    for words in (
        "媒体处理",
        "队列正常运行",
        "现在没有正在处理的视频",
        "没有等待处理的视频",
        "没有失败的视频",
        "磁盘",
    ):
        assert words in page


def test_the_board_shows_running_waiting_and_failed_work(operating):
    # given one lecture at work with a piece waiting, one behind it, and one that failed
    first, second = asset("第一讲"), asset("第二讲")
    for key in ("c0000", "c0001"):
        jobs.open_job(first, Stage.ENCODE, key=key)
    jobs.open_job(second, Stage.ENCODE, key="c0000")
    lease = jobs.claim(first.jobs.get(key="c0000").pk)
    lease.beat(0.4)
    failed = asset("第三讲", state="FAILED", refusal_code="PACKAGE_UNSOUND")
    jobs.open_job(failed, Stage.PACKAGE)
    failed.jobs.update(state="STOPPED", error="segment 3 <is> missing", finished_at=timezone.now())

    seen = queue.board()
    page = part(operating)

    assert [(one.asset, one.progress, one.piece) for one in seen.running] == [(first, 0.4, "第 1 段")]
    assert [(one.asset, one.queue_place) for one in seen.waiting] == [(first, None), (second, 1)]
    assert all(one.eta_s and one.eta_s > 0 for one in seen.waiting)
    assert [one.asset for one in seen.failed] == [failed]
    assert "转码 · 第 1 段" in page and "40%" in page
    assert sentence("PACKAGE_UNSOUND") in page and "segment 3 &lt;is&gt; missing" in page
    assert "再试一次" in page and "<html" not in page


def test_the_number_of_queries_does_not_grow_with_the_queue(operator, django_assert_max_num_queries):
    for number in range(12):
        one = asset(f"第{number}讲")
        for key in range(5):
            jobs.open_job(one, Stage.ENCODE, key=f"c{key:04d}")
    with django_assert_max_num_queries(14):
        assert len(queue.board().waiting) == 12


def test_pausing_holds_the_queue_and_is_kept(operating, operator):
    one = asset("第一讲")
    job = jobs.open_job(one, Stage.ENCODE, key="c0000")

    operating.post(reverse("media_queue_pause"), {"reason": "更换硬盘"})

    assert jobs.claim(job.pk) is None and jobs.take(job.pk) is None
    assert "更换硬盘" in part(operating) and "操作员" in part(operating)
    status = api.status(one)
    assert status.eta_s is None and "暂停" in status.message

    operating.post(reverse("media_queue_resume"))

    assert jobs.claim(job.pk) is not None
    pause = QueuePause.objects.get()
    assert (pause.began_by, pause.ended_by, pause.ended_at is not None) == (operator, operator, True)
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "media.queue_paused",
        "media.queue_resumed",
    ]


def test_pausing_twice_is_once_and_going_on_without_a_pause_nothing(operator):
    assert queue.pause_queue(actor=operator) == queue.pause_queue(actor=operator)
    assert queue.resume_queue(actor=operator)
    assert not queue.resume_queue(actor=operator)
    assert AuditEntry.objects.count() == 2


def test_trying_again_and_cancelling_from_the_board(operating):
    failed = asset("第三讲", state="FAILED", refusal_code="INTERNAL")
    running = asset("第一讲")
    jobs.open_job(running, Stage.ENCODE, key="c0000")

    operating.post(reverse("media_queue_retry", args=[failed.pk]))
    operating.post(reverse("media_queue_cancel", args=[running.pk]))

    failed.refresh_from_db()
    running.refresh_from_db()
    assert (failed.state, failed.jobs.get().state) == ("RECEIVED", "WAITING")
    assert (running.state, running.jobs.get().state) == ("FAILED", "STOPPED")


@pytest.mark.parametrize("name", ["media_queue_pause", "media_queue_resume"])
def test_who_may_only_watch_changes_nothing(client, operator, name):
    operator.user_permissions.remove(Permission.objects.get(codename="change_job"))
    client.force_login(operator)

    assert client.post(reverse(name)).status_code in {302, 403}
    assert not QueuePause.objects.exists()
    page = client.get(reverse("media_queue")).content.decode()
    assert "media/queue/pause/" not in page


def test_an_editor_without_the_permission_sees_no_board(client, operator):
    operator.user_permissions.set(Permission.objects.filter(codename="access_admin"))
    client.force_login(operator)

    answer = client.get(reverse("media_queue"))
    assert answer.status_code in {302, 403}
    assert "媒体处理" not in client.get(reverse("wagtailadmin_home")).content.decode()


def test_a_worker_is_known_by_its_jobs(operating):
    one = asset("第一讲")
    job = jobs.open_job(one, Stage.ENCODE, key="c0000")
    jobs.claim(job.pk)
    Job.objects.update(worker="node-7:123", heartbeat_at=timezone.now() - timedelta(seconds=5))

    (worker,) = queue.board().workers

    assert (worker.host, worker.processes, worker.running, worker.done_today) == ("node-7", 1, 1, 0)
    assert 5 <= worker.seen_s < 60


def test_a_full_disk_is_said_and_nothing_that_fills_it_begins(operating, settings):
    one = asset("第一讲")
    encode, probe = jobs.open_job(one, Stage.ENCODE, key="c0000"), jobs.open_job(one, Stage.PROBE)
    settings.MEDIA_PIPELINE = settings.MEDIA_PIPELINE | {"DISK_RESERVE_BYTES": 10**18}

    assert admission.queue_held() == "DISK_FULL"
    assert "磁盘已满" in part(operating)
    assert jobs.claim(encode.pk) is None
    assert jobs.claim(probe.pk) is not None
