"""字幕 of a lecture in the Wagtail admin: upload with a look before keeping, correct beside the video, take back."""

from __future__ import annotations

import json
import uuid
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from wagtail.admin import messages

from media_pipeline import api as media
from media_pipeline.captions import (
    ENCODINGS,
    MAX_BYTES,
    CaptionsRefused,
    Cue,
    Reading,
    read,
    write_srt,
    write_vtt,
)
from media_pipeline.errors import CaptionsChanged, NotPlayable, RecogniserMissing
from media_pipeline.models import Asset, CaptionsVersion

__all__ = ["captions_panel", "urlpatterns"]

_LOOK_S = 3600
_SHOWN = 8
_MOST_JSON = 16_000_000


def captions_panel(asset: Asset, member: Any) -> dict[str, Any]:
    """Context of catalogue_admin/_captions_panel.html."""
    under_way = media.transcriptions(asset)
    running = any(one.state in {"waiting", "running"} for one in under_way)
    return {
        "asset": asset,
        "captions": media.captions_of(asset),
        "versions": media.captions_versions(asset),
        "languages": media.CAPTION_LANGUAGES.items(),
        "transcriptions": under_way,
        "transcribing": running,
        "no_transcription": media.why_no_transcription(asset),
        "may_change": member.has_perm("media_pipeline.change_asset"),
    }


def _asset(request: HttpRequest, pk: int) -> Asset:
    """The lecture, for somebody who may change lectures."""
    if not request.user.has_perm("media_pipeline.change_asset"):
        raise PermissionDenied
    return get_object_or_404(Asset, pk=pk)


def _home(asset: Asset) -> str:
    return reverse("lectures:edit", args=[asset.pk]) + "#captions"


def _somebody_changed(changed: CaptionsChanged) -> str:
    """What happened meanwhile, and that nothing is lost."""
    if not changed.revision:
        return _("Somebody has removed these captions meanwhile. What you typed is still here.")
    when = date_format(localtime(changed.at), "H:i") if changed.at else ""
    who = changed.by or _("somebody else")
    return _(
        "%(who)s saved these captions at %(when)s. What you typed is still here, nothing was overwritten."
    ) % {
        "who": who,
        "when": when,
    }


# upload


@require_POST
def upload(request: HttpRequest, pk: int) -> HttpResponse:
    """Read a chosen file and show what it holds; nothing is kept yet."""
    asset = _asset(request, pk)
    file = request.FILES.get("file")
    lang = request.POST.get("lang", "")
    if file is None:
        messages.error(request, _("Choose a captions file first."))
        return redirect(_home(asset))
    if file.size > MAX_BYTES:
        messages.error(request, CaptionsRefused("TOO_BIG", limit=f"{MAX_BYTES // 1_000_000} MB"))
        return redirect(_home(asset))
    data, name = file.read(), file.name
    look = uuid.uuid4().hex
    kept = {"asset": asset.pk, "by": request.user.pk, "name": name, "data": data}
    cache.set(f"captions-look-{look}", kept, _LOOK_S)
    return _preview(request, asset, look=look, name=name, data=data, lang=lang, encoding="")


