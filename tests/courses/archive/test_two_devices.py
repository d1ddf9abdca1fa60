"""Two devices of one member, offline one after the other or at once: whoever hands in first, the result is the same."""

from __future__ import annotations

import itertools
import random
from datetime import timedelta

import pytest

from courses.archive import api
from courses.archive.ingest.holder import look_up
from courses.archive.models import Beat, LessonState, PlayLease
from tests.courses.archive.conftest import Phone, add_version, verified
from tests.factories import LessonFactory

pytestmark = pytest.mark.django_db

MINUTE = 60


def counted() -> list[int]:
    """Seconds that count, by lesson, in the order in which the lessons were made."""
    return list(LessonState.objects.order_by("version_id").values_list("watched_s", flat=True))


@pytest.fixture
def both(phone_of, member, version, other, clock):
    """A phone with a lesson, and a tablet with another that was opened a moment later."""
    phone = phone_of(member, version)
    clock.advance(1)
    return phone, phone_of(member, other)


def turns() -> list[tuple]:
    return list(PlayLease.objects.order_by("from_at", "pk").values_list("session", "from_at", "until_at"))


def assert_turns_are_disjoint() -> None:
    spans = [(start, end) for _session, start, end in turns()]
    for (_start, end), (later, _end) in itertools.pairwise(spans):
        assert end is not None and end <= later
    assert spans[-1][1] is None


@pytest.fixture
def other(course):
    """A second lesson."""
    return add_version(LessonFactory(parent=course))


@pytest.fixture
def pieces(clock):
    """`pieces(phone)`: hand in what waits in pieces of some beats, at the moment that the clock shows."""

    def of(phone, *, most: int = 40):
        beats, phone.queue = phone.queue, []
        for start in range(0, len(beats), most):
            answer = phone.post(beats[start : start + most], sent_ms=phone.clock_ms)
            assert answer.status_code == 200, answer.json()
            clock.advance(1)

    return of


ORDERS = ["older first", "newer first", "interleaved"]


def hand_in(order: str, phone, tablet, pieces, clock) -> None:
    """In the evening, in that order."""
    clock.advance(8 * 3600)
    if order == "older first":
        pieces(phone)
        pieces(tablet)
    elif order == "newer first":
        pieces(tablet)
        pieces(phone)
    else:
        halves = [(one, part) for one in (phone, tablet) for part in (one.queue[::2], one.queue[1::2])]
        for one, part in (halves[i] for i in (1, 3, 0, 2)):
            one.queue = part
            pieces(one, most=7)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("opened", ["one after the other", "both in the morning"])
def test_two_devices_offline_one_after_the_other_lose_nothing(
    order, opened, phone_of, member, version, clock, pieces, capsys
):
    # given a phone on which the first five minutes were watched at nine, and a tablet with the rest at ten, both offline
    phone = phone_of(member, version)
    clock.advance(1)
    tablet = phone_of(member, version) if opened == "both in the morning" else None
    clock.advance(20 * MINUTE)
    phone.watch(300)
    clock.advance(30 * MINUTE)
    tablet = tablet or phone_of(member, version)
    tablet.position_ms = 300_000
    tablet.watch(300)
    # when both hand in
    hand_in(order, phone, tablet, pieces, clock)
    # then the lesson is complete, nothing was refused, no minute belongs to both, and the log tells it again
    assert counted() == [600]
    assert api.lesson_progress(member, version).completed
    assert LessonState.objects.get().refused in ([], ())
    assert not Beat.objects.filter(in_lease=False).exists()
    assert_turns_are_disjoint()
    assert verified(capsys, "--verify")["wrong"] == 0


@pytest.mark.parametrize("order", ORDERS)
def test_two_devices_used_by_turns_lose_nothing(order, both, clock, pieces, capsys):
    # given a lesson on the phone and another on the tablet, both opened in the morning, now the one, now the other
    phone, tablet = both
    clock.advance(3600)
    for device in (phone, tablet, phone, tablet, phone, tablet):
        device.watch(180)
        clock.advance(20)
    # when both hand in, in whatever order
    hand_in(order, phone, tablet, pieces, clock)
    # then nine minutes of each count
    assert counted() == [540, 540]
    assert_turns_are_disjoint()
    assert verified(capsys, "--verify")["wrong"] == 0


