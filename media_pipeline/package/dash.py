"""The DASH manifest (ISO/IEC 23009-1), written from the packager's draft. Pure: text in, text out."""

import copy
from collections.abc import Sequence
from fractions import Fraction
from xml.etree import ElementTree as ET

from media_pipeline.package.hls import Subtitle
from media_pipeline.package.names import caption_file
from media_pipeline.package.tracks import Track, heard, in_main, names_apart
from media_pipeline.storyboard import Storyboard

__all__ = ["codecs_of", "manifest", "timelines"]

NS = "urn:mpeg:dash:schema:mpd:2011"
_TILES = "http://dashif.org/guidelines/thumbnail_tile"
_ROLE = "urn:mpeg:dash:role:2011"


def _q(name: str) -> str:
    return f"{{{NS}}}{name}"


def _representations(draft: str) -> dict[str, tuple[ET.Element, ET.Element]]:
    """By rendition's name (the folder of its init segment): the Representation and its AdaptationSet."""
    found = {}
    for group in ET.fromstring(draft).iter(_q("AdaptationSet")):
        for one in group.findall(_q("Representation")):
            template = one.find(_q("SegmentTemplate"))
            if template is not None and (init := template.get("initialization", "")).count("/"):
                found[init.removeprefix("../").split("/")[0]] = (one, group)
    return found


def codecs_of(draft: str) -> dict[str, str]:
    """What the packager says of each rendition's codecs (RFC 6381): {"v720": "avc1.64001f", …}."""
    return {name: one.get("codecs", "") for name, (one, _group) in _representations(draft).items()}


def timelines(text: str) -> dict[str, list[Fraction]]:
    """Exact durations in seconds of each rendition's segments, from SegmentTimeline (§5.3.9.6)."""
    found = {}
    for name, (one, _group) in _representations(text).items():
        template = one.find(_q("SegmentTemplate"))
        scale = int(template.get("timescale", "1")) if template is not None else 1
        durations: list[Fraction] = []
        for entry in one.iter(_q("S")):
            durations += [Fraction(int(entry.get("d", "0")), scale)] * (1 + int(entry.get("r", "0")))
        found[name] = durations
    return found


def manifest(
    draft: str,
    tracks: Sequence[Track],
    *,
    duration_s: float,
    board: tuple[Storyboard, int] | None = None,
    subtitles: Sequence[Subtitle] = (),
    up: str = "",
) -> str:
    """Our manifest: one AdaptationSet a codec and one a sound, thumbnails, captions.

    Segments and content protection are taken over from `draft` as they are. `up` stands before
    addresses of the set's own files.
    """
    found = _representations(draft)
    ET.register_namespace("", NS)
    ET.register_namespace("cenc", "urn:mpeg:cenc:2013")
    root = ET.Element(
        _q("MPD"),
        {
            "profiles": "urn:mpeg:dash:profile:isoff-live:2011",
            "type": "static",
            "minBufferTime": "PT2S",
            "mediaPresentationDuration": f"PT{duration_s:.3f}S",
        },
    )
    period = ET.SubElement(root, _q("Period"), {"id": "0", "start": "PT0S"})
    shown = in_main(tracks)
    number = 0
    for codec in dict.fromkeys(track.codec for track in shown):
        same = [track for track in shown if track.codec == codec]
        group = _group(
            period, number, {"contentType": "video", "par": _ratio(same[0])}, found[same[0].name][1]
        )
        number += 1
        for track in same:
            _add(group, found[track.name][0], track, up)
    sounds = heard(tracks)
    for place, (sound, label) in enumerate(zip(sounds, names_apart([s.label for s in sounds]), strict=True)):
        facts = {"contentType": "audio"} | ({"lang": sound.lang} if sound.lang != "und" else {})
        group = _group(
            period, number, facts, found[sound.name][1], role="main" if place == 0 else "alternate"
        )
        number += 1
        ET.SubElement(group, _q("Label")).text = label
        _add(group, found[sound.name][0], sound, up)
    for one in subtitles:
        group = ET.SubElement(
            period, _q("AdaptationSet"),
            {"id": str(number), "contentType": "text", "mimeType": "text/vtt", "lang": one.lang},
        )  # fmt: skip
        number += 1
        ET.SubElement(group, _q("Role"), {"schemeIdUri": _ROLE, "value": "subtitle"})
        ET.SubElement(group, _q("Label")).text = one.label
        shape = ET.SubElement(
            group, _q("Representation"), {"id": f"captions-{one.lang}", "bandwidth": "1000"}
        )
        ET.SubElement(shape, _q("BaseURL")).text = caption_file(one.lang)
    if board:
        _thumbnails(period, number, *board, up)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _group(
    period: ET.Element, number: int, facts: dict[str, str], was: ET.Element, role: str = ""
) -> ET.Element:
    """An AdaptationSet with the content protection of the packager's."""
    steady = {"segmentAlignment": "true", "startWithSAP": "1"}
    group = ET.SubElement(period, _q("AdaptationSet"), {"id": str(number), **facts, **steady})
    for one in was.findall(_q("ContentProtection")):
        group.append(copy.deepcopy(one))
    if role:
        ET.SubElement(group, _q("Role"), {"schemeIdUri": _ROLE, "value": role})
    return group


def _add(group: ET.Element, draft: ET.Element, track: Track, up: str) -> None:
    shape = copy.deepcopy(draft)
    shape.set("id", track.name)
    shape.set("bandwidth", str(track.bandwidth_bps))
    if track.height:
        shape.set("width", str(track.width))
        shape.set("height", str(track.height))
        shape.set("sar", "1:1")
        rate = Fraction(track.fps).limit_denominator(1001)
        shape.set("frameRate", f"{rate.numerator}/{rate.denominator}")
    for template in shape.iter(_q("SegmentTemplate")):
        for name in ("initialization", "media"):
            template.set(name, up + template.get(name, ""))
    group.append(shape)


def _thumbnails(period: ET.Element, number: int, board: Storyboard, bps: int, up: str) -> None:
    """DASH-IF IOP §6.2.6: a sheet is a segment, cut into tiles."""
    wide, tall = board.tile
    sheet_s = board.every_s * board.columns * board.rows
    group = ET.SubElement(
        period, _q("AdaptationSet"), {"id": str(number), "contentType": "image", "mimeType": "image/jpeg"}
    )
    ET.SubElement(
        group, _q("SegmentTemplate"),
        {"media": f"{up}storyboard-$Number$.jpg", "timescale": "1", "duration": str(sheet_s), "startNumber": "1"},
    )  # fmt: skip
    shape = ET.SubElement(
        group, _q("Representation"),
        {"id": "thumbnails", "bandwidth": str(bps), "width": str(wide * board.columns), "height": str(tall * board.rows)},
    )  # fmt: skip
    value = f"{board.columns}x{board.rows}"
    ET.SubElement(shape, _q("EssentialProperty"), {"schemeIdUri": _TILES, "value": value})


def _ratio(track: Track) -> str:
    ratio = Fraction(track.width, track.height).limit_denominator(64)
    return f"{ratio.numerator}:{ratio.denominator}"
