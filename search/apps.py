"""The room `search`: finds documents that upper rooms tell of, shows what the asker may see."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SearchConfig(AppConfig):
    name = "search"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Search")

    def ready(self) -> None:
        from search import checks, kept  # noqa: F401  (registers the start-up checks)
        from search.boxes import news, objects

        kept.keep(objects.INDEX)
        news.listen()
