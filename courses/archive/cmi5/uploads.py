"""A package on its way in: the raw body of a request, or the field `file` of a form, into a file of ours."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO

from django.conf import settings
from django.http import HttpRequest

from courses.archive.cmi5.errors import PackageInvalid, no_room_when_full

__all__ = ["received"]

_PIECE = 256 * 1024


def received(request: HttpRequest) -> tuple[IO[bytes], str]:
    """The uploaded file and its media type ("" where a browser's form says nothing of use). Raises PackageInvalid.

    Also a body without a stated length (Transfer-Encoding: chunked), which Django itself reads as empty.
    """
    most = settings.STUDY["CMI5_UPLOAD_BYTES"]
    kind = request.headers.get("Content-Type", "")
    if kind.startswith("multipart/form-data"):
        chosen = request.FILES.get("file")
        if chosen is None or chosen.file is None:
            raise PackageInvalid("PACKAGE_EMPTY", "14.0.0.0-1")
        if chosen.size is not None and chosen.size > most:
            raise PackageInvalid("PACKAGE_TOO_BIG", "", limit=most // 1024 // 1024)
        return chosen.file, ""
    stream = request
    if not request.META.get("CONTENT_LENGTH") and "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", ""):
        stream = request.META["wsgi.input"]
    beside = Path(settings.STUDY["CMI5_DIR"]).parent  # where there is room for packages
    file = tempfile.TemporaryFile(dir=beside if beside.is_dir() else None)  # noqa: SIM115
    size = 0
    while piece := stream.read(_PIECE):
        size += len(piece)
        if size > most:
            file.close()
            raise PackageInvalid("PACKAGE_TOO_BIG", "", limit=most // 1024 // 1024)
        with no_room_when_full():
            file.write(piece)
    file.seek(0)
    return file, kind
