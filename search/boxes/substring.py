"""What a box does where there is no index to ask: rows of the database that contain each of the words.

So it is while the index is being made or the engine is down, and for what has changed and is not in
the index yet. It knows only columns of the model itself (no tags, no pinyin) and reads them all.
"""

from functools import reduce
from operator import and_, or_
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, Q, QuerySet
from modelsearch.query import And, Boost, Fuzzy, MatchAll, Not, Or, Phrase, PlainText, SearchQuery

from search.analysis import plain

__all__ = ["containing"]

_WRAPPING = " \"'“”‘’「」『』《》〈〉()（）[]【】,，.。;；:：?？!！、*"
NOTHING = Q(pk__in=[])


def containing(queryset: QuerySet, query: SearchQuery, fields: list[str] | None = None) -> QuerySet:
    """Those of `queryset` whose searchable columns (or those of `fields`) hold the words of `query`.

    Each word is freed from quotation marks and the like; none left finds nothing. Weights are not looked at.
    """
    columns = [name for name in fields or _searchable(queryset.model) if _is_column(queryset.model, name)]
    return queryset.filter(_wanted(query, columns))


def _searchable(model: Any) -> list[str]:
    return [field.field_name for field in model.get_searchable_search_fields()]


def _is_column(model: type[Model], name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:  # a method, which only the index knows
        return False
    return True


def _wanted(query: SearchQuery, columns: list[str]) -> Q:
    match query:
        case PlainText() | Fuzzy():
            words = [word for part in plain(query.query_string).split() if (word := part.strip(_WRAPPING))]
            held = [_held(word, columns) for word in words]
            return reduce(or_ if query.operator == "or" else and_, held) if held else NOTHING
        case Phrase():
            text = plain(query.query_string).strip(_WRAPPING)
            return _held(text, columns) if text else NOTHING
        case Boost():
            return _wanted(query.subquery, columns)
        case MatchAll():
            return ~NOTHING
        case Not():
            return ~_wanted(query.subquery, columns)
        case And():
            return reduce(and_, (_wanted(one, columns) for one in query.subqueries), ~NOTHING)
        case Or():
            return reduce(or_, (_wanted(one, columns) for one in query.subqueries), NOTHING)
    raise NotImplementedError(f"The search boxes do not know the query {type(query).__name__}.")


def _held(text: str, columns: list[str]) -> Q:
    return reduce(or_, (Q(**{f"{name}__icontains": text}) for name in columns), NOTHING)
