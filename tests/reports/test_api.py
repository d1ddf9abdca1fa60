"""What reports.api promises: the table of a scope, its export, reminders."""

from datetime import datetime, timedelta
from decimal import Decimal
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from people.api import scope_of
from people.models import AuditEntry, Member, Notice
from reports import api, table, workbook
from reports.errors import OutOfScope, PurposeMissing
from tests.factories import AdministratorFactory, MemberFactory, PartyOrganizationFactory, PostFactory
from tests.reports.conftest import TODAY, credit

pytestmark = pytest.mark.django_db
AS_OF = datetime(2026, 9, 30, 10, 42, tzinfo=ZoneInfo("Asia/Shanghai"))


def ask(street, **more):
    more = {"year": 2026, "today": TODAY, "as_of": AS_OF} | more
    return api.completion(scope_of(street.organiser), **more)


def test_states_of_the_acceptance_scenario(street):
    # domain.md §10.4
    found = ask(street, organization=street.first)

    by_name = {row.name: row for row in found.rows}
    assert {name: row.state for name, row in by_name.items()} == {
        "张伟": "COMPLETED",
        "李想": "IN_PROGRESS",
        "王芳": "AT_RISK",
        "赵淑珍": "EXEMPT",
        "陈刚": "IN_PROGRESS",
    }
    assert by_name["陈刚"].missing_training and by_name["陈刚"].target == 56
    assert found.totals.rate == Decimal("0.25")
    assert [row.name for row in found.help] == ["陈刚", "王芳"]


def test_a_class_attended_offline_takes_the_flag_away(street):
    credit(street.people["陈刚"], "8", "CENTRAL_OFFLINE")

    row = next(row for row in ask(street).rows if row.name == "陈刚")

    assert row.hours == 48 and not row.missing_training
    assert dict(
        zip(["CENTRAL_OFFLINE", "CENTRAL_ONLINE", "COLLECTIVE", "SELF_ONLINE"], row.modes, strict=True)
    ) == {
        "CENTRAL_OFFLINE": 8,
        "CENTRAL_ONLINE": 0,
        "COLLECTIVE": 40,
        "SELF_ONLINE": 0,
    }


def test_people_stand_in_the_order_of_their_names_whatever_their_hours(street):
    assert [row.name for row in ask(street).rows] == ["陈刚", "李想", "王芳", "吴凡", "张伟", "赵淑珍"]


def test_branches_stand_in_the_order_of_their_codes_whatever_their_results(street):
    found = ask(street)

    assert [(branch.code, branch.counts.due, branch.counts.completed) for branch in found.branches] == [
        ("001.002.001", 4, 1),
        ("001.002.002", 1, 0),
    ]
    assert (found.totals.roster, found.totals.due) == (6, 5)


def test_neither_the_neighbours_nor_those_above_are_seen(street):
    found = ask(street)

    assert "邻居" not in {row.name for row in found.rows}
    assert {place.code for place in found.places} == {"001.002", "001.002.001", "001.002.002"}
    for foreign in (street.orange, street.third, street.top):
        with pytest.raises(OutOfScope):
            ask(street, organization=foreign)


def test_two_organisers_of_siblings_share_nobody(street):
    ours = ask(street)
    theirs = api.completion(scope_of(street.neighbour), year=2026, today=TODAY)

    assert {row.uuid for row in ours.rows} & {row.uuid for row in theirs.rows} == set()
    assert [row.name for row in theirs.rows] == ["邻居"]
    assert theirs.place.code == "001.003"


def test_a_sibling_whose_code_begins_alike_is_another_subtree(street):
    # tree paths are compared by whole steps: 00010001 must not hold 000100010... of somebody else
    other = PartyOrganizationFactory(parent=street.top, code="001.0021", name="另一党委")
    MemberFactory(name="旁人", organization=other)

    assert "旁人" not in {row.name for row in ask(street).rows}


def test_an_organiser_of_two_places_sees_both_and_no_sum_above(street):
    PostFactory(member=street.organiser, organization=street.third)

    found = ask(street)

    assert found.place is None
    assert [branch.code for branch in found.branches] == ["001.002", "001.003.001"]
    assert found.totals.roster == 7


