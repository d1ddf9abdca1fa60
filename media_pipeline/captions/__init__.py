"""Captions as values: reading VTT, SRT and ASS in any encoding that Chinese editors meet, writing VTT and SRT. Pure."""

from media_pipeline.captions.cue import MAX_BYTES, MAX_CUES, MAX_TEXT, Cue
from media_pipeline.captions.encoding import ENCODINGS
from media_pipeline.captions.mending import checked
from media_pipeline.captions.reading import Reading, read
from media_pipeline.captions.sentences import CaptionsRefused, Note
from media_pipeline.captions.srt import write_srt
from media_pipeline.captions.vtt import parse_vtt, write_vtt

__all__ = [
    "ENCODINGS",
    "MAX_BYTES",
    "MAX_CUES",
    "MAX_TEXT",
    "CaptionsRefused",
    "Cue",
    "Note",
    "Reading",
    "checked",
    "parse_vtt",
    "read",
    "write_srt",
    "write_vtt",
]
