"""The page /search/: a form, tabs of kinds with counts, filters, hits; complete without script."""

from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from people.client_address import client_address
from search import api, documents
from search.asked import FINISHED, LENGTHS, Asked, asked
from search.engines import FACETS
from search.sought import counting

__all__ = ["results"]

SIZE = 20
RETRY_AFTER_S = 30


def results(request: HttpRequest) -> HttpResponse:
    """What was found for ?q= (and kind, filters, sort, p: search.asked). 503 with a sentence when nobody can answer."""
    kinds = api.kinds()
    signed_in = request.user.is_authenticated
    wanted = asked(request.GET, kinds={one.name for one in kinds}, signed_in=signed_in)
    frame: dict[str, Any] = {
        "section": "search",
        "asked": wanted,
        "query": wanted.query,
        "kind": wanted.kind,
        "broken": False,
    }
    if not wanted.query.strip():
        return render(request, "search/page.html", frame)
    try:
        found = _found(wanted, request.user)
        elsewhere = (
            _found(wanted.unfiltered(), request.user).total if _is_narrowed_to_nothing(found, wanted) else 0
        )
    except api.SearchError:
        api.log.exception("Search cannot answer")
        answer = render(request, "search/page.html", {**frame, "broken": True}, status=503)
        answer["Retry-After"] = str(RETRY_AFTER_S)
        return answer
    _count(request, wanted, found)
    labels = {name: _filter_labels()[name] for name in (*FACETS, "finished")}
    return render(
        request,
        "search/page.html",
        {
            **frame,
            "found": found,
            "hits": [_shown(hit) for hit in found.hits],
            "tabs": _tabs(found, wanted),
            "fields": _fields(found, wanted, labels, signed_in=signed_in),
            "chips": [
                {
                    "label": labels[name],
                    "value": _value_label(name, value),
                    "href": wanted.address(**{name: ""}),
                }
                for name, value in wanted.chosen.items()
            ],
            "sorts": [
                {"label": label, "href": wanted.address(sort=sort), "current": wanted.sort == sort}
                for sort, label in (("relevance", _("Best first")), ("date", _("Newest first")))
            ],
            "without_filters": wanted.unfiltered().address(),
            "elsewhere": elsewhere,
            "all_kinds": wanted.address(kind=""),
            "meant": Asked(query=found.did_you_mean).address() if found.did_you_mean else "",
            "previous_page": wanted.address(page=found.page - 1) if found.page > 1 else "",
            "next_page": wanted.address(page=found.page + 1) if found.page < found.pages else "",
            "last_page": wanted.address(page=found.pages) if found.pages and found.page > found.pages else "",
        },
    )


def _found(wanted: Asked, viewer: Any) -> api.Results:
    finished = documents.finished_keys(viewer) if wanted.finished else frozenset()
    return api.search(
        wanted.query,
        viewer,
        kind=wanted.kind or None,
        page=wanted.page,
        size=SIZE,
        filters=wanted.filters(finished),
        sort=wanted.sort,
        facets=True,
    )


def _count(request: HttpRequest, wanted: Asked, found: api.Results) -> None:
    """What is looked for, once a question: neither further pages nor narrowing and sorting are new ones."""
    if wanted.page == 1 and not wanted.chosen and wanted.sort == "relevance" and not found.degraded:
        user = request.user
        visitor = (
            f"member {user.pk}"
            if user.is_authenticated
            else f"{client_address(request)} {request.headers.get('User-Agent', '')}"
        )
        counting.note(wanted.query, wanted.kind, in_vain=found.loosened or not found.total, visitor=visitor)


def _is_narrowed_to_nothing(found: api.Results, wanted: Asked) -> bool:
    return bool(wanted.chosen) and not found.total


def _tabs(found: api.Results, wanted: Asked) -> list[dict[str, Any]]:
    """All, then each kind that has hits or is chosen; none where nothing at all was found."""
    if not found.everything:
        return []
    named = [("", _("All"), found.everything)]
    named += [
        (one.name, one.label, found.counts.get(one.name, 0))
        for one in api.kinds()
        if found.counts.get(one.name) or one.name == wanted.kind
    ]
    return [
        {"label": label, "count": count, "href": wanted.address(kind=name), "current": name == wanted.kind}
        for name, label, count in named
    ]


def _filter_labels() -> dict[str, str]:
    return {
        "category": pgettext("filter", "Category"),
        "year": pgettext("filter", "Year"),
        "issuer": _("Issuing body"),
        "length": _("Length"),
        "finished": _("Finished or not"),
    }


def _value_label(name: str, value: str) -> str:
    if name == "length":
        return {
            "short": _("under 10 minutes"),
            "medium": _("10 to 30 minutes"),
            "long": _("30 minutes and more"),
        }[value]
    if name == "finished":
        return {"no": _("without what I have finished"), "yes": _("only what I have finished")}[value]
    return pgettext("year of issue", "%(year)s") % {"year": value} if name == "year" else value


def _fields(
    found: api.Results, wanted: Asked, labels: dict[str, str], *, signed_in: bool
) -> list[dict[str, Any]]:
    """The choices of the form; one that offers nothing to choose is left out."""
    fields = []
    for name in FACETS:
        chosen = getattr(wanted, name)
        counted = dict(found.facets.get(name, {}))
        if chosen:
            counted.setdefault(chosen, 0)
        options = [
            {"value": value, "label": _value_label(name, value), "count": counted[value]}
            for value in _in_order(name, counted)
        ]
        if options:
            fields.append({"name": name, "label": labels[name], "options": options, "chosen": chosen})
    if signed_in:
        options = [{"value": value, "label": _value_label("finished", value)} for value in FINISHED]
        fields.append(
            {
                "name": "finished",
                "label": labels["finished"],
                "options": options,
                "chosen": wanted.finished,
            }
        )
    return fields


def _in_order(name: str, counted: dict[str, int]) -> list[str]:
    """Years newest first, lengths shortest first, all else the most frequent first."""
    if name == "year":
        return sorted(counted, reverse=True)
    if name == "length":
        return [value for value in LENGTHS if value in counted]
    return sorted(counted, key=lambda value: (-counted[value], value))


def _shown(hit: api.Hit) -> dict[str, Any]:
    """A hit as the template wants it: with its date as a day, and its facts in reading order."""
    moments = hit.moments
    if not moments and hit.start_s is not None:
        moments = (api.Moment(hit.start_s, hit.end_s or hit.start_s, hit.excerpt_html, hit.url),)
    facts = [
        hit.extra.get(name) for name in ("course", "page", "lecturer", "issuing_body", "document_number")
    ]
    return {
        "hit": hit,
        "moments": moments,
        "facts": [str(one) for one in (hit.category, *facts) if one],
        "published_on": date.fromisoformat(hit.published_on) if hit.published_on else None,
    }
