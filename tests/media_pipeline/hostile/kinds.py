"""Files that mean harm, built byte by byte; small, and made anew in every test.

A kind gets a `World` (where the listener and the secret are, and a few honest clips to start
from) and returns the file's bytes. What must become of it stands in `KINDS`.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class World:
    """What a hostile file aims at. `mp4`, `mkv`, `wmv`, `jpeg`, `ts_small`, `ts_large`: honest pieces, as bytes."""

    port: int
    udp_port: int
    secret: Path
    mp4: bytes
    mkv: bytes
    wmv: bytes
    mp3: bytes
    jpeg: bytes
    ts_small: bytes
    ts_large: bytes
    huge_picture: bytes


@dataclass(frozen=True)
class Kind:
    """One hostile kind: the name it is uploaded under, how it is made, how it ends.

    `end` is the code of a refusal or failure; "READY": it is published, bounded and clean.
    """

    name: str
    make: Callable[[World], bytes]
    end: str


# --- text that names other places -------------------------------------------------------------


def hls(uri: Callable[[World], str]) -> Callable[[World], bytes]:
    def make(world: World) -> bytes:
        return f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{uri(world)}\n#EXT-X-ENDLIST\n".encode()

    return make


def http(world: World, name: str = "a.ts") -> str:
    return f"http://127.0.0.1:{world.port}/{name}"


def ffconcat(entry: Callable[[World], str]) -> Callable[[World], bytes]:
    return lambda world: f"ffconcat version 1.0\nfile '{entry(world)}'\n".encode()


def sdp(world: World) -> bytes:
    return (
        f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {world.udp_port} RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n"
    ).encode()


def mpd(world: World) -> bytes:
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration='
        f'"PT9S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><BaseURL>{http(world, "")}</BaseURL>'
        '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>a.mp4</BaseURL>'
        "</Representation></AdaptationSet></Period></MPD>"
    ).encode()


def svg(world: World) -> bytes:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="360"><image href="{http(world, "a.png")}"/>'
        f'<image href="file://{world.secret}"/></svg>'
    ).encode()


def asx(world: World) -> bytes:
    return f'<asx version="3.0"><entry><ref href="{http(world, "a.wmv")}"/></entry></asx>'.encode()


def ram(world: World) -> bytes:
    return f"[Reference]\r\nRef1={http(world)}\r\nRef2=file://{world.secret}\r\n".encode()


# --- boxes (ISO 14496-12) ---------------------------------------------------------------------

_NESTING = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"udta", b"edts"}


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        if size < 8:
            break
        found.append((kind, data[at + 8 : at + size]))
        at += size
    return found


def edited(data: bytes, change: Callable[[bytes, bytes], bytes | None]) -> bytes:
    """`data` with every box replaced by what `change(kind, content)` returns (None: as it is)."""
    out = b""
    for kind, content in boxes(data):
        if kind in _NESTING:
            content = edited(content, change)
        new = change(kind, content)
        out += box(kind, content if new is None else new)
    return out


def with_box(kind: bytes, content: bytes) -> Callable[[World], bytes]:
    """The honest mp4 with every box `kind` holding `content` instead."""
    return lambda world: edited(world.mp4, lambda k, _c: content if k == kind else None)


def patched(kind: bytes, at: int, fmt: str, *values: int) -> Callable[[World], bytes]:
    """The honest mp4 with numbers overwritten at an offset inside every box `kind`."""

    def change(k: bytes, content: bytes) -> bytes | None:
        if k != kind:
            return None
        piece = struct.pack(fmt, *values)
        return content[:at] + piece + content[at + len(piece) :]

    return lambda world: edited(world.mp4, change)


def dref_url(uri: Callable[[World], str]) -> Callable[[World], bytes]:
    """The sample data lie elsewhere: data reference `url ` that is not «in this file»."""

    def make(world: World) -> bytes:
        entry = box(b"url ", b"\0\0\0\0" + uri(world).encode() + b"\0")
        content = struct.pack(">II", 0, 1) + entry
        return edited(world.mp4, lambda k, _c: content if k == b"dref" else None)

    return make


def dref_alias(world: World) -> bytes:
    """QuickTime's alias record with an absolute path (types 2 and 18) to the secret."""
    path = str(world.secret).encode()
    name = world.secret.name.encode()
    record = (
        b"\0" * 4 + struct.pack(">HH", 150, 2) + b"\0\0" + bytes([1]) + b"/".ljust(27, b"\0") + b"\0" * 12
    )
    record += bytes([len(name)]) + name.ljust(63, b"\0") + b"\0" * 16 + struct.pack(">HH", 1, 1) + b"\0" * 16
    for kind in (2, 18):
        record += struct.pack(">HH", kind, len(path)) + path + b"\0" * (len(path) % 2)
    entry = box(b"alis", b"\0\0\0\0" + record + struct.pack(">hH", -1, 0))
    content = struct.pack(">II", 0, 1) + entry
    return edited(world.mp4, lambda k, _c: content if k == b"dref" else None)


