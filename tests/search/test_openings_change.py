"""Organisations move, people are transferred, posts begin and end, documents are opened otherwise: once the outbox
is drained, everybody finds exactly what is hers to see."""

import random
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from people import api as people
from people.models import Member, PartyOrganization, Post, PostRole
from reports.documents import load_members, load_organizations
from search import api, documents
from search.models import SearchOutbox
from tests.search.openings import TODAY, Opening, random_opening, random_school

pytestmark = pytest.mark.django_db

ROLES = [PostRole.ORGANIZER, PostRole.SECRETARY, PostRole.GROUP_LEADER]
WAYS = ["everybody", "members", "organizations", "organisers", "person", "nobody"]


def machine_over(shelf) -> type[RuleBasedStateMachine]:
    class OpeningsChange(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.block = transaction.atomic()
            self.block.__enter__()
            shelf.things.clear()
            chance = random.Random(1)
            self.school = random_school(chance, organizations=7, members=8)
            self.organizations = sorted(self.school.parents)
            self.members = sorted(self.school.homes)
            for who in (0, 1, 2):  # organisers of three places below the top
                self.appoint(who, where=1 + 2 * who, role=PostRole.ORGANIZER, begins=-1)
            for number in range(10):
                opening = random_opening(chance, self.school)
                self.put(number, opening, roll=opening.way == "organisers")
            api.rebuild()

        def put(self, number: int, opening: Opening, *, roll: bool = False) -> None:
            """What is for organisers is a roll, all else a book; there may be both of one number."""
            tree, persons = PartyOrganization.objects.in_bulk(), Member.objects.in_bulk()
            kind = "roll" if roll else "book"
            shelf.put(str(number), f"安全生产{number}", kind=kind, acl=opening.acl(tree, persons))
            self.school.openings[f"{kind}:{number}"] = opening
            api.changed(kind, number)

        @rule(
            number=st.integers(0, 9),
            way=st.sampled_from(WAYS),
            where=st.integers(0, 6),
            who=st.integers(0, 7),
        )
        def open_otherwise(self, number, way, where, who):
            person = self.members[who] if way == "person" else 0
            places = [self.organizations[where]] if way in ("organizations", "organisers") else []
            self.put(number, Opening(way, places, person), roll=way == "organisers")

        @rule(which=st.integers(1, 6), below=st.integers(0, 6))
        def move(self, which, below):
            moved, above = self.organizations[which], self.organizations[below]
            if moved in self.school.above(above):
                return
            people.change_organization(
                PartyOrganization.objects.get(pk=moved),
                parent=PartyOrganization.objects.get(pk=above),
                fields={"parent"},
                actor=None,
            )
            self.school.parents[moved] = above

        @rule(who=st.integers(0, 7), where=st.integers(0, 6))
        def transfer(self, who, where):
            member = Member.objects.get(pk=self.members[who])
            member.organization_id = self.organizations[where]
            people.change_member(member, fields={"organization"}, actor=None)
            self.school.homes[member.pk] = self.organizations[where]

        @rule(
            who=st.integers(0, 7),
            where=st.integers(0, 6),
            role=st.sampled_from(ROLES),
            begins=st.integers(-1, 1),
        )
        def appoint(self, who, where, role, begins):
            member, place = self.members[who], self.organizations[where]
            if Post.objects.filter(member=member, organization=place, role=role, ended_on=None).exists():
                return
            since = TODAY + timedelta(begins)
            people.appoint(
                Member.objects.get(pk=member),
                organization=PartyOrganization.objects.get(pk=place),
                role=role,
                started_on=since,
                actor=None,
            )
            self.school.posts.setdefault(member, []).append((place, role, since, None))

        @precondition(lambda self: any(self.school.posts.values()))
        @rule(who=st.integers(0, 7))
        def expire(self, who):
            """The days go by for all posts of one person; nobody does anything."""
            member = self.members[who]
            ended = TODAY - timedelta(1)
            Post.objects.filter(member=member, started_on__lte=ended).update(ended_on=ended)
            self.school.posts[member] = [
                (place, role, since, ended if since <= ended else until)
                for place, role, since, until in self.school.posts.get(member, [])
            ]

        @invariant()
        def everybody_finds_what_is_hers(self):
            api.drain()
            assert not SearchOutbox.objects.exists()
            persons = Member.objects.in_bulk()
            for person, viewer in persons.items():
                own, met = self.school.seen_by(person), set()
                for kind in ("book", "roll"):
                    found = api.search("安全生产", viewer, kind=kind, size=100)
                    assert found.total == len(found.hits)
                    met |= {f"{kind}:{hit.id}" for hit in found.hits}
                assert met == own and sum(found.counts.values()) == len(own)
                held = self.school.organised(person)
                expected = {
                    one.name for pk, one in persons.items() if self.school.above(self.school.homes[pk]) & held
                }
                assert {
                    hit.title for hit in api.search("党员", viewer, kind="member", size=100).hits
                } == expected

        def teardown(self) -> None:
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

        # What moves concerns most.
        move_again = rule(which=st.integers(1, 6), below=st.integers(0, 6))(
            lambda self, **to: self.move(**to)
        )

    return OpeningsChange


def test_whatever_changes_everybody_finds_what_is_hers(shelf):
    documents.register("roll", label="Rolls", load=shelf.loader("roll"), stands_apart=True)
    documents.register("member", label="Members", load=load_members)
    documents.register("organization", label="Organisations", load=load_organizations)
    run_state_machine_as_test(
        machine_over(shelf),
        settings=settings(
            max_examples=6,
            stateful_step_count=10,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
