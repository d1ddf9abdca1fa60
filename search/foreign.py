"""Documents and captions of another system, as JSON Lines, into an index of their own name.

    {"id": "a1", "kind": "law", "title": "…", "body": "…", "category": "…", "date": "2019-10-01"}
    {"video": "v7", "start": 12.4, "end": 15.0, "text": "…"}

Lines of both sorts may be mixed, and the cues of a video may lie scattered. All is read and checked before the
index is touched: it lies meanwhile in a SQLite file beside the memory, so that a file may be larger than it.
"""

import json
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from search import analysis
from search.documents import CAPTIONS, Document
from search.engines import Engine
from search.entries import entries
from search.errors import IndexMissing, IndexOutdated, IndexUnreadable
from search.kept import foreign_or_site
from search.windows import Cue, windows_of

__all__ = ["LONGEST_LINE", "BadLine", "Loaded", "Shelf", "load", "read_line"]

LONGEST_LINE = 32 * 1024 * 1024
"""Bytes of a line; a book of a million characters needs six, all written as \\uXXXX."""
LONGEST_NAME, LONGEST_KIND = 120, 40
"""Characters of an id or of the name of a video, and of a kind; Elasticsearch keeps 512 bytes of both together."""
STEP = 5000

Told = Callable[[str], None]


class BadLine(ValueError):
    """A line that is no document and no cue; the argument says why, worded for whoever made the file."""


@dataclass(frozen=True)
class Loaded:
    """What a load did. `documents` and `cues` are those of the files, `bytes` is the whole index afterwards."""

    documents: int
    cues: int
    seconds: float
    bytes: int


def read_line(line: bytes) -> tuple[Document | None, dict[str, Any] | None]:
    """A line as a document without access, or as a cue {video, start, end, text, title, url}. Raises BadLine."""
    try:
        told = json.loads(line.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError:
        raise BadLine(_("is not written in UTF-8. Save the file as UTF-8.")) from None
    except (ValueError, RecursionError) as fault:
        raise BadLine(_("is no JSON: %(fault)s") % {"fault": fault}) from None
    if not isinstance(told, dict):
        raise BadLine(_("is no object {…}."))
    return (None, _cue(told)) if "video" in told else (_document(told), None)


def _no_number(name: str) -> Any:
    raise ValueError(name)


def _document(told: dict[str, Any]) -> Document:
    id, kind = _name(told, "id", LONGEST_NAME), _name(told, "kind", LONGEST_KIND)
    title, body = _text(told, "title"), _text(told, "body")
    if not title.strip() and not body.strip():
        raise BadLine(_("has neither “title” nor “body”; one of them is needed."))
    return Document(
        id=id,
        kind=kind,
        title=title,
        body=body,
        url=_text(told, "url"),
        category=_text(told, "category"),
        published_on=_day(told.get("date")),
    )


def _cue(told: dict[str, Any]) -> dict[str, Any]:
    start, end = _second(told, "start"), _second(told, "end")
    if end < start:
        raise BadLine(_("“end” (%(end)s) is before “start” (%(start)s).") % {"start": start, "end": end})
    if not _text(told, "text").strip():
        raise BadLine(_("“text” is missing or empty."))
    return {
        "video": _name(told, "video", LONGEST_NAME),
        "start": start,
        "end": end,
        "text": _text(told, "text"),
        "title": _text(told, "title"),
        "url": _text(told, "url"),
    }


def _text(told: dict[str, Any], field: str) -> str:
    found = told.get(field)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise BadLine(_("“%(field)s” must be a text in quotes.") % {"field": field})
    # Halves of surrogate pairs (\ud800) can be kept nowhere.
    return analysis.plain(found) if not found.isprintable() else found


def _name(told: dict[str, Any], field: str, longest: int) -> str:
    found = told.get(field)
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if found is None or found == "":
        raise BadLine(_("“%(field)s” is missing.") % {"field": field})
    if not isinstance(found, str):
        raise BadLine(_("“%(field)s” must be a text or a whole number.") % {"field": field})
    found = analysis.plain(found).strip()
    if not found or len(found) > longest:
        words = _("“%(field)s” must have 1 to %(longest)d characters.")
        raise BadLine(words % {"field": field, "longest": longest})
    return found


def _second(told: dict[str, Any], field: str) -> float:
    found = told.get(field)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < 10_000_000:
        raise BadLine(
            _("“%(field)s” must be a number of seconds from the beginning, e.g. 12.4.") % {"field": field}
        )
    return found


def _day(told: Any) -> date | None:
    """2019-10-01, also with a time behind it; 2019-10 and 2019 are their first day."""
    if told is None or told == "":
        return None
    parts = str(told).strip()[:10].split("-") if isinstance(told, str | int) else []
    try:
        if isinstance(told, bool) or not 1 <= len(parts) <= 3 or len(parts[0]) != 4:
            raise ValueError
        year, month, day = [int(part) for part in parts] + [1] * (3 - len(parts))
        return date(year, month, day)
    except ValueError:
        words = _("“date” must be a day like 2019-10-01, or only a year like 2019; it is “%(told)s”.")
        raise BadLine(words % {"told": str(told)[:40]}) from None


class Shelf:
    """Where lines wait until all are read: documents by kind and id (the last one counts), cues by video and time."""

    def __init__(self, path: Path) -> None:
        self._base = sqlite3.connect(path, isolation_level=None)
        self._base.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
            "CREATE TABLE documents (kind TEXT, id TEXT, line BLOB, title TEXT, UNIQUE (kind, id) ON CONFLICT REPLACE);"
            "CREATE TABLE cues (video TEXT, start REAL, end REAL, text TEXT, title TEXT, url TEXT);"
            "BEGIN"
        )

    def close(self) -> None:
        self._base.close()

    def put(self, line: bytes) -> None:
        """Read a line and keep it. Raises BadLine."""
        document, cue = read_line(line)
        if document is not None:
            row = (document.kind, document.id, line, document.title)
            self._base.execute("INSERT INTO documents VALUES (?, ?, ?, ?)", row)
        if cue is not None:
            self._base.execute("INSERT INTO cues VALUES (:video, :start, :end, :text, :title, :url)", cue)

    def is_ready(self) -> None:
        """All lines are read: make them quick to find."""
        self._base.execute("COMMIT")
        self._base.execute("CREATE INDEX by_video ON cues (video, start, end)")
        self._base.execute("CREATE INDEX by_id ON documents (id)")

    def counts(self) -> tuple[int, int]:
        """How many documents and cues there are."""
        documents, cues = (
            self._base.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("documents", "cues")
        )
        return documents, cues

    def documents(self, access: str) -> Iterator[Document]:
        for (line,) in self._base.execute("SELECT line FROM documents ORDER BY rowid"):
            document, _cue = read_line(line)
            assert document is not None
            yield _opened(document, access)

    def videos(self) -> Iterator[str]:
        for (video,) in self._base.execute("SELECT DISTINCT video FROM cues ORDER BY video"):
            yield video

    def stretches(self, access: str) -> Iterator[Document]:
        """The cues of all videos as stretches that can be found."""
        rows = self._base.execute("SELECT * FROM cues ORDER BY video, start, end, rowid")
        for video, its in groupby(rows, key=lambda row: row[0]):
            lines = list(its)
            title = next((row[4] for row in lines if row[4]), "") or self._title_of(video) or video
            url = next((row[5] for row in lines if row[5]), "")
            for number, cues in windows_of([Cue(row[1], row[2], row[3]) for row in lines]):
                yield _opened(
                    Document(
                        id=f"{video}:{number}",
                        kind=CAPTIONS,
                        title=title,
                        url=f"{url}#t={{s}}" if url and "#" not in url and "{s}" not in url else url,
                        group=video,
                        video=video,
                        cues=cues,
                    ),
                    access,
                )

    def _title_of(self, video: str) -> str:
        """The title of a document of this name that was loaded with it."""
        found = self._base.execute("SELECT title FROM documents WHERE id = ?", [video]).fetchone()
        return found[0] if found else ""