def test_a_post_inside_ones_own_place_adds_nothing_twice(street):
    PostFactory(member=street.organiser, organization=street.first)

    found = ask(street)

    assert found.place.code == "001.002" and found.totals.roster == 6


def test_filters_narrow_the_rows_but_never_the_denominator(street):
    found = ask(street, state="AT_RISK", text="wang")

    assert [row.name for row in found.rows] == ["王芳"]
    assert found.totals == ask(street).totals
    assert found.branches == ask(street).branches
    assert found.checksum != ask(street).checksum


@pytest.mark.parametrize("text", ["王芳", "WangFang", "wang fang"])
def test_people_are_found_by_name_and_pinyin(street, text):
    assert [row.name for row in ask(street, text=text).rows] == ["王芳"]


def test_staff_and_switched_off_accounts_are_not_counted(street):
    MemberFactory(name="编辑", status="STAFF", organization=street.first)
    MemberFactory(name="转走", is_active=False, organization=street.first)

    assert ask(street).totals.roster == 6


def test_six_queries_for_three_hundred_members(street, django_assert_num_queries):
    for branch in (street.first, street.second):
        Member.objects.bulk_create(
            Member(username=f"m{branch.pk}-{n}", name=f"党员{n}", name_pinyin=f"{n:03}", organization=branch)
            for n in range(147)
        )
    scope = scope_of(street.organiser)

    with django_assert_num_queries(7):
        # 1 organisations of the scope, 2 members with organisation, 3 rules, 4 ledger sums with exemptions,
        # 5 paths and leading posts, 6 last reminders; 7 who answers to the text
        found = api.completion(scope, year=2026, text="党员", today=TODAY)

    assert len(found.rows) == 294 and found.totals.roster == 300


# The export


def workbook_of(content: bytes):
    return load_workbook(BytesIO(content))


def take(street, **more):
    more = {
        "actor": street.organiser,
        "purpose": "年度学习检查",
        "year": 2026,
        "today": TODAY,
        "as_of": AS_OF,
    } | more
    return api.export(scope_of(street.organiser), **more)


def test_the_file_has_the_rows_and_the_checksum_of_the_screen(street):
    screen = ask(street)

    _found, content = take(street)

    sheet = workbook_of(content).worksheets[0]
    lines = []
    for at in range(workbook.FIRST_ROW + 1, workbook.FIRST_ROW + 1 + len(screen.rows)):
        cells = [sheet.cell(at, column).value for column in range(1, len(workbook.column_titles()) + 1)]
        lines.append(
            tuple(
                Decimal(str(cell))
                if isinstance(cell, int | float)
                else cell.date()
                if isinstance(cell, datetime)
                else cell or ""
                for cell in cells
            )
        )
    assert [line[2] for line in lines] == [row.name for row in screen.rows]
    assert screen.checksum in sheet["A3"].value
    assert table.checksum("2026\t001.002\t\t", lines) == screen.checksum


def test_the_filtered_file_is_the_filtered_screen(street):
    screen = ask(street, state="AT_RISK")

    found, content = take(street, state="AT_RISK")

    sheet = workbook_of(content).worksheets[0]
    assert found.checksum == screen.checksum and screen.checksum in sheet["A3"].value
    assert [sheet.cell(workbook.FIRST_ROW + 1, 3).value, sheet.cell(workbook.FIRST_ROW + 2, 1).value] == [
        "王芳",
        "合计",
    ]


def test_numbers_are_numbers_codes_are_text_and_the_header_stays(street):
    _found, content = take(street)

    people, organizations = workbook_of(content).worksheets
    first = workbook.FIRST_ROW + 1
    assert people.freeze_panes == "D5"
    assert people.cell(first, 1).data_type == "s" and people.cell(first, 1).number_format == "@"
    assert people.cell(first, 6).data_type == "n" and people.cell(first, 6).value == 40
    assert people.page_setup.orientation == "landscape" and str(people.page_setup.paperSize) == "9"
    assert "桂花社区党委（周敏）" in people["A2"].value and "2026-09-30 10:42" in people["A2"].value
    total = organizations.max_row
    assert [organizations.cell(total, column).value for column in range(1, 11)] == [
        "001.002",
        "合计",
        6,
        1,
        5,
        1,
        2,
        1,
        1,
        pytest.approx(0.2),
    ]


