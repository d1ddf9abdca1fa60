"""What must be right for search before the start: engine, its address, folder, version of the index, one writer."""

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from search.engines.current import ENGINES
from search.errors import (
    EngineRefused,
    EngineUnreachable,
    IndexMissing,
    IndexOutdated,
    IndexUnreadable,
    SearchAddressUnfit,
    WriterBusy,
)
from search.kept import Kept, kept
from search.meaning import PACKAGES

__all__ = ["check_search"]

ALIAS = "[a-z][a-z0-9_-]{0,59}"
"""How the site's own index may be called in a cluster."""


@register("search")
def check_search(app_configs: Any = None, **options: Any) -> list[CheckMessage]:
    """search.E001 engine unknown, E002 folder not writable, E003 a foreign writer, E004 address or name unfit, E005
    model unknown or its package not installed, W001 index of another version, W002 index damaged, W003 search server
    does not answer, W004 it refuses us. A missing index is normal: the worker makes it."""
    if settings.SEARCH["ENGINE"] not in ENGINES:
        return [
            Error(
                f"SEARCH['ENGINE'] is {settings.SEARCH['ENGINE']!r}; the engines that exist are {ENGINES}.",
                hint="Leave SEARCH_URL unset for the embedded engine, or set it to an Elasticsearch.",
                id="search.E001",
            )
        ]
    if not re.fullmatch(ALIAS, settings.SEARCH["INDEX"]):
        return [
            Error(
                f"No index can be called {settings.SEARCH['INDEX']!r}.",
                hint="SEARCH_INDEX: small Latin letters, digits, - and _, at most 60, a letter first.",
                id="search.E004",
            )
        ]
    if said := _meaning():
        return said
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
    for index in kept():
        said = _state_of(index)
        if not any(one.is_serious() for one in said):
            said += _writers_of(index)
        if said:
            return said  # the indexes lie in one place: what is wrong with one is said once
    return []


def _meaning() -> list[CheckMessage]:
    chosen = settings.SEARCH["MEANING"]
    if not chosen:
        return []
    if chosen not in PACKAGES:
        what = f"SEARCH_MEANING is {chosen!r}; the models that exist are: {', '.join(PACKAGES)}."
        return [Error(what, hint="Leave it unset to search by words alone.", id="search.E005")]
    if find_spec(PACKAGES[chosen]) and find_spec("numpy"):
        return []
    what = f"SEARCH_MEANING={chosen}, but the package {PACKAGES[chosen]} is not installed."
    return [Error(what, hint=".venv/bin/pip install '.[meaning]'", id="search.E005")]


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
    except SearchAddressUnfit as fault:
        return [Error(str(fault), hint="Leave it unset for the embedded engine.", id="search.E004")]
    except EngineUnreachable as fault:
        hint = "Pages say so and go on; nothing is lost. See whether the server runs and SEARCH_URL is right."
        return [Warning(f"The search server does not answer: {fault}", hint=hint, id="search.W003")]
    except EngineRefused as fault:
        hint = "See user, password or SEARCH_API_KEY (they need all rights on SEARCH_INDEX*), and SEARCH_CA_FILE."
        return [Warning(f"The search server refuses us: {fault}", hint=hint, id="search.W004")]
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
