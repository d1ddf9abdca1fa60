"""What every page's frame needs."""

from django.conf import settings
from django.http import HttpRequest


def site_frame(request: HttpRequest) -> dict:
    """Template context of the frame: the wordmark. No query is made here."""
    return {"site_name": settings.WAGTAIL_SITE_NAME}
