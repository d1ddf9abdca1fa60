"""What a box does while there is no index to ask: rows of the database that contain each of the words.

It knows only columns of the model itself (no tags, no pinyin), reads the whole table, and cannot be
out of date or broken.
"""

from django.db.models import Q, QuerySet
from modelsearch.backends.database import fallback
from modelsearch.query import Fuzzy, PlainText, SearchQuery

from search.analysis import plain

__all__ = ["SubstringCompiler"]

_WRAPPING = "\"'“”‘’「」『』《》〈〉()（）[]【】,，.。;；:：?？!！、*"


class SubstringCompiler(fallback.DatabaseSearchQueryCompiler):
    """Plain text as words, each freed from quotation marks and the like; none left finds nothing."""

    def build_database_filter(self, query: SearchQuery, boost: float = 1.0) -> Q | str:
        if not isinstance(query, (PlainText, Fuzzy)):
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

    def check_boost(self, query: SearchQuery, boost: float = 1.0) -> None:
        """Weights mean nothing here, and saying so for every query would help nobody."""

    def narrowed(self) -> QuerySet:
        """The compiler's queryset, only with rows that match."""
        wanted = self.build_database_filter(self.query)
        if wanted == fallback.MATCH_ALL:
            return self.queryset
        return self.queryset.none() if wanted == fallback.MATCH_NONE else self.queryset.filter(wanted)
