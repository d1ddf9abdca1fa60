"""An engine: makes uploaded lectures playable; knows files, not lessons."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MediaPipelineConfig(AppConfig):
    name = "media_pipeline"
    verbose_name = _("Lecture files")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from media_pipeline import checks, tasks  # noqa: F401  (registers system checks and tasks)
        from media_pipeline.dress import dress_soon
        from media_pipeline.signals import captions_changed, chapters_changed

        captions_changed.connect(dress_soon, dispatch_uid="dress")
        chapters_changed.connect(dress_soon, dispatch_uid="dress")