@require_POST
def keep(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep the file that was looked at, or (with `look_again`) read it in another encoding."""
    asset = _asset(request, pk)
    look, lang = request.POST.get("look", ""), request.POST.get("lang", "")
    encoding = request.POST.get("encoding", "")
    held = cache.get(f"captions-look-{look}")
    if not held or held["asset"] != asset.pk or held["by"] != request.user.pk:
        messages.error(request, _("This took too long. Please choose the captions file again."))
        return redirect(_home(asset))
    again = {"look": look, "name": held["name"], "data": held["data"], "lang": lang, "encoding": encoding}
    if "look_again" in request.POST:
        return _preview(request, asset, **again)
    seen = request.POST.get("revision", "")
    try:
        row = media.upload_captions(
            asset,
            name=held["name"],
            data=held["data"],
            lang=lang,
            encoding=encoding,
            revision=int(seen) if seen.isdecimal() else 0,
            actor=request.user,
        )
    except CaptionsRefused as refused:
        return _preview(request, asset, **again, problem=str(refused))
    except CaptionsChanged as changed:
        return _preview(request, asset, **again, problem=_somebody_changed(changed))
    cache.delete(f"captions-look-{look}")
    messages.success(
        request, _("The captions “%(label)s” are kept. Members see them from now on.") % {"label": row.label}
    )
    return redirect(_home(asset))


def _preview(
    request: HttpRequest,
    asset: Asset,
    *,
    look: str,
    name: str,
    data: bytes,
    lang: str,
    encoding: str,
    problem: str = "",
) -> HttpResponse:
    reading: Reading | None = None
    try:
        reading = media.read_captions(asset, data, encoding=encoding)
    except CaptionsRefused as refused:
        problem = problem or str(refused)
    standing = next((one for one in media.captions_of(asset) if one.lang == lang), None)
    context = {
        "asset": asset,
        "look": look,
        "name": name,
        "lang": lang,
        "label": media.CAPTION_LANGUAGES.get(lang, lang),
        "reading": reading,
        "first": reading.cues[:_SHOWN] if reading else [],
        "more": max(0, len(reading.cues) - _SHOWN) if reading else 0,
        "encoding": reading.encoding if reading else encoding,
        "encodings": ENCODINGS.items(),
        "standing": standing,
        "problem": problem,
        "breadcrumbs_items": _crumbs(asset, _("Look at the captions")),
        "header_title": _("Look at the captions"),
        "header_icon": "openquote",
    }
    return render(request, "catalogue_admin/captions_preview.html", context, status=422 if problem else 200)


def _crumbs(asset: Asset, here: str) -> list[dict[str, str]]:
    return [
        {"url": reverse("lectures:index"), "label": _("Lecture videos")},
        {"url": reverse("lectures:edit", args=[asset.pk]), "label": asset.title},
        {"url": "", "label": here},
    ]


# correct


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int, lang: str) -> HttpResponse:
    """校对字幕: the page; and the saving, as JSON from the editor or as a form when there is no script."""
    asset = _asset(request, pk)
    if request.method == "POST":
        if request.content_type == "application/json":
            return _save_json(request, asset, lang)
        return _save_form(request, asset, lang)
    opened = media.opened_captions(asset, lang)
    if opened is None:
        if lang not in media.CAPTION_LANGUAGES:
            raise Http404
        return _editor(request, asset, lang, revision=0, cues=[])
    info, cues = opened
    return _editor(request, asset, lang, revision=info.revision, cues=cues)


def _editor(
    request: HttpRequest,
    asset: Asset,
    lang: str,
    *,
    revision: int,
    cues: list[Cue],
    typed: str | None = None,
    problem: str = "",
    overwrite: int | None = None,
) -> HttpResponse:
    info = next((one for one in media.captions_of(asset) if one.lang == lang), None)
    playback = None
    with suppress(NotPlayable):
        playback = media.playback(asset, request.user)
    label = info.label if info else media.CAPTION_LANGUAGES.get(lang, lang)
    title = _("Correct the captions (%(label)s)") % {"label": label}
    context = {
        "asset": asset,
        "lang": lang,
        "label": label,
        "info": info,
        "playback": playback,
        "revision": revision,
        "vtt": write_vtt(cues) if typed is None else typed,
        "problem": problem,
        "overwrite": overwrite,
        "breadcrumbs_items": _crumbs(asset, title),
        "header_title": title,
        "header_icon": "openquote",
        "editor": {
            "asset": str(asset.uuid),
            "lang": lang,
            "revision": revision,
            "durationMs": round(asset.duration_s * 1000),
            "cues": [[cue.begin_ms, cue.end_ms, cue.text, cue.settings] for cue in cues],
            "videoUrl": (playback.manifest_url if playback.poster_url else playback.audio_url)
            if playback
            else "",
            "saveUrl": reverse("lectures:captions_edit", args=[asset.pk, lang]),
            "words": _words(),
        },
    }
    return render(request, "catalogue_admin/captions_edit.html", context, status=422 if problem else 200)


def _words() -> dict[str, str]:
    """What the editor's script says; {…} it fills in itself."""
    return {
        "count": _("{n} captions"),
        "unsaved": _("Not saved yet"),
        "saved": _("All saved"),
        "saving": _("Saving…"),
        "failed": _("This could not be saved. What you typed is kept in this browser; please try again."),
        "offline": _("No connection. What you typed is kept in this browser; save again when it is back."),
        "draft": _("There are changes from {at} in this browser that were not saved."),
        "draftStale": _(" The captions were changed by somebody since."),
        "noVideo": _("The lecture cannot be played right now."),
        "badTime": _("This is no time. Write it like 1:02.5."),
        "noTrouble": _("No caption has a warning."),
        "removed": _("The caption is deleted. «Undo» brings it back."),
        "matches": _("{n} found"),
        "replaced": _("{n} replaced"),
        "warn_overlap": _("Overlaps the next one."),
        "warn_order": _("The next one begins earlier."),
        "warn_short": _("Shorter than half a second."),
        "warn_long": _("More than 40 characters: split it."),
        "warn_fast": _("Too fast to be read."),
        "warn_empty": _("No words: will not be saved."),
        "warn_beyond": _("Ends after the lecture."),
    }


def _save_json(request: HttpRequest, asset: Asset, lang: str) -> JsonResponse:
    """{revision, cues: [[begin_ms, end_ms, text, settings]…]} → 200 {revision} | 409 {message, revision} | 422 {message}."""
    try:
        # Twelve hours of captions are longer than the forms that Django reads into memory by itself.
        sent = request.read(_MOST_JSON + 1)
        wanted = json.loads(sent) if len(sent) <= _MOST_JSON else {}
        revision = int(wanted["revision"])
        cues = [
            Cue(int(begin), int(end), str(text), str(where)) for begin, end, text, where in wanted["cues"]
        ]
    except (ValueError, KeyError, TypeError, OverflowError):
        message = _("This could not be saved. Load the page again; what you typed is kept in this browser.")
        return JsonResponse({"message": message}, status=422)
    try:
        now = media.save_cues(asset, lang, cues, revision=revision, actor=request.user)
    except CaptionsRefused as refused:
        return JsonResponse({"message": str(refused)}, status=422)
    except CaptionsChanged as changed:
        return JsonResponse({"message": _somebody_changed(changed), "revision": changed.revision}, status=409)
    return JsonResponse({"revision": now})


def _save_form(request: HttpRequest, asset: Asset, lang: str) -> HttpResponse:
    typed = request.POST.get("vtt", "")
    seen = request.POST.get("overwrite") or request.POST.get("revision", "")
    revision = int(seen) if seen.isdecimal() else 0
    again = {"revision": revision, "cues": [], "typed": typed}
    try:
        reading = read(typed.encode("utf-8", "replace"), encoding="utf-8")
        if left_out := [note for note in reading.notes if note.code in {"LINE_LEFT_OUT", "MORE_LEFT_OUT"}]:
            return _editor(request, asset, lang, **again, problem=" ".join(map(str, left_out)))
        media.save_cues(asset, lang, reading.cues, revision=revision, actor=request.user)
    except CaptionsRefused as refused:
        return _editor(request, asset, lang, **again, problem=str(refused))
    except CaptionsChanged as changed:
        problem = _somebody_changed(changed)
        return _editor(request, asset, lang, **again, problem=problem, overwrite=changed.revision)
    messages.success(request, _("The captions are saved."))
    return redirect("lectures:captions_edit", asset.pk, lang)


# take away, take back, take along


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, pk: int, lang: str) -> HttpResponse:
    """Ask first, then take captions away; the text stays among the earlier ones."""
    asset = _asset(request, pk)
    info = next((one for one in media.captions_of(asset) if one.lang == lang), None)
    if info is None:
        raise Http404
    problem = ""
    if request.method == "POST":
        seen = request.POST.get("revision", "")
        try:
            media.remove_captions(
                asset, lang, revision=int(seen) if seen.isdecimal() else None, actor=request.user
            )
        except CaptionsChanged as changed:
            problem = _somebody_changed(changed)
        else:
            told = _("The captions “%(label)s” are removed. You can take them back under «Earlier texts».")
            messages.success(request, told % {"label": info.label})
            return redirect(_home(asset))
    title = _("Remove the captions (%(label)s)") % {"label": info.label}
    context = {
        "asset": asset,
        "info": info,
        "problem": problem,
        "breadcrumbs_items": _crumbs(asset, title),
        "header_title": title,
        "header_icon": "bin",
    }
    return render(request, "catalogue_admin/captions_remove.html", context, status=409 if problem else 200)


