"""When will it be done: costs, the queue's simulation, the forecast from real rows."""

import random
from datetime import timedelta
from statistics import median

import pytest
from django.utils import timezone

from media_pipeline import api, eta, jobs
from media_pipeline.eta.costs import Picture, encoding_ns
from media_pipeline.eta.forecasts import remaining_s
from media_pipeline.models import Asset, Job, Stage
from tests.factories import PlayableAssetFactory

FULL = tuple(Picture(w * h, 25.0) for w, h in ((1920, 1080), (1280, 720), (854, 480), (426, 240)))


def chunk(kind="SLIDES", seconds=48.0, preset="faster", pictures=FULL) -> eta.Task:
    return eta.Task(
        "ENCODE", seconds, kind, 1920 * 1080, 25.0, "h264",
        tuple(Picture(one.pixels, one.fps, one.codec, preset) for one in pictures),
    )  # fmt: skip


# --- costs


def test_work_grows_with_length_pixels_preset_and_motion():
    plain = eta.work(chunk())
    assert eta.work(chunk(seconds=96)) == pytest.approx(2 * plain, rel=0.02)
    assert eta.work(chunk("CAMERA")) > 1.7 * plain
    assert eta.work(chunk(preset="medium")) > plain > eta.work(chunk(preset="veryfast"))
    assert eta.work(chunk(pictures=FULL[1:])) < plain
    assert eta.work(eta.Task("PROBE", 3600)) < 5


def test_the_prior_is_near_what_was_measured():
    # shared notes §3.1: L40, 40 s of 1080p25 slides, one decode and cascade, medium, 5 rungs: 57 CPU s
    rungs = tuple(
        Picture(w * h, 25.0, "h264", "medium")
        for w, h in ((1920, 1080), (1280, 720), (854, 480), (640, 360), (426, 240))
    )
    made = eta.Task("ENCODE", 40, "SLIDES", 1920 * 1080, 25.0, "h264", rungs, 1)
    assert eta.work(made) == pytest.approx(57, rel=0.15)


def test_codecs_have_their_price():
    cost = {
        codec: encoding_ns("CAMERA", Picture(1, 25, codec, preset))
        for codec, preset in (("h264", "medium"), ("hevc", "medium"), ("av1", "10"))
    }
    assert cost["hevc"] > cost["h264"] > cost["av1"]
    assert encoding_ns("CAMERA", Picture(1, 25, "av1", "6")) > 3 * cost["av1"]


def test_only_equal_work_is_compared():
    assert eta.sort(chunk()) == "ENCODE SLIDES h264:faster"
    assert eta.sort(chunk("CAMERA")) != eta.sort(chunk())
    assert eta.sort(eta.Task("PACKAGE", 60, "CAMERA")) == "PACKAGE"


def test_comparing_a_sample_takes_what_was_measured():
    """`./run drill long`: libvmaf held 1010 MB while the renditions of a 1080p lecture were compared."""
    whole, small = (eta.Task("ANALYSE", 3600, source_pixels=pixels) for pixels in (1920 * 1080, 640 * 360))

    assert 900 < eta.memory_mb(whole) < 1200 and eta.memory_mb(small) < 250
    # Nothing larger than 1080 lines is compared, but it has to be decoded.
    assert eta.memory_mb(eta.Task("ANALYSE", 3600, source_pixels=3840 * 2160)) < eta.memory_mb(whole) + 500


def test_memory_follows_the_pixels():
    assert 300 < eta.memory_mb(chunk()) < 1500
    av1 = Picture(1920 * 1080, 25.0, "av1", "8")
    assert eta.memory_mb(chunk(pictures=(*FULL, av1))) > eta.memory_mb(chunk()) + 500


# --- learning


def samples(factor, count, *, asset=1, sort="ENCODE CAMERA h264:faster", pace=1.0):
    return [eta.Sample(asset, "ENCODE", sort, 10.0, 10.0 * factor, 10.0 * factor * pace)] * count


def test_without_samples_the_prior_stands():
    assert eta.Rates().wall_s(1, "ENCODE", "x", 12.0) == pytest.approx(12.0)


