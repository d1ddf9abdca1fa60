"""Beats over HTTP: the vectors of domain.md §1.7, doubled, late, forged, from two devices, from strangers."""

import json
import random
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import signing
from django.db import OperationalError

from courses.archive import api, tokens
from courses.archive.batches import kept_age_ms
from courses.archive.models import Beat, LessonState, PlayLease, StudyHourEntry
from courses.catalogue.models import Disclosure
from people.models import AuditEntry
from tests.courses.archive.conftest import add_version
from tests.factories import CourseFactory, LessonFactory, MemberFactory, PartyOrganizationFactory

pytestmark = pytest.mark.django_db


def state_of(member, version) -> LessonState:
    return LessonState.objects.get(member=member, version=version)


# The vectors


def test_pb_a_whole_lesson_is_completed_and_credited(phone, member, version):
    phone.note()
    for _ in range(10):
        phone.watch(60)
        assert phone.flush().status_code == 200
    answer = phone.post([phone.note()])
    state = answer.json()["state"]
    assert (state["coverage"], state["watched_s"], state["needed_s"]) == (1.0, 600, 570)
    assert (state["completed"], state["credited_hours"], state["missing"]) == (True, 0.25, [])
    assert state["spans"] == [
        {"start_s": 0, "end_s": 600, "kind": "counted", "reason_code": "", "reason": ""}
    ]
    entry = StudyHourEntry.objects.get(member=member)
    assert (entry.hours, entry.mode, entry.year) == (Decimal("0.25"), "SELF_ONLINE", 2026)
    assert (entry.rule_version, entry.published_duration_s) == ("TIER_YN@2020-01-01#1", 600)


def test_pb_b_seeking_forward_is_not_counted_and_says_why(phone, clock):
    phone.watch(15)
    clock.advance(15)
    phone.note((15_000, 500_000))
    phone.watch(30)
    state = phone.flush().json()["state"]
    assert (state["coverage"], state["frontier_s"], state["completed"]) == (0.025, 15.0, False)
    assert [(gap["start_label"], gap["end_label"], gap["reason_code"]) for gap in state["missing"]] == [
        ("00:15", "08:20", "SEEK_FORWARD"),
        ("08:20", "08:50", "BEYOND_FRONTIER"),
        ("08:50", "10:00", "NOT_PLAYED"),
    ]
    assert all(gap["reason"] for gap in state["missing"])


def test_pb_c_twice_the_speed_counts_nothing(phone):
    phone.note()
    phone.watch(300, speed=2, rate=2)
    state = phone.flush().json()["state"]
    assert (state["coverage"], state["credited_hours"]) == (0.0, 0.0)
    assert {gap["reason_code"] for gap in state["missing"]} == {"TOO_FAST"}
    assert "1.0" in state["missing"][0]["reason"]


def test_pb_c_without_saying_so_counts_nothing_either(phone):
    phone.note()
    phone.watch(300, speed=2)
    state = phone.flush().json()["state"]
    assert state["coverage"] == 0.0
    assert {gap["reason_code"] for gap in state["missing"]} == {"SEEK_FORWARD"}


def test_pb_d_hidden_page_is_not_counted(phone):
    phone.watch(15)
    phone.watch(45, visible=False)
    state = phone.flush().json()["state"]
    assert (state["coverage"], state["frontier_s"]) == (0.025, 15.0)
    assert state["missing"][0]["reason_code"] == "NOT_VISIBLE"


def test_pb_e_doubled_beats_are_counted_once(phone, nothing_moved):
    phone.watch(60)
    beats = list(phone.queue)
    first = phone.post(beats)
    assert (first.status_code, first.json()["accepted"]) == (200, [0, 1, 2, 3])
    nothing_moved()
    again = phone.post(beats)
    assert (again.status_code, again.json()["accepted"], again.json()["duplicates"]) == (
        200,
        [],
        [0, 1, 2, 3],
    )
    assert again.json()["state"] == first.json()["state"]
    assert again.json()["state"]["coverage"] == 0.1
    nothing_moved()


