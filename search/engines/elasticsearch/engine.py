"""The engine over one alias of an Elasticsearch cluster.

ALIAS                      what is asked and written; leads to the one index in use
ALIAS.v1, ALIAS.v2 …       indexes; `_meta` in the mapping says which analyser and schema made it
"""

import json
import logging
import re
import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch
from elasticsearch.dsl import A, Search
from elasticsearch.dsl.query import Bool, Query, Terms
from elasticsearch.helpers import ScanError, scan, streaming_bulk

from search.engines import ANYTHING, FACETS, Entry, Filters, Found, Some, Sort, key_of
from search.engines.elasticsearch import mapping, plans
from search.engines.elasticsearch.cluster import Cluster
from search.engines.turns import only_writer
from search.errors import (
    EngineUnreachable,
    IndexMissing,
    IndexOutdated,
    IndexUnreadable,
    NoSpaceLeft,
    SearchError,
    WritesRefused,
)
from search.query import Plan

__all__ = ["ElasticsearchEngine", "ElasticsearchWriter"]

log = logging.getLogger(__name__)

TRUSTED_FOR_S = 2.0
"""So long queries believe that the alias still leads to the index that was looked at."""
MOST_VALUES = 100
"""Values of a facet that are counted."""
CHUNK_DOCUMENTS, CHUNK_BYTES = 500, 8 * 1024 * 1024
"""A request of writing holds at most so many."""
PENDING_BYTES = 32 * 1024 * 1024
"""What a writer keeps before it begins to send."""
PAGE = 1000
"""Documents of an inventory that are fetched at a time."""
MATCHES_AT_ONCE = 5000
TRIES = 4
"""How often a document is sent that the cluster was too busy for."""


@dataclass(frozen=True)
class _Seen:
    index: str
    version: str
    at: float


