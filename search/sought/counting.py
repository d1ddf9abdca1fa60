"""Counting what is looked for: in the memory of the process, written down every few seconds beside the requests.

A count that is lost with its process is no loss; a search that waits for a counter would be one.
"""

import hashlib
import logging
import secrets
import threading
from collections.abc import Iterable
from datetime import date

from django.conf import settings
from django.db import IntegrityError, connections, transaction
from django.db.models import F, Sum
from django.utils import timezone

from people.models import Member
from search.sought.keeping import LEAST, keepable, name_candidates
from search.sought.models import SearchLog

__all__ = ["flush", "forget", "note", "tidy"]

log = logging.getLogger(__name__)

Key = tuple[date, str, str]
Counts = dict[Key, list[int]]

MOST_WAITING = 5000
MOST_SEEN = 200_000
NAMES_AT_A_TIME = 500

_lock = threading.Lock()
_waiting: Counts = {}
_timer: threading.Timer | None = None
_secret = secrets.token_bytes(16)
_seen: set[bytes] = set()
_seen_on: date | None = None


def note(query: str, kind: str, *, in_vain: bool, visitor: str, day: date | None = None) -> None:
    """Count one search. `visitor` tells one visitor from another and is forgotten: only a digest of it, under a
    key that never leaves this process, is kept until the day is over, so that one who asks again counts once."""
    global _seen_on, _timer
    day = day or timezone.localdate()
    text = keepable(query)
    told = hashlib.blake2b(f"{visitor}\0{text}\0{kind}".encode(), key=_secret, digest_size=12).digest()
    with _lock:
        if _seen_on != day:
            _seen.clear()
            _seen_on = day
        if told in _seen or len(_waiting) >= MOST_WAITING or len(_seen) >= MOST_SEEN:
            return
        _seen.add(told)
        counts = _waiting.setdefault((day, text, kind), [0, 0])
        counts[0] += 1
        counts[1] += in_vain
        every_s = settings.SEARCH["COUNT_EVERY_S"]
        if every_s and _timer is None:
            _timer = threading.Timer(every_s, _flush_beside)
            _timer.daemon = True
            _timer.start()


def flush() -> None:
    """Write down what was counted so far; texts that hold a name of the roster go to what has no text."""
    global _timer
    with _lock:
        counted, _timer = dict(_waiting), None
        _waiting.clear()
    if not counted:
        return
    names = _names_among(text for _day, text, _kind in counted)
    written: Counts = {}
    for (day, text, kind), (searches, without) in counted.items():
        text = "" if names & name_candidates(text) else text
        sums = written.setdefault((day, text, kind), [0, 0])
        sums[0] += searches
        sums[1] += without
    with transaction.atomic():
        for key in sorted(written):
            _add(key, *written[key])


def forget() -> None:
    """As after the start of the process: nothing counted, nobody seen."""
    with _lock:
        _waiting.clear()
        _seen.clear()


def tidy(*, today: date | None = None) -> None:
    """Forget the texts that stayed rare in months that are over, and everything older than SEARCH["COUNT_MONTHS"]."""
    today = today or timezone.localdate()
    with transaction.atomic():
        SearchLog.objects.filter(day__lt=_months_before(today, settings.SEARCH["COUNT_MONTHS"])).delete()
        over = SearchLog.objects.filter(day__lt=today.replace(day=1)).exclude(query="")
        sums = over.values("day__year", "day__month", "query").annotate(n=Sum("searches")).filter(n__lt=LEAST)
        for rare in sums:
            rows = over.filter(
                day__year=rare["day__year"], day__month=rare["day__month"], query=rare["query"]
            )
            for row in rows:
                _add((row.day, "", row.kind), row.searches, row.without_results)
            rows.delete()


def _add(key: Key, searches: int, without: int) -> None:
    day, text, kind = key
    more = {"searches": F("searches") + searches, "without_results": F("without_results") + without}
    row = SearchLog.objects.filter(day=day, query=text, kind=kind)
    if row.update(**more):
        return
    try:
        with transaction.atomic():
            SearchLog.objects.create(
                day=day, query=text, kind=kind, searches=searches, without_results=without
            )
    except IntegrityError:  # another process was quicker
        row.update(**more)


def _names_among(texts: Iterable[str]) -> set[str]:
    asked = sorted({one for text in texts for one in name_candidates(text)})
    found: set[str] = set()
    for start in range(0, len(asked), NAMES_AT_A_TIME):
        part = asked[start : start + NAMES_AT_A_TIME]
        found |= set(Member.objects.filter(name__in=part).values_list("name", flat=True))
    return found


def _months_before(day: date, months: int) -> date:
    count = day.year * 12 + day.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


def _flush_beside() -> None:
    """In a thread of its own, which needs its own connection only for this moment."""
    try:
        flush()
    except Exception:
        log.warning("What was looked for could not be written down; these counts are lost.", exc_info=True)
    finally:
        connections.close_all()  # of this thread