def nested_boxes(world: World) -> bytes:
    deep = b""
    for _level in range(4000):
        deep = box(b"moov", deep)
    return box(b"ftyp", b"isom\0\0\2\0isomiso2") + deep


def long_tags(world: World) -> bytes:
    """Three megabytes of title, with markup and the terminal's control signs."""
    title = ("<script>alert(1)</script>\x1b[2J\x07" * 100_000).encode()
    data = box(b"data", struct.pack(">II", 1, 0) + title)
    ilst = box(b"ilst", box(b"\xa9nam", data) + box(b"\xa9cmt", data[:200]))
    handler = box(b"hdlr", b"\0" * 8 + b"mdirappl" + b"\0" * 9)
    extra = box(b"udta", box(b"meta", b"\0\0\0\0" + handler + ilst))
    return edited(world.mp4, lambda k, c: c + extra if k == b"moov" else None)


# --- Matroska (RFC 9559) ----------------------------------------------------------------------


def element(ident: str, content: bytes) -> bytes:
    return bytes.fromhex(ident) + b"\x01" + len(content).to_bytes(7, "big") + content


def number(ident: str, value: int) -> bytes:
    return element(ident, value.to_bytes(8, "big"))


def matroska(
    *, tracks: list[bytes], blocks: bytes = b"", duration_ms: float | None = None, more: bytes = b""
) -> bytes:
    """A small Matroska file out of track entries, ready-made blocks and further elements of the segment."""
    head = element("1A45DFA3", element("4282", b"matroska") + number("4287", 4) + number("4285", 2))
    info = number("2AD7B1", 1_000_000)
    if duration_ms is not None:
        info += element("4489", struct.pack(">d", duration_ms))
    body = element("1549A966", info) + element("1654AE6B", b"".join(tracks)) + more
    return head + element("18538067", body + element("1F43B675", number("E7", 0) + blocks))


def jpeg_track(track: int, width: int = 128, height: int = 72) -> bytes:
    size = number("B0", width) + number("BA", height)
    return element(
        "AE",
        number("D7", track) + number("73C5", track) + number("83", 1) + element("86", b"V_MJPEG")
        + element("E0", size),
    )  # fmt: skip


def block(track: int, at_ms: int, content: bytes) -> bytes:
    return element("A3", bytes([0x80 | track]) + struct.pack(">h", at_ms) + b"\x80" + content)


def jpegs(world: World, count: int, step_ms: int = 100) -> bytes:
    return b"".join(block(1, n * step_ms, world.jpeg) for n in range(count))


def claims(duration_s: float, padding: int = 0) -> Callable[[World], bytes]:
    """Two seconds of pictures that call themselves `duration_s`, padded with nothing."""

    def make(world: World) -> bytes:
        void = element("EC", b"\0" * padding) if padding else b""
        return matroska(
            tracks=[jpeg_track(1)], blocks=jpegs(world, 20), duration_ms=duration_s * 1000, more=void
        )

    return make


def many_streams(world: World) -> bytes:
    return matroska(tracks=[jpeg_track(n) for n in range(1, 120)], blocks=jpegs(world, 20), duration_ms=2000)


def with_attachment(world: World) -> bytes:
    playlist = hls(http)(world) + b"ATTACHED-MARK"
    attached = element(
        "1941A469",
        element("61A7", element("466E", b"master.m3u8") + element("4660", b"application/x-mpegURL")
                + number("46AE", 7) + element("465C", playlist)),
    )  # fmt: skip
    return matroska(tracks=[jpeg_track(1)], blocks=jpegs(world, 20), duration_ms=2000, more=attached)


