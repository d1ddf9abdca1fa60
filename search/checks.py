"""What must be right for search before the start: engine, folder, version of the index, a single writer."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from search.errors import IndexMissing, IndexOutdated, IndexUnreadable, WriterBusy
from search.kept import Kept, kept

__all__ = ["check_search"]


@register("search")
def check_search(app_configs: Any = None, **options: Any) -> list[CheckMessage]:
    """search.E001 engine unknown, E002 folder not writable, E003 a foreign writer,
    W001 index of another version, W002 index damaged. A missing index is normal: the worker makes it."""
    if settings.SEARCH["ENGINE"] != "tantivy":
        return [
            Error(
                f"SEARCH['ENGINE'] is {settings.SEARCH['ENGINE']!r}; the engine that exists is 'tantivy'.",
                hint="Leave SEARCH_URL unset.",
                id="search.E001",
            )
        ]
    folder = Path(settings.SEARCH["INDEX_DIR"])
    above = next(one for one in (folder, *folder.parents) if one.exists())
    if not os.access(above, os.W_OK):
        return [
            Error(
                f"The search index cannot be written: no right to write in {above}.",
                hint="Set ESCHOOL_DATA_DIR to a folder of this account.",
                id="search.E002",
            )
        ]
    return [found for index in kept() for found in (*_state_of(index), *_writers_of(index))]


def _state_of(index: Kept) -> list[CheckMessage]:
    hint = "The search worker makes it anew; `manage.py rebuild_search` does it now."
    try:
        index.engine.verify()
    except IndexMissing:
        return []
    except IndexOutdated as fault:
        return [Warning(str(fault), hint=hint, id="search.W001")]
    except IndexUnreadable as fault:
        return [Warning(f"The search index is damaged: {fault}", hint=hint, id="search.W002")]
    return []


def _writers_of(index: Kept) -> list[CheckMessage]:
    """Somebody who writes without our lock will sooner or later meet our worker: an index has one writer."""
    try:
        foreign = index.engine.has_foreign_writer()
    except WriterBusy:
        return []
    if not foreign:
        return []
    return [
        Error(
            "Two writers: another programme has the search index open for writing without our lock.",
            hint="Stop it; only search workers of this installation and rebuild_search may write.",
            id="search.E003",
        )
    ]
