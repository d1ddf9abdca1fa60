"""Keeping the analyser of this process in step with the editors' words, and the index with them.

Every process looks at most every `FRESH_S` whether the lists have changed (one small query), so a synonym
works everywhere within that time. A changed word wants a new index besides; the old one goes on answering
until the worker has made it, for words only move results up and down.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db.models import Count, Max, Value
from django.utils import timezone

from search import analysis
from search.engines.current import SITE
from search.words.models import LexiconWord, SynonymGroup, WordsInUse

__all__ = ["State", "forget", "index_lags", "refresh", "state", "taking_up"]

log = logging.getLogger(__name__)

FRESH_S = 3.0
QUIET_S = 20.0
"""Who adds a word adds another: the index is made anew when the list has rested so long."""
GIVEN_UP_AFTER = timedelta(hours=2)
"""A rebuild that began longer ago has died."""

Seen = tuple[tuple[Any, ...], ...]
"""(name of the list, entries, when one was changed, number of the last) for each."""
State = Literal["in_use", "rebuilding", "waiting"]

_lock = threading.Lock()
_looked_at = float("-inf")
_seen: Seen | None = None
_lags_since: dict[str, tuple[str, float]] = {}


def refresh(*, at_once: bool = False) -> None:
    """Take up what editors changed, if it has not been looked at in the last seconds; else nothing happens."""
    global _looked_at, _seen
    now = time.monotonic()
    if not at_once and now - _looked_at < FRESH_S:
        return
    if not _lock.acquire(blocking=at_once):
        return  # somebody is looking
    try:
        _looked_at = now
        seen = _look()
        if seen != _seen:
            analysis.use_added(_load() if any(number for _name, number, *_rest in seen) else analysis.Added())
            _seen = seen
    finally:
        _lock.release()


def forget() -> None:
    """As after the start of the process: nothing added, and the next `refresh` looks."""
    global _looked_at, _seen
    with _lock:
        _looked_at, _seen = float("-inf"), None
        _lags_since.clear()
        analysis.use_added(analysis.Added())


def _look() -> Seen:
    """How many words and synonyms there are, the last one's number, and when one was changed; one query."""

    def told(model: type[LexiconWord] | type[SynonymGroup]) -> Any:
        table = model.objects.order_by().values_list(Value(model._meta.model_name))
        return table.annotate(n=Count("pk"), at=Max("changed_at"), last=Max("pk"))

    return tuple(sorted(told(LexiconWord).union(told(SynonymGroup))))


def _load() -> analysis.Added:
    synonyms: dict[str, tuple[str, ...]] = {}
    for group in SynonymGroup.objects.all():
        names = [group.term, *group.phrases]
        for name in [group.term] if group.one_way else names:
            more = tuple(one for one in names if one != name and one not in synonyms.get(name, ()))
            synonyms[name] = synonyms.get(name, ()) + more
    return analysis.Added(tuple(LexiconWord.objects.values_list("word", flat=True)), synonyms)


def index_lags(index: str = SITE, *, now: float | None = None) -> bool:
    """Whether `index` should be made anew because of the words, and they have rested for QUIET_S.

    One query. `now` is time.monotonic(), for tests.
    """
    now = time.monotonic() if now is None else now
    stamp = analysis.added().stamp
    if _in_use(index).stamp == stamp:
        _lags_since.pop(index, None)
        return False
    if index not in _lags_since or _lags_since[index][0] != stamp:
        _lags_since[index] = (stamp, now)
    return now - _lags_since[index][1] >= QUIET_S


@contextmanager
def taking_up(index: str = SITE, *, now: datetime | None = None) -> Iterator[None]:
    """Around the making of a new `index`: it is made with the words of the beginning."""
    refresh(at_once=True)
    stamp = analysis.added().stamp
    WordsInUse.objects.update_or_create(index=index, defaults={"rebuilding_since": now or timezone.now()})
    row = WordsInUse.objects.filter(index=index)
    try:
        yield
    except BaseException:
        row.update(rebuilding_since=None)
        raise
    row.update(stamp=stamp, made_at=now or timezone.now(), rebuilding_since=None)


def state(*, now: datetime | None = None) -> tuple[State, datetime | None]:
    """For editors: whether the site's index knows all words, is being made, or waits for the worker; and since when."""
    refresh(at_once=True)
    row = _in_use(SITE)
    since = row.rebuilding_since
    if since is not None and (now or timezone.now()) - since < GIVEN_UP_AFTER:
        return "rebuilding", since
    return ("in_use", row.made_at) if row.stamp == analysis.added().stamp else ("waiting", None)


def _in_use(index: str) -> WordsInUse:
    return WordsInUse.objects.filter(index=index).first() or WordsInUse(index=index)