def test_many_samples_are_believed_one_is_half_believed():
    many, one = eta.Rates(samples(3.0, 12)), eta.Rates(samples(3.0, 1))
    sort = "ENCODE CAMERA h264:faster"
    assert many.cpu_s(2, "ENCODE", sort, 10.0) == pytest.approx(30.0, rel=0.1)
    assert 15.0 < one.cpu_s(2, "ENCODE", sort, 10.0) < 28.0
    assert many.cpu_s(2, "PACKAGE", "PACKAGE", 10.0) == pytest.approx(10.0)


def test_the_lectures_own_chunks_say_most():
    rates = eta.Rates(samples(1.0, 15, asset=1) + samples(2.5, 8, asset=2))
    sort = "ENCODE CAMERA h264:faster"
    assert rates.cpu_s(2, "ENCODE", sort, 10.0) > 2.0 * rates.cpu_s(3, "ENCODE", sort, 10.0) * 0.9


def test_one_odd_job_does_not_turn_it_over():
    rates = eta.Rates([*samples(50.0, 1), *samples(1.2, 9)])
    assert rates.cpu_s(9, "ENCODE", "ENCODE CAMERA h264:faster", 10.0) < 14.0


def test_the_pace_counts_apart_from_the_cost():
    rates = eta.Rates(samples(1.0, 10, pace=2.0))
    sort = "ENCODE CAMERA h264:faster"
    assert rates.wall_s(5, "ENCODE", sort, 10.0) == pytest.approx(20.0, rel=0.15)
    assert rates.cpu_s(5, "ENCODE", sort, 10.0) == pytest.approx(10.0, rel=0.05)


@pytest.mark.parametrize(
    ("progress", "spent", "low", "high"),
    [(0, 0, 100, 100), (0, 60, 40, 40), (0, 500, 10, 10), (0.5, 100, 100, 100), (0.5, 20, 20, 20), (1, 90, 0.1, 0.1)],
)  # fmt: skip
def test_what_is_left_of_a_running_job(progress, spent, low, high):
    assert low - 0.01 <= remaining_s(100, progress, spent) <= high + 0.01


# --- the queue


def item(asset, seconds, **told):
    return eta.Item(asset, seconds, **told)


def test_two_workers_share_one_lecture():
    plans = eta.simulate([item(1, 10), item(1, 10), item(1, 10)], {1: [[item(1, 5)]]}, workers=2)
    assert plans[1] == eta.Plan(0, 25)


def test_the_second_waits_for_the_first():
    plans = eta.simulate([item(1, 10, running=True), item(2, 4)], {1: [[item(1, 3, priority=20)]]}, workers=1)
    assert plans[1].ends_s == 13  # packaging goes before the other lecture's long work
    assert plans[2] == eta.Plan(13, 17)


def test_what_may_not_begin_yet_is_waited_for():
    plans = eta.simulate([item(1, 10, in_s=30), item(2, 5)], {}, workers=1)
    assert (plans[1], plans[2].ends_s) == (eta.Plan(30, 40), 5)


def test_work_beside_takes_a_worker_but_nobody_waits_for_it():
    plans = eta.simulate([item(1, 100, side=True), item(1, 10)], {}, workers=2)
    assert plans[1].ends_s == 10


def test_nothing_to_do_ends_at_once():
    assert eta.simulate([], {}, workers=2) == {}
    assert eta.simulate([], {7: [[item(7, 3)], [item(7, 2)]]}, workers=1)[7].ends_s == 5


def test_a_mixed_queue_is_foretold_within_a_quarter():
    """Forty lectures were worked off on a machine 1.7 times as dear as the prior; then twelve stand in the queue.

    Each lecture's content costs its own factor (as measured: slides narrow, camera wide), each
    chunk its own noise. Reality is the same queue with the true times.
    """
    dice = random.Random(11)

    def lecture(number):
        kind = dice.choice(["SLIDES", "SLIDES", "CAMERA"])
        content = dice.lognormvariate(0, 0.12 if kind == "SLIDES" else 0.3)
        tasks = [chunk(kind) for _ in range(dice.randrange(8, 80))]
        true = [1.7 * content * dice.lognormvariate(0, 0.1) * eta.work(task) for task in tasks]
        return number, tasks, true

    history = [
        eta.Sample(number, "ENCODE", eta.sort(task), eta.work(task), cpu, cpu * 1.1)
        for number, tasks, true in map(lecture, range(40))
        for task, cpu in list(zip(tasks, true, strict=True))[:8]
    ]
    dice.shuffle(history)
    queue = [lecture(100 + number) for number in range(12)]
    truth = eta.simulate([item(n, cpu * 1.1) for n, _tasks, true in queue for cpu in true], {}, workers=2)

    def error(rates):
        told = eta.simulate(
            [
                item(n, rates.wall_s(n, "ENCODE", eta.sort(task), eta.work(task)))
                for n, tasks, _true in queue
                for task in tasks
            ],
            {},
            workers=2,
        )
        return median(abs(told[n].ends_s - truth[n].ends_s) / truth[n].ends_s for n in truth)

    assert error(eta.Rates(history)) <= 0.25
    assert error(eta.Rates()) > 0.35  # the prior alone would not do


