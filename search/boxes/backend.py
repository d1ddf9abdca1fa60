"""The search backend that Wagtail asks: the engine says what matches, the database what of it belongs to the answer.

Filters, permissions, order and facets are the database's, so that counts, pages and objects agree and
nothing is found that is not in the given queryset. While the engine cannot answer, the box falls back
to substrings (substring.py).
"""

import logging
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Count, Model, QuerySet
from modelsearch.backends.base import (
    BaseIndex,
    BaseSearchBackend,
    BaseSearchQueryCompiler,
    BaseSearchResults,
    FilterFieldError,
)

from search import indexing, outbox
from search.boxes.matching import Matches, matches
from search.boxes.objects import BOXES, INDEX, category_of, id_of, pk_of, waiting_of
from search.boxes.substring import containing
from search.boxes.tokens import Space
from search.errors import SearchError

__all__ = ["SearchBackend"]

log = logging.getLogger(__name__)

FEW = 500
"""Up to so many keys are given to the database; more are compared here with what it gives."""

CHUNK = 5_000
"""Keys in one query where all must be named."""


@dataclass(frozen=True)
class Ranking:
    """What a search found: primary keys in their order, and the scores of those that have one.

    `whole` says that it is all of the queryset.
    """

    pks: list[Any]
    scores: dict[Any, float]
    whole: bool = False


class Compiler(BaseSearchQueryCompiler):
    """A query with its queryset; asks once, and all results made of it share the answer."""

    DEFAULT_OPERATOR = "and"
    HANDLES_ORDER_BY_EXPRESSIONS = True
    typing = False

    @cached_property
    def ranking(self) -> Ranking:
        """The answer: what waits, then what the engine says, then what of it is in the queryset.

        In this order: a change that waits no more by the first look is in the index by the second.
        """
        model = self.queryset.model
        waiting = waiting_of(model)
        try:
            found = self._matches()
        except SearchError as fault:
            log.warning("A search box falls back to substrings: %s", fault or type(fault).__name__)
            return Ranking(self._within_by_substrings(), {})
        scores = {pk_of(model, id): score for id, score in found.scores.items()}
        without = {pk_of(model, id) for id in found.all_but or ()}
        fresh = self._as_written(waiting)
        # Who has just saved something looks for that.
        scores |= dict.fromkeys(fresh, max(scores.values(), default=0.0))
        if found.all_but is None:
            pks = self._within((scores.keys() - waiting) | fresh)
        else:
            without = without - waiting | (waiting - fresh)
            pks = [pk for pk in _pks(self._ordered(self.queryset)) if pk not in without]
        if self.order_by_relevance:
            pks.sort(key=lambda pk: -scores.get(pk, 0.0))
        return Ranking(pks, scores, whole=found.all_but is not None and not without)

    def _as_written(self, waiting: set[Any]) -> set[Any]:
        """Those of `waiting` (changed, and not in the index yet) whose columns hold the query as it stands."""
        if not waiting:
            return set()
        return set(_pks(self._substrings(self.queryset.model._default_manager.filter(pk__in=waiting))))

    def _within_by_substrings(self) -> list[Any]:
        if _can_be_narrowed(self.queryset):
            return _pks(self._ordered(self._substrings(self.queryset)))
        return self._within(set(_pks(self._substrings(self.queryset.model._default_manager.all()))))

    def _substrings(self, queryset: QuerySet) -> QuerySet:
        return containing(queryset, self.query, self.fields)

    def _matches(self) -> Matches:
        engine, category = INDEX.engine, category_of(self.queryset.model)
        spaces = [Space.of(typing=self.typing, name=name) for name in self.fields or [""]]
        return matches(
            self.query,
            spaces,
            lambda ways: {id: score for score, id in engine.match(ways, kind=BOXES, category=category)},
        )

    def _within(self, found: set[Any]) -> list[Any]:
        """Those of `found` that the queryset has, in its order."""
        queryset = self.queryset
        if not found:
            return []
        if len(found) <= FEW and _can_be_narrowed(queryset):
            return _pks(self._ordered(queryset.filter(pk__in=found)))
        return [pk for pk in _pks(self._ordered(queryset)) if pk in found]

    def _ordered(self, queryset: QuerySet) -> QuerySet:
        if not _can_be_narrowed(queryset) or queryset.query.order_by:
            return queryset
        # Equal scores must not change their places from page to page.
        return queryset.order_by("pk" if self.order_by_relevance else "-pk")


class TypingCompiler(Compiler):
    """The same while somebody types: the beginning of a word will do, and AutocompleteFields are asked."""

    typing = True


