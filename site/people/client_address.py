"""Where a request comes from, for whoever brakes by it (sign-in, public pages) or writes it down (the audit trail).

Never request.META["REMOTE_ADDR"]: behind a reverse proxy that is the proxy.
"""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

__all__ = ["client_address", "source_of"]


def client_address(request: HttpRequest) -> str | None:
    """The visitor's address, behind as many proxies of ours as are trusted (TRUSTED_PROXIES); None when nothing
    says so. What visitors themselves write into X-Forwarded-For is never believed."""
    try:
        return str(get_adapter().get_client_ip(request))
    except PermissionDenied:
        return None


def source_of(request: HttpRequest) -> str:
    """`client_address` for `people.api.record(source=…)`; empty when nobody knows."""
    return client_address(request) or ""
