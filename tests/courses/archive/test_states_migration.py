"""States of before are kept in few bytes, and say what they said, there and back."""

import json

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from courses.archive.models import LessonState, PackedMonth
from tests.factories import MemberFactory

BEFORE, AFTER = ("archive", "0011_credit_conversion"), ("archive", "0012_states_in_few_bytes")


@pytest.fixture
def up_to_date_at_the_end():
    yield
    PackedMonth.objects.all().delete()
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("archive"))


@pytest.mark.django_db(transaction=True)
def test_states_go_there_and_back(phone, phone_of, version, up_to_date_at_the_end):
    # given a completed lesson, and one with refused stretches and other rules
    phone.watch(600)
    phone.flush()
    other = phone_of(MemberFactory(), version)
    other.watch(30)
    other.note((300_000, 315_000))
    other.watch(30, visible=False)
    other.flush()
    last = LessonState.objects.order_by("pk").last()
    last.params |= {"speed_cap": 1.5}
    last.save()
    kept = list(LessonState.objects.order_by("pk").values())
    # when the states go back to what they were
    MigrationExecutor(connection).migrate([BEFORE])
    with connection.cursor() as cursor:
        cursor.execute("SELECT watched, refused, params, fold FROM archive_lessonstate ORDER BY id")
        rows = [
            (bytes(watched), *(json.loads(one) if isinstance(one, str) else one for one in rest))
            for watched, *rest in cursor.fetchall()
        ]
    # then each is there as it was kept then
    names = ("watched", "refused", "params", "fold")
    assert rows == [tuple(one[name] for name in names) for one in kept]
    # and forward again it is the same, in few bytes, and new ones get new numbers
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("archive"))
    assert list(LessonState.objects.order_by("pk").values()) == kept
    with connection.cursor() as cursor:
        cursor.execute("SELECT watched, params FROM archive_lessonstate ORDER BY id")
        assert [len(bytes(one)) for one in cursor.fetchone()] == [3, 0]
    third = phone_of(MemberFactory(), version)
    third.watch(15)
    third.flush()
    assert LessonState.objects.order_by("pk").last().pk > kept[-1]["id"]


@pytest.mark.django_db(transaction=True)
def test_a_log_that_is_packed_does_not_go_back(member, up_to_date_at_the_end):
    PackedMonth.objects.create(member_id=member.pk, month=202609, beats=1, body=b"x")
    with pytest.raises(RuntimeError, match="packed"):
        MigrationExecutor(connection).migrate([AFTER])
    assert PackedMonth.objects.count() == 1
