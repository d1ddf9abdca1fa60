"""What search does later, on the queue "search" (portal/celery.py); an index has one writer at a time."""

from celery import shared_task

from search import indexing, meaning, verification
from search.sought import counting


@shared_task(soft_time_limit=3600, time_limit=3660)
def drain_outbox() -> int:
    """Bring the index up to date with the outbox; makes the index first where none is usable."""
    return indexing.drain()


@shared_task(soft_time_limit=3600, time_limit=3660)
def verify_index() -> int:
    """Every night: compare the index with the truth and repair it; how many documents differed."""
    return sum(len(one.differing) for one in verification.verify(repair=True, meanwhile=indexing.drain))


@shared_task(soft_time_limit=300, time_limit=330)
def tidy_search_log() -> None:
    """Once a night: forget what stayed rare, and what is old (search.sought)."""
    counting.tidy()


@shared_task(soft_time_limit=60, time_limit=90)
def embed_documents() -> int:
    """Every other second where search by meaning is on: embed what has changed, for a moment; how many are left."""
    if not meaning.is_on():
        return 0
    from search.meaning import vectors

    return vectors.go_on()
