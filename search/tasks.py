"""What search does later, on the queue "search" with its one worker process (an index has one writer)."""

from celery import shared_task

from search import indexing


@shared_task(queue="search", soft_time_limit=3600, time_limit=3660)
def drain_outbox() -> int:
    """Bring the index up to date with the outbox; makes the index first where none is usable."""
    return indexing.drain()
