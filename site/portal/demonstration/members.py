"""The roster of the demonstration: about 300 people in 12 branches, with posts.

`plan` is pure and always gives the same people; `enter` writes them once.
"""

import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from pypinyin import lazy_pinyin

from people.api import found_organization
from people.models import Member, MemberStatus, PartyOrganization, Post, PostRole
from people.signals import member_activated, member_changed
from portal.demonstration.content.roster import FAMILY_NAMES, GIVEN_NAMES, PEOPLE, TREE, Node

__all__ = ["PROFILES", "Person", "enter", "plan"]

SEED = "海棠县"

PROFILES: dict[str, tuple[tuple[str, float], ...]] = {
    "SERVING": (("COMPLETED", 0.70), ("IN_PROGRESS", 0.17), ("AT_RISK", 0.09), ("NOT_STARTED", 0.04)),
    "ENTERPRISE": (("COMPLETED", 0.60), ("IN_PROGRESS", 0.22), ("AT_RISK", 0.13), ("NOT_STARTED", 0.05)),
    "VILLAGE": (("COMPLETED", 0.62), ("IN_PROGRESS", 0.20), ("AT_RISK", 0.12), ("NOT_STARTED", 0.06)),
    "FLOATING": (("COMPLETED", 0.45), ("IN_PROGRESS", 0.25), ("AT_RISK", 0.18), ("NOT_STARTED", 0.12)),
    "RETIRED": (("COMPLETED", 0.58), ("IN_PROGRESS", 0.14), ("EXEMPT", 0.20), ("AT_RISK", 0.08)),
}
"""How far along the members of a branch are, by its character."""

COMMITTEE = (
    PostRole.SECRETARY,
    PostRole.DEPUTY,
    PostRole.ORG_MEMBER,
    PostRole.PUBLICITY_MEMBER,
    PostRole.DISCIPLINE_MEMBER,
)


@dataclass
class Person:
    """One member to be: where, what, and which course the year takes (`profile`, `part`)."""

    name: str
    username: str
    code: str
    status: str
    joined_on: date
    profile: str
    part: str = ""
    elder: bool = False
    opened: bool = True
    posts: list[tuple[str, str]] = field(default_factory=list)
    """(organisation code, role)"""
    member: Member | None = None

    @property
    def leader(self) -> bool:
        return any(role in COMMITTEE for _code, role in self.posts)


def plan(today: date) -> list[Person]:
    """All people of the roster in the order of their branches; the same every time in one year."""
    names, usernames = {one.name for one in PEOPLE}, set()
    people: list[Person] = []
    for node in TREE:
        if node.size:
            people += _branch(node, today, names)
    for person in people:
        stem = "".join(lazy_pinyin(person.name)).replace("ü", "v")
        number, person.username = 1, stem
        while person.username in usernames:
            number += 1
            person.username = f"{stem}{number}"
        usernames.add(person.username)
    return people


