"""The completion table as values: counts, denominators, checksum, what a row may hold."""

from dataclasses import fields, replace
from datetime import date
from decimal import Decimal

import pytest

from reports import table
from reports.errors import IndicatorNotAllowed

ROW = table.Row(
    member_id=1,
    uuid="7d1c0a52-0000-0000-0000-000000000001",
    name="李想",
    membership="正式党员",
    organization_code="001.002.001",
    organization_name="第一党支部",
    organization_path="000100010001",
    activated=True,
    leader=False,
    state="IN_PROGRESS",
    state_label="学习中",
    hours=Decimal("20.00"),
    target=Decimal("32"),
    missing=Decimal("12.00"),
    modes=(Decimal("8"), Decimal(0), Decimal("4.5"), Decimal("7.50")),
    flags=(),
    flag_labels=(),
    reminded_on=None,
)


def rows(*states: str, path: str = "000100010001") -> list[table.Row]:
    return [replace(ROW, member_id=n, state=state, organization_path=path) for n, state in enumerate(states)]


def test_the_rate_leaves_exempt_members_out_of_the_denominator():
    # domain.md §10.4: five members, one exempt, one completed → 1/4 = 25 %.
    counts = table.count(rows("COMPLETED", "IN_PROGRESS", "AT_RISK", "EXEMPT", "IN_PROGRESS"))

    assert (counts.roster, counts.due, counts.completed, counts.exempt) == (5, 4, 1, 1)
    assert counts.rate == Decimal("0.25") and counts.percent == "25"


@pytest.mark.parametrize(
    ("completed", "due", "percent"),
    [(2, 3, "66.6"), (999, 1000, "99.9"), (1999, 2000, "99.9"), (3, 3, "100"), (0, 4, "0")],
)
def test_only_all_is_a_hundred_per_cent(completed, due, percent):
    counts = table.count(rows(*["COMPLETED"] * completed, *["IN_PROGRESS"] * (due - completed)))

    assert counts.percent == percent


def test_where_nobody_is_due_there_is_no_rate():
    counts = table.count(rows("EXEMPT", "EXEMPT"))

    assert counts.rate is None and counts.percent == ""


def test_branches_stay_in_the_order_given_and_add_up_with_the_own_level():
    people = [
        *rows("COMPLETED", path="0001"),
        *rows("NOT_STARTED", "NOT_STARTED", path="00010001"),
        *rows("COMPLETED", "COMPLETED", path="00010002"),
        *rows("EXEMPT", path="000100020001"),
    ]
    children = [("u1", "001.001", "第一", "00010001"), ("u2", "001.002", "第二", "00010002")]

    lines = table.branch_counts(people, children, ("u0", "001", "党委", "0001"))

    assert [(line.code, line.own, line.counts.roster) for line in lines] == [
        ("001", True, 1),
        ("001.001", False, 2),
        ("001.002", False, 3),
    ]
    assert sum(line.counts.roster for line in lines) == len(people)


def test_a_branch_without_anything_below_needs_no_table_of_branches():
    assert table.branch_counts(rows("COMPLETED"), [], ("u0", "001", "支部", "000100010001")) == []


@pytest.mark.parametrize(
    ("state", "flags", "needs"),
    [
        ("AT_RISK", (), True),
        ("NOT_STARTED", (), True),
        ("IN_PROGRESS", (), False),
        ("IN_PROGRESS", ("MISSING_CENTRAL_TRAINING",), True),
        ("COMPLETED", (), False),
        ("EXEMPT", ("MISSING_CENTRAL_TRAINING",), False),
    ],
)
def test_who_may_need_help(state, flags, needs):
    assert table.needs_help(replace(ROW, state=state, flags=flags, flag_labels=flags)) is needs


def test_the_checksum_follows_the_rows_and_their_order():
    second = replace(ROW, member_id=2, name="王芳")

    def sign(heading, *people):
        return table.checksum(heading, map(table.cells, people))

    known = sign("2026", ROW, second)

    assert known == sign("2026", ROW, second)
    assert len(known) == 9 and known[4] == "-"
    others = {
        sign("2026", second, ROW),
        sign("2025", ROW, second),
        sign("2026", ROW),
        sign("2026", ROW, replace(second, hours=Decimal("20.25"))),
        sign("2026", ROW, replace(second, reminded_on=date(2026, 9, 30))),
    }
    assert known not in others and len(others) == 5


def test_trailing_zeros_do_not_change_the_checksum():
    same = replace(ROW, hours=Decimal("20"), missing=Decimal("12"))

    assert table.checksum("", [table.cells(ROW)]) == table.checksum("", [table.cells(same)])


@pytest.mark.parametrize(
    ("number", "text"), [("13.50", "13.5"), ("20.00", "20"), ("0.25", "0.25"), ("100", "100"), ("0", "0")]
)
def test_hours_as_people_write_them(number, text):
    assert table.plain(Decimal(number)) == text


@pytest.mark.parametrize("code", sorted(table.FORBIDDEN))
def test_figures_of_app_use_are_refused(code):
    with pytest.raises(IndicatorNotAllowed):
        table.allowed(code)


def test_a_row_holds_nothing_of_how_somebody_studied():
    # domain.md §1.6: no log-in times, devices, positions, wrong answers; §8.3: no rank.
    names = {field.name for field in fields(table.Row)}

    for forbidden in (
        "login",
        "device",
        "position",
        "coverage",
        "answer",
        "rank",
        "score",
        "phone",
        "reason",
    ):
        assert not any(forbidden in name for name in names), forbidden
