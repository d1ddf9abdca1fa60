"""Columns of the beat log: small in the database, plain values in Python."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import models
from django.utils.dateparse import parse_datetime

from courses.archive.packing import pack, unpack

__all__ = ["EPOCH", "MILLISECOND", "MomentField", "PackedBodyField"]

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
