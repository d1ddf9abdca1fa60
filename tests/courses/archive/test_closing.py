"""A closed year: only reversals and late entries, with a reason and an approver from where it was closed."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from courses.archive import api
from courses.archive.errors import (
    AlreadyClosed,
    NotAllowed,
    NotClosed,
    ReasonMissing,
    YearClosed,
    YearNotOver,
)
from courses.archive.folding import fold_members
from courses.archive.models import LearningArchive, LessonState, StudyHourEntry, YearClose
from people.api import change_member
from people.models import AuditEntry, PostRole
from tests.courses.archive.conftest import add_version
from tests.factories import AdministratorFactory, MemberFactory, PartyOrganizationFactory, PostFactory

pytestmark = pytest.mark.django_db
JANUARY = datetime(2027, 1, 15, 1, 0, tzinfo=UTC)


def hours(member, **more):
    more = {"mode": "COLLECTIVE", "title": "主题党日", "hours": Decimal(2)} | more
    return api.add_entry(member, **{"finished_at": datetime(2026, 5, 1, tzinfo=UTC), "now": JANUARY} | more)


@pytest.fixture
def tree():
    """001 › 001.002 › two branches; an organiser in the committee and a secretary in the first branch."""
    work = PartyOrganizationFactory(code="001")
    committee = PartyOrganizationFactory(parent=work, code="001.002")
    first = PartyOrganizationFactory(parent=committee, code="001.002.001")
    second = PartyOrganizationFactory(parent=committee, code="001.002.002")
    return {"work": work, "committee": committee, "first": first, "second": second}


@pytest.fixture
def organiser(tree):
    return PostFactory(member=MemberFactory(organization=tree["committee"])).member


@pytest.fixture
def secretary(tree):
    return PostFactory(member=MemberFactory(organization=tree["first"]), role=PostRole.SECRETARY).member


@pytest.fixture
def member(tree):
    return MemberFactory(organization=tree["first"])


@pytest.fixture
def close(tree, organiser):
    return api.close_year(tree["committee"], 2026, actor=organiser, now=JANUARY)


def test_closing_is_recorded_and_holds_for_everything_below(
    close, member, organiser, secretary, nothing_moved
):
    nothing_moved()
    with pytest.raises(YearClosed) as refused:
        hours(member, recorder=secretary)
    assert (refused.value.year, refused.value.organization) == (2026, close.organization_name)
    nothing_moved()
    said = AuditEntry.objects.get(action="archive.year_closed")
    assert (said.actor, said.detail) == (organiser, {"year": 2026, "organization": "001.002"})


def test_what_lies_beside_or_above_stays_open(close, tree):
    hours(MemberFactory(organization=tree["work"]))
    elsewhere = PartyOrganizationFactory(parent=tree["work"], code="001.003")
    hours(MemberFactory(organization=elsewhere))
    assert StudyHourEntry.objects.count() == 2


def test_the_running_year_goes_on(close, member):
    hours(member, finished_at=datetime(2027, 1, 10, tzinfo=UTC))
    assert StudyHourEntry.objects.get().year == 2027


@pytest.mark.parametrize("lacking", [{"approver": None}, {"reason": "  "}])
def test_a_late_entry_needs_reason_and_approver(close, member, organiser, nothing_moved, lacking):
    nothing_moved()
    with pytest.raises(YearClosed):
        hours(member, **({"reason": "签到表补交", "approver": organiser} | lacking))
    nothing_moved()


def test_a_late_entry_with_both_is_kept_with_both(close, member, organiser, secretary):
    entry = hours(member, recorder=secretary, approver=organiser, reason="签到表补交")
    assert (entry.year, entry.reason, entry.approver, entry.approved_at) == (
        2026,
        "签到表补交",
        organiser,
        JANUARY,
    )
    assert api.verify().whole


def test_the_approver_must_stand_where_it_was_closed_or_above(close, member, secretary, nothing_moved):
    # given a secretary of the branch, below the committee that closed the year
    nothing_moved()
    with pytest.raises(NotAllowed):
        hours(member, approver=secretary, reason="签到表补交")
    nothing_moved()
    assert hours(member, approver=AdministratorFactory(), reason="签到表补交").hours == 2


def test_a_reversal_too_needs_reason_and_approver(member, organiser, secretary, tree, nothing_moved):
    entry = hours(member)
    api.close_year(tree["committee"], 2026, actor=organiser, now=JANUARY)
    nothing_moved()
    for given in ({"reason": "重复记入"}, {"reason": "", "approver": organiser}):
        with pytest.raises(YearClosed):
            api.reverse_entry(entry, actor=secretary, now=JANUARY, **given)
    with pytest.raises(NotAllowed):
        api.reverse_entry(entry, actor=secretary, approver=secretary, reason="重复记入", now=JANUARY)
    nothing_moved()
    back = api.reverse_entry(entry, actor=secretary, approver=organiser, reason="重复记入", now=JANUARY)
    assert (back.hours, back.approver, back.approved_at, back.year) == (-2, organiser, JANUARY, 2026)
    assert api.verify().whole


def test_hours_of_a_closed_year_that_are_reckoned_late_count_for_the_year_of_reckoning(
    phone_of, clock, lesson, member, tree, organiser
):
    # given a lesson completed in 2026, in a log that no fold has seen when the year is closed
    version = add_version(lesson)
    phone = phone_of(member, version)
    phone.watch(version.duration_s)
    phone.flush()
    LessonState.objects.all().delete()
    StudyHourEntry.objects.all()._raw_delete("default")
    LearningArchive.objects.update(beats_folded=0, chain_seq=0, chain_link="")
    clock.at = JANUARY
    api.close_year(tree["committee"], 2026, actor=organiser, now=JANUARY)
    # when it is reckoned
    fold_members([member.pk])
    # then the state is whole, nothing was added to the closed year, and nothing is lost
    assert LessonState.objects.get().completed_at.year == 2026
    entry = StudyHourEntry.objects.get()
    assert (entry.year, entry.hours, entry.finished_at) == (2027, Decimal("0.25"), JANUARY)


def test_moving_to_an_open_branch_reopens_nothing(member, tree, organiser):
    # given hours of 2026 in a branch that closed the year, and a transfer in January
    hours(member)
    api.close_year(tree["first"], 2026, actor=organiser, now=JANUARY)
    member.organization = tree["second"]
    change_member(member, fields={"organization"}, actor=None)
    # then the new branch cannot add to the closed year on its own
    with pytest.raises(YearClosed):
        hours(member, title="另一次")


def test_only_organisers_of_it_or_above_close_and_only_years_that_are_over(
    tree, organiser, secretary, member
):
    for who in (secretary, member):
        with pytest.raises(NotAllowed):
            api.close_year(tree["committee"], 2026, actor=who, now=JANUARY)
    for year in (2027, 2028):
        with pytest.raises(YearNotOver):
            api.close_year(tree["committee"], year, actor=organiser, now=JANUARY)
    # 31 December 23:59 in Shanghai is still 2026
    with pytest.raises(YearNotOver):
        api.close_year(
            tree["committee"], 2026, actor=organiser, now=datetime(2026, 12, 31, 15, 59, tzinfo=UTC)
        )
    assert not YearClose.objects.exists()
    api.close_year(tree["committee"], 2026, actor=organiser, now=datetime(2026, 12, 31, 16, 0, tzinfo=UTC))


def test_a_year_is_closed_once_at_a_time(close, tree, organiser):
    with pytest.raises(AlreadyClosed):
        api.close_year(tree["committee"], 2026, actor=organiser, now=JANUARY)
    with pytest.raises(IntegrityError), transaction.atomic():
        YearClose.objects.create(
            organization=tree["committee"], year=2026, closed_by=organiser, closed_at=JANUARY
        )
    assert YearClose.objects.count() == 1


def test_undoing_a_close_is_a_decision_with_a_reason(close, member, organiser, secretary):
    with pytest.raises(ReasonMissing):
        api.reopen_year(close, actor=organiser, reason=" ", now=JANUARY)
    with pytest.raises(NotAllowed):
        api.reopen_year(close, actor=secretary, reason="补记", now=JANUARY)
    assert api.closes_over(member, 2026) == [close]
    api.reopen_year(close, actor=organiser, reason="漏记一次党课", now=JANUARY)
    assert api.closes_over(member, 2026) == []
    assert hours(member).hours == 2
    with pytest.raises(NotClosed):
        api.reopen_year(close, actor=organiser, reason="再来", now=JANUARY)
    kept = YearClose.objects.get()
    assert (kept.closed_by, kept.reopened_by, kept.reopen_reason) == (organiser, organiser, "漏记一次党课")
    assert AuditEntry.objects.filter(action="archive.year_reopened").count() == 1
    # and it can be closed again, as a row of its own
    api.close_year(close.organization, 2026, actor=organiser, now=JANUARY)
    assert YearClose.objects.count() == 2


# The page


def test_the_page_shows_the_figures_before_it_closes(client, clock, tree, organiser, member):
    clock.at = JANUARY
    client.force_login(organiser)
    asked = {"year": "2026", "organization": str(tree["committee"].uuid)}
    page = client.post("/archive/desk/years/", asked)
    assert page.status_code == 200 and not YearClose.objects.exists()
    assert page.context["roster"] == 2  # the organiser and the member
    client.post("/archive/desk/years/", asked | {"confirmed": "1", "note": "支委会决定"})
    close = YearClose.objects.get()
    assert (close.year, close.organization, close.note) == (2026, tree["committee"], "支委会决定")
    client.post(f"/archive/desk/years/{close.uuid}/reopen/", {"reason": ""})
    close.refresh_from_db()
    assert close.reopened_at is None
    client.post(f"/archive/desk/years/{close.uuid}/reopen/", {"reason": "漏记"})
    close.refresh_from_db()
    assert close.reopen_reason == "漏记"


def test_the_page_is_not_there_for_others(client, clock, tree, close, member, secretary):
    clock.at = JANUARY
    client.force_login(member)
    assert client.get("/archive/desk/years/").status_code == 404
    client.force_login(secretary)
    assert client.post(f"/archive/desk/years/{close.uuid}/reopen/", {"reason": "x"}).status_code == 404
    # a committee outside the scope is no choice
    page = client.post(
        "/archive/desk/years/", {"year": "2026", "organization": str(tree["work"].uuid), "confirmed": "1"}
    )
    assert page.context["form"].errors.keys() == {"organization"}
    assert YearClose.objects.count() == 1
