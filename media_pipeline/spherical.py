"""Marks of panorama in MP4: `st3d`, `sv3d` (Spherical Video V2) and the V1 `uuid` box, put into CMAF init segments.

ffmpeg and the packager drop these boxes. An init segment holds no chunk offsets, so putting
them in is a pure insertion that lengthens the boxes around it. Source: google/spatial-media,
docs/spherical-video-v2-rfc.md and docs/spherical-video-rfc.md.
"""

import struct
from uuid import UUID

__all__ = ["mark", "marked"]

_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}
_SAMPLE_ENTRIES = {b"avc1", b"avc3", b"hvc1", b"hev1", b"av01", b"encv"}
_VISUAL_SAMPLE_ENTRY_BYTES = 78
"""Fields of a VisualSampleEntry before its boxes (ISO/IEC 14496-12 §12.1.3)."""
_V1_UUID = UUID("ffcc8263-f855-4a93-8814-587a02521fdd").bytes
_STEREO = {"MONO": (0, "mono"), "TOP_BOTTOM": (1, "top-bottom"), "LEFT_RIGHT": (2, "left-right")}
_TOOL = b"media_pipeline\0"


def mark(init: bytes, *, projection: str, stereo: str) -> bytes:
    """`init` (a CMAF init segment) with the marks of `projection` (EQUIRECT, HALF_EQUIRECT) and `stereo`.

    A segment that is marked already comes back as it is. Raises ValueError when there is no picture track.
    """
    if marked(init):
        return init
    inside = _st3d(stereo) + _sv3d(projection)
    done, count = _insert(init, inside, _v1(projection, stereo))
    if count != 1:
        raise ValueError(f"init segment with {count} picture tracks")
    return done


def marked(init: bytes) -> bool:
    """Whether an `sv3d` box stands in this init segment."""
    return b"sv3d" in init and b"st3d" in init


def _insert(data: bytes, inside: bytes, beside: bytes) -> tuple[bytes, int]:
    """Walk the boxes; add `inside` to every visual sample entry and `beside` to its track."""
    out, count = bytearray(), 0
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > len(data):
            raise ValueError(f"box {kind!r} of {size} bytes at {at}")
        body = data[at + 8 : at + size]
        if kind in _CONTAINERS:
            body, found = _insert(body, inside, beside)
            if kind == b"trak" and found:
                body += beside
            count += found
        elif kind == b"stsd":
            entries, found = _into_entries(body[8:], inside)
            body = body[:8] + entries
            count += found
        out += struct.pack(">I4s", len(body) + 8, kind) + body
        at += size
    return bytes(out), count


def _into_entries(data: bytes, inside: bytes) -> tuple[bytes, int]:
    out, at, count = bytearray(), 0, 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        entry = data[at + 8 : at + size]
        if kind in _SAMPLE_ENTRIES and len(entry) >= _VISUAL_SAMPLE_ENTRY_BYTES:
            entry += inside
            count += 1
        out += struct.pack(">I4s", len(entry) + 8, kind) + entry
        at += size
    return bytes(out), count


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


def _v1(projection: str, stereo: str) -> bytes:
    """The older XML mark; V1 knows whole spheres only, so half a sphere gets none."""
    if projection != "EQUIRECT":
        return b""
    xml = (
        '<?xml version="1.0"?><rdf:SphericalVideo xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/">'
        "<GSpherical:Spherical>true</GSpherical:Spherical><GSpherical:Stitched>true</GSpherical:Stitched>"
        "<GSpherical:StitchingSoftware>media_pipeline</GSpherical:StitchingSoftware>"
        "<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType>"
        f"<GSpherical:StereoMode>{_STEREO[stereo][1]}</GSpherical:StereoMode></rdf:SphericalVideo>"
    )
    return _box(b"uuid", _V1_UUID + xml.encode())
