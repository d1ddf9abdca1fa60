"""The search backend behind Wagtail's own boxes (pages, images, documents, choosers): plain substring matching.

modelsearch's ordinary backends take an unbroken run of Han characters for one word and so find
next to nothing in Chinese, and a quotation mark in the query is a server error on SQLite. For the
few thousand titles of an admin, "contains each of the words" is right, quick enough, and never
out of date. Named in portal/settings/search.py.
"""

from django.db.models import Q
from modelsearch.backends.database import fallback
from modelsearch.query import PlainText, SearchQuery

from search.analysis import plain

__all__ = ["SearchBackend"]

_WRAPPING = "\"'“”‘’「」『』《》〈〉()（）[]【】,，.。;；:：?？!！、*"


class QueryCompiler(fallback.DatabaseSearchQueryCompiler):
    """Plain text as words, each freed from quotation marks and the like; none left finds nothing."""

    def build_database_filter(self, query: SearchQuery, boost: float = 1.0) -> Q | str:
        if not isinstance(query, PlainText):
            return super().build_database_filter(query, boost=boost)
        words = [word for part in plain(query.query_string).split() if (word := part.strip(_WRAPPING))]
        if not words:
            return fallback.MATCH_NONE
        either = query.operator == "or"
        found = self.build_single_term_filter(words[0])
        for word in words[1:]:
            more = self.build_single_term_filter(word)
            found = found | more if either else found & more
        return found or Q(pk__in=[])


class SearchBackend(fallback.DatabaseSearchBackend):
    """Wagtail asks `search` and `autocomplete`; both mean the same here."""

    query_compiler_class = QueryCompiler
    autocomplete_query_compiler_class = QueryCompiler
