"""The nightly comparison: what differs is named and repaired, what is only on its way is left alone."""

from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command

from search import api, documents, outbox, tasks, verification
from search.engines import tantivy as embedded
from search.engines.current import engine
from search.entries import entries
from search.errors import IndexMissing
from search.models import IndexCheck, SearchOutbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def books(shelf):
    """Four books in the index; then one is missing in it, one is older than the truth, one should not be there."""
    for id in ("1", "2", "3", "4"):
        shelf.put(id, f"安全生产{id}", kind="book")
    api.rebuild()
    with engine().writing() as writer:
        writer.drop("book", "1")
    shelf.put("2", "安全生产改", kind="book")
    del shelf.things["book:3"]
    return shelf


def differences(**options):
    return {one.kind: (one.missing, one.stale, one.ghosts) for one in api.verify(repair=False, **options)}


def test_an_index_that_says_the_truth_differs_in_nothing(library):
    api.rebuild()
    assert differences() == {"book": ([], [], []), "film": ([], [], [])}
    check = IndexCheck.objects.get()
    assert (check.documents, check.differences, check.repaired) == (10, 0, False)


def test_what_is_missing_stale_or_too_many_is_named_and_only_counted(books):
    assert differences() == {"book": (["1"], ["2"], ["3"]), "film": ([], [], [])}
    assert not SearchOutbox.objects.exists()
    check = IndexCheck.objects.get()
    assert (check.documents, check.missing, check.stale, check.ghosts) == (3, 1, 1, 1)


def test_the_nightly_task_repairs_through_the_outbox(books):
    assert tasks.verify_index() == 3
    assert sorted(SearchOutbox.objects.values_list("object_id", flat=True)) == ["1", "2", "3"]
    api.drain()
    assert tasks.verify_index() == 0
    assert [one.differences for one in IndexCheck.objects.all()] == [0, 3]


@pytest.mark.parametrize(
    "change",
    [
        {"acl": ["members"]},
        {"url": "/elsewhere/"},
        {"category": "党史"},
        {"extra": {"lecturer": "李明"}},
        {"body": "安全生产。"},
        {"duration_s": 12.5},
    ],
)
def test_a_difference_in_anything_is_seen(shelf, change):
    shelf.put("1", "安全生产", kind="book")
    api.rebuild()
    shelf.things["book:1"] = replace(shelf.things["book:1"], **change)
    assert differences()["book"] == ([], ["1"], [])


def test_what_waits_in_the_outbox_is_no_difference(books):
    outbox.changed("book", 1, 2)
    outbox.removed("book", 3)
    assert differences()["book"] == ([], [], [])


def test_changes_during_the_comparison_are_no_difference(shelf, monkeypatch):
    """The truth was read; then a thing is changed and indexed; then the index is read."""
    for id in ("1", "2"):
        shelf.put(id, f"安全生产{id}", kind="book")
    api.rebuild()

    def meanwhile():
        shelf.put("1", "安全生产改", kind="book")
        shelf.put("3", "安全生产新", kind="book")
        shelf.things.pop("book:2", None)
        outbox.changed("book", 1, 2, 3)
        api.drain()

    assert differences(meanwhile=meanwhile)["book"] == ([], [], [])
    # And a change between the second looks
    real = verification.read_each
    shelf.put("1", "安全生产一", kind="book")

    def read_each(kind, ids):
        found = real(kind, ids)
        if shelf.things["book:1"].title == "安全生产一":
            shelf.put("1", "安全生产又改", kind="book")
            outbox.changed("book", 1)
            api.drain()
        return found

    monkeypatch.setattr(verification, "read_each", read_each)
    assert differences()["book"] == ([], [], [])


def test_what_cannot_be_read_is_said_and_is_no_ghost(shelf, monkeypatch):
    for id in ("1", "2"):
        shelf.put(id, f"安全生产{id}", kind="book")
    kind = documents.Kind("book", "Books", shelf.loader("book"), ids=lambda: ["1", "2"])
    monkeypatch.setitem(documents._kinds, "book", kind)
    api.rebuild()
    shelf.broken = {"2"}
    [books, _films] = api.verify(repair=True)
    assert (books.unreadable, books.differing) == (["2"], [])
    assert not SearchOutbox.objects.exists()
    assert IndexCheck.objects.get().unreadable == 1


@pytest.mark.embedded  # the other engine knows each document by its id
def test_the_same_document_twice_in_the_index_is_repaired(shelf):
    shelf.put("1", "安全生产", kind="book")
    api.rebuild()
    with engine().writing() as writer:
        for entry in entries(shelf.things.values()):
            writer.add(entry)
    assert differences()["book"] == ([], ["1"], [])
    tasks.verify_index()
    api.drain()
    assert differences()["book"] == ([], [], [])


def test_an_inventory_has_every_page_of_documents(shelf, monkeypatch):
    monkeypatch.setattr(embedded, "PAGE", 3)
    for number in range(10):
        shelf.put(str(number), f"安全生产{number}", kind="book")
    shelf.put("1", "安全生产", kind="film")
    api.rebuild()
    assert sorted(id for id, _ in engine().inventory("book")) == [str(number) for number in range(10)]
    assert sorted(id for id, _ in engine().inventory("book", ["3", "7", "77"])) == ["3", "7"]
    assert list(engine().inventory("book", [])) == []


def test_the_command_says_what_differs_and_can_repair(books, capsys):
    with pytest.raises(CommandError, match="3 处"):
        call_command("search_verify")
    assert not SearchOutbox.objects.exists()
    assert capsys.readouterr().out.splitlines() == [
        "book：3 条，缺 1 条，过时 1 条，多余 1 条，读不出 0 条",
        "  book 1",
        "  book 2",
        "  book 3",
        "film：0 条，缺 0 条，过时 0 条，多余 0 条，读不出 0 条",
    ]
    call_command("search_verify", "--repair")
    assert SearchOutbox.objects.count() == 3
    api.drain()
    call_command("search_verify")
    assert "一致" in capsys.readouterr().out


def test_without_an_index_there_is_nothing_to_compare(shelf):
    with pytest.raises(IndexMissing):
        api.verify(repair=True)
    with pytest.raises(CommandError, match="rebuild_search"):
        call_command("search_verify")
    assert not IndexCheck.objects.exists()
