"""Columns of the beat log: small in the database, plain values in Python."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.db import models
from django.utils.dateparse import parse_datetime

from courses.archive import state_packing
from courses.archive.packing import pack, unpack

__all__ = [
    "EPOCH",
    "MILLISECOND",
    "BitmapField",
    "FoldField",
    "MomentField",
    "PackedBodyField",
    "RefusedField",
    "RulesField",
]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class PackedBodyField(models.BinaryField):
    """A beat's body: a dict as batches.py reads it, kept as bytes (packing.py)."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> dict[str, Any] | None:
        return None if value is None else unpack(bytes(value))

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(pack(value) if isinstance(value, dict) else value)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            value = base64.b64decode(value)
        return unpack(bytes(value)) if isinstance(value, bytes | memoryview) else value

    def value_to_string(self, obj: Any) -> str:
        return base64.b64encode(pack(self.value_from_object(obj))).decode("ascii")


class MomentField(models.BigIntegerField):
    """An aware moment, kept as whole milliseconds since 1970: eight bytes, and nothing to parse in a fold."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> datetime | None:
        return None if value is None else EPOCH + value * MILLISECOND

    def get_prep_value(self, value: Any) -> Any:
        return (value - EPOCH) // MILLISECOND if isinstance(value, datetime) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            value = parse_datetime(value)
        return EPOCH + value * MILLISECOND if isinstance(value, int) else value

    def value_to_string(self, obj: Any) -> str:
        moment = self.value_from_object(obj)
        return "" if moment is None else moment.isoformat()


class _StatePart(models.BinaryField):
    """A part of a lesson's state: a plain value in Python, few bytes in the database (state_packing.py)."""

    _pyi_private_set_type: Any  # for django-stubs: what the attribute takes and gives
    _pyi_private_get_type: Any
    pack: ClassVar[Callable[[Any], bytes]]
    unpack: ClassVar[Callable[[bytes], Any]]

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return None if value is None else type(self).unpack(bytes(value))

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(None if value is None else type(self).pack(value))

    def to_python(self, value: Any) -> Any:
        return type(self).unpack(base64.b64decode(value)) if isinstance(value, str) else value

    def value_to_string(self, obj: Any) -> str:
        return base64.b64encode(type(self).pack(self.value_from_object(obj))).decode("ascii")


class BitmapField(_StatePart):
    """One bit a second, as bytes."""

    @staticmethod
    def pack(value: Any) -> bytes:
        return state_packing.pack_bitmap(bytes(value))

    unpack = state_packing.unpack_bitmap


class RefusedField(_StatePart):
    """[[start_s, end_s, reason code], …]."""

    pack, unpack = state_packing.pack_refused, state_packing.unpack_refused


class RulesField(_StatePart):
    """The rules of watching, as PlayRules.as_json gives them."""

    pack, unpack = state_packing.pack_rules, state_packing.unpack_rules


class FoldField(_StatePart):
    """Where the next beat goes on from, as states.store_fold gives it."""

    pack, unpack = state_packing.pack_fold, state_packing.unpack_fold
