"""The page of the archive: the member's own record."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from courses.archive import api
from people.models import Member


@login_required
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """The member's own archive: how the year stands, the other years, the ledger line by line.

    Context: `standing` (YearStanding), `year`, `years` (list, latest first), `entries` (that year's
    StudyHourEntry, latest first; `entry.reversal` exists for one that was taken back),
    `continue_item`, `due_items`.
    """
    member = cast(Member, request.user)
    api.catch_up(member)
    today = timezone.localdate()
    asked = request.GET.get("year", "")
    year = int(asked) if asked.isdecimal() and len(asked) == 4 else today.year
    years = sorted({*api.years_of(member), today.year}, reverse=True)
    if year not in years:
        raise Http404
    context = {
        "standing": api.year_standing(member, year, today=today),
        "year": year,
        "this_year": today.year,
        "years": years,
        "entries": api.entries(member, year),
        "continue_item": api.continue_item(member),
        "due_items": api.due_items(member, today=today),
    }
    return render(request, "archive/index.html", context)
