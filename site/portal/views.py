"""The portal's own pages: home, my study, me, notices, elder mode, notices of law, the app's shell."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import SuspiciousFileOperation
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils._os import safe_join
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_cookie

from courses.archive import api as archive
from courses.archive.errors import ArchiveError
from courses.archive.wording import ERRORS
from courses.catalogue.models import Course, Lesson, Policy, current_versions
from media_pipeline import api as media
from people.models import Member, Notice, PartyOrganization, Post, PostRole
from portal.context import ELDER_KEY, is_elder
from portal.models import SiteFrame
from portal.templatetags import kit

NOTICES_PER_PAGE = 30
NEW_LESSONS = 6
NEWEST_POLICIES = 5
DUE_ON_STUDY_PAGE = 5


@dataclass(frozen=True)
class LessonCard:
    """A lesson as a tile: the page, its course, its length, the address of a picture ("" when there is none)."""

    lesson: Lesson
    course: Course
    version: Any
    picture_url: str


def lesson_cards(lessons: list[Lesson]) -> list[LessonCard]:
    """Tiles for `lessons` (with `lecture` loaded) in two queries, however many they are."""
    courses = Course.objects.filter(path__in={lesson.path[: -Lesson.steplen] for lesson in lessons})
    by_path = {course.path: course for course in courses}
    versions = current_versions(lessons)
    return [
        LessonCard(
            lesson=lesson,
            course=by_path[lesson.path[: -Lesson.steplen]],
            version=versions.get(lesson.pk),
            picture_url=media.poster_url(lesson.lecture) if lesson.lecture else "",
        )
        for lesson in lessons
    ]


@vary_on_cookie
def home(request: HttpRequest) -> HttpResponse:
    """The portal: search, the course to begin with, new lessons, policies, the four sections."""
    courses = Course.objects.open_to(request.user)
    newest = (
        Lesson.objects.open_to(request.user).select_related("lecture").order_by("-first_published_at", "-pk")
    )
    policies = Policy.objects.open_to(request.user).order_by("-issued_on", "-pk")
    return render(
        request,
        "portal/home.html",
        {
            "section": "home",
            "featured": courses.with_lesson_counts().in_order().select_related("cover").first(),
            "lessons": lesson_cards(list(newest[:NEW_LESSONS])),
            "policies": list(policies[:NEWEST_POLICIES]),
            "going_on": archive.continue_item(request.user)
            if request.user.is_authenticated and is_elder(request)
            else None,
        },
    )


def _member(request: HttpRequest) -> Member:
    """Who is signed in; only for views behind `login_required`."""
    return cast(Member, request.user)


@login_required
def study(request: HttpRequest) -> HttpResponse:
    """My study: how I stand, go on, what is due, what is new; in elder mode four big choices."""
    member = _member(request)
    today = timezone.localdate()
    due = archive.due_items(member, today=today)
    going_on = archive.continue_item(member)
    listed = {item.lesson.pk for item in due} | ({going_on.lesson.pk} if going_on else set())
    context: dict[str, Any] = {
        "section": "study",
        "standing": archive.year_standing(member, today.year, today=today),
        "going_on": going_on,
        "changed": [item for item in archive.changed_items(member) if item.lesson.pk not in listed],
        "due": due if request.GET.get("due") == "all" else due[:DUE_ON_STUDY_PAGE],
        "due_total": len(due),
        "daypart": daypart(timezone.localtime().hour),
    }
    if is_elder(request):
        context["helper"] = helper_of(member)
        return render(request, "study/elder.html", context)
    context["going_on_picture"] = (
        media.poster_url(going_on.lesson.lecture) if going_on and going_on.lesson.lecture else ""
    )
    context["policies"] = list(Policy.objects.open_to(member).order_by("-issued_on", "-pk")[:3])
    context["new_lessons"] = (
        lesson_cards(
            list(
                Lesson.objects.open_to(member)
                .select_related("lecture")
                .order_by("-first_published_at", "-pk")[:NEW_LESSONS]
            )
        )
        if not due and not going_on
        else []
    )
    return render(request, "study/index.html", context)


def daypart(hour: int) -> str:
    """How one greets at this hour (0..23, local)."""
    if hour < 5:
        return gettext("hello")
    if hour < 11:
        return gettext("good morning")
    if hour < 13:
        return gettext("good midday")
    if hour < 18:
        return gettext("good afternoon")
    return gettext("good evening")


@dataclass(frozen=True)
class Helper:
    """Whom a member may call: the secretary's name ("" when unknown) and the office telephone ("" when none).

    `organization` is whose telephone it is; `own_office` says that it is the member's own organisation's,
    so that calling it reaches the secretary.
    """

    name: str
    organization: str
    telephone: str
    own_office: bool


def helper_of(member: Member) -> Helper | None:
    """The secretary of the member's organisation and the nearest office telephone at or above it.

    Never anybody's mobile number. None for accounts without an organisation.
    """
    own = member.organization
    if own is None:
        return None
    secretary = (
        Post.objects.held_on(timezone.localdate())
        .filter(organization=own, role=PostRole.SECRETARY)
        .select_related("member")
        .first()
    )
    nearest = (
        PartyOrganization.objects.filter(path__in=own.ancestor_paths())
        .exclude(contact_phone="")
        .order_by("-path")
        .first()
    )
    return Helper(
        name=secretary.member.name if secretary else "",
        organization=str(nearest or own),
        telephone=nearest.contact_phone if nearest else "",
        own_office=nearest == own,
    )


@login_required
def my(request: HttpRequest) -> HttpResponse:
    """Me: what the site keeps about me, and what I can set."""
    member = _member(request)
    return render(
        request,
        "my/index.html",
        {
            "section": "my",
            "posts": member.posts.held_on(timezone.localdate()).select_related("organization"),
            "above": list(PartyOrganization.objects.filter(path__in=member.organization.ancestor_paths()))
            if member.organization
            else [],
            "helper": helper_of(member),
        },
    )


@login_required
def notices(request: HttpRequest) -> HttpResponse:
    """The member's inbox, newest first."""
    pages = Paginator(Notice.objects.of(_member(request)), NOTICES_PER_PAGE)
    return render(
        request, "my/notices.html", {"section": "my", "notices": pages.get_page(request.GET.get("p"))}
    )


