"""Which engine answers: chosen by the setting SEARCH["ENGINE"], one index for the site and others by name."""

import re
from functools import cache
from pathlib import Path

from django.conf import settings

from search.engines import Engine
from search.engines.tantivy import TantivyEngine
from search.errors import IndexNameUnfit

SITE = ""
"""The name of the site's own index."""

_NAME = re.compile("[a-z0-9][a-z0-9_-]{0,39}")


def engine(name: str = SITE) -> Engine:
    """The engine over the index `name`; one object for each index in each process. Raises IndexNameUnfit.

    Whether such an index exists is told by the engine (`verify`).
    """
    if name != SITE and not _NAME.fullmatch(name):
        raise IndexNameUnfit(name)
    folder = Path(settings.SEARCH["INDEX_DIR"])
    return _embedded(folder / "named" / name if name else folder)


@cache
def _embedded(folder: Path) -> TantivyEngine:
    return TantivyEngine(folder)
