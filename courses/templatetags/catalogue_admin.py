"""Tags of our panels in the Wagtail admin."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from courses.catalogue.lectures import lecture_card as card_context
from courses.catalogue.words import file_size, minutes_and_seconds
from media_pipeline import api as media
from media_pipeline.models import Asset

register = template.Library()


@register.inclusion_tag("catalogue_admin/_lecture_card.html", takes_context=True)
def lecture_card(context: template.Context, asset: Asset) -> dict[str, Any]:
    """How far `asset` is: stages, versions, or why it stopped; with the buttons that the user may press."""
    return card_context(asset, context["request"].user)


@register.simple_tag
def upload_terms() -> dict[str, Any]:
    """What an editor should know before she chooses a file: how large it may be, which endings are no video."""
    terms = media.upload_terms()
    return {
        "largest": file_size(terms.largest_bytes),
        "config": {"largest_bytes": terms.largest_bytes, "no_lectures": sorted(media.NO_LECTURES)},
    }


@register.filter
def percent(share: float) -> int:
    """0.617 → 61: rounded down, so that 100 means done."""
    return int(share * 100)


@register.filter
def megabytes(size_bytes: float) -> str:
    return file_size(size_bytes)


@register.filter
def time_left(seconds: int) -> str:
    """Rounded for people: 40 → «less than a minute left», 700 → «about 12 minutes left», 4100 → «about 1 h 10 min»."""
    if seconds < 60:
        return _("less than a minute left")
    hours, minutes = _rounded(seconds)
    if hours:
        return _("about %(hours)d h %(minutes)d min left") % {"hours": hours, "minutes": minutes}
    return ngettext("about %(n)d minute left", "about %(n)d minutes left", minutes) % {"n": minutes}


@register.filter
def duration_about(seconds: float) -> str:
    """The same without «left», for a column: 40 → «< 1 min», 700 → «12 min», 4100 → «1 h 10 min»."""
    if seconds < 60:
        return _("< 1 min")
    hours, minutes = _rounded(seconds)
    if hours:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    return _("%(minutes)d min") % {"minutes": minutes}


@register.filter
def duration_words(seconds: float) -> str:
    """A measured time: 0 → 0 秒, 75 → 1 分 15 秒."""
    return minutes_and_seconds(seconds) or _("%(seconds)d s") % {"seconds": 0}


def _rounded(seconds: float) -> tuple[int, int]:
    """Hours and minutes: to the minute below 15 minutes, to five below an hour, to ten above."""
    minutes = round(seconds / 60)
    if minutes >= 15:
        step = 5 if minutes < 60 else 10
        minutes = round(minutes / step) * step
    return (minutes // 60, minutes % 60) if minutes >= 60 else (0, minutes)
