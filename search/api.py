"""What may be done with search: ask, suggest, rebuild. To tell search of changes see `search.outbox`."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from typing import Any, ParamSpec

from django.utils import timezone

from search import apart, document_numbers, highlight, indexing, meaning, places, plain_titles, second_look
from search.analysis import blurred, normalise, runs, syllables
from search.documents import (
    CAPTIONS,
    MEMBERS,
    PUBLIC,
    Document,
    kind_of,
    kinds,
    member_token,
    organization_token,
    register,
    scope_token,
    tokens_of,
)
from search.engines import ANYTHING, Filters, Sort, key_of
from search.engines import Found as EngineFound
from search.engines.current import SITE, engine
from search.errors import (
    IndexMissing,
    IndexNameUnfit,
    IndexOutdated,
    IndexUnreadable,
    KindUnknown,
    SearchError,
)
from search.kept import foreign_or_site
from search.outbox import changed, removed
from search.query import Plan, plan
from search.related import related_plan
from search.verification import Comparison, verify
from search.windows import opened_at
from search.words import vocabulary

__all__ = [
    "MEMBERS",
    "PUBLIC",
    "Comparison",
    "Document",
    "Filters",
    "Hit",
    "IndexMissing",
    "IndexNameUnfit",
    "IndexOutdated",
    "IndexUnreadable",
    "KindUnknown",
    "Moment",
    "Results",
    "SearchError",
    "Suggestion",
    "changed",
    "drain",
    "is_ready",
    "kinds",
    "member_token",
    "organization_token",
    "rebuild",
    "register",
    "related",
    "removed",
    "scope_token",
    "search",
    "suggest",
    "tokens_of",
    "verify",
]

log = logging.getLogger(__name__)

LARGEST_PAGE = 100
CONSIDERED = 5
"""So many titles from the top may say what was meant."""
DEEPEST = 1000
"""Hits behind this place are not shown: who has leafed that far wants another query."""


UNTITLED = 40
"""Characters of its text that stand in the place of a title which a foreign document lacks."""
SPARE = 2
"""So many times the hits of a page are looked at where captions may be among them: windows that overlap fall together."""
MOST_LOOKED_AT = 3 * DEEPEST
MOST_PLACES_COUNTED = 40
"""Stretches of captions up to which their places are counted, also in a list of all kinds that shows but some of them."""


@dataclass(frozen=True)
class Moment:
    """A place of a lecture, in seconds from its beginning; `url` opens the lecture there."""

    start_s: float
    end_s: float
    excerpt_html: str
    url: str


@dataclass(frozen=True)
class Hit:
    """One found document; `…_html` is safe HTML: text escaped, what was found inside <mark>.

    Of captions it is the place of the `video` where it was said, `start_s` to `end_s` (seconds), and `url`
    opens it there. `moments` are the best places of that lecture, this one first, in a list of all kinds.
    """

    id: str
    kind: str
    kind_label: str
    title: str
    title_html: str
    excerpt_html: str
    url: str
    score: float
    category: str = ""
    published_on: str = ""
    duration_s: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    video: str = ""
    start_s: float | None = None
    end_s: float | None = None
    moments: tuple[Moment, ...] = ()


@dataclass(frozen=True)
class Results:
    """One page of hits. `counts` has an entry for each kind with hits, `total` is that of the chosen kind.

    Both count documents, and of captions the places. These are stretches of four cues to the engine, which
    overlap; where more match than are looked at it is the stretches that are counted, up to twice as many.
    `pages` is exact on the last page: there the end of the list is seen.

    `facets` (when asked for): for each of engines.FACETS how many hits bear each value, if it were chosen.
    `loosened` says that nothing held enough of the words and that these are only near to them;
    `did_you_mean` is a title-like query that would find more ("" for none), never used by itself.
    `everything` is the number of hits in the list of all kinds: without people and organisations, unless there
    is nothing else (search/apart.py).
    `degraded` says that the index cannot answer and only titles were looked through (no filters, no order by date).
    """

    query: str
    hits: list[Hit]
    total: int
    counts: dict[str, int]
    page: int
    pages: int
    took_ms: float
    loosened: bool = False
    did_you_mean: str = ""
    degraded: bool = False
    facets: dict[str, dict[str, int]] = field(default_factory=dict)
    everything: int = 0


@dataclass(frozen=True)
class Suggestion:
    """One title offered while typing."""

    title: str
    kind: str
    kind_label: str
    url: str


Asked = ParamSpec("Asked")


def _or_by_title(ask: Callable[Asked, Results]) -> Callable[Asked, Results]:
    """`ask`, or where the site's index cannot answer: titles from the database, as far as kinds can be found so."""

    @wraps(ask)
    def search(*args: Asked.args, **options: Asked.kwargs) -> Results:
        started = time.perf_counter()
        try:
            return ask(*args, **options)
        except (KindUnknown, IndexNameUnfit):
            raise
        except SearchError as fault:
            if options.get("index", SITE) != SITE or not plain_titles.can_answer():
                raise
            log.warning("Only titles are searched: %s", fault or type(fault).__name__)
            return _by_title(started, *args, **options)

    return search


