"""The completion table as an Excel file that opens right on a Chinese Windows.

Real numbers and dates, codes as text, names never as formulas, frozen header, A4 landscape with
page numbers, who made it and when (Beijing time). Same rows and checksum as the screen.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING

import xlsxwriter
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from courses.archive import wording
from courses.archive.models import StudyMode
from reports import table

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

    from reports.api import Completion

__all__ = ["FIRST_ROW", "column_titles", "write_workbook"]

FIRST_ROW = 4
"""Index (from 0) of the first row of people; above it title, two lines about the table, and the header."""

WIDTHS = [15, 26, 12, 12, 10, 10, 10, 10, *([12] * len(StudyMode.values)), 26, 13]


def column_titles() -> list[str]:
    """Titles of the columns, in the order of `table.cells`."""
    return [
        _("Organisation code"),
        _("Organisation"),
        pgettext("person", "Name"),
        _("Membership"),
        _("State"),
        _("Study hours"),
        _("Required hours"),
        _("Hours missing"),
        *[str(StudyMode(code).label) for code in StudyMode.values],
        _("To note"),
        _("Last reminder"),
    ]


def write_workbook(found: Completion, *, maker: str) -> bytes:
    """The file as bytes. `maker` is the name of who asked for it."""
    target = BytesIO()
    book = xlsxwriter.Workbook(
        target,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
        },
    )
    made_at = timezone.localtime(found.as_of)
    title = _("Study completion %(year)s") % {"year": found.year}
    book.set_properties(
        {"title": title, "author": found.full_place_name, "created": made_at.replace(tzinfo=None)}
    )
    styles = _Styles(book)
    about = _("Made by: %(place)s (%(name)s)   Time: %(time)s (Beijing)   Shown: %(filter)s") % {
        "place": found.full_place_name,
        "name": maker,
        "time": made_at.strftime("%Y-%m-%d %H:%M"),
        "filter": _filter_in_words(found),
    }
    counted = _("%(rows)s people   Checksum %(checksum)s") % {
        "rows": len(found.rows),
        "checksum": found.checksum,
    }
    _people(book.add_worksheet(_("Members")), found, styles, title, about, counted)
    _organizations(book.add_worksheet(_("Organisations")), found, styles, title, about)
    book.close()
    return target.getvalue()


class _Styles:
    def __init__(self, book: xlsxwriter.Workbook) -> None:
        font = {"font_name": "微软雅黑", "font_size": 10, "valign": "vcenter"}
        box = font | {"border": 1, "border_color": "#BFB6AE"}
        self.title = book.add_format(font | {"font_size": 15, "bold": True})
        self.about = book.add_format(font | {"font_color": "#4A423D"})
        self.head = book.add_format(
            box | {"bold": True, "bg_color": "#FCF3F1", "text_wrap": True, "align": "center"}
        )
        # «@» keeps codes as they are typed; the quote prefix keeps Excel from ever reading a formula.
        self.text = book.add_format(box | {"num_format": "@", "quote_prefix": True, "text_wrap": True})
        self.number = book.add_format(box | {"num_format": "0.##"})
        self.whole = book.add_format(box | {"num_format": "0"})
        self.percent = book.add_format(box | {"num_format": "0.0%"})
        self.day = book.add_format(box | {"num_format": "yyyy-mm-dd", "align": "center"})
        self.total_text = book.add_format(box | {"bold": True, "num_format": "@"})
        self.total = book.add_format(box | {"bold": True, "num_format": "0"})


def _people(
    sheet: Worksheet, found: Completion, styles: _Styles, title: str, about: str, counted: str
) -> None:
    titles = column_titles()
    _head(sheet, styles, [title, about, counted], titles, WIDTHS)
    last = FIRST_ROW
    for last, row in enumerate(found.rows, start=FIRST_ROW):
        for column, cell in enumerate(table.cells(row)):
            _write(sheet, last, column, cell, styles)
    if found.rows:
        sheet.autofilter(FIRST_ROW - 1, 0, last, len(titles) - 1)
        last += 1
    sheet.write_string(last, 0, _("Total"), styles.total_text)
    sheet.write_number(last, 1, len(found.rows), styles.total)


def _organizations(sheet: Worksheet, found: Completion, styles: _Styles, title: str, about: str) -> None:
    titles = [
        _("Organisation code"),
        _("Organisation"),
        _("On the roster"),
        str(wording.STATES["EXEMPT"]),
        _("To study"),
        str(wording.STATES["COMPLETED"]),
        str(wording.STATES["IN_PROGRESS"]),
        str(wording.STATES["AT_RISK"]),
        str(wording.STATES["NOT_STARTED"]),
        _("Rate of completion"),
    ]
    note = _(
        "Everybody in the organisation, whatever is filtered on the other sheet. Rate = completed / to study."
    )
    _head(sheet, styles, [title, about, note], titles, [15, 30, *([11] * 7), 12])
    at = FIRST_ROW
    for branch in found.branches:
        name = _("%(name)s (own level)") % {"name": branch.name} if branch.own else branch.name
        _counts(sheet, at, branch.code, name, branch.counts, styles.text, styles.whole, styles.percent)
        at += 1
    code = found.place.code if found.place else ""
    _counts(sheet, at, code, _("Total"), found.totals, styles.total_text, styles.total, styles.percent)


def _counts(
    sheet: Worksheet,
    at: int,
    code: str,
    name: str,
    counts: table.Counts,
    text: Format,
    whole: Format,
    percent: Format,
) -> None:
    sheet.write_string(at, 0, code, text)
    sheet.write_string(at, 1, name, text)
    figures = [
        counts.roster,
        counts.exempt,
        counts.due,
        counts.completed,
        counts.in_progress,
        counts.at_risk,
        counts.not_started,
    ]
    for column, figure in enumerate(figures, start=2):
        sheet.write_number(at, column, figure, whole)
    if counts.rate is None:
        sheet.write_string(at, 9, "—", text)
    else:
        sheet.write_number(at, 9, float(counts.rate), percent)


def _head(sheet: Worksheet, styles: _Styles, lines: list[str], titles: list[str], widths: list[int]) -> None:
    for at, (line, style) in enumerate(zip(lines, [styles.title, styles.about, styles.about], strict=True)):
        sheet.write_string(at, 0, line, style)
    sheet.set_row(0, 26)
    sheet.set_row(FIRST_ROW - 1, 32)
    for column, (name, width) in enumerate(zip(titles, widths, strict=True)):
        sheet.set_column(column, column, width)
        sheet.write_string(FIRST_ROW - 1, column, name, styles.head)
    sheet.freeze_panes(FIRST_ROW, 3 if len(titles) > 10 else 2)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(FIRST_ROW - 1)
    sheet.set_footer("&C&P / &N")


def _write(
    sheet: Worksheet, row: int, column: int, cell: str | Decimal | date | None, styles: _Styles
) -> None:
    if cell is None:
        sheet.write_blank(row, column, None, styles.text)
    elif isinstance(cell, Decimal):
        sheet.write_number(row, column, float(cell), styles.number)
    elif isinstance(cell, date):
        sheet.write_datetime(row, column, cell, styles.day)
    else:
        sheet.write_string(row, column, cell, styles.text)


def _filter_in_words(found: Completion) -> str:
    parts = []
    if found.state:
        parts.append(str(wording.STATES.get(found.state) or _("May need help")))
    if found.text:
        parts.append(f"“{found.text}”")
    return "、".join(parts) if parts else _("everybody")
