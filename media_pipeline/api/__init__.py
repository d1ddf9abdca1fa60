"""What may be done with lecture files: verbs for the other rooms."""

from media_pipeline.api.captions import set_captions
from media_pipeline.api.intake import begin_upload, cancel_upload, ingest_file, receive_chunk, received_bytes
from media_pipeline.api.playing import CaptionTrack, Playback, playback, poster_url
from media_pipeline.api.status import (
    AssetStatus,
    RenditionStatus,
    StageStatus,
    quality_label,
    status,
    why_not_playable,
)
from media_pipeline.api.work import reap, retry, work_off, work_on

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
    "quality_label",
    "reap",
    "receive_chunk",
    "received_bytes",
    "retry",
    "set_captions",
    "status",
    "why_not_playable",
    "work_off",
    "work_on",
]
