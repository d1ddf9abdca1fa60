"""From renditions to one CMAF media set with HLS and DASH. Pure but for reading what lies on disk.

`packager` says how the segments are cut, `tracks` describes them, `hls` and `dash` write the manifests,
`verify` judges a set before it is published, `dressing` adds what changes afterwards.
"""

from media_pipeline.package.dressing import dress_files, dress_name, manifest_path
from media_pipeline.package.hls import sound_master
from media_pipeline.package.names import (
    CHAPTERS,
    MANIFEST_DASH,
    MANIFEST_HEADSET,
    MANIFEST_HLS,
    MANIFEST_SLIDES,
    MANIFEST_SOUND,
    caption_file,
)
from media_pipeline.package.packager import packager_command
from media_pipeline.package.tracks import Track, peak_bps
from media_pipeline.package.verify import Fault, measure, sound_set, verify

__all__ = [
    "CHAPTERS",
    "MANIFEST_DASH",
    "MANIFEST_HEADSET",
    "MANIFEST_HLS",
    "MANIFEST_SLIDES",
    "MANIFEST_SOUND",
    "Fault",
    "Track",
    "caption_file",
    "dress_files",
    "dress_name",
    "manifest_path",
    "measure",
    "packager_command",
    "peak_bps",
    "sound_master",
    "sound_set",
    "verify",
]
