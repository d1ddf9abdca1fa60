"""GET /api/media/assets/{uuid}/status for the editor's panel. (Uploads speak tus: intake/tus.py.)"""

from dataclasses import asdict
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema, Status
from ninja.security import django_auth

from media_pipeline import api
from media_pipeline.models import Asset

__all__ = ["router"]

router = Router(tags=["media"], auth=django_auth)


class StageOut(Schema):
    name: str
    label: str
    state: str
    progress: float


class RenditionOut(Schema):
    name: str
    label: str
    height: int
    bytes_per_minute: int | None
    state: str
    state_label: str


class StatusOut(Schema):
    uuid: UUID
    title: str
    original_name: str
    size_bytes: int
    duration_s: float
    width: int
    height: int
    state: str
    state_label: str
    progress: float
    stages: list[StageOut]
    message: str
    eta_s: int | None
    queue_place: int | None
    renditions: list[RenditionOut]
    playable: bool
    final: bool
    poster_url: str


class Absent(Schema):
    code: str
    message: str


@router.get("/assets/{uuid}/status", response={200: StatusOut, 404: Absent}, url_name="asset_status")
def asset_status(request: HttpRequest, uuid: UUID) -> Status:
    """How far a lecture file is, in the editor's words. Who may not add lectures sees nothing here."""
    asset = Asset.objects.filter(uuid=uuid).first()
    if asset is None or not request.user.has_perm("media_pipeline.add_asset"):
        return Status(404, {"code": "NOT_FOUND", "message": ""})
    return Status(200, asdict(api.status(asset)))
