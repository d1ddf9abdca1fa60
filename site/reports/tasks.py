"""What reports do on their own."""

from celery import shared_task
from django.utils import timezone

from reports import documents


@shared_task(name="reports.follow_posts", soft_time_limit=300, time_limit=330)
def follow_posts() -> int:
    """Every night: posts that began or ended with the day are found, or not found any more. Again does no harm."""
    return documents.follow_posts(timezone.localdate())
