"""Names of the files in a media set that somebody outside asks for."""

__all__ = [
    "CHAPTERS",
    "CHAPTERS_APPLE",
    "IMAGES",
    "MANIFEST_DASH",
    "MANIFEST_HEADSET",
    "MANIFEST_HLS",
    "MANIFEST_SLIDES",
    "MANIFEST_SOUND",
    "caption_file",
]

MANIFEST_HLS = "master.m3u8"
MANIFEST_DASH = "manifest.mpd"
MANIFEST_SOUND = "listen.m3u8"
MANIFEST_SLIDES = "slides.m3u8"
"""Sound and still pictures of tens of kbit/s; only where the recipe has a rendition of stills."""
MANIFEST_HEADSET = "headset.m3u8"
"""The same lecture with its HEVC renditions; only where the recipe has some."""
CHAPTERS = "chapters.vtt"
CHAPTERS_APPLE = "chapters.json"
IMAGES = "storyboard.m3u8"


def caption_file(lang: str, suffix: str = ".vtt") -> str:
    """`captions-zh-Hans.vtt`, and with suffix «.m3u8» the playlist of it."""
    return f"captions-{lang}{suffix}"
