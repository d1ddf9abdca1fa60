"""The archive on paper: who, how each year stands, every entry, a place for signature and stamp (PDF, A4)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from courses.archive.models import LearningArchive, StudyHourEntry, StudyMode
from courses.archive.page import YearLine, years
from courses.archive.paper import SOFT, Paper
from people.models import Member

__all__ = ["sheet"]

SIGNATURE_MM = 46
"""What the signature block needs; it is not torn over two pages."""


def sheet(member: Member, now: datetime) -> bytes:
    """The member's whole archive as PDF. Reading it takes four queries."""
    school = str(settings.WAGTAIL_SITE_NAME)
    paper = Paper(title=_("Learning archive"), made_at=now, author=school, header=_header(member, school))
    paper.add_page()
    paper.heading(_("Learning archive"), size=20)
    _who(paper, member)
    all_years = years(member)
    _years(paper, all_years)
    entries = list(
        StudyHourEntry.objects.of(member).select_related("reversal_of").order_by("finished_at", "pk")
    )
    taken_back = {one.reversal_of_id for one in entries if one.reversal_of_id}
    for year in all_years:
        of_year = [one for one in entries if one.year == year.year]
        if of_year:
            _entries(paper, year, of_year, taken_back)
    _end(paper, member, now)
    _signature(paper)
    return paper.content()


def _header(member: Member, school: str) -> str:
    return f"{school} · {_('Learning archive')} · {member.name}"


def _who(paper: Paper, member: Member) -> None:
    facts = [
        (_("Name"), member.name),
        (_("Membership"), str(member.get_status_display())),
        (_("Organisation"), member.organization.name if member.organization else "—"),
    ]
    if member.joined_on:
        facts.append((_("Joined the Party"), f"{member.joined_on:%Y-%m-%d}"))
    paper.text_block("    ".join(f"{label}：{value}" for label, value in facts))


def _plain(hours: Decimal) -> str:
    return f"{hours:.2f}".rstrip("0").rstrip(".") if hours else "0"


def _years(paper: Paper, found: list[YearLine]) -> None:
    paper.heading(_("All years"), size=13)
    if not found:
        paper.text_block(_("Nothing is entered yet"))
        return
    modes = list(StudyMode)
    rows = [
        [
            str(one.year) + (f"（{_('Exempt')}）" if one.exempt else ""),
            *(_plain(one.by_mode.get(mode, Decimal(0))) for mode in modes),
            _plain(one.hours),
        ]
        for one in reversed(found)
    ]
    rows.append(
        [
            _("Total"),
            *(
                _plain(sum((one.by_mode.get(mode, Decimal(0)) for one in found), Decimal(0)))
                for mode in modes
            ),
            _plain(sum((one.hours for one in found), Decimal(0))),
        ]
    )
    paper.rows_table(
        [_("Year"), *(str(mode.label) for mode in modes), _("Total")],
        rows,
        widths=(2, 2, 2, 2, 2, 2),
        align=("L", "R", "R", "R", "R", "R"),
    )
    paper.ln(4)


def _entries(paper: Paper, year: YearLine, entries: list[StudyHourEntry], taken_back: set[int]) -> None:
    paper.heading(
        _("%(year)s: %(hours)s study hours") % {"year": year.year, "hours": _plain(year.hours)}, size=13
    )
    paper.rows_table(
        [_("Day"), _("Studied"), _("Mode"), _("Provider"), _("Study hours")],
        [
            [
                f"{timezone.localdate(one.finished_at):%m-%d}",
                one.title + _note(one, taken_back),
                str(one.get_mode_display()),
                one.provider,
                f"{'+' if one.hours > 0 else '−'}{_plain(abs(one.hours))}",
            ]
            for one in entries
        ],
        widths=(1.1, 5.2, 1.7, 3.2, 1.2),
        align=("L", "L", "L", "L", "R"),
    )
    paper.ln(4)


def _note(one: StudyHourEntry, taken_back: set[int]) -> str:
    if one.reversal_of_id:
        return f"（{_('takes an entry back')}：{one.reason or '—'}）"
    return f"（{_('Was taken back')}）" if one.pk in taken_back else ""


def _end(paper: Paper, member: Member, now: datetime) -> None:
    """Where the chain ends: with it anybody who holds this sheet can be told whether the ledger still says this."""
    end = LearningArchive.objects.filter(member=member).values_list("chain_seq", "chain_link").first()
    if end is None or not end[0]:
        return
    paper.text_block(
        _("%(n)s entries; fingerprint of the last one: %(link)s") % {"n": end[0], "link": end[1]},
        size=8.5,
        colour=SOFT,
    )


def _signature(paper: Paper) -> None:
    if paper.get_y() > paper.h - paper.b_margin - SIGNATURE_MM:
        paper.add_page()
    paper.ln(8)
    half = paper.epw / 2
    for left, right in (
        (_("Signature of the member:"), _("Party organisation (stamp):")),
        (_("Checked by:"), _("Date:")),
    ):
        paper.ink(10.5)
        paper.cell(w=half, h=16, text=left)
        paper.cell(w=half, h=16, text=right, new_x="LMARGIN", new_y="NEXT")