def test_the_same_beat_twice_in_one_batch_is_one(phone):
    phone.watch(15)
    answer = phone.post(phone.queue * 2)
    assert (answer.status_code, answer.json()["accepted"], Beat.objects.count()) == (200, [0], 1)


def test_pb_f_rewinding_counts_nothing_twice(phone):
    phone.watch(300)
    phone.note(position_ms=100_000)
    phone.position_ms = 100_000
    phone.watch(200)
    assert phone.flush().json()["state"]["coverage"] == 0.5


def test_pb_g_silence_is_not_counted(phone, clock):
    phone.watch(15)
    clock.advance(285)
    phone.note((15_000, 300_000))
    state = phone.flush().json()["state"]
    assert (state["coverage"], state["missing"][0]["reason_code"]) == (0.025, "GAP")


def test_pb_h_after_completion_twice_the_speed_harms_nothing(phone, member):
    phone.watch(600)
    phone.flush()
    phone.note(position_ms=0)
    phone.position_ms = 0
    phone.watch(300, speed=2, rate=2)
    state = phone.flush().json()["state"]
    assert (state["coverage"], state["speed_cap"], state["free_seek"]) == (1.0, 2.0, True)
    assert StudyHourEntry.objects.filter(member=member).count() == 1


def test_pb_i_a_network_drop_of_120_seconds_loses_nothing(phone):
    phone.watch(60)
    phone.flush()
    phone.watch(120)  # offline
    phone.watch(60)
    assert phone.flush().json()["state"]["watched_s"] == 240
    phone.watch(360)
    assert phone.flush().json()["state"]["completed"] is True


def test_pb_j_570_of_600_seconds_complete(phone):
    phone.watch(569)
    assert phone.flush().json()["state"]["completed"] is False
    phone.watch(1)
    assert phone.flush().json()["state"]["completed"] is True


# The server's clock


def test_a_batch_cannot_claim_more_time_than_passed_since_the_lesson_was_opened(phone, clock):
    # given a forged history of ten minutes, ten seconds after opening
    clock.advance(10)
    start = phone.clock_ms - 600_000
    beats = [
        {
            "seq": n,
            "intervals": [[n * 15_000, (n + 1) * 15_000]],
            "position_ms": (n + 1) * 15_000,
            "clock_ms": start + (n + 1) * 15_000,
        }
        for n in range(40)
    ]
    state = phone.post(beats, sent_ms=phone.clock_ms).json()["state"]
    # then ten seconds and the slack are the most that could have been played
    assert state["watched_s"] == 15
    assert state["missing"][0]["reason_code"] == "OVER_CLOCK"


@pytest.mark.parametrize("skew", [366 * 86_400, -366 * 86_400])
def test_a_phone_whose_clock_is_a_year_wrong_counts_like_any_other(phone_of, member, version, skew):
    phone = phone_of(member, version, skew=skew)
    phone.watch(300)
    phone.flush()
    phone.watch(300)
    assert phone.flush().json()["state"]["completed"] is True


def test_a_clock_set_back_in_the_middle_loses_nothing(phone):
    phone.watch(300)
    phone.skew = -86_400 * 40
    phone.watch(300)
    assert phone.flush().json()["state"]["watched_s"] == 600


def test_an_offline_day_counts_when_it_is_handed_in_within_24_hours(phone, clock):
    phone.watch(600)
    clock.advance(20 * 3600)
    state = phone.flush().json()["state"]
    assert (state["watched_s"], state["completed"]) == (600, True)


def test_what_is_handed_in_later_than_that_is_kept_but_does_not_count(phone, clock):
    phone.watch(600)
    clock.advance(24 * 3600 + 1)
    answer = phone.flush()
    assert answer.status_code == 200
    assert (answer.json()["state"]["watched_s"], Beat.objects.count()) == (0, 40)
    assert {gap["reason_code"] for gap in answer.json()["state"]["missing"]} == {"TOO_LATE"}


# Order of arrival


