"""Exemptions from the study requirement: years, who may, what stays closed, and the organiser's pages."""

from datetime import UTC, date, datetime

import pytest

from courses.archive import api
from courses.archive.errors import ExemptionRefused, NotAllowed, YearClosed
from courses.archive.models import Exemption
from courses.archive.records.issue import issue
from people.models import AuditEntry, Notice
from tests.factories import MemberFactory, PostFactory

pytestmark = pytest.mark.django_db
DESK = "/archive/desk/exemptions/"
JANUARY = datetime(2027, 1, 15, 1, 0, tzinfo=UTC)


@pytest.fixture
def member(branch):
    return MemberFactory(organization=branch, name="赵淑珍")


def exempt_years(member, *years):
    return [year for year in years if api.year_standing(member, year).state == "EXEMPT"]


def said():
    return [entry.detail for entry in AuditEntry.objects.filter(action__startswith="archive.exemption")]


# Years


def test_until_further_notice_frees_from_each_year_until_it_ends(member, secretary):
    made = api.grant_exemption(member, year=2026, further_notice=True, reason="行动不便", actor=secretary)
    assert exempt_years(member, 2025, 2026, 2027, 2040) == [2026, 2027, 2040]
    api.end_exemption(made, until_year=2027, actor=secretary, reason="已康复")
    assert exempt_years(member, 2026, 2027, 2028) == [2026, 2027]
    made.refresh_from_db()
    assert (made.until_year, made.ended_by, made.end_reason, made.revoked_at) == (
        2027,
        secretary,
        "已康复",
        None,
    )


def test_it_leaves_the_denominator_and_comes_back(member, secretary, branch):
    from reports.api import completion

    def due():
        return completion(
            api_scope(secretary), year=2026, organization=branch, today=date(2026, 9, 30)
        ).totals.due

    before = due()
    made = api.grant_exemption(member, year=2026, reason="行动不便", actor=secretary)
    assert due() == before - 1
    api.revoke_exemption(made, actor=secretary, reason="办错了人")
    assert due() == before
    assert exempt_years(member, 2026) == []


def api_scope(member):
    from people.api import scope_of

    return scope_of(member)


def test_no_two_overlap_and_the_same_again_is_the_same(member, secretary):
    first = api.grant_exemption(member, year=2026, until_year=2027, reason="住院", actor=secretary)
    assert api.grant_exemption(member, year=2026, until_year=2027, reason="住院", actor=secretary) == first
    for years in ({"year": 2027}, {"year": 2025, "further_notice": True}, {"year": 2026}):
        with pytest.raises(ExemptionRefused) as refused:
            api.grant_exemption(member, reason="x", actor=secretary, **years)
        assert refused.value.why == "OVERLAP"
    assert Exemption.objects.count() == 1
    api.grant_exemption(member, year=2028, reason="住院", actor=secretary)
    assert exempt_years(member, 2026, 2027, 2028, 2029) == [2026, 2027, 2028]


@pytest.mark.parametrize("until", [2025, 2026, 2027])
def test_it_ends_within_its_years_and_earlier_than_it_would(member, secretary, until):
    made = api.grant_exemption(member, year=2026, reason="住院", actor=secretary)
    with pytest.raises(ExemptionRefused) as refused:
        api.end_exemption(made, until_year=until, actor=secretary)
    assert refused.value.why == "YEARS"
    with pytest.raises(ExemptionRefused):
        api.grant_exemption(member, year=2028, until_year=2027, actor=secretary)
    assert Exemption.objects.get().until_year == 2026


def test_the_portable_record_names_each_year_up_to_now_and_no_reason(member, secretary, clock):
    import json

    api.grant_exemption(member, year=2025, further_notice=True, reason="肺癌术后", actor=secretary)
    record = issue(member, now=clock.at)
    assert json.loads(record)["body"]["exemptions"] == [
        {"basis": "ART23", "year": 2025},
        {"basis": "ART23", "year": 2026},
    ]
    assert "肺癌" not in record.decode()


# Who may, and what is remembered


def test_nobody_outside_and_nobody_for_herself(member, secretary):
    made = api.grant_exemption(member, year=2026, reason="住院", actor=secretary)
    stranger = PostFactory(member=MemberFactory()).member
    for who, whom in ((stranger, member), (secretary, secretary), (member, member)):
        with pytest.raises(NotAllowed):
            api.grant_exemption(whom, year=2027, reason="x", actor=who)
    for who in (stranger, member):
        with pytest.raises(NotAllowed):
            api.end_exemption(made, until_year=2026, actor=who)
        with pytest.raises(NotAllowed):
            api.revoke_exemption(made, actor=who)
    assert exempt_years(member, 2026, 2027) == [2026]


