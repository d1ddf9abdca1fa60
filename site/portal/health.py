"""/healthz: ready, or what is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from kombu.connection import Connection
from kombu.exceptions import OperationalError


def _database() -> str:
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return f"the database does not answer: {type(error).__name__}"
    return f"{len(waiting)} migrations are waiting" if waiting else ""


def _broker() -> str:
    try:
        with Connection(
            settings.CELERY_BROKER_URL, connect_timeout=2, transport_options={"socket_connect_timeout": 2}
        ) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0)
    except (OperationalError, OSError) as error:
        return f"the broker does not answer: {type(error).__name__}"
    return ""


def _frontend() -> str:
    return "" if finders.find("built/portal.css") else "the frontend is not built"


def _media_folder() -> str:
    folder = Path(str(settings.MEDIA_PIPELINE["ROOT"]))
    return "" if folder.is_dir() or folder.parent.is_dir() else "the media folder is missing"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "broker": _broker,
    "frontend": _frontend,
    "media": _media_folder,
}
"""Name → function that returns what is missing, or the empty string."""


def healthz(request: HttpRequest) -> JsonResponse:
    """200 `{"ready": true}`, or 503 with `missing`: check name → what is missing. No login, no personal data."""
    missing = {name: fault for name, check in CHECKS.items() if (fault := check())}
    return JsonResponse(
        {"ready": not missing, "missing": missing},
        status=503 if missing else 200,
        headers={"Cache-Control": "no-store"},
    )
