"""Nothing lost: outbox, draining, rebuilding, other versions, damage, two writers."""

import json

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.db import transaction
from kombu.exceptions import OperationalError

from search import api, indexing, outbox
from search.engines import tantivy as embedded
from search.engines.current import engine
from search.errors import (
    EngineRefused,
    IndexMissing,
    IndexOutdated,
    IndexUnreadable,
    KindTaken,
    KindUnknown,
    WriterBusy,
)
from search.models import SearchOutbox, SearchOutboxQuerySet

NOBODY = AnonymousUser()


def found(query):
    return [hit.id for hit in api.search(query, NOBODY).hits]


@pytest.mark.django_db
def test_a_change_reaches_the_index_when_the_outbox_is_drained(shelf):
    api.rebuild()
    shelf.put("1", "安全生产", kind="book")
    outbox.changed("book", 1)
    assert found("安全生产") == []

    assert api.drain() == 1
    assert found("安全生产") == ["1"]
    assert not SearchOutbox.objects.exists()

    shelf.put("1", "消防条例", kind="book")
    outbox.changed("book", 1)
    outbox.changed("book", 1)
    assert api.drain() == 2
    assert (found("安全生产"), found("消防条例")) == ([], ["1"])


@pytest.mark.django_db
def test_what_can_no_longer_be_found_leaves_the_index(shelf):
    shelf.put("1", "安全生产一", kind="book")
    shelf.put("2", "安全生产二", kind="book")
    api.rebuild()
    shelf.things.clear()
    outbox.changed("book", "1")  # unpublished
    outbox.removed("book", "2")  # deleted
    api.drain()
    assert found("安全生产") == []


@pytest.mark.django_db
def test_a_change_undone_leaves_no_row(shelf):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        outbox.changed("book", 1)
        raise ZeroDivisionError
    assert not SearchOutbox.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_bell_rings_after_the_commit(shelf):
    api.rebuild()
    shelf.put("1", "安全生产", kind="book")
    with transaction.atomic():
        outbox.changed("book", 1)
        assert found("安全生产") == []
    assert found("安全生产") == ["1"]  # tasks run at once under test settings


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_loses_nothing(shelf, monkeypatch, caplog):
    api.rebuild()

    def refuse(**options):
        raise OperationalError("no broker")

    monkeypatch.setattr(outbox.drain_outbox, "apply_async", refuse)
    shelf.put("1", "安全生产", kind="book")
    outbox.changed("book", 1)
    assert "no broker" in caplog.text
    assert SearchOutbox.objects.count() == 1
    api.drain()
    assert found("安全生产") == ["1"]


@pytest.mark.django_db
def test_unknown_and_doubled_kinds_are_refused(shelf):
    with pytest.raises(KindUnknown):
        outbox.changed("quiz", 1)
    assert not SearchOutbox.objects.exists()
    with pytest.raises(KindTaken):
        api.register("book", label="Books", load=lambda ids: [])


@pytest.mark.django_db
def test_one_bad_thing_does_not_keep_its_neighbours_waiting(shelf):
    api.rebuild()
    for id in ("1", "2", "3"):
        shelf.put(id, "安全生产", kind="book")
    shelf.broken = {"2"}
    outbox.changed("book", 1, 2, 3)

    assert api.drain() == 2
    assert sorted(found("安全生产")) == ["1", "3"]
    row = SearchOutbox.objects.get()
    assert (row.object_id, row.attempts) == ("2", 1)
    assert "cannot be read" in row.error
    assert row.next_try_at > row.created_at

    shelf.broken = set()
    SearchOutbox.objects.update(next_try_at=row.created_at)
    api.drain()
    assert sorted(found("安全生产")) == ["1", "2", "3"]


