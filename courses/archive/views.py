"""The pages of the archive: the member's own record, what each line rests on, all years, what she takes along."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from courses.archive import api, page
from courses.archive.corrections import desk as corrections
from courses.archive.errors import RuleMissing
from courses.archive.exports import log
from courses.archive.exports.models import ExportKind
from people.client_address import source_of
from people.models import Member

YEARS_SHOWN = 3
EARLIEST_YEAR = 1921


def _member(request: HttpRequest) -> Member:
    """Who is signed in; only for views behind `login_required`."""
    return cast(Member, request.user)


def _number(text: str, *, low: int, high: int, other: int) -> int:
    """A number out of an address; `other` for anything that is none."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 else other
    return number if low <= number <= high else other


@require_safe
@login_required
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """The member's own archive in one year: how it stands and the ledger line by line, 30 lines a page.

    Eight queries and flat in years of history (tests/courses/archive/test_archive_page.py says which).
    """
    member = _member(request)
    today = timezone.localdate()
    asked = request.GET.get("year", "")
    year = _number(asked, low=EARLIEST_YEAR, high=today.year, other=0) if asked else today.year
    if not year:
        raise Http404
    number = _number(request.GET.get("p", ""), low=1, high=9999, other=1)
    shown = sorted({*range(today.year, today.year - YEARS_SHOWN, -1), year}, reverse=True)
    try:
        standing, recorded = api.year_standing(member, year, today=today), None
    except RuleMissing:  # a year before the rules that are known here, e.g. out of another school's record
        standing, recorded = None, page.year_line(member, year)
    entries, more = page.lines(member, year, page=number)
    context = {
        "standing": standing,
        "recorded": recorded,
        "year": year,
        "years": shown,
        "entries": entries,
        "page": number,
        "more": more,
    }
    return render(request, "archive/index.html", context)


@require_safe
@login_required
@never_cache
def all_years(request: HttpRequest) -> HttpResponse:
    """All years by mode, and the member's exemptions with their reasons."""
    exemptions = page.exemptions(_member(request))
    found = page.years(_member(request), exemptions)
    context = {
        "years": found,
        "total": sum((one.hours for one in found), start=0),
        "entries": sum(one.entries for one in found),
        "exemptions": exemptions,
    }
    return render(request, "archive/years.html", context)


@require_safe
@login_required
@never_cache
def entry(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """One entry of one's own and what it rests on; somebody else's looks like an absence."""
    member = _member(request)
    evidence = page.evidence_of(member, uuid)
    if evidence is None:
        raise Http404
    asked = corrections.of_entry(member, evidence.entry)
    return render(request, "archive/entry.html", {"evidence": evidence, "corrections": asked})


@require_safe
@login_required
@never_cache
def exports(request: HttpRequest) -> HttpResponse:
    """What can be taken along, and the list of what was."""
    return render(request, "archive/exports.html", {"exports": log.of(_member(request))[:100]})


@require_POST
@login_required
@never_cache
def export(request: HttpRequest, kind: str) -> HttpResponse:
    """Make a file of one's own archive; it is logged first, then handed over."""
    wanted = {"json": ExportKind.JSON, "pdf": ExportKind.PDF, "record": ExportKind.RECORD}.get(kind)
    if wanted is None:
        raise Http404
    made = log.make(_member(request), wanted, source=source_of(request))
    response = HttpResponse(made.content, content_type=made.content_type)
    response.headers["Content-Disposition"] = str(content_disposition_header(True, made.filename))
    return response


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """The JSON Schema of the export, for whoever reads such a file."""
    return HttpResponse(log.schema_text(), content_type="application/schema+json; charset=utf-8")