def test_shuffled_doubled_split_batches_end_in_the_same_state(phone, phone_of, member, version, clock):
    # given one history, sent in order
    phone.note()
    phone.watch(240)
    clock.advance(600)
    phone.watch(120, visible=False)
    phone.watch(60)
    beats = list(phone.queue)
    phone.flush()
    straight = state_of(member, version)
    # when another member's phone sends the same in disorder, twice
    other = MemberFactory()
    second = phone_of(other, version)
    clock.advance(3600)
    shift = second.clock_ms - phone.clock_ms
    late = [beat | {"clock_ms": beat["clock_ms"] + shift} for beat in beats] * 2
    chance = random.Random(7)
    chance.shuffle(late)
    while late:
        size = chance.randint(1, 7)
        answer = second.post(late[:size], sent_ms=second.clock_ms)
        assert answer.status_code == 200
        late = late[size:]
    # then the state is the same, and the log folds to it again
    shuffled = state_of(other, version)
    for name in ("watched", "watched_s", "frontier_ms", "position_ms", "refused"):
        assert getattr(shuffled, name) == getattr(straight, name)
    assert api.rebuild_state(shuffled) is False
    assert api.rebuild_state(straight) is False


def test_resume_goes_by_the_order_of_study_not_of_arrival(phone_of, member, version, clock):
    # given a phone that was offline, and a computer that went on later
    phone = phone_of(member, version)
    phone.watch(60)
    clock.advance(60)
    computer = phone_of(member, version)
    computer.watch(15)
    computer.flush()
    # when the phone's beats come last
    answer = phone.flush()
    # then both count, and the next device starts where the computer stopped
    assert answer.status_code == 200
    assert state_of(member, version).watched_s == 60
    assert api.play(member, version).resume_s == 15.0


def test_another_device_resumes_at_the_same_second(phone, phone_of, member, version):
    phone.watch(97)
    phone.flush()
    assert phone_of(member, version).play.resume_s == 97.0


# Two devices


def test_the_newest_device_wins_and_the_older_gets_409(phone_of, member, version, clock):
    first = phone_of(member, version)
    first.watch(60)
    first.flush()
    second = phone_of(member, version)
    second.position_ms = 60_000
    second.watch(15)
    assert second.flush().status_code == 200
    first.watch(15)
    refused = first.flush()
    assert refused.status_code == 409
    assert refused.json()["code"] == "LEASE_LOST"
    assert refused.json()["message"]
    assert (refused.json()["accepted"], refused.json()["state"]["watched_s"]) == ([], 75)


def test_opening_a_page_takes_nothing_from_the_device_that_plays(phone_of, member, version):
    first = phone_of(member, version)
    first.watch(15)
    first.flush()
    phone_of(member, version)
    first.watch(15)
    assert first.flush().status_code == 200


def test_seconds_before_the_hand_over_are_kept_those_after_it_refused(phone_of, member, version, clock):
    # given a phone whose beats wait, while a computer goes on
    phone = phone_of(member, version)
    phone.watch(60)
    computer = phone_of(member, version)
    computer.watch(30, visible=False)
    computer.flush()
    phone.watch(30)
    # when the phone comes back
    refused = phone.flush()
    # then what it played before the computer began is kept and counts, the rest does not
    assert refused.status_code == 409
    assert refused.json()["accepted"] == [0, 1, 2, 3]
    assert state_of(member, version).watched_s == 60


def test_wall_time_is_counted_once_however_many_devices_play(phone_of, member, course, clock):
    # given ten lessons opened at the same moment, all played at once for two minutes
    versions = [add_version(LessonFactory(parent=course)) for _ in range(10)]
    phones = [phone_of(member, one) for one in versions]
    start = clock.at
    for phone in phones:
        clock.at = start
        phone.watch(120)
    # when all are handed in
    for phone in phones:
        phone.post(sent_ms=phone.clock_ms)
    # then no more than two minutes count, with the slack of each
    assert sum(LessonState.objects.values_list("watched_s", flat=True)) <= 120 + 10 * 5


def test_continue_here_takes_the_lease_back(phone_of, member, version):
    first, second = phone_of(member, version), None
    first.watch(30)
    first.flush()
    second = phone_of(member, version)
    second.watch(15)
    second.flush()
    first.watch(15)
    assert first.flush().status_code == 409
    taken = first.take()
    assert (taken.status_code, taken.json()["state"]["watched_s"]) == (200, 30)
    first.queue, first.position_ms = [], 30_000
    first.watch(15)
    assert first.flush().json()["state"]["watched_s"] == 45
    second.watch(15)
    assert second.flush().status_code == 409
    assert PlayLease.objects.filter(member=member, until_at=None).count() == 1