class Results(BaseSearchResults):
    """The objects of a ranking, or a slice of them."""

    supports_facet = True

    def _do_search(self) -> list[Model]:
        pks = self.query_compiler.ranking.pks[self.start : self.stop]
        by_pk = {thing.pk: thing for thing in self._objects(pks)}
        found = [by_pk[pk] for pk in pks if pk in by_pk]
        if self._score_field:
            scores = self.query_compiler.ranking.scores
            for thing in found:
                setattr(thing, self._score_field, scores.get(thing.pk))
        return found

    def _objects(self, pks: list[Any]) -> Iterator[Model]:
        queryset = self.query_compiler.queryset
        if self.prefetch_related:
            queryset = queryset.prefetch_related(*self.prefetch_related)
        if not _can_be_narrowed(queryset):
            yield from queryset
            return
        for some in _chunks(pks):
            yield from queryset.filter(pk__in=some)

    def _do_count(self) -> int:
        return len(self.query_compiler.ranking.pks[self.start : self.stop])

    def facet(self, field_name: str) -> "OrderedDict[Any, int]":
        """How many of the results have each value of `field_name`, the most frequent first."""
        compiler = self.query_compiler
        model = compiler.queryset.model
        if compiler._get_filterable_field(field_name) is None:
            raise FilterFieldError(
                f'Cannot facet search results with field "{field_name}". Please add '
                f'index.FilterField("{field_name}") to {model.__name__}.search_fields.',
                field_name=field_name,
            )
        counts: dict[Any, int] = {}
        for queryset in self._parts():
            counted = queryset.order_by().values(field_name).annotate(number=Count("pk", distinct=True))
            for row in counted.order_by():
                counts[row[field_name]] = counts.get(row[field_name], 0) + row["number"]
        return OrderedDict(sorted(counts.items(), key=lambda one: -one[1]))

    def _parts(self) -> Iterator[QuerySet]:
        ranking, queryset = self.query_compiler.ranking, self.query_compiler.queryset
        if ranking.whole and _can_be_narrowed(queryset):
            yield queryset
            return
        for some in _chunks(ranking.pks):
            yield queryset.model._default_manager.filter(pk__in=some)


class Index(BaseIndex):
    """The one index of all models. What is added becomes a row in the outbox, in the caller's transaction."""

    def get_key(self) -> str:
        return BOXES

    def __str__(self) -> str:
        return BOXES

    def add_items(self, model: type[Model], items: list[Model]) -> None:
        """Note that `items` are new or changed; unindexed ones are left out when the worker reads them."""
        outbox.changed(BOXES, *(id_of(one) for one in items))

    def delete_item(self, item: Model) -> None:
        """Note that `item` is gone."""
        outbox.removed(BOXES, id_of(item))

    def refresh(self) -> None:
        """Take up now, in this process, what waits in the outbox; the worker otherwise does it within two seconds."""
        indexing.drain_one(INDEX)

    def reset(self) -> None:
        """Empty the index. Raises WriterBusy while the worker writes."""
        engine = INDEX.engine
        with engine.exclusively():
            engine.rebuild(iter(()))


class _Passing(Index):
    """What the library's command fills while it rebuilds: our own rebuild reads everything by itself afterwards."""

    def add_items(self, model: type[Model], items: list[Model]) -> None:
        pass


class Rebuilder:
    """The library's way to ask for a rebuild; it ends in ours (`search.indexing.rebuild`)."""

    def __init__(self, index: Index) -> None:
        self.index = index

    def start(self) -> Index:
        return _Passing(self.index.backend)

    def finish(self) -> None:
        """Put a new index in the place of the old one, and take up what changed meanwhile.

        Raises WriterBusy while the worker writes.
        """
        indexing.rebuild(INDEX)
        indexing.drain_one(INDEX)


class SearchBackend(BaseSearchBackend):
    """What `MODELSEARCH_BACKENDS` names."""

    query_compiler_class = Compiler
    autocomplete_query_compiler_class = TypingCompiler
    results_class = Results
    index_class = Index
    rebuilder_class = Rebuilder
    catch_indexing_errors = False


def _can_be_narrowed(queryset: QuerySet) -> bool:
    return not queryset.query.is_sliced and not queryset.query.combinator


def _pks(queryset: QuerySet) -> list[Any]:
    return list(dict.fromkeys(queryset.values_list("pk", flat=True)))


def _chunks(pks: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(pks), CHUNK):
        yield pks[start : start + CHUNK]