def test_a_closed_year_is_moved_only_by_who_organises_what_closed_it(
    member, secretary, organiser, committee, clock
):
    clock.at = JANUARY
    api.close_year(committee, 2026, actor=organiser)
    with pytest.raises(NotAllowed):
        api.grant_exemption(member, year=2026, reason="补办", actor=secretary)
    with pytest.raises(YearClosed):
        api.grant_exemption(member, year=2026, actor=organiser)
    assert not Exemption.objects.exists()
    made = api.grant_exemption(member, year=2026, further_notice=True, reason="补办", actor=organiser)
    with pytest.raises(NotAllowed):
        api.revoke_exemption(made, actor=secretary, reason="x")
    # the running year is the secretary's own business
    api.end_exemption(made, until_year=2026, actor=secretary, reason="已康复")
    assert exempt_years(member, 2026, 2027) == [2026]


def test_reasons_are_encrypted_and_in_no_trail_and_the_member_is_told(member, secretary):
    from django.db import connection

    made = api.grant_exemption(member, year=2026, further_notice=True, reason="肺癌术后康复", actor=secretary)
    api.end_exemption(made, until_year=2026, actor=secretary, reason="痊愈")
    with connection.cursor() as cursor:
        cursor.execute("SELECT reason, end_reason FROM archive_exemption")
        kept = str(cursor.fetchall())
    assert not any(word in kept + str(said()) for word in ("肺癌", "痊愈"))
    assert [one["member"] for one in said()] == [str(member.uuid)] * 2
    told = Notice.objects.filter(member=member, kind="exemption")
    assert told.count() == 2 and not any("肺癌" in one.title + one.text for one in told)


# The pages


def test_the_whole_way_over_the_pages(client, member, secretary):
    # given a secretary who looks for somebody of her branch by the initials
    client.force_login(secretary)
    assert "今年没有免除学时的党员" in client.get(DESK).text
    found = client.get(f"{DESK}new/", {"text": "赵淑"})
    assert found.context["found"] == [member]
    address = f"{DESK}new/?member={member.uuid}"
    # when she forgets the reason, nothing is given and the form says so
    form = {"year": "2026", "until": "0", "basis": "ART23", "reason": ""}
    assert client.post(address, form).status_code == 422
    assert not Exemption.objects.exists()
    sent = client.post(address, form | {"reason": "支委会 3 月 2 日讨论：术后行动不便。"})
    made = Exemption.objects.get()
    assert sent.url == f"{DESK}{made.uuid}/"
    # then it stands in the list without the reason, which is read on its page alone, and that is recorded
    listed = client.get(DESK).text
    assert "赵淑珍" in listed and "2026 年起，长期有效" in listed and "术后" not in listed
    assert "术后行动不便" in client.get(sent.url).text
    read = AuditEntry.objects.get(action="archive.exemption_read")
    assert (read.actor, read.detail) == (secretary, {"member": str(member.uuid)})
    # the board leads to it
    person = client.get(f"/board/members/{member.uuid}/").text
    assert sent.url in person
    # and she ends it, then somebody takes it back
    client.post(sent.url, {"what": "end", "until_year": "2026", "reason": "已康复"})
    assert exempt_years(member, 2026, 2027) == [2026]
    client.post(sent.url, {"what": "take_back", "reason": "办错了人"})
    assert exempt_years(member, 2026) == []
    assert "已撤回" in client.get(DESK, {"all": "1"}).text


def test_the_member_reads_her_own(client, member, secretary):
    api.grant_exemption(member, year=2026, reason="术后行动不便", actor=secretary)
    client.force_login(member)
    page = client.get("/archive/years/").text
    assert "我的学时免除" in page and "术后行动不便" in page and "陈刚" in page
    assert "您已免除" in client.get("/archive/").text or "免除" in client.get("/archive/").text


def test_a_refusal_looks_like_an_absence(client, member, secretary):
    made = api.grant_exemption(member, year=2026, reason="术后行动不便", actor=secretary)
    stranger = PostFactory(member=MemberFactory()).member
    for who in (stranger, member, MemberFactory(organization=member.organization)):
        client.force_login(who)
        assert client.get(f"{DESK}{made.uuid}/").status_code == 404
        assert client.post(f"{DESK}{made.uuid}/", {"what": "take_back", "reason": "x"}).status_code == 404
        assert client.get(f"{DESK}new/?member={member.uuid}").status_code == 404
    # her own is somebody else's to decide, and nonsense is nobody
    client.force_login(secretary)
    for number in (secretary.uuid, "x"):
        assert client.get(f"{DESK}new/?member={number}").status_code == 404
    assert exempt_years(member, 2026) == [2026]
    assert not AuditEntry.objects.filter(action="archive.exemption_read").exists()


def test_the_desk_costs_the_same_however_many(client, branch, secretary, django_assert_num_queries):
    client.force_login(secretary)
    client.get(DESK)  # what is cached for all
    for number in (1, 12):
        for _n in range(number):
            api.grant_exemption(MemberFactory(organization=branch), year=2026, reason="住院", actor=secretary)
        # session · who asks · her scope · how many · the rows · the frame: settings, unread, her scope and the claims
        # that wait · what she may do in the admin (2)
        with django_assert_num_queries(11):
            client.get(DESK)
