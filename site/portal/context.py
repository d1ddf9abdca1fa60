"""What every page's frame needs."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from courses.archive.api import claims_waiting
from people.api import Scope, scope_of
from people.models import Notice
from portal.models import SiteFrame

ELDER_KEY = "elder_mode"
"""Session key of elder mode for visitors who are not signed in, or who chose otherwise on this device."""

SECTIONS = ("study", "courses", "policy", "search", "board", "my")


def section_of(path: str) -> str:
    """Which part of the site an address belongs to, for tabs and navigation: /courses/a/ → courses; else ""."""
    first = path.strip("/").partition("/")[0]
    return {"archive": "study", "exams": "study", "accounts": "sign_in"}.get(
        first, first if first in SECTIONS else ""
    )


def is_elder(request: HttpRequest) -> bool:
    """Whether this visitor reads the elder version: what was chosen on this device, else the member's choice."""
    session = getattr(request, "session", None)
    chosen = session.get(ELDER_KEY) if session is not None else None
    if chosen is not None:
        return bool(chosen)
    user = getattr(request, "user", None)
    return bool(user is not None and user.is_authenticated and user.elder_mode)


def site_frame(request: HttpRequest) -> dict:
    """Template context of the frame. Lazy: an admin page or an error page asks the database for nothing.

    `section`: home study courses policy search board my or "" (a view may say otherwise); `site_name`
    the wordmark; `frame` portal.models.SiteFrame; `elder_mode` bool; `unread` number of unread notices;
    `organises` whether the visitor has an organiser's board; `claims_waiting` how many claims of study
    elsewhere wait for her.
    """

    def load_frame() -> SiteFrame:
        return SiteFrame.load(request_or_site=request)

    frame = SimpleLazyObject(load_frame)
    user = getattr(request, "user", None)

    def unread() -> int:
        return Notice.objects.of(user).unread().count() if user is not None and user.is_authenticated else 0

    @cache
    def scope() -> Scope:
        return scope_of(user) if user is not None and user.is_authenticated else Scope()

    def organises() -> bool:
        known = getattr(user, "has_desk", None)  # people.sign_in asked with the user
        return bool(scope()) if known is None else known

    def waiting() -> int:
        return claims_waiting(user, scope()) if organises() else 0

    return {
        "section": section_of(request.path),
        "frame": frame,
        "site_name": SimpleLazyObject(lambda: frame.wordmark or settings.WAGTAIL_SITE_NAME),
        "elder_mode": SimpleLazyObject(lambda: is_elder(request)),
        "unread": SimpleLazyObject(unread),
        "organises": SimpleLazyObject(organises),
        "claims_waiting": SimpleLazyObject(waiting),
    }
