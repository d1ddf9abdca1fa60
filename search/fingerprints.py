"""A document in sixteen characters: two are equal when the same would lie in the index (pure)."""

import json
from collections.abc import Iterable
from dataclasses import fields
from hashlib import blake2b

from search.documents import Document

__all__ = ["fingerprint_of"]


def fingerprint_of(document: Document, access: Iterable[str]) -> str:
    """A digest of all that `document` says, with `access` (the keys it bears in the index) for its `acl`.

    Of the document and not of its tokens, so that comparing an index with the truth costs no analysing;
    what the analyser makes of it is the business of the index's version.
    """
    said = {one.name: getattr(document, one.name) for one in fields(document) if one.name != "acl"}
    said["access"] = sorted(access)
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, default=str)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
