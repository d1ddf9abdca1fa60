"""The organiser's pages of exemptions: who is exempt, give one, end one or take it back."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from courses.archive.desk import me, member_chosen, members_to_choose, organisers_only, source_of
from courses.archive.errors import ArchiveError
from courses.archive.exemptions import api
from courses.archive.exemptions.forms import EndForm, ExemptionForm
from courses.archive.models import Exemption
from courses.archive.refusals import why_not
from people.querysets import Scope

SHOWN = 40


@require_safe
@organisers_only
def desk(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Exemptions inside the scope, by name: those of this year, or all. Context: `page`, `year`, `everything`."""
    year = timezone.localdate().year
    everything = request.GET.get("all") == "1"
    within = Exemption.objects.within(scope, but=me(request))
    rows = within if everything else within.holding_in(year)
    rows = rows.select_related("member__organization", "granted_by")
    ordered = rows.order_by("member__name_pinyin", "member__name", "member", "-year", "-pk")
    context = {
        "section": "exemptions",
        "page": Paginator(ordered, SHOWN).get_page(request.GET.get("p")),
        "year": year,
        "everything": everything,
    }
    return render(request, "archive/exemptions/desk.html", context)


@require_http_methods(["GET", "POST"])
@organisers_only
def new(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Choose somebody, then give an exemption. Context: `member` with `form`, or `text` with `found`; `refused`."""
    actor, today = me(request), timezone.localdate()
    number = request.GET.get("member", "")
    if not number:
        text = request.GET.get("text", "")[:40]
        context = {"section": "exemptions", "text": text, "found": members_to_choose(scope, actor, text)}
        return render(request, "archive/exemptions/new.html", context)
    member = member_chosen(scope, actor, number)
    if member is None:
        raise Http404
    form, refused = ExemptionForm(request.POST or None, today=today), ""
    if request.method == "POST" and form.is_valid():
        try:
            made = api.grant_exemption(member, actor=actor, **form.said())
        except ArchiveError as refusal:
            refused = why_not(refusal)
        else:
            messages.success(request, _("%(name)s is exempt and is told so.") % {"name": member.name})
            return redirect("archive:desk:exemption", made.uuid)
    context = {"section": "exemptions", "member": member, "form": form, "refused": refused}
    return render(
        request, "archive/exemptions/new.html", context, status=422 if refused or form.errors else 200
    )


@require_http_methods(["GET", "POST"])
@organisers_only
def one(request: HttpRequest, scope: Scope, exemption: UUID) -> HttpResponse:
    """One exemption with its reason (that it is read is recorded); end it, or take it back.

    Context: `exemption`, `ends` (EndForm, or None where there is no year left to take away), `standing`.
    """
    actor, today = me(request), timezone.localdate()
    found = get_object_or_404(
        Exemption.objects.within(scope, but=actor).select_related(
            "member__organization", "granted_by", "ended_by"
        ),
        uuid=exemption,
    )
    years = list(found.years(last=today.year + 1))
    if found.until_year is not None:
        years = [year for year in years if year < found.until_year]
    form = EndForm(request.POST or None, years=years, initial={"until_year": years[-1] if years else None})
    if request.method == "POST":
        try:
            if request.POST.get("what") == "take_back":
                reason = request.POST.get("reason", "")[:500]
                api.revoke_exemption(found, actor=actor, reason=reason)
                messages.success(request, _("Taken back. The requirement holds as if it had not been given."))
            elif form.is_valid():
                api.end_exemption(found, actor=actor, **form.cleaned_data)
                said = _("It ends with %(year)s; from then on the requirement holds again.")
                messages.success(request, said % {"year": form.cleaned_data["until_year"]})
            else:
                messages.error(request, _("Give the reason in a few words; it stays on record."))
        except ArchiveError as refusal:
            messages.error(request, why_not(refusal))
        return redirect("archive:desk:exemption", found.uuid)
    api.read_reason(found, reader=actor, source=source_of(request))
    context = {
        "section": "exemptions",
        "exemption": found,
        "ends": form if years and found.revoked_at is None else None,
        "over": found.until_year is not None and found.until_year < today.year,
    }
    return render(request, "archive/exemptions/one.html", context)
