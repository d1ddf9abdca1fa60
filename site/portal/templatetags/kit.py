"""Small words of the kit for templates: icons, hours, lengths, days, queries that keep their place."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import template
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

register = template.Library()


@register.simple_tag
def icon(name: str, extra: str = "", label: str = "") -> SafeString:
    """`{% icon "home" %}`: a line drawing of templates/_icons.html; without `label` it is decoration."""
    classes = f"icon {extra}".strip()
    if label:
        return format_html(
            '<svg class="{}" role="img" aria-label="{}"><use href="#i-{}"/></svg>', classes, label, name
        )
    return format_html('<svg class="{}" aria-hidden="true"><use href="#i-{}"/></svg>', classes, name)


@register.filter
def hours(value: Any) -> str:
    """Study hours without needless zeros: Decimal("21.50") → "21.5", Decimal("32.00") → "32"."""
    if value is None or value == "":
        return ""
    text = f"{Decimal(str(value)):.2f}".rstrip("0").rstrip(".")
    return "0" if text in {"", "-0"} else text


@register.filter
def clock(seconds: Any) -> str:
    """A place or length on the timeline: 244 → "04:04", 4025 → "1:07:05"."""
    if seconds is None or seconds == "":
        return ""
    whole = max(int(seconds), 0)
    minutes, rest = divmod(whole, 60)
    over, minutes = divmod(minutes, 60)
    return f"{over}:{minutes:02}:{rest:02}" if over else f"{minutes:02}:{rest:02}"


@register.filter
def lasting(seconds: Any) -> str:
    """A length in words: 2286 → "38 min 6 s"; from an hour on without seconds."""
    if seconds is None or seconds == "":
        return ""
    whole = max(int(seconds), 0)
    minutes, rest = divmod(whole, 60)
    over, minutes = divmod(minutes, 60)
    if over:
        hour_words = ngettext("%(n)s h", "%(n)s h", over) % {"n": over}
        return f"{hour_words} {gettext('%(n)s min') % {'n': minutes}}" if minutes else hour_words
    if not minutes:
        return gettext("%(n)s s") % {"n": rest}
    minute_words = gettext("%(n)s min") % {"n": minutes}
    return f"{minute_words} {gettext('%(n)s s') % {'n': rest}}" if rest else minute_words


def _local_day(value: date | datetime) -> date:
    return timezone.localdate(value) if isinstance(value, datetime) else value


@register.filter
def day(value: date | datetime | None) -> str:
    """A day in words: 20 November of this year → "11 月 20 日", of another year with the year before."""
    if not value:
        return ""
    on = _local_day(value)
    if on.year == timezone.localdate().year:
        return gettext("%(month)s/%(day)s") % {"month": on.month, "day": on.day}
    return gettext("%(year)s/%(month)s/%(day)s") % {"year": on.year, "month": on.month, "day": on.day}


@register.filter
def full_day(value: date | datetime | None) -> str:
    """A day in words, always with its year: "2026 年 11 月 20 日"."""
    if not value:
        return ""
    on = _local_day(value)
    return gettext("%(year)s/%(month)s/%(day)s") % {"year": on.year, "month": on.month, "day": on.day}


@register.filter
def short_day(value: date | datetime | None) -> str:
    """A day for columns: "11-20"; of another year "2025-11-20"."""
    if not value:
        return ""
    on = _local_day(value)
    return f"{on:%m-%d}" if on.year == timezone.localdate().year else f"{on:%Y-%m-%d}"


@register.filter
def when(value: datetime | None) -> str:
    """A moment as people say it: "today 08:12", "yesterday 21:30", then the day."""
    if not value:
        return ""
    local = timezone.localtime(value)
    age = (timezone.localdate() - local.date()).days
    if age == 0:
        return gettext("today %(time)s") % {"time": f"{local:%H:%M}"}
    if age == 1:
        return gettext("yesterday %(time)s") % {"time": f"{local:%H:%M}"}
    return day(value)


@register.filter
def share(part: Any, whole: Any) -> str:
    """`part` of `whole` as a CSS percentage with two places, 0 to 100: {{ 8|share:32 }} → "25.00"."""
    total = float(whole or 0)
    return f"{min(max(float(part or 0) / total, 0.0), 1.0) * 100:.2f}" if total > 0 else "0.00"


@register.filter
def of_dict(mapping: Any, key: Any) -> Any:
    """The value under `key`, or None: {{ progress|of_dict:row.version.pk }}."""
    return mapping.get(key) if mapping else None


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: Any) -> str:
    """The address's own query with some names changed; None or "" removes one. For pages and filters."""
    request: HttpRequest = context["request"]
    asked = request.GET.copy()
    for name, value in changes.items():
        if value in (None, ""):
            asked.pop(name, None)
        else:
            asked[name] = str(value)
    return f"?{asked.urlencode()}" if asked else request.path