def _branch(node: Node, today: date, names: set[str]) -> list[Person]:
    chance = random.Random(f"{SEED} {node.code}")
    placed = [one for one in PEOPLE if one.code == node.code]
    people = []
    for number in range(node.size):
        named = placed[number] if number < len(placed) else None
        joined = named.joined if named and named.joined else _joined(chance, node.character, today)
        status = MemberStatus.FULL if joined < today.year else MemberStatus.PROBATIONARY
        profile = _draw(chance, PROFILES[node.character])
        person = Person(
            name=named.name if named else _name(chance, joined, today, names),
            username="",
            code=node.code,
            status=status,
            joined_on=date(joined, chance.choice((6, 7, 11)), chance.randint(1, 28)),
            profile=profile,
            part=named.part if named else "",
            elder=(named.part == "elder") if named else (joined < 1985 and chance.random() < 0.5),
        )
        if status == MemberStatus.PROBATIONARY:
            person.joined_on = date(today.year, 1, 1) + timedelta(
                days=chance.randint(0, max(0, today.timetuple().tm_yday - 10) // 2)
            )
        person.opened = not (profile == "NOT_STARTED" and not named and chance.random() < 0.6)
        people.append(person)
    _appoint(people, placed, node, chance)
    return people


def _appoint(people: list[Person], placed: list, node: Node, chance: random.Random) -> None:
    by_name = {one.name: one for one in placed}
    held = {one.role for one in placed if one.role}
    for person in people:
        named = by_name.get(person.name)
        if named and named.role:
            person.posts.append((node.code, named.role))
    free = [
        p for p in people if p.name not in by_name and p.status == MemberStatus.FULL and p.profile != "EXEMPT"
    ]
    chance.shuffle(free)
    for role in COMMITTEE if node.size >= 22 else COMMITTEE[:3]:
        if role not in held:
            person = free.pop()
            person.posts.append((node.code, role))
            person.opened = True
            if person.profile == "NOT_STARTED":
                person.profile = "AT_RISK"
    for number in range(node.groups):
        free.pop().posts.append((f"{node.code}.{number + 1}", PostRole.GROUP_LEADER))
    for person in people:
        if person.part == "organiser":
            person.posts.append(("001.001.001", PostRole.ORGANIZER))


def _draw(chance: random.Random, shares: tuple[tuple[str, float], ...]) -> str:
    return chance.choices([name for name, _ in shares], [share for _, share in shares])[0]


def _joined(chance: random.Random, character: str, today: date) -> int:
    if character == "RETIRED":
        return chance.randint(today.year - 58, today.year - 34)
    if character == "FLOATING":
        return chance.randint(today.year - 18, today.year - 1)
    if character == "VILLAGE":
        return chance.randint(today.year - 45, today.year - 1)
    if chance.random() < 0.05:
        return today.year
    return chance.randint(today.year - 30, today.year - 1)


def _name(chance: random.Random, joined: int, today: date, names: set[str]) -> str:
    years = today.year - joined
    stock = GIVEN_NAMES["old" if years > 34 else "middle" if years > 13 else "young"]
    while True:
        name = chance.choice(FAMILY_NAMES) + chance.choice(stock)
        if name not in names:
            names.add(name)
            return name


def enter(people: list[Person], *, opened_at: datetime) -> dict[str, PartyOrganization]:
    """Write the tree, the people and their posts; announce the opened accounts. Returns the tree by code.

    Accounts are opened without a usable password: nobody signs in with them until the branch hands
    out a one-time password. The four demonstration sign-ins are made elsewhere (accounts.py).
    """
    organizations: dict[str, PartyOrganization] = {}
    for node in TREE:
        parent = organizations.get(node.code.rpartition(".")[0])
        organizations[node.code] = found_organization(
            PartyOrganization(code=node.code, type=node.type, name=node.name, short_name=node.short_name),
            parent=parent,
            actor=None,
        )
        for number in range(1, node.groups + 1):
            name = f"{node.short_name}{'一二三四'[number - 1]}组"
            code = f"{node.code}.{number}"
            group = PartyOrganization(
                code=code,
                type="GROUP",
                name=f"{node.name}第{'一二三四'[number - 1]}党小组",
                short_name=name[:40],
            )
            organizations[code] = found_organization(group, parent=organizations[node.code], actor=None)
    posts = []
    for number, person in enumerate(people):
        at = opened_at + timedelta(minutes=7 * number)
        member = Member(
            username=person.username,
            name=person.name,
            status=person.status,
            organization=organizations[person.code],
            joined_on=person.joined_on,
            elder_mode=person.elder,
            activated_at=at if person.opened else None,
        )
        member.set_unusable_password()
        member.save()
        person.member = member
        since = max(person.joined_on + timedelta(days=400), date(opened_at.year - 3, 11, 20))
        posts += [
            Post(
                member=member,
                organization=organizations[code],
                role=role,
                started_on=min(since, opened_at.date()),
            )
            for code, role in person.posts
        ]
        if person.opened:
            member_activated.send(sender=Member, member=member, at=at)
    Post.objects.bulk_create(posts)
    for person in people:
        member_changed.send(sender=Member, member=person.member, fields={"name", "organization", "posts"})
    return organizations
