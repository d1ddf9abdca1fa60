"""Late lines of a closed year: proposed by one, approved by another who may, written by the ledger."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from courses.archive import api
from courses.archive.claims.api import Study
from courses.archive.classes import api as classes
from courses.archive.errors import LateRefused, NotAllowed, OfAClass, ReasonMissing
from courses.archive.late import api as late
from courses.archive.models import Certificate, LateLine, StudyHourEntry
from people.api import end_post
from people.models import AuditEntry, Notice, PostRole
from tests.factories import AdministratorFactory, MemberFactory, PartyOrganizationFactory, PostFactory

pytestmark = pytest.mark.django_db
DESK = "/archive/desk/late/"
SAID = Study(
    mode="COLLECTIVE",
    title="支部集体学习",
    started_on=date(2026, 5, 1),
    finished_on=date(2026, 5, 1),
    hours=Decimal(2),
    provider="桂花社区第一党支部",
)


@pytest.fixture
def committee(clock):
    clock.at = datetime(2027, 1, 15, 1, 0, tzinfo=UTC)
    return PartyOrganizationFactory(code="001.002", name="桂花社区党委")


@pytest.fixture
def branch(committee):
    return PartyOrganizationFactory(parent=committee, code="001.002.001", name="第一党支部")


@pytest.fixture
def member(branch):
    return MemberFactory(organization=branch, name="李文")


@pytest.fixture
def entry(member):
    return api.add_entry(
        member,
        mode="COLLECTIVE",
        title="主题党日",
        hours=Decimal(3),
        finished_at=datetime(2026, 4, 1, tzinfo=UTC),
    )


@pytest.fixture
def close(committee, organiser):
    return api.close_year(committee, 2026, actor=organiser)


@pytest.fixture
def proposed(close, member, secretary):
    return late.propose(member, SAID, actor=secretary, reason="签到表一月才交来")


def total(member):
    return sum(one.hours for one in api.entries(member, 2026))


def test_two_people_enter_hours_into_a_closed_year(proposed, member, secretary, organiser):
    assert total(member) == 0
    assert Notice.objects.get(kind="late_waiting").member == organiser
    late.approve(proposed, actor=organiser)
    made = StudyHourEntry.objects.get()
    assert (made.year, made.hours, made.recorder, made.approver, made.reason, made.evidence_type) == (
        2026,
        2,
        secretary,
        organiser,
        "签到表一月才交来",
        "late",
    )
    assert {one.kind for one in Notice.objects.filter(member=member)} == {"late_entry"}
    assert Notice.objects.get(kind="late_decided").member == secretary
    # a second time nothing moves
    for act in (
        lambda: late.approve(proposed, actor=organiser),
        lambda: late.refuse(proposed, actor=organiser, answer="x"),
        lambda: late.withdraw(proposed, actor=secretary),
    ):
        with pytest.raises(LateRefused) as refused:
            act()
        assert refused.value.why == "MOVED"
    assert total(member) == 2
    assert api.verify().whole
    trail = AuditEntry.objects.filter(action__startswith="late.").order_by("pk")
    assert [one.action for one in trail] == ["late.proposed", "late.approved"]


def test_two_people_take_an_entry_back(entry, close, member, secretary, organiser):
    line = late.propose_reversal(entry, actor=secretary, reason="重复记入")
    with pytest.raises(LateRefused) as refused:
        late.propose_reversal(entry, actor=secretary, reason="再来一次")
    assert refused.value.why == "ASKED"
    assert total(member) == 3
    late.approve(line, actor=organiser)
    line.refresh_from_db()
    assert (line.made.reversal_of, line.made.recorder, line.made.approver) == (entry, secretary, organiser)
    assert total(member) == 0
    for one in (entry, line.made):
        with pytest.raises(LateRefused) as refused:
            late.propose_reversal(one, actor=secretary, reason="x")
        assert refused.value.why == "REVERSAL"


def test_who_may_not_decide(proposed, member, secretary, organiser, branch, nothing_moved):
    nothing_moved()
    colleague = PostFactory(member=MemberFactory(organization=branch), role=PostRole.DEPUTY).member
    stranger = PostFactory(member=MemberFactory()).member
    # below what closed the year, outside, nobody; and the proposer however high
    for who in (colleague, stranger, MemberFactory(organization=branch)):
        with pytest.raises(NotAllowed):
            late.approve(proposed, actor=who)
        with pytest.raises(NotAllowed):
            late.refuse(proposed, actor=who, answer="x")
    own = late.propose(member, SAID, actor=organiser, reason="名册补交")
    concerned = late.propose(organiser, SAID, actor=AdministratorFactory(), reason="名册补交")
    for line, who in ((proposed, secretary), (own, organiser), (concerned, organiser)):
        with pytest.raises(LateRefused) as refused:
            late.approve(line, actor=who)
        assert refused.value.why == "TWO"
    with pytest.raises(NotAllowed):
        late.withdraw(proposed, actor=organiser)
    assert LateLine.objects.waiting().count() == 3
    nothing_moved()
    late.approve(own, actor=AdministratorFactory())
    assert total(member) == 2


def test_the_database_too_holds_that_two_decide(proposed, secretary):
    with pytest.raises(IntegrityError), transaction.atomic():
        LateLine.objects.filter(pk=proposed.pk).update(decided_by=secretary)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"finished_on": date(2026, 4, 30)}, "DATES"),
        ({"finished_on": date(2027, 1, 2)}, "DATES"),
        ({"hours": Decimal(0)}, "HOURS"),
        ({"hours": Decimal("1.10")}, "HOURS"),
        ({"hours": Decimal(99)}, "HOURS"),
        ({"started_on": date(2025, 5, 1), "finished_on": date(2025, 5, 1)}, "OPEN"),
    ],
)
def test_lines_that_cannot_be(close, member, secretary, changed, why):
    with pytest.raises(LateRefused) as refused:
        late.propose(member, Study(**(vars(SAID) | changed)), actor=secretary, reason="x")
    assert refused.value.why == why
    assert not LateLine.objects.exists()


def test_a_reason_and_a_post_are_needed(close, member, secretary):
    with pytest.raises(ReasonMissing):
        late.propose(member, SAID, actor=secretary, reason="  ")
    for who in (member, PostFactory(member=MemberFactory()).member):
        with pytest.raises(NotAllowed):
            late.propose(member, SAID, actor=who, reason="x")
    assert not LateLine.objects.exists()


def test_a_proposal_of_somebody_whose_post_has_ended_is_proposed_anew(
    proposed, secretary, organiser, member, clock
):
    end_post(secretary.posts.get(), ended_on=date(2027, 1, 14), actor=None)
    with pytest.raises(LateRefused) as refused:
        late.approve(proposed, actor=organiser)
    assert refused.value.why == "PROPOSER"
    late.refuse(proposed, actor=organiser, answer="请现任书记重新提出")
    assert total(member) == 0
    assert "请现任书记重新提出" in Notice.objects.get(kind="late_decided").text


def test_hours_of_a_class_go_back_through_the_class(
    branch, committee, member, secretary, organiser, clock, close
):
    course = classes.open_class(
        committee, actor=organiser, title="轮训班", mode="CENTRAL_OFFLINE",
        starts_on=date(2026, 6, 9), ends_on=date(2026, 6, 9),
    )  # fmt: skip
    session = classes.add_session(
        course, actor=organiser, title="第一讲", held_on=date(2026, 6, 9), hours=Decimal(4)
    )
    classes.enter(course, [member], actor=organiser)
    classes.mark_attendance(session, {course.roster.get().pk: "PRESENT"}, actor=organiser)
    classes.conclude(course, actor=organiser, reason="名册补交")
    line = late.propose_reversal(course.roster.get().entry, actor=secretary, reason="没有参加")
    # somebody above the member who does not lead the class cannot; its organiser can
    lone = PostFactory(member=MemberFactory(organization=branch)).member
    with pytest.raises((NotAllowed, OfAClass)):
        late.approve(line, actor=lone)
    late.approve(line, actor=organiser)
    assert total(member) == 0
    assert course.roster.get().completed_at is None
    assert Certificate.objects.get().revoked_at is not None


# The pages


def test_the_whole_way_over_the_pages(client, entry, close, member, secretary, organiser):
    client.force_login(secretary)
    assert "没有等待批准的事项" in client.get(DESK).text
    assert client.get(f"{DESK}new/", {"text": "李文"}).context["found"] == [member]
    address = f"{DESK}new/?member={member.uuid}&year=2026"
    page = client.get(address)
    assert page.context["years"] == [2026] and "主题党日" in page.text
    read = AuditEntry.objects.get(action="archive.entries_read")
    assert (read.actor, read.object_id, read.detail) == (secretary, str(member.uuid), {"year": 2026})
    # when a day of another year is typed, the form says so and nothing is sent
    form = {"mode": "COLLECTIVE", "title": "支部集体学习", "hours": "2", "reason": "签到表一月才交来"}
    wrong = client.post(address, form | {"started_on": "2025-05-01", "finished_on": "2025-05-01"})
    assert wrong.status_code == 422 and "这一天不在 2026 年内" in wrong.text
    assert not LateLine.objects.exists()
    sent = client.post(address, form | {"started_on": "2026-05-01", "finished_on": "2026-05-01"})
    line = LateLine.objects.get()
    assert sent.url == f"{DESK}{line.uuid}/"
    # then the secretary may withdraw it, not decide; the organiser decides
    mine = client.get(sent.url).text
    assert "撤回这一项" in mine and "批准补记" not in mine
    client.post(sent.url, {"decision": "approve"})
    assert total(member) == 3
    client.force_login(organiser)
    assert "支部集体学习" in client.get(DESK).text
    assert "批准补记 2 学时" in client.get(sent.url).text
    client.post(sent.url, {"decision": "approve"})
    assert total(member) == 5
    assert "已批准" in client.get(DESK).text
    # and an entry is taken back by its own page
    client.force_login(secretary)
    address = f"{address}&entry={entry.uuid}"
    assert "冲销这条记录" in client.get(address).text
    back = client.post(address, {"reason": "重复记入"}).url
    client.force_login(organiser)
    client.post(back, {"decision": "refuse", "answer": ""})
    assert LateLine.objects.waiting().count() == 1
    client.post(back, {"decision": "approve"})
    assert total(member) == 2


def test_without_a_closed_year_the_page_says_what_else_there_is(client, member, secretary):
    client.force_login(secretary)
    assert "没有已归档的年度" in client.get(f"{DESK}new/?member={member.uuid}").text


def test_a_refusal_looks_like_an_absence(client, proposed, member, secretary):
    stranger = PostFactory(member=MemberFactory()).member
    for who in (stranger, member):
        client.force_login(who)
        assert client.get(f"{DESK}{proposed.uuid}/").status_code == 404
        assert client.post(f"{DESK}{proposed.uuid}/", {"decision": "approve"}).status_code == 404
        assert client.get(f"{DESK}new/?member={member.uuid}").status_code == 404
    client.force_login(secretary)
    other = api.add_entry(
        MemberFactory(), mode="COLLECTIVE", title="x", hours=1, finished_at=datetime(2026, 4, 1, tzinfo=UTC)
    )
    for number in (other.uuid, "x"):
        assert client.get(f"{DESK}new/?member={member.uuid}&year=2026&entry={number}").status_code == 404
    assert LateLine.objects.get().state == "WAITING"


def test_the_desk_costs_the_same_however_many(
    client, close, branch, secretary, organiser, django_assert_num_queries
):
    client.force_login(organiser)
    client.get(DESK)  # what is cached for all
    for number in (1, 12):
        for _n in range(number):
            who = MemberFactory(organization=branch)
            late.refuse(late.propose(who, SAID, actor=secretary, reason="补交"), actor=organiser, answer="x")
            late.propose(who, SAID, actor=secretary, reason="补交")
        # session · who asks · her scope · how many are decided · those that wait, those decided · the frame: settings,
        # unread, her scope and the claims that wait · what she may do in the admin (2)
        with django_assert_num_queries(12):
            client.get(DESK)
