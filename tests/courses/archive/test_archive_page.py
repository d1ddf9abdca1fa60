"""The member's archive page: what it costs, the year, all years, what an entry rests on and whether it was changed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from courses.archive import api, page
from courses.archive.models import Rule
from tests.courses.archive.conftest import add_version
from tests.factories import LessonFactory, MemberFactory, PostFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 28, 1, 0, tzinfo=UTC)


def enter(member, year=2026, day=4, **more):
    at = datetime(year, 5, day, 2, tzinfo=UTC)
    values = {
        "mode": "COLLECTIVE",
        "title": "主题党日",
        "hours": Decimal("0.5"),
        "finished_at": at,
        "now": at,
    }
    return api.add_entry(member, **(values | more))


@pytest.fixture
def reader(client, member, clock):
    clock.at = NOW
    client.force_login(member)
    return client


# What it costs


@pytest.mark.parametrize("years", [1, 40])
def test_the_page_costs_eight_queries_whatever_the_history(reader, member, years, django_assert_num_queries):
    for year in range(2027 - years, 2027):
        for day in range(1, 6):
            enter(member, year, day)
    reader.get("/archive/")
    # the session
    # the member, with her organisation and whether she has an organiser's desk
    # rules in force
    # hours by mode of the year, and her exemption from it
    # where she is, and whether she leads
    # the year's entries, a page of them
    # the frame of the site
    # how many notices are unread
    with django_assert_num_queries(8):
        answer = reader.get("/archive/")
    assert len(answer.context["entries"]) == 5
    assert answer.context["standing"].hours == Decimal("2.5")


@pytest.mark.parametrize("years", [1, 40])
def test_all_years_cost_seven_queries_whatever_the_history(reader, member, years, django_assert_num_queries):
    for year in range(2027 - years, 2027):
        enter(member, year)
    reader.get("/archive/years/")
    # the session
    # the member
    # years opened
    # exemptions
    # hours by year and mode
    # the frame of the site
    # how many notices are unread
    with django_assert_num_queries(7):
        answer = reader.get("/archive/years/")
    assert [one.year for one in answer.context["years"]][:years] == list(range(2026, 2026 - years, -1))


def test_a_long_year_comes_in_pages_of_thirty(reader, member):
    for number in range(45):
        enter(member, day=1 + number % 28, title=f"第{number}次")
    first = reader.get("/archive/").context
    second = reader.get("/archive/?p=2").context
    assert (len(first["entries"]), first["more"]) == (30, True)
    assert (len(second["entries"]), second["more"]) == (15, False)
    both = [one.title for one in first["entries"] + second["entries"]]
    assert len(set(both)) == 45


# What it shows


def test_a_year_with_nothing_says_so_and_nonsense_is_absent(reader):
    assert "还没有记录" in reader.get("/archive/").content.decode()
    assert "这一年没有记录" in reader.get("/archive/?year=2024").content.decode()
    for nonsense in ("1899", "2027", "20x6", "99999", "²⁰²⁶", "-1"):
        assert reader.get(f"/archive/?year={nonsense}").status_code == 404


def test_a_year_before_all_rules_shows_its_hours_without_a_requirement(reader, member):
    enter(member, 1998, hours=Decimal(3))
    enter(member, 1998, hours=Decimal(5), mode="CENTRAL_OFFLINE")
    answer = reader.get("/archive/?year=1998")
    text = answer.content.decode()
    assert (answer.status_code, answer.context["recorded"].hours) == (200, 8)
    assert "集体学习 3" in text and "集中培训 5" in text and "没有登记当年的学时要求" in text


def test_all_years_by_mode(reader, member):
    enter(member, 2026, hours=Decimal(8), mode="CENTRAL_OFFLINE")
    wrong = enter(member, 2025, hours=Decimal(3))
    enter(member, 2025, hours=Decimal(2), mode="SELF_ONLINE")
    api.reverse_entry(wrong, actor=None, reason="登记有误")
    api.grant_exemption(member, year=2025, actor=None)
    found = {one.year: one for one in page.years(member)}
    assert (found[2026].hours, found[2026].by_mode) == (8, {"CENTRAL_OFFLINE": 8})
    assert (found[2025].hours, found[2025].entries, found[2025].exempt) == (2, 3, True)
    assert [code for code, _label, _hours in found[2025].modes] == ["SELF_ONLINE"]
    assert reader.get("/archive/years/").context["total"] == 10


def test_an_entry_of_a_lesson_says_what_it_rests_on(reader, member, phone_of, course, clock):
    version = add_version(LessonFactory(parent=course), duration_s=60)
    phone = phone_of(member, version)
    phone.watch(60)
    phone.flush()
    line = page.lines(member, 2026)[0][0]
    text = reader.get(f"/archive/entries/{line.uuid}/").content.decode()
    for said in (
        version.title,
        f"第 {version.number} 版",
        "100%",
        "01:00",
        "TIER_YN@2020-01-01#1",
        "系统自动",
        course.title,
    ):
        assert said in text, said
    evidence = page.evidence_of(member, line.uuid)
    assert evidence.lesson_url == version.lesson.get_url()
    # when the lesson is withdrawn, the evidence stays and the way to it is gone
    version.lesson.unpublish()
    assert page.evidence_of(member, line.uuid).lesson_url == ""


def test_an_entry_says_who_recorded_and_approved_it_and_by_which_rule(reader, member):
    organiser = MemberFactory(name="周敏")
    PostFactory(member=organiser, organization=member.organization)
    PostFactory(member=member, role="SECRETARY")
    rule = Rule.objects.get(code="TIER_YN")
    entry = enter(member, recorder=organiser, approver=organiser, rule_version=rule.version)
    text = reader.get(f"/archive/entries/{entry.uuid}/").content.decode()
    assert text.count("周敏") == 2 and "书记" in text and rule.title in text
    assert not page.evidence_of(member, entry.uuid).rule_revised
    # when the rule is edited later
    Rule.objects.filter(pk=rule.pk).update(revision=2)
    assert page.evidence_of(member, entry.uuid).rule_revised


def test_what_was_taken_back_says_so_on_both_sides(reader, member):
    entry = enter(member)
    back = api.reverse_entry(entry, actor=None, reason="名单有误", now=NOW)
    lines = {one.uuid: one for one in page.lines(member, 2026)[0]}
    assert (lines[entry.uuid].taken_back, lines[entry.uuid].reversal) == (True, False)
    assert (lines[back.uuid].taken_back, lines[back.uuid].reversal) == (False, True)
    for one, other in ((entry, back), (back, entry)):
        text = reader.get(f"/archive/entries/{one.uuid}/").content.decode()
        assert "名单有误" in text and f"/archive/entries/{other.uuid}/" in text


def test_somebody_elses_entry_looks_like_an_absence(reader):
    entry = enter(MemberFactory())
    assert reader.get(f"/archive/entries/{entry.uuid}/").status_code == 404


# Whether it was changed


def sql(text, *values):
    with connection.cursor() as cursor:
        cursor.execute(text, values)


def test_an_entry_is_unchanged_since_its_seal(reader, member):
    others = [MemberFactory() for _ in range(3)]
    for one in (*others, member, *others):
        entry = enter(one)
    entry = enter(member, title="党课")
    fresh = page.intact(entry)
    assert (fresh.fine, fresh.seq, fresh.of, fresh.sealed_on) == (True, 2, 2, None)
    assert "今夜" in reader.get(f"/archive/entries/{entry.uuid}/").content.decode()
    api.seal(NOW.date() - timedelta(days=1), now=NOW)
    sealed = page.intact(entry)
    assert (sealed.fine, sealed.sealed_on) == (True, NOW.date() - timedelta(days=1))
    assert "2026 年 11 月 27 日" in reader.get(f"/archive/entries/{entry.uuid}/").content.decode()


@pytest.mark.parametrize("relinked", [False, True])
def test_a_changed_entry_says_so(reader, member, relinked):
    from courses.archive import chain
    from courses.archive.models import StudyHourEntry

    entry = enter(member)
    api.seal(NOW.date() - timedelta(days=1), now=NOW)
    sql("UPDATE archive_studyhourentry SET hours = 9 WHERE id = %s", entry.pk)
    if relinked:  # by somebody who knows how links are made: the seal still tells
        said = chain.content_of_row(StudyHourEntry.objects.filter(pk=entry.pk).as_kept().get())
        link = chain.link(chain.genesis(member.pk), said)
        sql("UPDATE archive_studyhourentry SET link = %s WHERE id = %s", link, entry.pk)
    entry.refresh_from_db()
    seen = page.intact(entry)
    assert (seen.whole, seen.differs, seen.fine) == (relinked, relinked, False)
    assert "与当时记录的不一致" in reader.get(f"/archive/entries/{entry.uuid}/").content.decode()


def test_leaves_are_found_by_halves():
    from courses.archive import chain

    leaves = [
        chain.Leaf(member, seq, 5, bytes([member % 256] * 31 + [seq]))
        for member in (2, 3, 300)
        for seq in (1, 2, 7)
    ]
    packed = chain.pack_leaves(leaves)
    for leaf in leaves:
        assert chain.find_leaf(packed, leaf.member, leaf.seq) == leaf.link
    for absent in ((1, 1), (2, 3), (300, 8), (4, 1)):
        assert chain.find_leaf(packed, *absent) is None
    assert chain.find_leaf(b"", 1, 1) is None
