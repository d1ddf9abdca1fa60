"""What is Elasticsearch's alone: aliases and indexes, versions, refused documents, parts, several shards."""

from contextlib import contextmanager
from datetime import date

import pytest
from django.contrib.auth.models import AnonymousUser

from search import api, indexing, outbox
from search.documents import Document
from search.engines.current import engine
from search.engines.elasticsearch import engine as engine_module
from search.engines.elasticsearch import mapping
from search.entries import entry_of
from search.errors import IndexMissing, IndexUnreadable, NoSpaceLeft, WritesRefused
from search.models import SearchOutbox

pytestmark = [pytest.mark.django_db, pytest.mark.elasticsearch]
NOBODY = AnonymousUser()


@pytest.fixture
def engine_kind(elasticsearch_only):
    return elasticsearch_only


@pytest.fixture
def client(engine_kind):
    with engine().cluster.asking() as client:
        yield client


def found(query="安全生产"):
    return [hit.id for hit in api.search(query, NOBODY).hits]


def entry(id, title="安全生产", **more):
    return entry_of(Document(id=id, kind="book", title=title, acl=["public"], **more), {})


def test_only_what_the_core_of_the_server_has_is_asked_for():
    described = mapping.index_of(shards=1)
    fields = described["mappings"]["properties"].values()
    assert {one["type"] for one in fields} == {"keyword", "integer", "text"}
    assert {one["analyzer"] for one in fields if one["type"] == "text"} == {"whitespace"}
    assert set(described["settings"]["index"]) == {"refresh_interval", "auto_expand_replicas", "gc_deletes"}


def test_a_rebuild_leaves_one_index_behind_the_alias_and_sweeps_what_the_killed_left(shelf, client, settings):
    alias = settings.SEARCH["INDEX"]
    shelf.put("1", "安全生产", kind="book")
    api.rebuild()
    client.indices.create(index=f"{alias}.v7", **mapping.index_of(shards=1))  # by somebody killed since then
    client.indices.create(index=f"{alias}-other.v1", **mapping.index_of(shards=1))  # another index of ours
    api.rebuild()
    assert sorted(client.indices.get_alias(index=f"{alias}*").body) == [f"{alias}-other.v1", f"{alias}.v8"]
    assert found() == ["1"]


def test_an_index_in_the_place_of_the_alias_is_a_sentence(shelf, client, settings):
    client.indices.create(index=settings.SEARCH["INDEX"])
    with pytest.raises(IndexUnreadable, match="delete that index"):
        api.search("安全生产", NOBODY)


def test_an_alias_of_two_indexes_is_mended_by_a_rebuild(shelf, client, settings):
    alias = settings.SEARCH["INDEX"]
    shelf.put("1", "安全生产", kind="book")
    api.rebuild()
    client.indices.create(index=f"{alias}.v5", aliases={alias: {}})
    engine()._seen = None
    with pytest.raises(IndexUnreadable, match="several"):
        api.search("安全生产", NOBODY)
    api.rebuild()
    assert found() == ["1"]


def test_writing_never_makes_an_index_by_accident(shelf, client, settings, lose_index):
    api.rebuild()
    with pytest.raises(IndexMissing), engine().writing() as writer:
        writer.put(entry("1"))
        lose_index()
    assert client.indices.get(index=f"{settings.SEARCH['INDEX']}*").body == {}


def test_another_process_follows_a_rebuild_at_once(shelf, settings):
    shelf.put("1", "安全生产", kind="book")
    api.rebuild()
    one = engine()
    other = engine_module.ElasticsearchEngine(one.cluster, one.alias, one.folder)
    other.verify()
    shelf.put("2", "安全生产", kind="book")
    one.rebuild(iter([entry("1"), entry("2")]))
    plan = api.plan("安全生产")
    assert len(other.find(plan, ["public"], kind=None, offset=0, limit=9).rows) == 2


def test_a_writer_that_slept_does_not_overwrite_what_came_after_it(shelf, monkeypatch):
    """Its lock is gone (the machine stood still, the database let the session go), but it does not know."""
    api.rebuild()
    with pytest.raises(WritesRefused) as told, engine().writing() as sleeper:
        sleeper.put(entry("1", "安全生产旧稿"))
        sleeper.drop("book", "2")
        monkeypatch.setattr(engine_module.time, "time_ns", lambda: (sleeper._began + 5) * 1_000_000)
        with engine().writing() as other:
            other.put(entry("1", "安全生产新稿"))
            other.put(entry("2", "安全生产"))
    assert set(told.value.refused) == {("book", "1"), ("book", "2")}
    assert sorted(found()) == ["1", "2"]
    assert found("新稿") == ["1"]


