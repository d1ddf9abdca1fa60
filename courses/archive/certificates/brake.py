"""A brake for the public check page: so many look-ups from one address, then a pause. Counts in the cache only."""

from __future__ import annotations

from hashlib import sha256

from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone

from people.client_address import source_of

__all__ = ["LOOKUPS", "WINDOW_S", "allowed"]

LOOKUPS = 20
WINDOW_S = 600


def allowed(request: HttpRequest) -> bool:
    """Count one look-up from the address behind `request`; False when it was one too many.

    The address is kept as a hash, for ten minutes at most: windows of ten minutes by the clock, each with a key of
    its own. Behind a reverse proxy it is the visitor's own address (TRUSTED_PROXIES).
    """
    address = source_of(request)
    window = int(timezone.now().timestamp()) // WINDOW_S
    key = f"certificate-check:{window}:{sha256(address.encode()).hexdigest()[:24]}"
    cache.add(key, 0, WINDOW_S)
    if cache.get(key, 0) >= LOOKUPS:
        return False  # and not written any more
    try:
        cache.incr(key)
        cache.touch(key, WINDOW_S)  # counting in files would shorten it
    except ValueError:  # it lapsed between the two
        cache.set(key, 1, WINDOW_S)
    return True
