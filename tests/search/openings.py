"""A random school in which much is not for everybody, and a plain reckoning of who may see what.

The reckoning knows neither tokens nor paths: it walks up the tree by parents, as a person would with a list.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

from people.models import ORGANISING_ROLES, Member, PartyOrganization, Post, PostRole
from search.documents import MEMBERS, PUBLIC, member_token, organization_token, scope_token

PIECES = [
    a + b
    for a in ("党费", "安全", "民主", "转正", "学时", "消防", "社区")
    for b in ("收缴", "生产", "集中", "材料")
]
TODAY = date.today()


@dataclass
class Opening:
    """To whom one document is open: everybody, every member, organisations, their organisers, one person, nobody."""

    way: str
    organizations: list[int] = field(default_factory=list)
    """Ids of PartyOrganization."""
    person: int = 0

    def acl(self, tree: dict[int, PartyOrganization], people: dict[int, Member]) -> list[str]:
        if self.way == "organizations":
            return [organization_token(tree[pk]) for pk in self.organizations]
        if self.way == "organisers":
            return [scope_token(tree[pk]) for pk in self.organizations]
        return {"everybody": [PUBLIC], "members": [MEMBERS], "nobody": []}.get(
            self.way, [member_token(people[self.person])] if self.person else []
        )


@dataclass
class School:
    """Parents of organisations, homes and posts of people, openings of documents: plain dicts, kept beside the database."""

    parents: dict[int, int | None]
    homes: dict[int, int | None]
    posts: dict[int, list[tuple[int, str, date, date | None]]]
    openings: dict[str, Opening] = field(default_factory=dict)

    def above(self, organization: int | None) -> set[int]:
        """`organization` and everything above it."""
        found = set()
        while organization is not None:
            found.add(organization)
            organization = self.parents[organization]
        return found

    def organised(self, person: int) -> set[int]:
        return {
            where
            for where, role, since, until in self.posts.get(person, [])
            if role in ORGANISING_ROLES and since <= TODAY and (until is None or until >= TODAY)
        }

    def may_see(self, person: int | None, key: str) -> bool:
        """Whether `person` (None: not signed in) may see the document `key`."""
        opening = self.openings[key]
        if opening.way in ("everybody", "nobody") or person is None:
            return opening.way == "everybody"
        if opening.way == "members":
            return True
        if opening.way == "person":
            return opening.person == person
        organised = self.organised(person)
        if opening.way == "organisers":
            return bool(organised & set(opening.organizations))
        own = [self.homes[person], *organised]
        return any(self.above(one) & set(opening.organizations) for one in own)

    def seen_by(self, person: int | None) -> set[str]:
        return {key for key in self.openings if self.may_see(person, key)}


def random_school(chance: random.Random, *, organizations: int, members: int) -> School:
    """So many organisations in a random tree with so many members, three in ten with posts of all sorts of terms."""
    nodes = [PartyOrganization.add_root(code="0", name="县委", type="COMMITTEE")]
    parents: dict[int, int | None] = {nodes[0].pk: None}
    for number in range(1, organizations):
        above = PartyOrganization.objects.get(pk=chance.choice(nodes).pk)
        code = f"{chance.randrange(1000):03}-{number}"  # siblings come in any order, so that paths shift
        node = above.add_child(code=code, name=f"第{number}支部", type="BRANCH")
        nodes.append(node)
        parents[node.pk] = above.pk
    homes, posts = {}, {}
    terms = [(-400, None), (-400, 30), (-400, 0), (-400, -1), (0, None), (1, None), (30, 60)]
    for number in range(members):
        home = chance.choice(nodes)
        person = Member.objects.create_user(f"p{number}", name=f"党员{number}", organization_id=home.pk)
        homes[person.pk] = home.pk
        if chance.random() < 0.3:
            where, role = chance.choice(nodes), chance.choice(list(PostRole.values))
            since, until = chance.choice(terms)
            term = (TODAY + timedelta(since), None if until is None else TODAY + timedelta(until))
            Post.objects.create(
                member=person, organization_id=where.pk, role=role, started_on=term[0], ended_on=term[1]
            )
            posts[person.pk] = [(where.pk, role, *term)]
    return School(parents, homes, posts)


def random_opening(chance: random.Random, school: School) -> Opening:
    way = chance.choice(
        [
            "everybody",
            "members",
            "organizations",
            "organizations",
            "organizations",
            "organisers",
            "person",
            "nobody",
        ]
    )
    if way == "person":
        return Opening(way, person=chance.choice(list(school.homes)))
    if way in ("organizations", "organisers"):
        return Opening(way, chance.sample(list(school.parents), chance.choice([1, 1, 2, 3])))
    return Opening(way)


def random_queries(chance: random.Random, number: int) -> list[str]:
    """Words, pairs of words, typos, sounds, initials, questions, numbers, single characters."""
    sounds = ["dangfei", "anquan", "dfsj", "aqsc", "minzhu", "xueshi", "xfcl", "shequ"]
    found: list[str] = []
    while len(found) < number:
        one, other = chance.choice(PIECES), chance.choice(PIECES)
        said = chance.randrange(200)
        found.append(
            chance.choice(
                [
                    one,
                    one,
                    one + other,
                    f"{one} {other}",
                    f"{one}怎么办理",
                    f"{one}{said}",
                    f"县发〔2026〕{said % 40}号",
                    one[:3],
                    one[0],
                    one.replace("费", "飞"),
                    chance.choice(sounds),
                ]
            )
        )
    return found
