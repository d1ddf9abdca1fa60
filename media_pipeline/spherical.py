"""Marks of panorama in MP4: `st3d` and `sv3d` (Spherical Video V2) and the V1 `uuid` box, in init segments and whole files.

ffmpeg and the packager drop these boxes, so they are put in last. In an init segment that is a
pure insertion. In a progressive file (moov before mdat) everything behind moov moves by as many
bytes, so the chunk offsets (stco, co64) grow by them. Sources: google/spatial-media,
docs/spherical-video-v2-rfc.md and docs/spherical-video-rfc.md; ISO/IEC 14496-12 §8.7.5, §12.1.3.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from media_pipeline.errors import BoxesUnsound

__all__ = ["mark", "mark_file", "marked"]

_SAMPLE_ENTRIES = {b"avc1", b"avc3", b"hvc1", b"hev1", b"av01", b"encv"}
_VISUAL_SAMPLE_ENTRY_BYTES = 78
"""Fields of a VisualSampleEntry before its boxes (ISO/IEC 14496-12 §12.1.3)."""
_V1_UUID = UUID("ffcc8263-f855-4a93-8814-587a02521fdd").bytes
_STEREO = {"MONO": (0, "mono"), "TOP_BOTTOM": (1, "top-bottom"), "LEFT_RIGHT": (2, "left-right")}
_PROJECTIONS = {"EQUIRECT", "HALF_EQUIRECT"}
_TOOL = b"media_pipeline\0"
_WAY_TO_TABLES = (b"mdia", b"minf", b"stbl")
_MOOV_AT_MOST = 256 * 1024**2
"""A moov of twelve hours at 60 frames a second has some 40 MB."""
_PIECE = 1024**2


@dataclass(frozen=True)
class _Box:
    """One box: its four letters, where it begins, where its body begins and where it ends."""

    kind: bytes
    at: int
    body: int
    end: int


def mark(data: bytes, *, projection: str, stereo: str) -> bytes:
    """`data` (an init segment, or a whole small MP4) with the marks of `projection` and `stereo`.

    `projection` is EQUIRECT or HALF_EQUIRECT (the 180° in front), `stereo` MONO, TOP_BOTTOM or
    LEFT_RIGHT. Marks that are there already are replaced, so marking twice is marking once.
    Raises BoxesUnsound when boxes do not add up or there is not exactly one picture track, and
    ValueError for an unknown projection.
    """
    marks = _Marks(projection, stereo)
    top = list(_boxes(data, 0, len(data)))
    moov = _only_moov(top)
    made = _marked_moov(data[moov.body : moov.end], marks)
    shift = len(made) + 8 - (moov.end - moov.at)
    if any(box.kind == b"mdat" and box.at >= moov.end for box in top):
        if any(box.kind == b"moof" for box in top):
            raise BoxesUnsound("fragments behind the init segment")
        made = _shifted(made, beyond=moov.end, by=shift)
    return data[: moov.at] + _box(b"moov", made) + data[moov.end :]


def mark_file(source: Path, target: Path, *, projection: str, stereo: str) -> None:
    """Copy the progressive MP4 `source` to `target` with the marks; only moov is held in memory.

    Raises BoxesUnsound as `mark` does, also for a fragmented file.
    """
    marks = _Marks(projection, stereo)
    with source.open("rb") as read, target.open("wb") as write:
        top = list(_top_boxes(read))
        if any(box.kind == b"moof" for box in top):
            raise BoxesUnsound("a fragmented file")
        moov = _only_moov(top)
        if moov.end - moov.at > _MOOV_AT_MOST:
            raise BoxesUnsound(f"moov of {moov.end - moov.at} bytes")
        read.seek(moov.body)
        made = _marked_moov(read.read(moov.end - moov.body), marks)
        made = _shifted(made, beyond=moov.end, by=len(made) + 8 - (moov.end - moov.at))
        _copy(read, write, 0, moov.at)
        write.write(_box(b"moov", made))
        _copy(read, write, moov.end, top[-1].end)


def marked(data: bytes) -> bool:
    """Whether every picture track of this init segment or small MP4 bears V1 and V2 marks."""
    moov = _only_moov(list(_boxes(data, 0, len(data))))
    pictures = 0
    for trak in _children(data, moov, b"trak"):
        for entry in _picture_entries(data, trak):
            pictures += 1
            kinds = {box.kind for box in _entry_boxes(data, entry)[0]}
            if not {b"st3d", b"sv3d"} <= kinds or not any(_is_v1(data, box) for box in _inside(data, trak)):
                return False
    return pictures > 0


# Walking. Every size is checked before it is believed; the way down is fixed, so nothing recurses at will.


def _boxes(data: bytes, at: int, end: int, *, whole_file: bool = True) -> Iterator[_Box]:
    while at < end:
        if end - at < 8:
            raise BoxesUnsound(f"{end - at} bytes at {at} are no box")
        size, kind = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if size == 1:
            if end - at < 16:
                raise BoxesUnsound(f"box {kind!r} at {at} is cut off")
            size, body = struct.unpack_from(">Q", data, at + 8)[0], at + 16
        elif size == 0 and whole_file:
            size = end - at
        if size < body - at or at + size > end:
            raise BoxesUnsound(f"box {kind!r} of {size} bytes at {at}")
        yield _Box(kind, at, body, at + size)
        at += size


def _top_boxes(opened: BinaryIO) -> Iterator[_Box]:
    end = opened.seek(0, os.SEEK_END)
    at = 0
    while at < end:
        opened.seek(at)
        head = opened.read(16)
        if len(head) < 8:
            raise BoxesUnsound(f"{len(head)} bytes at {at} are no box")
        size, kind = struct.unpack_from(">I4s", head)
        body = at + 8
        if size == 1:
            if len(head) < 16:
                raise BoxesUnsound(f"box {kind!r} at {at} is cut off")
            size, body = struct.unpack_from(">Q", head, 8)[0], at + 16
        elif size == 0:
            size = end - at
        if size < body - at or at + size > end:
            raise BoxesUnsound(f"box {kind!r} of {size} bytes at {at}")
        yield _Box(kind, at, body, at + size)
        at += size


def _inside(data: bytes, box: _Box) -> list[_Box]:
    return list(_boxes(data, box.body, box.end, whole_file=False))


def _children(data: bytes, box: _Box, kind: bytes) -> list[_Box]:
    return [child for child in _inside(data, box) if child.kind == kind]


def _only_moov(top: list[_Box]) -> _Box:
    found = [box for box in top if box.kind == b"moov"]
    if len(found) != 1:
        raise BoxesUnsound(f"{len(found)} moov boxes")
    return found[0]


def _way_down(data: bytes, trak: _Box) -> list[_Box]:
    """trak, mdia, minf, stbl; shorter when one is missing or doubled."""
    way = [trak]
    for kind in _WAY_TO_TABLES:
        found = _children(data, way[-1], kind)
        if len(found) != 1:
            break
        way.append(found[0])
    return way


def _sample_descriptions(data: bytes, trak: _Box) -> list[_Box]:
    way = _way_down(data, trak)
    return _children(data, way[-1], b"stsd") if len(way) == len(_WAY_TO_TABLES) + 1 else []


def _entries(data: bytes, stsd: _Box) -> list[_Box]:
    if stsd.end - stsd.body < 8:
        raise BoxesUnsound("stsd is cut off")
    return list(_boxes(data, stsd.body + 8, stsd.end, whole_file=False))


def _picture_entries(data: bytes, trak: _Box) -> list[_Box]:
    return [
        entry
        for stsd in _sample_descriptions(data, trak)
        for entry in _entries(data, stsd)
        if entry.kind in _SAMPLE_ENTRIES
    ]


def _entry_boxes(data: bytes, entry: _Box) -> tuple[list[_Box], int]:
    """The boxes of a visual sample entry and where they end; QuickTime closes the list with four zeros."""
    first = entry.body + _VISUAL_SAMPLE_ENTRY_BYTES
    if first > entry.end:
        raise BoxesUnsound(f"sample entry {entry.kind!r} is cut off")
    end = entry.end
    if end - first >= 4 and data[end - 4 : end] == b"\0\0\0\0":
        try:
            return list(_boxes(data, first, end, whole_file=False)), end
        except BoxesUnsound:
            end -= 4
    return list(_boxes(data, first, end, whole_file=False)), end


def _is_v1(data: bytes, box: _Box) -> bool:
    return box.kind == b"uuid" and data[box.body : box.body + 16] == _V1_UUID


# Making


class _Marks:
    """The boxes for one projection and stereo layout."""

    def __init__(self, projection: str, stereo: str) -> None:
        if projection not in _PROJECTIONS or stereo not in _STEREO:
            raise ValueError(f"no panorama: {projection} {stereo}")
        self.projection, self.stereo = projection, stereo
        self.in_entry = _st3d(stereo) + _sv3d(projection)

    def in_track(self, width: int, height: int) -> bytes:
        return _v1(self.projection, self.stereo, width, height)


def _marked_moov(body: bytes, marks: _Marks) -> bytes:
    """The body of moov with marks in its one picture track."""
    out, pictures = bytearray(), 0
    for box in _boxes(body, 0, len(body), whole_file=False):
        if box.kind == b"trak" and (entries := _picture_entries(body, box)):
            pictures += 1
            width, height = struct.unpack_from(">HH", body, entries[0].body + 24)
            out += _box(b"trak", _marked_trak(body, box, marks, width, height))
        else:
            out += body[box.at : box.end]
    if pictures != 1:
        raise BoxesUnsound(f"{pictures} picture tracks")
    return bytes(out)


def _marked_trak(data: bytes, trak: _Box, marks: _Marks, width: int, height: int) -> bytes:
    way = _way_down(data, trak)
    inner = b"".join(
        _box(b"stsd", _marked_stsd(data, box, marks)) if box.kind == b"stsd" else data[box.at : box.end]
        for box in _inside(data, way[-1])
    )
    for container in reversed(way[:-1]):
        changed = way[way.index(container) + 1]
        parts = bytearray()
        for box in _inside(data, container):
            if box == changed:
                parts += _box(box.kind, inner)
            elif not _is_v1(data, box):
                parts += data[box.at : box.end]
        inner = bytes(parts)
    return inner + marks.in_track(width, height)


def _marked_stsd(data: bytes, stsd: _Box, marks: _Marks) -> bytes:
    out = bytearray(data[stsd.body : stsd.body + 8])
    for entry in _entries(data, stsd):
        if entry.kind not in _SAMPLE_ENTRIES:
            out += data[entry.at : entry.end]
            continue
        boxes, end = _entry_boxes(data, entry)
        kept = b"".join(data[b.at : b.end] for b in boxes if b.kind not in {b"st3d", b"sv3d"})
        fields = data[entry.body : entry.body + _VISUAL_SAMPLE_ENTRY_BYTES]
        out += _box(entry.kind, fields + kept + marks.in_entry + data[end : entry.end])
    return bytes(out)


def _shifted(moov: bytes, *, beyond: int, by: int) -> bytes:
    """The body of moov with every chunk offset at or behind file position `beyond` grown by `by` bytes."""
    out = bytearray(moov)
    for trak in (box for box in _boxes(moov, 0, len(moov), whole_file=False) if box.kind == b"trak"):
        way = _way_down(moov, trak)
        if len(way) != len(_WAY_TO_TABLES) + 1:
            continue
        for table in _inside(moov, way[-1]):
            if table.kind == b"saio":
                raise BoxesUnsound("encrypted samples in a progressive file")
            if table.kind in {b"stco", b"co64"}:
                _shift_table(out, table, beyond, by)
    return bytes(out)


def _shift_table(out: bytearray, table: _Box, beyond: int, by: int) -> None:
    letter, width = ("I", 4) if table.kind == b"stco" else ("Q", 8)
    if table.end - table.body < 8:
        raise BoxesUnsound("a table of chunk offsets is cut off")
    count = struct.unpack_from(">I", out, table.body + 4)[0]
    if table.body + 8 + count * width > table.end:
        raise BoxesUnsound(f"{count} chunk offsets do not fit their table")
    form = f">{count}{letter}"
    offsets = struct.unpack_from(form, out, table.body + 8)
    moved = [offset + by if offset >= beyond else offset for offset in offsets]
    if moved and max(moved) >= 1 << (8 * width):
        raise BoxesUnsound("chunk offsets need 64 bits")
    struct.pack_into(form, out, table.body + 8, *moved)


def _copy(read: BinaryIO, write: BinaryIO, first: int, end: int) -> None:
    read.seek(first)
    left = end - first
    while left > 0:
        piece = read.read(min(_PIECE, left))
        if not piece:
            raise BoxesUnsound("the file grew shorter while it was read")
        write.write(piece)
        left -= len(piece)


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _full_box(kind: bytes, body: bytes) -> bytes:
    return _box(kind, b"\0\0\0\0" + body)


def _st3d(stereo: str) -> bytes:
    return _full_box(b"st3d", bytes([_STEREO[stereo][0]]))


def _sv3d(projection: str) -> bytes:
    quarter = 0x40000000 if projection == "HALF_EQUIRECT" else 0
    pose = _full_box(b"prhd", struct.pack(">iii", 0, 0, 0))
    bounds = _full_box(b"equi", struct.pack(">IIII", 0, 0, quarter, quarter))
    return _box(b"sv3d", _full_box(b"svhd", _TOOL) + _box(b"proj", pose + bounds))


def _v1(projection: str, stereo: str, width: int, height: int) -> bytes:
    """The older XML mark. Half a sphere is a whole one of which the middle half is there (CroppedArea…)."""
    crop = {
        "FullPanoWidthPixels": 2 * width,
        "FullPanoHeightPixels": height,
        "CroppedAreaImageWidthPixels": width,
        "CroppedAreaImageHeightPixels": height,
        "CroppedAreaLeftPixels": width // 2,
        "CroppedAreaTopPixels": 0,
    }
    cropped = "".join(f"<GSpherical:{name}>{value}</GSpherical:{name}>" for name, value in crop.items())
    xml = (
        '<?xml version="1.0"?><rdf:SphericalVideo xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/">'
        "<GSpherical:Spherical>true</GSpherical:Spherical><GSpherical:Stitched>true</GSpherical:Stitched>"
        "<GSpherical:StitchingSoftware>media_pipeline</GSpherical:StitchingSoftware>"
        "<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType>"
        f"<GSpherical:StereoMode>{_STEREO[stereo][1]}</GSpherical:StereoMode>"
        f"{cropped if projection == 'HALF_EQUIRECT' else ''}</rdf:SphericalVideo>"
    )
    return _box(b"uuid", _V1_UUID + xml.encode())