def _opened(document: Document, access: str) -> Document:
    return Document(**{**vars(document), "acl": (access,)})


@contextmanager
def shelf() -> Iterator[Shelf]:
    """An empty shelf for the time of the block."""
    with tempfile.TemporaryDirectory(prefix="eschool-index-") as folder:
        kept = Shelf(Path(folder) / "lines.sqlite3")
        try:
            yield kept
        finally:
            kept.close()


def lines_of(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """The lines of a file that are not blank, with their numbers; None for one longer than LONGEST_LINE."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if len(line) > LONGEST_LINE:
            while line and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE)
            yield number, None
        elif line.strip():
            yield number, line


def load(kept: Shelf, name: str, *, access: str, replace: bool, told: Told) -> Loaded:
    """Bring what lies on the shelf into the index `name`, all at once at the end; killed before, nothing has changed.

    Documents take the place of those of the same kind and id, the cues of a video that of all its former
    ones; with `replace`, or where there is no usable index, the index holds afterwards only what is given.
    Raises WriterBusy while another process writes it, IndexNameUnfit, IndexUnreadable.
    """
    started = time.monotonic()
    chosen = foreign_or_site(name)
    documents, cues = kept.counts()
    given = _counted([kept.documents(access), kept.stretches(access)], documents + cues // 2, told)
    with chosen.exclusively():
        if replace or not _is_usable(chosen):
            chosen.rebuild(entries(given))
        else:
            with chosen.writing() as writer:
                for video in kept.videos():
                    writer.drop_group(CAPTIONS, video)
                for entry in entries(given):
                    writer.put(entry)
    return Loaded(documents, cues, time.monotonic() - started, chosen.size_bytes())


def _is_usable(chosen: Engine) -> bool:
    try:
        chosen.verify()
    except (IndexMissing, IndexOutdated, IndexUnreadable):
        return False
    return True


def _counted(sources: Iterable[Iterable[Document]], about: int, told: Told) -> Iterator[Document]:
    number = 0
    for source in sources:
        for document in source:
            number += 1
            if number % STEP == 0:
                told(
                    _("%(number)d of about %(about)d entries")
                    % {"number": number, "about": max(about, number)}
                )
            yield document
