"""Phones that post at the same moment, each on a connection of its own."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.test import Client

from courses.archive import api
from courses.archive.models import Beat, LearningArchive, LessonState, PlayLease, StudyHourEntry
from tests.courses.archive.conftest import Phone, add_version
from tests.factories import LessonFactory, MemberFactory

pytestmark = pytest.mark.django_db(transaction=True)


def post_until_kept(body) -> int:
    """As a phone does: come again when the archive is busy; the last status."""
    try:
        for _ in range(200):
            answer = Client().post("/api/archive/beats", body, content_type="application/json")
            if answer.status_code != 503:
                break
        return answer.status_code
    finally:
        connections.close_all()


def test_one_batch_from_eight_connections_at_once_is_counted_once(client, clock):
    # given a member without an archive, and ten minutes that wait
    member, version = MemberFactory(), add_version(LessonFactory())
    phone = Phone(client, clock, member, version)
    phone.watch(600)
    body = {"token": phone.play.token, "beats": phone.queue}
    # when the same batch arrives eight times at once
    with ThreadPoolExecutor(8) as many:
        answers = list(many.map(post_until_kept, [body] * 8))
    # then it is kept and credited once
    assert answers == [200] * 8
    assert (Beat.objects.count(), LearningArchive.objects.count(), PlayLease.objects.count()) == (40, 1, 1)
    assert StudyHourEntry.objects.get().member == member
    state = LessonState.objects.get()
    assert (state.watched_s, api.rebuild_state(state)) == (600, False)


def test_split_batches_from_many_connections_lose_nothing(client, clock):
    member, version = MemberFactory(), add_version(LessonFactory())
    phone = Phone(client, clock, member, version)
    phone.watch(600)
    parts = [phone.queue[start : start + 5] for start in range(0, 40, 5)]
    bodies = [{"token": phone.play.token, "beats": part, "sent_ms": phone.clock_ms} for part in parts * 2]
    with ThreadPoolExecutor(8) as many:
        assert set(many.map(post_until_kept, bodies)) == {200}
    state = LessonState.objects.get()
    assert (Beat.objects.count(), state.watched_s, StudyHourEntry.objects.count()) == (40, 600, 1)
    assert api.rebuild_state(state) is False
