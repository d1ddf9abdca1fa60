"""The tree of domain.md §10: 海棠街道党工委 › 桂花社区党委 (branches 001, 002), 丹桂社区党委 (branch 001)."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import cache

from courses.archive import api as archive
from people.models import Member, PartyOrganization, PostRole
from tests.factories import MemberFactory, PartyOrganizationFactory, PostFactory

TODAY = date(2026, 9, 30)


@dataclass
class Street:
    top: PartyOrganization
    osmanthus: PartyOrganization
    orange: PartyOrganization
    first: PartyOrganization
    second: PartyOrganization
    third: PartyOrganization
    organiser: Member
    """周敏, organiser of 桂花社区党委."""
    neighbour: Member
    """Organiser of 丹桂社区党委."""
    people: dict[str, Member]


def credit(member: Member, hours: str, mode: str = "COLLECTIVE") -> None:
    archive.add_entry(
        member,
        mode=mode,
        title="集体学习",
        hours=Decimal(hours),
        finished_at=datetime(2026, 6, 1, 10, tzinfo=ZoneInfo("Asia/Shanghai")),
    )


@pytest.fixture(autouse=True)
def no_counts_from_other_tests():
    cache.clear()


@pytest.fixture
def street(db, monkeypatch) -> Street:
    monkeypatch.setattr("django.utils.timezone.localdate", _localdate_on(TODAY))
    top = PartyOrganizationFactory(code="001", name="海棠街道党工委", type="COMMITTEE")
    osmanthus = PartyOrganizationFactory(parent=top, code="001.002", name="桂花社区党委")
    orange = PartyOrganizationFactory(parent=top, code="001.003", name="丹桂社区党委")
    first = PartyOrganizationFactory(parent=osmanthus, code="001.002.001", name="第一党支部")
    second = PartyOrganizationFactory(parent=osmanthus, code="001.002.002", name="第二党支部")
    third = PartyOrganizationFactory(parent=orange, code="001.003.001", name="丹桂第一党支部")
    staff = {"status": "STAFF"}
    organiser = MemberFactory(username="zhoumin", name="周敏", organization=osmanthus, **staff)
    neighbour = MemberFactory(username="neighbour", name="何静", organization=orange, **staff)
    PostFactory(member=organiser, organization=osmanthus)
    PostFactory(member=neighbour, organization=orange)

    def person(name, organization=first, hours=None, mode="COLLECTIVE"):
        member = MemberFactory(name=name, organization=organization)
        if hours:
            credit(member, hours, mode)
        return member

    people = {
        "张伟": person("张伟", hours="33"),
        "李想": person("李想", hours="20"),
        "王芳": person("王芳", hours="18"),
        "赵淑珍": person("赵淑珍"),
        "陈刚": person("陈刚", hours="40"),
        "吴凡": person("吴凡", organization=second),
        "邻居": person("邻居", organization=third, hours="33"),
    }
    PostFactory(member=people["陈刚"], organization=first, role=PostRole.SECRETARY)
    archive.grant_exemption(people["赵淑珍"], year=2026, reason="八十二岁", actor=None)
    return Street(top, osmanthus, orange, first, second, third, organiser, neighbour, people)


def _localdate_on(day: date):
    from django.utils.timezone import localdate as real

    def localdate(value=None, timezone=None):
        return day if value is None else real(value, timezone)

    return localdate
