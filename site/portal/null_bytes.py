"""Addresses with a NUL in them: nothing here has one, and PostgreSQL takes none."""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponseBase

__all__ = ["NothingHasANul"]

SPEAK_FOR_THEMSELVES = ("/xapi/", "/cmi5/", "/api/")
"""Interfaces that answer such a request with words of their own."""


class NothingHasANul:
    """404 for a page's address with %00 in its path or its query, before a view asks the database for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(SPEAK_FOR_THEMSELVES) and (
            "\x00" in request.path_info
            or any("\x00" in text for name, values in request.GET.lists() for text in (name, *values))
        ):
            raise Http404
        return self.get_response(request)