@login_required
def notice(request: HttpRequest, pk: int) -> HttpResponse:
    """One notice of one's own; seeing it marks it read. Somebody else's looks like an absence."""
    found = get_object_or_404(Notice.objects.of(_member(request)), pk=pk)
    Notice.objects.of(_member(request)).unread().filter(pk=pk).update(read_at=timezone.now())
    safe = url_has_allowed_host_and_scheme(found.link, {request.get_host()}, request.is_secure())
    return render(
        request, "my/notice.html", {"section": "my", "notice": found, "link": found.link if safe else ""}
    )


@require_POST
@login_required
def notices_read(request: HttpRequest) -> HttpResponse:
    """Mark all notices read."""
    Notice.objects.of(_member(request)).unread().update(read_at=timezone.now())
    return redirect("portal:notices")


@require_POST
def elder(request: HttpRequest) -> HttpResponse:
    """Switch elder mode (`on` = 1 or 0) for this device, and for a signed-in member's account; back to `next`."""
    on = request.POST.get("on") == "1"
    request.session[ELDER_KEY] = on
    if request.user.is_authenticated:
        Member.objects.filter(pk=request.user.pk).update(elder_mode=on)
    return redirect(_back(request))


@require_POST
@login_required
def reading_done(request: HttpRequest) -> HttpResponse:
    """«I have read it», for lessons that are text; back to the lesson with what came of it."""
    try:
        progress = archive.complete_reading(request.POST.get("token", ""))
    except ArchiveError as error:
        messages.error(request, ERRORS.get(error.code, ERRORS["TOKEN_INVALID"]))
    else:
        if progress.completed:
            messages.success(request, gettext("Entered in your learning archive."))
        else:
            left = kit.lasting(progress.left_s)
            messages.info(request, gettext("Kept. %(left)s of reading are still missing.") % {"left": left})
    return redirect(_back(request))


def _back(request: HttpRequest) -> str:
    """The address in `next` when it is one of ours, else the home page."""
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure())
    return back if safe else "/"


def privacy(request: HttpRequest) -> HttpResponse:
    """The privacy notice."""
    return render(request, "portal/privacy.html")


def accessibility(request: HttpRequest) -> HttpResponse:
    """What was done so that everybody can use the site, and whom to tell when it fails."""
    return render(request, "portal/accessibility.html")


# The installed app


@require_GET
def offline(request: HttpRequest) -> HttpResponse:
    """What the installed app shows when there is no connection and the page was not read before."""
    return render(request, "portal/offline.html")


@require_GET
@cache_control(max_age=3600)
def manifest(request: HttpRequest) -> JsonResponse:
    """The web app manifest."""
    name = SiteFrame.load(request_or_site=request).wordmark or settings.WAGTAIL_SITE_NAME
    return JsonResponse(
        {
            "name": name,
            "short_name": name[:12],
            "lang": "zh-Hans",
            "start_url": reverse("portal:study"),
            "scope": "/",
            "display": "standalone",
            "background_color": "#faf7f3",
            "theme_color": "#b5161d",
            "icons": [
                {"src": static("portal/icon.svg"), "type": "image/svg+xml", "sizes": "any"},
                {"src": static("portal/icon-192.png"), "type": "image/png", "sizes": "192x192"},
                {
                    "src": static("portal/icon-512.png"),
                    "type": "image/png",
                    "sizes": "512x512",
                    "purpose": "any maskable",
                },
            ],
        },
        content_type="application/manifest+json",
    )


@require_GET
def service_worker(request: HttpRequest) -> HttpResponse:
    """The service worker of the shell; its version follows the addresses of the built files."""
    shell = [
        static("built/portal.css"),
        static("built/portal.js"),
        static("portal/icon.svg"),
        reverse("portal:offline"),
    ]
    version = hashlib.sha256("\n".join(shell).encode()).hexdigest()[:12]
    return render(
        request,
        "portal/service_worker.js",
        {"shell": shell, "version": version, "static_url": settings.STATIC_URL},
        content_type="text/javascript; charset=utf-8",
    )


@require_GET
def uploaded_picture(request: HttpRequest, path: str) -> HttpResponseBase:
    """A picture as Wagtail rendered it. Originals and documents are not given out here."""
    try:
        file = Path(safe_join(Path(settings.MEDIA_ROOT) / "images", path))
    except SuspiciousFileOperation as error:
        raise Http404 from error
    if not file.is_file():
        raise Http404
    return FileResponse(file.open("rb"), headers={"Cache-Control": "public, max-age=31536000, immutable"})


# Errors


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: what is not there, and what is not open to the asker, look the same."""
    return render(request, "errors/404.html", status=404)


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403, e.g. a form without its token."""
    return render(request, "errors/403.html", status=403)


def broken(request: HttpRequest) -> HttpResponse:
    """500: asks neither database nor session, since they may be what is broken."""
    return render(None, "errors/500.html", status=500)
