"""manage.py rebuild_archive: the log tells every state again, to the byte."""

import pytest

from courses.archive.models import LessonState
from tests.courses.archive.conftest import verified
from tests.factories import MemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def studied(phone, phone_of, version, clock):
    """Two members: one in order, one who seeks, plays hidden, and hands in late."""
    phone.watch(600)
    phone.flush()
    other = phone_of(MemberFactory(), version)
    other.watch(60)
    late = other.queue[2:]
    other.queue = other.queue[:2]
    other.flush()
    other.note((300_000, 315_000))
    other.watch(30, visible=False)
    other.flush()
    other.post(late, sent_ms=other.clock_ms)


def test_what_the_log_tells_is_what_is_kept(studied, capsys):
    assert verified(capsys, "--verify") == {"states": 2, "wrong": 0, "unreadable": 0, "damaged": 0}


@pytest.mark.parametrize(
    "change", [{"watched": b"\xff" * 75}, {"watched_s": 9}, {"frontier_ms": 1}, {"refused": [[1, 2, "GAP"]]}]
)
def test_a_state_that_was_changed_is_named_and_put_right(studied, capsys, change):
    before = list(LessonState.objects.order_by("pk").values())
    LessonState.objects.filter(pk=before[1]["id"]).update(**change)
    # verifying names it and changes nothing
    assert verified(capsys, "--verify")["wrong"] == 1
    assert verified(capsys, "--verify")["wrong"] == 1
    # rebuilding puts it right
    assert verified(capsys)["wrong"] == 1
    assert verified(capsys, "--verify")["wrong"] == 0
    after = list(LessonState.objects.order_by("pk").values())
    assert [bytes(one["watched"]) for one in after] == [bytes(one["watched"]) for one in before]
    assert after[1]["refused"] == before[1]["refused"]
