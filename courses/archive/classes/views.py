"""Classes: the member's own, and the organiser's desk with roster, attendance and conclusion."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from courses.archive.certificates.models import Certificate
from courses.archive.classes import api
from courses.archive.classes.forms import ClassForm, SessionForm
from courses.archive.classes.models import AttendanceStatus, ClassMember, ClassSession, TrainingClass
from courses.archive.closing.api import standing_closes
from courses.archive.desk import OrganizationField, me, organisers_only
from courses.archive.errors import ArchiveError
from courses.archive.refusals import why_not
from courses.archive.wording import CLASS_OPEN
from people.models import Member
from people.querysets import MemberQuerySet, Scope

SHOWN = 40
FOUND = 100
CONCLUDE_S = 15.0
"""So long one request concludes; a large class takes several."""
NAMES_MAX = 4000


@require_safe
@login_required
@never_cache
def mine(request: HttpRequest) -> HttpResponse:
    """The member's classes and certificates. Context: `standings`, `labels` of what is open, `certificates`."""
    context = {
        "section": "study",
        "standings": api.places_of(me(request)),
        "labels": CLASS_OPEN,
        "certificates": Certificate.objects.of(me(request)),
    }
    return render(request, "archive/classes/mine.html", context)


@require_safe
@organisers_only
def desk(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Classes of the scope. Context: `page`."""
    still = Q(roster__left_at=None)
    rows = TrainingClass.objects.within(scope).annotate(
        entered=Count("roster", filter=still),
        completed=Count("roster", filter=still & Q(roster__completed_at__isnull=False)),
    )
    page = Paginator(rows.order_by("-starts_on", "-pk"), SHOWN).get_page(request.GET.get("page"))
    return render(request, "archive/classes/desk.html", {"section": "classes", "page": page})


@require_http_methods(["GET", "POST"])
@organisers_only
def new(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Open a class. Context: `form`, `refused`."""
    form = ClassForm(scope, me(request), request.POST or None)
    refused = ""
    if request.method == "POST" and form.is_valid():
        said = dict(form.cleaned_data)
        try:
            made = api.open_class(said.pop("organization"), actor=me(request), **said)
        except ArchiveError as refusal:
            refused = why_not(refusal)
        else:
            messages.success(request, _("The class is open. Now enter who takes part."))
            return redirect("archive:desk:class", made.uuid)
    context = {"section": "classes", "form": form, "refused": refused}
    return render(request, "archive/classes/new.html", context, status=422 if refused or form.errors else 200)


def _course(scope: Scope, number: UUID) -> TrainingClass:
    return get_object_or_404(TrainingClass.objects.within(scope).select_related("paper"), uuid=number)


@require_safe
@organisers_only
def one(request: HttpRequest, scope: Scope, course: UUID) -> HttpResponse:
    """A class: sessions, roster with verdicts, certificates. Context: `course`, `sessions`, `roster`, …"""
    found = _course(scope, course)
    roster = api.roster(found)
    sessions = list(found.sessions.all())
    claimed = api.claimed_beside(found)
    certificates = {
        one.place_id: one for one in Certificate.objects.filter(place__training_class=found, revoked_at=None)
    }
    context = {
        "section": "classes",
        "course": found,
        "sessions": sessions,
        "total": sum(session.hours for session in sessions),
        "roster": [
            {
                "standing": row,
                "certificate": certificates.get(row.place.pk),
                "claims": claimed.get(row.place.member_id, []),
            }
            for row in roster
        ],
        "claimed": len(claimed),
        "met": sum(row.verdict.met and row.place.completed_at is None for row in roster),
        "completed": sum(row.place.completed_at is not None for row in roster),
        "labels": CLASS_OPEN,
        "session_form": SessionForm(initial={"held_on": found.starts_on}),
        "over": timezone.localdate() >= found.ends_on,
        "closed": standing_closes(found.organization_id, found.ends_on.year),
        "late": found.ends_on.year < timezone.localdate().year,
        "lessons": found.lessons.all(),
    }
    return render(request, "archive/classes/one.html", context)


@require_POST
@organisers_only
def session_add(request: HttpRequest, scope: Scope, course: UUID) -> HttpResponse:
    """Add a session."""
    found, form = _course(scope, course), SessionForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say what was held, on which day, and how many study hours it was."))
    else:
        _try(request, lambda: api.add_session(found, actor=me(request), **form.cleaned_data), _("Added."))
    return redirect("archive:desk:class", found.uuid)


@require_POST
@organisers_only
def session_remove(request: HttpRequest, scope: Scope, course: UUID, session: int) -> HttpResponse:
    """Take a session away."""
    found = _course(scope, course)
    held = get_object_or_404(ClassSession, pk=session, training_class=found)
    _try(request, lambda: api.remove_session(held, actor=me(request)), _("Taken away."))
    return redirect("archive:desk:class", found.uuid)


@require_http_methods(["GET", "POST"])
@organisers_only
def roster(request: HttpRequest, scope: Scope, course: UUID) -> HttpResponse:
    """Choose who takes part: by organisation, by name, or by a list of names out of a spreadsheet.

    Context: `course`, `organizations`, `found` members, `there` (ids of those who are in it), `ticked` (ids that the
    page proposes), and for a list `names` as pasted, `lost` (nobody is called so) and `several` (more than one is).
    """
    found = _course(scope, course)
    members = Member.objects.on_roster().within(scope).select_related("organization").by_name()
    listed = request.POST.get("names", "")[:NAMES_MAX] if request.POST.get("what") == "look" else ""
    if request.method == "POST" and not listed.strip():
        chosen = members.filter(pk__in=[n for n in request.POST.getlist("member") if n.isdecimal()])
        try:
            number = api.enter(found, chosen, actor=me(request))
        except ArchiveError as refusal:
            messages.error(request, why_not(refusal))
        else:
            said = ngettext("%(n)s person was entered.", "%(n)s people were entered.", number)
            messages.success(request, said % {"n": number})
        return redirect("archive:desk:class", found.uuid)
    text = request.GET.get("text", "")[:40]
    field = OrganizationField(scope, required=False, empty_label=_("All organisations"))
    chosen_place = request.GET.get("organization", "")
    place = None
    if chosen_place:
        place = next((one for one in field.queryset if str(one.uuid) == chosen_place), None)
    if place is not None:
        members = members.of(place)
    shown = list(members.matching(text)[:FOUND]) if text.strip() or place is not None else []
    ticked = {member.pk for member in shown} if place is not None and not text.strip() else set()
    context = {"names": listed}
    if listed.strip():
        shown, ticked, more = _named(listed, members)
        context |= more
    context |= {
        "section": "classes",
        "course": found,
        "text": text,
        "organizations": [(str(one.uuid), field.label_from_instance(one)) for one in field.queryset],
        "chosen": chosen_place,
        "found": shown,
        "ticked": ticked,
        "there": set(found.roster.filter(left_at=None).values_list("member_id", flat=True)),
    }
    return render(request, "archive/classes/roster.html", context)


def _named(listed: str, members: MemberQuerySet) -> tuple[list[Member], set[int], dict[str, list[str]]]:
    """Members of the names in a pasted list, the ids of those whose name is theirs alone, and names that are
    `lost` or of `several`. Cells without a letter, e.g. a number in front, are left out.
    """
    cells = [cell.strip() for cell in re.split(r"[\n\t,，、;；]+", listed)]
    names = list(dict.fromkeys(cell for cell in cells if any(sign.isalpha() for sign in cell)))
    shown = list(members.filter(name__in=names))
    number = Counter(member.name for member in shown)
    ticked = {member.pk for member in shown if number[member.name] == 1}
    lost = [name for name in names if name not in number]
    return shown, ticked, {"lost": lost, "several": [name for name in names if number[name] > 1]}


@require_http_methods(["GET", "POST"])
@organisers_only
def attendance(request: HttpRequest, scope: Scope, course: UUID, session: int) -> HttpResponse:
    """Who was there. Context: `course`, `session`, `rows` (place, status), `statuses`."""
    found = _course(scope, course)
    held = get_object_or_404(
        ClassSession.objects.select_related("training_class"), pk=session, training_class=found
    )
    standings = api.roster(found)
    if request.method == "POST":
        said = {}
        for row in standings:
            status = request.POST.get(f"p{row.place.pk}", "")
            if status in AttendanceStatus.values:
                said[row.place.pk] = status
        _try(
            request, lambda: api.mark_attendance(held, said, actor=me(request)), _("Attendance is recorded.")
        )
        return redirect("archive:desk:class", found.uuid)
    context = {
        "section": "classes",
        "course": found,
        "session": held,
        "rows": [
            {
                "place": row.place,
                "status": row.statuses.get(held.pk, "PRESENT"),
                "fixed": row.place.completed_at is not None or row.place.member_id == me(request).pk,
            }
            for row in standings
        ],
        "statuses": AttendanceStatus.choices,
    }
    return render(request, "archive/classes/attendance.html", context)


@require_POST
@organisers_only
def conclude(request: HttpRequest, scope: Scope, course: UUID) -> HttpResponse:
    """Credit those who completed it."""
    found = _course(scope, course)
    try:
        done = api.conclude(
            found, actor=me(request), reason=request.POST.get("reason", "")[:200], turn_s=CONCLUDE_S
        )
    except ArchiveError as refusal:
        messages.error(request, why_not(refusal))
    else:
        said = _("Credited: %(credited)s. Still open: %(open)s.")
        messages.success(request, said % {"credited": done.credited, "open": done.open})
        if done.left:
            said = _(
                "The class is large: %(left)s people are still to be looked at. Conclude it once more to go on."
            )
            messages.warning(request, said % {"left": done.left})
        for member, why in done.refused[:10]:
            messages.warning(
                request, _("%(name)s stays open: %(why)s") % {"name": member.name, "why": why_not(why)}
            )
    return redirect("archive:desk:class", found.uuid)


@require_POST
@organisers_only
def place(request: HttpRequest, scope: Scope, course: UUID, place: int) -> HttpResponse:
    """Somebody leaves the class, or a completion is taken back; with a reason."""
    found = _course(scope, course)
    held = get_object_or_404(
        ClassMember.objects.select_related("training_class", "member"), pk=place, training_class=found
    )
    reason = request.POST.get("reason", "")[:300]
    if request.POST.get("what") == "take_back":
        _try(request, lambda: api.take_back(held, actor=me(request), reason=reason), _("Taken back."))
    else:
        _try(request, lambda: api.leave(held, actor=me(request), reason=reason), _("Recorded."))
    return redirect("archive:desk:class", found.uuid)


def _try(request: HttpRequest, act: Any, said: str) -> None:
    try:
        act()
    except ArchiveError as refusal:
        messages.error(request, why_not(refusal))
    else:
        messages.success(request, said)