def many_chapters(world: World) -> bytes:
    atoms = b"".join(
        element(
            "B6", number("73C4", n + 1) + number("91", n * 10**7) + element("80", element("85", b"x" * 40))
        )
        for n in range(20_000)
    )
    chapters = element("1043A770", element("45B9", atoms))
    return matroska(tracks=[jpeg_track(1)], blocks=jpegs(world, 20), duration_ms=2000, more=chapters)


def subtitle_bomb(world: World) -> bytes:
    text = element(
        "AE", number("D7", 2) + number("73C5", 2) + number("83", 17) + element("86", b"S_TEXT/ASS")
        + element("63A2", b"[Script Info]\n" + b"x" * 500_000),
    )  # fmt: skip
    line = b"0,0,Default,,0,0,0,,{\\p1}m 0 0 l 9999 9999{\\fn//127.0.0.1/share/font}" + b"A" * 500
    events = b"".join(block(2, n % 2000, line) for n in range(2000))
    return matroska(tracks=[jpeg_track(1), text], blocks=jpegs(world, 20) + events, duration_ms=2000)


def nested_elements(world: World) -> bytes:
    deep = b""
    for _level in range(3000):
        deep = element("67C8", element("45A3", b"T") + deep)
    tags = element("1254C367", element("7373", deep))
    return matroska(tracks=[jpeg_track(1)], blocks=jpegs(world, 20), duration_ms=2000, more=tags)


def compressed_bomb(world: World) -> bytes:
    """ContentCompression zlib: a block of 60 KB that unfolds to 60 MB."""
    squeeze = element("6D80", element("6240", number("5031", 0) + element("5034", number("4254", 0))))
    track = element(
        "AE", number("D7", 1) + number("73C5", 1) + number("83", 1) + element("86", b"V_MJPEG")
        + element("E0", number("B0", 128) + number("BA", 72)) + squeeze,
    )  # fmt: skip
    bomb = zlib.compress(b"\xff\xd8" + b"\0" * 60_000_000, 9)
    return matroska(tracks=[track], blocks=block(1, 0, bomb) * 5, duration_ms=2000)


def lying_size(world: World) -> bytes:
    """The container says 128×72, the JPEG inside 65500×65500 (its height and width overwritten)."""
    at = world.jpeg.index(b"\xff\xc0") + 5
    big = world.jpeg[:at] + struct.pack(">HH", 65500, 65500) + world.jpeg[at + 4 :]
    return matroska(
        tracks=[jpeg_track(1)], blocks=b"".join(block(1, n * 100, big) for n in range(20)), duration_ms=2000
    )


def needle(world: World) -> bytes:
    """The container says 30000×2, the pictures inside are 128×72."""
    return matroska(tracks=[jpeg_track(1, 30_000, 2)], blocks=jpegs(world, 20), duration_ms=2000)


# --- other containers -------------------------------------------------------------------------


def chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def gab2(world: World) -> bytes:
    """AVI with a GAB2 subtitle that is a playlist (the trick of 2017)."""
    strh = struct.pack(
        "<4s4sIHHIIIIIIII4H", b"vids", b"MJPG", 0, 0, 0, 0, 1, 10, 0, 20, 0, 0, 0, 0, 0, 128, 72
    )
    strf = struct.pack("<IiiHH4sIiiII", 40, 128, 72, 1, 24, b"MJPG", 128 * 72 * 3, 0, 0, 0, 0)
    text = struct.pack(
        "<4s4sIHHIIIIIIII4H", b"txts", b"\0\0\0\0", 0, 0, 0, 0, 1, 10, 0, 20, 0, 0, 0, 0, 0, 0, 0
    )
    main = struct.pack("<14I", 100_000, 0, 0, 0x10, 20, 0, 2, 0, 128, 72, 0, 0, 0, 0)
    header = chunk(
        b"LIST",
        b"hdrl" + chunk(b"avih", main)
        + chunk(b"LIST", b"strl" + chunk(b"strh", strh) + chunk(b"strf", strf))
        + chunk(b"LIST", b"strl" + chunk(b"strh", text) + chunk(b"strf", b"\0" * 4)),
    )  # fmt: skip
    playlist = hls(lambda w: f"file://{w.secret}")(world) + hls(http)(world)
    caption = "x".encode("utf-16-le") + b"\0\0"
    sub = b"GAB2\0" + struct.pack("<HI", 2, len(caption)) + caption
    sub += struct.pack("<HI", 4, len(playlist)) + playlist
    movie = b"movi" + chunk(b"01tx", sub) + b"".join(chunk(b"00dc", world.jpeg) for _n in range(20))
    body = b"AVI " + header + chunk(b"LIST", movie)
    return chunk(b"RIFF", body)


