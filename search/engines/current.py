"""Which engine answers: chosen by the setting SEARCH["ENGINE"], one index for the site and others by name."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from search.engines import Engine
from search.engines.tantivy import TantivyEngine
from search.errors import IndexNameUnfit

ENGINES = ("tantivy", "elasticsearch")

SITE = ""
"""The name of the site's own index."""

_NAME = re.compile("[a-z0-9][a-z0-9_-]{0,39}")


def engine(name: str = SITE) -> Engine:
    """The engine over the index `name`; one object for each index in each process.

    Raises IndexNameUnfit, and SearchAddressUnfit where SEARCH_URL cannot be read.
    Whether such an index exists is told by the engine (`verify`).
    """
    if name != SITE and not _NAME.fullmatch(name):
        raise IndexNameUnfit(name)
    chosen = settings.SEARCH
    folder = Path(chosen["INDEX_DIR"])
    folder = folder / "named" / name if name else folder
    if chosen["ENGINE"] == "tantivy":
        return _embedded(folder)
    cluster = _cluster(chosen["URL"], chosen["API_KEY"], chosen["CA_FILE"])
    alias = f"{chosen['INDEX']}-{name}" if name else chosen["INDEX"]
    return _on(cluster, alias, folder, chosen["SHARDS"])


@cache
def _embedded(folder: Path) -> TantivyEngine:
    return TantivyEngine(folder)


@cache
def _cluster(url: str, api_key: str, ca_file: str) -> Any:
    # Imported only where it is chosen: 0.2 s and 12 MB in each process.
    from search.engines.elasticsearch import Cluster

    return Cluster(url, api_key=api_key, ca_file=ca_file)


@cache
def _on(cluster: Any, alias: str, folder: Path, shards: int) -> Engine:
    from search.engines.elasticsearch import ElasticsearchEngine

    return ElasticsearchEngine(cluster, alias, folder, shards=shards)
