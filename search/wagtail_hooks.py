"""Where this room hangs in the Wagtail admin."""

from typing import Any

from django.contrib.auth.models import Permission
from django.http import HttpRequest
from wagtail import hooks

from search import desk


@hooks.register("register_admin_urls")  # type: ignore[untyped-decorator]
def addresses() -> list[Any]:
    return desk.urlpatterns


@hooks.register("register_reports_menu_item")  # type: ignore[untyped-decorator]
def in_the_menu() -> Any:
    return desk.menu_item()


@hooks.register("construct_homepage_panels")  # type: ignore[untyped-decorator]
def what_is_not_indexed(request: HttpRequest, panels: list[Any]) -> None:
    """Whoever may mend it learns where she comes in of what the index does not know."""
    if desk.may_look(request.user):
        panels.append(desk.ArrearsPanel())


@hooks.register("register_permissions")  # type: ignore[untyped-decorator]
def permissions() -> Any:
    return Permission.objects.filter(
        content_type__app_label="search", codename__in=["view_searchoutbox", "change_searchoutbox"]
    )
