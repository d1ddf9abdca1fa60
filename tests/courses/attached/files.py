"""Files of every kind that an editor may attach, made by other libraries than those that read them."""

import io
import zipfile
from pathlib import Path

import docx
import pptx
import pylopdf_fonts_zh_cn
import xlsxwriter
from fpdf import FPDF
from fpdf.enums import EncryptionMethod

FONT = next(Path(pylopdf_fonts_zh_cn.__file__).parent.rglob("*Sans*.[ot]t[fc]"))


def pdf(*pages: str, password: str = "") -> bytes:
    made = FPDF()
    made.add_font("zh", fname=str(FONT))
    made.set_font("zh", size=14)
    if password:
        made.set_encryption("owner", password, encryption_method=EncryptionMethod.AES_256)
    for text in pages:
        made.add_page()
        if text:
            made.multi_cell(60, 8, text)
    return bytes(made.output())


def word(*paragraphs: str, cells: tuple[str, ...] = ()) -> bytes:
    made = docx.Document()
    for text in paragraphs:
        made.add_paragraph(text)
    if cells:
        row = made.add_table(1, len(cells)).rows[0]
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    return _saved(made)


def sheet(*rows: tuple[str | int, ...], name: str = "花名册") -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        page = book.add_worksheet(name)
        for number, row in enumerate(rows):
            page.write_row(number, 0, row)
    return out.getvalue()


def slides(title: str, notes: str) -> bytes:
    made = pptx.Presentation()
    slide = made.slides.add_slide(made.slide_layouts[5])
    slide.shapes.title.text = title
    slide.notes_slide.notes_text_frame.text = notes
    return _saved(made)


def bomb(megabytes: int) -> bytes:
    """A Word file whose text unpacks to so many megabytes of one letter."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(word("甲"))) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            if name != "word/document.xml":
                target.writestr(name, source.read(name))
                continue
            head, tail = source.read(name).split("甲".encode())
            with target.open(name, "w", force_zip64=True) as opened:
                opened.write(head)
                for _ in range(megabytes):
                    opened.write(b"a" * 1024**2)
                opened.write(tail)
    return out.getvalue()


def _saved(made) -> bytes:
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()
