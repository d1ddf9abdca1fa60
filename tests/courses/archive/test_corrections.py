"""A member says that something is wrong, an organiser in scope answers; the ledger only ever gains."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from courses.archive import api
from courses.archive.claims import api as claims
from courses.archive.classes import api as classes
from courses.archive.corrections import desk
from courses.archive.corrections.models import Correction
from courses.archive.errors import AlreadyAnswered, AlreadyAsked, AlreadyReversed, NotAllowed, OfAClass
from courses.archive.models import Certificate, ClassMember, OfflineClaim, StudyHourEntry
from people.models import AuditEntry, Notice
from tests.factories import AdministratorFactory, MemberFactory, PartyOrganizationFactory, PostFactory

pytestmark = pytest.mark.django_db

AT = datetime(2026, 5, 4, 2, tzinfo=UTC)
NEW = desk.NewEntry(mode="COLLECTIVE", title="主题党日（全天）", hours=Decimal(4), finished_at=AT)


@pytest.fixture
def committee(clock):
    return PartyOrganizationFactory(code="001", name="桂花社区党委")


@pytest.fixture
def branch(committee):
    return PartyOrganizationFactory(parent=committee, code="001.001", name="第一党支部")


@pytest.fixture
def member(branch):
    return MemberFactory(name="王芳", organization=branch)


@pytest.fixture
def secretary(branch):
    found = MemberFactory(name="陈刚", organization=branch)
    PostFactory(member=found, organization=branch, role="SECRETARY")
    return found


@pytest.fixture
def organiser(committee):
    found = MemberFactory(name="周敏", organization=committee)
    PostFactory(member=found, organization=committee)
    return found


@pytest.fixture
def entry(member):
    return api.add_entry(
        member, mode="COLLECTIVE", title="主题党日", hours=Decimal(2), finished_at=AT, now=AT
    )


@pytest.fixture
def asked(member, entry, secretary):
    return desk.ask(member, kind="WRONG", text="那天是全天，应为 4 学时", entry=entry)


@pytest.fixture
def still(db):
    """Called before and after: the ledger, the requests and the notices must be as they were."""
    seen = []

    def look():
        rows = [
            sorted(model._base_manager.order_by().values_list(), key=repr)
            for model in (StudyHourEntry, Notice)
        ]
        rows.append(list(Correction.objects.order_by("pk").values_list("state", "answered_by")))
        seen.append(repr(rows))
        assert seen[0] == seen[-1]

    return look


def total(member):
    return sum(StudyHourEntry.objects.of(member).values_list("hours", flat=True))


def trail():
    return list(
        AuditEntry.objects.filter(action__startswith="archive.correction")
        .order_by("pk")
        .values_list("action", flat=True)
    )


# Asking


def test_asking_tells_the_nearest_organiser_and_keeps_the_text_encrypted(asked, secretary, organiser, entry):
    assert (asked.state, asked.due_on) == ("OPEN", date(2026, 10, 21))  # 15 working days after 30 September
    notice = Notice.objects.get()
    assert (notice.member, notice.link) == (secretary, f"/archive/desk/corrections/{asked.uuid}/")
    assert "王芳" in notice.title and "全天" not in notice.title + notice.text
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM archive_correction")
        assert "全天" not in cursor.fetchone()[0]
    assert trail() == ["archive.correction_asked"]


def test_a_secretarys_own_request_goes_to_the_organisation_above(secretary, organiser):
    desk.ask(secretary, kind="MISSING", text="缺一次培训")
    assert list(Notice.objects.values_list("member", flat=True)) == [organiser.pk]


def test_what_cannot_be_asked_moves_nothing(member, entry, asked, still):
    foreign = api.add_entry(MemberFactory(), mode="COLLECTIVE", title="x", hours=1, finished_at=AT)
    gone = api.add_entry(member, mode="COLLECTIVE", title="y", hours=1, finished_at=AT)
    back = api.reverse_entry(gone, actor=None, reason="重复")
    still()
    with pytest.raises(NotAllowed):
        desk.ask(member, kind="WRONG", text="x", entry=foreign)
    for one in (gone, back):
        with pytest.raises(AlreadyReversed):
            desk.ask(member, kind="WRONG", text="x", entry=one)
    with pytest.raises(AlreadyAsked):
        desk.ask(member, kind="WRONG", text="再问一次", entry=entry)
    for bad in (
        {"kind": "WRONG", "text": "x"},
        {"kind": "MISSING", "text": "x", "entry": entry},
        {"kind": "MISSING", "text": "  "},
        {"kind": "MISSING", "text": "x" * 2001},
    ):
        with pytest.raises(ValueError, match=r".+"):
            desk.ask(member, **bad)
    still()


def test_withdrawing(member, asked, secretary, still):
    with pytest.raises(NotAllowed):
        desk.withdraw(asked, member=secretary)
    assert desk.withdraw(asked, member=member).state == "WITHDRAWN"
    still()
    for answer in (desk.accept, desk.decline):
        with pytest.raises(AlreadyAnswered):
            answer(asked, actor=secretary, reason="x")
    with pytest.raises(AlreadyAnswered):
        desk.withdraw(asked, member=member)
    still()
    # and it may be asked again
    assert desk.ask(member, kind="WRONG", text="再看一次", entry=asked.entry).state == "OPEN"


# Answering


def test_accepting_takes_back_and_enters_anew(asked, member, secretary, entry):
    done = desk.accept(asked, actor=secretary, reason="签到表为全天", new=NEW)
    assert (done.state, done.answered_by, done.answer) == ("ACCEPTED", secretary, "签到表为全天")
    assert (done.reversal.reversal_of, done.reversal.hours, done.reversal.reason) == (
        entry,
        -2,
        "签到表为全天",
    )
    new = done.new_entry
    assert (new.hours, new.recorder, new.approver, new.evidence_type) == (
        4,
        secretary,
        secretary,
        "correction",
    )
    assert (new.evidence_id, total(member)) == (str(asked.uuid), 4)
    assert api.verify().whole
    told = Notice.objects.filter(member=member).get()
    assert (told.title, told.link) == ("您的学习档案已更正", f"/archive/corrections/{asked.uuid}/")
    assert Notice.objects.filter(member=secretary, dedupe_key__contains=":answered:").count() == 1
    assert trail() == ["archive.correction_asked", "archive.correction_accepted"]


def test_accepting_without_a_new_entry_only_takes_back(asked, member, secretary):
    done = desk.accept(asked, actor=secretary, reason="重复登记")
    assert (done.new_entry, total(member)) == (None, 0)


def test_what_was_missing_is_entered(member, secretary):
    asked = desk.ask(member, kind="MISSING", text="缺一次主题党日")
    with pytest.raises(ValueError, match="entered"):
        desk.accept(asked, actor=secretary, reason="属实")
    done = desk.accept(asked, actor=secretary, reason="属实", new=NEW)
    assert (done.reversal, done.new_entry.title, total(member)) == (None, NEW.title, 4)


# Hours of other rooms


@pytest.fixture
def class_entry(committee, organiser, member):
    """Three hours and a certificate of a class that the committee held on 9 June."""
    course = classes.open_class(
        committee,
        actor=organiser,
        title="轮训班",
        mode="CENTRAL_OFFLINE",
        starts_on=date(2026, 6, 9),
        ends_on=date(2026, 6, 9),
    )
    session = classes.add_session(
        course, actor=organiser, title="第一讲", held_on=date(2026, 6, 9), hours=Decimal(3)
    )
    classes.enter(course, [member], actor=organiser)
    place = course.roster.get()
    classes.mark_attendance(session, {place.pk: "PRESENT"}, actor=organiser)
    classes.conclude(course, actor=organiser)
    return StudyHourEntry.objects.get(evidence_type="class")


def test_hours_of_a_class_go_back_through_the_class(class_entry, member, organiser):
    asked = desk.ask(member, kind="WRONG", text="我没有参加", entry=class_entry)
    done = desk.accept(asked, actor=organiser, reason="签到有误")
    assert (done.reversal.reversal_of, total(member)) == (class_entry, 0)
    place = ClassMember.objects.get()
    assert (place.completed_at, place.entry) == (None, None)
    assert Certificate.objects.get().revoke_reason == "签到有误"
    # and the class can be concluded again
    assert classes.conclude(place.training_class, actor=organiser).counts == (1, 0)
    assert total(member) == 3
    assert api.verify().whole


def test_who_does_not_lead_the_class_is_told_so(class_entry, member, secretary, organiser, still):
    asked = desk.ask(member, kind="WRONG", text="我没有参加", entry=class_entry)
    still()
    with pytest.raises(OfAClass):
        desk.accept(asked, actor=secretary, reason="签到有误")
    still()
    assert ClassMember.objects.get().entry == class_entry
    # when the organiser of the class takes it back there, the request can be answered
    classes.take_back(ClassMember.objects.get(), actor=organiser, reason="签到有误")
    done = desk.accept(asked, actor=secretary, reason="已在培训班撤回")
    assert (done.reversal.reversal_of, total(member)) == (class_entry, 0)


def test_a_class_whose_hours_went_back_past_it_is_taken_back_all_the_same(class_entry, member, organiser):
    api.reverse_entry(class_entry, actor=organiser, reason="登记有误")
    classes.take_back(ClassMember.objects.get(), actor=organiser, reason="补办撤回")
    assert (ClassMember.objects.get().entry, total(member)) == (None, 0)
    assert Certificate.objects.get().revoked_at is not None


def test_the_page_of_a_claim_says_that_its_hours_were_taken_back(client, member, secretary):
    claim = OfflineClaim.objects.create(
        member=member,
        mode="COLLECTIVE",
        title="县委党校轮训",
        started_on=date(2026, 5, 4),
        finished_on=date(2026, 5, 4),
        hours=Decimal(2),
        filed_at=AT,
    )
    claim = claims.approve_claim(claim, actor=secretary, filing=1)
    client.force_login(member)
    address = f"/archive/claims/{claim.uuid}/"
    assert "批准后已冲销" not in client.get(address).text
    asked = desk.ask(member, kind="WRONG", text="重复申报", entry=claim.entry)
    desk.accept(asked, actor=secretary, reason="与会议记录重复")
    page = client.get(address).text
    assert "批准后已冲销" in page and "与会议记录重复" in page
    assert "批准后已冲销" in client.get("/archive/claims/").text
    client.force_login(secretary)
    assert "批准后已冲销" in client.get("/archive/desk/claims/?state=decided").text
    assert "与会议记录重复" in client.get(f"/archive/desk/claims/{claim.uuid}/").text
    assert "获批的申报" in client.get(f"/archive/desk/corrections/{asked.uuid}/").text


def test_declining_leaves_the_ledger(asked, member, secretary, entry):
    desk.decline(asked, actor=secretary, reason="签到表为半天")
    assert list(StudyHourEntry.objects.of(member)) == [entry]
    assert Notice.objects.get(member=member).title == "您的更正申请未获同意"


def test_nobody_answers_her_own_request_not_even_an_administrator(
    committee, member, secretary, organiser, still
):
    administrator = AdministratorFactory(organization=committee)
    own = [desk.ask(one, kind="MISSING", text="缺") for one in (secretary, administrator, organiser)]
    stranger = MemberFactory()
    PostFactory(member=stranger)
    asked = desk.ask(member, kind="MISSING", text="缺")
    still()
    pairs = [(request, request.member) for request in own] + [
        (asked, stranger),
        (asked, member),
        (asked, MemberFactory()),
    ]
    for request, actor in pairs:
        for answer in (lambda one, **more: desk.accept(one, new=NEW, **more), desk.decline):
            with pytest.raises(NotAllowed):
                answer(request, actor=actor, reason="x")
    still()


def test_an_answer_needs_a_reason_and_is_given_once(asked, secretary, organiser, still):
    still()
    for reason in ("", "  ", "x" * 301):
        with pytest.raises(ValueError, match="reason"):
            desk.decline(asked, actor=secretary, reason=reason)
    still()
    desk.decline(asked, actor=secretary, reason="无误")
    with pytest.raises(AlreadyAnswered):
        desk.accept(asked, actor=organiser, reason="有误")
    assert Correction.objects.get().state == "DECLINED"


def test_an_entry_taken_back_meanwhile_stops_the_answer_and_nothing_moves(
    asked, secretary, entry, member, still
):
    api.reverse_entry(entry, actor=None, reason="另案")
    still()
    with pytest.raises(AlreadyReversed):
        desk.accept(asked, actor=secretary, reason="属实", new=NEW)
    still()


# Pages


def test_the_whole_way_in_the_browser(client, member, secretary, entry):
    client.force_login(member)
    page = client.get(f"/archive/entries/{entry.uuid}/").content.decode()
    assert f"/archive/corrections/new/?entry={entry.uuid}" in page
    assert client.post("/archive/corrections/new/", {"entry": str(entry.uuid), "text": ""}).status_code == 200
    assert Correction.objects.count() == 0
    answer = client.post("/archive/corrections/new/", {"entry": str(entry.uuid), "text": "应为 4 学时"})
    asked = Correction.objects.get()
    assert answer["Location"] == f"/archive/corrections/{asked.uuid}/"
    assert "应为 4 学时" in client.get(answer["Location"]).content.decode()
    # when the secretary answers
    client.force_login(secretary)
    assert "王芳" in client.get("/archive/desk/corrections/").content.decode()
    address = f"/archive/desk/corrections/{asked.uuid}/"
    assert "应为 4 学时" in client.get(address).content.decode()
    assert trail()[-1] == "archive.correction_read"
    half = client.post(address, {"decision": "enter", "reason": "属实", "hours": "4"})
    assert half.status_code == 200 and Correction.objects.get().state == "OPEN"
    form = {
        "decision": "enter", "title": "主题党日（全天）", "mode": "COLLECTIVE", "hours": "4",
        "finished_on": "2026-05-04", "provider": "", "reason": "属实",
    }  # fmt: skip
    assert client.post(address, form)["Location"] == "/archive/desk/corrections/"
    # then the member reads the answer, and the archive has it
    client.force_login(member)
    text = client.get(f"/archive/corrections/{asked.uuid}/").content.decode()
    assert "已更正" in text and "属实" in text and "陈刚" in text
    assert (total(member), StudyHourEntry.objects.of(member).count()) == (4, 3)
    new = Correction.objects.get().new_entry
    assert new.finished_at == datetime(2026, 5, 4, 4, tzinfo=UTC)


def test_a_year_closed_above_is_named_and_not_called_another_organisations_member(
    client, member, committee, secretary, organiser, still
):
    old = AT.replace(year=2024)
    entry = api.add_entry(member, mode="COLLECTIVE", title="党课", hours=Decimal(2), finished_at=old, now=old)
    asked = desk.ask(member, kind="WRONG", text="记错了", entry=entry)
    api.close_year(committee, 2024, actor=organiser)
    client.force_login(secretary)
    address = f"/archive/desk/corrections/{asked.uuid}/"
    client.get(address)
    still()
    text = client.post(address, {"decision": "take_back", "reason": "属实"}, follow=True).content.decode()
    still()
    assert "桂花社区党委已归档 2024 年度" in text and "不在你的" not in text


def test_what_is_not_ones_own_looks_like_an_absence(client, asked, member, secretary, entry):
    stranger = MemberFactory()
    PostFactory(member=stranger)
    desk_address, own_address = (
        f"/archive/desk/corrections/{asked.uuid}/",
        f"/archive/corrections/{asked.uuid}/",
    )
    for reader, addresses in (
        (stranger, [desk_address, own_address, f"/archive/corrections/new/?entry={entry.uuid}"]),
        (member, ["/archive/desk/corrections/", desk_address]),
        (secretary, [own_address]),
    ):
        client.force_login(reader)
        for address in addresses:
            assert client.get(address).status_code == 404, address
    client.force_login(stranger)
    assert (
        client.post(
            f"/archive/desk/corrections/{asked.uuid}/", {"decision": "decline", "reason": "x"}
        ).status_code
        == 404
    )
    assert client.post(f"/archive/corrections/{asked.uuid}/withdraw/").status_code == 404
    assert Correction.objects.get().state == "OPEN"
    assert client.get("/archive/corrections/new/?entry=nonsense").status_code == 404


def test_a_secretary_does_not_find_her_own_request_at_the_desk(client, secretary):
    own = desk.ask(secretary, kind="MISSING", text="缺一次培训")
    client.force_login(secretary)
    assert "陈刚 ·" not in client.get("/archive/desk/corrections/").content.decode()
    assert client.get(f"/archive/desk/corrections/{own.uuid}/").status_code == 404


def test_a_second_request_says_so_plainly(client, asked, member, entry):
    client.force_login(member)
    answer = client.post("/archive/corrections/new/", {"entry": str(entry.uuid), "text": "又问"}, follow=True)
    assert "请等待答复" in answer.content.decode()
    assert Correction.objects.count() == 1


@pytest.mark.parametrize("count", [1, 20])
def test_the_desk_costs_the_same_however_many_wait(
    client, organiser, branch, count, django_assert_num_queries
):
    for _ in range(count):
        desk.ask(MemberFactory(organization=branch), kind="MISSING", text="缺")
    client.force_login(organiser)
    client.get("/archive/desk/corrections/")
    # session; user; scope; those that wait; how many are answered; frame; unread; rights of the user, of her groups;
    # scope and claims that wait, for the number in the list of desks
    with django_assert_num_queries(11):
        assert len(client.get("/archive/desk/corrections/").context["waiting"]) == count