@pytest.mark.parametrize("order", ORDERS)
def test_two_devices_at_the_same_time_count_each_minute_once(order, both, clock, pieces):
    # given two phones that play two lessons offline through the same five minutes
    phone, tablet = both
    clock.advance(600)
    begun = clock.at
    phone.watch(300)
    clock.at = begun
    tablet.watch(300)
    # when both hand in
    clock.advance(8 * 3600)
    first, second = (phone, tablet) if order != "newer first" else (tablet, phone)
    for one in (first, second):
        one.post(sent_ms=one.clock_ms)
    # then five minutes count, and a slack of five seconds at most
    assert 300 <= sum(counted()) <= 305
    assert_turns_are_disjoint()


def test_a_device_that_was_offline_gets_nothing_from_when_the_newer_one_was_heard_of(both, clock):
    # given a phone without a network, and a tablet that plays a minute before the school and then stands still
    phone, tablet = both
    tablet.watch(60)
    assert tablet.flush().status_code == 200
    phone.watch(60)
    # when the phone hands in what it played after that
    refused = phone.flush()
    # then the newest holds the lease, and the phone is told so
    assert (refused.status_code, refused.json()["code"], refused.json()["accepted"]) == (
        409,
        "LEASE_LOST",
        [],
    )
    assert counted() == [60]


def test_a_beat_that_begins_in_time_which_another_got_meanwhile_gets_its_part_of_it(both, clock, pieces):
    # given a phone that played for a minute, and a tablet after it
    phone, tablet = both
    phone.watch(60)
    clock.advance(60)
    tablet.watch(60)
    clock.advance(3600)
    # when the tablet's first beat is the last to come: the phone has got all the time before the second by then
    first, tablet.queue = tablet.queue[:1], tablet.queue[1:]
    pieces(tablet)
    pieces(phone)
    tablet.queue = first
    pieces(tablet)
    # then it counts, with all that goes on from it
    assert counted() == [60, 60]
    assert_turns_are_disjoint()


@pytest.mark.parametrize("order", ["older first", "newer first"])
@pytest.mark.parametrize("opened", ["one after the other", "both in the morning"])
def test_a_phone_whose_clock_was_put_right_before_it_handed_in_loses_nothing(
    order, opened, phone_of, member, version, clock, pieces
):
    # given a phone that believes to be in the year before until it finds a network, and a tablet that goes on later
    phone = phone_of(member, version, skew=-366 * 86_400)
    clock.advance(1)
    tablet = phone_of(member, version) if opened == "both in the morning" else None
    clock.advance(60)
    phone.watch(300)
    clock.advance(600)
    tablet = tablet or phone_of(member, version)
    tablet.position_ms = 300_000
    tablet.watch(300)
    # when both hand in, the phone with a clock by which all of that was a year ago
    phone.skew = 0
    hand_in(order, phone, tablet, pieces, clock)
    # then nobody can say when the phone's was, but there was time enough besides the tablet's
    assert counted() == [600]
    assert_turns_are_disjoint()


def test_after_sharing_a_session_is_kept_by_django_and_goes_on(both, clock, pieces):
    # given a tablet that held the whole day, and a phone that was heard of later
    phone, tablet = both
    clock.advance(600)
    phone.watch(120)
    tablet.watch(120)
    clock.advance(3600)
    pieces(tablet)
    assert look_up(tablet.play.token, access_s=30, now=clock.at) is not None
    pieces(phone)
    # then the tablet's turns are two, and the short way leaves it to Django
    assert look_up(tablet.play.token, access_s=30, now=clock.at) is None
    # and it goes on and counts as before
    tablet.watch(120)
    assert tablet.flush().json()["state"]["watched_s"] == 240
    assert counted() == [120, 240]
    assert_turns_are_disjoint()


