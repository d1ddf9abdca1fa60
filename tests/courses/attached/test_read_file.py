"""The reader: what it finds in files, and what it says of those in which it finds nothing."""

import pytest

from courses.catalogue.attached import read_file
from tests.courses.attached import files


def read(tmp_path, name: str, content: bytes) -> dict:
    file = tmp_path / "file"
    file.write_bytes(content)
    return read_file.answer(str(file), name)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.pdf", lambda: files.pdf("申请表第一页", "第二页写明事由"), "申请表第一页\n第二页写明事由"),
        ("a.docx", lambda: files.word("申请人", "", cells=("姓名", "支部")), "申请人\n姓名\n支部"),
        ("a.xlsx", lambda: files.sheet(("支部", "人数"), ("一支部", 12)), "花名册\n支部 人数\n一支部 12.0"),
        ("a.pptx", lambda: files.slides("主题党日", "先念通知"), "主题党日\n先念通知"),
        ("a.txt", lambda: "名单".encode("gb18030"), "名单"),
        ("a.txt", lambda: "名单".encode("utf-8-sig"), "名单"),
        ("a.csv", lambda: "名单,1".encode("utf-16"), "名单,1"),
        # What it is, its bytes say
        ("a.pdf", lambda: files.word("申请人"), "申请人"),
        ("a.txt", lambda: b"a\0b\x1b[31m", "a b [31m"),
    ],
)
def test_text_of_a_file(tmp_path, name, content, text):
    assert read(tmp_path, name, content()) == {"text": text, "unread": "", "is_cut": False}


def test_a_line_of_print_does_not_break_a_word(tmp_path):
    text = "预备党员转正应当由本人提出书面申请" * 3
    assert text in read(tmp_path, "a.pdf", files.pdf(text))["text"]


@pytest.mark.parametrize(
    ("name", "content", "unread"),
    [
        ("a.pdf", lambda: files.pdf("", ""), "SCAN"),
        ("a.pdf", lambda: files.pdf("机密", password="8848"), "LOCKED"),
        ("a.pdf", lambda: files.pdf("申请表")[:200], "BROKEN"),
        ("a.pdf", lambda: b"not at all", "BROKEN"),
        ("a.docx", lambda: files.word("申请人")[:900], "BROKEN"),
        ("a.docx", lambda: read_file.OLE + b"\0" * 512 + "EncryptedPackage".encode("utf-16-le"), "LOCKED"),
        ("a.doc", lambda: read_file.OLE + b"\0" * 512 + "WordDocument".encode("utf-16-le"), "OLD_FORMAT"),
        ("a.xls", lambda: read_file.OLE + b"\0" * 512 + "Workbook".encode("utf-16-le"), "BROKEN"),
        ("a.zip", lambda: b"PK\x05\x06" + b"\0" * 18, "OTHER_FORMAT"),
        ("a.ofd", lambda: b"PK\x05\x06" + b"\0" * 18, "OTHER_FORMAT"),
        ("a.exe", lambda: b"MZ\0", "OTHER_FORMAT"),
        ("a.txt", lambda: b"", "SCAN"),
    ],
)
def test_a_file_without_text_says_why(tmp_path, name, content, unread):
    assert read(tmp_path, name, content()) == {"text": "", "unread": unread, "is_cut": False}


def test_a_file_that_unpacks_to_something_absurd_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(read_file, "LARGEST_UNPACKED_BYTES", 5 * 1024**2)
    assert read(tmp_path, "a.docx", files.bomb(5))["unread"] == "TOO_LARGE"
    assert read(tmp_path, "a.docx", files.bomb(4))["unread"] == ""


def test_more_than_is_kept_is_cut_and_said():
    found = read_file.gathered(iter(["学习" * 60_000, "党章" * 60_000, "never read"]))
    assert (len(found["text"]), found["is_cut"], found["unread"]) == (200_000, True, "")
