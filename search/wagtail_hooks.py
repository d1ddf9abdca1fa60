"""Where search hangs in the Wagtail admin: its words, what people look for, what the index could not take up."""

from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy
from wagtail import hooks
from wagtail.admin.menu import MenuItem
from wagtail.snippets.models import register_snippet

from search import desk
from search.sought.admin import SoughtView
from search.words.admin import LexiconViewSetGroup

PERMISSIONS = ("view_searchlog", "view_searchoutbox", "change_searchoutbox")

register_snippet(LexiconViewSetGroup)


class SoughtMenuItem(MenuItem):  # type: ignore[misc]
    def is_shown(self, request: HttpRequest) -> bool:
        return bool(SoughtView.permission_policy.user_has_permission(request.user, "view"))


@hooks.register("register_admin_urls")  # type: ignore[untyped-decorator]
def addresses() -> list[URLPattern]:
    return [path("reports/searches/", SoughtView.as_view(), name="search_sought"), *desk.urlpatterns]


@hooks.register("register_reports_menu_item")  # type: ignore[untyped-decorator]
def what_people_look_for() -> MenuItem:
    return SoughtMenuItem(
        gettext_lazy("What people look for"),
        reverse("search_sought"),
        name="search-sought",
        icon_name="search",
        order=800,
    )


@hooks.register("register_reports_menu_item")  # type: ignore[untyped-decorator]
def what_is_in_arrears() -> Any:
    return desk.menu_item()


@hooks.register("construct_homepage_panels")  # type: ignore[untyped-decorator]
def what_is_not_indexed(request: HttpRequest, panels: list[Any]) -> None:
    """Whoever may mend it learns where she comes in of what the index does not know."""
    if desk.may_look(request.user):
        panels.append(desk.ArrearsPanel())


@hooks.register("register_permissions")  # type: ignore[untyped-decorator]
def permissions() -> QuerySet[Permission, Any]:
    return Permission.objects.filter(content_type__app_label="search", codename__in=PERMISSIONS)