@_or_by_title
def search(
    query: str,
    viewer: Any,
    *,
    kind: str | None = None,
    page: int = 1,
    size: int = 20,
    filters: Filters = ANYTHING,
    sort: Sort = "relevance",
    facets: bool = False,
    index: str = SITE,
) -> Results:
    """Find documents that `viewer` (Member or AnonymousUser) may see; any text is allowed as `query`.

    `page` counts from 1 and `size` is at most 100; a page behind the last one is empty. In order of date a sentence
    finds what shares words with it, not what shares but some characters, so there may be fewer. `index` names
    a foreign index (manage.py index_documents), whose kinds nobody registered.
    When the site's index cannot answer, titles are looked through in the database (`Results.degraded`), as
    far as kinds can be found so; else IndexMissing, IndexOutdated, IndexUnreadable or another SearchError is
    raised. Raises KindUnknown, IndexNameUnfit.
    """
    started = time.perf_counter()
    vocabulary.refresh()
    if kind is not None and index == SITE:
        kind_of(kind)
    size = max(1, min(size, LARGEST_PAGE))
    page = max(1, min(page, DEEPEST // size))
    access = tokens_of(viewer)
    chosen = foreign_or_site(index)
    offset = (page - 1) * size
    today = timezone.localdate() if index == SITE else None
    for loose in (False, True):
        wanted = plan(document_numbers.as_written(query), loose=loose)
        if sort == "date" and not loose:  # what is merely near would stand first for being new
            wanted = replace(wanted, characters_minimum=0)
        near = meaning.near(wanted, index, chosen, access) if sort == "relevance" and not loose else None
        wanted = replace(wanted, near=near.keys) if near else wanted
        find = partial(apart.find, chosen) if index == SITE else chosen.find
        asked = partial(find, wanted, access, kind=kind, filters=filters, sort=sort, facets=facets)
        look = partial(second_look.reordered, plan=wanted, today=today) if sort == "relevance" else None
        look = partial(near.ranked, plan=wanted, look=look) if near and look else look
        if kind in {None, CAPTIONS}:
            shown = _places_of(asked, wanted, together=kind is None, offset=offset, size=size, look=look)
        else:
            shown = _documents_of(asked, wanted, offset=offset, size=size, look=look)
        found = shown.found
        if found.counts or wanted.is_empty:
            break
    labels = _labels(found.counts, index)
    counts = {name: found.counts[name] for name in labels if found.counts.get(name)}
    if shown.places is not None and CAPTIONS in counts:
        counts[CAPTIONS] = shown.places
    everything = apart.in_all(counts) if index == SITE else sum(counts.values())
    total = counts.get(kind, 0) if kind else everything
    entries = total if shown.entries is None else shown.entries
    hits = [_hit(one, wanted, labels) for one in shown.listed if one.row["kind"] in labels]
    return Results(
        query=query,
        hits=hits,
        total=total,
        counts=counts,
        page=page,
        pages=min(-(-entries // size), DEEPEST // size),
        took_ms=round((time.perf_counter() - started) * 1000, 2),
        loosened=bool(total)
        and (wanted.is_loose or (look is not None and page == 1 and _is_far(wanted, shown))),
        did_you_mean=_did_you_mean(wanted, [one.row for one in shown.listed[:CONSIDERED]]),
        facets=found.facets,
        everything=everything,
    )


def _by_title(
    started: float,
    query: Any,
    viewer: Any,
    *,
    kind: Any = None,
    page: Any = 1,
    size: Any = 20,
    **_unused: Any,
) -> Results:
    """The answer of `search` without an index: titles that hold all words, the shorter first; no filters."""
    size = max(1, min(size, LARGEST_PAGE))
    page = max(1, min(page, DEEPEST // size))
    found = plain_titles.find(query, viewer)
    counts: dict[str, int] = {}
    for one, _document in found:
        counts[one.name] = counts.get(one.name, 0) + 1
    wanted = [(one, document) for one, document in found if kind in (None, one.name)]
    words = plain_titles.words_of(query)
    hits = [
        Hit(
            id=document.id,
            kind=one.name,
            kind_label=str(one.label),
            title=document.title,
            title_html=highlight.mark(document.title, highlight.spans(document.title, words)),
            excerpt_html="",
            url=document.url,
            score=0.0,
        )
        for one, document in wanted[(page - 1) * size : page * size]
    ]
    return Results(
        query=query,
        hits=hits,
        total=len(wanted),
        counts=counts,
        page=page,
        pages=min(-(-len(wanted) // size), DEEPEST // size),
        took_ms=round((time.perf_counter() - started) * 1000, 2),
        degraded=True,
        everything=len(found),
    )


def suggest(query: str, viewer: Any, *, size: int = 8, index: str = SITE) -> list[Suggestion]:
    """Titles that begin with or contain `query` (Han, pinyin or initials) and that `viewer` may see.

    An equal title of the same kind is offered once. Without an index as `search`: by the letter only.
    """
    size = max(1, min(size, 20))
    vocabulary.refresh()
    try:
        rows = _suggested(query, viewer, size, index)
    except SearchError:
        if index != SITE or not plain_titles.can_answer():
            raise
        rows = [
            {"kind": kind.name, "title": found.title, "url": found.url}
            for kind, found in plain_titles.find(query, viewer)
        ]
    labels = _labels((row["kind"] for row in rows), index)
    offered: dict[tuple[str, str], Suggestion] = {}
    for row in rows:
        if row["kind"] in labels:
            offered.setdefault(
                (row["kind"], row["title"]),
                Suggestion(row["title"], row["kind"], str(labels[row["kind"]]), row["url"]),
            )
    return list(offered.values())[:size]


def _suggested(query: str, viewer: Any, size: int, index: str) -> list[dict[str, Any]]:
    wanted = plan(document_numbers.as_written(query))
    found = foreign_or_site(index).find(
        wanted, tokens_of(viewer), kind=None, offset=0, limit=size * 3, titles=True
    )
    rows = [row for _score, row in found.rows]
    return sorted(rows, key=lambda row: not normalise(row["title"]).startswith(wanted.normal))


def related(
    document: Document, viewer: Any, *, kind: str, without: Iterable[object] = (), size: int = 5
) -> list[Hit]:
    """Documents of `kind` that speak of what `document` speaks of and that `viewer` may see; best first, perhaps none.

    Goes by the title and body given, so `document` need not be in the index; itself and the ids `without` are
    left out. One question to the engine, no loading. Raises as `search`.
    """
    wanted = related_plan(document.title, document.body)
    keys = {key_of(kind, str(id)) for id in without} | {key_of(document.kind, document.id)}
    found = engine().find(
        wanted,
        tokens_of(viewer),
        kind=kind,
        offset=0,
        limit=max(1, min(size, 20)),
        filters=Filters(without=frozenset(keys)),
    )
    labels = {one.name: one.label for one in kinds()}
    return [_hit(places.Found(score, row), wanted, labels) for score, row in found.rows]


def rebuild() -> int:
    """Make a new index of everything and put it in the place of the old one; the number of documents.

    Readers go on with the old index until the new one is complete; changes made meanwhile go into both.
    Raises WriterBusy while another process writes, NoSpaceLeft on a full disk (the old index stays).
    """
    return indexing.rebuild()


def drain() -> int:
    """Bring the index up to date with the outbox now, in this process; how many changes were taken up.

    0 when another process is at it; makes the index first where none is usable.
    """
    return indexing.drain()


def is_ready() -> bool:
    """Whether queries can be answered: the index is there, whole, and of this programme's version."""
    try:
        engine().verify()
    except SearchError:
        return False
    return True


def _labels(found: Iterable[str], index: str) -> dict[str, Any]:
    """What kinds are called, in the order of their tabs; those of a foreign index by their own names."""
    return {one.name: one.label for one in kinds()} if index == SITE else {name: name for name in found}


@dataclass(frozen=True)
class _Page:
    """One page of a list and what the engine said. `entries`: how long the list is, `places`: how many of captions there
    are, both only where that was seen and is not simply what the engine counted."""

    listed: list[places.Found]
    found: EngineFound
    entries: int | None = None
    places: int | None = None


def _is_far(wanted: Plan, shown: _Page) -> bool:
    """Whether a sentence met nothing but single characters, by the first page in order of relevance: the best stand there."""
    if wanted.near or not wanted.characters_minimum or not shown.listed:
        return False
    return not any(second_look.shares_words(one.row, wanted) for one in shown.listed)


Look = Callable[[list[second_look.Row]], list[second_look.Row]]
"""The second look at what an engine found; None where another order was asked for."""


def _looked_at(wanted: Plan) -> int:
    """How many hits from the top are put in order: the first by words, and those found by meaning before them."""
    return second_look.LOOKED_AT + len(wanted.near)


def _documents_of(
    asked: Callable[..., EngineFound], wanted: Plan, *, offset: int, size: int, look: Look | None
) -> _Page:
    # Every page that begins within the looked-at hits fetches all of them, so that all pages agree on their order.
    first = _looked_at(wanted)
    if look is None or offset >= first:
        found = asked(offset=offset, limit=size)
        rows = found.rows
    else:
        found = asked(offset=0, limit=max(first, offset + size))
        rows = look(found.rows)[offset : offset + size]
    return _Page([places.Found(score, row) for score, row in rows], found)


def _places_of(
    asked: Callable[..., EngineFound],
    wanted: Plan,
    *,
    together: bool,
    offset: int,
    size: int,
    look: Look | None,
) -> _Page:
    """Where captions are found, the list is made from its beginning and out of more hits than are shown: only so
    is it known which of them fall together."""
    end = offset + size
    limit = min(max(end * SPARE, _looked_at(wanted)), MOST_LOOKED_AT)
    while True:
        found = asked(offset=0, limit=limit)
        rows = look(found.rows) if look else found.rows
        if not found.counts.get(CAPTIONS):
            return _Page([places.Found(score, row) for score, row in rows[offset:end]], found)
        listed = places.gathered(rows, wanted, together=together, wanted=end + 1)
        seen_all = len(rows) < limit
        if seen_all or len(listed) > end or limit == MOST_LOOKED_AT:
            break
        limit = min(limit * SPARE, MOST_LOOKED_AT)
    entries = len(listed) if seen_all and len(listed) <= end else None
    many = found.counts[CAPTIONS] > MOST_PLACES_COUNTED
    counted = None if entries is None or many else places.number_of(rows, wanted)
    return _Page(listed[offset:end], found, entries, counted if together else entries)


def _hit(found: places.Found, wanted: Plan, labels: dict[str, Any]) -> Hit:
    row = found.row
    title = row["title"] or row["body"][:UNTITLED]
    marked = highlight.spans(title, wanted.parts, wanted.synonym_texts)
    if wanted.sounds:
        written = normalise(title)
        for run in runs(wanted.normal):
            spoken = not run.isascii()
            if run in written or (spoken and len(run) > len(title)):
                continue  # it is marked already, or it has more syllables than the title
            sound = "".join(map(blurred, syllables(run))) if spoken else run
            heard = highlight.spoken_spans(title, sound, blurred=spoken)
            marked = highlight.merged([*marked, *heard])
    places_shown = [] if found.cue is None else [(row, found.cue), *found.others]
    moments = tuple(
        Moment(cue.start_s, cue.end_s, _excerpt(stored, wanted), opened_at(stored["url"], cue.start_s))
        for stored, cue in places_shown
    )
    return Hit(
        id=row["id"],
        kind=row["kind"],
        kind_label=str(labels[row["kind"]]),
        title=title,
        title_html=highlight.mark(title, marked),
        excerpt_html=moments[0].excerpt_html if moments else _excerpt(row, wanted),
        url=moments[0].url if moments else row["url"],
        score=round(found.score, 4),
        category=row["category"],
        published_on=row["published_on"],
        duration_s=row["duration_s"],
        extra=row["extra"],
        video=row.get("video", ""),
        start_s=found.cue and found.cue.start_s,
        end_s=found.cue and found.cue.end_s,
        moments=moments,
    )


def _excerpt(row: dict[str, Any], wanted: Plan) -> str:
    return highlight.excerpt(row["body"], wanted.parts, wanted.synonym_texts)


def _did_you_mean(wanted: Plan, rows: list[dict[str, Any]]) -> str:
    """The query with a part put right after the titles found, or "". Only titles that the asker sees; a part that
    stands in one of the hits as it was typed is right."""
    titles = [row["title"] for row in rows]
    better: list[str] = []
    for part in wanted.normal.split():
        meant = ""
        if not any(part in normalise(title) for title in titles) and not any(
            part in row["body"].casefold() for row in rows
        ):
            meant = next((piece for title in titles if (piece := highlight.nearest(title, part))), "")
        better.append(meant or part)
    text = " ".join(better)
    return text if text != wanted.normal and not wanted.is_question else ""