# --- real rows


@pytest.fixture
def waiting(db, own_root, settings, monkeypatch):
    settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, "WORKERS": 1}
    monkeypatch.setattr(jobs, "ring", lambda job_id: None)

    def make(title, duration_s=480, stage=Stage.ENCODE, **told):
        asset = PlayableAssetFactory(raw=True, title=title, **{"duration_s": duration_s, "fps": 25} | told)
        Asset.objects.filter(pk=asset.pk).update(state="TRANSCODING", sha256=title * 8)
        asset.refresh_from_db()
        jobs.open_job(asset, stage, key="c0000" if stage == Stage.ENCODE else "")
        return asset

    return make


def test_places_and_times_in_the_queue(waiting, django_assert_num_queries):
    first, second, third = waiting("a"), waiting("b"), waiting("c", stage=Stage.PROBE)
    with django_assert_num_queries(2):
        told = eta.forecast()

    # the check goes first, then the lectures in their order
    assert [told[asset.pk].queue_place for asset in (third, first, second)] == [1, 2, 3]
    assert told[first.pk].eta_s < told[second.pk].eta_s
    assert told[third.pk].eta_s > told[third.pk].begins_s  # what follows the check is reckoned in


def test_what_runs_has_no_place_and_its_progress_counts(waiting):
    asset = waiting("a")
    lease = jobs.claim(asset.jobs.get().pk)
    before = eta.forecast()[asset.pk]
    Job.objects.update(progress=0.9, started_at=timezone.now() - timedelta(seconds=10))
    after = eta.forecast()[asset.pk]

    assert lease is not None and before.queue_place is None
    assert after.eta_s < before.eta_s


def test_what_was_measured_moves_the_forecast(waiting):
    asset = waiting("a")
    told = eta.forecast()[asset.pk].eta_s
    now = timezone.now()
    job = asset.jobs.get()
    for number in range(12):
        Job.objects.create(
            asset=waiting(f"z{number}", stage=Stage.PROBE), stage=Stage.ENCODE, key="c0000", state="DONE",
            sort=job.sort, work=10, cpu_s=40, started_at=now - timedelta(seconds=44), finished_at=now,
        )  # fmt: skip
    Job.objects.filter(stage=Stage.PROBE).delete()

    assert eta.forecast()[asset.pk].eta_s > 2.5 * told


def test_the_status_says_when_it_will_be_ready(waiting, django_assert_max_num_queries):
    asset = waiting("a")
    with django_assert_max_num_queries(5):
        told = api.status(asset)
    assert told.eta_s and told.queue_place == 1


def test_progress_is_weighed_by_work_and_never_falls(waiting):
    asset = waiting("a")
    asset.jobs.update(work=30)
    jobs.open_job(asset, Stage.SOUND)
    asset.jobs.filter(stage=Stage.SOUND).update(work=10)
    seen = [api.status(asset).progress]
    for stage, progress in ((Stage.SOUND, 0.5), (Stage.SOUND, 1.0), (Stage.ENCODE, 0.5), (Stage.ENCODE, 1.0)):
        asset.jobs.filter(stage=stage).update(progress=progress)
        seen.append(api.status(asset).progress)

    assert seen == sorted(seen)
    assert seen[2] == pytest.approx(0.25 + 0.67 * 0.25)
    (step,) = [one for one in api.status(asset).stages if one.name == "encode"]
    assert step.progress == 1.0
