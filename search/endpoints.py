"""How other programmes and the page's own script ask: GET /api/search/ and /api/search/suggest."""

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.html import strip_tags
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema, Status

from search import api

__all__ = ["router"]

router = Router(tags=["search"])

RETRY_AFTER_S = 30


class HitOut(Schema):
    """`…_html` is safe HTML with <mark>; `excerpt` is the same as plain text with the HTML escapes kept."""

    id: str
    kind: str
    kind_label: str
    title: str
    title_html: str
    excerpt: str
    excerpt_html: str
    url: str
    score: float
    category: str
    published_on: str
    duration_s: float | None
    extra: dict[str, Any]


class ResultsOut(Schema):
    """`degraded`: the index cannot answer just now, only titles were looked through."""

    query: str
    results: list[HitOut]
    total: int
    counts: dict[str, int]
    page: int
    pages: int
    took_ms: float
    loosened: bool
    degraded: bool
    did_you_mean: str


class SuggestionOut(Schema):
    title: str
    kind: str
    kind_label: str
    url: str


class SuggestionsOut(Schema):
    suggestions: list[SuggestionOut]


class TroubleOut(Schema):
    """`code`: KIND_UNKNOWN | SEARCH_UNAVAILABLE; `message` in the asker's language."""

    code: str
    message: str


@router.get("/", response={200: ResultsOut, 422: TroubleOut, 503: TroubleOut}, summary="Search")
def search(
    request: HttpRequest,
    response: HttpResponse,
    q: str = "",
    kind: str | None = None,
    page: int = Query(1, ge=1, le=1000),
    size: int = Query(20, ge=1, le=100),
) -> Any:
    """What the asker may see and matches `q`; signed in by the site's session, or as anybody."""
    try:
        found = api.search(q, request.user, kind=kind or None, page=page, size=size)
    except api.KindUnknown:
        return Status(422, {"code": "KIND_UNKNOWN", "message": _("There is no such kind of results.")})
    except api.SearchError:
        return _unavailable(response)
    results = [{**asdict(hit), "excerpt": strip_tags(hit.excerpt_html)} for hit in found.hits]
    return {**asdict(found), "results": results}


@router.get("/suggest", response={200: SuggestionsOut, 503: TroubleOut}, summary="Titles while typing")
def suggest(
    request: HttpRequest, response: HttpResponse, q: str = "", size: int = Query(8, ge=1, le=20)
) -> Any:
    """Titles that the asker may see and that begin with or contain `q` (Han, pinyin, initials)."""
    try:
        found = api.suggest(q, request.user, size=size)
    except api.SearchError:
        return _unavailable(response)
    return {"suggestions": [asdict(one) for one in found]}


def _unavailable(response: HttpResponse) -> Status:
    api.log.exception("Search cannot answer")
    response["Retry-After"] = str(RETRY_AFTER_S)
    return Status(
        503,
        {
            "code": "SEARCH_UNAVAILABLE",
            "message": _("Search cannot answer just now. Try again in a minute."),
        },
    )
