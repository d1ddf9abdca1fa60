"""Pages of corrections: the member asks at /archive/corrections/, the organiser answers at /archive/desk/corrections/."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from functools import wraps
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from courses.archive import page
from courses.archive.closing.api import closes_over
from courses.archive.corrections import desk
from courses.archive.corrections.models import Correction, CorrectionKind, CorrectionState
from courses.archive.errors import ArchiveError, NotAllowed, YearClosed
from courses.archive.models import StudyHourEntry, StudyMode
from courses.archive.refusals import why_not
from courses.archive.wording import ERRORS
from people.api import scope_of
from people.models import Member
from people.querysets import Scope

REQUESTS_A_PAGE = 30


class AskForm(forms.Form):
    """What the member writes."""

    text = forms.CharField(
        label=gettext_lazy("What is wrong, or what is missing?"),
        max_length=desk.TEXT_MAX,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=gettext_lazy(
            "Say what should stand there: which class or lesson, which day, how many hours."
        ),
    )


class AnswerForm(forms.Form):
    """What the organiser decides: refuse, or take back and/or enter."""

    DECLINE, TAKE_BACK, ENTER = "decline", "take_back", "enter"

    decision = forms.ChoiceField(widget=forms.RadioSelect, label=gettext_lazy("Decision"))
    title = forms.CharField(label=gettext_lazy("Studied"), max_length=255, required=False)
    mode = forms.ChoiceField(label=gettext_lazy("Mode"), choices=StudyMode.choices, required=False)
    hours = forms.DecimalField(
        label=gettext_lazy("Study hours"),
        max_digits=5,
        decimal_places=2,
        min_value=0,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    finished_on = forms.DateField(
        label=gettext_lazy("Day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    provider = forms.CharField(label=gettext_lazy("Provider"), max_length=200, required=False)
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("The member reads it, and it stands in the archive."),
    )

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        wrong = kind == CorrectionKind.WRONG
        choices = [(self.DECLINE, _("Decline: what stands there is right"))]
        if wrong:
            choices += [
                (self.TAKE_BACK, _("Take the entry back")),
                (self.ENTER, _("Take the entry back and enter the right one")),
            ]
        else:
            choices += [(self.ENTER, _("Enter what was missing"))]
        cast(forms.ChoiceField, self.fields["decision"]).choices = choices

    def clean(self) -> dict[str, Any]:
        clean = super().clean() or {}
        if clean.get("decision") == self.ENTER:
            for name in ("title", "mode", "hours", "finished_on"):
                if not clean.get(name) and name not in self.errors:
                    self.add_error(name, _("This is needed for the new entry."))
            day = clean.get("finished_on")
            if day and day > timezone.localdate():
                self.add_error("finished_on", _("This day is still to come."))
        return clean

    def new_entry(self) -> desk.NewEntry | None:
        clean = self.cleaned_data
        if clean["decision"] != self.ENTER:
            return None
        return desk.NewEntry(
            mode=clean["mode"],
            title=clean["title"],
            hours=clean["hours"],
            finished_at=timezone.make_aware(datetime.combine(clean["finished_on"], time(12))),
            provider=clean["provider"],
        )


def _member(request: HttpRequest) -> Member:
    return cast(Member, request.user)


def _say(request: HttpRequest, refusal: ArchiveError) -> None:
    if isinstance(refusal, YearClosed):
        messages.error(request, why_not(refusal))
    else:
        messages.error(request, ERRORS.get(refusal.code, ERRORS["NOT_DONE"]))


def _closed_above(found: Correction, new: desk.NewEntry | None) -> YearClosed | None:
    """The closed year, by an organisation above the one who answers, that an answer about a member of hers met."""
    years = {found.entry.year} if found.entry else set()
    if new is not None:
        years.add(timezone.localtime(new.finished_at).year)
    closes = [close for year in sorted(years) for close in closes_over(found.member, year)]
    return YearClosed(closes[0].year, closes[0].organization_name) if closes else None


# The member


@require_safe
@login_required
@never_cache
def mine(request: HttpRequest) -> HttpResponse:
    """One's own requests."""
    found = Paginator(desk.of(_member(request)), REQUESTS_A_PAGE).get_page(request.GET.get("p"))
    return render(request, "archive/corrections.html", {"corrections": found})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """Ask for a correction; `?entry=` names the entry that is wrong, without it something is missing."""
    member, entry = _member(request), None
    asked = request.GET.get("entry") or request.POST.get("entry")
    if asked:
        try:
            entry = StudyHourEntry.objects.of(member).filter(uuid=UUID(asked)).first()
        except ValueError:
            entry = None
        if entry is None:
            raise Http404
    form = AskForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        kind = CorrectionKind.WRONG if entry else CorrectionKind.MISSING
        try:
            made = desk.ask(member, kind=kind, text=form.cleaned_data["text"], entry=entry)
        except ArchiveError as refusal:
            _say(request, refusal)
            return redirect("archive:corrections")
        messages.success(request, _("Your request was sent. The answer comes into your notices."))
        return redirect("archive:correction", made.uuid)
    recent, _more = page.lines(member, timezone.localdate().year) if entry is None else ([], False)
    return render(
        request, "archive/correction_new.html", {"form": form, "entry": entry, "recent": recent[:5]}
    )