@pytest.mark.django_db
def test_a_killed_commit_is_done_again(shelf, monkeypatch):
    """The worker dies after the index has committed and before the rows are deleted."""
    api.rebuild()
    shelf.put("1", "安全生产", kind="book")
    outbox.changed("book", 1)
    with monkeypatch.context() as patched:
        patched.setattr(SearchOutboxQuerySet, "delete", lambda self: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            api.drain()
    assert found("安全生产") == ["1"]
    assert SearchOutbox.objects.count() == 1
    api.drain()
    assert found("安全生产") == ["1"]
    assert not SearchOutbox.objects.exists()


@pytest.mark.django_db
def test_without_an_index_asking_says_so_and_draining_makes_one(shelf, index_dir):
    shelf.put("1", "安全生产", kind="book")
    with pytest.raises(IndexMissing):
        api.search("安全生产", NOBODY)
    assert not api.is_ready()
    api.drain()
    assert api.is_ready() and found("安全生产") == ["1"]


@pytest.mark.django_db
def test_an_index_of_another_version_is_refused_with_a_sentence_and_made_anew(shelf, another_version):
    shelf.put("1", "安全生产", kind="book")
    api.rebuild()
    another_version()
    with pytest.raises(IndexOutdated, match="rebuild_search"):
        api.search("安全生产", NOBODY)
    api.drain()
    assert found("安全生产") == ["1"]


@pytest.mark.django_db
@pytest.mark.embedded
@pytest.mark.parametrize("part", ["made_by.json", "meta.json", "*.term", "*.store"])
def test_a_damaged_index_is_a_sentence_not_a_crash(shelf, index_dir, part):
    shelf.put("1", "安全生产", kind="book")
    api.rebuild()
    engine()._opened = None
    folder = index_dir / (index_dir / "CURRENT").read_text()
    for file in folder.glob(part):
        file.write_bytes(b"\x00rubbish")
    with pytest.raises(IndexUnreadable):
        api.search("安全生产", NOBODY)


@pytest.mark.django_db
def test_a_second_writer_is_kept_out(shelf):
    shelf.put("1", "安全生产", kind="book")
    api.rebuild()
    outbox.changed("book", 1)
    with engine().exclusively():
        with pytest.raises(WriterBusy):
            api.rebuild()
        assert api.drain() == 0
    assert SearchOutbox.objects.count() == 1
    assert api.drain() == 1


@pytest.mark.django_db
def test_a_failed_rebuild_leaves_the_old_index_in_use(shelf, indexes):
    shelf.put("1", "安全生产", kind="book")
    api.rebuild()
    before, _ = indexes()
    shelf.broken = {"1"}
    with pytest.raises(ValueError, match="cannot be read"):
        api.rebuild()
    assert indexes()[0] == before
    assert found("安全生产") == ["1"]


@pytest.mark.django_db
@pytest.mark.embedded
def test_an_index_says_what_made_it(shelf, index_dir):
    shelf.put("1", "安全生产", kind="book")
    api.rebuild()
    made_by = json.loads((index_dir / (index_dir / "CURRENT").read_text() / "made_by.json").read_text())
    assert (made_by["documents"], made_by["version"]) == (1, embedded.VERSION)


@pytest.mark.django_db
def test_the_command_rebuilds_and_can_leave_a_good_index_alone(shelf, indexes, capsys):
    shelf.put("1", "安全生产", kind="book")
    call_command("rebuild_search", "--if-needed")
    assert found("安全生产") == ["1"]

    before, _ = indexes()
    shelf.put("2", "安全生产", kind="book")
    outbox.changed("book", 2)
    call_command("rebuild_search", "--if-needed")
    assert indexes()[0] == before
    assert sorted(found("安全生产")) == ["1", "2"]

    call_command("rebuild_search")
    assert indexes()[0] != before


@pytest.mark.django_db
def test_an_index_that_cannot_be_made_is_not_tried_every_two_seconds(shelf, monkeypatch):
    monkeypatch.setattr(indexing, "_tired_until", {})
    shelf.put("1", "安全生产", kind="book")
    shelf.broken = {"1"}
    with pytest.raises(ValueError, match="cannot be read"):
        api.drain()
    shelf.broken = set()
    assert api.drain() == 0 and not api.is_ready()
    monkeypatch.setattr(indexing, "_tired_until", {})
    api.drain()
    assert found("安全生产") == ["1"]


@pytest.mark.django_db
@pytest.mark.embedded
def test_a_server_that_refuses_us_is_not_asked_every_two_seconds(shelf, monkeypatch):
    monkeypatch.setattr(indexing, "_tired_until", {})
    shelf.put("1", "安全生产", kind="book")
    api.rebuild()
    outbox.changed("book", 1)
    asked = []

    def refuse():
        asked.append(1)
        raise EngineRefused("401")

    with monkeypatch.context() as refusing:
        refusing.setattr(engine(), "verify", refuse)
        with pytest.raises(EngineRefused):
            api.drain()
        assert api.drain() == 0
    assert (asked, SearchOutbox.objects.count()) == ([1], 1)
    # And after a minute, when somebody has seen to it
    monkeypatch.setattr(indexing, "_tired_until", {})
    assert api.drain() == 1
