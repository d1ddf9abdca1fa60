"""The page /search/: a form, tabs of kinds with counts, hits; complete without script."""

from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from search import api

__all__ = ["results"]

SIZE = 20
RETRY_AFTER_S = 30


def results(request: HttpRequest) -> HttpResponse:
    """What was found for ?q= (&kind= &p=). 503 with a sentence when the engine cannot answer."""
    query = request.GET.get("q", "")[:2000].replace("\x00", "")
    kind = request.GET.get("kind") or None
    if kind not in {one.name for one in api.kinds()}:
        kind = None
    page = request.GET.get("p", "1")
    frame: dict[str, Any] = {"section": "search", "query": query, "kind": kind, "broken": False}
    if not query.strip():
        return render(request, "search/page.html", frame)
    try:
        found = api.search(
            query, request.user, kind=kind, page=int(page[:4]) if page.isdecimal() else 1, size=SIZE
        )
    except api.SearchError:
        api.log.exception("Search cannot answer")
        answer = render(request, "search/page.html", {**frame, "broken": True}, status=503)
        answer["Retry-After"] = str(RETRY_AFTER_S)
        return answer
    labels = [(one.name, one.label, found.counts.get(one.name, 0)) for one in api.kinds()]
    tabs = [(name, label, count) for name, label, count in labels if count or name == kind]
    return render(
        request,
        "search/page.html",
        {
            **frame,
            "found": found,
            "previous_page": found.page - 1,
            "next_page": found.page + 1,
            "hits": [_shown(hit) for hit in found.hits],
            "tabs": [("", _("All"), found.everything), *tabs] if found.everything else [],
        },
    )


def _shown(hit: api.Hit) -> dict[str, Any]:
    """A hit as the template wants it: with its date as a day, and its facts in reading order."""
    facts = [
        hit.extra.get(name)
        for name in ("course", "page", "organization", "lecturer", "issuing_body", "document_number")
    ]
    return {
        "hit": hit,
        "facts": [str(one) for one in (hit.category, *facts) if one],
        "published_on": date.fromisoformat(hit.published_on) if hit.published_on else None,
    }
