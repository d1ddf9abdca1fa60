"""Hearing of changes: the models' own signals, as the library hears them, but within the transaction.

The library's handler starts a task after the commit; a process that dies in between would leave the
index behind for good. Ours writes the outbox row together with the change. The models are those of
Wagtail and of upper rooms; this room's own are not among them.
"""

from collections.abc import Collection
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.db.models.signals import post_delete, post_save
from modelsearch.index import FilterField, get_indexed_models

from search import outbox
from search.boxes.objects import BOXES, id_of

__all__ = ["listen"]


def listen() -> None:
    """Hear of every indexed model; called before the library's own `ready()`, whose handlers then stay away."""
    # `search_auto_update = False` is the library's documented word for "I tell the index myself".
    heard = [model for model in get_indexed_models() if getattr(model, "search_auto_update", True)]
    for model in heard:
        post_save.connect(_saved, sender=model, dispatch_uid=f"search.boxes.saved.{model._meta.label_lower}")
        post_delete.connect(
            _deleted, sender=model, dispatch_uid=f"search.boxes.deleted.{model._meta.label_lower}"
        )
        model.search_auto_update = False


def _saved(instance: Model, update_fields: Collection[str] | None = None, **more: Any) -> None:
    if update_fields is None or _texts_depend_on(type(instance), update_fields):
        outbox.changed(BOXES, id_of(instance))


def _texts_depend_on(model: Any, columns: Collection[str]) -> bool:
    """Whether what lies in the index can be another one when only `columns` were written (a draft saves itself often)."""
    for field in model.get_search_fields():
        if isinstance(field, FilterField):  # the database filters
            continue
        try:
            column = field.get_field(model)
        except FieldDoesNotExist:  # a method: who knows what it reads
            return True
        if {column.name, getattr(column, "attname", "")} & set(columns):
            return True
    return False


def _deleted(instance: Model, **more: Any) -> None:
    outbox.removed(BOXES, id_of(instance))
