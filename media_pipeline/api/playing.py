"""Signed addresses of what may be played."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from media_pipeline.delivery import token_keys
from media_pipeline.errors import NotPlayable
from media_pipeline.holders import epoch_of, holder_of
from media_pipeline.keys import is_protected
from media_pipeline.models import (
    Asset,
)
from media_pipeline.package import (
    CHAPTERS,
    MANIFEST_DASH,
    MANIFEST_HLS,
    MANIFEST_SLIDES,
    MANIFEST_SOUND,
    manifest_path,
)
from media_pipeline.tokens import NOBODY, Grant, sign

__all__ = ["CaptionTrack", "Playback", "playback", "poster_url"]


@dataclass(frozen=True)
class CaptionTrack:
    lang: str
    label: str
    url: str


@dataclass(frozen=True)
class Playback:
    """Signed addresses of one asset for one member. Empty strings: there is none (e.g. no sound).

    `slides_url`: sound and still pictures, for dear data. `chapters_url`: WebVTT chapters.
    `views_url`: pre-rendered views of a panorama, `view_yaws` where each looks, in degrees to the
    right. `protected`: segments are encrypted; HLS only, the
    key's address stands in the playlists and answers in the member's own session. `mark` is what the
    player lets wander over the picture.
    """

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
    slides_url: str = ""
    chapters_url: str = ""
    views_url: str = ""
    view_yaws: list[int] = field(default_factory=list)
    protected: bool = False
    mark: str = ""


_ROUND_S = 3600
_POSTER_DAY_S = 24 * 3600


def playback(asset: Asset, member: Any, *, client: str = "web", marked: bool = False) -> Playback:
    """Signed addresses for `member` (AnonymousUser for public lessons), good for PLAYBACK_TTL_S.

    Whether she may see the lesson is asked before, upstairs: for an encrypted lecture the addresses
    open the key too (KEY_TTL_S, in her session). The same member gets the same addresses within an
    hour, so that a browser's cache serves a reload; with another password she gets others, and the
    old ones are dead. `client` "vr": an app on a headset, whose manifest is the headset's list; it
    holds no session, so an encrypted lecture raises NotPlayable. `marked`: her name goes over the
    picture. Raises errors.NotPlayable.
    """
    contents = asset.contents
    protected = is_protected(contents)
    if not asset.folder or (protected and client == "vr"):
        raise NotPlayable(asset.pk)
    now = int(timezone.now().timestamp())
    good_for = settings.MEDIA_PIPELINE["KEY_TTL_S" if protected else "PLAYBACK_TTL_S"]
    expires = -(-(now + good_for) // _ROUND_S) * _ROUND_S
    grant = Grant(str(asset.uuid), holder_of(member), expires, epoch=epoch_of(member), key=protected)
    at = _addresses(asset, grant)
    picture, sound = contents["picture"], contents["sound"]
    sphere = picture and contents["projection"] != "FLAT"
    vr_url = at("deovr.json") if sphere and not protected else ""
    return Playback(
        manifest_url=vr_url if client == "vr" and vr_url else at(manifest_path(contents, MANIFEST_HLS)),
        dash_url="" if protected else at(manifest_path(contents, MANIFEST_DASH)),
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
        vr_url=vr_url,
        slides_url=at(manifest_path(contents, MANIFEST_SLIDES)) if contents.get("slides") else "",
        chapters_url=at(manifest_path(contents, CHAPTERS)) if _has_chapters(asset) else "",
        views_url=at(f"../{views['folder']}/views.m3u8") if (views := contents.get("views")) else "",
        view_yaws=views["yaws"] if views else [],
        protected=protected,
        mark=_mark(member) if marked else "",
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


def _has_chapters(asset: Asset) -> bool:
    """Chapters stand in a dress only: a set of an earlier layout has none."""
    return bool(asset.contents.get("dress")) and asset.chapters.exists()


def _mark(member: Any) -> str:
    """Name, organisation and day, e.g. «周敏 桂花第一支部 2026-11-23»; no number of any kind. "" for strangers."""
    if not getattr(member, "uuid", None):
        return ""
    today = timezone.localdate().isoformat()
    return " ".join(part for part in (member.name, str(member.organization or ""), today) if part)


def _addresses(asset: Asset, grant: Grant) -> Callable[[str], str]:
    token = sign(grant, keys=token_keys())
    version = PurePath(asset.folder).name

    def at(name: str) -> str:
        path = name.removeprefix("../") if name.startswith("../") else f"{version}/{name}"
        return reverse("media_pipeline:file", args=[token, asset.uuid, path])

    return at
