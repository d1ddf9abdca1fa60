"""Which objects lie in the index of the boxes, and what of them: the library's `search_fields`, read as texts.

An object's id in index and outbox is "<content type of the model at the root of its family>:<pk>", so
that a page has one id whether it is met as Page or as Course; its category is the root's label.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Manager, Model
from django.utils.translation import gettext_lazy as _
from modelsearch.backends.base import get_model_root
from modelsearch.index import AutocompleteField, RelatedFields, SearchField, get_indexed_models

from search.boxes.tokens import Text, entry_tokens
from search.engines import Entry
from search.kept import Kept, OnFailure
from search.models import SearchOutbox

__all__ = ["BOXES", "INDEX", "category_of", "id_of", "pk_of", "waiting_of"]

log = logging.getLogger(__name__)

BOXES = "boxes"
"""The kind of the rows in the outbox and of the entries, and the name of the index."""

BATCH = 500

MOST = 500
"""Changes waiting for the worker that a box looks at; with more waiting, the oldest are found as they were."""


def category_of(model: type[Model]) -> str:
    """The label of the family that `model` belongs to: wagtailcore.page for all pages."""
    return get_model_root(model)._meta.label_lower


def id_of(thing: Model) -> str:
    """The id of `thing` in the index."""
    return f"{ContentType.objects.get_for_model(get_model_root(type(thing))).pk}:{thing.pk}"


def pk_of(model: type[Model], id: str) -> Any:
    """The primary key that stands in an `id` of the family of `model`."""
    return get_model_root(model)._meta.pk.to_python(id.partition(":")[2])


def waiting_of(model: type[Model]) -> set[Any]:
    """Keys of the objects of the family of `model` that have changed and are not in the index yet; the newest MOST."""
    family = f"{ContentType.objects.get_for_model(get_model_root(model)).pk}:"
    rows = SearchOutbox.objects.filter(kind=BOXES, object_id__startswith=family).order_by("-pk")
    return {pk_of(model, id) for id in rows.values_list("object_id", flat=True)[:MOST]}


def entry_of(thing: Model) -> Entry:
    """What lies in the index: tokens and the id, nothing that could be read."""
    id = id_of(thing)
    return Entry(
        kind=BOXES,
        id=id,
        access=(),
        tokens=entry_tokens(_texts(thing, thing.get_search_fields(), own=True)),
        exact_title="",
        stored={"id": id, "kind": BOXES},
        labels={"category": category_of(type(thing))},
    )


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
    return list(value.all()) if isinstance(value, Manager) else [value]


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple | set):
        return " ; ".join(text for one in value if (text := _as_text(one)))
    return str(value)


def _families() -> dict[type[Model], list[type[Model]]]:
    """For each root the models of its family that are indexed, the most special first."""
    found: dict[type[Model], list[type[Model]]] = defaultdict(list)
    for model in sorted(get_indexed_models(), key=lambda one: -len(one._meta.get_parent_list())):
        found[get_model_root(model)].append(model)
    return found


def _read_each(kind: str, ids: list[str]) -> tuple[list[Entry], dict[str, Exception]]:
    """The entries of `ids`; an object that cannot be read keeps no other waiting."""
    try:
        with transaction.atomic():
            return list(_read(ids)), {}
    except Exception as fault:
        if len(ids) == 1:
            log.exception("Search cannot read the object %s", ids[0])
            return [], {ids[0]: fault}
    found: list[Entry] = []
    failed: dict[str, Exception] = {}
    half = len(ids) // 2
    for part in (ids[:half], ids[half:]):
        entries, bad = _read_each(kind, part)
        found += entries
        failed |= bad
    return found, failed


def _read(ids: list[str]) -> Iterator[Entry]:
    by_type: dict[str, list[str]] = defaultdict(list)
    for id in ids:
        type_id, _, pk = id.partition(":")
        by_type[type_id].append(pk)
    families = _families()
    for type_id, pks in by_type.items():
        root = ContentType.objects.get_for_id(int(type_id)).model_class()
        wanted = {pk for text in pks if (pk := _pk_or_none(root, text)) is not None}
        # The most special model first: a course is read as a course, and is then no longer wanted as a page.
        for model in families.get(root, []):
            if not wanted:
                break
            for thing in model.get_indexed_objects().filter(pk__in=wanted):
                if thing.pk in wanted:
                    wanted.discard(thing.pk)
                    yield entry_of(thing)


def _pk_or_none(root: type[Model] | None, text: str) -> Any:
    try:
        return root._meta.pk.to_python(text) if root else None
    except ValidationError:
        return None


def _everything(on_failure: OnFailure) -> Iterator[list[Entry]]:
    for root, models in _families().items():
        type_id = ContentType.objects.get_for_model(root).pk
        seen: set[Any] = set()
        for model in models:
            pks = [
                pk
                for pk in model.get_indexed_objects().order_by("pk").values_list("pk", flat=True)
                if pk not in seen
            ]
            seen.update(pks)
            for start in range(0, len(pks), BATCH):
                found, failed = _read_each(BOXES, [f"{type_id}:{pk}" for pk in pks[start : start + BATCH]])
                for id, fault in failed.items():
                    on_failure(BOXES, id, fault)
                yield found


INDEX = Kept(BOXES, BOXES, _("Search boxes of the admin"), _read_each, _everything)
