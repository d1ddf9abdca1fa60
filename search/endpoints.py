"""How other programmes and the page's own script ask: GET /api/search/ and /api/search/suggest."""

from dataclasses import asdict
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils.html import strip_tags
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema, Status

from search import api, documents
from search.asked import FINISHED, LENGTHS, NARROWED_BY, Asked

__all__ = ["router"]

router = Router(tags=["search"])

RETRY_AFTER_S = 30


class MomentOut(Schema):
    """A place of a lecture: seconds from its beginning, and the address that opens it there."""

    start: float
    end: float
    excerpt: str
    excerpt_html: str
    url: str


class HitOut(Schema):
    """`…_html` is safe HTML with <mark>; `excerpt` is the same as plain text with the HTML escapes kept.

    Of captions (kind `cue`): `video`, and `start` and `end` of the very cue that was meant, in seconds; `url`
    opens the lecture there. In a list of all kinds the places of one lecture stand together: up to three
    `moments`, the best first. With `kind=cue` each result is one place.
    """

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
    video: str
    start: float | None
    end: float | None
    moments: list[MomentOut]


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
            "filters": Asked(**{name: getattr(self, name) for name in NARROWED_BY}).filters(finished),
            "sort": self.sort or "relevance",
            "facets": self.facets,
        }


class ResultsOut(Schema):
    """One page. `total` counts what matches: documents, and of captions the places; where very many match, their
    number is an upper bound (up to twice as many). In a list of all kinds the places of a lecture are one result.
    `degraded`: the index cannot answer just now, only titles were looked through."""

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
    """`code`: KIND_UNKNOWN | INDEX_UNKNOWN | INDEX_NAME_UNFIT | LENGTH_UNKNOWN | FINISHED_UNKNOWN | SIGN_IN_FIRST |
    SORT_UNKNOWN | SEARCH_UNAVAILABLE; `message` in the asker's language."""

    code: str
    message: str


EXAMPLE = {
    "query": "四个服从",
    "results": [
        {
            "id": "12:zh-Hans:7",
            "kind": "cue",
            "kind_label": "课中讲到",
            "title": "第三讲 民主集中制",
            "title_html": "第三讲 民主集中制",
            "excerpt": "基本原则里的第一条 就是四个服从",
            "excerpt_html": "基本原则里的第一条 就是<mark>四个服从</mark>",
            "url": "/courses/dangzhang/3/?from=244#player",
            "score": 21.4,
            "category": "视频",
            "published_on": "2026-03-01",
            "duration_s": 2712,
            "extra": {"course": "党章十讲"},
            "video": "0b6f1f7e-6d0c-4f7c-9a53-3a5ad1d3a1b2",
            "start": 244.6,
            "end": 248.0,
            "moments": [
                {
                    "start": 244.6,
                    "end": 248.0,
                    "excerpt": "基本原则里的第一条 就是四个服从",
                    "excerpt_html": "基本原则里的第一条 就是<mark>四个服从</mark>",
                    "url": "/courses/dangzhang/3/?from=244#player",
                }
            ],
        }
    ],
    "total": 1,
    "counts": {"cue": 1},
    "page": 1,
    "pages": 1,
    "took_ms": 2.9,
    "loosened": False,
    "degraded": False,
    "did_you_mean": "",
    "facets": {},
}


def _shown(**answers: Any) -> dict[str, Any]:
    """Examples for the documentation, by status."""
    return {
        "responses": {
            status.removeprefix("status_"): {"content": {"application/json": {"example": one}}}
            for status, one in answers.items()
        }
    }


@router.get(
    "/",
    response={200: ResultsOut, 404: TroubleOut, 422: TroubleOut, 503: TroubleOut},
    summary="Search",
    openapi_extra=_shown(
        status_200=EXAMPLE,
        status_404={"code": "INDEX_UNKNOWN", "message": "没有名为“old”的索引。"},
        status_422={"code": "KIND_UNKNOWN", "message": "没有这一类结果。"},
        status_503={"code": "SEARCH_UNAVAILABLE", "message": "暂时不能检索，请过一分钟再试。"},
    ),
)
def search(
    request: HttpRequest,
    response: HttpResponse,
    narrowing: Query[Narrowing],
    q: Annotated[
        str, Field(description="Any text; 200 characters are looked at.", examples=["四个服从"])
    ] = "",
    kind: Annotated[
        str | None,
        Field(description="course, lesson, policy, cue …; of a foreign index its own.", examples=["cue"]),
    ] = None,
    index: Annotated[
        str,
        Field(
            description="A foreign index (manage.py index_documents); left out: the site's own.",
            examples=["old-portal"],
        ),
    ] = "",
    page: int = Query(1, ge=1, le=1000),
    size: int = Query(20, ge=1, le=100),
) -> Any:
    """What the asker may see and matches `q`; signed in by the site's session, or as anybody."""
    if trouble := narrowing.trouble(request.user.is_authenticated):
        return Status(422, trouble)
    try:
        found = api.search(
            q,
            request.user,
            kind=kind or None,
            page=page,
            size=size,
            index=index,
            **narrowing.options(request.user),
        )
    except api.SearchError as fault:
        return _refused(fault, response, index)
    return {**vars(found), "results": [_told(hit) for hit in found.hits]}


@router.get(
    "/suggest",
    response={200: SuggestionsOut, 404: TroubleOut, 422: TroubleOut, 503: TroubleOut},
    summary="Titles while typing",
    url_name="search_suggest",
)
def suggest(
    request: HttpRequest,
    response: HttpResponse,
    q: str = "",
    size: int = Query(8, ge=1, le=20),
    index: str = "",
) -> Any:
    """Titles that the asker may see and that begin with or contain `q` (Han, pinyin, initials)."""
    try:
        found = api.suggest(q, request.user, size=size, index=index)
    except api.SearchError as fault:
        return _refused(fault, response, index)
    return {"suggestions": [asdict(one) for one in found]}


def _told(hit: api.Hit) -> dict[str, Any]:
    return {
        **vars(hit),
        "excerpt": strip_tags(hit.excerpt_html),
        "start": hit.start_s,
        "end": hit.end_s,
        "moments": [
            {**vars(one), "start": one.start_s, "end": one.end_s, "excerpt": strip_tags(one.excerpt_html)}
            for one in hit.moments
        ],
    }


def _refused(fault: api.SearchError, response: HttpResponse, index: str) -> Status:
    """The answer where there are no results to give."""
    if isinstance(fault, api.KindUnknown):
        return Status(422, {"code": "KIND_UNKNOWN", "message": _("There is no such kind of results.")})
    if isinstance(fault, api.IndexNameUnfit):
        words = _("An index is called by small Latin letters, digits, - and _, at most 40 characters.")
        return Status(422, {"code": "INDEX_NAME_UNFIT", "message": words})
    if isinstance(fault, api.IndexMissing) and index:
        words = _("There is no index called “%(name)s”.") % {"name": index}
        return Status(404, {"code": "INDEX_UNKNOWN", "message": words})
    return _unavailable(response)


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
