"""A media set is judged before anybody sees it. Pure reckoning on texts and sizes; `measure` and `verify` read a folder.

Every check returns Faults, so that a table of broken playlists can be held against it. Sources: RFC 8216,
ISO/IEC 23009-1, and what hls.js, shaka-player and AVFoundation trip over.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree as ET

from media_pipeline.errors import StageFailed
from media_pipeline.package import dash
from media_pipeline.package.names import MANIFEST_DASH, MANIFEST_HLS
from media_pipeline.package.tracks import Track, in_main, peak_bps

__all__ = [
    "Fault",
    "Measured",
    "MediaPlaylist",
    "alignment_faults",
    "dash_faults",
    "length_faults",
    "master_faults",
    "measure",
    "media_faults",
    "parse_media",
    "sizes_below",
    "sound_set",
    "verify",
]

SOUND_FRAME_S = 1024 / 44100
"""One AAC frame at the lowest rate we write."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong: `code` for us, `detail` for the log."""

    code: str
    detail: str

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


@dataclass(frozen=True)
class MediaPlaylist:
    """A media playlist, read: addresses, seconds and byte counts (None: whole file) of its segments."""

    target_s: int | None
    init: str
    uris: tuple[str, ...]
    durations: tuple[float, ...]
    byte_ranges: tuple[tuple[int, int] | None, ...]
    ended: bool
    iframes_only: bool


def parse_media(text: str) -> MediaPlaylist:
    """Read a media playlist as far as we write them (RFC 8216 §4.3.2 and §4.3.3). Never raises."""
    target, init, ended, iframes = None, "", False, False
    uris: list[str] = []
    durations: list[float] = []
    ranges: list[tuple[int, int] | None] = []
    duration, span = 0.0, None
    for line in text.splitlines():
        if found := re.match(r"#EXT-X-TARGETDURATION:(\d+)$", line):
            target = int(found[1])
        elif found := re.match(r'#EXT-X-MAP:.*URI="([^"]+)"', line):
            init = found[1]
        elif found := re.match(r"#EXTINF:([\d.]+)", line):
            duration = float(found[1])
        elif found := re.match(r"#EXT-X-BYTERANGE:(\d+)@(\d+)$", line):
            span = (int(found[1]), int(found[2]))
        elif line == "#EXT-X-ENDLIST":
            ended = True
        elif line == "#EXT-X-I-FRAMES-ONLY":
            iframes = True
        elif line and not line.startswith("#"):
            uris.append(line)
            durations.append(duration)
            ranges.append(span)
            duration, span = 0.0, None
    return MediaPlaylist(target, init, tuple(uris), tuple(durations), tuple(ranges), ended, iframes)


def media_faults(path: str, text: str, sizes: Mapping[str, int]) -> list[Fault]:
    """What is wrong with the media playlist at `path` (relative to the set); `sizes` are bytes of all files."""
    playlist = parse_media(text)
    found = []
    if not text.startswith("#EXTM3U"):
        found.append(Fault("NO_HEADER", path))
    if not playlist.ended:
        found.append(Fault("NO_END", path))
    if not playlist.uris:
        found.append(Fault("NO_SEGMENT", path))
    if playlist.target_s is None:
        found.append(Fault("NO_TARGET", path))
    else:
        found += [
            Fault("TARGET_TOO_SHORT", f"{path}: {uri} lasts {duration}, target {playlist.target_s}")
            for uri, duration in zip(playlist.uris, playlist.durations, strict=True)
            if int(duration + 0.5) > playlist.target_s
        ]
    found += [
        Fault("NO_LENGTH", f"{path}: {uri}")
        for uri, duration in zip(playlist.uris, playlist.durations, strict=True)
        if duration <= 0
    ]
    for uri in {playlist.init, *playlist.uris} - {""}:
        if not sizes.get(_beside(path, uri)):
            found.append(Fault("FILE_MISSING", f"{path}: {uri}"))
    for uri, span in zip(playlist.uris, playlist.byte_ranges, strict=True):
        if span and sum(span) > sizes.get(_beside(path, uri), 0):
            found.append(Fault("RANGE_OUTSIDE", f"{path}: {span} of {uri}"))
        if playlist.iframes_only and span is None:
            found.append(Fault("NO_RANGE", f"{path}: {uri}"))
    if len(set(playlist.uris)) != len(playlist.uris) and not playlist.iframes_only:
        found.append(Fault("SEGMENT_TWICE", path))
    return found


def length_faults(
    name: str, lasts_s: float, *, expected_s: float, frame_s: float, rounding_s: float = 0.0
) -> list[Fault]:
    """Whether a rendition lasts as long as the file it was made of, ± one frame and what rounding explains."""
    if abs(lasts_s - expected_s) > frame_s + rounding_s + 1e-6:
        return [Fault("WRONG_LENGTH", f"{name} lasts {lasts_s:.3f}, not {expected_s:.3f}")]
    return []


