"""May I see it, by numbers: 200 random members ask 200 queries each, and meet nothing that is not theirs."""

import random
from dataclasses import asdict
from datetime import date
from functools import cache

import pytest
from django.contrib.auth.models import AnonymousUser

from people.models import Member, PartyOrganization
from search import api, documents, query
from search.api import Hit
from search.documents import Document
from search.engines.current import engine
from search.related import related_plan
from search.windows import Cue
from tests.search.openings import PIECES, random_opening, random_queries, random_school

pytestmark = pytest.mark.django_db

DOCUMENTS = 80
SIZES = {"tantivy": (200, 200), "elasticsearch": (15, 30)}
"""Members and queries; a server that is asked over HTTP is asked less."""
ISSUERS = ["组织部", "宣传部", "民政局"]
LECTURES, STRETCHES = 25, 4
"""Lectures in which the same is said at so many places: one more than is shown of a lecture."""


def peopled(chance, shelf, engine_kind):
    """A school without documents, captions among its kinds; and what an opening is in access tokens."""
    school = random_school(chance, organizations=40, members=SIZES[engine_kind][0])
    tree, people = PartyOrganization.objects.in_bulk(), Member.objects.in_bulk()
    documents.register("cue", label="Said", load=shelf.loader("cue"))
    return school, lambda opening: opening.acl(tree, people)


@pytest.fixture
def school(shelf, engine_kind):
    """The school, its documents on the shelf and in the index, and the members as a request would bring them."""
    chance = random.Random(20261128)
    school, acl_of = peopled(chance, shelf, engine_kind)
    documents.register("roll", label="Rolls", load=shelf.loader("roll"), stands_apart=True)
    for number in range(DOCUMENTS):
        opening = random_opening(chance, school)
        kind = "roll" if opening.way == "organisers" else chance.choice(["book", "film", "cue"])
        text = "，".join(chance.sample(PIECES, 3))
        shelf.put(
            str(number),
            f"{''.join(chance.sample(PIECES, 2))}{number}",
            "" if kind == "cue" else text,
            kind=kind,
            group=str(number),
            cues=[Cue(0.0, 5.0, text)] if kind == "cue" else (),
            acl=acl_of(opening),
            issuing_body=chance.choice(ISSUERS),
            published_on=date(2020 + number % 6, 1, 1),
            names=[] if kind == "cue" else [f"县发〔2026〕{number % 40}号"],
        )
        school.openings[f"{kind}:{number}"] = opening
    api.rebuild()
    return school


@pytest.fixture
def quick(monkeypatch):
    """What is asked here is whose the hits are, not how they are marked; plans and tokens are reckoned once each."""
    monkeypatch.setattr(api, "plan", cache(query.plan))
    monkeypatch.setattr(api, "tokens_of", cache(documents.tokens_of))
    monkeypatch.setattr(
        api,
        "_hit",
        lambda found, *_: Hit(
            found.row["id"], found.row["kind"], "", found.row["title"], "", "", found.row["url"], found.score
        ),
    )


def matched(shelf, text, loose):
    """Keys of all documents that match, whoever may see them."""
    everything = {token for one in shelf.things.values() for token in one.acl}
    found = engine().find(query.plan(text, loose=loose), everything, kind=None, offset=0, limit=1000)
    return {f"{row['kind']}:{row['id']}" for _score, row in found.rows}


def tallied(shelf, keys, of):
    counted: dict[str, int] = {}
    for key in keys:
        label = of(shelf.things[key])
        counted[label] = counted.get(label, 0) + 1
    return counted


def test_nobody_meets_a_foreign_document_title_or_count(shelf, school, quick, engine_kind, monkeypatch):
    monkeypatch.setattr(api, "_did_you_mean", lambda *a: "")  # below
    queries = random_queries(random.Random(7), SIZES[engine_kind][1])
    viewers = [None, *school.homes]
    people = Member.objects.in_bulk()
    strict = {text: matched(shelf, text, loose=False) for text in queries}
    loose = {text: matched(shelf, text, loose=True) for text in queries}
    secrets = met = 0
    for person in viewers:
        viewer = AnonymousUser() if person is None else people[person]
        own = school.seen_by(person)
        assert own < set(shelf.things)
        for number, text in enumerate(queries):
            expected = strict[text] & own or loose[text] & own
            narrowing = number % 10 == 0
            results = api.search(text, viewer, size=100, facets=narrowing)
            listed = {key for key in expected if not key.startswith("roll:")} or expected
            assert {f"{hit.kind}:{hit.id}" for hit in results.hits} == listed, (text, person)
            assert results.total == results.everything == len(listed)
            assert results.counts == tallied(shelf, expected, lambda one: one.kind)
            if narrowing:
                assert results.facets["issuer"] == tallied(shelf, listed, lambda one: one.issuing_body)
                assert results.facets["year"] == tallied(
                    shelf, listed, lambda one: str(one.published_on.year)
                )
            met += len(expected)
            secrets += len(strict[text] - own)
    # Else the test would say nothing: there was much to see, and much to hide.
    asked = len(viewers) * len(queries)
    assert asked == (SIZES[engine_kind][0] + 1) * SIZES[engine_kind][1]
    assert met > 2 * asked and secrets > 2 * asked


