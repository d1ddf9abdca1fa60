"""Addresses of this room: uploads (tus) and delivery. Hang them before /api/ and before Wagtail."""

from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from media_pipeline import delivery
from media_pipeline.intake.tus import UploadCollection, UploadItem

app_name = "media_pipeline"
urlpatterns = [
    path("api/media/uploads/", UploadCollection.as_view(), name="uploads"),
    path("api/media/uploads/<uuid:uuid>/", UploadItem.as_view(), name="upload"),
    path("media/<str:token>/<uuid:uuid>/<path:path>", csrf_exempt(delivery.file), name="file"),
]