@require_safe
@login_required
@never_cache
def one(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """One request of one's own."""
    found = desk.find(
        desk.of(_member(request)).select_related("entry", "answered_by", "reversal", "new_entry"), uuid
    )
    if found is None:
        raise Http404
    return render(
        request, "archive/correction.html", {"one": found, "open": found.state == CorrectionState.OPEN}
    )


@require_POST
@login_required
@never_cache
def withdraw(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Take one's open request back."""
    found = desk.find(desk.of(_member(request)), uuid)
    if found is None:
        raise Http404
    try:
        desk.withdraw(found, member=_member(request))
    except ArchiveError as refusal:
        _say(request, refusal)
    else:
        messages.success(request, _("The request was withdrawn."))
    return redirect("archive:correction", uuid)


# The organiser


def organisers_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Strangers sign in first; whoever organises nothing meets the same answer as at a missing page."""

    @login_required
    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        scope = scope_of(_member(request))
        if not scope:
            raise Http404
        return view(request, scope, *args, **kwargs)

    return guarded


@require_safe
@organisers_only
def queue(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Requests in one's scope: those that wait, the oldest first, and those answered."""
    organiser = _member(request)
    waiting = list(desk.open_in(organiser, scope)[:200])
    answered = desk.answerable_by(organiser, scope).exclude(state=CorrectionState.OPEN)
    pages = Paginator(answered.order_by("-answered_at", "-pk"), REQUESTS_A_PAGE)
    context = {
        "waiting": waiting,
        "answered": pages.get_page(request.GET.get("p")),
        "today": timezone.localdate(),
    }
    return render(request, "archive/desk.html", context | {"section": "archive_desk"})


@require_http_methods(["GET", "HEAD", "POST"])
@organisers_only
def answer(request: HttpRequest, scope: Scope, uuid: UUID) -> HttpResponse:
    """Read one request and answer it."""
    organiser = _member(request)
    found = desk.find(desk.answerable_by(organiser, scope).select_related("reversal", "new_entry"), uuid)
    if found is None:
        raise Http404
    first = {"decision": None}
    if found.entry:
        first |= {
            "title": found.entry.title,
            "mode": found.entry.mode,
            "provider": found.entry.provider,
            "finished_on": timezone.localdate(found.entry.finished_at),
        }
    form = AnswerForm(request.POST if request.method == "POST" else None, kind=found.kind, initial=first)
    if request.method == "POST" and form.is_valid():
        clean = form.cleaned_data
        try:
            if clean["decision"] == AnswerForm.DECLINE:
                desk.decline(found, actor=organiser, reason=clean["reason"])
            else:
                desk.accept(found, actor=organiser, reason=clean["reason"], new=form.new_entry())
        except NotAllowed as refusal:
            # The member is in scope, or the request had not been found: it is the year.
            _say(request, _closed_above(found, form.new_entry()) or refusal)
            return redirect("archive:desk_correction", uuid)
        except ArchiveError as refusal:
            _say(request, refusal)
            return redirect("archive:desk_correction", uuid)
        messages.success(request, _("Answered. The member is told."))
        return redirect("archive:desk_corrections")
    if request.method != "POST":
        desk.read(found, reader=organiser)
    evidence = page.evidence_of(found.member, found.entry.uuid) if found.entry else None
    context = {
        "one": found,
        "form": form,
        "evidence": evidence,
        "open": found.state == CorrectionState.OPEN,
        "section": "archive_desk",
    }
    return render(request, "archive/desk_correction.html", context)
