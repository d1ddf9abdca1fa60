"""Signed addresses of what may be played."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from media_pipeline.errors import NotPlayable
from media_pipeline.models import (
    Asset,
)
from media_pipeline.package import MANIFEST_DASH, MANIFEST_HLS, MANIFEST_SOUND
from media_pipeline.tokens import NOBODY, Grant, sign

__all__ = ["CaptionTrack", "Playback", "playback", "poster_url"]


@dataclass(frozen=True)
class CaptionTrack:
    lang: str
    label: str
    url: str


@dataclass(frozen=True)
class Playback:
    """Signed addresses of one asset for one member. Empty strings: there is none (e.g. no sound)."""

    manifest_url: str
    dash_url: str
    audio_url: str
    poster_url: str
    storyboard_url: str
    captions: list[CaptionTrack] = field(default_factory=list)
    projection: str = "FLAT"
    stereo: str = "MONO"
    duration_s: float = 0.0
    expires_at: datetime | None = None
    vr_url: str = ""


_ROUND_S = 3600
_POSTER_DAY_S = 24 * 3600


def playback(asset: Asset, member: Any, *, client: str = "web") -> Playback:
    """Signed addresses for `member` (AnonymousUser for public lessons), good for PLAYBACK_TTL_S.

    Whether she may see the lesson is asked before, upstairs. The same member gets the same
    addresses within an hour, so that a browser's cache serves a reload. `client` "vr" and "web"
    get the same set today. Raises errors.NotPlayable.
    """
    if not asset.folder:
        raise NotPlayable(asset.pk)
    now = int(timezone.now().timestamp())
    expires = -(-(now + settings.MEDIA_PIPELINE["PLAYBACK_TTL_S"]) // _ROUND_S) * _ROUND_S
    who = member.uuid.hex if getattr(member, "uuid", None) else NOBODY
    at = _addresses(asset, Grant(str(asset.uuid), who, expires))
    contents = asset.contents
    picture, sound = contents["picture"], contents["sound"]
    return Playback(
        manifest_url=at(MANIFEST_HLS),
        dash_url=at(MANIFEST_DASH),
        audio_url=at(MANIFEST_SOUND) if sound else "",
        poster_url=at("poster.jpg") if picture else "",
        storyboard_url=at("storyboard.vtt") if picture else "",
        captions=[
            CaptionTrack(row.lang, row.label, at(f"captions-{row.lang}.vtt")) for row in asset.captions.all()
        ],
        projection=contents["projection"],
        stereo=contents["stereo"],
        duration_s=contents["duration_s"],
        expires_at=datetime.fromtimestamp(expires, tz=UTC),
        vr_url=at("deovr.json") if picture and contents["projection"] != "FLAT" else "",
    )


def poster_url(asset: Asset) -> str:
    """Signed address of the poster, the same for everybody all day, for lists; "" when there is none.

    Its token opens the poster and nothing else, for one to two days.
    """
    if not asset.folder or not asset.contents.get("picture"):
        return ""
    today = int(timezone.now().timestamp()) // _POSTER_DAY_S
    grant = Grant(str(asset.uuid), NOBODY, (today + 2) * _POSTER_DAY_S, only="poster.jpg")
    return _addresses(asset, grant)("poster.jpg")


def _addresses(asset: Asset, grant: Grant) -> Callable[[str], str]:
    token = sign(grant, key=settings.MEDIA_PIPELINE["TOKEN_KEY"])
    version = PurePath(asset.folder).name

    def at(name: str) -> str:
        return reverse("media_pipeline:file", args=[token, asset.uuid, f"{version}/{name}"])

    return at
