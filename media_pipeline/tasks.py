"""What is done later: work on a job when the bell rings (queue "media"); look after those whose worker died."""

from celery import shared_task

from media_pipeline import api

__all__ = ["reap", "work_on"]


@shared_task(name="media_pipeline.work_on", ignore_result=True)
def work_on(job_id: int) -> None:
    """Run one job: the first in the queue; `job_id` is the one that rang."""
    api.work_on(job_id, in_order=True)


@shared_task(name="media_pipeline.reap", ignore_result=True, soft_time_limit=120, time_limit=180)
def reap() -> None:
    """Ring for jobs that nobody works on (lapsed lease, lost bell), end abandoned uploads, sweep scratch."""
    api.reap()
