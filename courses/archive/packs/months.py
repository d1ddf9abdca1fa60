"""Months of the log: to which one a session belongs, and which ones are over. Pure but for the settings."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from courses.archive.fields import EPOCH, MILLISECOND
from courses.archive.packs.month import started_ms

__all__ = ["closed_month", "first_session_of", "month_after", "month_at", "month_of", "starts_at"]

MARGIN = timedelta(days=1)
"""Beyond the last moment at which a token is good: for clocks, and for what a process remembers of a token."""
LAST_MS = 250_000_000_000_000
"""A number that claims to begin after this (the year 9892) was not made by us; it belongs to no month that ends."""


def month_at(moment: datetime) -> int:
    """Year and month of `moment` in the school's time zone, e.g. 202609."""
    local = timezone.localtime(moment, timezone.get_default_timezone())
    return local.year * 100 + local.month


def month_of(session: UUID) -> int:
    """The month in which a session began, by its number (tokens.new_session)."""
    return month_at(EPOCH + min(started_ms(session), LAST_MS) * MILLISECOND)


def month_after(month: int) -> int:
    return month + 1 if month % 100 < 12 else month + 89


def starts_at(month: int) -> datetime:
    """The first moment of `month`."""
    return datetime(month // 100, month % 100, 1, tzinfo=timezone.get_default_timezone())


def first_session_of(month: int) -> UUID:
    """Sessions from this number on began in `month` or later; of the earlier ones all numbers are below it."""
    return UUID(int=((starts_at(month) - EPOCH) // MILLISECOND) << 80)


def closed_month(now: datetime) -> int:
    """The last month of which no session can send anything any more (tokens.read refuses them all)."""
    life = timedelta(seconds=settings.STUDY["PLAY_TOKEN_TTL_S"] + settings.STUDY["BEAT_MAX_AGE_S"])
    running = month_at(now - life - MARGIN)
    return running - 1 if running % 100 > 1 else running - 89
