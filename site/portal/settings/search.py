"""Settings of search: which engine answers, where its index lies."""

from portal.settings.environment import DATA_DIR, SEARCH_URL

SEARCH = {
    "ENGINE": "elasticsearch" if SEARCH_URL else "tantivy",
    "URL": SEARCH_URL,
    "INDEX_DIR": DATA_DIR / "search",
    "INDEX": "eschool",
}

# Wagtail's own search boxes; the ordinary backends cannot find Chinese (search/boxes/).
# (The app in INSTALLED_APPS is modelsearch, which does not read WAGTAILSEARCH_BACKENDS.)
MODELSEARCH_BACKENDS = {"default": {"BACKEND": "search.boxes"}}
