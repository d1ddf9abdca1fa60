"""What an object says: the texts of its `search_fields`, as the library understands them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from hashlib import blake2b
from typing import Any

from django.db.models import Manager
from modelsearch.index import AutocompleteField, RelatedFields, SearchField

from search.boxes.tokens import LAYOUT, Text

__all__ = ["fingerprint_of", "texts_of"]


def texts_of(thing: Any) -> list[Text]:
    """The texts of `thing` and of what it is related to, if it says so."""
    return list(_texts(thing, thing.get_search_fields(), own=True))


def fingerprint_of(texts: Iterable[Text]) -> str:
    """Sixteen characters; two objects have the same when the same would lie in the index."""
    said = json.dumps([LAYOUT, *(astuple(text) for text in texts)], ensure_ascii=False)
    return blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _texts(thing: Any, fields: Iterable[Any], *, own: bool) -> Iterator[Text]:
    for field in fields:
        if isinstance(field, RelatedFields):
            for other in _related(field, thing):
                yield from _texts(other, field.fields, own=False)
        elif isinstance(field, SearchField | AutocompleteField):
            value = _as_text(field.get_value(thing))
            if value:
                yield Text(
                    value,
                    name=field.field_name if own else "",
                    boost=getattr(field, "boost", None) or 1.0,
                    autocomplete=isinstance(field, AutocompleteField),
                )


def _related(field: RelatedFields, thing: Any) -> list[Any]:
    value = field.get_value(thing)
    if callable(value) and not isinstance(value, Manager):
        value = value()
    if value is None:
        return []
    return sorted(value.all(), key=lambda one: one.pk) if isinstance(value, Manager) else [value]


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple | set):
        return " ; ".join(text for one in value if (text := _as_text(one)))
    return str(value)
