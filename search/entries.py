"""Documents as they lie in an index: tokens by field, access keys, labels to narrow by."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from people.models import PartyOrganization
from search import analysis
from search.documents import Document
from search.engines import Entry
from search.fingerprints import fingerprint_of

__all__ = ["BODY_LIMIT", "access_of", "entries", "entry_of", "length_of", "name_paths", "organizations_of"]

BATCH = 200
BODY_LIMIT = 200_000
"""Characters of a body that are indexed and kept; a longer one is a book and finds itself by its beginning."""
CUE_LIMIT = 10_000
"""As BODY_LIMIT, for the text of one cue."""

_TREE_PATH = re.compile(r"(org|scope):([0-9A-Z]+)")


def entries(documents: Iterable[Document]) -> Iterator[Entry]:
    """`documents` as they are written into an index, read in batches."""
    coming = iter(documents)
    while batch := list(islice(coming, BATCH)):
        yield from _entries_of(batch)


def _entries_of(documents: list[Document]) -> Iterator[Entry]:
    organizations = organizations_of(documents)
    for document in documents:
        yield entry_of(document, organizations)


def name_paths(documents: Iterable[Document]) -> bool:
    """Whether any of `documents` names an organisation by its tree path."""
    return any(_TREE_PATH.fullmatch(token) for one in documents for token in one.acl)


def organizations_of(documents: Iterable[Document]) -> dict:
    """The uuids of the organisations that `documents` name by their tree path."""
    paths = {
        found.group(2)
        for document in documents
        for token in document.acl
        if (found := _TREE_PATH.fullmatch(token))
    }
    return dict(PartyOrganization.objects.filter(path__in=paths).values_list("path", "uuid")) if paths else {}


def access_of(document: Document, organizations: dict) -> set[str]:
    """The keys of which an asker needs one, as they stand in an index."""
    access = set()
    for token in document.acl:
        found = _TREE_PATH.fullmatch(token)
        if not found:
            access.add(token)
        elif found.group(2) in organizations:
            access.add(f"{found.group(1)}:{organizations[found.group(2)]}")
    impersonal = [token for token in access if not token.startswith("member:")]
    if impersonal:
        access.add("scope:staff" if all(token.startswith("scope:") for token in impersonal) else "staff")
    return access


def entry_of(document: Document, organizations: dict) -> Entry:
    """The form in which `document` lies in an index; `organizations` gives uuids for tree paths."""
    access = access_of(document, organizations)
    title = analysis.plain(document.title).strip()
    said = [_tidy(text, CUE_LIMIT) for _start, _end, text in document.cues]
    body = " ".join(said) if said else _tidy(document.body, BODY_LIMIT)
    # The title of a lecture is no part of what was said in it.
    normal_title = "" if said else analysis.normalise(title)
    normal_body = analysis.unbroken(analysis.normalise(body))
    names = [analysis.normalise(name) for name in document.names]
    title_words = _with_names(analysis.words, normal_title, names)
    title_bigrams = _with_names(analysis.bigrams, normal_title, names)
    sound = "".join(analysis.syllables(normal_title))
    # The title is part of the text: an article of a law says its subject only there.
    return Entry(
        kind=document.kind,
        id=document.id,
        access=tuple(sorted(access)),
        exact_title=normal_title,
        tokens={
            "title_words": title_words,
            "body_words": [*title_words, *analysis.words(normal_body)],
            "title_bigrams": title_bigrams,
            "body_bigrams": [*title_bigrams, *analysis.bigrams(normal_body)],
            "body_characters": analysis.telling_characters(normal_body),
            "title_characters": sorted(set(analysis.characters(normal_title))),
            "syllable_pairs": _syllable_pairs(normal_title),
            "pinyin": _with_beginnings(sound),
            "initials": _with_beginnings(analysis.initials(normal_title)),
        },
        stored={
            "fingerprint": fingerprint_of(document, access),
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
            **({"names": list(document.names)} if document.names else {}),
            **_of_captions(document, said),
        },
        labels=_labels(document),
        day=document.published_on.toordinal() if document.published_on else 0,
        group=document.group and f"{document.kind}:{document.group}",
        exact_names=tuple(dict.fromkeys(name for name in names if name)),
    )


def _tidy(text: str, limit: int) -> str:
    return " ".join(analysis.plain(text)[:limit].split())


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


def _with_names(tokens_of: Callable[[str], list[str]], title: str, names: list[str]) -> list[str]:
    """Tokens of the title, then those of the other names that it lacks, each once: a long title counts for less."""
    own = tokens_of(title)
    return [*own, *dict.fromkeys(token for name in names for token in tokens_of(name) if token not in own)]


def _syllable_pairs(title: str) -> list[str]:
    """Pairs of a title's syllables, also over one between them: a query may lack a character."""
    return list(dict.fromkeys([*analysis.syllable_pairs(title), *analysis.syllable_pairs(title, apart=2)]))


def _with_beginnings(letters: str) -> list[str]:
    """Trigrams of a title's sound, and ^ with its first one or two letters for those who type little."""
    if not letters:
        return []
    return list(dict.fromkeys([*analysis.trigrams(letters), f"^{letters[:1]}", f"^{letters[:2]}"]))