def alignment_faults(lengths: Mapping[str, Sequence[float]], *, within_s: float) -> list[Fault]:
    """Whether all renditions are cut at the same moments: same count, every boundary within `within_s`."""
    if not lengths:
        return []
    first, *others = lengths
    marks = _boundaries(lengths[first])
    found = []
    for name in others:
        mine = _boundaries(lengths[name])
        if len(mine) != len(marks):
            found.append(
                Fault("SEGMENT_COUNT", f"segment counts differ: {first} {len(marks)}, {name} {len(mine)}")
            )
            continue
        for place, (a, b) in enumerate(zip(marks, mine, strict=True), 1):
            if abs(a - b) > within_s:
                found.append(
                    Fault("NOT_ALIGNED", f"segment {place} ends at {a:.3f} in {first}, {b:.3f} in {name}")
                )
                break
    return found


def master_faults(path: str, text: str, sizes: Mapping[str, int], peaks: Mapping[str, int]) -> list[Fault]:
    """What is wrong with a master playlist: addresses, CODECS, BANDWIDTH below what was measured, groups.

    `peaks` are measured bits a second by rendition; a variant needs its own and its loudest sound's.
    """
    found = []
    lines = text.splitlines()
    if not lines or lines[0] != "#EXTM3U":
        found.append(Fault("NO_HEADER", path))
    if "#EXT-X-INDEPENDENT-SEGMENTS" not in lines:
        found.append(Fault("NOT_INDEPENDENT", path))
    media = [_attributes(line) for line in lines if line.startswith("#EXT-X-MEDIA:")]
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for one in media:
        groups.setdefault((one.get("TYPE", ""), one.get("GROUP-ID", "")), []).append(one)
    for (kind, group), members in groups.items():
        names = [one.get("NAME", "") for one in members]
        if len(set(names)) != len(names) or "" in names:
            found.append(Fault("NAME_TWICE", f"{path}: {group} {names}"))
        if sum(one.get("DEFAULT") == "YES" for one in members) != (1 if kind == "AUDIO" else 0):
            found.append(Fault("WRONG_DEFAULT", f"{path}: {group}"))
    uris = [one["URI"] for one in media if "URI" in one]
    variants = 0
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith(
            ("#EXT-X-I-FRAME-STREAM-INF:", "#EXT-X-IMAGE-STREAM-INF:", "#EXT-X-SESSION-DATA:")
        ):
            facts = _attributes(line)
            uris.append(facts.get("URI", ""))
            if "SESSION" not in line and int(facts.get("BANDWIDTH", "0")) <= 0:
                found.append(Fault("NO_BANDWIDTH", f"{path}: {facts.get('URI')}"))
        if not line.startswith("#EXT-X-STREAM-INF:"):
            continue
        variants += 1
        facts, uri = _attributes(line), following
        if not uri or uri.startswith("#"):
            found.append(Fault("NO_ADDRESS", f"{path}: {line}"))
            continue
        uris.append(uri)
        codecs = facts.get("CODECS", "")
        if not codecs:
            found.append(Fault("NO_CODECS", f"{path}: {uri}"))
        name = _rendition(uri)
        need = peaks.get(name, 0)
        if sound := facts.get("AUDIO"):
            members = groups.get(("AUDIO", sound), [])
            if not members:
                found.append(Fault("NO_GROUP", f"{path}: {uri} wants {sound}"))
            elif "mp4a" not in codecs:
                found.append(Fault("NO_CODECS", f"{path}: {uri} has sound without its codec"))
            if "RESOLUTION" in facts:
                need += max((peaks.get(_rendition(one.get("URI", "")), 0) for one in members), default=0)
        if (texts := facts.get("SUBTITLES")) and ("SUBTITLES", texts) not in groups:
            found.append(Fault("NO_GROUP", f"{path}: {uri} wants {texts}"))
        told = int(facts.get("BANDWIDTH", "0"))
        if told < need or told <= 0:
            found.append(Fault("BANDWIDTH_TOO_LOW", f"{path}: {uri} says {told}, measured {need}"))
        if name in peaks and not name.startswith("audio") and not re.search(r"RESOLUTION=\d+x\d+", line):
            found.append(Fault("NO_RESOLUTION", f"{path}: {uri}"))
    if not variants:
        found.append(Fault("NO_VARIANT", path))
    return found + [
        Fault("FILE_MISSING", f"{path}: {uri}")
        for uri in dict.fromkeys(uris)
        if not sizes.get(_beside(path, uri))
    ]