_SCRIPT_COMMAND = bytes.fromhex("301AFB1E620BD011A39B00A0C90348F6")
_ENCRYPTION = bytes.fromhex("FBB3112223BDD211B4B700A0C955FC6E")


def asf_with(extra: Callable[[World], bytes], count: int = 1) -> Callable[[World], bytes]:
    """The honest wmv with further objects in its header."""

    def make(world: World) -> bytes:
        size, number_of = struct.unpack("<QI", world.wmv[16:28])
        new = extra(world)
        head = world.wmv[:16] + struct.pack("<QI", size + len(new), number_of + count) + world.wmv[28:size]
        return head + new + world.wmv[size:]

    return make


def asf_object(guid: bytes, content: bytes) -> bytes:
    return guid + struct.pack("<Q", len(content) + 24) + content


def url_command(world: World) -> bytes:
    """A script command that opens an address while the lecture plays."""
    kind, address = "URLANDEXIT", http(world, "x")
    content = b"\0" * 16 + struct.pack("<HH", 1, 1)
    content += struct.pack("<H", len(kind)) + kind.encode("utf-16-le")
    content += struct.pack("<IHH", 500, 0, len(address)) + address.encode("utf-16-le")
    return asf_object(_SCRIPT_COMMAND, content)


def licence_command(world: World) -> bytes:
    """A header that says: encrypted, ask this address for a licence."""
    parts = (b"\x01" * 32, b"DRM\0", b"KEYID\0", http(world, "licence").encode() + b"\0")
    return asf_object(_ENCRYPTION, b"".join(struct.pack("<I", len(part)) + part for part in parts))


def gif(world: World) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0xF0, 0, 0) + b"\0" * 6 + b"," + b"\0" * 30 + b";"


