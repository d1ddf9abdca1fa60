"""The organiser's page of years: close one with a look at what is still open, undo a close with a reason."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from courses.archive.claims.models import OfflineClaim
from courses.archive.closing import api
from courses.archive.closing.models import YearClose
from courses.archive.desk import OrganizationField, me, organisers_only
from courses.archive.errors import ArchiveError
from courses.archive.refusals import why_not
from courses.archive.standing import standings
from courses.archive.wording import STATES, UNFINISHED
from people.models import Member, PartyOrganization
from people.querysets import Scope

YEARS_BACK = 3
SHOWN = 60


class CloseForm(forms.Form):
    """Which year of which organisation."""

    year = forms.TypedChoiceField(label=gettext_lazy("Year"), coerce=int)

    def __init__(self, scope: Scope, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        today = timezone.localdate()
        self.fields["year"].choices = [
            (year, str(year)) for year in range(today.year - 1, today.year - 1 - YEARS_BACK, -1)
        ]
        self.fields["year"].widget.attrs["class"] = "select"
        self.fields["organization"] = OrganizationField(scope)


@require_http_methods(["GET", "POST"])
@organisers_only
def years(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Closed years inside the scope, and a form to close one. A first POST asks to confirm with the figures.

    Context: `form`, `closes`; while confirming also `organization`, `year`, `roster`, `states` (label,
    number), `waiting` (claims).
    """
    form = CloseForm(scope, request.POST or None)
    context = {
        "section": "years",
        "form": form,
        "closes": YearClose.objects.within(scope).select_related("closed_by", "reopened_by")[:SHOWN],
    }
    if request.method == "POST" and form.is_valid():
        organization, year = form.cleaned_data["organization"], form.cleaned_data["year"]
        if request.POST.get("confirmed") == "1":
            try:
                api.close_year(organization, year, actor=me(request), note=request.POST.get("note", "")[:300])
            except ArchiveError as refusal:
                messages.error(request, why_not(refusal))
            else:
                said = _("%(year)s is closed for %(organization)s and everything below it.")
                messages.success(request, said % {"year": year, "organization": organization.name})
            return redirect("archive:desk:years")
        context |= _figures(organization, year)
    return render(request, "archive/closing/years.html", context)


def _figures(organization: PartyOrganization, year: int) -> dict:
    """How the year stands for everybody on the roster today, and which claims of it still wait."""
    roster = list(Member.objects.on_roster().of(organization))
    counted = Counter(one.state for one in standings(roster, year).values())
    labels = {code: UNFINISHED if code in {"AT_RISK", "IN_PROGRESS"} else STATES[code] for code in STATES}
    by_label: Counter[str] = Counter()
    for code, label in labels.items():
        by_label[str(label)] += counted.get(code, 0)
    waiting = OfflineClaim.objects.waiting().filter(
        member__organization__path__startswith=organization.path, finished_on__year=year
    )
    return {
        "organization": organization,
        "year": year,
        "roster": len(roster),
        "states": [(label, number) for label, number in by_label.items() if number],
        "waiting": waiting.count(),
    }


@require_POST
@organisers_only
def reopen(request: HttpRequest, scope: Scope, close: UUID) -> HttpResponse:
    """Undo a close inside the scope, with a reason."""
    found = get_object_or_404(YearClose.objects.within(scope), uuid=close)
    try:
        api.reopen_year(found, actor=me(request), reason=request.POST.get("reason", "")[:300])
    except ArchiveError as refusal:
        messages.error(request, why_not(refusal))
    else:
        said = _("%(year)s is open again for %(organization)s. The decision stays on record.")
        messages.success(request, said % {"year": found.year, "organization": found.organization_name})
    return redirect("archive:desk:years")