def test_a_document_that_is_refused_waits_and_its_neighbours_do_not(shelf, monkeypatch):
    api.rebuild()
    for id in ("1", "2", "3"):
        shelf.put(id, "安全生产", kind="book")
    outbox.changed("book", 1, 2, 3)
    lying = mapping.lying
    with monkeypatch.context() as patched:
        patched.setattr(
            mapping, "lying", lambda one: {**lying(one), "unknown": 1} if one.id == "2" else lying(one)
        )
        assert api.drain() == 2
    assert sorted(found()) == ["1", "3"]
    [row] = SearchOutbox.objects.all()
    assert (row.object_id, row.attempts) == ("2", 1)
    assert "strict_dynamic_mapping_exception" in row.error

    SearchOutbox.objects.update(next_try_at=row.created_at)
    assert api.drain() == 1
    assert sorted(found()) == ["1", "2", "3"]


def test_a_full_disk_is_told_as_such_and_nothing_is_lost(shelf, client, monkeypatch):
    """The server itself forbids writing when the disk is 95 % full, and allows it again later."""
    monkeypatch.setattr(indexing, "_tired_until", {})
    shelf.put("1", "安全生产", kind="book")
    api.rebuild()
    shelf.put("2", "安全生产", kind="book")
    outbox.changed("book", 2)
    block = {"index.blocks.read_only_allow_delete": True}
    client.indices.put_settings(index=engine().alias, settings=block)
    with pytest.raises(NoSpaceLeft):
        api.drain()
    assert (found(), SearchOutbox.objects.count()) == (["1"], 1)

    client.indices.put_settings(index=engine().alias, settings=dict.fromkeys(block))
    monkeypatch.setattr(indexing, "_tired_until", {})
    api.drain()
    assert (sorted(found()), SearchOutbox.objects.count()) == (["1", "2"], 0)


def test_a_long_text_a_long_title_and_many_labels_fit(shelf):
    shelf.put(
        "1", "长" * 5000, "安全生产" * 50_000, kind="book", category="类" * 3000, published_on=date(1, 1, 1)
    )
    assert api.rebuild() == 1
    assert found() == ["1"]


def test_all_parts_of_a_thing_go_together_also_those_that_nobody_sees_yet(shelf, monkeypatch):
    monkeypatch.setattr(engine_module, "PAGE", 3)
    api.rebuild()
    with engine().writing() as writer:
        for number in range(7):
            writer.put(entry(f"a{number}", group="a"))
        writer.put(entry("b", group="b"))
    # Given a writer that was killed before readers could see what it had written
    ghost = engine_module.ElasticsearchWriter(engine(), engine().alias, is_alias=True)
    ghost.put(entry("a9", group="a"))
    ghost.send()
    with engine().writing() as writer:
        writer.put(entry("a8", group="a"))
        writer.drop_group("book", "a")
        writer.put(entry("a0", group="a"))
    assert sorted(found()) == ["a0", "b"]


def test_what_could_not_be_sent_early_fails_the_whole_block(shelf, monkeypatch):
    """A writer with much in hand sends before its end; a failure there must not look like success."""
    monkeypatch.setattr(engine_module, "PENDING_BYTES", 10)
    api.rebuild()
    real, tries = engine().send, []

    def sometimes(actions, **more):
        tries.append(len(actions))
        if len(tries) == 1:
            raise api.SearchError("away")
        return real(actions, **more)

    monkeypatch.setattr(engine(), "send", sometimes)
    with engine().writing() as writer:
        writer.put(entry("1"))
        with pytest.raises(api.SearchError):
            writer.put(entry("2"))
        writer.put(entry("3"))
    assert sorted(found()) == ["1", "3"]


def test_a_block_that_fails_leaves_nothing_to_be_seen(shelf):
    api.rebuild()

    @contextmanager
    def failing():
        with engine().writing() as writer:
            yield writer
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), failing() as writer:
        writer.put(entry("1"))
    engine().refresh(engine().alias)
    assert found() == []


def test_several_shards_score_as_one(library, settings):
    api.rebuild()
    one = {query: [(hit.id, hit.score) for hit in api.search(query, NOBODY).hits] for query in QUERIES}
    settings.SEARCH = {**settings.SEARCH, "SHARDS": 3, "INDEX": settings.SEARCH["INDEX"] + "s"}
    api.rebuild()
    several = {query: [(hit.id, hit.score) for hit in api.search(query, NOBODY).hits] for query in QUERIES}
    assert {query: [id for id, _ in hits] for query, hits in several.items()} == {
        query: [id for id, _ in hits] for query, hits in one.items()
    }
    for query, hits in several.items():
        assert [score for _, score in hits] == pytest.approx([score for _, score in one[query]], rel=1e-3)


QUERIES = ("民主集中制", "党费", "预备党员转正需要什么材料？", "三会一课", "mzjzz", "党员")


def test_the_index_tells_its_size(library):
    api.rebuild()
    assert 1_000 < engine().size_bytes() < 1_000_000
