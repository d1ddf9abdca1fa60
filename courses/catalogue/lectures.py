"""授课视频 in the Wagtail admin: upload, watch the transcoding, name, add captions, try again."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST
from wagtail.admin import messages
from wagtail.admin.ui.tables import Column, DateColumn, TitleColumn, UserColumn
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.permission_policies import ModelPermissionPolicy

from courses.catalogue import captions_desk, chapters_desk
from courses.catalogue.words import file_size, minutes_and_seconds
from media_pipeline import api as media
from media_pipeline.errors import UploadRefused
from media_pipeline.models import Asset, Projection
from media_pipeline.verdicts import sentence

__all__ = ["LectureForm", "LectureViewSet", "lecture_card"]


class NobodyDeletes(ModelPermissionPolicy):
    """A lecture may hang on somebody's study record: files are never deleted by hand."""

    def user_has_permission(self, user: Any, action: str) -> bool:
        return action != "delete" and super().user_has_permission(user, action)


class LectureForm(forms.ModelForm):
    """The little that an editor says about a lecture; everything else is read from the file."""

    class Meta:
        model = Asset
        fields = ["title"]


class LectureIndexView(generic.IndexView):
    default_ordering = "-created_at"
    page_title = gettext_lazy("Lecture videos")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context["may_upload"] = self.user_has_permission("add")
        context["begin_url"] = reverse("lectures:begin")
        context["projections"] = Projection.choices
        context["under_way"] = Asset.objects.under_way().exclude(state="UPLOADING")[:5]
        return context