@require_POST
def restore(request: HttpRequest, pk: int, version: int) -> HttpResponse:
    """Show an earlier text again."""
    asset = _asset(request, pk)
    try:
        row = media.restore_captions(asset, version, actor=request.user)
    except CaptionsVersion.DoesNotExist:
        messages.error(request, _("This text is no longer kept."))
    else:
        told = _(
            "The chosen text of “%(label)s” is shown again. The other one is kept under «Earlier texts»."
        )
        messages.success(request, told % {"label": row.label})
    return redirect(_home(asset))


@require_GET
def download(request: HttpRequest, pk: int, lang: str, kind: str) -> HttpResponse:
    """Captions as a .vtt or .srt file."""
    if not request.user.has_perm("media_pipeline.view_asset"):
        raise PermissionDenied
    asset = get_object_or_404(Asset, pk=pk)
    cues = media.cues(asset, lang)
    if kind not in {"vtt", "srt"} or not cues:
        raise Http404
    return _as_file(
        f"{asset.title}.{lang}.{kind}", write_vtt(cues) if kind == "vtt" else write_srt(cues), kind
    )


@require_GET
def version_file(request: HttpRequest, pk: int, version: int) -> HttpResponse:
    """An earlier text as a .vtt file."""
    asset = _asset(request, pk)
    row = get_object_or_404(CaptionsVersion, pk=version, asset=asset)
    return _as_file(f"{asset.title}.{row.lang}.{row.revision}.vtt", row.vtt, "vtt")


