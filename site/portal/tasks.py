"""What the site as a whole does regularly."""

from celery import shared_task
from django.core.management import call_command


@shared_task(name="portal.publish_scheduled", soft_time_limit=300, time_limit=330)
def publish_scheduled() -> None:
    """Publish and unpublish pages whose time has come (Wagtail's own command; safe to run twice)."""
    call_command("publish_scheduled")


@shared_task(name="portal.tidy", soft_time_limit=300, time_limit=330)
def tidy() -> None:
    """Once a night: drop sessions that have ended."""
    call_command("clearsessions")
