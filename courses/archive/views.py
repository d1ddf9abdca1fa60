"""Pages of the archive: the member's own record, and «I have read it» for lessons without a lecture."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from courses.archive import api
from courses.archive.errors import ArchiveError, NotOpen
from courses.archive.wording import ERRORS, clock_label
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


@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """«I have read it»: works without script, by the play token of the page."""
    onward = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(
        onward, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        onward = "/study/"
    try:
        progress = api.complete_reading(request.POST.get("token", ""))
    except NotOpen as absent:
        raise Http404 from absent
    except ArchiveError as refused:
        messages.error(request, str(ERRORS[refused.code]))
        return redirect(onward)
    if progress.completed:
        messages.success(request, _("Read. It is in your learning archive."))
    else:
        left = clock_label(progress.left_s)
        messages.info(
            request,
            _("Not enough time for reading has passed yet: %(left)s more. Read on, then confirm.")
            % {"left": left},
        )
    return redirect(onward)