class LectureEditView(generic.EditView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context["asset"] = self.object
        context["status"] = media.status(self.object)
        context["form_is_multipart"] = True
        context["lessons"] = self.object.lessons.order_by("path")
        return context


class LectureViewSet(ModelViewSet):
    model = Asset
    icon = "media"
    menu_label = gettext_lazy("Lecture videos")
    menu_order = 230
    add_to_admin_menu = True
    list_per_page = 30
    list_filter = ["state"]
    index_view_class = LectureIndexView
    edit_view_class = LectureEditView
    index_template_name = "catalogue_admin/lectures.html"
    index_results_template_name = "catalogue_admin/lectures_results.html"
    edit_template_name = "catalogue_admin/lecture.html"
    list_display = [
        TitleColumn("title", label=gettext_lazy("Title"), url_name="lectures:edit"),
        Column("state", label=gettext_lazy("State"), accessor="get_state_display"),
        Column("length", label=gettext_lazy("Length"), accessor=lambda a: minutes_and_seconds(a.duration_s)),
        Column("size", label=gettext_lazy("Size"), accessor=lambda a: file_size(a.size_bytes)),
        UserColumn("uploaded_by", label=gettext_lazy("Uploaded by")),
        DateColumn("created_at", label=pgettext_lazy("column", "Uploaded"), sort_key="created_at"),
    ]

    @property
    def permission_policy(self) -> NobodyDeletes:
        return NobodyDeletes(self.model)

    def get_form_class(self, for_update: bool = False) -> type[forms.ModelForm]:
        return LectureForm

    def get_index_view_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        # Files come in by the panel on the page itself, not by a form of their own.
        return {**super().get_index_view_kwargs(**kwargs), "add_url_name": None}

    def get_urlpatterns(self) -> list[Any]:
        kept = [pattern for pattern in super().get_urlpatterns() if pattern.name not in {"add", "delete"}]
        return [
            *kept,
            path("begin/", begin, name="begin"),
            path("<int:pk>/card/", card, name="card"),
            path("<int:pk>/retry/", try_again, name="retry"),
            path("<int:pk>/cancel/", cancel, name="cancel"),
            path("<int:pk>/remake/", remake, name="remake"),
            *captions_desk.urlpatterns,
            *chapters_desk.urlpatterns,
        ]


def lecture_card(asset: Asset, user: Any = None) -> dict[str, Any]:
    """Context of catalogue_admin/_lecture_card.html; with `user` also what she may do from it.

    Inside another form (the lesson editor) the card is shown without buttons: give no user.
    """
    status = media.status(asset)
    under_way = not status.final and status.state != "UPLOADING"
    may_change = user is not None and user.has_perm("media_pipeline.change_asset")
    facts = [
        file_size(status.size_bytes),
        minutes_and_seconds(status.duration_s),
        f"{status.width}×{status.height}" if status.width else "",
    ]
    return {
        "asset": asset,
        "status": status,
        "facts": " · ".join(fact for fact in facts if fact),
        "ahead": (status.queue_place or 1) - 1,
        "may_cancel": may_change and under_way,
        "may_retry": may_change and status.state == "FAILED",
        "may_remake": status.state == "READY"
        and user is not None
        and user.has_perm("media_pipeline.change_job"),
    }


@require_GET
def card(request: HttpRequest, pk: int) -> HttpResponse:
    """How far one lecture is, as a piece of the page; `X-Final: 1` when it will not change any more.

    With `?do=1` the buttons are there that the user may press.
    """
    if not request.user.has_perm("media_pipeline.view_asset"):
        raise PermissionDenied
    context = lecture_card(get_object_or_404(Asset, pk=pk), request.user if "do" in request.GET else None)
    response = render(request, "catalogue_admin/_lecture_card.html", context)
    response["X-Final"] = "1" if context["status"].final else "0"
    response["X-Playable"] = "1" if context["status"].playable else "0"
    response["Cache-Control"] = "no-store"
    return response


@require_POST
def begin(request: HttpRequest) -> JsonResponse:
    """Open an upload: {name, size_bytes, projection} → {asset, title, upload_url, card_url, edit_url}.

    422 with {message} when the file cannot be accepted, worded for the editor.
    """
    if not request.user.has_perm("media_pipeline.add_asset"):
        return JsonResponse({"message": _("You may not upload videos. Ask an administrator.")}, status=403)
    try:
        wanted = json.loads(request.body)
        name, size_bytes = str(wanted["name"]), int(wanted["size_bytes"])
        projection = str(wanted.get("projection", ""))
    except (ValueError, KeyError, TypeError):
        return JsonResponse({"message": _("The upload could not begin. Choose the file again.")}, status=422)
    if projection not in {"", *Projection.values}:
        projection = ""
    try:
        upload = media.begin_upload(request.user, name=name, size_bytes=size_bytes, projection=projection)
    except UploadRefused as refusal:
        return JsonResponse({"message": sentence(refusal.code, refusal.values)}, status=422)
    return JsonResponse(
        {
            "asset": upload.asset_id,
            "title": upload.asset.title,
            "upload_url": reverse("media_pipeline:upload", args=[upload.uuid]),
            "card_url": reverse("lectures:card", args=[upload.asset_id]),
            "edit_url": reverse("lectures:edit", args=[upload.asset_id]),
        }
    )


@require_POST
def try_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Take up a failed lecture again."""
    if not request.user.has_perm("media_pipeline.change_asset"):
        raise PermissionDenied
    asset = get_object_or_404(Asset, pk=pk)
    media.retry(asset, actor=request.user)
    messages.success(request, _("The video will be transcoded again."))
    return redirect("lectures:edit", pk)


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop all work on a lecture that is under way; what was made is kept for another attempt."""
    if not request.user.has_perm("media_pipeline.change_asset"):
        raise PermissionDenied
    asset = get_object_or_404(Asset, pk=pk)
    if not asset.is_final:
        media.cancel(asset, actor=request.user)
        messages.success(request, _("The processing is cancelled. The file is kept."))
    return redirect("lectures:edit", pk)


@require_POST
def remake(request: HttpRequest, pk: int) -> HttpResponse:
    """Make one version (POST `name`) of a ready lecture anew; the others are kept as they are."""
    if not request.user.has_perm("media_pipeline.change_job"):
        raise PermissionDenied
    asset = get_object_or_404(Asset, pk=pk)
    try:
        media.rerun_rendition(asset, request.POST.get("name", ""), actor=request.user)
    except KeyError:
        messages.error(request, _("This version does not exist any more. Look at the list again."))
    else:
        messages.success(request, _("This version is made anew; until then the lecture plays as before."))
    return redirect("lectures:edit", pk)
