"""Settings of search: which engine answers, where its index lies."""

from portal.settings.environment import DATA_DIR, SEARCH_URL

SEARCH = {
    "ENGINE": "elasticsearch" if SEARCH_URL else "tantivy",
    "URL": SEARCH_URL,
    "INDEX_DIR": DATA_DIR / "search",
    "INDEX": "eschool",
}

# Wagtail's own search boxes; the ordinary backend cannot find Chinese (shared/search.md §1).
WAGTAILSEARCH_BACKENDS = {"default": {"BACKEND": "modelsearch.backends.database.fallback"}}
