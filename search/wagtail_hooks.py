"""Where search hangs in the Wagtail admin: the words of search, and what people look for."""

from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy
from wagtail import hooks
from wagtail.admin.menu import MenuItem
from wagtail.snippets.models import register_snippet

from search.sought.admin import SoughtView
from search.words.admin import LexiconViewSetGroup

register_snippet(LexiconViewSetGroup)


class SoughtMenuItem(MenuItem):  # type: ignore[misc]
    def is_shown(self, request: HttpRequest) -> bool:
        return bool(SoughtView.permission_policy.user_has_permission(request.user, "view"))


@hooks.register("register_admin_urls")  # type: ignore[untyped-decorator]
def register_report() -> list[URLPattern]:
    return [path("reports/searches/", SoughtView.as_view(), name="search_sought")]


@hooks.register("register_reports_menu_item")  # type: ignore[untyped-decorator]
def register_menu_item() -> MenuItem:
    return SoughtMenuItem(
        gettext_lazy("What people look for"),
        reverse("search_sought"),
        name="search-sought",
        icon_name="search",
        order=800,
    )


@hooks.register("register_permissions")  # type: ignore[untyped-decorator]
def register_permission() -> QuerySet[Permission, Any]:
    return Permission.objects.filter(content_type__app_label="search", codename="view_searchlog")
