"""One line of a list: what it says, or why it cannot be entered. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from courses.archive.hours import may_be_entered

__all__ = ["MODES", "Line", "LineRefused", "read_line"]

MODES = {
    "集中培训": "CENTRAL_OFFLINE",
    "集体学习": "COLLECTIVE",
}
"""As the template says them; the codes of StudyMode do as well."""
FIRST_YEAR = 2000
TITLE_MOST, PROVIDER_MOST = 200, 120
DAYS = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", re.ASCII)


class LineRefused(Exception):
    """Why a line is not entered; `code` is worded in refusals.py, `value` stands in the sentence."""

    def __init__(self, code: str, value: str = "") -> None:
        super().__init__(code)
        self.code, self.value = code, value


@dataclass(frozen=True)
class Line:
    """What a line says. `key` is the same for the same study of the same person, in whatever file."""

    who: str
    name: str
    mode: str
    title: str
    hours: Decimal
    started_on: date
    finished_on: date
    provider: str

    def key(self, member_id: int) -> str:
        said = (self.mode, self.title, str(self.hours), str(self.started_on), str(self.finished_on))
        return "import:" + hashlib.sha256("\x1f".join((str(member_id), *said)).encode()).hexdigest()[:40]


def read_line(said: Mapping[str, str], *, today: date, hours_a_day: Decimal) -> Line:
    """Raises LineRefused: MISSING (with the column), TOO_LONG, MODE, DATE, ORDER, FUTURE, OLD, HOURS (with the most)."""
    for field in ("who", "name", "mode", "title", "hours", "finished_on"):
        if not said.get(field, "").strip():
            raise LineRefused("MISSING", field)
    if any("\x00" in text for text in said.values()):
        raise LineRefused("MISSING", "title")
    title, provider = said["title"].strip(), said.get("provider", "").strip()
    if len(title) > TITLE_MOST or len(provider) > PROVIDER_MOST:
        raise LineRefused("TOO_LONG")
    mode = MODES.get(said["mode"].strip(), said["mode"].strip())
    if mode not in MODES.values():
        raise LineRefused("MODE")
    finished_on = _day(said["finished_on"])
    started_on = _day(said["started_on"]) if said.get("started_on", "").strip() else finished_on
    if finished_on < started_on or finished_on.year != started_on.year:
        raise LineRefused("ORDER")
    if finished_on > today:
        raise LineRefused("FUTURE")
    if started_on.year < FIRST_YEAR:
        raise LineRefused("OLD")
    most = hours_a_day * ((finished_on - started_on).days + 1)
    try:
        hours = Decimal(said["hours"].strip())
    except InvalidOperation as wrong:
        raise LineRefused("HOURS", str(most)) from wrong
    if not hours.is_finite() or not may_be_entered(hours, min(most, Decimal(999))):
        raise LineRefused("HOURS", str(most))
    return Line(
        who=said["who"].strip(),
        name=said["name"].strip(),
        mode=mode,
        title=title,
        hours=hours.quantize(Decimal("0.01")),
        started_on=started_on,
        finished_on=finished_on,
        provider=provider,
    )


def _day(text: str) -> date:
    found = DAYS.fullmatch(text.strip())
    try:
        return date(*(int(part) for part in found.groups())) if found else date.fromisoformat(text.strip())
    except ValueError as wrong:
        raise LineRefused("DATE") from wrong