def test_whoever_lies_about_when_it_was_gains_no_minute(both, clock):
    # given a tablet that held an hour and says that it played all of its ten minutes in its last seconds
    phone, tablet = both
    clock.advance(600)
    beats = [
        {"seq": n, "intervals": [[n * 15_000, (n + 1) * 15_000]], "position_ms": (n + 1) * 15_000}
        for n in range(40)
    ]
    squeezed = [beat | {"clock_ms": 2_000_000 - n} for n, beat in enumerate(beats)]
    tablet.post(squeezed, sent_ms=2_000_000)
    assert counted() == [600]
    # when the phone says that it played ten minutes through the same time
    start = phone.clock_ms - 600_000
    honest = [beat | {"clock_ms": start + (n + 1) * 15_000} for n, beat in enumerate(beats)]
    phone.post(honest, sent_ms=phone.clock_ms)
    # then the tablet's claims have used it up
    assert sum(counted()) <= 600 + 2 * 5


@pytest.mark.parametrize("seed", range(6))
def test_any_honest_day_on_many_devices_counts_whole_in_any_order(
    seed, client, course, member, clock, capsys
):
    # given up to five devices without a network, each with a lesson of its own, of which one at a time plays
    chance = random.Random(seed)
    devices: list[Phone] = []
    played: dict[int, int] = {}
    for _ in range(chance.randint(4, 12)):
        clock.advance(chance.uniform(1, 600))
        if not devices or (len(devices) < 5 and chance.random() < 0.5):
            version = add_version(LessonFactory(parent=course), duration_s=3600)
            skew = chance.choice([0, 3e7, -3e7])
            devices.append(Phone(client, clock, member, version, skew=skew))
            clock.advance(chance.uniform(0.1, 60))
        one = chance.choice(devices)
        length = chance.choice([15, 60, 90, 300])
        one.watch(length)
        played[one.play.version] = played.get(one.play.version, 0) + length
    # when they hand in in pieces, in any order
    clock.advance(3600)
    parts: list[tuple[Phone, list[dict]]] = []
    for one in devices:
        chance.shuffle(one.queue)
        while one.queue:
            size = chance.randint(1, 12)
            parts.append((one, one.queue[:size]))
            one.queue = one.queue[size:]
    chance.shuffle(parts)
    for one, part in parts:
        assert one.post(part, sent_ms=one.clock_ms).status_code == 200
        clock.advance(chance.uniform(0, 3))
    # then every second counts, and no minute is two devices'
    kept = LessonState.objects.values_list("version__uuid", "watched_s")
    assert {str(version): seconds for version, seconds in kept} == played
    assert_turns_are_disjoint()
    assert verified(capsys, "--verify")["wrong"] == 0


@pytest.mark.parametrize("seed", range(6))
def test_no_history_of_many_devices_counts_more_than_the_time_that_passed(
    seed, client, course, member, clock, capsys
):
    # given devices that are opened, play, lie about their clocks and hand in as they like, for an hour
    chance = random.Random(seed)
    began = clock.at
    devices: list[Phone] = []
    for _ in range(chance.randint(15, 40)):
        clock.advance(chance.choice([0, 5, 60, 300]))
        if len(devices) < 4 and (not devices or chance.random() < 0.3):
            version = add_version(LessonFactory(parent=course), duration_s=3600)
            devices.append(Phone(client, clock, member, version))
        one = chance.choice(devices)
        did = chance.choice(["play", "play", "play", "squeeze", "skew", "take", "hand in", "hand in"])
        if did == "play":
            now = clock.at
            one.watch(chance.choice([15, 45, 120]))
            clock.at = max(now, clock.at - timedelta(seconds=chance.choice([0, 0, 60])))
        elif did == "squeeze":
            for _ in range(chance.randint(1, 8)):
                one.note(
                    (one.position_ms, one.position_ms + 15_000),
                    clock_ms=one.clock_ms - chance.randint(0, 300_000),
                )
        elif did == "skew":
            one.skew = chance.choice([0, 600, -600])
        elif did == "take":
            assert one.take().status_code == 200
        else:
            chance.shuffle(one.queue)
            one.post(one.queue[: chance.randint(1, 20)] or [one.note()], sent_ms=max(one.clock_ms, 0))
            one.queue = one.queue[chance.randint(0, 20) :]
        # then at every moment all lessons together have no more than has passed, and five seconds a device
        assert sum(counted()) <= (clock.at - began).total_seconds() + 5 * len(devices)
    assert_turns_are_disjoint() if PlayLease.objects.exists() else None
    assert verified(capsys, "--verify")["wrong"] == 0
