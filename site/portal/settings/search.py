"""Settings of search: which engine answers, where its index lies."""

from typing import Any

from portal.settings.environment import (
    DATA_DIR,
    SEARCH_API_KEY,
    SEARCH_CA_FILE,
    SEARCH_INDEX,
    SEARCH_MEANING,
    SEARCH_SHARDS,
    SEARCH_URL,
)

SEARCH: dict[str, Any] = {
    "ENGINE": "elasticsearch" if SEARCH_URL else "tantivy",
    "URL": SEARCH_URL,
    "INDEX_DIR": DATA_DIR / "search",
    "INDEX": SEARCH_INDEX,
    "API_KEY": SEARCH_API_KEY,
    "CA_FILE": SEARCH_CA_FILE,
    "SHARDS": SEARCH_SHARDS,
    "MEANING": SEARCH_MEANING,
    # What is looked for, without names (search/sought): written down every so many seconds (0: never by
    # itself), kept for so many months.
    "COUNT_EVERY_S": 10,
    "COUNT_MONTHS": 12,
}

# Wagtail's own search boxes; the ordinary backends cannot find Chinese (search/boxes/).
# (The app in INSTALLED_APPS is modelsearch, which does not read WAGTAILSEARCH_BACKENDS.)
MODELSEARCH_BACKENDS = {"default": {"BACKEND": "search.boxes"}}
