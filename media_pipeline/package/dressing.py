"""What may change after publishing, captions and chapters, as one immutable folder beside the set's own files. Pure.

A dress `m-<hash>/` holds manifests that point back (`../v720/main.m3u8`), the captions and the
chapters. Its name is the hash of its content: same captions, same dress.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from media_pipeline.package import dash, hls
from media_pipeline.package.hls import Subtitle
from media_pipeline.package.names import (
    CHAPTERS,
    CHAPTERS_APPLE,
    MANIFEST_DASH,
    MANIFEST_HEADSET,
    MANIFEST_HLS,
    MANIFEST_SLIDES,
    caption_file,
)
from media_pipeline.package.tracks import Track, heard, in_main, stills
from media_pipeline.storyboard import Storyboard, clock

__all__ = ["LAYOUT", "CaptionText", "ChapterMark", "board_of", "dress_files", "dress_name", "manifest_path"]

LAYOUT = 3
"""Sets of earlier layouts don't say enough about themselves to be dressed."""

_IN_DRESS = frozenset(
    {MANIFEST_HLS, MANIFEST_DASH, MANIFEST_SLIDES, MANIFEST_HEADSET, CHAPTERS, CHAPTERS_APPLE}
)


@dataclass(frozen=True)
class CaptionText:
    """Captions in one language as WebVTT."""

    lang: str
    label: str
    vtt: str


@dataclass(frozen=True)
class ChapterMark:
    """Where a part begins, in milliseconds."""

    begin_ms: int
    title: str


def manifest_path(contents: Mapping[str, Any], name: str) -> str:
    """Where the file `name` is to be asked for, below the set's folder: in the dress when there is one.

    `manifest_path(asset.contents, "master.m3u8")` → "m-3f…/master.m3u8" or "master.m3u8".
    """
    dress = contents.get("dress", "")
    return f"{dress}/{name}" if dress and (name in _IN_DRESS or name.startswith("captions-")) else name


def board_of(contents: Mapping[str, Any]) -> tuple[Storyboard, int] | None:
    """The storyboard of a set and its bits a second."""
    if not (known := contents.get("storyboard")):
        return None
    plan = {**known["plan"], "tile": tuple(known["plan"]["tile"])}
    return Storyboard(**plan), known["bandwidth_bps"]


def dress_files(
    contents: Mapping[str, Any],
    draft_mpd: str,
    captions: Sequence[CaptionText],
    chapters: Sequence[ChapterMark],
    *,
    lang: str = "zh-Hans",
) -> dict[str, str]:
    """Names and texts of a dress; {} when there is nothing to add or the set is of an earlier layout.

    `draft_mpd` is the set's own manifest.mpd, "" where there is none (an encrypted set). `lang` is the chapters' language.
    """
    if contents.get("layout", 0) < LAYOUT or not (captions or chapters):
        return {}
    tracks = [Track.from_dict(item) for item in contents["renditions"]]
    duration_s, board = contents["duration_s"], board_of(contents)
    subtitles = [Subtitle(one.lang, one.label) for one in captions]
    files = {caption_file(one.lang): one.vtt for one in captions}
    files |= {
        caption_file(one.lang, ".m3u8"): hls.subtitle_playlist(one.lang, duration_s) for one in captions
    }
    if chapters:
        files[CHAPTERS] = chapters_vtt(chapters, duration_s)
        files[CHAPTERS_APPLE] = chapters_json(chapters, duration_s, lang)
    common: dict[str, Any] = {"subtitles": subtitles, "chapters": bool(chapters), "up": "../"}
    files[MANIFEST_HLS] = hls.master(tracks, board=board, **common)
    if stills(tracks):
        files[MANIFEST_SLIDES] = hls.slides_master(tracks, subtitles=subtitles, up="../")
    if any(track.codec == "hevc" for track in tracks):
        headset = headset_pictures(tracks)
        files[MANIFEST_HEADSET] = hls.master(tracks, pictures=headset, **common)
    if draft_mpd and (in_main(tracks) or heard(tracks)):
        files[MANIFEST_DASH] = dash.manifest(
            draft_mpd, tracks, duration_s=duration_s, board=board, subtitles=subtitles, up="../"
        )
    return files


def headset_pictures(tracks: Sequence[Track]) -> list[Track]:
    """HEVC first, then H.264 for headsets without it."""
    shown = [track for track in tracks if track.height and not track.still]
    return [track for track in shown if track.codec == "hevc"] + [
        track for track in shown if track.codec == "h264"
    ]


def dress_name(files: Mapping[str, str]) -> str:
    """`m-<hash>` of the content."""
    text = json.dumps(files, sort_keys=True, ensure_ascii=False)
    return "m-" + hashlib.sha256(text.encode()).hexdigest()[:16]


def chapters_vtt(chapters: Sequence[ChapterMark], duration_s: float) -> str:
    """Chapters as a WebVTT track of kind «chapters» (WebVTT §1.4): each lasts until the next."""
    lines = ["WEBVTT", ""]
    for begin_s, end_s, title in _spans(chapters, duration_s):
        lines += [f"{clock(begin_s)} --> {clock(end_s)}", _line(title), ""]
    return "\n".join(lines)


def chapters_json(chapters: Sequence[ChapterMark], duration_s: float, lang: str) -> str:
    """Chapters as Apple's players read them (com.apple.hls.chapters)."""
    told = [
        {
            "chapter": number,
            "start-time": begin_s,
            "duration": round(end_s - begin_s, 3),
            "titles": [{"language": lang, "title": title}],
        }
        for number, (begin_s, end_s, title) in enumerate(_spans(chapters, duration_s), 1)
    ]
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def _spans(chapters: Sequence[ChapterMark], duration_s: float) -> list[tuple[float, float, str]]:
    rows = sorted(chapters, key=lambda one: one.begin_ms)
    ends = [row.begin_ms / 1000 for row in rows[1:]] + [duration_s]
    return [
        (row.begin_ms / 1000, end, row.title)
        for row, end in zip(rows, ends, strict=True)
        if end > row.begin_ms / 1000
    ]


def _line(title: str) -> str:
    """A title as cue text: one line, no markup, no arrow."""
    text = " ".join(title.split()).replace("&", "&amp;").replace("<", "&lt;")
    return text.replace(">", "&gt;") or "–"
