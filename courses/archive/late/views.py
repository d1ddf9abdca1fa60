"""The organiser's pages of late lines: what waits, propose one, decide about another's."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from courses.archive.closing.api import closes_over
from courses.archive.desk import me, member_chosen, members_to_choose, organisers_only
from courses.archive.errors import ArchiveError
from courses.archive.late import api
from courses.archive.late.forms import LateForm
from courses.archive.late.models import LateLine, LateState
from courses.archive.models import StudyHourEntry
from courses.archive.refusals import why_not
from people.models import Member
from people.querysets import Scope

SHOWN = 40


@require_safe
@organisers_only
def desk(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Late lines inside the scope: those that wait, the oldest first, and those decided. Context: `waiting`, `page`."""
    within = LateLine.objects.within(scope, but=me(request)).select_related(
        "member__organization", "proposed_by", "decided_by"
    )
    decided = within.exclude(state=LateState.WAITING).order_by("-decided_at", "-pk")
    context = {
        "section": "late",
        "waiting": within.waiting().order_by("proposed_at", "pk")[:200],
        "page": Paginator(decided, SHOWN).get_page(request.GET.get("p")),
    }
    return render(request, "archive/late/desk.html", context)


@require_http_methods(["GET", "POST"])
@organisers_only
def new(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Choose somebody and one of her closed years; then enter hours, or choose an entry to take back.

    Context: `text` and `found`; or `member`, `years`, `year`, and for a chosen year `form` and `entries`, or the
    one `entry` to take back; `refused`.
    """
    actor = me(request)
    context: dict[str, object] = {"section": "late", "refused": ""}
    number = request.GET.get("member", "")
    if not number:
        text = request.GET.get("text", "")[:40]
        context |= {"text": text, "found": members_to_choose(scope, actor, text)}
        return render(request, "archive/late/new.html", context)
    member = member_chosen(scope, actor, number)
    if member is None:
        raise Http404
    years = api.closed_years(member, today=timezone.localdate())
    asked = request.GET.get("year", "")
    year = next((one for one in years if str(one) == asked), years[0] if years else None)
    context |= {"member": member, "years": years, "year": year}
    if year is None:
        return render(request, "archive/late/new.html", context)
    entry = _entry(member, year, request.GET.get("entry", ""))
    answer = (
        _take_back(request, entry, context) if entry is not None else _enter(request, member, year, context)
    )
    if answer is not None:
        return answer
    status = 422 if request.method == "POST" else 200
    return render(request, "archive/late/new.html", context, status=status)


def _entry(member: Member, year: int, number: str) -> StudyHourEntry | None:
    if not number:
        return None
    try:
        wanted = UUID(number)
    except ValueError as none:
        raise Http404 from none
    return get_object_or_404(StudyHourEntry.objects.of(member).in_year(year), uuid=wanted)


def _enter(request: HttpRequest, member: Member, year: int, context: dict) -> HttpResponse | None:
    form = LateForm(request.POST or None, year=year)
    context["form"] = form
    if request.method == "POST":
        if form.is_valid():
            try:
                made = api.propose(member, form.said(), actor=me(request), reason=form.cleaned_data["reason"])
            except ArchiveError as refusal:
                context["refused"] = why_not(refusal)
            else:
                return _sent(request, made)
        return None
    context["entries"] = api.entries_to_take_back(member, year, reader=me(request))
    return None


def _take_back(request: HttpRequest, entry: StudyHourEntry, context: dict) -> HttpResponse | None:
    context["entry"] = entry
    if request.method == "POST":
        reason = request.POST.get("reason", "")[:300]
        try:
            made = api.propose_reversal(entry, actor=me(request), reason=reason)
        except ArchiveError as refusal:
            context["refused"] = why_not(refusal)
        else:
            return _sent(request, made)
    return None


def _sent(request: HttpRequest, line: LateLine) -> HttpResponse:
    messages.success(request, _("Sent. Somebody else who may decide is told; until then nothing changes."))
    return redirect("archive:desk:late_line", line.uuid)


@require_http_methods(["GET", "POST"])
@organisers_only
def one(request: HttpRequest, scope: Scope, line: UUID) -> HttpResponse:
    """One late line to look at and decide.

    Context: `line`, `closed` (the organisations that closed the year), `own` (proposed by the asker), `hindrance`
    (why she may not decide, "" when she may).
    """
    actor = me(request)
    found = get_object_or_404(
        LateLine.objects.within(scope, but=actor).select_related(
            "member__organization", "entry", "made", "proposed_by", "decided_by"
        ),
        uuid=line,
    )
    if request.method == "POST":
        return _decided(request, found)
    closes = closes_over(found.member, found.year)
    refusal = api.why_not_decided_by(found, actor) if found.state == LateState.WAITING else None
    context = {
        "section": "late",
        "line": found,
        "closed": [close.organization_name for close in closes],
        "own": found.proposed_by_id == actor.pk,
        "hindrance": why_not(refusal) if refusal else "",
    }
    return render(request, "archive/late/one.html", context)


def _decided(request: HttpRequest, line: LateLine) -> HttpResponse:
    actor, decision = me(request), request.POST.get("decision")
    try:
        if decision == "approve":
            api.approve(line, actor=actor)
            messages.success(request, _("Approved. It stands in the archive, and the member is told."))
        elif decision == "refuse":
            api.refuse(line, actor=actor, answer=request.POST.get("answer", "")[:300])
            messages.success(request, _("Refused. Nothing was changed; who proposed it is told."))
        else:
            api.withdraw(line, actor=actor)
            messages.success(request, _("Withdrawn. Nothing was changed."))
    except ArchiveError as refusal:
        messages.error(request, why_not(refusal))
    return redirect("archive:desk:late_line", line.uuid)