def dash_faults(
    path: str, text: str, sizes: Mapping[str, int], tracks: Mapping[str, Track], *, duration_s: float
) -> list[Fault]:
    """What is wrong with the DASH manifest: unreadable, timelines with holes, files missing, facts that differ."""
    try:
        root = ET.fromstring(text)
    except ET.ParseError as unreadable:
        return [Fault("DASH_UNREADABLE", f"{path}: {unreadable}")]
    found = []
    told = re.fullmatch(r"PT([\d.]+)S", root.get("mediaPresentationDuration", ""))
    if not told or abs(float(told[1]) - duration_s) > 0.5:
        found.append(
            Fault("WRONG_LENGTH", f"{path}: {root.get('mediaPresentationDuration')}, not {duration_s:.3f}")
        )
    for shape in root.iter(f"{{{dash.NS}}}Representation"):
        name = shape.get("id", "")
        if (template := shape.find(f"{{{dash.NS}}}SegmentTemplate")) is None:
            address = shape.find(f"{{{dash.NS}}}BaseURL")
            if address is not None and not sizes.get(_beside(path, address.text or "")):
                found.append(Fault("FILE_MISSING", f"{path}: {address.text}"))
            continue
        track = tracks.get(name)
        if track is None:
            found.append(Fault("UNKNOWN_RENDITION", f"{path}: {name}"))
            continue
        if not shape.get("codecs"):
            found.append(Fault("NO_CODECS", f"{path}: {name}"))
        if int(shape.get("bandwidth", "0")) < track.bandwidth_bps:
            found.append(Fault("BANDWIDTH_TOO_LOW", f"{path}: {name}"))
        if track.height and (shape.get("width"), shape.get("height")) != (
            str(track.width),
            str(track.height),
        ):
            found.append(Fault("WRONG_SIZE", f"{path}: {name}"))
        found += _timeline_faults(path, name, template, sizes, track)
    present = {shape.get("id") for shape in root.iter(f"{{{dash.NS}}}Representation")}
    for track in tracks.values():
        if (not track.height or in_main([track])) and track.name not in present:
            found.append(Fault("RENDITION_MISSING", f"{path}: {track.name}"))
    return found


def _timeline_faults(
    path: str, name: str, template: ET.Element, sizes: Mapping[str, int], track: Track
) -> list[Fault]:
    """§5.3.9.6: `t` follows on the last one's end, as many entries as files."""
    found, at, count = [], None, 0
    for entry in template.iter(f"{{{dash.NS}}}S"):
        begin = int(entry.get("t", at or 0))
        if at is not None and begin != at:
            found.append(Fault("TIMELINE_HOLE", f"{path}: {name} at {begin}, not {at}"))
        times = 1 + int(entry.get("r", "0"))
        at = begin + int(entry.get("d", "0")) * times
        count += times
    if count != track.segments:
        found.append(Fault("SEGMENT_COUNT", f"{path}: {name} has {count}, not {track.segments}"))
    first = int(template.get("startNumber", "1"))
    pattern = re.sub(r"\$Number%0(\d+)d\$", r"{:0\1d}", template.get("media", ""))
    addresses = [template.get("initialization", "")]
    addresses += [pattern.format(number) for number in range(first, first + count)]
    found += [
        Fault("FILE_MISSING", f"{path}: {uri}") for uri in addresses if not sizes.get(_beside(path, uri))
    ]
    return found


# On disk


@dataclass(frozen=True)
class Measured:
    """One rendition as it lies on disk."""

    name: str
    duration_s: float
    segments: int
    size_bytes: int
    peak_bps: int
    mean_bps: int
    trick_bps: int
    lengths: tuple[float, ...] = field(repr=False, default=())