def _as_file(name: str, text: str, kind: str) -> HttpResponse:
    # Windows programs take UTF-8 without a mark for GBK; WebVTT and SubRip readers allow the mark.
    body = ("\ufeff" + text).encode()
    response = HttpResponse(
        body, content_type="text/vtt; charset=utf-8" if kind == "vtt" else "application/x-subrip"
    )
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    response["X-Content-Type-Options"] = "nosniff"
    return response


# speech to text


@require_POST
def transcribe(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for speech to text, or stop it."""
    asset = _asset(request, pk)
    lang = request.POST.get("lang", "")
    if "cancel" in request.POST:
        if media.cancel_transcription(asset, lang=lang, actor=request.user):
            messages.success(request, _("Speech to text was stopped."))
        return redirect(_home(asset))
    try:
        media.ask_for_transcription(asset, lang=lang, actor=request.user)
    except (RecogniserMissing, CaptionsRefused) as refused:
        messages.error(request, getattr(refused, "reason", "") or str(refused))
    else:
        messages.success(
            request,
            _(
                "Speech to text is in the queue, behind lectures that wait for transcoding. You may leave this page."
            ),
        )
    return redirect(_home(asset))


@require_GET
def panel(request: HttpRequest, pk: int) -> HttpResponse:
    """The panel alone, for a page that waits for speech to text; `X-Final: 1` when nothing is under way."""
    if not request.user.has_perm("media_pipeline.view_asset"):
        raise PermissionDenied
    context = captions_panel(get_object_or_404(Asset, pk=pk), request.user)
    response = render(request, "catalogue_admin/_captions_panel.html", context)
    response["X-Final"] = "0" if context["transcribing"] else "1"
    response["Cache-Control"] = "no-store"
    return response


urlpatterns = [
    path("<int:pk>/captions/", panel, name="captions_panel"),
    path("<int:pk>/captions/upload/", upload, name="captions_upload"),
    path("<int:pk>/captions/keep/", keep, name="captions_keep"),
    path("<int:pk>/captions/transcribe/", transcribe, name="captions_transcribe"),
    path("<int:pk>/captions/versions/<int:version>/", version_file, name="captions_version"),
    path("<int:pk>/captions/versions/<int:version>/restore/", restore, name="captions_restore"),
    path("<int:pk>/captions/<str:lang>/", edit, name="captions_edit"),
    path("<int:pk>/captions/<str:lang>/remove/", remove, name="captions_remove"),
    path("<int:pk>/captions/<str:lang>/file.<str:kind>", download, name="captions_download"),
]
"""Below the address of 授课视频 (lectures.py)."""
