"""Hear a refused upload out: a browser that is still sending does not listen.

When a request is refused before its body was read (signed out meanwhile, no right, a stale form token), the
web server neither reads on nor hangs up, and a browser in the middle of a large piece waits for ever.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from media_pipeline.intake.patience import PatientStream

__all__ = ["HearUploadsOut"]

_UPLOADS = "/api/media/uploads/"
_PATIENCE_S = 10.0


class HearUploadsOut:
    """Middleware, outermost but for those that touch every answer: reads what a refused PATCH still sends (at most 64 MB)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        unread = not getattr(request, "_read_started", False)
        if unread and request.method == "PATCH" and request.path.startswith(_UPLOADS):
            with PatientStream(request, patience_s=_PATIENCE_S) as body:
                body.finish()
        return response
