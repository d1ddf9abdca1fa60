"""Packages: a zip with cmi5.xml at its root, or a bare cmi5.xml, opened under limits and stored (cmi5 §14).

A package is foreign: names that lead out of it, links, encrypted entries and bombs are refused before a byte is
written, and no more bytes are written than each entry declared. Files are stored below `STUDY["CMI5_DIR"]`,
one folder a course, readable by us alone; `content.py` hands them out.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import unquote, urlsplit

from courses.archive.cmi5.errors import PackageInvalid
from courses.archive.cmi5.structure import MAX_BYTES, Au, CourseTree, read_structure

__all__ = ["Limits", "Package", "looks_like_zip", "open_package", "store"]

STRUCTURE = "cmi5.xml"
XML_TYPES = {"text/xml", "application/xml"}
ZIP_TYPES = {"application/zip", "application/x-zip-compressed", "application/octet-stream"}

_BEFORE_XML = b" \t\r\n\xef\xbb\xbf\xff\xfe"
"""White space, and byte order marks of UTF-8 and UTF-16."""

_PIECE = 256 * 1024
_BROKEN = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, OverflowError
)  # fmt: skip
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_DIRECTORY_BYTES = 32 * 1024 * 1024
_RATIO_FROM_BYTES = 1024 * 1024
"""Small files may shrink as far as they like: a megabyte of zeros is no bomb."""


@dataclass(frozen=True)
class Limits:
    """How much a package may hold. Bytes are those after unpacking."""

    upload_bytes: int = 1024**3
    total_bytes: int = 2 * 1024**3
    files: int = 20_000
    ratio: int = 200


@dataclass(frozen=True)
class Package:
    """A package that may be stored: its course, its entries (none for a bare cmi5.xml), its digest."""

    tree: CourseTree
    sha256: str
    total_bytes: int
    archive: zipfile.ZipFile | None = None
    entries: tuple[zipfile.ZipInfo, ...] = ()


def looks_like_zip(file: IO[bytes]) -> bool:
    """Whether the bytes begin as a zip does; for uploads that come without a usable media type."""
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    return start[:2] == b"PK"


def open_package(file: IO[bytes], content_type: str = "", *, limits: Limits | None = None) -> Package:
    """Look at a package without writing anything. `file` must stay open until it is stored.

    `content_type` is the upload's media type; "" = look at the bytes. Raises PackageInvalid.
    """
    limits = limits or Limits()
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in {"", *XML_TYPES, *ZIP_TYPES}:
        raise PackageInvalid("PACKAGE_TYPE", "14.0.0.0-1", value=kind)
    digest, size = _digest(file, limits.upload_bytes)
    if not size:
        raise PackageInvalid("PACKAGE_EMPTY", "14.0.0.0-1")
    if kind in ZIP_TYPES or (not kind and looks_like_zip(file)):
        return _open_zip(file, digest, limits)
    file.seek(0)
    xml = file.read(MAX_BYTES + 1)
    if not kind and not xml.lstrip(_BEFORE_XML).startswith((b"<", b"\x00<")):
        raise PackageInvalid("NOT_A_PACKAGE", "14.0.0.0-1")
    tree = read_structure(xml)
    for au in tree.aus():
        if not au.is_remote:
            raise PackageInvalid("URL_RELATIVE_WITHOUT_ZIP", "14.2.0.0-1", element=au.id, value=au.url)
    return Package(tree=tree, sha256=digest, total_bytes=size)


def store(package: Package, folder: Path) -> None:
    """Write the files of a package into `folder`, which must not exist yet; all of them or none."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.exists():
        raise FileExistsError(folder)
    beside = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=folder.parent))
    try:
        if package.archive is not None:
            for entry in package.entries:
                _unpack(package.archive, entry, beside)
        beside.rename(folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _digest(file: IO[bytes], most: int) -> tuple[str, int]:
    file.seek(0)
    digest, size = hashlib.sha256(), 0
    while piece := file.read(_PIECE):
        size += len(piece)
        if size > most:
            raise PackageInvalid("PACKAGE_TOO_BIG", "", limit=most // 1024 // 1024)
        digest.update(piece)
    return digest.hexdigest(), size


def _open_zip(file: IO[bytes], digest: str, limits: Limits) -> Package:
    file.seek(0)
    try:
        _check_directory(file, limits)
        file.seek(0)
        archive = _with_readable_names(file)
        entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    except _BROKEN as bad:
        raise PackageInvalid("NOT_A_ZIP", "14.1.0.0-1") from bad
    except NotImplementedError as odd:
        raise PackageInvalid("ZIP_METHOD", "14.1.0.0-1", value=str(odd)) from odd
    if len(entries) > limits.files:
        raise PackageInvalid("ZIP_TOO_MANY_FILES", "14.1.0.0-1", limit=limits.files)
    total, names = 0, set()
    for entry in entries:
        _check(entry, limits)
        total += entry.file_size
        if total > limits.total_bytes:
            raise PackageInvalid("PACKAGE_TOO_BIG", "", limit=limits.total_bytes // 1024 // 1024)
        if entry.filename in names:
            raise PackageInvalid("ZIP_NAME_TWICE", "14.1.0.0-1", value=entry.filename)
        names.add(entry.filename)
    for name in names:
        if any(str(above) in names for above in PurePosixPath(name).parents):
            raise PackageInvalid("ZIP_NAME", "14.1.0.0-1", value=name)
    if STRUCTURE not in names:
        raise PackageInvalid("ZIP_WITHOUT_STRUCTURE", "14.1.0.0-2")
    tree = read_structure(_read(archive, STRUCTURE))
    for au in tree.aus():
        _require_file(au, names)
    return Package(tree=tree, sha256=digest, total_bytes=total, archive=archive, entries=tuple(entries))


def _check_directory(file: IO[bytes], limits: Limits) -> None:
    """Refuse a zip whose directory is too large to be read into memory, before zipfile makes an object of each entry.

    zipfile's own search for the end of the directory is asked, so that both see the same one.
    """
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    if not end:
        raise zipfile.BadZipFile("there is no directory")
    said, size, at = end[zipfile._ECD_ENTRIES_TOTAL], end[zipfile._ECD_SIZE], end[zipfile._ECD_LOCATION]  # type: ignore[attr-defined]
    most = 2 * limits.files  # folders are entries, too
    too_many = PackageInvalid("ZIP_TOO_MANY_FILES", "14.1.0.0-1", limit=limits.files)
    if said > most or size > _DIRECTORY_BYTES:
        raise too_many
    file.seek(max(0, at - size - 100))  # a Zip64 has its own record in between
    if file.read(size + 100).count(b"PK\x01\x02") > most:  # it may say fewer than there are
        raise too_many


def _with_readable_names(file: IO[bytes]) -> zipfile.ZipFile:
    """Open a zip. Names without the UTF-8 mark are what Chinese Windows wrote (GB 18030), or UTF-8 all the same."""
    archive = zipfile.ZipFile(file)
    unmarked = [e for e in archive.infolist() if not e.flag_bits & 0x800 and not e.orig_filename.isascii()]
    for encoding in ("utf-8", "gb18030") if unmarked else ():
        try:
            file.seek(0)
            return zipfile.ZipFile(file, metadata_encoding=encoding)
        except UnicodeDecodeError:
            continue
    return archive


def _check(entry: zipfile.ZipInfo, limits: Limits) -> None:
    name = entry.filename
    parts = name.split("/")
    if (
        "\\" in entry.orig_filename
        or any(ord(sign) < 32 or ord(sign) == 127 for sign in entry.orig_filename)
        or name.startswith("/")
        or any(part in {"", ".", ".."} for part in parts)
        or ":" in parts[0]
        or len(name) > 1000
        or any(len(part.encode("utf-8", "surrogatepass")) > 240 for part in parts)
    ):
        raise PackageInvalid("ZIP_NAME", "14.1.0.0-1", value=name[:200])
    mode = entry.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        raise PackageInvalid("ZIP_LINK", "14.1.0.0-1", value=name)
    if entry.flag_bits & 0x41:
        raise PackageInvalid("ZIP_ENCRYPTED", "14.1.0.0-1", value=name)
    if entry.compress_type not in _METHODS:
        raise PackageInvalid("ZIP_METHOD", "14.1.0.0-1", value=name)
    if entry.file_size > _RATIO_FROM_BYTES and entry.file_size > limits.ratio * max(1, entry.compress_size):
        raise PackageInvalid("ZIP_BOMB", "14.1.0.0-1", value=name)


def _require_file(au: Au, names: set[str]) -> None:
    """An AU without an address of its own must lie in the package (cmi5 §14.1)."""
    if au.is_remote:
        return
    path = unquote(urlsplit(au.url).path)
    if path.startswith("/") or ".." in path.split("/"):
        raise PackageInvalid("URL_INVALID", "13.1.4.0-2", element=au.id, value=au.url)
    if str(PurePosixPath(path)) not in names:
        raise PackageInvalid("URL_WITHOUT_FILE", "14.1.0.0-4", element=au.id, value=au.url)


@contextmanager
def _damage(name: str) -> Iterator[None]:
    """Whatever zipfile raises while it reads an entry whose bytes or whose place in the file are wrong."""
    try:
        yield
    except (*_BROKEN, RuntimeError, NotImplementedError) as bad:
        raise PackageInvalid("ZIP_DAMAGED", "14.1.0.0-1", value=name) from bad


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    with _damage(name), archive.open(name) as file:
        return file.read(MAX_BYTES + 1)


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    target = folder.joinpath(*entry.filename.split("/"))
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    left = entry.file_size
    with _damage(entry.filename):
        source = archive.open(entry)
    with source, os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
        while True:
            with _damage(entry.filename):
                piece = source.read(_PIECE)
            if not piece:
                break
            left -= len(piece)
            if left < 0:
                raise PackageInvalid("ZIP_BOMB", "14.1.0.0-1", value=entry.filename)
            written.write(piece)
    if left:
        raise PackageInvalid("ZIP_DAMAGED", "14.1.0.0-1", value=entry.filename)
