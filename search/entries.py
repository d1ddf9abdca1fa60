"""Documents as they lie in an index: tokens by field, access keys, labels to narrow by."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from people.models import PartyOrganization
from search import analysis
from search.documents import Document
from search.engines import Entry

__all__ = ["BODY_LIMIT", "entries", "entry_of", "length_of"]

BATCH = 200
BODY_LIMIT = 200_000
"""Characters of a body that are indexed and kept; a longer one is a book and finds itself by its beginning."""
CUE_LIMIT = 10_000
"""As BODY_LIMIT, for the text of one cue."""

_TREE_PATH = re.compile(r"org:([0-9A-Z]+)")


def entries(documents: Iterable[Document]) -> Iterator[Entry]:
    """`documents` as they are written into an index, read in batches."""
    waiting: list[Document] = []
    for document in documents:
        waiting.append(document)
        if len(waiting) >= BATCH:
            yield from _entries_of(waiting)
            waiting = []
    yield from _entries_of(waiting)


def _entries_of(documents: list[Document]) -> Iterator[Entry]:
    paths = {
        found.group(1)
        for document in documents
        for token in document.acl
        if (found := _TREE_PATH.fullmatch(token))
    }
    uuids = (
        dict(PartyOrganization.objects.filter(path__in=paths).values_list("path", "uuid")) if paths else {}
    )
    for document in documents:
        yield entry_of(document, uuids)


def entry_of(document: Document, organizations: dict) -> Entry:
    """The form in which `document` lies in an index; `organizations` gives uuids for tree paths."""
    access = set()
    for token in document.acl:
        found = _TREE_PATH.fullmatch(token)
        if not found:
            access.add(token)
        elif found.group(1) in organizations:
            access.add(f"org:{organizations[found.group(1)]}")
    if any(not token.startswith("member:") for token in access):
        access.add("staff")
    title = analysis.plain(document.title).strip()
    if document.cues:
        said = [_tidy(text, CUE_LIMIT) for _start, _end, text in document.cues]
        body, heard, named = " ".join(said), _as_spoken(said), ""
    else:
        body = heard = _tidy(document.body, BODY_LIMIT)
        said, named = [], title
    normal_title, normal_body = analysis.normalise(named), analysis.normalise(heard)
    sound = "".join(analysis.syllables(normal_title))
    return Entry(
        kind=document.kind,
        id=document.id,
        access=tuple(sorted(access)),
        exact_title=normal_title,
        tokens={
            "title_words": analysis.words(normal_title),
            "body_words": analysis.words(normal_body),
            "title_bigrams": analysis.bigrams(normal_title),
            "body_bigrams": analysis.bigrams(normal_body),
            "title_characters": analysis.characters(normal_title),
            "pinyin": _with_beginnings(sound),
            "initials": _with_beginnings(analysis.initials(normal_title)),
        },
        stored={
            "id": document.id,
            "kind": document.kind,
            "title": title,
            "body": body,
            "url": document.url,
            "category": str(document.category),
            "published_on": document.published_on.isoformat() if document.published_on else "",
            "duration_s": document.duration_s,
            "extra": document.extra,
            "rev": document.rev,
            "group": document.group,
            **_of_captions(document, said),
        },
        labels=_labels(document),
        day=document.published_on.toordinal() if document.published_on else 0,
        group=document.group and f"{document.kind}:{document.group}",
    )


def _tidy(text: str, limit: int) -> str:
    return " ".join(analysis.plain(text)[:limit].split())


def _as_spoken(texts: list[str]) -> str:
    """Cues in one text; a sentence that runs on from one cue into the next is not torn there."""
    heard = ""
    for text in texts:
        torn = heard and text and analysis.is_han(heard[-1]) and analysis.is_han(text[0])
        heard += text if torn else f" {text}"
    return heard


def _of_captions(document: Document, said: list[str]) -> dict[str, Any]:
    """What a stretch of captions keeps besides its body: of each cue the seconds and how long its text is in the body
    (the text itself stands there already: `windows.cues_of` cuts it out)."""
    if not said:
        return {}
    lines = zip(document.cues, said, strict=True)
    return {
        "video": document.video,
        "cues": [[start, end, len(text)] for (start, end, _text), text in lines],
    }


def _labels(document: Document) -> dict[str, str]:
    """What `document` bears of engines.FACETS."""
    found = {
        "category": str(document.category),
        "year": str(document.published_on.year) if document.published_on else "",
        "issuer": document.issuing_body,
        "length": length_of(document.duration_s),
    }
    return {name: label for name, label in found.items() if label}


def length_of(duration_s: float | None) -> str:
    """How long a lecture is, as a facet: short (under 10 minutes), medium, long (30 minutes and more); "" for none."""
    if duration_s is None:
        return ""
    return "short" if duration_s < 600 else "medium" if duration_s < 1800 else "long"


def _with_beginnings(letters: str) -> list[str]:
    """Trigrams of a title's sound, and ^ with its first one or two letters for those who type little."""
    if not letters:
        return []
    return list(dict.fromkeys([*analysis.trigrams(letters), f"^{letters[:1]}", f"^{letters[:2]}"]))