class ElasticsearchWriter:
    """A grip on an index for one writer: collects, and sends at the end of the block (or when it is much).

    What was sent early and then given up is only not undone: it is never older than what was there,
    and its row in the outbox stays. Each document bears the moment at which the block began; one that
    bears a later moment is never overwritten by a writer that slept meanwhile (`external_gte`).
    """

    def __init__(
        self,
        engine: "ElasticsearchEngine",
        index: str,
        *,
        is_alias: bool,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> None:
        self._engine, self._index, self._is_alias, self._meanwhile = engine, index, is_alias, meanwhile
        self._began = time.time_ns() // 1_000_000
        self._waiting: dict[tuple[str, str], dict[str, Any]] = {}
        self._groups: dict[str, set[tuple[str, str]]] = {}
        self._is_fresh = False
        self._bytes = 0
        self.refused: dict[tuple[str, str], str] = {}

    def put(self, entry: Entry) -> None:
        document = mapping.lying(entry)
        self._add((entry.kind, entry.id), {"_op_type": "index", "_source": document})
        self._bytes += 2 * sum(len(text) for text in document.values() if isinstance(text, str))
        if entry.group:
            self._groups.setdefault(entry.group, set()).add((entry.kind, entry.id))

    def add(self, entry: Entry) -> None:
        self.put(entry)

    def drop(self, kind: str, id: str) -> None:
        self._add((kind, id), {"_op_type": "delete"})

    def drop_group(self, kind: str, group: str) -> None:
        if not self._is_fresh:
            # Somebody who was killed before his refresh may have left documents that nobody sees yet.
            self._engine.refresh(self._index)
            self._is_fresh = True
        name = key_of(kind, group)
        for thing in self._groups.pop(name, set()) | self._engine.group(self._index, name):
            self.drop(*thing)

    def _add(self, thing: tuple[str, str], action: dict[str, Any]) -> None:
        if self._bytes > PENDING_BYTES:
            self.send()
        self._waiting[thing] = {
            **action,
            "_index": self._index,
            "_id": key_of(*thing),
            "version": self._began,
            "version_type": "external_gte",
        }

    def send(self) -> None:
        """Hand over what waits; readers see it after the next refresh."""
        waiting = list(self._waiting.values())
        self.refused |= self._engine.send(waiting, is_alias=self._is_alias, meanwhile=self._meanwhile)
        # Only now: what could not be sent is tried again at the end of the block, which then fails as a whole.
        self._waiting, self._bytes = {}, 0

    def finish(self) -> None:
        """Send the rest and let it all be seen; raises WritesRefused when some was not taken."""
        self.send()
        self._engine.refresh(self._index)
        if self.refused:
            raise WritesRefused(self.refused)


class ElasticsearchRenewal:
    """A new index to which the alias does not lead yet."""

    def __init__(self, engine: "ElasticsearchEngine", index: str) -> None:
        self._engine, self._index = engine, index

    @contextmanager
    def writing(self, meanwhile: Callable[[], object] = lambda: None) -> Iterator[ElasticsearchWriter]:
        writer = ElasticsearchWriter(self._engine, self._index, is_alias=False, meanwhile=meanwhile)
        yield writer
        writer.finish()


class ElasticsearchEngine:
    """The engine over one alias; safe to share between threads and to be made anew in every process.

    `folder` holds the lock of this machine; among machines PostgreSQL says whose turn it is.
    """

    def __init__(self, cluster: Cluster, alias: str, folder: Path, *, shards: int = 1) -> None:
        self.cluster, self.alias, self.folder, self.shards = cluster, alias, folder, shards
        self._seen: _Seen | None = None
        self._lock = threading.Lock()

    # Reading

    def verify(self) -> None:
        self._look()

    def find(
        self,
        plan: Plan,
        access: Iterable[str],
        *,
        kind: str | None,
        offset: int,
        limit: int,
        titles: bool = False,
        filters: Filters = ANYTHING,
        sort: Sort = "relevance",
        facets: bool = False,
    ) -> Found:
        self._trusted()
        if plan.is_empty:
            return Found()
        must, extra = plans.scored(plan, titles)
        only, without = plans.by_key(filters)
        labels = {name: plans.exactly(name, label) for name, label in filters.labels().items()}
        of_kind = [plans.exactly("kind", kind)] if kind is not None else []
        # Labels narrow the query itself; only where facets are wanted these need to look past them.
        before = [] if facets else list(labels.values())
        after = list(labels.values()) if facets else []
        asked = Search().query(
            Bool(
                filter=[plans.visible(frozenset(access)), *only, *before],
                must=[must],
                must_not=without,
                should=extra,
            )
        )
        if of_kind or after:
            asked = asked.post_filter(Bool(filter=[*of_kind, *after]))
        _count(asked, "kind", after)
        if facets:
            for name in FACETS:
                others = [one for other, one in labels.items() if other != name]
                _count(asked, name, [*of_kind, *others])
        asked = asked.sort(*(("_score",) if sort == "relevance" else ("-day",)), "key")
        asked = asked[offset : offset + limit].source(["stored"]).extra(track_total_hits=False)
        answered = self._ask(asked.to_dict(), plan.normal)
        rows = [
            (float(hit["_score"] or 0.0), json.loads(hit["_source"]["stored"]))
            for hit in answered["hits"]["hits"]
        ]
        counted = {name: _counted(found) for name, found in answered["aggregations"].items()}
        return Found(rows, counted.pop("kind"), counted)

    def fetch(self, keys: Collection[str], access: Iterable[str] | None) -> Iterator[dict[str, Any]]:
        among = [] if access is None else [plans.visible(frozenset(access))]
        ordered = sorted(keys)
        for start in range(0, len(ordered), PAGE):
            asked = Search().query(Bool(filter=[Terms(key=ordered[start : start + PAGE]), *among]))
            for hit in self._ask(asked[:PAGE].source(["stored"]).to_dict(), "")["hits"]["hits"]:
                yield json.loads(hit["_source"]["stored"])

    def kinds(self) -> set[str]:
        asked = Search().query(Bool(must=[]))[:0]
        _count(asked, "kind", [])
        return set(_counted(self._ask(asked.to_dict(), "")["aggregations"]["kind"]))

    def match(self, ways: Iterable[Some], *, kind: str, category: str) -> Iterator[tuple[float, str]]:
        of_these = [plans.exactly("kind", kind), plans.exactly("category", category)]
        asked = Search().query(Bool(filter=of_these, must=[plans.some_of(ways)])).sort("key").source(False)
        body = {**asked[:MATCHES_AT_ONCE].to_dict(), "track_scores": True, "track_total_hits": False}
        while True:
            hits = self._ask(body, kind)["hits"]["hits"]
            for hit in hits:
                yield float(hit["_score"]), _thing(hit["_id"])[1]
            if len(hits) < MATCHES_AT_ONCE:
                return
            body["search_after"] = hits[-1]["sort"]

    def _ask(self, body: dict[str, Any], text: str) -> dict[str, Any]:
        for last in (False, True):
            seen = self._trusted()
            try:
                with self.cluster.asking() as client:
                    answered: dict[str, Any] = client.search(
                        index=self.alias,
                        **body,
                        search_type="dfs_query_then_fetch" if self.shards > 1 else None,
                        allow_partial_search_results=False,
                        # One query goes to one copy, so that its pages fit together.
                        preference=f"q{zlib.crc32(text.encode())}",
                    ).body
            except IndexMissing:
                # A rebuild may have dropped the index under our eyes; then the alias leads elsewhere.
                self._seen = None
                if last:
                    raise
                continue
            hits = answered["hits"]["hits"]
            if not hits or hits[0]["_index"] == seen.index:
                return answered
            self._look()  # another index by now: is it one that we understand?
            return answered
        raise AssertionError("unreachable")

    def _trusted(self) -> _Seen:
        seen = self._seen
        if seen is None or time.monotonic() - seen.at > TRUSTED_FOR_S or seen.version != mapping.version():
            return self._look()
        return seen

    def _look(self) -> _Seen:
        """Which index the alias leads to, and that we understand it; asks the cluster."""
        self._seen = None
        with self.cluster.asking() as client:
            found = client.indices.get_mapping(index=self.alias).body
        if not found:
            raise IndexMissing(self.alias)
        if self.alias in found:
            raise IndexUnreadable(
                f"an index called {self.alias} stands where an alias of this name belongs: "
                "delete that index, or set SEARCH_INDEX to another name"
            )
        if len(found) > 1:
            raise IndexUnreadable(
                f"the alias {self.alias} leads to several indexes: {', '.join(sorted(found))}"
            )
        [(name, described)] = found.items()
        made_by = str(described["mappings"].get("_meta", {}).get("version", "?"))
        if made_by != mapping.version():
            raise IndexOutdated(made_by, mapping.version())
        self._seen = _Seen(name, made_by, time.monotonic())
        return self._seen

    # Writing

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        with only_writer(self.folder / "writer.lock", f"search:{self.alias}"):
            yield

    def has_foreign_writer(self) -> bool:
        """A cluster has room for many writers; ours are kept apart by `exclusively` and by versions."""
        return False

    @contextmanager
    def writing(self) -> Iterator[ElasticsearchWriter]:
        self._look()
        writer = ElasticsearchWriter(self, self.alias, is_alias=True)
        yield writer
        writer.finish()

    def send(
        self, actions: Iterable[dict[str, Any]], *, is_alias: bool, meanwhile: Callable[[], object]
    ) -> dict[tuple[str, str], str]:
        """Write `actions` (of elasticsearch.helpers) in requests of a fit size; what was refused, and why."""
        refused: dict[tuple[str, str], str] = {}
        with self.cluster.asking(patiently=True) as client:
            for fine, answered in streaming_bulk(
                client,
                actions,
                chunk_size=CHUNK_DOCUMENTS,
                max_chunk_bytes=CHUNK_BYTES,
                raise_on_error=False,
                max_retries=TRIES - 1,
                initial_backoff=0.25,
                max_backoff=2,
                # Never make an index by accident, with a mapping that the server guessed.
                require_alias=is_alias,
            ):
                meanwhile()
                [(done, item)] = answered.items()
                if fine or (done == "delete" and item.get("result") == "not_found"):
                    continue
                reason = item.get("error", item)
                if isinstance(reason, dict) and reason.get("type") == "index_not_found_exception":
                    raise IndexMissing(self.alias)
                if "flood-stage" in str(reason):
                    raise NoSpaceLeft(str(self.cluster.address), reason)
                refused[_thing(item["_id"])] = (
                    f"{item.get('status')} {json.dumps(reason, ensure_ascii=False)}"[:500]
                )
        return refused

    def refresh(self, index: str) -> None:
        """Let all that was written into `index` be seen."""
        with self.cluster.asking(patiently=True) as client:
            shards = client.indices.refresh(index=index)["_shards"]
        if shards["failed"]:
            raise EngineUnreachable(f"{shards['failed']} shards could not be refreshed")

    def group(self, index: str, name: str) -> set[tuple[str, str]]:
        """The (kind, id) of all visible documents that are parts of one thing."""
        return {_thing(hit["_id"]) for hit in self._all(index, [plans.exactly("group", name)])}

    def inventory(self, kind: str, ids: Collection[str] | None = None) -> Iterator[tuple[str, str]]:
        self._look()
        wanted: list[Query] = [plans.exactly("kind", kind)]
        if ids is not None:
            wanted.append(Terms(key=sorted(key_of(kind, id) for id in ids)))
        for hit in self._all(self.alias, wanted):
            [fingerprint] = hit["fields"]["fingerprint"]
            yield _thing(hit["_id"])[1], fingerprint

    def _all(self, index: str, wanted: list[Query]) -> Iterator[dict[str, Any]]:
        """Every document for which all of `wanted` hold, as it is at the first look; without their texts."""
        asked = Search().query(Bool(filter=wanted)).source(False).extra(docvalue_fields=["fingerprint"])
        try:
            with self.cluster.asking(patiently=True) as client:
                yield from scan(client, query=asked.to_dict(), index=index, size=PAGE)
        except ScanError as fault:
            raise EngineUnreachable(str(fault)) from fault

    def size_bytes(self) -> int:
        self._look()
        with self.cluster.asking() as client:
            told = client.indices.stats(index=self.alias, metric="store")
        return int(told["_all"]["primaries"]["store"]["size_in_bytes"])

    @contextmanager
    def renewal(self) -> Iterator[ElasticsearchRenewal]:
        name = self._make()
        try:
            yield ElasticsearchRenewal(self, name)
            self._use(name)
        except BaseException:
            # The alias may lead to it in spite of the failure: then it is the next one's to clear away.
            with suppress(SearchError), self.cluster.asking() as client:
                if name not in self._led_to(client):
                    client.indices.delete(index=name, ignore_unavailable=True)
            raise
        with suppress(EngineUnreachable):  # it is in use; the next one clears away
            self._sweep(name)
            self._look()

    def rebuild(self, entries: Iterator[Entry]) -> int:
        number = 0
        with self.renewal() as fresh, fresh.writing() as writer:
            for entry in entries:
                writer.add(entry)
                number += 1
        return number

    def _make(self) -> str:
        """A new, empty index with the next number."""
        with self.cluster.asking(patiently=True) as client:
            numbers = [int(one.rpartition(".v")[2]) for one in self._indexes(client)]
            name = f"{self.alias}.v{max(numbers, default=0) + 1}"
            made = client.indices.create(index=name, **mapping.index_of(shards=self.shards))
            if not made["shards_acknowledged"]:
                client.indices.delete(index=name)
                raise NoSpaceLeft(str(self.cluster.address), "no server of the cluster takes a new index")
        return name

    def _use(self, name: str) -> None:
        """Let the alias lead to `name` and to nothing else, in one step."""
        with self.cluster.asking(patiently=True) as client:
            swap: list[dict[str, Any]] = [
                {"remove": {"index": other, "alias": self.alias}} for other in self._led_to(client)
            ]
            swap.append({"add": {"index": name, "alias": self.alias, "is_write_index": True}})
            client.indices.update_aliases(actions=swap)

    def _sweep(self, kept: str) -> None:
        """Drop the indexes of before, and those that somebody left who was killed."""
        with self.cluster.asking(patiently=True) as client:
            for other in self._indexes(client):
                if other != kept:
                    client.indices.delete(index=other, ignore_unavailable=True)

    def _led_to(self, client: Elasticsearch) -> list[str]:
        """The indexes to which the alias leads."""
        rows: list[Any] = client.cat.aliases(name=self.alias, format="json", h="index").body  # type: ignore[assignment]
        return [str(row["index"]) for row in rows]

    def _indexes(self, client: Elasticsearch) -> list[str]:
        """The indexes of this alias that we made, in use or left behind by somebody who was killed."""
        ours = re.compile(re.escape(self.alias) + r"\.v[0-9]+")
        found = client.indices.get(index=f"{self.alias}.v*", expand_wildcards="all", features="aliases")
        return [name for name in found.body if ours.fullmatch(name)]


def _thing(key: str) -> tuple[str, str]:
    kind, _, id = key.partition(":")
    return kind, id


def _count(asked: Search, name: str, narrowed: list[Any]) -> None:
    """Have the values of the field `name` counted among those hits that `narrowed` lets through."""
    asked.aggs.bucket(name, A("filter", Bool(filter=narrowed))).bucket(
        "values", A("terms", field=name, size=MOST_VALUES)
    )


def _counted(found: dict[str, Any]) -> dict[str, int]:
    return {one["key"]: one["doc_count"] for one in found["values"]["buckets"]}
