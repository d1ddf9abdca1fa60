"""How organisers ask: the board, one person, the export, reminders. Anybody without a scope sees nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import wraps
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from courses.archive import api as archive
from courses.archive import wording
from courses.archive.models import StudyMode
from people import api as people
from people.client_address import source_of
from people.models import MemberStatus, PartyOrganization
from people.querysets import Scope
from reports import api
from reports.errors import OutOfScope, PurposeMissing
from reports.table import needs_help

YEARS_BACK = 3
ROWS_SHOWN = 60
HELP_SHOWN = 6
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class FilterForm(forms.Form):
    """What of the scope is asked for. Values that make no sense are left out, except a foreign organisation."""

    year = forms.IntegerField(required=False)
    organization = forms.UUIDField(required=False)
    state = forms.ChoiceField(required=False, choices=[("", ""), (api.HELP, ""), *wording.STATES.items()])
    text = forms.CharField(required=False, max_length=40)


def organisers_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Strangers sign in first; whoever organises nothing meets the same answer as at a missing page."""

    @never_cache
    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        scope = people.scope_of(request.user)
        if not scope:
            raise Http404
        try:
            return view(request, scope, *args, **kwargs)
        except OutOfScope as refusal:
            raise Http404 from refusal

    return guarded


def _asked(data, scope: Scope, today: date) -> dict:
    """The filters in `data` as arguments of reports.api. Raises OutOfScope for a foreign organisation."""
    form = FilterForm(data)
    form.is_valid()
    clean = form.cleaned_data
    year = clean.get("year")
    if year not in _years(today):
        year = today.year
    organization = None
    if "organization" in form.errors:
        raise OutOfScope
    if clean.get("organization"):
        organization = PartyOrganization.objects.within(scope).filter(uuid=clean["organization"]).first()
        if organization is None:
            raise OutOfScope
    return {
        "year": year,
        "organization": organization,
        "state": clean.get("state") or None,
        "text": clean.get("text") or None,
    }


def _years(today: date) -> list[int]:
    return [today.year - back for back in range(YEARS_BACK)]


def _address(asked: dict, **changed) -> str:
    """The board with these filters."""
    asked = asked | changed
    organization = asked["organization"]
    query = {
        "year": asked["year"],
        "organization": str(organization.uuid) if organization else "",
        "state": asked["state"] or "",
        "text": asked["text"] or "",
    }
    return f"{reverse('reports:board')}?{urlencode({k: v for k, v in query.items() if v})}"


@require_safe
@organisers_only
def board(request: HttpRequest, scope: Scope) -> HttpResponse:
    """The completion table with its filters."""
    today = timezone.localdate()
    asked = _asked(request.GET, scope, today)
    found = api.completion(scope, today=today, **asked)
    page = Paginator(found.rows, ROWS_SHOWN).get_page(request.GET.get("page"))
    place = found.place
    above = [p for p in found.places if place and place.path.startswith(p.path) and p.path != place.path]
    current = asked["year"] == today.year
    to_remind = [row for row in found.help if not api.recently(row, today)] if current else []
    context = {
        "section": "board",
        "found": found,
        "above": above,
        "asked": asked,
        "page": page,
        "years": _years(today),
        "states": [*wording.STATES.items(), (api.HELP, _("May need help"))],
        "labels": wording.STATES,
        "full_member": str(MemberStatus.FULL.label),
        "modes": StudyMode.labels,
        "help": found.help[:HELP_SHOWN],
        "help_more": max(len(found.help) - HELP_SHOWN, 0),
        "spared": {row.member_id for row in found.help if api.recently(row, today)},
        "to_remind": len(to_remind),
        "current": current,
        "filtered": bool(found.state or found.text),
    }
    return render(request, "reports/board.html", context)


@require_safe
@organisers_only
def person(request: HttpRequest, scope: Scope, member: UUID) -> HttpResponse:
    """One person: state, hours by mode, required lessons still open, last reminder. Nothing about how."""
    today = timezone.localdate()
    asked = _asked(request.GET, scope, today)
    one, row = api.member_row(scope, member, year=asked["year"], today=today)
    context = {
        "section": "board",
        "member": one,
        "row": row,
        "year": asked["year"],
        "modes": list(zip(StudyMode.values, StudyMode.labels, row.modes, strict=True)),
        "due": archive.due_items(one, today=today) if asked["year"] == today.year else [],
        "needs_help": needs_help(row) and asked["year"] == today.year,
        "recently": api.recently(row, today),
        "posts": one.posts.held_on(today).select_related("organization"),
    }
    return render(request, "reports/person.html", context)


@require_POST
@organisers_only
def export(request: HttpRequest, scope: Scope) -> HttpResponse:
    """The same table as an Excel file, once a purpose is given."""
    today = timezone.localdate()
    asked = _asked(request.POST, scope, today)
    try:
        found, content = api.export(
            scope,
            actor=request.user,
            purpose=request.POST.get("purpose", "")[:200],
            today=today,
            source=source_of(request),
            **asked,
        )
    except PurposeMissing:
        messages.error(request, _("Say what the table is needed for. It is recorded with the export."))
        return redirect(_address(asked))
    name = _("Study completion %(year)s") % {"year": found.year}
    filename = f"{name}_{found.place_name}_{today:%Y%m%d}.xlsx"
    response = HttpResponse(content, content_type=XLSX)
    response.headers["Content-Disposition"] = str(content_disposition_header(True, filename))
    return response


@require_POST
@organisers_only
def remind(request: HttpRequest, scope: Scope) -> HttpResponse:
    """A notice into the inboxes of those who may need help, or of one of them; once a week each."""
    today = timezone.localdate()
    asked = _asked(request.POST, scope, today)
    one = request.POST.get("member") or None
    if one is not None:
        try:
            one = UUID(one)
        except ValueError as refusal:
            raise OutOfScope from refusal
    result = api.remind(
        scope,
        actor=request.user,
        year=today.year,
        organization=asked["organization"],
        member_uuid=one,
        today=today,
        source=source_of(request),
    )
    if result.told:
        said = ngettext("%(told)s person was reminded.", "%(told)s people were reminded.", result.told)
        messages.success(request, said % {"told": result.told})
    else:
        messages.info(
            request, _("Nobody was reminded: everybody meant has had a reminder within seven days.")
        )
    return redirect(_address(asked))
