"""The embedded engine: tantivy in this very process, an index in a folder, one writer, any number of readers.

INDEX_DIR/CURRENT          the name of the folder that is in use; replaced in one step by a rebuild
INDEX_DIR/index-…/         one index, with made_by.json saying which analyser and schema made it
INDEX_DIR/writer.lock      held (flock) by the process that writes; freed by the kernel when it dies
"""

import errno
import fcntl
import json
import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version as version_of
from itertools import combinations
from pathlib import Path
from typing import Any

import tantivy
from tantivy import Occur, Query

from search import analysis
from search.engines import ANYTHING, FACETS, TOKEN_FIELDS, Entry, Filters, Found, Some, Sort, key_of
from search.errors import IndexMissing, IndexOutdated, IndexUnreadable, NoSpaceLeft, SearchError, WriterBusy
from search.query import EXACT_TITLE, NEAR, Phrase, Plan, Sound

log = logging.getLogger(__name__)

SCHEMA = 5
"""Raise by one when the fields below change."""

VERSION = f"{analysis.VERSION}/tantivy-{version_of('tantivy')}-{SCHEMA}"

MOST_VALUES = 100
"""Values of a facet that are counted."""
HEAP_BYTES = 64 * 1024 * 1024
HEAP_OF_A_REBUILD = 256 * 1024 * 1024
"""Each time that it is full a segment is written, with a dictionary of its own: few large ones are smaller and quicker."""
PAGE = 10_000
"""Documents of an inventory that are fetched at a time."""
LEAST_FREE_BYTES = 4 * 1024 * 1024
"""With less than this a failed write is the full disk's fault: tantivy does not always say why."""


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("key", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("kind", tokenizer_name="raw", index_option="basic", fast=True)
    builder.add_text_field("access", tokenizer_name="tokens", index_option="basic")
    builder.add_text_field("exact_title", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("group", tokenizer_name="raw", index_option="basic", fast=True)
    builder.add_unsigned_field("day", fast=True)
    for name in FACETS:
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
    for name in TOKEN_FIELDS:
        builder.add_text_field(name, tokenizer_name="tokens", index_option="freq")
    builder.add_bytes_field("stored", stored=True)
    return builder.build()


@dataclass
class _Opened:
    name: str
    version: str
    index: tantivy.Index
    stamp: tuple[int, int]


class TantivyWriter:
    """A grip on the index for one writer."""

    def __init__(self, writer: tantivy.IndexWriter) -> None:
        self._writer = writer
        self.failed = False

    def put(self, entry: Entry) -> None:
        self.drop(entry.kind, entry.id)
        self.add(entry)

    def add(self, entry: Entry) -> None:
        document = tantivy.Document()
        document.add_text("key", entry.key)
        document.add_text("kind", entry.kind)
        document.add_text("access", " ".join(entry.access))
        for name in (entry.exact_title, *entry.exact_names):
            document.add_text("exact_title", name)
        document.add_text("group", entry.group or entry.key)
        document.add_unsigned("day", entry.day)
        for name, label in entry.labels.items():
            document.add_text(name, label)
        for name, tokens in entry.tokens.items():
            document.add_text(name, " ".join(tokens))
        document.add_bytes("stored", json.dumps(entry.stored, ensure_ascii=False).encode())
        try:
            self._writer.add_document(document)
        except ValueError:
            self.failed = True
            raise

    def drop(self, kind: str, id: str) -> None:
        self._writer.delete_documents_by_term("key", key_of(kind, id))

    def drop_group(self, kind: str, group: str) -> None:
        self._writer.delete_documents_by_term("group", key_of(kind, group))


class TantivyEngine:
    """The engine over one folder; safe to share between threads and to be made anew in every process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.schema = _schema()
        self._opened: _Opened | None = None
        self._lock = threading.Lock()

    # Reading

    def verify(self) -> None:
        self._open()

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
        index = self._open().index
        if plan.is_empty:
            return Found()
        visible = self._one_of("access", access)
        enough = Query.boolean_query([(Occur.Should, way) for way in self._ways(plan, titles)])
        # Counting needs no score: what only adds to it is left out there.
        open_to_all_kinds = [(Occur.Must, visible), (Occur.Must, enough), *self._by_key(filters)]
        scored = [(Occur.Should, one) for one in self._extra(plan, titles)]
        labels = {name: self._exactly(name, label) for name, label in filters.labels().items()}
        narrowed = [(Occur.Must, one) for one in labels.values()]
        of_kind = [(Occur.Must, self._exactly("kind", kind))] if kind is not None else []
        try:
            searcher = index.searcher()
            everything = Query.boolean_query([*open_to_all_kinds, *narrowed])
            counts = _counted(searcher, everything, ["kind"])["kind"]
            wanted = Query.boolean_query([*open_to_all_kinds, *narrowed, *of_kind])
            found = searcher.search(
                Query.boolean_query([*open_to_all_kinds, *narrowed, *of_kind, *scored]),
                limit=limit,
                count=False,
                offset=offset,
                order_by_field="day" if sort == "date" else None,
            )
            rows = [
                (float(score), json.loads(searcher.doc(address).get_first("stored") or b"{}"))
                for score, address in found.hits
            ]
            by_facet: dict[str, dict[str, int]] = {}
            if facets:
                by_facet = _counted(searcher, wanted, [name for name in FACETS if name not in labels])
                for name in labels:
                    others = [(Occur.Must, one) for other, one in labels.items() if other != name]
                    rest = Query.boolean_query([*open_to_all_kinds, *others, *of_kind])
                    by_facet |= _counted(searcher, rest, [name])
        except (ValueError, OSError) as fault:
            raise IndexUnreadable(str(fault)) from fault
        return Found(rows, counts, by_facet)

    def inventory(self, kind: str, ids: Collection[str] | None = None) -> Iterator[tuple[str, str]]:
        searcher = self._open().index.searcher()
        asked = [(Occur.Must, self._exactly("kind", kind))]
        if ids is not None:
            asked.append((Occur.Must, self._one_of("key", (key_of(kind, id) for id in ids))))
        wanted, offset = Query.boolean_query(asked), 0
        try:
            # Equal scores come in the order in which they lie in this one searcher, so pages fit together.
            while page := searcher.search(wanted, limit=PAGE, count=False, offset=offset).hits:
                for _score, address in page:
                    stored = json.loads(searcher.doc(address).get_first("stored") or b"{}")
                    yield stored["id"], stored.get("fingerprint", "")
                offset += PAGE
        except (ValueError, OSError) as fault:
            raise IndexUnreadable(str(fault)) from fault

    def fetch(self, keys: Collection[str], access: Iterable[str] | None) -> Iterator[dict[str, Any]]:
        searcher = self._open().index.searcher()
        asked = [(Occur.Must, self._one_of("key", keys))]
        if access is not None:
            asked.append((Occur.Must, self._one_of("access", access)))
        try:
            for _score, address in searcher.search(
                Query.boolean_query(asked), limit=max(1, len(keys)), count=False
            ).hits:
                yield json.loads(searcher.doc(address).get_first("stored") or b"{}")
        except (ValueError, OSError) as fault:
            raise IndexUnreadable(str(fault)) from fault

    def kinds(self) -> set[str]:
        searcher = self._open().index.searcher()
        return set(_counted(searcher, Query.all_query(), ["kind"])["kind"])

    def match(self, ways: Iterable[Some], *, kind: str, category: str) -> Iterator[tuple[float, str]]:
        index = self._open().index
        either = Query.boolean_query([(Occur.Should, self._some(way)) for way in ways])
        of_these = [
            (Occur.Must, self._exactly("kind", kind)),
            (Occur.Must, self._exactly("category", category)),
        ]
        try:
            searcher = index.searcher()
            wanted = Query.boolean_query([*of_these, (Occur.Must, either)])
            found = searcher.search(wanted, limit=max(1, searcher.num_docs), count=False)
            for score, address in found.hits:
                yield float(score), json.loads(searcher.doc(address).get_first("stored") or b"{}")["id"]
        except (ValueError, OSError) as fault:
            raise IndexUnreadable(str(fault)) from fault

    def _open(self) -> _Opened:
        """The index in use, looking at the disk: another folder is opened, a newer commit is taken up."""
        with self._lock:
            for last in (False, False, True):
                try:
                    name = (self.folder / "CURRENT").read_text().strip()
                except FileNotFoundError:
                    raise IndexMissing from None
                try:
                    return self._opened_at(name)
                except (ValueError, OSError) as fault:
                    # A rebuild may have taken the folder away between the two looks.
                    if last:
                        raise IndexUnreadable(str(fault)) from fault
            raise AssertionError("unreachable")

    def _opened_at(self, name: str) -> _Opened:
        folder = self.folder / name
        seen = (folder / "meta.json").stat()
        stamp = (seen.st_mtime_ns, seen.st_ino)
        opened = self._opened
        if opened is None or opened.name != name:
            made_by = json.loads((folder / "made_by.json").read_text())
            if made_by["version"] != VERSION:
                raise IndexOutdated(made_by["version"], VERSION)
            opened = _Opened(name, made_by["version"], _prepared(tantivy.Index.open(str(folder))), stamp)
            opened.index.reload()
        elif opened.stamp != stamp:
            opened.index.reload()
            opened.stamp = stamp
        self._opened = opened
        return opened

    def size_bytes(self) -> int:
        folder = self.folder / self._open().name
        return sum(path.stat().st_size for path in folder.iterdir())

    # Translating a plan

    def _term(self, name: str, token: str, option: str = "freq") -> Query:
        return Query.term_query(self.schema, name, token, option)

    def _exactly(self, name: str, value: str) -> Query:
        return Query.const_score_query(self._term(name, value, "basic"), 0.0)

    def _one_of(self, name: str, values: Iterable[str], score: float = 0.0) -> Query:
        return Query.const_score_query(Query.term_set_query(self.schema, name, sorted(values)), score)

    def _by_key(self, filters: Filters) -> list[tuple[Occur, Query]]:
        found = []
        if filters.only is not None:
            found.append((Occur.Must, self._one_of("group", filters.only)))
        if filters.without:
            without = Query.term_set_query(self.schema, "group", sorted(filters.without))
            found.append((Occur.MustNot, without))
        return found

    def _enough(self, phrase: Phrase, plan: Plan, titles: bool, related: tuple[str, ...] = ()) -> Query:
        """Enough of the pairs in the title, or in the text, which the title is part of."""
        name, weight = _where(plan, titles)
        tokens = [self._weighed(name, token, weight) for token in phrase.required]
        tokens += [self._weighed("body_bigrams", token, plan.weights.related) for token in related]
        return Query.boolean_query(
            [(Occur.Should, token) for token in tokens], minimum_number_should_match=phrase.minimum
        )

    def _some(self, way: Some) -> Query:
        return Query.boolean_query(
            [
                (
                    Occur.Should,
                    Query.boolean_query(
                        [
                            (Occur.Should, Query.boost_query(self._term(name, token), weight))
                            for name, weight in way.fields
                        ]
                    ),
                )
                for token in way.tokens
            ],
            minimum_number_should_match=way.minimum,
        )

    def _sounding(self, name: str, sound: Sound) -> Query:
        return Query.boolean_query(
            [(Occur.Should, self._term(name, token)) for token in sound.tokens],
            minimum_number_should_match=sound.minimum,
        )

    def _some_characters(self, plan: Plan) -> Query:
        terms = [self._term("body_characters", one, "basic") for one in plan.telling]
        if plan.characters_minimum != 2:
            some = [(Occur.Should, term) for term in terms]
            return Query.boolean_query(some, minimum_number_should_match=plan.characters_minimum)
        # Two lists that leap over each other are quicker than counting in all of them.
        both = [[(Occur.Must, one), (Occur.Must, other)] for one, other in combinations(terms, 2)]
        return Query.boolean_query([(Occur.Should, Query.boolean_query(pair)) for pair in both])

    def _ways(self, plan: Plan, titles: bool) -> list[Query]:
        """What makes a document match; one of them is enough."""
        ways = [self._enough(plan.phrase, plan, titles, () if titles else plan.related.bigrams)]
        for phrase in plan.synonyms:
            ways.append(Query.boost_query(self._enough(phrase, plan, titles), phrase.weight))
        for name, sound in plan.sounds:
            ways.append(Query.boost_query(self._sounding(name, sound), plan.weights.pinyin))
        if plan.character:
            ways.append(self._term("title_characters", plan.character))
        if plan.characters_minimum and not titles:
            ways.append(Query.const_score_query(self._some_characters(plan), 0.0))
        if plan.near and not titles:
            ways.append(self._one_of("key", plan.near, NEAR))
        return ways

    def _extra(self, plan: Plan, titles: bool) -> list[Query]:
        """What only adds to the score of a document that matches."""
        weights = plan.weights
        extra = [
            Query.boost_query(self._term(name, sound.start), weights.pinyin)
            for name, sound in plan.sounds
            if sound.start
        ]
        name, weight = _where(plan, titles)
        light = [token for token in plan.phrase.bigrams if token not in plan.phrase.required]
        extra += [self._weighed(name, token, weight) for token in light]
        for phrase in (plan.phrase, *plan.synonyms):
            if not titles:
                pairs = [*phrase.required, *light] if phrase is plan.phrase else phrase.required
                heavy = weights.title_bigrams * phrase.weight
                extra += [self._weighed("title_bigrams", token, heavy) for token in pairs]
            for word in phrase.words:
                extra.append(self._weighed("title_words", word, weights.title_words * phrase.weight))
                if not titles:
                    extra.append(self._weighed("body_words", word, weights.body_words * phrase.weight))
        if not titles:
            extra += [self._weighed("body_characters", one, weights.characters) for one in plan.characters]
            extra += [self._weighed("body_words", word, weights.related) for word in plan.related.words]
        whole = [(Occur.Must, self._term("title_bigrams", token)) for token in plan.phrase.required]
        extra.append(Query.const_score_query(Query.boolean_query(whole), plan.whole_in_title))
        extra.append(Query.const_score_query(self._term("exact_title", plan.normal, "basic"), EXACT_TITLE))
        return extra

    def _weighed(self, name: str, token: str, weight: float) -> Query:
        return Query.boost_query(self._term(name, token), weight)

    # Writing

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "writer.lock").open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WriterBusy(str(self.folder)) from None
            yield

    def has_foreign_writer(self) -> bool:
        try:
            name = (self.folder / "CURRENT").read_text().strip()
        except FileNotFoundError:
            return False
        with self.exclusively():
            try:
                # tantivy's own lock; opened without making the file, and let go at once.
                with (self.folder / name / ".tantivy-writer.lock").open("r") as handle:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except FileNotFoundError:
                return False
            except BlockingIOError:
                return True
        return False

    @contextmanager
    def writing(self) -> Iterator[TantivyWriter]:
        with _written(self._open().index, self.folder) as writer:
            yield writer

    @contextmanager
    def renewal(self) -> Iterator["TantivyRenewal"]:
        self._sweep(self._in_use())
        name = f"index-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:6]}"
        folder = self.folder / name
        try:
            try:
                folder.mkdir(parents=True)
                fresh = TantivyRenewal(_prepared(tantivy.Index(self.schema, path=str(folder))), folder)
            except (OSError, ValueError) as fault:
                raise _unwritable(fault, self.folder) from fault
            yield fresh
            try:
                made_by = {"version": VERSION, "documents": fresh.documents(), "made_at": time.time()}
                _write_safely(folder / "made_by.json", json.dumps(made_by))
                _write_safely(self.folder / "CURRENT", name)
            except OSError as fault:
                raise _unwritable(fault, self.folder) from fault
        except BaseException:
            if self._in_use() != name:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        self._sweep(name)

    def rebuild(self, entries: Iterator[Entry]) -> int:
        number = 0
        with self.renewal() as fresh, fresh.writing() as writer:
            for entry in entries:
                writer.add(entry)
                number += 1
        return number

    def _in_use(self) -> str:
        try:
            return (self.folder / "CURRENT").read_text().strip()
        except FileNotFoundError:
            return ""

    def _sweep(self, kept: str) -> None:
        for other in self.folder.glob("index-*"):
            if other.name != kept:
                shutil.rmtree(other, ignore_errors=True)


class TantivyRenewal:
    """A new index in a folder to which CURRENT does not lead yet."""

    def __init__(self, index: tantivy.Index, folder: Path) -> None:
        self._index, self._folder = index, folder

    @contextmanager
    def writing(self, meanwhile: Callable[[], object] = lambda: None) -> Iterator[TantivyWriter]:
        with _written(self._index, self._folder.parent, meanwhile, HEAP_OF_A_REBUILD) as writer:
            yield writer

    def documents(self) -> int:
        self._index.reload()
        return self._index.searcher().num_docs


def _where(plan: Plan, titles: bool) -> tuple[str, float]:
    """The field in which pairs are looked for, and what one counts there."""
    if titles:
        return "title_bigrams", plan.weights.title_bigrams
    return "body_bigrams", plan.weights.body_bigrams


def _counted(searcher: tantivy.Searcher, query: Query, names: list[str]) -> dict[str, dict[str, int]]:
    """How many of the documents of `query` bear each value of the fields `names`."""
    if not names:
        return {}
    asked = {name: {"terms": {"field": name, "size": MOST_VALUES}} for name in names}
    answered = searcher.aggregate(query, asked)
    return {name: {one["key"]: one["doc_count"] for one in answered[name]["buckets"]} for name in names}


@contextmanager
def _written(
    index: tantivy.Index,
    folder: Path,
    meanwhile: Callable[[], object] | None = None,
    heap_bytes: int = HEAP_BYTES,
) -> Iterator[TantivyWriter]:
    """A writer on `index`: committed at the end of the block, rolled back when it fails.

    A writer that was killed in the middle of its commit leaves files which tantivy would stumble over
    when it comes to the same number again; they are swept away first (the lock is ours by then).
    Raises WriterBusy, NoSpaceLeft, and IndexUnreadable when the index can't be written: it must be made
    anew. `meanwhile` is called now and then while a long commit runs.
    """
    try:
        writer = index.writer(heap_bytes, 1)
        writer.garbage_collect_files()
    except ValueError as fault:
        if "LockBusy" in str(fault):
            raise WriterBusy(str(fault)) from fault
        raise _unwritable(fault, folder) from fault
    wrapped = TantivyWriter(writer)
    try:
        yield wrapped
    except BaseException as fault:
        _give_up(writer)
        # A thread of tantivy that died on a full disk is noticed by the next document: "writer was killed".
        if isinstance(fault, ValueError) and wrapped.failed:
            raise _unwritable(fault, folder) from fault
        raise
    try:
        if meanwhile is None:
            writer.commit()
            writer.wait_merging_threads()
        else:
            _commit_beside(writer, meanwhile)
    except ValueError as fault:
        raise _unwritable(fault, folder) from fault


def _give_up(writer: tantivy.IndexWriter) -> None:
    try:
        writer.rollback()
        writer.wait_merging_threads()
    except ValueError:
        # It died of the fault that the caller is about to tell; nothing of it was committed.
        log.debug("a writer could not even be rolled back", exc_info=True)


def _commit_beside(writer: tantivy.IndexWriter, meanwhile: Callable[[], object]) -> None:
    """Commit in a thread (tantivy lets go of Python's lock) and let `meanwhile` go on in this one."""

    def commit() -> None:
        writer.commit()
        writer.wait_merging_threads()

    with ThreadPoolExecutor(1, "search-commit") as beside:
        committed = beside.submit(commit)
        while not committed.done():
            meanwhile()
            wait([committed], timeout=0.1)
        committed.result()


def _unwritable(fault: Exception, folder: Path) -> SearchError:
    """What a failed write means: a full disk, or an index that must be made anew."""
    full = isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or "No space left" in str(fault) or shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
        return NoSpaceLeft(str(folder), fault)
    return IndexUnreadable(str(fault))


def _prepared(index: tantivy.Index) -> tantivy.Index:
    """Teach `index` our tokenizer: the tokens come ready-made, parted by blanks."""
    blanks = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer("tokens", blanks)
    return index


def _write_safely(path: Path, text: str) -> None:
    """Put a whole new file in the place of the old one, so that nobody ever reads half of it."""
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    fresh.replace(path)