def test_what_was_played_while_the_other_device_held_the_lease_never_counts(phone_of, member, version):
    first = phone_of(member, version)
    first.watch(30)
    first.flush()
    second = phone_of(member, version)
    second.position_ms = 30_000
    second.watch(60)
    second.flush()
    first.watch(60)
    first.take()
    # when the first hands in what it played meanwhile
    answer = first.flush()
    # then it is kept, since the lease is its own again, but counts nothing (the last beat ends as the lease begins)
    assert answer.status_code == 200
    assert Beat.objects.filter(in_lease=False).count() == 3
    assert state_of(member, version).watched_s == 90


# Who may


def test_a_lesson_that_the_member_may_not_open_is_not_there(phone_of, member, nothing_moved):
    # given a course for another branch only, and a token that was got somehow
    elsewhere = PartyOrganizationFactory()
    course = CourseFactory(disclosure=Disclosure.SUBTREE, opened_to=[elsewhere])
    version = add_version(LessonFactory(parent=course))
    phone = phone_of(member, version)
    phone.watch(15)
    nothing_moved()
    for answer in (phone.post(), phone.take()):
        assert answer.status_code == 404
        assert answer.json()["code"] == "NOT_OPEN"
        assert answer.json()["message"]
    nothing_moved()


def test_a_lesson_that_is_withdrawn_looks_the_same(phone, lesson, nothing_moved):
    phone.watch(15)
    lesson.unpublish()
    nothing_moved()
    assert phone.post().status_code == 404
    nothing_moved()


def test_a_version_that_never_was_looks_the_same(phone, member, clock, nothing_moved):
    phone.watch(15)
    token, _claims = tokens.issue(member.pk, 10**9, now=clock.at)
    nothing_moved()
    assert phone.post(token=token).status_code == 404
    nothing_moved()


def test_a_closed_account_sends_no_beats(phone, member, nothing_moved):
    phone.watch(15)
    member.is_active = False
    member.save()
    nothing_moved()
    assert phone.post().status_code == 404
    nothing_moved()


def test_forged_tokens_are_refused(phone, member, version, nothing_moved):
    phone.watch(15)
    own = signing.Signer(key="another key", salt=tokens.SALT).sign_object(
        {"m": member.pk, "v": version.pk, "s": uuid.uuid4().hex, "i": phone.clock_ms}
    )
    payload, signature = phone.play.token.rsplit(":", 1)
    nothing_moved()
    for token in (own, payload + ":" + signature[::-1], "x" + phone.play.token, "nonsense", 7, [], {}):
        answer = phone.post(token=token)
        assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_INVALID")
    nothing_moved()


def test_a_token_ends_but_what_happened_before_may_still_come(phone, clock, nothing_moved):
    # given an hour of study that waits
    phone.watch(30)
    waiting, phone.queue = phone.queue, []
    clock.advance(12 * 3600)
    phone.watch(15)
    # when the token is over, beats from after it are refused
    answer = phone.post(sent_ms=phone.clock_ms)
    assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_EXPIRED")
    assert Beat.objects.count() == 0
    # then those from before it still come in
    assert phone.post(waiting, sent_ms=phone.clock_ms).json()["state"]["watched_s"] == 30
    # and a day later nothing does
    clock.advance(24 * 3600)
    nothing_moved()
    assert phone.post(waiting).status_code == 401
    assert phone.take().status_code == 401
    nothing_moved()


# Bad input


def test_the_same_number_with_another_body_is_a_conflict_and_nothing_is_kept(phone, member, nothing_moved):
    phone.watch(30)
    phone.flush()
    nothing_moved()
    forged = {"seq": 1, "intervals": [[15_000, 45_000]], "position_ms": 45_000, "clock_ms": phone.clock_ms}
    fresh = {"seq": 2, "intervals": [[30_000, 45_000]], "position_ms": 45_000, "clock_ms": phone.clock_ms}
    answer = phone.post([forged, fresh])
    assert (answer.status_code, answer.json()["code"], answer.json()["conflicts"]) == (
        409,
        "SEQ_CONFLICT",
        [1],
    )
    nothing_moved()
    assert AuditEntry.objects.get(action="archive.beat_conflict").actor == member


