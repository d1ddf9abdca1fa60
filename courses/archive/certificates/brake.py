"""A brake for the public check page: so many look-ups from one address, then a pause. Counts in the cache only."""

from __future__ import annotations

from hashlib import sha256

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.http import HttpRequest

__all__ = ["LOOKUPS", "WINDOW_S", "allowed"]

LOOKUPS = 20
WINDOW_S = 600


def allowed(request: HttpRequest) -> bool:
    """Count one look-up from the address behind `request`; False when it was one too many.

    The address is kept as a hash, for ten minutes.
    """
    address = get_adapter().get_client_ip(request)
    key = f"certificate-check:{sha256(address.encode()).hexdigest()[:24]}"
    cache.add(key, 0, WINDOW_S)
    try:
        return cache.incr(key) <= LOOKUPS
    except ValueError:  # it lapsed between the two
        cache.set(key, 1, WINDOW_S)
        return True
