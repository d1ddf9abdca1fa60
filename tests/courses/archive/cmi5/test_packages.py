"""Packages opened under limits: what is stored is what was declared, and nothing is when something is wrong."""

from __future__ import annotations

import io
import stat
import struct
import zipfile

import pytest

from courses.archive.cmi5.errors import PackageInvalid
from courses.archive.cmi5.packages import Limits, open_package, store
from tests.courses.archive.cmi5.packages import PAGE, au, package, structure

ONE = structure(au(0))
REMOTE = structure(au(0, url="https://content.example/start"))


def entry(name: str, *, mode: int = 0o644 | stat.S_IFREG) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.external_attr = mode << 16
    made.compress_type = zipfile.ZIP_DEFLATED
    return made


def with_entry(made: zipfile.ZipInfo, content: bytes = b"x") -> io.BytesIO:
    file = package(ONE)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(made, content)
    return file


def test_a_package_is_stored_as_it_is(tmp_path):
    # Given a package with folders
    file = package(structure(au(0, url="课件/第一讲.html?x=1")), {"课件/第一讲.html": PAGE, "课件/a.js": "1"})
    # When it is opened, nothing is written; when it is stored, all of it
    opened = open_package(file, "application/zip")
    assert not list(tmp_path.iterdir())
    store(opened, tmp_path / "course")
    found = {str(p.relative_to(tmp_path / "course")) for p in (tmp_path / "course").rglob("*") if p.is_file()}
    assert found == {"cmi5.xml", "课件/第一讲.html", "课件/a.js"}
    assert (tmp_path / "course/课件/第一讲.html").read_text() == PAGE
    assert stat.S_IMODE((tmp_path / "course/cmi5.xml").stat().st_mode) == 0o600


def test_names_as_chinese_windows_writes_them(tmp_path):
    # Given a zip whose names are GB 18030 without the UTF-8 mark
    made = package(structure(au(0, url="课件/x.html")), {"AAAA/x.html": PAGE})
    raw = made.getvalue().replace(b"AAAA/x.html", "课件".encode("gb18030") + b"/x.html")
    # When it is opened
    opened = open_package(io.BytesIO(raw), "application/zip")
    # Then the names are read
    assert {e.filename for e in opened.entries} == {"cmi5.xml", "课件/x.html"}
    store(opened, tmp_path / "course")
    assert (tmp_path / "course/课件/x.html").read_text() == PAGE


def test_zip64_is_read():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in {"cmi5.xml": ONE, "index.html": PAGE}.items():
            with archive.open(name, "w", force_zip64=True) as written:
                written.write(content.encode())
    assert len(open_package(file, "application/zip").entries) == 2


def test_a_bare_structure_needs_addresses_of_its_own():
    assert open_package(io.BytesIO(REMOTE.encode()), "text/xml; charset=utf-8").entries == ()
    for bare in (
        REMOTE.encode(),
        b"\xef\xbb\xbf" + REMOTE.encode(),
        REMOTE.replace("utf-8", "utf-16").encode("utf-16"),
    ):
        assert open_package(io.BytesIO(bare), "").archive is None
    for url in ("index.html", "path/1/index.html", "./index.html", "../index.html", "/index.html"):
        with pytest.raises(PackageInvalid) as refused:
            open_package(io.BytesIO(structure(au(0, url=url)).encode()), "text/xml")
        assert (refused.value.code, refused.value.requirement) == ("URL_RELATIVE_WITHOUT_ZIP", "14.2.0.0-1")


def test_a_mixture_of_files_and_addresses_is_right():
    both = structure(au(0) + au(1, url="https://content.example/x"))
    assert len(open_package(package(both)).tree.aus()) == 2


def encrypted() -> io.BytesIO:
    raw = bytearray(package(ONE).getvalue())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        begin = raw.rfind(mark)
        raw[begin + at] |= 1
    return io.BytesIO(bytes(raw))


def lying() -> io.BytesIO:
    """The directory says that the page has 5 bytes; it has more."""
    raw = bytearray(package(ONE, {"index.html": "x" * 5000}).getvalue())
    begin = raw.rfind(b"PK\x01\x02")
    struct.pack_into("<L", raw, begin + 24, 5)
    return io.BytesIO(bytes(raw))


def damaged() -> io.BytesIO:
    raw = bytearray(package(ONE, {"index.html": bytes(range(256)) * 20}).getvalue())
    begin = raw.rfind(b"index.html", 0, raw.rfind(b"PK\x01\x02"))
    raw[begin + 30] ^= 0xFF
    return io.BytesIO(bytes(raw))


def twice() -> io.BytesIO:
    with pytest.warns(UserWarning, match="Duplicate"):
        return with_entry(entry("index.html"))


