"""The year's standing out of the ledger: scenario 4 of domain.md §10, caps, many members at once."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from courses.archive import api
from courses.archive.models import Rule
from people.models import Member, MemberStatus, PostRole
from tests.factories import AdministratorFactory, MemberFactory, PartyOrganizationFactory, PostFactory

pytestmark = pytest.mark.django_db

DAY = date(2026, 9, 30)


def give(member, hours, mode="COLLECTIVE", year=2026, **more):
    return api.add_entry(
        member,
        mode=mode,
        title="学习",
        hours=Decimal(hours),
        finished_at=datetime(year, 6, 1, tzinfo=UTC),
        **more,
    )


@pytest.fixture
def branch(db):
    return PartyOrganizationFactory(code="001.002.001")


def test_scenario_4_on_30_september(branch):
    zhang, li, wang, zhao, chen = (
        MemberFactory(name=name, organization=branch) for name in ("张伟", "李想", "王芳", "赵淑珍", "陈刚")
    )
    PostFactory(member=chen, role=PostRole.SECRETARY)
    give(zhang, "33.0")
    give(li, "20.0")
    give(wang, "18.0")
    api.grant_exemption(zhao, year=2026, basis="ART23", reason="82 岁", actor=None)
    give(chen, "40.0")
    found = api.standings([zhang, li, wang, zhao, chen], 2026, today=DAY)
    assert [found[one.pk].state for one in (zhang, li, wang, zhao, chen)] == [
        "COMPLETED",
        "IN_PROGRESS",
        "AT_RISK",
        "EXEMPT",
        "IN_PROGRESS",
    ]
    assert found[chen.pk].flags == ["MISSING_CENTRAL_TRAINING"]
    assert (found[chen.pk].target, found[chen.pk].missing, found[chen.pk].leader) == (56, 16, True)
    assert found[wang.pk].flags == ["BEHIND_PACE"]
    assert all(one.state_label for one in found.values())
    # when an offline class of 8 hours is approved
    give(chen, 8, mode="CENTRAL_OFFLINE", approver=AdministratorFactory())
    again = api.year_standing(chen, 2026, today=DAY)
    assert (again.hours, again.flags) == (48, [])


def test_a_reversed_training_is_missing_again(branch):
    chen = MemberFactory(organization=branch)
    PostFactory(member=chen, role=PostRole.DEPUTY)
    entry = give(chen, 8, mode="CENTRAL_OFFLINE")
    api.reverse_entry(entry, actor=None, reason="名单有误")
    standing = api.year_standing(chen, 2026, today=DAY)
    assert (standing.hours, standing.by_mode, standing.state) == (0, [], "NOT_STARTED")
    assert "MISSING_CENTRAL_TRAINING" in standing.flags


def test_modes_are_listed_as_they_count(branch):
    member = MemberFactory(organization=branch)
    give(member, 8, mode="CENTRAL_OFFLINE")
    give(member, 6)
    give(member, "17.5", mode="SELF_ONLINE")
    standing = api.year_standing(member, 2026, today=DAY)
    assert [(one.code, one.hours, one.recorded) for one in standing.by_mode] == [
        ("CENTRAL_OFFLINE", 8, 8),
        ("COLLECTIVE", 6, 6),
        ("SELF_ONLINE", 16, Decimal("17.5")),
    ]
    assert (standing.hours, standing.missing, standing.share) == (30, 2, 30 / 32)
    assert standing.rule_version == "REQ_MEMBER_32@2020-01-01#1"


def test_sums_are_exact_beside_an_exemption_too(branch):
    member = MemberFactory(organization=branch)
    for _ in range(3):
        give(member, "0.1")
    api.grant_exemption(member, year=2026, basis="ART23", reason="82 岁", actor=None)
    standing = api.year_standing(member, 2026, today=DAY)
    assert (standing.state, [one.recorded for one in standing.by_mode]) == ("EXEMPT", [Decimal("0.3")])


def test_years_stand_apart_and_a_past_one_is_seen_whole(branch):
    member = MemberFactory(organization=branch)
    give(member, 20, year=2025)
    give(member, 33)
    past = api.year_standing(member, 2025, today=DAY)
    assert (past.hours, past.state, past.missing) == (20, "AT_RISK", 12)
    assert past.state_label != api.year_standing(member, 2026, today=DAY).state_label


def test_who_leads_is_asked_for_the_day_looked_at(branch):
    member = MemberFactory(organization=branch)
    PostFactory(
        member=member, role=PostRole.SECRETARY, started_on=date(2020, 1, 1), ended_on=date(2026, 3, 1)
    )
    PostFactory(member=member, role=PostRole.GROUP_LEADER)
    assert api.year_standing(member, 2025, today=DAY).target == 56
    assert api.year_standing(member, 2026, today=DAY).target == 32


def test_staff_have_no_target(branch):
    staff = MemberFactory(organization=branch, status=MemberStatus.STAFF)
    assert api.year_standing(staff, 2026, today=DAY).target is None
    assert api.year_standing(AdministratorFactory(), 2026, today=DAY).target is None


def test_a_rule_of_the_nearest_organisation_wins(branch):
    below = PartyOrganizationFactory(parent=branch, code="001.002.001.01")
    elsewhere = PartyOrganizationFactory()
    row = {"title": "x", "unit": "HOURS", "confidence": "X", "code": "REQ_MEMBER_32"}
    Rule.objects.create(value="40", scope_org=branch, effective_from=date(2026, 1, 1), **row)
    Rule.objects.create(value="44", scope_org=branch, effective_from=date(2027, 1, 1), **row)
    members = [MemberFactory(organization=one) for one in (branch, below, elsewhere)]
    found = api.standings(members, 2026, today=DAY)
    assert [found[one.pk].target for one in members] == [40, 40, 32]


def test_many_members_cost_as_many_queries_as_one(branch, django_assert_num_queries):
    for number in range(6):
        member = MemberFactory(organization=branch)
        give(member, number + 1)
        PostFactory(member=member, role=PostRole.DEPUTY)
    for count in (1, 6):
        members = list(Member.objects.all()[:count])
        # rules; the ledger with the exemptions; where they are and who leads
        with django_assert_num_queries(3):
            assert len(api.standings(members, 2026, today=DAY)) == count
