"""Settings of the media pipeline: where files lie, what is accepted, how long a playback address lives."""

from portal.settings.environment import DATA_DIR, env, secret

MEDIA_PIPELINE = {
    "ROOT": DATA_DIR / "media",
    "FFMPEG": env.str("FFMPEG", ""),
    "FFPROBE": env.str("FFPROBE", ""),
    "PACKAGER": env.str("PACKAGER", ""),
    "MAX_UPLOAD_BYTES": env.int("MAX_UPLOAD_BYTES", 20 * 1024**3),
    "MAX_DURATION_S": 12 * 3600,
    "PLAYBACK_TTL_S": 6 * 3600,
    "TOKEN_KEY": secret("MEDIA_TOKEN_KEY"),
    "THREADS": env.int("FFMPEG_THREADS", 0),
}
