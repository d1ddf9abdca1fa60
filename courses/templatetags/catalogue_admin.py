"""Tags of our panels in the Wagtail admin."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from courses.catalogue.lectures import lecture_card as card_context
from courses.catalogue.words import file_size
from media_pipeline.models import Asset

register = template.Library()


@register.inclusion_tag("catalogue_admin/_lecture_card.html")
def lecture_card(asset: Asset) -> dict[str, Any]:
    """How far `asset` is: stages, versions, or why it stopped."""
    return card_context(asset)


@register.filter
def percent(share: float) -> int:
    """0.617 → 61: rounded down, so that 100 means done."""
    return int(share * 100)


@register.filter
def megabytes(size_bytes: float) -> str:
    return file_size(size_bytes)


@register.filter
def time_left(seconds: int) -> str:
    if seconds < 60:
        return _("less than a minute left")
    minutes = round(seconds / 60)
    return ngettext("about %(n)d minute left", "about %(n)d minutes left", minutes) % {"n": minutes}
