"""How other programmes and the page's own script ask: GET /api/search/ and /api/search/suggest."""

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.html import strip_tags
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema, Status

from search import api, documents
from search.asked import FINISHED, LENGTHS
from search.engines import Filters

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


class Narrowing(Schema):
    """What results are narrowed by and how they are sorted; "" stands for anything."""

    category: str = Field("", max_length=200, description="As facets say it.", examples=["通知"])
    year: str = Field("", max_length=4, description="Year of issue.", examples=["2026"])
    issuer: str = Field(
        "", max_length=200, description="Issuing body, as facets say it.", examples=["县委组织部"]
    )
    length: str = Field(
        "", description="short (under 10 minutes), medium, long (30 minutes and more).", examples=["medium"]
    )
    finished: str = Field(
        "",
        description="For a signed-in member: yes, only what she has finished; no, all but that.",
        examples=["no"],
    )
    sort: str = Field("", description="relevance (default) or date, newest first.", examples=["date"])
    facets: bool = Field(False, description="With the values that may be chosen, and how many hits each has.")

    def trouble(self, signed_in: bool) -> dict[str, str] | None:
        """Why it can't be done, as TroubleOut; None when it can."""
        if self.length and self.length not in LENGTHS:
            return {"code": "LENGTH_UNKNOWN", "message": _("length is one of short, medium and long.")}
        if self.finished and self.finished not in FINISHED:
            return {"code": "FINISHED_UNKNOWN", "message": _("finished is yes or no.")}
        if self.finished and not signed_in:
            return {
                "code": "SIGN_IN_FIRST",
                "message": _("Only a member who is signed in has finished something."),
            }
        if self.sort not in {"", "relevance", "date"}:
            return {"code": "SORT_UNKNOWN", "message": _("sort is relevance or date.")}
        return None

    def options(self, viewer: Any) -> dict[str, Any]:
        """Keyword arguments of `api.search`."""
        finished = documents.finished_keys(viewer) if self.finished else frozenset()
        return {
            "filters": Filters(
                category=self.category,
                year=self.year,
                issuer=self.issuer,
                length=self.length,
                only=finished if self.finished == "yes" else None,
                without=finished if self.finished == "no" else frozenset(),
            ),
            "sort": self.sort or "relevance",
            "facets": self.facets,
        }


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
    facets: dict[str, dict[str, int]]


class SuggestionOut(Schema):
    title: str
    kind: str
    kind_label: str
    url: str


class SuggestionsOut(Schema):
    suggestions: list[SuggestionOut]


class TroubleOut(Schema):
    """`code`: KIND_UNKNOWN | LENGTH_UNKNOWN | FINISHED_UNKNOWN | SIGN_IN_FIRST | SORT_UNKNOWN | SEARCH_UNAVAILABLE;
    `message` in the asker's language."""

    code: str
    message: str


@router.get("/", response={200: ResultsOut, 422: TroubleOut, 503: TroubleOut}, summary="Search")
def search(
    request: HttpRequest,
    response: HttpResponse,
    narrowing: Query[Narrowing],
    q: str = "",
    kind: str | None = None,
    page: int = Query(1, ge=1, le=1000),
    size: int = Query(20, ge=1, le=100),
) -> Any:
    """What the asker may see and matches `q`; signed in by the site's session, or as anybody."""
    if trouble := narrowing.trouble(request.user.is_authenticated):
        return Status(422, trouble)
    try:
        options = narrowing.options(request.user)
        found = api.search(q, request.user, kind=kind or None, page=page, size=size, **options)
    except api.KindUnknown:
        return Status(422, {"code": "KIND_UNKNOWN", "message": _("There is no such kind of results.")})
    except api.SearchError:
        return _unavailable(response)
    results = [{**asdict(hit), "excerpt": strip_tags(hit.excerpt_html)} for hit in found.hits]
    return {**asdict(found), "results": results}


@router.get(
    "/suggest",
    response={200: SuggestionsOut, 503: TroubleOut},
    summary="Titles while typing",
    url_name="search_suggest",
)
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