def sizes_below(folder: Path) -> dict[str, int]:
    """Bytes of every file below `folder`, by address relative to it."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file()
    }


def measure(folder: Path, names: Iterable[str], *, segment_s: float) -> dict[str, Measured]:
    """Measure renditions. Raises StageFailed PACKAGE_UNSOUND when a playlist or one of its files is not as it must be."""
    sizes = sizes_below(folder)
    faults: list[Fault] = []
    found = {}
    for name in names:
        path = f"{name}/main.m3u8"
        if not sizes.get(path):
            faults.append(Fault("FILE_MISSING", path))
            continue
        text = (folder / path).read_text()
        faults += media_faults(path, text, sizes)
        playlist = parse_media(text)
        each = [sizes.get(_beside(path, uri), 0) for uri in playlist.uris]
        lasts = sum(playlist.durations)
        found[name] = Measured(
            name,
            lasts,
            len(each),
            sum(each) + sizes.get(_beside(path, playlist.init), 0),
            peak_bps(each, playlist.durations, segment_s),
            round(sum(each) * 8 / lasts) if lasts else 0,
            _trick_bps(folder, name, sizes, faults, segment_s),
            playlist.durations,
        )
    _raise(faults)
    return found


def _trick_bps(
    folder: Path, name: str, sizes: Mapping[str, int], faults: list[Fault], target_s: float
) -> int:
    path = f"{name}/iframe.m3u8"
    if not sizes.get(path):
        return 0
    text = (folder / path).read_text()
    faults += media_faults(path, text, sizes)
    playlist = parse_media(text)
    return peak_bps([span[0] if span else 0 for span in playlist.byte_ranges], playlist.durations, target_s)


def verify(
    folder: Path,
    tracks: Sequence[Track],
    *,
    expected_s: Mapping[str, float],
    masters: Sequence[str] = (MANIFEST_HLS,),
    duration_s: float,
) -> None:
    """Judge a whole set. `expected_s`: seconds of the file each rendition was made of.

    Pictures must be cut at the same moments, as must stills among themselves and against the
    pictures wherever their frames are. Raises StageFailed PACKAGE_UNSOUND with every fault found.
    """
    sizes = sizes_below(folder)
    faults: list[Fault] = []
    by_name = {track.name: track for track in tracks}
    peaks = {track.name: track.bandwidth_bps for track in tracks}
    if not sizes.get(MANIFEST_DASH):
        _raise([Fault("FILE_MISSING", MANIFEST_DASH)])
    mpd = (folder / MANIFEST_DASH).read_text()
    try:
        exact = dash.timelines(mpd)
    except ET.ParseError:
        exact = {}  # dash_faults tells
    lengths: dict[str, Sequence[float]] = {}
    for track in tracks:
        path = f"{track.name}/main.m3u8"
        text = (folder / path).read_text() if sizes.get(path) else ""
        faults += media_faults(path, text, sizes)
        playlist = parse_media(text)
        rounding = 0.0005 * len(playlist.durations)
        frame_s = 1 / track.fps if track.height else SOUND_FRAME_S
        faults += length_faults(
            path,
            sum(playlist.durations),
            expected_s=expected_s[track.name],
            frame_s=frame_s,
            rounding_s=rounding,
        )
        if track.name in exact:
            faults += length_faults(
                f"{MANIFEST_DASH} {track.name}",
                float(sum(exact[track.name], Fraction(0))),
                expected_s=expected_s[track.name],
                frame_s=frame_s,
            )
        if track.height:
            lengths[track.name] = [float(one) for one in exact.get(track.name) or playlist.durations]
    whole = {name: each for name, each in lengths.items() if not by_name[name].still}
    if whole:
        frame = 1 / max(by_name[name].fps for name in whole)
        faults += alignment_faults(whole, within_s=frame / 2)
    for name, each in lengths.items():
        if by_name[name].still and whole:
            # Same timeline: it begins and ends with the pictures, give or take one of its own frames.
            main = next(iter(whole.values()))
            faults += length_faults(name, sum(each), expected_s=sum(main), frame_s=1 / by_name[name].fps)
    for path in masters:
        text = (folder / path).read_text() if sizes.get(path) else ""
        faults += master_faults(path, text, sizes, peaks)
    faults += dash_faults(MANIFEST_DASH, mpd, sizes, by_name, duration_s=duration_s)
    _raise(faults)


def sound_set(path: str, text: str, sizes: Mapping[str, int]) -> list[Fault]:
    """Faults of a playlist in a dress: a master or a media playlist, told apart by its tags."""
    if "#EXT-X-STREAM-INF" in text:
        return master_faults(path, text, sizes, {})
    return media_faults(path, text, sizes)


def _raise(faults: Sequence[Fault]) -> None:
    if faults:
        told = "; ".join(str(fault) for fault in faults[:12])
        raise StageFailed("PACKAGE_UNSOUND", told)


def _boundaries(lengths: Sequence[float]) -> list[float]:
    marks, at = [], 0.0
    for one in lengths:
        at += one
        marks.append(at)
    return marks


def _beside(path: str, uri: str) -> str:
    """`uri` as the playlist at `path` means it, relative to the set."""
    parts: list[str] = []
    for part in (PurePosixPath(path).parent / uri).parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _rendition(uri: str) -> str:
    return uri.removeprefix("../").split("/")[0]


def _attributes(line: str) -> dict[str, str]:
    """An attribute list (RFC 8216 §4.2), quotes taken off."""
    pairs = re.findall(r'([A-Z0-9-]+)=("[^"]*"|[^",]+)', line.partition(":")[2])
    return {name: value.strip('"') for name, value in pairs}
