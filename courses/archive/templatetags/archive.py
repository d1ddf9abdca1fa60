"""What page templates ask of the archive.

{% load archive %}
{% lesson_study page as study %}      study.play (None without a sign-in), study.progress, study.version
{% study_config study as config %}    data of the player: {{ config|json_script:"lesson-play" }}
{% exemption_of member year as freed %}   her exemption in that year, or None
{{ seconds|clock }}                   244 → 04:04
{% interactive_course page as cmi5 %} the cmi5 course that hangs on the lesson `page`, or None
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django import template
from django.contrib.auth.models import AnonymousUser
from django.template import Context

from courses.archive import api
from courses.archive.answers import LessonProgress, Play
from courses.archive.cmi5.models import Cmi5Course
from courses.archive.models import Exemption
from courses.archive.wording import REASONS, clock_label
from courses.catalogue.api import lesson_version
from courses.catalogue.models import Lesson, LessonKind, LessonVersion
from media_pipeline import api as media
from people.models import Member

register = template.Library()


@dataclass(frozen=True)
class LessonStudy:
    """One member at one lesson. Without a sign-in only `version` is there."""

    lesson: Lesson
    version: LessonVersion | None
    member: Member | None
    play: Play | None
    progress: LessonProgress | None


@register.simple_tag(takes_context=True)
def lesson_study(context: Context, page: Lesson) -> LessonStudy:
    """The asker's study of the lesson `page`. A page that was never published has no version to study."""
    user = getattr(context.get("request"), "user", None)
    member = user if isinstance(user, Member) and user.is_active else None
    version = lesson_version(page)
    if member is None or version is None:
        return LessonStudy(page, version, member, None, None)
    return LessonStudy(
        lesson=page,
        version=version,
        member=member,
        play=api.play(member, version),
        progress=api.lesson_progress(member, version),
    )


@register.simple_tag
def interactive_course(page: Lesson) -> Cmi5Course | None:
    """The interactive course in use that hangs on the lesson; whoever may open the lesson may open it."""
    return Cmi5Course.objects.in_use().defer("structure").filter(lesson=page.pk).first()


@register.simple_tag
def exemption_of(member: Member, year: int) -> Exemption | None:
    """The exemption that frees `member` from the requirement of `year`; only for pages of her organisers."""
    return Exemption.objects.holding_in(year).filter(member=member).first()


@register.simple_tag
def study_config(study: LessonStudy) -> dict[str, Any]:
    """What the player in the page needs, for `json_script`.

    Without a sign-in (a public lesson) there is no token: the player plays and hands nothing in.
    {} for a page that was never published.
    """
    if study.version is None:
        return {}
    if study.play is None or study.progress is None:
        return _for_strangers(study.version) | {"playback": _playback(study)}
    return asdict(study.play) | {
        "expires_at": study.play.expires_at.isoformat(),
        "beats_url": "/api/archive/beats",
        "lease_url": "/api/archive/lease",
        "play_url": "/api/archive/play",
        "progress_url": f"/api/archive/progress/{study.version.uuid}",
        "hours_on_offer": float(study.progress.hours_on_offer),
        "credited_hours": float(study.progress.credited_hours),
        "spans": [asdict(one) for one in study.progress.spans],
        "missing": [asdict(one) for one in study.progress.missing],
        "labels": {
            code: str(text) % {"cap": f"{study.play.speed_cap:.1f}"} for code, text in REASONS.items()
        },
        "playback": _playback(study),
    }


def _for_strangers(version: LessonVersion) -> dict[str, Any]:
    return {
        "token": "",
        "session": "",
        "version": str(version.uuid),
        "kind": version.kind,
        "duration_s": version.duration_s,
        "resume_s": 0,
        "frontier_s": 0,
        "needed_s": 0,
        "watched_s": 0,
        "coverage": 0,
        "completed": False,
        "speed_cap": 2.0,
        "free_seek": True,
        "beat_seconds": 15,
        "spans": [],
        "missing": [],
        "labels": {},
    }


def _playback(study: LessonStudy) -> dict[str, Any] | None:
    version = study.version
    if version is None or version.kind == LessonKind.READING or version.asset is None:
        return None
    if media.why_not_playable(version.asset):
        return None
    marked = study.lesson.course.marked
    return asdict(media.playback(version.asset, study.member or AnonymousUser(), marked=marked))


@register.filter
def clock(seconds: float | None) -> str:
    """Seconds as a time on the timeline: 04:04, 1:02:05; "" for None."""
    return "" if seconds is None else clock_label(seconds)
