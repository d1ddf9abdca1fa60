"""tus 1.0 (https://tus.io/protocols/resumable-upload): core, creation, checksum, expiration, termination, as views over the api.

Signed-in editors only (permission media_pipeline.add_asset), each sees her own uploads; CSRF
by the X-CSRFToken header like every other request of the admin.
"""

import base64
import binascii
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.views import View

from media_pipeline import api
from media_pipeline.errors import (
    ChecksumMismatch,
    DiskFull,
    OffsetMismatch,
    UploadBrokenOff,
    UploadBusy,
    UploadRefused,
)
from media_pipeline.intake.patience import PatientStream
from media_pipeline.intake.uploads import ALGORITHMS, Checksum
from media_pipeline.models import Upload
from media_pipeline.verdicts import sentence

__all__ = ["UploadCollection", "UploadItem"]

Answer = TypeVar("Answer", bound=HttpResponse)
VERSION = "1.0.0"
_EXTENSIONS = "creation,checksum,expiration,termination"


def metadata(header: str) -> dict[str, str]:
    """The pairs of an Upload-Metadata header; what is no base64 or no UTF-8 is left out."""
    found = {}
    for pair in header.split(","):
        key, _space, value = pair.strip().partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            continue
    return found


def checksum_of(header: str) -> Checksum | None:
    """What an Upload-Checksum header says: `<algorithm> <base64>`; None without one. Raises ValueError."""
    if not header:
        return None
    algorithm, _space, value = header.partition(" ")
    if algorithm not in ALGORITHMS:
        raise ValueError(algorithm)
    return Checksum(algorithm, base64.b64decode(value, validate=True))


def refusal(status: int, code: str, message: str) -> JsonResponse:
    return _tus(JsonResponse({"code": code, "message": message}, status=status))


def _tus(response: Answer) -> Answer:
    response["Tus-Resumable"] = VERSION
    response["Cache-Control"] = "no-store"
    return response