def png(world: World) -> bytes:
    def piece(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + piece(b"IHDR", head) + piece(b"IDAT", zlib.compress(b"\0" * 10**6))


def zipped(world: World) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../secret.mp4", b"\0" * 10_000_000)
    return held.getvalue()


def wav_of_many_channels(world: World) -> bytes:
    fmt = struct.pack("<HHIIHH", 1, 65535, 48000, 48000 * 2, 2, 16)
    return chunk(b"RIFF", b"WAVE" + chunk(b"fmt ", fmt) + chunk(b"data", b"\0" * 200_000))


def id3_bomb(world: World) -> bytes:
    """An ID3 tag that says it is 256 MB, with a link and a picture that says it is 200 MB."""
    link = b"WXXX" + struct.pack(">I", 60) + b"\0\0" + b"\0" + http(world).encode().ljust(59, b"\0")
    cover = b"APIC" + struct.pack(">I", 200_000_000) + b"\0\0" + b"\0image/png\0\3\0" + b"\0" * 1000
    return b"ID3\4\0\0\x7f\x7f\x7f\x7f" + link + cover + world.mp3


def id3_link(world: World) -> bytes:
    """A well-formed tag whose cover is a link («-->») to fetch."""
    content = b"\0-->\0\3\0" + http(world, "cover.png").encode()
    frame = b"APIC" + struct.pack(">I", len(content)) + b"\0\0" + content
    size = len(frame)
    return b"ID3\3\0\0" + bytes([0, 0, size >> 7 & 127, size & 127]) + frame + world.mp3


def ogg_page(content: bytes, number_: int, flags: int) -> bytes:
    lacing = bytes([255] * (len(content) // 255) + [len(content) % 255])
    head = (
        b"OggS\0"
        + bytes([flags])
        + b"\0" * 8
        + struct.pack("<II", 1, number_)
        + b"\0\0\0\0"
        + bytes([len(lacing)])
    )
    page = bytearray(head + lacing + content)
    table = 0
    for byte in page:
        table ^= byte << 24
        for _bit in range(8):
            table = (table << 1 ^ 0x04C11DB7 if table & 0x80000000 else table << 1) & 0xFFFFFFFF
    page[22:26] = struct.pack("<I", table)
    return bytes(page)


def xiph_headers(world: World) -> bytes:
    """Vorbis with a comment header that announces four thousand million comments."""
    ident = b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 2, 44100, 0, 128000, 0, 0xB8, 1)
    comments = b"\x03vorbis" + struct.pack("<I", 4) + b"test" + struct.pack("<I", 0xFFFFFFFF) + b"\xff" * 300
    return ogg_page(ident, 0, 2) + ogg_page(comments, 1, 0) + ogg_page(b"\x05vorbis" + b"\xff" * 200, 2, 0)


def flv_nested(world: World) -> bytes:
    """Script data of arrays in arrays in arrays."""
    content = b"\x02" + struct.pack(">H", 10) + b"onMetaData"
    content += b"\x0a\0\0\0\1" * 20_000
    tag = bytes([18]) + len(content).to_bytes(3, "big") + b"\0" * 7 + content
    return b"FLV\x01\x05\0\0\0\x09\0\0\0\0" + tag + struct.pack(">I", len(tag))


def many_programs(world: World) -> bytes:
    """A transport stream whose table announces a thousand programmes, each with its own table."""
    out = b""
    for part in range(25):
        section = struct.pack(">HBBB", 1, 0xC1, part, 24)
        for n in range(40):
            section += struct.pack(">HH", part * 40 + n + 1, 0xE000 | (0x100 + part * 40 + n))
        section = b"\0" + struct.pack(">H", 0xB000 | (len(section) + 4)) + section
        section += struct.pack(">I", _mpeg_crc(section))
        out += (b"G\x40\0\x10\0" + section).ljust(188, b"\xff")[:188]
    return out * 20 + world.ts_small[: 188 * 40]


def _mpeg_crc(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _bit in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
    return value


def plain(field: str) -> Callable[[World], bytes]:
    return lambda world: getattr(world, field)


def cut(world: World) -> bytes:
    return world.mp4[: len(world.mp4) * 2 // 3]


def html_first(world: World) -> bytes:
    return b"<!doctype html><script>alert(1)</script><!--" + world.mp4


def html_inside(world: World) -> bytes:
    """A good mp4 that is also a page: in a free box, and behind the end."""
    page = b"<html><script>alert('POLYGLOT-MARK')</script></html>"
    return world.mp4 + box(b"free", page) + page


NO = "NOT_MEDIA"
KINDS: dict[str, Kind] = {
    "hls-http": Kind("a.mp4", hls(http), NO),
    "hls-file": Kind("a.mp4", hls(lambda w: f"file://{w.secret}"), NO),
    "hls-by-name": Kind("a.m3u8", hls(http), NO),
    "hls-concat": Kind("a.mp4", hls(lambda w: f"concat:{http(w)}|file://{w.secret}"), NO),
    "hls-subfile": Kind("a.mp4", hls(lambda w: f"subfile,,start,0,end,999,,:{w.secret}"), NO),
    "hls-udp": Kind("a.mp4", hls(lambda w: f"udp://127.0.0.1:{w.udp_port}"), NO),
    "ffconcat-neighbour": Kind("a.mp4", ffconcat(lambda w: w.secret.name), NO),
    "ffconcat-absolute": Kind("a.mp4", ffconcat(lambda w: str(w.secret)), NO),
    "ffconcat-http": Kind("a.mp4", ffconcat(http), NO),
    "dash": Kind("a.mp4", mpd, NO),
    "sdp": Kind("a.mp4", sdp, NO),
    "asx": Kind("a.wmv", asx, NO),
    "asf-references": Kind("a.wmv", ram, NO),
    "svg": Kind("a.mp4", svg, NO),
    "avi-gab2-playlist": Kind("a.avi", gab2, "READY"),
    "dref-http": Kind("a.mp4", dref_url(http), "READY"),
    "dref-file": Kind("a.mov", dref_url(lambda w: f"file://{w.secret}"), "READY"),
    "dref-alias": Kind("a.mov", dref_alias, "UNDECODABLE"),
    "mkv-attached-playlist": Kind("a.mkv", with_attachment, "READY"),
    "wmv-url-command": Kind("a.wmv", asf_with(url_command), "READY"),
    "wmv-licence": Kind("a.wmv", asf_with(licence_command), "READY"),
    "id3-cover-link": Kind("a.mp3", id3_link, "READY"),
    "huge-picture": Kind("a.mp4", plain("huge_picture"), "TOO_LARGE"),
    "size-is-a-lie": Kind("a.mkv", lying_size, "UNDECODABLE"),
    "needle": Kind("a.mkv", needle, "READY"),
    "thirteen-days": Kind("a.mkv", claims(13.6 * 86400), "TOO_LONG"),
    "eleven-hours": Kind("a.mkv", claims(11 * 3600), "HOLLOW"),
    "eleven-hours-padded": Kind("a.mkv", claims(11 * 3600, padding=600_000), "DAMAGED"),
    "no-length": Kind("a.mkv", lambda w: matroska(tracks=[jpeg_track(1)], blocks=jpegs(w, 20)), "READY"),
    "many-streams": Kind("a.mkv", many_streams, "READY"),
    "many-chapters": Kind("a.mkv", many_chapters, "READY"),
    "subtitle-bomb": Kind("a.mkv", subtitle_bomb, "READY"),
    "nested-tags": Kind("a.mkv", nested_elements, "READY"),
    "compressed-blocks": Kind("a.mkv", compressed_bomb, "UNDECODABLE"),
    "cut-short": Kind("a.mp4", cut, "DAMAGED"),
    "empty": Kind("a.mp4", lambda _w: b"", "EMPTY"),
    "html-first": Kind("a.mp4", html_first, NO),
    "html-inside": Kind("a.mp4", html_inside, "READY"),
    "sample-table-bomb": Kind("a.mp4", patched(b"stsz", 8, ">I", 0x0FFFFFFF), "DAMAGED"),
    "time-table-bomb": Kind(
        "a.mp4", patched(b"stts", 4, ">III", 1, 0xFFFFFFFF, 1), "ENCODE_FAILED",
    ),
    "edit-list-far-off": Kind(
        "a.mp4", patched(b"elst", 4, ">IIiI", 1, 40_000_000, -1, 0x10000), "UNDECODABLE",
    ),
    "no-matrix": Kind("a.mp4", patched(b"tkhd", 40, ">9I", *([0] * 9)), "READY"),
    "nested-boxes": Kind("a.mp4", nested_boxes, "DAMAGED"),
    "long-title": Kind("a.mp4", long_tags, "READY"),
    "size-changes": Kind("a.ts", lambda w: w.ts_small + w.ts_large, "READY"),
    "thousand-a-second": Kind(
        "a.mkv", lambda w: matroska(tracks=[jpeg_track(1)], blocks=jpegs(w, 1500, 1), duration_ms=1500), "READY",
    ),
    "many-programmes": Kind("a.ts", many_programs, "TOO_SHORT"),
    "gif": Kind("a.mp4", gif, NO),
    "png": Kind("a.mp4", png, NO),
    "zip": Kind("a.mp4", zipped, NO),
    "program": Kind("a.mp4", lambda _w: b"MZ" + b"\x90" * 4000, NO),
    "wav-of-many-channels": Kind("a.wav", wav_of_many_channels, "DAMAGED"),
    "id3-bomb": Kind("a.mp3", id3_bomb, "NOT_MEDIA"),
    "xiph-headers": Kind("a.ogg", xiph_headers, "DAMAGED"),
    "flv-nested-arrays": Kind("a.flv", flv_nested, "DAMAGED"),
}  # fmt: skip
"""Named kinds. Evil names and tus metadata have tests of their own: there the name is the weapon."""

REACHING_OUT = (
    "hls-http", "hls-file", "hls-concat", "hls-udp", "ffconcat-neighbour", "sdp", "avi-gab2-playlist",
    "dref-http", "dref-alias", "wmv-licence",
)  # fmt: skip
"""Kinds that aim at the network or at another file: tried inside the sandbox as well."""