@pytest.mark.parametrize("name", ["=1+1", "+86", "-2", "@SUM(A1)", '=HYPERLINK("http://x","y")', "0012"])
def test_no_name_becomes_a_formula_or_a_number(street, name):
    MemberFactory(name=name, organization=street.second)

    _found, content = take(street)

    sheet = workbook_of(content).worksheets[0]
    cells = [sheet.cell(at, 3) for at in range(workbook.FIRST_ROW + 1, sheet.max_row)]
    cell = next(cell for cell in cells if cell.value == name)
    assert cell.data_type == "s" and cell.quotePrefix


def test_an_export_is_recorded_with_its_purpose(street):
    found, _content = take(street, source="10.0.0.8")

    entry = AuditEntry.objects.get(action="board.exported")
    assert entry.actor == street.organiser and entry.source == "10.0.0.8"
    assert entry.detail == {
        "purpose": "年度学习检查",
        "year": 2026,
        "organization": "001.002",
        "state": "",
        "text": "",
        "rows": 6,
        "checksum": found.checksum,
    }


@pytest.mark.parametrize("purpose", ["", "   ", "x"])
def test_without_a_purpose_nothing_is_made_or_recorded(street, purpose):
    with pytest.raises(PurposeMissing):
        take(street, purpose=purpose)

    assert not AuditEntry.objects.filter(action="board.exported").exists()


def test_a_foreign_organisation_is_not_exported(street):
    with pytest.raises(OutOfScope):
        take(street, organization=street.orange)

    assert not AuditEntry.objects.filter(action="board.exported").exists()


# Reminders


def remind(street, **more):
    return api.remind(
        scope_of(street.organiser), actor=street.organiser, year=2026, **({"today": TODAY} | more)
    )


def test_only_those_who_may_need_help_are_reminded(street):
    # domain.md §10.4: reminder only to 王芳 and 陈刚
    result = remind(street, organization=street.first)

    assert (result.told, result.spared) == (2, 0)
    titles = {notice.member.name: notice.title for notice in Notice.objects.all()}
    assert set(titles) == {"王芳", "陈刚"}
    assert "14" in titles["王芳"] and "16" in titles["陈刚"]
    assert AuditEntry.objects.get(action="board.reminded").detail["told"] == 2


def test_nobody_is_reminded_twice_within_seven_days(street, monkeypatch):
    remind(street, organization=street.first)
    Notice.objects.update(created_at=AS_OF)

    again = remind(street, organization=street.first)
    sixth = remind(street, organization=street.first, today=TODAY + timedelta(days=6))
    seventh = remind(street, organization=street.first, today=TODAY + timedelta(days=7))

    assert [(r.told, r.spared) for r in (again, sixth, seventh)] == [(0, 2), (0, 2), (2, 0)]
    assert Notice.objects.count() == 4


def test_one_person_can_be_reminded_if_that_helps(street):
    assert remind(street, member_uuid=street.people["王芳"].uuid).told == 1
    assert remind(street, member_uuid=street.people["张伟"].uuid).told == 0
    assert Notice.objects.get().member == street.people["王芳"]


def test_nobody_outside_is_reminded(street):
    with pytest.raises(OutOfScope):
        remind(street, member_uuid=street.people["邻居"].uuid)
    with pytest.raises(OutOfScope):
        remind(street, organization=street.third)

    assert not Notice.objects.exists()


def test_administrators_see_everybody(street):
    found = api.completion(scope_of(AdministratorFactory()), year=2026, today=TODAY)

    assert found.place.code == "001" and found.totals.roster == 7
    assert [branch.code for branch in found.branches] == ["001.002", "001.003"]