def _editors_only(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    @wraps(view)
    def guarded(self: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "OPTIONS":
            if not request.user.is_authenticated:
                return refusal(
                    401, "SIGN_IN", _("Please sign in again; the upload goes on where it stopped.")
                )
            if not request.user.has_perm("media_pipeline.add_asset"):
                return refusal(403, "NO_RIGHT", _("Uploading lectures needs an editor's account."))
            if request.headers.get("Tus-Resumable") != VERSION:
                response = refusal(412, "TUS_VERSION", _("This upload client is not supported."))
                response["Tus-Version"] = VERSION
                return response
        return view(self, request, *args, **kwargs)

    return guarded


class UploadCollection(View):
    """OPTIONS says what is supported; POST opens an upload."""

    @_editors_only
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return super().dispatch(request, *args, **kwargs)

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = _tus(HttpResponse(status=204))
        response["Tus-Version"] = VERSION
        response["Tus-Extension"] = _EXTENSIONS
        response["Tus-Checksum-Algorithm"] = ",".join(ALGORITHMS)
        response["Tus-Max-Size"] = str(settings.MEDIA_PIPELINE["MAX_UPLOAD_BYTES"])
        return response

    def post(self, request: HttpRequest) -> HttpResponse:
        told = metadata(request.headers.get("Upload-Metadata", ""))
        length = request.headers.get("Upload-Length", "")
        if not length.isascii() or not length.isdigit():
            return refusal(400, "LENGTH", _("The size of the file is missing."))
        try:
            upload = api.begin_upload(
                request.user,
                name=told.get("filename") or told.get("name") or "",
                size_bytes=int(length),
                title=told.get("title", ""),
                projection=told.get("projection", ""),
                stereo=told.get("stereo", ""),
            )
        except UploadRefused as no:
            status = {"TOO_BIG": 413, "QUOTA": 507, "NO_ROOM": 507}.get(no.code, 422)
            return refusal(status, no.code, sentence(no.code, no.values))
        address = reverse("media_pipeline:upload", args=[upload.uuid])
        response = JsonResponse({"asset": str(upload.asset.uuid), "upload": address}, status=201)
        response["Location"] = address
        response["X-Asset"] = str(upload.asset.uuid)
        response["Upload-Expires"] = http_date(upload.expires_at.timestamp())
        return _tus(response)


class UploadItem(View):
    """HEAD tells how much has arrived, PATCH appends, DELETE throws away."""

    http_method_names = ["head", "patch", "delete", "options"]

    @_editors_only
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return super().dispatch(request, *args, **kwargs)

    def _upload(self, request: HttpRequest, uuid: UUID) -> Upload | None:
        mine = Upload.objects.select_related("asset", "member").filter(uuid=uuid)
        if not request.user.is_superuser:
            mine = mine.filter(member__pk=request.user.pk or 0)
        return mine.first()

    def head(self, request: HttpRequest, uuid: UUID) -> HttpResponse:
        upload = self._upload(request, uuid)
        if upload is None:
            return _tus(HttpResponse(status=404))
        response = _tus(HttpResponse(status=200))
        response["Upload-Offset"] = str(api.received_bytes(upload))
        response["Upload-Length"] = str(upload.size_bytes)
        response["Upload-Expires"] = http_date(upload.expires_at.timestamp())
        response["X-Asset"] = str(upload.asset.uuid)
        return response

    def patch(self, request: HttpRequest, uuid: UUID) -> HttpResponse:
        upload = self._upload(request, uuid)
        if upload is None:
            return refusal(404, "GONE", _("This upload is no longer known. Please choose the file again."))
        if request.content_type != "application/offset+octet-stream":
            return refusal(415, "TYPE", _("This upload client is not supported."))
        offset = request.headers.get("Upload-Offset", "")
        if not offset.isascii() or not offset.isdigit():
            return refusal(400, "OFFSET", _("This upload client is not supported."))
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
            checksum = checksum_of(request.headers.get("Upload-Checksum", ""))
        except ValueError:
            return refusal(400, "CHECKSUM", _("This upload client is not supported."))
        patience_s = settings.MEDIA_PIPELINE["UPLOAD_PATIENCE_S"]
        with PatientStream(request, patience_s=patience_s, expected=length) as stream:
            answer = self._append(upload, int(offset), stream, checksum)
            if answer.status_code >= 400:
                stream.finish()
        return answer

    def _append(
        self, upload: Upload, offset: int, stream: PatientStream, checksum: Checksum | None
    ) -> HttpResponse:
        try:
            reached = api.receive_chunk(upload, offset=offset, stream=stream, checksum=checksum)
        except ChecksumMismatch:
            return refusal(460, "CHECKSUM", _("A piece arrived damaged and is sent again."))
        except OffsetMismatch as elsewhere:
            response = refusal(409, "OFFSET", _("The upload goes on from another place."))
            response["Upload-Offset"] = str(elsewhere.expected)
            return response
        except UploadBusy:
            return refusal(423, "BUSY", _("Another window is sending this file."))
        except UploadBrokenOff as broken:
            return refusal(400, "BROKEN_OFF", _("The connection broke off; %(bytes)s bytes are safe.")
                           % {"bytes": broken.offset})  # fmt: skip
        except DiskFull:
            return refusal(507, "NO_ROOM", sentence("NO_ROOM"))
        done = _tus(HttpResponse(status=204))
        done["Upload-Offset"] = str(reached)
        done["Upload-Expires"] = http_date(upload.expires_at.timestamp())
        return done

    def delete(self, request: HttpRequest, uuid: UUID) -> HttpResponse:
        upload = self._upload(request, uuid)
        if upload is None:
            return refusal(404, "GONE", _("This upload is no longer known. Please choose the file again."))
        api.cancel_upload(upload)
        return _tus(HttpResponse(status=204))

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return UploadCollection().options(request)
