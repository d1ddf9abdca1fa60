"""A writer killed in the middle of its commit: its files lie there, but the index does not know them yet."""

import pytest
from django.contrib.auth.models import AnonymousUser

from search import api, indexing, outbox
from search.engines import current
from search.models import SearchOutbox

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


@pytest.fixture
def killed_commit(library, index_dir):
    """The change of book 1 has been written to disk up to, but without, the last step of its commit."""
    indexing.rebuild()
    meta = index_dir / (index_dir / "CURRENT").read_text().strip() / "meta.json"
    before = meta.read_bytes()
    library.put("1", "油灯照亮的夜校", kind="book")
    outbox.changed("book", "1")
    assert indexing.drain() == 1
    meta.write_bytes(before)
    outbox.changed("book", "1")  # the row of a killed worker is still there
    current._embedded.cache_clear()  # as a new process


def titles(query):
    return [hit.title for hit in api.search(query, AnonymousUser()).hits]


def test_the_next_worker_finishes_the_work_on_the_same_index(killed_commit, index_dir):
    before = (index_dir / "CURRENT").read_text()

    assert indexing.drain() == 1

    assert (index_dir / "CURRENT").read_text() == before, "it was made anew instead"
    assert titles("油灯照亮的夜校") == ["油灯照亮的夜校"]
    assert not SearchOutbox.objects.exists()


def test_an_index_that_cannot_be_written_is_made_anew(killed_commit, monkeypatch, index_dir):
    broken = (index_dir / "CURRENT").read_text()
    current.engine().verify()
    real = current.engine().writing

    def refuse_the_old_one():
        if (index_dir / "CURRENT").read_text() == broken:
            raise indexing.IndexUnreadable("FileAlreadyExists")
        return real()

    monkeypatch.setattr(current.engine(), "writing", refuse_the_old_one)

    assert indexing.drain() == 1

    assert (index_dir / "CURRENT").read_text() != broken
    assert titles("油灯照亮的夜校") == ["油灯照亮的夜校"]


def test_what_a_new_index_does_not_mend_is_said_and_keeps_the_changes(killed_commit, monkeypatch):
    def refuse():
        raise indexing.IndexUnreadable("No space left on device")

    monkeypatch.setattr(current.engine(), "writing", refuse)

    with pytest.raises(indexing.IndexUnreadable):
        indexing.drain()

    assert SearchOutbox.objects.count() == 1
