"""Hear a refused upload out, and let go of every upload's body as soon as it is answered.

When a request is refused before its body was read (signed out meanwhile, no right, a stale form token), not every
web server reads on or hangs up (granian did neither), and a browser in the middle of a large piece waits for ever.

A request of Django's refers to itself (by way of `request.user`), so it and what the web server had read ahead of
its body, up to two megabytes with granian, stay until the garbage collector comes to the oldest objects; among the hundreds of
thousands that the school is made of it hardly ever does. Thus the web server grew by 6 MB with each GB of uploads.
"""

from collections.abc import Callable
from io import BytesIO

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponseBase

from media_pipeline.intake.patience import PatientStream

__all__ = ["HearUploadsOut"]

_UPLOADS = "/api/media/uploads/"
_PATIENCE_S = 10.0


class HearUploadsOut:
    """Middleware, outermost but for those that touch every answer: reads what a refused PATCH still sends (at most
    64 MB), and forgets the bodies of all."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.method == "PATCH" and request.path.startswith(_UPLOADS):
            if not getattr(request, "_read_started", False):
                with PatientStream(request, patience_s=_PATIENCE_S) as body:
                    body.finish()
            _forget_body(request)
        return response


def _forget_body(request: HttpRequest) -> None:
    if isinstance(request, WSGIRequest):
        request.environ.pop("wsgi.input", None)
        request._stream = BytesIO()
