"""What the archive does later and on its own."""

from celery import shared_task
from django.utils import timezone

from courses.archive import api
from courses.archive.cmi5 import launching
from courses.archive.folder import fold_everything
from courses.archive.imports import api as imports
from courses.archive.packs.api import pack_all
from courses.archive.xapi import outside

PACK_TURN_S = 5.0


@shared_task(name="archive.open_this_year", soft_time_limit=240, time_limit=300)
def open_this_year() -> int:
    """Open the running year in every archive: on 1 January, and harmless on any other day."""
    return api.open_years(timezone.localdate().year)


@shared_task(name="archive.abandon_cmi5", soft_time_limit=240, time_limit=300)
def abandon_cmi5() -> int:
    """Abandon launches of cmi5 units whose time is over; how many. Again changes nothing."""
    return launching.abandon_expired()


@shared_task(name="archive.count_outside", soft_time_limit=240, time_limit=300)
def count_outside() -> int:
    """Count what other programs' players reported and what is not yet in the log; how many reports. Again changes
    nothing: each is counted after its own commit, and waits only where a process died then."""
    return outside.count_waiting()


@shared_task(name="archive.pack", soft_time_limit=240, time_limit=300)
def pack() -> int:
    """Pack the months that are closed, member by member, for some seconds; how many beats were packed.

    Then others get their turn (one worker does all on one machine, and search is to be quick), and it rings for what
    is left, as long as it gets on. Stopped anywhere, or run twice at once, it packs each beat once.
    """
    done = pack_all(seconds=PACK_TURN_S)
    if done.months and not done.finished:
        pack.apply_async(countdown=1)
    return done.beats


@shared_task(name="archive.seal", soft_time_limit=1500, time_limit=1800)
def seal() -> str:
    """Seal the day that ended; the root. Again on the same day changes nothing.

    What was kept until now is reckoned first, so that the day's hours are in the day's seal; what comes later (the
    log of a phone that was offline) is recorded later, and is in a later seal.
    """
    fold_everything()
    return api.seal().root


@shared_task(name="archive.import_hours", soft_time_limit=240, time_limit=300)
def import_hours(pk: int) -> None:
    """Go on with a list of study hours. Twice, side by side, or after a death: each line is entered once."""
    imports.run(pk)


@shared_task(name="archive.ring_imports", soft_time_limit=50, time_limit=60)
def ring_imports() -> int:
    """Ring for lists whose bell was lost or whose worker died; how many."""
    return imports.ring_waiting()


@shared_task(name="archive.tidy_imports", soft_time_limit=240, time_limit=300)
def tidy_imports() -> int:
    """Delete refused lines that nobody corrects any more; how many."""
    return imports.tidy()
