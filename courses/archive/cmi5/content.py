"""Files of packages: where they lie, and the addresses under which a browser gets them without a cookie.

    /cmi5/content/<token>/<path in the package>

The token names the course and is signed with its moment, so that relative addresses inside a package inherit it.
It is bound to no member: it opens files of one course for as long as one launch may last.
"""

from __future__ import annotations

import shutil
import uuid
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core import signing

__all__ = ["address", "file_of", "folder_of", "forget", "read_token"]

_SALT = "courses.archive.cmi5.content"


def folder_of(course: uuid.UUID) -> Path:
    """Where the files of a course lie; the folder need not exist."""
    return Path(settings.STUDY["CMI5_DIR"]) / str(course)


def forget(course: uuid.UUID) -> None:
    """Remove the files of a course; there may be none."""
    shutil.rmtree(folder_of(course), ignore_errors=True)


def address(course: uuid.UUID, site: str, *, now: datetime) -> str:
    """Where the root of the package is found from `now` on for one launch's length; ends in a slash."""
    token = signing.dumps([course.hex, int(now.timestamp())], salt=_SALT, compress=False).replace(":", ".")
    return f"{site}/cmi5/content/{token}/"


def read_token(token: str, *, now: datetime) -> uuid.UUID | None:
    """The course that a token opens, or None: not ours, or its time is over."""
    try:
        course, since = signing.loads(token.replace(".", ":"), salt=_SALT)
    except signing.BadSignature:
        return None
    age = now.timestamp() - since
    return uuid.UUID(course) if -60 <= age <= settings.STUDY["CMI5_SESSION_TTL_S"] else None


def file_of(course: uuid.UUID, path: str) -> Path | None:
    """The file at `path` of a package, or None where there is none (or the path leads out of the package)."""
    if "\x00" in path or "\\" in path or path.endswith("/"):
        return None
    root = folder_of(course).resolve()
    try:
        found = (root / path).resolve(strict=True)
    except (OSError, ValueError):
        return None
    return found if found.is_relative_to(root) and found.is_file() else None
