"""搜索索引 in the Wagtail admin: what could not be taken up, with a word on how the index is."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from wagtail.admin import messages
from wagtail.admin.menu import MenuItem
from wagtail.admin.ui.components import Component

from search import arrears

__all__ = ["ArrearsPanel", "may_look", "may_mend", "menu_item", "urlpatterns"]


def may_look(user: Any) -> bool:
    return bool(user.has_perm("search.view_searchoutbox"))


def may_mend(user: Any) -> bool:
    """Who may have things tried again, and let them be."""
    return bool(user.has_perm("search.change_searchoutbox"))


@require_GET
@never_cache
def show(request: HttpRequest) -> HttpResponse:
    """The list, and whether the worker and the last comparison are well."""
    if not may_look(request.user):
        raise PermissionDenied
    context = {
        "arrears": arrears.arrears(),
        "state": arrears.state(),
        "shown": arrears.SHOWN,
        "may_mend": may_mend(request.user),
    }
    return render(request, "search_admin/arrears.html", context)


@require_POST
def try_again(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    _must_mend(request)
    number = arrears.try_again(pk)
    if number:
        messages.success(request, _("Being tried again: %(n)d") % {"n": number})
    return redirect("search_arrears")


@require_POST
def forget(request: HttpRequest, pk: int) -> HttpResponse:
    _must_mend(request)
    if arrears.forget(pk, actor=request.user):
        messages.success(request, _("Taken off the list. The content itself is unchanged."))
    return redirect("search_arrears")


def _must_mend(request: HttpRequest) -> None:
    if not may_mend(request.user):
        raise PermissionDenied


class ArrearsMenuItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return may_look(request.user)


class ArrearsPanel(Component):
    """On the admin's first page, and nothing at all while all is well. Context: `state`."""

    name, order = "search_arrears", 45
    template_name = "search_admin/_panel.html"

    def get_context_data(self, parent_context: Any) -> dict[str, Any]:
        return {"state": arrears.state()}


urlpatterns = [
    path("search/index/", show, name="search_arrears"),
    path("search/index/retry/", try_again, name="search_retry_all"),
    path("search/index/<int:pk>/retry/", try_again, name="search_retry"),
    path("search/index/<int:pk>/drop/", forget, name="search_forget"),
]


def menu_item() -> MenuItem:
    return ArrearsMenuItem(
        gettext_lazy("Search index"),
        reverse("search_arrears"),
        name="search-index",
        icon_name="search",
        order=910,
    )
