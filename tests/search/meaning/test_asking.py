"""One list out of words and meaning: its pages, its counts, and what is left as it was."""

from dataclasses import asdict

import pytest
from django.contrib.auth.models import AnonymousUser

from search import api
from search.engines.current import engine
from search.entries import entries
from search.meaning import nearest
from search.meaning.models import Vector
from search.query import plan
from tests.search.labelled import documents, evaluation, queries

pytestmark = pytest.mark.django_db

NOBODY = AnonymousUser()
QUESTIONS = [one.text for one in queries.asked("A") if "question" in one.suite and plan(one.text).is_sentence]


def asked(query, **more):
    found = asdict(api.search(query, NOBODY, index=evaluation.TEXTS, **more))
    del found["took_ms"]
    return found


def keys(found):
    return [f"{hit['kind']}:{hit['id']}" for hit in found["hits"]]


def every_key(query, **more):
    """Of all hits, however many pages they fill."""
    pages = -(-asked(query, **more)["total"] // 100)
    return {key for page in range(1, pages + 1) for key in keys(asked(query, size=100, page=page, **more))}


def near(query):
    return nearest.near(plan(query), evaluation.TEXTS, engine(evaluation.TEXTS), frozenset({"public"}))


@pytest.fixture
def texts(engine_kind, embed):
    """The labelled texts, with their vectors."""
    chosen = engine(evaluation.TEXTS)
    with chosen.exclusively():
        chosen.rebuild(entries(documents.texts()))
    assert embed(evaluation.TEXTS) == 252


def without(settings):
    settings.SEARCH = {**settings.SEARCH, "MEANING": ""}


def test_all_pages_together_hold_each_hit_once_and_as_many_as_are_counted(texts, settings):
    for question in QUESTIONS[::8]:
        found = asked(question, size=100, facets=True)
        pages = [asked(question, size=7, page=number) for number in range(1, -(-found["total"] // 7) + 1)]
        listed = [key for page in pages for key in keys(page)]
        assert len(listed) == len(set(listed)) == found["total"] == sum(found["counts"].values())
        assert {page["pages"] for page in pages} == {len(pages)}
        assert listed[:30] == keys(found)[:30]
        chosen = near(question).keys
        assert set(chosen) <= set(listed)
        for category, number in found["facets"]["category"].items():
            narrowed = asked(question, filters=api.Filters(category=category), size=100)
            assert narrowed["total"] == number
        for kind, number in found["counts"].items():
            of_kind = asked(question, kind=kind, size=100)
            assert of_kind["total"] == number == len(every_key(question, kind=kind))
            assert of_kind["counts"] == found["counts"]
        without(settings)
        assert set(listed) == every_key(question) | set(chosen)
        settings.SEARCH = {**settings.SEARCH, "MEANING": "e5"}


@pytest.mark.embedded
def test_a_named_index_is_asked_by_meaning_over_http(texts, client, settings):
    question = "每个月要上交多少钱给党组织"
    answer = client.get("/api/search/", {"q": question, "index": evaluation.TEXTS, "size": 50}).json()
    assert set(near(question).keys) <= {f"{one['kind']}:{one['id']}" for one in answer["results"]}
    without(settings)
    by_words = client.get("/api/search/", {"q": question, "index": evaluation.TEXTS, "size": 50}).json()
    assert by_words["results"] != answer["results"]


def test_keywords_and_lists_by_date_are_left_as_they_are(texts, settings):
    words = [one.text for one in queries.asked("A") if not plan(one.text).is_sentence][::12]
    ways = [(word, {}) for word in words] + [(one, {"sort": "date"}) for one in QUESTIONS[::12]]
    on = [asked(word, **more) for word, more in ways]
    without(settings)
    assert on == [asked(word, **more) for word, more in ways]


def test_a_title_that_is_the_question_stands_above_all(shelf, embed):
    shelf.put("1", "党费怎么交", "见下。", kind="book")
    for number in range(2, 9):
        shelf.put(
            str(number), f"党费的缴纳（{number}）", "党费怎么交：每月按工资的比例交给党小组长。", kind="book"
        )
    api.rebuild()
    embed()
    assert near_of_site("党费怎么交")
    assert api.search("党费怎么交", NOBODY).hits[0].id == "1"


def near_of_site(question):
    return nearest.near(plan(question), "", engine(), frozenset({"public"})).keys


def test_a_vector_without_its_document_finds_nothing(shelf, embed):
    shelf.put("1", "党费收缴", "党员每月按照工资收入的比例缴纳党费。", kind="book")
    shelf.put("2", "消防演练", "楼道里不能堆放杂物，电动车不能进门。", kind="film")
    api.rebuild()
    embed()
    question = "每个月要上交多少钱？"
    before = api.search(question, NOBODY)
    assert before.hits[0].id == "1"
    Vector.objects.filter(key="film:2").update(key="book:7", vector=Vector.objects.get(key="book:1").vector)
    after = api.search(question, NOBODY)
    assert {hit.id for hit in after.hits} <= {"1", "2"} and after.total == len(after.hits)


def test_who_asks_before_anything_is_embedded_is_answered_by_words(shelf, settings):
    shelf.put("1", "党费收缴", "党员每月按照工资收入的比例缴纳党费。", kind="book")
    api.rebuild()
    on = api.search("党费怎么交？", NOBODY)
    without(settings)
    assert on.hits == api.search("党费怎么交？", NOBODY).hits != []
