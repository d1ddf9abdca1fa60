"""Narrowing and sorting what was found: facets, only and without, newest first, indexes of other names."""

import pytest
from django.contrib.auth.models import AnonymousUser

from search import api
from search.engines import Filters
from search.engines.current import engine
from search.errors import IndexMissing, IndexNameUnfit

pytestmark = pytest.mark.django_db

ANYBODY = AnonymousUser()


def found(**more):
    results = api.search("消防安全", ANYBODY, facets=True, **more)
    return sorted(hit.id for hit in results.hits), results


def test_a_facet_narrows_hits_and_counts_and_still_tells_of_its_other_values(shelves):
    ids, results = found(kind="book", filters=Filters(year="2026"))
    assert ids == ["2", "3", "4"]
    assert (results.total, results.counts) == (3, {"book": 3, "film": 1})
    assert results.facets == {
        "category": {"通知": 2, "办法": 1},
        "issuer": {"县委组织部": 2, "应急管理局": 1},
        "year": {"2025": 1, "2026": 3},
        "length": {},
    }


def test_two_facets_narrow_together(shelves):
    ids, results = found(kind="book", filters=Filters(year="2026", category="通知"))
    assert ids == ["2", "3"]
    assert results.facets["year"] == {"2025": 1, "2026": 2}
    assert results.facets["category"] == {"通知": 2, "办法": 1}


def test_length_is_a_facet_of_what_plays(shelves):
    assert found(filters=Filters(length="medium"))[0] == ["9"]
    assert found(filters=Filters(length="long"))[0] == []


def test_only_and_without_name_documents(shelves):
    assert found(filters=Filters(only=frozenset({"book:1", "film:9"})))[0] == ["1", "9"]
    assert found(filters=Filters(only=frozenset()))[0] == []
    assert found(filters=Filters(without=frozenset({"book:1", "film:9"})))[0] == ["2", "3", "4", "5"]


def test_only_and_without_mean_all_parts_of_a_thing(shelves):
    for number in ("1", "2"):
        shelves.put(f"part{number}", f"消防安全第{number}段", kind="film", group="77")
    api.rebuild()
    assert found(filters=Filters(only=frozenset({"film:77"})))[0] == ["part1", "part2"]
    rest = found(filters=Filters(without=frozenset({"film:77", "book:1"})))[0]
    assert rest == ["2", "3", "4", "5", "9"]


def test_newest_first_and_the_undated_last(shelves):
    results = api.search("消防安全", ANYBODY, sort="date")
    assert [hit.id for hit in results.hits] == ["3", "9", "2", "4", "1", "5"]


def test_another_index_is_apart_from_the_site_s(shelves):
    with pytest.raises(IndexMissing):
        api.search("消防", ANYBODY, index="old")
    other = engine("old")
    with other.exclusively():
        other.rebuild(iter(()))
    assert api.search("消防", ANYBODY, index="old").total == 0
    assert api.search("消防", ANYBODY).total == 6


@pytest.mark.parametrize("name", ["../x", "A", "-a", "a" * 41, "a b", "消防"])
def test_a_name_that_no_index_can_have(name):
    with pytest.raises(IndexNameUnfit):
        engine(name)
