"""Words instead of a server error when an admin view runs into the publish gate."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from wagtail.admin import messages

from courses.catalogue.errors import LectureNotPlayable
from courses.catalogue.models import Lesson


class PublishGateMessages:
    """Turns LectureNotPlayable into a message and a way back to the page.

    The editor's own form says it beside the field; this is for the other doors: bulk actions, an
    approval from the list of tasks, a revision that is published again.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, LectureNotPlayable):
            return None
        messages.error(
            request,
            _("«%(title)s» has not been published. %(reason)s")
            % {"title": exception.lesson.title, "reason": exception.reason},
        )
        back = self._way_back(request, exception.lesson)
        if request.headers.get("x-requested-with") == "XMLHttpRequest":
            # The dialog of Wagtail's workflow follows this answer to the page.
            return JsonResponse({"step": "success", "redirect": back})
        return redirect(back)

    def _way_back(self, request: HttpRequest, lesson: Lesson) -> str:
        wanted = request.GET.get("next", "")
        if wanted and url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}):
            return wanted
        if lesson.pk and Lesson.objects.filter(pk=lesson.pk).exists():
            return reverse("wagtailadmin_pages:edit", args=[lesson.pk])
        return reverse("wagtailadmin_explore_root")
