"""章节 of a lecture in the Wagtail admin: found at slide changes, renamed, moved, added and taken away by an editor."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods
from wagtail.admin import messages

from media_pipeline import api as media
from media_pipeline.errors import ChaptersUnusable
from media_pipeline.models import Asset

__all__ = ["Line", "chapters_panel", "clock", "milliseconds", "urlpatterns"]

_SPARE_LINES = 5
_MOST_LINES = 260


@dataclass(frozen=True)
class Line:
    """One line of the form as it was typed; `problem` says what is wrong with it."""

    time: str = ""
    title: str = ""
    problem: str = ""


def milliseconds(text: str) -> int | None:
    """«1:05», «01:05.5», «1:02:03», also with Chinese colons → milliseconds; None when it is no time."""
    found = re.fullmatch(
        r"(?:(\d{1,2}):)?(\d{1,3}):(\d{1,2})(?:\.(\d{1,3}))?",
        text.strip().replace("：", ":").replace("。", "."),
    )
    if not found or int(found[3]) > 59 or (found[1] and int(found[2]) > 59):
        return None
    hours, minutes, seconds = int(found[1] or 0), int(found[2]), int(found[3])
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + int((found[4] or "0").ljust(3, "0"))


def clock(ms: int) -> str:
    """65500 → 01:05.5 and 60000 → 01:00: what `milliseconds` reads back."""
    hours, minutes, seconds = ms // 3_600_000, ms // 60_000 % 60, ms // 1000 % 60
    rest = f".{ms % 1000:03}".rstrip("0") if ms % 1000 else ""
    return (f"{hours}:" if hours else "") + f"{minutes:02}:{seconds:02}{rest}"


def chapters_panel(asset: Asset, member: Any) -> dict[str, Any]:
    """Context of catalogue_admin/_chapters_panel.html."""
    rows = media.chapters(asset)
    return {
        "asset": asset,
        "chapters": [(clock(row.begin_ms), row.title) for row in rows],
        "by_hand": any(row.by_hand for row in rows),
        "may_change": bool(asset.folder) and member.has_perm("media_pipeline.change_asset"),
    }


def read_lines(times: Sequence[str], titles: Sequence[str]) -> tuple[list[media.ChapterRow], list[Line]]:
    """What was typed: chapters, and the lines again with their problems. Empty lines are left out: that removes one."""
    rows, lines = [], []
    for time, title in zip(times, titles, strict=False):
        if not time.strip() and not title.strip():
            continue
        begin_ms = milliseconds(time)
        if begin_ms is None:
            lines.append(Line(time, title, _("Write the time as minutes and seconds, e.g. 12:30.")))
            continue
        rows.append(media.ChapterRow(begin_ms, title))
        lines.append(Line(time, title))
    return rows, lines


def worded(refused: ChaptersUnusable) -> str:
    """What an editor is told when her chapters cannot be kept."""
    at = clock(max(0, refused.values.get("begin_ms", 0)))
    return {
        "NO_TITLE": _("The chapter at %(time)s needs a title."),
        "TITLE_TOO_LONG": _(
            "The title of the chapter at %(time)s is longer than %(most)s characters. Shorten it."
        ),
        "OUTSIDE": _(
            "The chapter at %(time)s begins after the end of the lecture (%(end)s). Correct its time."
        ),
        "TOGETHER": _("Two chapters begin at %(time)s. Change or remove one of them."),
        "TOO_MANY": _("There are more than %(most)s chapters. Remove some."),
    }[refused.code] % {
        "time": at,
        "most": refused.values.get("most", ""),
        "end": clock(round(refused.values.get("duration_s", 0) * 1000)),
    }


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The form: one line a chapter and some empty ones. What cannot be kept is shown again as it was typed."""
    if not request.user.has_perm("media_pipeline.change_asset"):
        raise PermissionDenied
    asset = get_object_or_404(Asset, pk=pk)
    now = media.chapters(asset)
    problem = ""
    seen = _seen(now)
    if request.method == "POST":
        typed = request.POST.getlist("time")[:_MOST_LINES], request.POST.getlist("title")[:_MOST_LINES]
        rows, lines = read_lines(*typed)
        if request.POST.get("seen") != seen:
            problem = _("Somebody else changed the chapters meanwhile. Yours are below: look and save again.")
        elif any(line.problem for line in lines):
            problem = _("Some lines need a correction.")
        else:
            try:
                kept = media.set_chapters(asset, rows, actor=request.user)
            except ChaptersUnusable as refused:
                problem = worded(refused)
            else:
                words = ngettext("%(n)d chapter is shown.", "%(n)d chapters are shown.", len(kept))
                messages.success(request, words % {"n": len(kept)})
                return redirect(reverse("lectures:edit", args=[pk]) + "#chapters")
    else:
        lines = [Line(clock(row.begin_ms), row.title) for row in now]
    context = {
        "asset": asset,
        "lines": [*lines, *[Line()] * _SPARE_LINES],
        "problem": problem,
        "seen": seen,
        "page_title": _("Chapters"),
        "page_subtitle": asset.title,
        "header_icon": "list-ul",
    }
    return render(request, "catalogue_admin/chapters_edit.html", context, status=422 if problem else 200)


def _seen(rows: Sequence[media.ChapterRow]) -> str:
    """A mark of the chapters that the form showed: two editors, one winner, one told."""
    text = "\n".join(f"{row.begin_ms} {row.title}" for row in rows)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


urlpatterns = [path("<int:pk>/chapters/", edit, name="chapters_edit")]
"""Below the address of 授课视频 (lectures.py)."""
