"""How documents lie in an Elasticsearch index: the mapping, the settings, one document as JSON."""

import json
from typing import Any

from elasticsearch.dsl import Integer, Keyword, Mapping, Text

from search import analysis
from search.engines import FACETS, TOKEN_FIELDS, Entry

__all__ = ["SCHEMA", "index_of", "lying", "version"]

SCHEMA = 4
"""Raise by one when the fields below change."""

LONGEST_TERM = 1000
"""Characters of a label or a title that can be met as a whole; Lucene takes no term over 32 kB."""


def version() -> str:
    """What the present programme writes, and alone understands."""
    return f"{analysis.VERSION}/elasticsearch-{SCHEMA}"


def index_of(*, shards: int) -> dict[str, Any]:
    """Settings and mappings of a new index, for `indices.create`.

    Refreshed only by us, after each batch: what a batch does is seen at once and not half. A copy on a
    second server as soon as there is one (`auto_expand_replicas`). The versions of what was deleted are
    remembered for an hour, so that a writer that slept does not bring it back.
    """
    mapping = Mapping()
    mapping.meta("_meta", {"version": version()})
    mapping.meta("dynamic", "strict")
    mapping.meta("_source", {"includes": ["stored"]})
    for name in ("key", "kind", "group", *FACETS):
        mapping.field(name, Keyword(ignore_above=LONGEST_TERM))
    mapping.field("access", Keyword(doc_values=False))
    mapping.field("exact_title", Keyword(doc_values=False, ignore_above=LONGEST_TERM))
    mapping.field("day", Integer())
    for name in TOKEN_FIELDS:
        mapping.field(name, Text(analyzer="whitespace", index_options="freqs"))
    mapping.field("fingerprint", Keyword(index=False))
    mapping.field("stored", Keyword(index=False, doc_values=False))
    settings: dict[str, Any] = {"refresh_interval": "-1", "auto_expand_replicas": "0-1", "gc_deletes": "1h"}
    if shards > 1:
        settings["number_of_shards"] = shards
    return {"settings": {"index": settings}, "mappings": mapping.to_dict()}


def lying(entry: Entry) -> dict[str, Any]:
    """`entry` as a document of the index. What is only shown is one text: the server need not look inside.

    Raises UnicodeEncodeError and TypeError for what is no text and no JSON, as the embedded engine does.
    """
    stored = json.dumps(entry.stored, ensure_ascii=False)
    stored.encode()  # a lone surrogate shall fail here, for this document alone
    return {
        "key": entry.key,
        "kind": entry.kind,
        "group": entry.group or entry.key,
        "access": list(entry.access),
        "exact_title": [entry.exact_title, *entry.exact_names],
        "day": entry.day,
        **entry.labels,
        **{name: " ".join(tokens) for name, tokens in entry.tokens.items()},
        "fingerprint": entry.stored.get("fingerprint", ""),
        "stored": stored,
    }
