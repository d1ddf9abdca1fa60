"""媒体处理 in the Wagtail admin: the operators' board, and what they can do from it."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from wagtail.admin import messages
from wagtail.admin.menu import MenuItem

from media_pipeline.api import queue, steering
from media_pipeline.models import Asset, AssetState

__all__ = ["QueueMenuItem", "may_steer", "may_watch", "menu_item", "urlpatterns"]


def may_watch(user: Any) -> bool:
    return bool(user.has_perm("media_pipeline.view_job"))


def may_steer(user: Any) -> bool:
    """Who may hold the queue, cancel and try again."""
    return bool(user.has_perm("media_pipeline.change_job"))


class QueueMenuItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return may_watch(request.user)


@require_GET
@never_cache
def show(request: HttpRequest) -> HttpResponse:
    """The board; with `?part=1` only what changes, for the page that keeps itself fresh."""
    if not may_watch(request.user):
        raise PermissionDenied
    context = {"board": queue.board(), "may_steer": may_steer(request.user)}
    if "part" in request.GET:
        return render(request, "media_admin/_board.html", context)
    return render(request, "media_admin/board.html", context)


@require_POST
def pause(request: HttpRequest) -> HttpResponse:
    _must_steer(request)
    queue.pause_queue(actor=request.user, reason=request.POST.get("reason", ""))
    messages.success(request, _("The queue is paused. What runs goes on to its end, nothing new begins."))
    return redirect("media_queue")


@require_POST
def resume(request: HttpRequest) -> HttpResponse:
    _must_steer(request)
    if queue.resume_queue(actor=request.user):
        messages.success(request, _("The queue goes on."))
    return redirect("media_queue")


@require_POST
def try_again(request: HttpRequest, pk: int) -> HttpResponse:
    _must_steer(request)
    asset = get_object_or_404(Asset, pk=pk)
    if asset.state == AssetState.FAILED:
        steering.retry(asset, actor=request.user)
        messages.success(request, _("“%(title)s” is taken up again.") % {"title": asset.title})
    return redirect("media_queue")


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    _must_steer(request)
    asset = get_object_or_404(Asset, pk=pk)
    if not asset.is_final:
        steering.cancel(asset, actor=request.user)
        messages.success(request, _("The processing of “%(title)s” is cancelled.") % {"title": asset.title})
    return redirect("media_queue")


def _must_steer(request: HttpRequest) -> None:
    if not may_steer(request.user):
        raise PermissionDenied


urlpatterns = [
    path("media/queue/", show, name="media_queue"),
    path("media/queue/pause/", pause, name="media_queue_pause"),
    path("media/queue/resume/", resume, name="media_queue_resume"),
    path("media/queue/<int:pk>/retry/", try_again, name="media_queue_retry"),
    path("media/queue/<int:pk>/cancel/", cancel, name="media_queue_cancel"),
]


def menu_item() -> QueueMenuItem:
    return QueueMenuItem(
        gettext_lazy("Media processing"),
        reverse("media_queue"),
        name="media-queue",
        icon_name="cogs",
        order=235,
    )
