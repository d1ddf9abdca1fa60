"""Which objects lie in the index of the boxes, under which id, and how they are read.

An object's id in index and outbox is "<content type of the model at the root of its family>:<pk>", so
that a page has one id whether it is met as Page or as Course; its category is the root's label.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from modelsearch.backends.base import get_model_root
from modelsearch.index import get_indexed_models

from search.boxes.texts import fingerprint_of, texts_of
from search.boxes.tokens import entry_tokens
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

Read = TypeVar("Read")


def category_of(model: type[Model]) -> str:
    """The label of the family that `model` belongs to: wagtailcore.page for all pages."""
    return get_model_root(model)._meta.label_lower


def id_of(thing: Model) -> str:
    """The id of `thing` in the index."""
    return f"{_type_of(type(thing)).pk}:{thing.pk}"


def pk_of(model: type[Model], id: str) -> Any:
    """The primary key that stands in an `id` of the family of `model`."""
    return get_model_root(model)._meta.pk.to_python(id.partition(":")[2])


def waiting_of(model: type[Model]) -> set[Any]:
    """Keys of the objects of the family of `model` that have changed and are not in the index yet; the newest MOST."""
    rows = SearchOutbox.objects.filter(kind=BOXES, object_id__startswith=f"{_type_of(model).pk}:")
    return {pk_of(model, id) for id in rows.order_by("-pk").values_list("object_id", flat=True)[:MOST]}


def entry_of(thing: Model) -> Entry:
    """What lies in the index: tokens, the id and a fingerprint, nothing that could be read, for nobody to see."""
    id, texts = id_of(thing), texts_of(thing)
    return Entry(
        kind=BOXES,
        id=id,
        access=(),
        tokens=entry_tokens(texts),
        exact_title="",
        stored={"id": id, "kind": BOXES, "fingerprint": fingerprint_of(texts)},
        labels={"category": category_of(type(thing))},
    )


def _type_of(model: type[Model]) -> ContentType:
    return ContentType.objects.get_for_model(get_model_root(model))


def _families() -> dict[type[Model], list[Any]]:
    """For each root the models of its family that are indexed, the most special first."""
    found: dict[type[Model], list[Any]] = defaultdict(list)
    for model in sorted(get_indexed_models(), key=lambda one: -len(one._meta.get_parent_list())):
        found[get_model_root(model)].append(model)
    return found


def _ids(batch: int) -> Iterator[list[str]]:
    """The ids of all objects that should lie in the index; nothing is being read while the caller has a batch."""
    for root, models in _families().items():
        type_id = _type_of(root).pk
        seen: set[Any] = set()
        for model in models:
            keys = model.get_indexed_objects().order_by("pk").values_list("pk", flat=True)
            pks = [pk for pk in keys if pk not in seen]
            seen.update(pks)
            for start in range(0, len(pks), batch):
                yield [f"{type_id}:{pk}" for pk in pks[start : start + batch]]


def _things(ids: list[str]) -> Iterator[Model]:
    """Those of `ids` that exist and belong into the index, as what they are."""
    by_type: dict[str, list[str]] = defaultdict(list)
    for id in ids:
        type_id, _colon, pk = id.partition(":")
        by_type[type_id].append(pk)
    families = _families()
    for type_id, pks in by_type.items():
        known = ContentType.objects.filter(pk=type_id).first()
        root = known.model_class() if known else None
        if root is None or root not in families:  # a model of former times
            continue
        wanted = {pk for text in pks if (pk := _pk_or_none(root, text)) is not None}
        # The most special model first: a course is read as a course, and is then no longer wanted as a page.
        for model in families[root]:
            if not wanted:
                break
            for thing in model.get_indexed_objects().filter(pk__in=wanted):
                if thing.pk in wanted:
                    wanted.discard(thing.pk)
                    yield thing


def _pk_or_none(root: type[Model], text: str) -> Any:
    try:
        return root._meta.pk.to_python(text)
    except ValidationError:
        return None


def _each(make: Callable[[Model], Read], ids: list[str]) -> tuple[list[Read], dict[str, Exception]]:
    """What `make` makes of `ids`, read in the site's language; one that cannot be read keeps no other waiting."""
    try:
        with transaction.atomic(), translation.override(settings.LANGUAGE_CODE):
            return [make(thing) for thing in _things(ids)], {}
    except Exception as fault:
        if len(ids) == 1:
            log.exception("Search cannot read the object %s", ids[0])
            return [], {ids[0]: fault}
    found: list[Read] = []
    failed: dict[str, Exception] = {}
    half = len(ids) // 2
    for part in (ids[:half], ids[half:]):
        some, bad = _each(make, part)
        found += some
        failed |= bad
    return found, failed


def _read(kind: str, ids: list[str]) -> tuple[list[Entry], dict[str, Exception]]:
    return _each(entry_of, ids)


def _everything(on_failure: OnFailure) -> Iterator[list[Entry]]:
    for ids in _ids(BATCH):
        found, failed = _each(entry_of, ids)
        for id, fault in failed.items():
            on_failure(BOXES, id, fault)
        yield found


class _Truth:
    """For comparing the index with the database every night (search.verification)."""

    name = BOXES

    def batches(self, on_failure: Callable[[str, Exception], object]) -> Iterator[dict[str, str]]:
        for ids in _ids(BATCH):
            found, failed = self.read(ids)
            for id, fault in failed.items():
                on_failure(id, fault)
            yield found

    def read(self, ids: list[str]) -> tuple[dict[str, str], dict[str, Exception]]:
        found, failed = _each(lambda thing: (id_of(thing), fingerprint_of(texts_of(thing))), ids)
        return dict(found), failed


INDEX = Kept(BOXES, BOXES, _("Search boxes of the admin"), _read, _everything, _Truth())
