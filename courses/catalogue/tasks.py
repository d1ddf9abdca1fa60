"""What the catalogue does later and on its own."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

from courses.catalogue.attached.reading import read_waiting

__all__ = ["read_files", "ring_for_reading"]

log = logging.getLogger(__name__)


@shared_task(name="catalogue.read_files", soft_time_limit=3000, time_limit=3060)
def read_files() -> int:
    """Read the text of attached files that have not been read; how many. Again changes nothing."""
    return read_waiting()


def ring_for_reading() -> None:
    """Call `read_files` now; where the broker is down the scheduler does it within a minute."""
    try:
        read_files.apply_async(retry=False)
    except OperationalError as fault:
        log.warning("The reader of files could not be called (%s); the scheduler will do it.", fault)