REFUSED = {
    "another type": (lambda: io.BytesIO(b"# text"), "text/markdown; charset=UTF-8", "PACKAGE_TYPE", "14.0.0.0-1"),
    "nothing": (lambda: io.BytesIO(b""), "application/zip", "PACKAGE_EMPTY", "14.0.0.0-1"),
    "no zip": (lambda: io.BytesIO(b"not a zip"), "application/zip", "NOT_A_ZIP", "14.1.0.0-1"),
    "half a zip": (lambda: io.BytesIO(package(ONE).getvalue()[:200]), "application/zip", "NOT_A_ZIP", "14.1.0.0-1"),
    "a document chosen on the desk": (lambda: io.BytesIO(b"%PDF-1.7"), "", "NOT_A_PACKAGE", "14.0.0.0-1"),
    "a zip said to be XML": (lambda: package(ONE), "text/xml", "XML_BROKEN", "13.2.0.0-1"),
    "no cmi5.xml": (lambda: _without(), "application/zip", "ZIP_WITHOUT_STRUCTURE", "14.1.0.0-2"),
    "cmi5.xml in a folder": (lambda: _without("x/cmi5.xml"), "application/zip", "ZIP_WITHOUT_STRUCTURE", "14.1.0.0-2"),
    "a page that is not there": (lambda: package(ONE, {}), "application/zip", "URL_WITHOUT_FILE", "14.1.0.0-4"),
    "a page in other letters": (lambda: package(ONE, {"Index.html": ""}), "application/zip", "URL_WITHOUT_FILE", "14.1.0.0-4"),
    "a page above the package": (lambda: package(structure(au(0, url="../index.html"))), "", "URL_INVALID", "13.1.4.0-2"),
    "a page from the root": (lambda: package(structure(au(0, url="/index.html"))), "", "URL_INVALID", "13.1.4.0-2"),
    "a name that leads out": (lambda: with_entry(entry("../x")), "application/zip", "ZIP_NAME", "14.1.0.0-1"),
    "a name from the root": (lambda: with_entry(entry("/x")), "application/zip", "ZIP_NAME", "14.1.0.0-1"),
    "a name in the middle": (lambda: with_entry(entry("a/../../x")), "application/zip", "ZIP_NAME", "14.1.0.0-1"),
    "a name with a backslash": (lambda: with_entry(entry("..\\x")), "application/zip", "ZIP_NAME", "14.1.0.0-1"),
    "a name on a drive": (lambda: with_entry(entry("C:x")), "application/zip", "ZIP_NAME", "14.1.0.0-1"),
    "a name too long": (lambda: with_entry(entry("x" * 300)), "application/zip", "ZIP_NAME", "14.1.0.0-1"),
    "a file below a file": (lambda: with_entry(entry("index.html/x")), "application/zip", "ZIP_NAME", "14.1.0.0-1"),
    "a name twice": (twice, "application/zip", "ZIP_NAME_TWICE", "14.1.0.0-1"),
    "a link": (lambda: with_entry(entry("x", mode=0o777 | stat.S_IFLNK), b"/etc/passwd"), "application/zip", "ZIP_LINK", "14.1.0.0-1"),
    "a device": (lambda: with_entry(entry("x", mode=0o644 | stat.S_IFCHR)), "application/zip", "ZIP_LINK", "14.1.0.0-1"),
    "a password": (encrypted, "application/zip", "ZIP_ENCRYPTED", "14.1.0.0-1"),
    "a bomb": (lambda: package(ONE, {"index.html": b"0" * 3_000_000}), "application/zip", "ZIP_BOMB", "14.1.0.0-1"),
}  # fmt: skip


def _without(name: str = "") -> io.BytesIO:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name or "README.md", ONE)
    return made


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_before_a_byte_is_written(name):
    make, content_type, code, requirement = REFUSED[name]
    with pytest.raises(PackageInvalid) as refused:
        open_package(make(), content_type)
    assert (refused.value.code, refused.value.requirement) == (code, requirement)


@pytest.mark.parametrize("make", [lying, damaged])
def test_a_file_that_is_not_what_it_was_declared_leaves_nothing(make, tmp_path):
    opened = open_package(make(), "application/zip")
    with pytest.raises(PackageInvalid) as refused:
        store(opened, tmp_path / "course")
    assert refused.value.code == "ZIP_DAMAGED"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(upload_bytes=300), "PACKAGE_TOO_BIG"),
        (Limits(total_bytes=300), "PACKAGE_TOO_BIG"),
        (Limits(files=1), "ZIP_TOO_MANY_FILES"),
    ],
)
def test_limits_hold(limits, code):
    with pytest.raises(PackageInvalid) as refused:
        open_package(package(ONE), "application/zip", limits=limits)
    assert refused.value.code == code


def with_entries(count: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("cmi5.xml", structure(au(0)))
        for number in range(count - 1):
            archive.writestr(f"{number}/", b"")
    return made.getvalue()


def saying(raw: bytes, *, entries: int | None = None, size: int | None = None) -> bytes:
    """The zip with another number of entries, or another size of its directory, in its end record."""
    end = bytearray(raw[-22:])
    if entries is not None:
        struct.pack_into("<HH", end, 8, entries, entries)
    if size is not None:
        struct.pack_into("<L", end, 12, size)
    return raw[:-22] + bytes(end)


@pytest.mark.parametrize(
    "raw",
    [
        with_entries(22),
        saying(with_entries(3), entries=21),
        saying(with_entries(22), entries=1),
        saying(with_entries(3), size=33 * 1024**2),
    ],
)
def test_a_directory_that_is_too_large_is_refused_before_zipfile_reads_it(raw, monkeypatch):
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(PackageInvalid) as refused:
        open_package(io.BytesIO(raw), limits=Limits(files=10))
    assert refused.value.code == "ZIP_TOO_MANY_FILES"


def test_folders_are_no_files():
    files = {"index.html": PAGE} | {f"{number}/": b"" for number in range(8)}
    assert open_package(package(structure(au(0)), files), limits=Limits(files=5)).tree.aus()
