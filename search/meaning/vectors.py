"""Keeping the vectors of an index in step with what lies in it. May run twice, or end at any moment."""

import logging
import time
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from django.db import transaction

from search.documents import CAPTIONS, kinds
from search.engines import Engine, key_of
from search.engines.current import SITE
from search.errors import MeaningAway, SearchError
from search.kept import foreign_or_site
from search.meaning import Embedder, is_on, model_name, process
from search.meaning.models import Vector
from search.meaning.texts import hash_of, text_of

__all__ = ["go_on", "keep_up"]

log = logging.getLogger(__name__)

SLICE_S = 0.5
"""So long the worker embeds at a time: between two slices it takes up what was changed."""
REST_S, REST_FACTOR = 60.0, 50
"""Pause between two comparisons of index and vectors, longer where one takes long."""
AT_ONCE = 2
"""Texts given to the model at once by the worker: 0.4 s on one core."""

_going: Iterator[tuple[int, int]] | None = None
_rests_until = 0.0


def keep_up(index: str, embedder: Embedder, *, at_once: int = AT_ONCE) -> Iterator[tuple[int, int]]:
    """Make the vectors of `index` those of its documents; tells (done, to do) after each step.

    Captions are left out (in an hour there are hundreds of windows, and a sentence that was said is found by its
    words), and so are people and organisations. What is done is done: started again it goes on where it was.
    Raises MeaningAway when the model answers nothing at all, and what the engine raises.
    """
    chosen = foreign_or_site(index)
    changed: list[str] = []
    left_out = {CAPTIONS, *(kind.name for kind in kinds() if kind.stands_apart and index == SITE)}
    rows = Vector.objects.filter(index=index)
    rows.exclude(model=model_name()).delete()
    held = dict(rows.values_list("key", "fingerprint"))
    for kind in sorted(chosen.kinds() - left_out):
        for id, fingerprint in chosen.inventory(kind):
            if held.pop(key_of(kind, id), None) != fingerprint:
                changed.append(key_of(kind, id))
        yield 0, len(changed)
    for gone in _batches(list(held), 500):
        rows.filter(key__in=gone).delete()
    done = 0
    for keys in _batches(changed, at_once):
        _renew(index, chosen, embedder, keys)
        done += len(keys)
        yield done, len(changed)


def _renew(index: str, chosen: Engine, embedder: Embedder, keys: Sequence[str]) -> None:
    """Look at these documents again; embed those whose text is another one."""
    rows = Vector.objects.filter(index=index, key__in=keys)
    known = dict(rows.values_list("key", "text_hash"))
    lying = {key_of(one["kind"], one["id"]): one for one in chosen.fetch(keys, None)}
    said = {key: text_of(stored) for key, stored in lying.items()}
    fresh = [key for key, text in said.items() if known.get(key) != hash_of(text)]
    vectors = dict(zip(fresh, _embedded(embedder, [said[key] for key in fresh]), strict=True))
    with transaction.atomic():
        rows.filter(key__in=fresh).delete()
        Vector.objects.bulk_create(
            [
                Vector(
                    index=index,
                    key=key,
                    model=model_name(),
                    fingerprint=lying[key]["fingerprint"],
                    text_hash=hash_of(said[key]),
                    vector=vector,
                )
                for key, vector in vectors.items()
            ],
            ignore_conflicts=True,  # somebody else embeds the same
        )
        for key in said.keys() - vectors.keys():
            rows.filter(key=key).update(fingerprint=lying[key]["fingerprint"])


def _embedded(embedder: Embedder, texts: list[str]) -> list[bytes]:
    """The vectors as they are kept; an empty one for a text that the model fails on, though not on the others."""
    try:
        return _made(embedder, texts)
    except MeaningAway:
        alone = [_alone(embedder, text) for text in texts]
        if not any(alone):
            raise
        log.warning("The model fails on %d of %d documents", alone.count(b""), len(alone))
        return alone


def _alone(embedder: Embedder, text: str) -> bytes:
    time.sleep(process.REST_AFTER_DOCUMENT_S)
    try:
        [vector] = _made(embedder, [text])
        return vector
    except MeaningAway:
        return b""


def _made(embedder: Embedder, texts: list[str]) -> list[bytes]:
    return [vector.astype(np.dtype("<f2")).tobytes() for vector in embedder.passages(texts)] if texts else []


def _batches(keys: list[str], size: int) -> Iterator[list[str]]:
    coming = iter(keys)
    while batch := list(islice(coming, size)):
        yield batch


def go_on() -> int:
    """Called every other second by the worker: embed the site's documents for SLICE_S; how many there are to do.

    What could not be done is tried again a minute later; words find it meanwhile.
    """
    global _going, _rests_until
    started = time.monotonic()
    if not is_on() or (_going is None and started < _rests_until):
        return 0
    left = 0
    try:
        if _going is None:
            _going = keep_up(SITE, process.reading())
        for done, all_of_them in _going:
            left = all_of_them - done
            if time.monotonic() - started > SLICE_S:
                return left
    except SearchError as fault:
        log.info("Documents are not embedded just now: %s", fault or type(fault).__name__)
    took_s = time.monotonic() - started
    _going, _rests_until = None, time.monotonic() + max(REST_S, REST_FACTOR * took_s)
    return left
