"""Which engine answers: chosen by the setting SEARCH["ENGINE"]."""

from functools import cache
from pathlib import Path

from django.conf import settings

from search.engines import Engine
from search.engines.tantivy import TantivyEngine


def engine() -> Engine:
    """The engine of this installation; one object for each folder in each process."""
    return _embedded(Path(settings.SEARCH["INDEX_DIR"]))


@cache
def _embedded(folder: Path) -> TantivyEngine:
    return TantivyEngine(folder)
