"""A list as a file: reading .xlsx and .csv line by line, writing the template and the refused lines. No database."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

import xlsxwriter
from openpyxl import load_workbook

__all__ = ["COLUMNS", "LINES_MOST", "WHY", "SheetUnreadable", "lines_of", "write_sheet"]

COLUMNS = {
    "who": "登录名或手机号",
    "name": "姓名",
    "mode": "学习方式",
    "title": "学习内容",
    "hours": "学时",
    "started_on": "开始日期",
    "finished_on": "结束日期",
    "provider": "主办单位",
}
"""Field → title of its column, in the order of the template. The file's order is free; others are left alone."""
NEEDED = ("who", "name", "mode", "title", "hours", "finished_on")
WHY = "未登记原因"
"""The column that is added to refused lines; handed in again, it is left alone."""
LINES_MOST = 20_000
UNPACKED_MOST = 200 * 1024**2
HEAD_WITHIN = 20
"""A list may have a title above: the line of column titles is looked for in the first lines."""


class SheetUnreadable(Exception):
    """The file is no list as it is expected; `code` says why (refusals.py words it)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def lines_of(file: bytes, name: str) -> list[tuple[int, dict[str, str]]]:
    """Each line that is not empty: its number in the file (from 1), and its fields as text.

    Raises SheetUnreadable: KIND, BROKEN, NO_HEAD, EMPTY, TOO_LONG.
    """
    rows = _csv(file) if name.lower().endswith(".csv") else _xlsx(file, name)
    head: dict[int, str] | None = None
    found: list[tuple[int, dict[str, str]]] = []
    for number, row in enumerate(rows, 1):
        if head is None:
            head = _head(row)
            if head is None and number >= HEAD_WITHIN:
                break
            continue
        line = {field: row[place] if place < len(row) else "" for place, field in head.items()}
        if any(line.values()):
            found.append((number, line))
            if len(found) > LINES_MOST:
                raise SheetUnreadable("TOO_LONG")
    if head is None:
        raise SheetUnreadable("NO_HEAD")
    if not found:
        raise SheetUnreadable("EMPTY")
    return found


def _head(row: list[str]) -> dict[int, str] | None:
    titles = {title: field for field, title in COLUMNS.items()}
    head = {place: titles[text] for place, text in enumerate(row) if text in titles}
    return head if set(NEEDED) <= set(head.values()) else None


def _csv(file: bytes) -> Iterator[list[str]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = file.decode(encoding)
        except UnicodeDecodeError:
            continue
        try:
            yield from ([cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline="")))
        except csv.Error as broken:
            raise SheetUnreadable("BROKEN") from broken
        return
    raise SheetUnreadable("BROKEN")


def _xlsx(file: bytes, name: str) -> Iterator[list[str]]:
    if not name.lower().endswith(".xlsx"):
        raise SheetUnreadable("KIND")
    try:
        with zipfile.ZipFile(io.BytesIO(file)) as packed:
            if sum(one.file_size for one in packed.infolist()) > UNPACKED_MOST:
                raise SheetUnreadable("TOO_LONG")
        book = load_workbook(io.BytesIO(file), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says of its size need not be true
        for row in sheet.iter_rows(values_only=True):
            yield [_text(cell) for cell in row]
    except SheetUnreadable:
        raise
    except Exception as broken:  # whatever a file that somebody made up does to the reader
        raise SheetUnreadable("BROKEN") from broken


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell == int(cell):
        return str(int(cell))  # a mobile number that Excel took for a number
    return str(cell).strip()


def write_sheet(
    rows: Iterable[tuple[dict[str, str], str]], *, note: str = "", with_why: bool = False
) -> bytes:
    """An .xlsx with our columns: lines and, `with_why`, why each was refused. `note` stands in a second sheet."""
    target = io.BytesIO()
    safe = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
    }
    book = xlsxwriter.Workbook(target, safe)
    font = {"font_name": "微软雅黑", "font_size": 10}
    head = book.add_format(font | {"bold": True, "bg_color": "#FCF3F1", "border": 1})
    text = book.add_format(font | {"num_format": "@", "quote_prefix": True})
    sheet = book.add_worksheet("学时名单")
    titles = [*COLUMNS.values(), *([WHY] if with_why else [])]
    sheet.write_row(0, 0, titles, head)
    sheet.set_column(0, len(titles) - 1, 18, text)
    sheet.freeze_panes(1, 0)
    for place, (line, why) in enumerate(rows, 1):
        cells = [line.get(field, "") for field in COLUMNS] + ([why] if with_why else [])
        for column, cell in enumerate(cells):
            sheet.write_string(place, column, cell, text)
    if note:
        about = book.add_worksheet("填写说明")
        about.set_column(0, 0, 100)
        for place, line in enumerate(note.splitlines()):
            about.write_string(place, 0, line, book.add_format(font | {"text_wrap": True}))
    book.close()
    return target.getvalue()
