"""What VR players ask for: DeoVR and HereSphere JSON of one lecture, with addresses that need no cookie."""

from typing import Any

from django.http import HttpRequest

from media_pipeline.models import Asset

__all__ = ["manifest"]

_DEOVR_STEREO = {"MONO": "off", "TOP_BOTTOM": "tb", "LEFT_RIGHT": "sbs"}
_HERE_STEREO = {"MONO": "mono", "TOP_BOTTOM": "tb", "LEFT_RIGHT": "sbs"}


def manifest(asset: Asset, name: str, request: HttpRequest) -> dict[str, Any]:
    """`deovr.json` or `heresphere.json`, absolute addresses under the same token."""
    base = request.build_absolute_uri().split("?")[0].rpartition("/")[0]
    contents = asset.contents
    pictures = [item for item in contents["renditions"] if item["height"]]
    top = max(pictures, key=lambda item: item["height"], default={"height": 0, "width": 0, "size_bytes": 0})
    source = {"resolution": top["height"], "height": top["height"], "width": top["width"]}
    source |= {"size": top["size_bytes"], "url": f"{base}/master.m3u8"}
    poster = f"{base}/poster.jpg"
    if name == "deovr.json":
        sphere = contents["projection"] != "FLAT"
        return {
            "authorized": "1",
            "fullAccess": True,
            "title": asset.title,
            "id": asset.pk,
            "videoLength": round(contents["duration_s"]),
            "is3d": sphere,
            "screenType": {"EQUIRECT": "sphere", "HALF_EQUIRECT": "dome"}.get(contents["projection"], "flat"),
            "stereoMode": _DEOVR_STEREO[contents["stereo"]],
            "skipIntro": 0,
            "thumbnailUrl": poster,
            "encodings": [
                {"name": "h264", "videoSources": [{"resolution": source["resolution"], "url": source["url"]}]}
            ],
        }
    return {
        "access": 1,
        "title": asset.title,
        "thumbnailImage": poster,
        "duration": round(contents["duration_s"] * 1000),
        "projection": {"EQUIRECT": "equirectangular360", "HALF_EQUIRECT": "equirectangular"}.get(
            contents["projection"], "perspective"
        ),
        "stereo": _HERE_STEREO[contents["stereo"]],
        "media": [{"name": "h264", "sources": [source]}],
    }