GOOD = {"seq": 0, "intervals": [[0, 1000]], "position_ms": 1000, "clock_ms": 1}


@pytest.mark.parametrize(
    "beats",
    [
        [],
        {},
        "beats",
        None,
        [7],
        [GOOD | {"seq": -1}],
        [GOOD | {"seq": 2**30}],
        [GOOD | {"seq": True}],
        [GOOD | {"seq": "1"}],
        [{key: value for key, value in GOOD.items() if key != "clock_ms"}],
        [{key: value for key, value in GOOD.items() if key != "position_ms"}],
        [GOOD | {"intervals": [[1000, 0]]}],
        [GOOD | {"intervals": [[-5, 10]]}],
        [GOOD | {"intervals": [[0]]}],
        [GOOD | {"intervals": [[0, "1"]]}],
        [GOOD | {"intervals": [[0, 10**12]]}],
        [GOOD | {"intervals": [[0, 1]] * 51}],
        [GOOD | {"rate": 0}],
        [GOOD | {"rate": 17}],
        [GOOD | {"visible": "yes"}],
        [GOOD | {"flags": "idle"}],
        [GOOD | {"flags": [1]}],
        [GOOD | {"seq": n} for n in range(201)],
    ],
)
def test_malformed_batches_are_refused_with_a_sentence(phone, beats, nothing_moved):
    nothing_moved()
    answer = phone.client.post(
        "/api/archive/beats",
        json.dumps({"token": phone.play.token, "beats": beats}),
        content_type="application/json",
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "BAD_BEATS")
    assert answer.json()["message"] and answer.json()["detail"]
    nothing_moved()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"token": NaN}', b"[" * 100_000])
def test_bodies_that_are_no_batch(client, db, body):
    answer = client.post("/api/archive/beats", body, content_type="application/json")
    assert answer.status_code in {401, 422}
    assert answer.json()["message"]


def test_numbers_that_are_not_finite_are_refused(phone, nothing_moved):
    nothing_moved()
    body = json.dumps({"token": phone.play.token, "beats": [GOOD | {"clock_ms": float("inf")}], "sent_ms": 5})
    answer = phone.client.post("/api/archive/beats", body, content_type="application/json")
    assert answer.status_code == 422
    nothing_moved()


def test_beyond_the_end_of_the_lesson_nothing_is_counted(phone):
    phone.watch(600)
    phone.flush()
    phone.watch(60)
    state = phone.flush().json()["state"]
    assert (state["watched_s"], state["position_s"]) == (600, 600)


def test_beats_come_without_cookies_and_as_any_media_type(phone):
    # sendBeacon sends a Blob, and the page that sent it may be gone
    phone.watch(15)
    phone.client.handler.enforce_csrf_checks = True
    body = json.dumps({"token": phone.play.token, "beats": phone.queue})
    assert phone.client.post("/api/archive/beats", body, content_type="text/plain").status_code == 200


def test_a_busy_database_asks_to_come_again(phone, monkeypatch, nothing_moved):
    def locked(*args, **kwargs):
        raise OperationalError("database is locked")

    phone.watch(15)
    nothing_moved()
    monkeypatch.setattr("courses.archive.ledger.lock_archive", locked)
    answer = phone.post()
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "BUSY", "5")
    nothing_moved()


def test_beats_of_one_member_never_touch_another(phone_of, member, version):
    other = MemberFactory()
    theirs = phone_of(other, version)
    theirs.watch(30)
    theirs.flush()
    before = state_of(other, version).watched_s
    mine = phone_of(member, version)
    mine.watch(60)
    mine.flush()
    assert state_of(other, version).watched_s == before == 30
    assert state_of(member, version).watched_s == 60


