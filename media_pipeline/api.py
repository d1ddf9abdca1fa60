"""What may be done with lecture files: verbs for the other rooms. (Bodies are being written.)"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from media_pipeline.models import Asset, Captions, Upload

__all__ = [
    "AssetStatus",
    "CaptionTrack",
    "Playback",
    "RenditionStatus",
    "StageStatus",
    "begin_upload",
    "cancel_upload",
    "ingest_file",
    "playback",
    "poster_url",
    "receive_chunk",
    "retry",
    "set_captions",
    "status",
    "why_not_playable",
    "work_off",
]


@dataclass(frozen=True)
class StageStatus:
    """One step of the way as the editor sees it; `state` is done, running, waiting or failed."""

    name: str
    label: str
    state: str
    progress: float = 0.0


@dataclass(frozen=True)
class RenditionStatus:
    """One row of the table of versions. `height` 0: sound only. `state`: done, running, waiting, failed."""

    name: str
    label: str
    height: int
    bytes_per_minute: int | None
    state: str
    state_label: str


@dataclass(frozen=True)
class AssetStatus:
    """Everything that the editor's panel shows of one asset. `progress` is 0..1 and never falls."""

    uuid: str
    title: str
    original_name: str
    size_bytes: int
    duration_s: float
    width: int
    height: int
    state: str
    state_label: str
    progress: float
    stages: list[StageStatus]
    message: str
    eta_s: int | None
    queue_place: int | None
    renditions: list[RenditionStatus]
    playable: bool
    final: bool
    poster_url: str


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


def begin_upload(
    member: Any, *, name: str, size_bytes: int, title: str = "", projection: str = "", stereo: str = ""
) -> Upload:
    """Open a resumable upload; `.asset` is its asset (UPLOADING). Raises errors.UploadRefused."""
    raise NotImplementedError


def receive_chunk(upload: Upload, *, offset: int, stream: IO[bytes]) -> int:
    """Append what `stream` yields; returns the new offset. The last byte turns the asset to RECEIVED."""
    raise NotImplementedError


def cancel_upload(upload: Upload) -> None:
    """Throw away what has arrived."""
    raise NotImplementedError


def ingest_file(
    path: Path | str,
    *,
    title: str,
    uploaded_by: Any,
    projection: str | None = None,
    stereo: str | None = None,
    enqueue: bool = True,
) -> Asset:
    """Take a file from disk (copied) and queue it. An unreadable file gives an asset REFUSED with a reason."""
    raise NotImplementedError


def status(asset: Asset) -> AssetStatus:
    """How far `asset` is, in words for an editor."""
    raise NotImplementedError


def playback(asset: Asset, member: Any, *, client: str = "web") -> Playback:
    """Signed addresses for `member` (may be anonymous). Whether she may see the lesson is asked before,
    upstairs. Raises errors.NotPlayable."""
    raise NotImplementedError


def poster_url(asset: Asset) -> str:
    """Signed address of the poster, the same for everybody for a day; "" when there is none."""
    raise NotImplementedError


def why_not_playable(asset: Asset) -> str:
    """"" when playable, else a sentence saying why not and what to do."""
    raise NotImplementedError


def retry(asset: Asset, *, actor: Any) -> Asset:
    """Try a FAILED asset again from the stage that failed. On any other state nothing happens."""
    raise NotImplementedError


def set_captions(asset: Asset, *, vtt: str, lang: str = "zh-Hans", label: str = "中文") -> Captions:
    """Store captions (WebVTT text); the same language again replaces. Raises ValueError when it is no WebVTT."""
    raise NotImplementedError


def work_off(asset: Asset, *, on_progress: Callable[[AssetStatus], None] | None = None) -> Asset:
    """Do all that is left for `asset` in this process (seeding, tests); returns it in a final state."""
    raise NotImplementedError
