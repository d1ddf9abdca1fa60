"""May I see it: what a member may not see changes nothing for her, however near it is to what she asks."""

import random
from dataclasses import asdict

import numpy as np
import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from people.models import Member, PartyOrganization
from search import api
from search.documents import tokens_of
from search.engines.current import engine
from search.meaning import nearest
from search.meaning.models import Vector
from search.query import plan
from tests.search.openings import PIECES, random_opening, random_school

pytestmark = pytest.mark.django_db

SIZES = {"tantivy": 25, "elasticsearch": 8}
DOCUMENTS = 120


@pytest.fixture
def school(shelf, engine_kind, embed, monkeypatch):
    chance = random.Random(20261130)
    school = random_school(chance, organizations=12, members=SIZES[engine_kind])
    tree, people = PartyOrganization.objects.in_bulk(), Member.objects.in_bulk()
    for number in range(DOCUMENTS):
        opening = random_opening(chance, school)
        while opening.way == "organisers":  # so is only what stands apart
            opening = random_opening(chance, school)
        title = f"{''.join(chance.sample(PIECES, 2))}{number}"
        kind = chance.choice(["book", "film"])
        shelf.put(
            str(number), title, "，".join(chance.sample(PIECES, 3)), kind=kind, acl=opening.acl(tree, people),
            issuing_body=chance.choice(["组织部", "民政局"]),
        )  # fmt: skip
        school.openings[f"{kind}:{number}"] = opening
    api.rebuild()
    assert embed() == DOCUMENTS
    # So that the nearest ones of many askers are hidden, and more than one round is needed.
    monkeypatch.setattr(nearest, "FIRST", 4)
    monkeypatch.setattr(nearest, "NEAR_ENOUGH", 0.7)
    return school


QUESTIONS = [
    "党员每个月要上交多少钱？",
    "怎样预防火灾？",
    "入党一年以后怎么转为正式的？",
    "党费收缴怎么办理？",
    "学时材料交到哪里？",
]


def answers(viewer):
    found = []
    for question in QUESTIONS:
        for page in (1, 2):
            one = asdict(api.search(question, viewer, facets=True, page=page))
            found.append({key: value for key, value in one.items() if key != "took_ms"})
    return found


def test_what_is_hidden_changes_no_hit_score_order_total_or_facet(school):
    people = Member.objects.in_bulk()
    hidden = met = 0
    for person in [None, *school.homes]:
        viewer = AnonymousUser() if person is None else people[person]
        own = school.seen_by(person)
        with_all = answers(viewer)
        assert {f"{hit['kind']}:{hit['id']}" for one in with_all for hit in one["hits"]} <= own
        with transaction.atomic():
            Vector.objects.exclude(key__in=own).delete()
            assert answers(viewer) == with_all, person
            transaction.set_rollback(True)
        hidden += DOCUMENTS - len(own)
        met += sum(len(one["hits"]) for one in with_all)
    assert hidden > 20 * len(school.homes) and met > 10 * len(school.homes)


def test_the_nearest_are_the_nearest_of_those_she_may_see(school, meaning):
    people = Member.objects.in_bulk()
    kept = {
        key: np.frombuffer(bytes(vector), "<f2").astype("f4")
        for key, vector in Vector.objects.values_list("key", "vector")
    }
    rounds = 0
    for person in [None, *school.homes]:
        viewer = AnonymousUser() if person is None else people[person]
        own = school.seen_by(person)
        for question in QUESTIONS:
            asked = meaning.query(question)
            near = sorted(own, key=lambda key: -float(kept[key] @ asked))[: nearest.MOST]
            near = [key for key in near if kept[key] @ asked >= kept[near[0]] @ asked - nearest.WITHIN]
            found = nearest.near(plan(question), "", engine(), tokens_of(viewer))
            assert set(found.keys) == set(near)
            everything = sorted(kept, key=lambda key: -float(kept[key] @ asked))
            rounds += set(everything[: len(near)]) != set(near)
    assert rounds > len(school.homes)  # else nothing near was hidden
