"""The shared piece of our PDFs: Chinese text is in the file as text, pages are numbered, QR codes can be read."""

from datetime import UTC, datetime

import pypdfium2
import segno

from courses.archive.paper import Paper

AT = datetime(2026, 11, 28, 1, 0, tzinfo=UTC)


def made(rows=40, **more) -> bytes:
    paper = Paper(
        title="学习档案 2026", author="海棠街道党工委", made_at=AT, header="网上党校 学习档案", **more
    )
    paper.add_page()
    paper.heading("学习档案")
    paper.text_block("张三于二〇二六年参加学习。" * 20)
    paper.rows_table(
        ["学习内容", "学时"],
        [(f"第{n}课 民主集中制", "0.5") for n in range(rows)],
        widths=(4, 1),
        align=("L", "R"),
    )
    return paper.content()


def texts(content: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(content)
    return [page.get_textpage().get_text_range() for page in document]


def test_text_can_be_read_back_and_pages_are_numbered():
    pages = texts(made())
    assert len(pages) == 2
    assert "学习档案" in pages[0] and "第0课 民主集中制" in pages[0]
    assert "第39课 民主集中制" in pages[1] and "学习内容" in pages[1], "the heading is repeated"
    assert [f"第 {n} 页，共 2 页" in page for n, page in enumerate(pages, 1)] == [True, True]
    assert "2026-11-28 09:00" in pages[0]


def test_the_same_values_give_the_same_bytes_and_they_are_small():
    assert made() == made()
    assert len(made()) < 60_000


def test_rare_characters_of_names_are_there():
    paper = Paper(title="t", made_at=AT, plain=True)
    paper.add_page()
    paper.text_block("张龑 李䶮 王镕 欧阳喆")
    assert "张龑 李䶮 王镕 欧阳喆" in texts(paper.content())[0]


def test_a_qr_code_is_drawn_dot_by_dot():
    paper = Paper(title="t", made_at=AT, plain=True)
    paper.add_page()
    paper.qr("https://school.example/c/abc", x=20, y=20, size=40)
    picture = pypdfium2.PdfDocument(paper.content())[0].render(scale=4, grayscale=True).to_pil()
    matrix = [list(row) for row in segno.make("https://school.example/c/abc", error="m", micro=False).matrix]
    scale = picture.width / 210
    module = 40 / len(matrix)
    seen = [
        [
            int(
                picture.getpixel(
                    (round((20 + (x + 0.5) * module) * scale), round((20 + (y + 0.5) * module) * scale))
                )
                < 128
            )
            for x in range(len(matrix))
        ]
        for y in range(len(matrix))
    ]
    assert seen == matrix
