"""A4 documents with Chinese text: certificates, the archive on paper. Values in, bytes out; no database.

Written with fpdf2, which embeds the glyphs that are used (a subset, some kB) and keeps the text readable to
search and to screen readers. The fonts are Noto Sans SC and Noto Serif SC (OFL-1.1) out of the wheel
`pylopdf-fonts-zh-cn`, so that a machine needs no font of its own; only its two font files are used.

    paper = Paper(title="学习档案 2026", author="海棠街道党工委", made_at=now, header="网上党校")
    paper.add_page(); paper.heading("…"); paper.text_block("…")
    paper.rows_table(["学习内容", "学时"], rows, widths=(4, 1), align=("L", "R"))
    content = paper.content()
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib.resources import files

import segno
from django.utils import timezone
from django.utils.translation import gettext as _
from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

__all__ = ["INK", "MARGIN_MM", "RED", "SERIF", "SOFT", "Paper"]

SANS, SERIF = "sans", "serif"
INK, SOFT, RED, LINE = (33, 28, 25), (110, 101, 94), (181, 22, 29), (214, 205, 196)
"""Colours as RGB from 0 to 255; those of the portal's tokens in print."""
MARGIN_MM = 18
_FONTS = {SANS: "NotoSansSC-Regular.otf", SERIF: "NotoSerifSC-Regular.otf"}


class Paper(FPDF):
    """One A4 document. Lengths in mm, type sizes in points.

    `header` stands small at the top of each page, the page's number at the foot; `plain=True` leaves both
    out, e.g. for a certificate. The same values and the same `made_at` give the same bytes.
    """

    def __init__(
        self,
        *,
        title: str,
        made_at: datetime,
        author: str = "",
        header: str = "",
        landscape: bool = False,
        plain: bool = False,
    ) -> None:
        super().__init__(orientation="landscape" if landscape else "portrait", format="A4")
        self.head_line, self.plain, self.made_at = header, plain, made_at
        for family, name in _FONTS.items():
            self.add_font(family, fname=str(files("pylopdf_fonts_zh_cn") / name))
        self.set_title(title)
        self.set_lang("zh-Hans")
        if author:
            self.set_author(author)
        self.set_creator("wangshang-dangxiao")
        self.set_creation_date(made_at)
        self.set_margin(MARGIN_MM)
        self.set_auto_page_break(not plain, margin=MARGIN_MM + 6)
        self.ink()

    def ink(self, size: float = 10.5, *, family: str = SANS, colour: tuple[int, int, int] = INK) -> None:
        """What is written from now on."""
        self.set_font(family, size=size)
        self.set_text_color(*colour)

    def header(self) -> None:
        """fpdf2 calls this at the top of each page."""
        if self.plain or not self.head_line:
            return
        self.ink(8.5, colour=SOFT)
        self.cell(w=0, h=5, text=self.head_line, new_x="LMARGIN", new_y="NEXT")
        self.set_draw_color(*LINE)
        self.line(self.l_margin, self.get_y() + 1, self.w - self.r_margin, self.get_y() + 1)
        self.ln(6)
        self.ink()

    def footer(self) -> None:
        """fpdf2 calls this at the foot of each page."""
        if self.plain:
            return
        self.set_y(-MARGIN_MM)
        self.ink(8.5, colour=SOFT)
        made = f"{timezone.localtime(self.made_at):%Y-%m-%d %H:%M}"
        self.cell(w=0, h=5, text=_("Made on %(made)s (Beijing time)") % {"made": made})
        self.set_x(self.l_margin)
        pages = _("Page %(page)s of %(pages)s") % {"page": self.page_no(), "pages": "{nb}"}
        self.cell(w=0, h=5, text=pages, align="R")
        self.ink()

    def heading(self, text: str, *, size: float = 16) -> None:
        """A heading on a line of its own."""
        self.ink(size, family=SERIF)
        self.multi_cell(w=0, h=size * 0.55, text=text, align="L", new_x="LMARGIN", new_y="NEXT")
        self.ln(2)
        self.ink()

    def text_block(self, text: str, *, size: float = 10.5, colour: tuple[int, int, int] = INK) -> None:
        """A paragraph over the whole width; a line may break after any Chinese character."""
        self.ink(size, colour=colour)
        self.multi_cell(
            w=0, h=size * 0.6, text=text, align="L", wrapmode="CHAR", new_x="LMARGIN", new_y="NEXT"
        )
        self.ln(1.5)
        self.ink()

    def rows_table(
        self,
        heading: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        widths: Sequence[float],
        align: Sequence[str],
        size: float = 9,
    ) -> None:
        """A table with hairlines; the heading is repeated on each page. `align` is L, C or R by column."""
        self.ink(size)
        self.set_draw_color(*LINE)
        style = FontFace(color=SOFT, emphasis="")
        with self.table(
            col_widths=tuple(widths),
            text_align=tuple(align),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=style,
            line_height=size * 0.62,
            padding=(0.5, 1.5),
            wrapmode="CHAR",
        ) as table:
            for line in (heading, *rows):
                row = table.row()
                for said in line:
                    row.cell(said)
        self.ink()

    def qr(self, text: str, *, x: float, y: float, size: float) -> None:
        """A QR code of `text`, `size` mm wide, drawn as rectangles (sharp at any scale)."""
        code = segno.make(text, error="m", micro=False)
        matrix = [bytes(row) for row in code.matrix]
        module = size / len(matrix)
        self.set_fill_color(*INK)
        for down, row in enumerate(matrix):
            start = None
            for right, dark in enumerate([*row, 0]):
                if dark and start is None:
                    start = right
                elif not dark and start is not None:
                    self.rect(
                        x=x + start * module,
                        y=y + down * module,
                        w=(right - start) * module,
                        h=module,
                        style="F",
                    )
                    start = None

    def content(self) -> bytes:
        """The document as PDF."""
        return bytes(self.output())