def test_no_suggestion_and_no_correction_comes_from_a_foreign_title(shelf, school, quick, engine_kind):
    queries = random_queries(random.Random(8), SIZES[engine_kind][1])
    for number, (person, viewer) in enumerate(sorted(Member.objects.in_bulk().items())):
        own = [shelf.things[key] for key in school.seen_by(person)]
        titles = {one.title for one in own}
        for text in queries[number % 20 :: 20]:
            assert {one.title for one in api.suggest(text, viewer)} <= titles
            meant = api.search(text.replace("安全", "暗全"), viewer).did_you_mean
            assert all(part in text or any(part in title for title in titles) for part in meant.split())


@pytest.fixture
def lectures(shelf, engine_kind):
    """Lectures of many places each, of which every one says whose it is; else as `school`."""
    chance = random.Random(20261129)
    school, acl_of = peopled(chance, shelf, engine_kind)
    for number in range(LECTURES):
        opening = random_opening(chance, school)
        while opening.way == "organisers":  # so is only what stands apart
            opening = random_opening(chance, school)
        said = chance.sample(PIECES, 5)
        for stretch in range(STRETCHES):
            cues = [
                Cue(stretch * 60.0 + place * 5, stretch * 60.0 + place * 5 + 5, f"第{number}讲：{text}")
                for place, text in enumerate(chance.sample(said, 4))
            ]
            key = shelf.put(
                f"{number}:{stretch}", f"第{number}讲", kind="cue", group=str(number), video=f"v{number}",
                cues=cues, acl=acl_of(opening),
            )  # fmt: skip
            school.openings[f"cue:{key.id}"] = opening
    api.rebuild()
    return school


def test_no_second_and_no_word_comes_from_a_foreign_lecture(shelf, lectures, engine_kind):
    queries = random_queries(random.Random(9), SIZES[engine_kind][1])
    strict = {text: matched(shelf, text, loose=False) for text in queries}
    loose = {text: matched(shelf, text, loose=True) for text in queries}
    people = Member.objects.in_bulk()
    met = 0
    for number, person in enumerate([None, *lectures.homes]):
        viewer = AnonymousUser() if person is None else people[person]
        own = lectures.seen_by(person)
        for text in queries[number % 20 :: 20]:
            expected = strict[text] & own or loose[text] & own
            found = api.search(text, viewer, size=100)
            assert {hit.video for hit in found.hits} == {f"v{key.split(':')[1]}" for key in expected}
            assert found.total == len(expected), (text, person)
            assert found.counts == ({"cue": len(expected)} if expected else {})
            for hit in found.hits:
                lecture = hit.video[1:]
                for moment in hit.moments:
                    assert f"第{lecture}讲" in moment.excerpt_html.replace("<mark>", "").replace(
                        "</mark>", ""
                    )
                    assert moment.url.startswith(f"/cue/{lecture}:")
                met += len(hit.moments)
            apart = api.search(text, viewer, kind="cue", size=100)
            assert {f"cue:{hit.id}" for hit in apart.hits} == expected
            assert apart.total == len(apart.hits) == len(expected)
    assert met > 5 * len(people)


def test_nothing_foreign_is_related(shelf, school, quick, engine_kind):
    """What is related to anything at all, also to what the asker may not see herself, is hers to see."""
    everything = {token for one in shelf.things.values() for token in one.acl}
    people = Member.objects.in_bulk()
    texts = [
        Document(id="x", kind="book", title=one, body=other)
        for one, other in zip(PIECES, reversed(PIECES), strict=True)
    ]
    matching = {
        one.title: {
            f"{row['kind']}:{row['id']}"
            for _score, row in engine()
            .find(related_plan(one.title, one.body), everything, kind="film", offset=0, limit=1000)
            .rows
        }
        for one in texts
    }
    met = secrets = 0
    for number, person in enumerate([None, *school.homes]):
        viewer = AnonymousUser() if person is None else people[person]
        own = school.seen_by(person)
        for text in texts[number % 3 :: 3]:
            found = {f"film:{hit.id}" for hit in api.related(text, viewer, kind="film", size=20)}
            assert found <= own and len(found) == min(20, len(matching[text.title] & own))
            met += len(found)
            secrets += len(matching[text.title] - own)
    assert met > len(people) and secrets > len(people)


def test_the_reckoning_would_notice(shelf, school):
    """Control: one document opened to one more organisation is met by its members, and the reckoning objects."""
    person = next(pk for pk in school.homes if len(school.seen_by(pk)) > 5)
    viewer = Member.objects.get(pk=person)
    key = next(key for key, opening in school.openings.items() if opening.way == "nobody")
    kind, id = key.split(":")
    before = shelf.things[key]
    shelf.put(
        id, before.title, before.body, kind=kind, acl=[documents.organization_token(viewer.organization)]
    )
    api.changed(kind, id)
    api.drain()
    met = {f"{hit.kind}:{hit.id}" for hit in api.search(before.title, viewer, size=100).hits}
    assert met - school.seen_by(person) == {key}
    assert asdict(api.search(before.title, AnonymousUser()))["counts"] == {
        name: count for name, count in api.search(before.title, AnonymousUser()).counts.items()
    }
