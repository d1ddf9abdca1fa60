"""Read the text of one file: `python -I read_file.py FILE NAME`; prints {"text", "unread", "is_cut"} as JSON.

Run as a program of its own under limits (reading.py), never imported by Django: whoever made the file may have
meant harm, and the parsers are large. What the file is, its first bytes say; NAME only tells old formats and
plain text apart. `unread` is one of models.Unread.
"""

import json
import re
import sys
import zipfile
from collections.abc import Iterator
from itertools import islice

MOST_CHARACTERS = 200_000
"""As many as search keeps of one document (search/entries.py)."""
MOST_PAGES = 3_000
MOST_SHEETS = 200
MOST_PARTS = 10_000
LARGEST_UNPACKED_BYTES = 300 * 1024**2

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_BROKEN_LINE = re.compile(f"(?<=[{HAN}，、；：])[ \t]*\r?\n[ \t]*(?=[{HAN}])")
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class Unreadable(Exception):
    """The argument is a name of models.Unread."""


def read(path: str, name: str) -> Iterator[str]:
    """The pieces of text of the file at `path` that somebody called `name`. Raises Unreadable."""
    with open(path, "rb") as opened:
        head = opened.read(4096)
    ending = name.rpartition(".")[2].lower()
    if b"%PDF-" in head[:1024]:
        return pdf(path)
    if head.startswith(OLE):
        return ole(path)
    if head.startswith(b"PK"):
        return package(path)
    if ending in {"txt", "csv", "md"}:
        return plain(path)
    raise Unreadable(
        "BROKEN" if ending in {"pdf", "docx", "xlsx", "pptx", "xls", "doc", "ppt"} else "OTHER_FORMAT"
    )


def pdf(path: str) -> Iterator[str]:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as fault:
        raise Unreadable("LOCKED" if "assword" in str(fault) else "BROKEN") from fault
    for number in range(min(len(document), MOST_PAGES)):
        try:
            page = document[number]
            # A line of Chinese print ends anywhere in a word.
            yield _BROKEN_LINE.sub("", page.get_textpage().get_text_bounded())
        except pypdfium2.PdfiumError:
            continue  # one bad page does not hide the others


def ole(path: str) -> Iterator[str]:
    """Office before 2007, or a newer file inside a password."""
    with open(path, "rb") as opened:
        inside = opened.read(8 * 1024**2)
    if "EncryptedPackage".encode("utf-16-le") in inside:
        raise Unreadable("LOCKED")
    if "Workbook".encode("utf-16-le") in inside:
        return sheets(path)
    raise Unreadable("OLD_FORMAT")


def package(path: str) -> Iterator[str]:
    """A file that is a zip: Word, Excel or PowerPoint, unless it unpacks to something absurd."""
    with zipfile.ZipFile(path) as packed:
        parts = packed.infolist()
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > LARGEST_UNPACKED_BYTES:
            raise Unreadable("TOO_LARGE")
        names = {part.filename for part in parts}
        if any(part.flag_bits & 1 for part in parts):
            raise Unreadable("LOCKED")
    if "word/document.xml" in names:
        return word(path)
    if "ppt/presentation.xml" in names:
        return slides(path)
    if "xl/workbook.xml" in names or "xl/workbook.bin" in names or "content.xml" in names:
        return sheets(path)
    raise Unreadable("OTHER_FORMAT")


def word(path: str) -> Iterator[str]:
    import docx
    from docx.table import Table

    def told(container) -> Iterator[str]:
        for block in container.iter_inner_content():
            if isinstance(block, Table):
                seen = set()
                for row in block.rows:
                    for cell in row.cells:
                        if cell._tc not in seen:  # a merged cell stands in every row that it covers
                            seen.add(cell._tc)
                            yield from told(cell)
            else:
                yield block.text

    return told(docx.Document(path))


def sheets(path: str) -> Iterator[str]:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        book = CalamineWorkbook.from_path(path)
    except PasswordError as fault:
        raise Unreadable("LOCKED") from fault
    except CalamineError as fault:
        raise Unreadable("BROKEN") from fault
    for name in book.sheet_names[:MOST_SHEETS]:
        yield name
        try:
            rows = book.get_sheet_by_name(name).iter_rows()
        except CalamineError:
            continue  # a sheet of charts
        for row in rows:
            cells = [str(cell).strip() for cell in row if cell not in ("", None)]
            if cells:
                yield " ".join(cells)


def slides(path: str) -> Iterator[str]:
    import pptx

    def told(shapes) -> Iterator[str]:
        for shape in shapes:
            if shape.shape_type == 6:  # a group
                yield from told(shape.shapes)
            elif shape.has_text_frame:
                yield shape.text_frame.text
            elif getattr(shape, "has_table", False) and shape.has_table:
                for row in shape.table.rows:
                    yield " ".join(cell.text for cell in row.cells)

    for slide in islice(pptx.Presentation(path).slides, MOST_PAGES):
        yield from told(slide.shapes)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            yield slide.notes_slide.notes_text_frame.text


def plain(path: str) -> Iterator[str]:
    with open(path, "rb") as opened:
        raw = opened.read(4 * MOST_CHARACTERS + 4)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield raw.decode("utf-16", "replace")
        return
    try:
        yield raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        # Windows in Chinese; or UTF-8 that was cut in the middle of a character.
        yield (
            raw[: fault.start].decode("utf-8")
            if fault.start > len(raw) - 4
            else raw.decode("gb18030", "replace")
        )


def gathered(pieces: Iterator[str]) -> dict:
    """As many of `pieces` as are kept, cleaned of what no text holds, and whether there was more."""
    kept: list[str] = []
    length = 0
    for piece in pieces:
        text = _UNFIT.sub(" ", piece).strip()
        if not text:
            continue
        kept.append(text)
        length += len(text) + 1
        if length > MOST_CHARACTERS:
            break
    text = "\n".join(kept)
    return {
        "text": text[:MOST_CHARACTERS],
        "unread": "" if text else "SCAN",
        "is_cut": len(text) > MOST_CHARACTERS,
    }


def answer(path: str, name: str) -> dict:
    """What is printed of the file at `path` that somebody called `name`; never raises for what is in it."""
    try:
        return gathered(read(path, name))
    except Unreadable as fault:
        unread = str(fault)
    except (MemoryError, RecursionError):
        unread = "TOO_LARGE"
    except Exception:  # a parser of a damaged file raises anything at all
        unread = "BROKEN"
    return {"text": "", "unread": unread, "is_cut": False}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(answer(sys.argv[1], sys.argv[2])))
