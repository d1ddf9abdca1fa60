"""The labelled documents, all written for this: rules in articles, an encyclopedia, notices, lectures.

rules.jsonl                   {id, kind, title, body, asked, asked_later: [questions that this document answers]}
passages.jsonl                {id, kind, title, body, asked, named, described: [the same]}
notices.jsonl                 {id, kind, title, body, category}
lectures.jsonl                {id, title, cues: [[start s, end s, text], …]}
"""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from search.documents import PUBLIC, Document

__all__ = ["lectures", "texts", "windows", "written"]

WINDOW, STRIDE = 4, 2
"""Cues that are indexed together, and cues from one window to the next."""


@cache
def written() -> tuple[dict[str, Any], ...]:
    """The rules, passages and notices as they are written in the files."""
    return tuple(row for name in ("rules", "passages", "notices") for row in _rows(name))


@cache
def lectures() -> tuple[dict[str, Any], ...]:
    """The lectures as they are written in the file."""
    return tuple(_rows("lectures"))


def texts(more: Iterable[Path] = ()) -> Iterator[Document]:
    """All texts; `more` are files of the same form (id, kind, title, body) that make it harder."""
    for row in written():
        yield _document(row)
    for path in more:
        for line in path.read_text(encoding="utf-8").splitlines():
            yield _document(json.loads(line))


def windows() -> Iterator[Document]:
    """All lectures in windows of cues; `extra` tells the lecture and its cues."""
    for lecture in lectures():
        cues = lecture["cues"]
        for first in range(0, max(1, len(cues) - STRIDE), STRIDE):
            window = cues[first : first + WINDOW]
            yield Document(
                id=f"{lecture['id']}-{first}",
                kind="cue",
                title="",
                body="\n".join(text for _start, _end, text in window),
                acl=[PUBLIC],
                extra={"lecture": lecture["id"], "cues": window},
            )


def _document(row: dict[str, Any]) -> Document:
    return Document(
        id=row["id"],
        kind=row["kind"],
        title=row["title"],
        body=row["body"],
        acl=[PUBLIC],
        category=row.get("category", ""),
    )


def _rows(name: str) -> Iterator[dict[str, Any]]:
    path = Path(__file__).parent / f"{name}.jsonl"
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)
