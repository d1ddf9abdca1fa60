"""Tags of the captions panel in the Wagtail admin."""

from __future__ import annotations

from typing import Any

from django import template

from courses.catalogue import captions_desk
from media_pipeline.captions import parse_vtt
from media_pipeline.captions.times import clock_vtt
from media_pipeline.models import Asset

register = template.Library()


@register.inclusion_tag("catalogue_admin/_captions_panel.html", takes_context=True)
def captions_panel(context: template.Context, asset: Asset) -> dict[str, Any]:
    """字幕 of a lecture: which there are, upload, speech to text, earlier texts."""
    request = context["request"]
    found = captions_desk.captions_panel(asset, request.user)
    return {**found, "request": request, "csrf_token": context.get("csrf_token")}


@register.filter
def moment(ms: int) -> str:
    """61500 → 01:01.5; with hours from the first hour on."""
    clock = clock_vtt(ms)
    return (clock if ms >= 3_600_000 else clock[3:])[:-2]


@register.filter
def cue_count(vtt: str) -> int:
    return len(parse_vtt(vtt))