def test_a_batch_costs_a_fixed_number_of_queries(phone, django_assert_max_num_queries):
    phone.watch(15)
    phone.flush()
    phone.watch(15)
    small, phone.queue = phone.queue, []
    phone.watch(480)
    # member, version, the member's posts (scope), lesson open; savepoint, archive lock, (PostgreSQL: turn), beats that wait,
    # known beats, state, turns, beats in; the fold: beats that wait, savepoint, state kept, later versions, turn seen,
    # archive folded, its end; savepoint; for the answer: rules, hours credited
    with django_assert_max_num_queries(22):
        assert phone.post(small).status_code == 200
    with django_assert_max_num_queries(22):
        assert phone.post().status_code == 200


def test_progress_is_asked_for_by_sign_in_and_says_what_a_receipt_says(phone, member, version, client):
    phone.watch(60)
    receipt = phone.flush().json()
    address = f"/api/archive/progress/{version.uuid}"
    assert client.get(address).status_code == 401
    client.force_login(member)
    answer = client.get(address)
    assert (answer.status_code, answer.json()) == (200, receipt["state"])
    assert answer["Cache-Control"] == "private, no-store"


def test_progress_of_a_lesson_that_is_not_open_looks_like_an_absence(member, client):
    elsewhere = CourseFactory(disclosure=Disclosure.SUBTREE, opened_to=[PartyOrganizationFactory()])
    version = add_version(LessonFactory(parent=elsewhere))
    client.force_login(member)
    for asked in (version.uuid, uuid.uuid4()):
        answer = client.get(f"/api/archive/progress/{asked}")
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_OPEN")


def test_the_state_folds_again_from_the_log(phone, member, version, clock):
    phone.watch(120)
    phone.flush()
    clock.advance(40)
    phone.note((300_000, 315_000))
    phone.watch(480)
    phone.flush()
    state = state_of(member, version)
    kept = {field.attname: getattr(state, field.attname) for field in state._meta.fields}
    state.watched, state.watched_s, state.refused, state.frontier_ms = b"", 0, [], 0
    state.save()
    assert api.rebuild_state(state) is True
    fresh = state_of(member, version)
    assert {field.attname: getattr(fresh, field.attname) for field in fresh._meta.fields} == kept


def test_beats_are_never_changed_or_removed(phone):
    phone.watch(15)
    phone.flush()
    beat = Beat.objects.get()
    for change in (beat.save, beat.delete, Beat.objects.all().delete, lambda: Beat.objects.update(seq=9)):
        with pytest.raises(TypeError):
            change()
    assert Beat.objects.count() == 1


def test_sessions_sort_by_their_start(clock):
    first = tokens.new_session(clock.at)
    second = tokens.new_session(clock.at + timedelta(milliseconds=1))
    assert str(first) < str(second)
    assert (first.version, second.variant) == (7, uuid.RFC_4122)


def test_the_log_says_in_tenths_when_a_beat_came_and_how_old_it_was(phone, clock):
    clock.advance(0.3127)
    phone.watch(30.04)
    clock.advance(0.23)
    phone.flush()
    told = [(beat.received_at, beat.received_at - beat.happened_at) for beat in Beat.objects.order_by("seq")]
    came = clock.at - timedelta(microseconds=clock.at.microsecond % 100_000)
    # in how many tenths, by the latest beat of the batch: 0.23 s ago, and what the phone's clock went between
    ages = [timedelta(seconds=15.2), timedelta(seconds=0.2), timedelta(seconds=0.2)]
    assert told == [(came, age) for age in ages]


@pytest.mark.parametrize(
    ("clock_ms", "latest_ms", "sent_ms", "oldest_ms", "age_ms"),
    [
        (1000, 1000, 1007, 60_000, 0),
        (1000, 31_000, 31_199, 60_000, 30_100),
        (1050, 31_000, 31_099, 60_000, 29_900),
        (1000, 1000, 900, 60_000, 0),  # a clock that was set back
        (1000, 1000, 10**12, 60_050, 60_000),  # no older than its session
    ],
)
def test_how_old_a_beat_is_kept_as(clock_ms, latest_ms, sent_ms, oldest_ms, age_ms):
    assert kept_age_ms(clock_ms, latest_ms, sent_ms, oldest_ms) == age_ms
