"""What the start-up checks say."""

import pytest
import tantivy

from search import api, checks
from search.engines import tantivy as embedded
from search.engines.current import engine


def said():
    return [message.id for message in checks.check_search()]


@pytest.mark.django_db
def test_a_missing_or_good_index_is_no_complaint(shelf):
    assert said() == []
    api.rebuild()
    assert said() == []
    with engine().exclusively():
        assert said() == []  # our own worker at work


def test_an_unknown_engine(settings):
    settings.SEARCH = {**settings.SEARCH, "ENGINE": "sphinx"}
    assert said() == ["search.E001"]


@pytest.mark.django_db
def test_an_index_of_another_version(shelf, another_version):
    api.rebuild()
    another_version()
    assert said() == ["search.W001"]


@pytest.mark.django_db
@pytest.mark.embedded
def test_a_damaged_index(shelf, index_dir):
    api.rebuild()
    engine()._opened = None
    (index_dir / (index_dir / "CURRENT").read_text() / "meta.json").write_bytes(b"rubbish")
    assert said() == ["search.W002"]


@pytest.mark.django_db
@pytest.mark.embedded
def test_a_writer_without_our_lock(shelf, index_dir):
    api.rebuild()
    index = embedded._prepared(tantivy.Index.open(str(index_dir / (index_dir / "CURRENT").read_text())))
    writer = index.writer(15_000_000, 1)
    assert said() == ["search.E003"]
    del writer


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"URL": "localhost"}, "search.E004"),
        ({"URL": "http://user:geheim@es one:9200"}, "search.E004"),
        ({"URL": "http://127.0.0.1:1"}, "search.W003"),
        ({"URL": "http://127.0.0.1:1", "INDEX": "Party School"}, "search.E004"),
    ],
)
def test_an_address_that_is_none_or_does_not_answer(settings, more, message):
    settings.SEARCH = {**settings.SEARCH, "ENGINE": "elasticsearch", **more}
    [told] = checks.check_search()
    assert told.id == message
    assert "geheim" not in told.msg
