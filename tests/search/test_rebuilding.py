"""A rebuild goes on beside everything else: changes are visible during it, none is lost by it, nothing of a killed one stays."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import CommandError, call_command

from search import api, documents, indexing, outbox
from search.engines import tantivy as embedded
from search.engines.current import engine
from search.errors import IndexUnreadable, NoSpaceLeft
from search.models import SearchOutbox

pytestmark = pytest.mark.django_db

NOBODY = AnonymousUser()
HERE = Path(__file__).parent


def titles(query="安全生产"):
    return sorted(hit.title for hit in api.search(query, NOBODY).hits)


def folders(index_dir):
    return sorted(one.name for one in index_dir.glob("index-*"))


@pytest.fixture
def during(shelf, monkeypatch):
    """A function: what it is given happens in the middle of the next rebuild, when every book has been read.

    Then changes are looked for after every document, and `seen` has what readers find right before the swap.
    """
    monkeypatch.setattr(indexing.LiveChanges, "EVERY_S", 0)
    happenings = []
    films = shelf.loader("film")

    def load(ids):
        while ids is None and happenings:
            happenings.pop(0)()
        return films(ids)

    monkeypatch.setitem(documents._kinds, "film", documents.Kind("film", "Films", load))
    shelf.put("9", "片子", kind="film")
    return happenings.append


@pytest.fixture
def seen(monkeypatch):
    looks: list[list[str]] = []
    real = indexing.LiveChanges.noted

    def noted(changes):
        if api.is_ready():
            looks.append(titles())
        return real(changes)

    monkeypatch.setattr(indexing.LiveChanges, "noted", noted)
    return looks


def test_a_change_during_a_rebuild_is_seen_at_once_and_stands_in_the_new_index_too(
    shelf, indexes, during, seen
):
    for id in ("1", "2", "3"):
        shelf.put(id, f"安全生产{id}", kind="book")
    api.rebuild()
    seen.clear()
    before, _ = indexes()

    @during
    def change():
        shelf.put("2", "安全生产改", kind="book")
        shelf.put("4", "安全生产新", kind="book")
        del shelf.things["book:1"], shelf.things["book:3"]
        outbox.changed("book", 1, 2, 4)
        outbox.removed("book", 3)

    api.rebuild()
    assert seen[0] == ["安全生产改", "安全生产新"]  # readers of the old index, before the swap
    used, there = indexes()
    assert used != before and there == [used]
    assert titles() == ["安全生产改", "安全生产新"]
    assert not SearchOutbox.objects.exists()


def test_changes_that_come_while_changes_are_written_again_are_not_lost_either(shelf, during, monkeypatch):
    shelf.put("1", "安全生产一", kind="book")
    api.rebuild()
    during(lambda: outbox.changed("book", 1))
    drafts = iter(["安全生产二", "安全生产三"])
    real = indexing._take_in

    def take_in(index, writer, things):
        failed = real(index, writer, things)
        if draft := next(drafts, None):  # right after the thing was read
            shelf.put("1", draft, kind="book")
            outbox.changed("book", 1)
        return failed

    monkeypatch.setattr(indexing, "_take_in", take_in)
    api.rebuild()
    api.drain()
    assert titles() == ["安全生产三"]
    assert not SearchOutbox.objects.exists()


def test_while_there_is_no_usable_index_changes_wait_for_the_new_one(shelf, index_dir, during):
    shelf.put("1", "安全生产一", kind="book")
    waiting = []

    @during
    def change():
        shelf.put("1", "安全生产改", kind="book")
        outbox.changed("book", 1)
        waiting.append(SearchOutbox.objects.count())

    assert api.drain() == 1
    assert waiting == [1]
    assert titles() == ["安全生产改"]


def test_a_present_index_that_cannot_be_written_does_not_end_the_rebuild(shelf, during, monkeypatch):
    shelf.put("1", "安全生产一", kind="book")
    api.rebuild()

    def refuse():
        raise IndexUnreadable("FileAlreadyExists")

    @during
    def change():
        shelf.put("1", "安全生产改", kind="book")
        outbox.changed("book", 1)

    with monkeypatch.context() as patched:
        patched.setattr(engine(), "writing", refuse)
        api.rebuild()
    assert SearchOutbox.objects.count() == 1
    assert api.drain() == 1
    assert titles() == ["安全生产改"]


def test_a_rebuild_forgets_what_is_gone_without_a_word(shelf):
    shelf.put("1", "安全生产一", kind="book")
    shelf.put("2", "安全生产二", kind="book")
    api.rebuild()
    del shelf.things["book:1"]
    assert api.rebuild() == 1
    assert titles() == ["安全生产二"]


def test_one_unreadable_thing_does_not_keep_a_kind_with_ids_out_of_the_new_index(shelf, monkeypatch):
    for id in ("1", "2", "3"):
        shelf.put(id, f"安全生产{id}", kind="book")
    ids = lambda: [1, 2, 3, 4]  # noqa: E731  (4 is a draft: nothing that may be found)
    monkeypatch.setitem(
        documents._kinds, "book", documents.Kind("book", "Books", shelf.loader("book"), ids=ids)
    )
    shelf.broken = {"2"}

    assert api.rebuild() == 2
    assert titles() == ["安全生产1", "安全生产3"]
    row = SearchOutbox.objects.get()
    assert (row.kind, row.object_id, row.attempts) == ("book", "2", 1)
    assert "cannot be read" in row.error


@pytest.mark.embedded
def test_what_a_killed_rebuild_left_behind_goes_with_the_next_one(shelf, index_dir):
    shelf.put("1", "安全生产", kind="book")
    api.rebuild()
    half = index_dir / "index-20260101-000000-abcdef"
    half.mkdir()
    (half / "meta.json").write_text("{")
    assert titles() == ["安全生产"]  # nobody looks at it

    api.rebuild()
    assert folders(index_dir) == [(index_dir / "CURRENT").read_text()]
    assert titles() == ["安全生产"]


def test_a_rebuild_that_fails_in_the_middle_leaves_the_old_index_and_no_rubbish(shelf, indexes, during):
    shelf.put("1", "安全生产", kind="book")
    api.rebuild()
    before, _ = indexes()

    @during
    def fail():
        raise ValueError("the database went away")

    with pytest.raises(ValueError, match="went away"):
        api.rebuild()
    assert indexes() == (before, [before])
    assert titles() == ["安全生产"]


def test_a_full_disk_is_said_in_plain_words_by_the_command(shelf, monkeypatch):
    shelf.put("1", "安全生产", kind="book")
    api.rebuild()

    def full():
        raise NoSpaceLeft("/srv/search", "No space left on device")

    monkeypatch.setattr(engine(), "renewal", full)
    with pytest.raises(CommandError, match="磁盘已满"):
        call_command("rebuild_search")
    assert titles() == ["安全生产"]


def test_on_a_full_disk_draining_rests_and_keeps_the_changes(shelf, monkeypatch):
    monkeypatch.setattr(indexing, "_tired_until", {})
    shelf.put("1", "安全生产一", kind="book")
    api.rebuild()
    shelf.put("1", "安全生产改", kind="book")
    outbox.changed("book", 1)

    def full():
        raise NoSpaceLeft("/srv/search", "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(engine(), "writing", full)
        with pytest.raises(NoSpaceLeft):
            api.drain()
        assert api.drain() == 0
    row = SearchOutbox.objects.get()
    assert (row.attempts, row.error) == (0, "")  # not the thing's fault
    monkeypatch.setattr(indexing, "_tired_until", {})
    api.drain()
    assert titles() == ["安全生产改"]


@pytest.mark.skipif(
    not shutil.which("bwrap"), reason="needs bubblewrap for a small file system; .ci/run has it"
)
def test_a_disk_that_is_really_full_in_the_middle_of_a_rebuild(tmp_path):
    """On a file system of some megabytes: the old index goes on answering, and is rebuilt when there is room."""
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(
        [
            *("bwrap", "--dev-bind", "/", "/", "--size", str(16 * 1024**2), "--tmpfs", str(disk)),
            *(sys.executable, str(HERE / "full_disk_process.py"), str(disk)),
        ],
        env={**os.environ, "PYTHONPATH": f"{HERE.parents[1]}{os.pathsep}{HERE.parents[1] / 'site'}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.splitlines() == [
        "before: 3",
        "rebuild: NoSpaceLeft, after it: 3",
        "change: NoSpaceLeft, after it: 3",
        "with room again: 0 1 2 4",
        "left on the disk: 1 index",
    ], done.stderr


def test_a_commit_in_a_thread_lets_others_go_on(tmp_path):
    """The engine calls `meanwhile` in the caller's thread while it commits much."""
    calls = []
    kept = embedded.TantivyEngine(tmp_path)
    with kept.renewal() as fresh, fresh.writing(lambda: calls.append(os.getpid())):
        pass
    assert calls and set(calls) == {os.getpid()}
