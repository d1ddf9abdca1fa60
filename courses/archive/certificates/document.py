"""The certificate on paper: A4 across, with a QR code that leads to the check page. Values in, bytes out."""

from __future__ import annotations

from datetime import date

from django.utils import timezone
from django.utils.translation import gettext as _

from courses.archive.certificates.models import Certificate
from courses.archive.paper import INK, RED, SERIF, SOFT, Paper

__all__ = ["certificate_pdf"]

SMALLEST = 8
"""Points; what the longest title and name come to is larger."""
SEAL_X = 175
"""Where the organisation's name may begin, in mm: right of the QR code and its words."""


def _day(day: date) -> str:
    return _("%(year)s/%(month)s/%(day)s") % {"year": day.year, "month": day.month, "day": day.day}


def _block(
    paper: Paper, text: str, *, largest: float, leading: float, width: float, most: float, align: str
) -> None:
    """Write `text` where the paper stands, as large as it goes into `most` mm of height, `largest` points at most.

    `leading` is mm of line height to a point of size; `width` in mm, 0 up to the right margin.
    """
    size = largest
    while True:
        paper.ink(size, family=SERIF, colour=INK)
        block = {"w": width, "h": size * leading, "text": text, "align": align, "wrapmode": "CHAR"}
        if size <= SMALLEST or paper.multi_cell(**block, dry_run=True, output="HEIGHT") <= most:
            break
        size -= 1
    paper.multi_cell(**block, new_x="LMARGIN", new_y="NEXT")


def certificate_pdf(certificate: Certificate, *, check_url: str, check_page: str) -> bytes:
    """One page. `check_url` stands in the QR code, `check_page` in words for those who type the number."""
    paper = Paper(
        title=certificate.number,
        author=certificate.organization_name,
        made_at=certificate.issued_at,
        landscape=True,
        plain=True,
    )
    paper.add_page()
    width, height = paper.w, paper.h
    paper.set_draw_color(*RED)
    for inset, line in ((10, 1.2), (12.5, 0.3)):
        paper.set_line_width(line)
        paper.rect(inset, inset, width - 2 * inset, height - 2 * inset)
    paper.set_y(34)
    paper.ink(38, family=SERIF, colour=RED)
    paper.cell(w=0, h=18, text=_("Certificate of completion"), align="C", new_x="LMARGIN", new_y="NEXT")
    paper.ink(11, colour=SOFT)
    number = _("No. %(number)s") % {"number": certificate.number}
    paper.cell(w=0, h=9, text=number, align="C", new_x="LMARGIN", new_y="NEXT")
    paper.set_y(78)
    paper.set_left_margin(38)
    paper.set_right_margin(38)
    paper.set_x(38)
    paper.ink(18, family=SERIF, colour=INK)
    said = _(
        "Comrade %(holder)s took part in «%(title)s», held by %(organization)s, from %(first)s to %(last)s, "
        "and has completed the prescribed study of %(hours)s study hours."
    ) % {
        "holder": certificate.holder,
        "title": certificate.title,
        "organization": certificate.organization_name,
        "first": _day(certificate.starts_on),
        "last": _day(certificate.ends_on),
        "hours": f"{certificate.hours:.2f}".rstrip("0").rstrip("."),
    }
    _block(paper, said, largest=18, leading=13 / 18, width=0, most=height - 70 - paper.get_y(), align="L")
    paper.set_xy(SEAL_X, height - 62)
    _block(
        paper,
        certificate.organization_name,
        largest=15,
        leading=0.6,
        width=width - 38 - SEAL_X,
        most=27,
        align="R",
    )
    paper.ink(15, family=SERIF)
    issued = _day(timezone.localdate(certificate.issued_at))
    paper.cell(w=0, h=9, text=issued, align="R", new_x="LMARGIN", new_y="NEXT")
    paper.qr(check_url, x=38, y=height - 66, size=28)
    paper.set_xy(70, height - 52)
    paper.ink(9, colour=SOFT)
    check = _("Check it by the code, or at %(page)s with number and name.") % {"page": check_page}
    paper.multi_cell(w=100, h=5.5, text=check, align="L", wrapmode="CHAR")
    return paper.content()
