"""What VR players ask for: JSON of one lecture and of a list of lectures, for DeoVR and HereSphere.

Addresses are absolute and carry their token in the path, so no cookie is needed. Fields as in
DeoVR's app documentation (deovr.com/app/doc) and as stash-vr answers both players
(o-fl0w/stash-vr, internal/api/deovr and internal/api/heresphere). `deovr`, `heresphere` and the
lists are pure; `manifest` asks the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from media_pipeline.models import Asset

__all__ = [
    "HERESPHERE_HEADERS",
    "Lecture",
    "Listed",
    "deovr",
    "deovr_list",
    "heresphere",
    "heresphere_list",
    "manifest",
]

HERESPHERE_HEADERS = {"HereSphere-JSON-Version": "1"}
"""HereSphere reads an answer as JSON of its own kind only under this header."""

_DEOVR_STEREO = {"MONO": "off", "TOP_BOTTOM": "tb", "LEFT_RIGHT": "sbs"}
_DEOVR_SCREEN = {"EQUIRECT": "sphere", "HALF_EQUIRECT": "dome", "FLAT": "flat"}
_HERE_STEREO = {"MONO": "mono", "TOP_BOTTOM": "tb", "LEFT_RIGHT": "sbs"}
_HERE_PROJECTION = {
    "EQUIRECT": "equirectangular360",
    "HALF_EQUIRECT": "equirectangular",
    "FLAT": "perspective",
}
_HERE_FOV = {"EQUIRECT": 360.0, "HALF_EQUIRECT": 180.0, "FLAT": 90.0}
_CODECS = (("hevc", "h265"), ("h264", "h264"))
"""Ours and theirs, the better one first: players take the first encoding that they can decode."""


@dataclass(frozen=True)
class Lecture:
    """One published lecture as a headset player needs it.

    `contents` as in set.json; `base` the absolute address of its media set without a slash at the
    end; `chapters` are (begin in ms, title) in order, `captions` (language, label).
    """

    id: int
    title: str
    contents: Mapping[str, Any]
    base: str
    chapters: Sequence[tuple[int, str]] = ()
    captions: Sequence[tuple[str, str]] = ()
    released_on: str = ""

    @property
    def poster(self) -> str:
        return f"{self.base}/poster.jpg"

    def encodings(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """("h265" | "h264", [{resolution, width, height, size, url}, …]), the largest picture first.

        Whole files where the set has them, because players seek in them by byte ranges; else the
        HLS playlist (sets made before there were whole files, flat lectures).
        """
        whole = self.contents.get("progressive", ())
        found = []
        for ours, theirs in _CODECS:
            same = sorted((item for item in whole if item["codec"] == ours), key=lambda item: -item["width"])
            sources = [_source(item, f"{self.base}/{item['file']}") for item in same]
            if sources:
                found.append((theirs, sources))
        if not found:
            pictures = [item for item in self.contents["renditions"] if item["height"]]
            top = max(
                pictures, key=lambda item: item["height"], default={"height": 0, "width": 0, "size_bytes": 0}
            )
            found.append(("h264", [_source(top, f"{self.base}/master.m3u8")]))
        return found


@dataclass(frozen=True)
class Listed:
    """One line of a list: where its own JSON is, and what the list shows of it."""

    title: str
    duration_s: float
    poster: str
    deovr_url: str
    heresphere_url: str


def deovr(lecture: Lecture) -> dict[str, Any]:
    """DeoVR's description of one video."""
    contents = lecture.contents
    return {
        "authorized": "1",
        "fullAccess": True,
        "title": lecture.title,
        "id": lecture.id,
        "videoLength": round(contents["duration_s"]),
        "is3d": contents["projection"] != "FLAT",
        "screenType": _DEOVR_SCREEN[contents["projection"]],
        "stereoMode": _DEOVR_STEREO[contents["stereo"]],
        "skipIntro": 0,
        "thumbnailUrl": lecture.poster,
        "timeStamps": [{"ts": begin_ms // 1000, "name": title} for begin_ms, title in lecture.chapters],
        "encodings": [{"name": name, "videoSources": sources} for name, sources in lecture.encodings()],
    }


def heresphere(lecture: Lecture) -> dict[str, Any]:
    """HereSphere's description of one video. Times in milliseconds; a chapter ends where the next begins."""
    contents = lecture.contents
    duration_ms = round(contents["duration_s"] * 1000)
    begins = [begin for begin, _title in lecture.chapters]
    tags = [
        {"name": title, "start": begin, "end": end, "track": 0}
        for (begin, title), end in zip(lecture.chapters, [*begins, duration_ms][1:], strict=True)
    ]
    return {
        "access": 1,
        "title": lecture.title,
        "description": "",
        "thumbnailImage": lecture.poster,
        "dateReleased": lecture.released_on,
        "dateAdded": lecture.released_on,
        "duration": float(duration_ms),
        "rating": 0.0,
        "favorites": 0,
        "isFavorite": False,
        "projection": _HERE_PROJECTION[contents["projection"]],
        "stereo": _HERE_STEREO[contents["stereo"]],
        "fov": _HERE_FOV[contents["projection"]],
        "lens": "Linear",
        "scripts": [],
        "subtitles": [
            {"name": label, "language": lang, "url": f"{lecture.base}/captions-{lang}.vtt"}
            for lang, label in lecture.captions
        ],
        "tags": tags,
        "media": [{"name": name, "sources": sources} for name, sources in lecture.encodings()],
        "writeFavorite": False,
        "writeRating": False,
        "writeTags": False,
    }


def deovr_list(name: str, lectures: Sequence[Listed]) -> dict[str, Any]:
    """What DeoVR shows first: one scene (a tab) with all lectures."""
    return {
        "authorized": "1",
        "scenes": [
            {
                "name": name,
                "list": [
                    {
                        "title": one.title,
                        "videoLength": round(one.duration_s),
                        "thumbnailUrl": one.poster,
                        "video_url": one.deovr_url,
                    }
                    for one in lectures
                ],
            }
        ],
    }


def heresphere_list(name: str, lectures: Sequence[Listed]) -> dict[str, Any]:
    """HereSphere's library: addresses only, it asks each of them for more."""
    return {"access": 1, "library": [{"name": name, "list": [one.heresphere_url for one in lectures]}]}


def manifest(asset: Asset, name: str, request: HttpRequest) -> dict[str, Any]:
    """`deovr.json` or `heresphere.json` of an asset, as asked for by `request`; addresses under the same token."""
    base = request.build_absolute_uri().split("?")[0].rpartition("/")[0]
    lecture = Lecture(
        id=asset.pk,
        title=asset.title,
        contents=asset.contents,
        base=base,
        chapters=list(asset.chapters.order_by("begin_ms").values_list("begin_ms", "title")),
        captions=list(asset.captions.order_by("lang").values_list("lang", "label")),
        released_on=asset.ready_at.date().isoformat() if asset.ready_at else "",
    )
    return deovr(lecture) if name == "deovr.json" else heresphere(lecture)


def _source(item: Mapping[str, Any], url: str) -> dict[str, Any]:
    return {
        "resolution": item["height"],
        "width": item["width"],
        "height": item["height"],
        "size": item["size_bytes"],
        "url": url,
    }
