"""The tag of the chapters panel in the Wagtail admin."""

from __future__ import annotations

from typing import Any

from django import template

from courses.catalogue import chapters_desk
from media_pipeline.models import Asset

register = template.Library()


@register.inclusion_tag("catalogue_admin/_chapters_panel.html", takes_context=True)
def chapters_panel(context: template.Context, asset: Asset) -> dict[str, Any]:
    """章节 of a lecture and the way to change them."""
    return chapters_desk.chapters_panel(asset, context["request"].user)
