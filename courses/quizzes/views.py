"""How members take exams. Every page works without script; with it answers are saved as they are given."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from courses.quizzes import api
from courses.quizzes.errors import AttemptOver, BadAnswer, NoAttemptLeft, PaperIncomplete, PaperNotOpen
from courses.quizzes.models import Attempt, Paper
from people.models import Member


def _me(request: HttpRequest) -> Member:
    return cast(Member, request.user)


def _taken_or_open(member: Member, number: UUID) -> Paper:
    """A paper that the member may take, or has taken before; else it is not there."""
    found = Paper.objects.open_to(member).filter(uuid=number).first()
    if found is None:
        found = Paper.objects.filter(uuid=number, taken__member=member).first()
    if found is None:
        raise Http404
    return found


@require_safe
@login_required
@never_cache
def papers(request: HttpRequest) -> HttpResponse:
    """Papers open to the member. Context: `standings` (PaperStanding), those to be done first."""
    found = list(Paper.objects.open_to(_me(request)).select_related("lesson"))
    rows = api.standings(found, _me(request)).values()
    ordered = sorted(rows, key=lambda one: (one.answers_shown, one.paper.title))
    return render(request, "exams/papers.html", {"standings": ordered, "section": "study"})


@require_safe
@login_required
@never_cache
def paper(request: HttpRequest, paper: UUID) -> HttpResponse:
    """One paper: its rules, how the member stands, the button to begin. Context: `standing`."""
    found = _taken_or_open(_me(request), paper)
    context = {"standing": api.standing(found, _me(request)), "paper": found, "section": "study"}
    return render(request, "exams/paper.html", context)


@require_POST
@login_required
def start(request: HttpRequest, paper: UUID) -> HttpResponse:
    """Begin, or go on with what is open."""
    found = _taken_or_open(_me(request), paper)
    try:
        attempt = api.start(found, _me(request))
    except PaperNotOpen as refusal:
        raise Http404 from refusal
    except NoAttemptLeft:
        messages.info(
            request, _("There is no further attempt: the paper is passed, or all attempts are used.")
        )
        return redirect("exams:paper", found.uuid)
    except PaperIncomplete:
        messages.error(
            request, _("The paper cannot be put together at the moment. The editors have to add questions.")
        )
        return redirect("exams:paper", found.uuid)
    return redirect("exams:attempt", attempt.uuid)


def _own(request: HttpRequest, number: UUID) -> Attempt:
    return get_object_or_404(Attempt.objects.of(_me(request)).select_related("paper"), uuid=number)


@require_safe
@login_required
@never_cache
def attempt(request: HttpRequest, attempt: UUID) -> HttpResponse:
    """An open attempt to answer, or a graded one with its score.

    Context: `attempt`, `questions` (as drawn, each with `chosen`), and while open `left_s` and how many are
    `answered`, else
    `standing` and, once they are shown, `right` of each question.
    """
    found = _own(request, attempt)
    standing = api.standing(found.paper, _me(request))
    found = next(one for one in standing.attempts if one.pk == found.pk)
    questions = [
        question | {"place": place, "chosen": found.answers.get(str(question["id"]), [])}
        for place, question in enumerate(found.questions, start=1)
    ]
    context = {"attempt": found, "questions": questions, "standing": standing, "section": "study"}
    if found.submitted_at is None:
        left = math.ceil((found.ends_at - timezone.now()).total_seconds())
        answered = sum(bool(question["chosen"]) for question in questions)
        more = {"left_s": max(left, 0), "answered": answered}
        return render(request, "exams/attempt.html", context | more)
    if standing.answers_shown:
        for question in questions:
            question["answered_right"] = sorted(question["chosen"]) == sorted(question["right"])
    else:
        context["questions"] = []
    return render(request, "exams/result.html", context)


def _answers(attempt: Attempt, data: QueryDict) -> Mapping[str, Sequence[str]]:
    """What a form says of the questions that it `shows`; one without a mark was taken back."""
    shown = {str(question["id"]) for question in attempt.questions} & set(data.getlist("shows"))
    return {number: data.getlist(f"q{number}") for number in sorted(shown)}


def _changed(attempt: Attempt, data: QueryDict) -> Mapping[str, Sequence[str]]:
    """Of a whole page only what was answered on it: a page that was open elsewhere says nothing of the rest.

    `was<id>` holds the keys that were saved as far as the page knows («A B»); where it is lacking, a question
    without a mark says nothing.
    """
    return {
        number: keys
        for number, keys in _answers(attempt, data).items()
        if sorted(set(keys)) != sorted(data.get(f"was{number}", "").split())
    }


@require_POST
@login_required
def answers(request: HttpRequest, attempt: UUID) -> JsonResponse:
    """Keep the answers of the questions that the form shows: {"left_s": …}; 409 when the time is up."""
    found = _own(request, attempt)
    try:
        kept = api.save_answers(found, _answers(found, request.POST))
    except AttemptOver:
        return JsonResponse({"over": True}, status=409)
    except BadAnswer:
        return JsonResponse({"error": "BAD_ANSWER"}, status=422)
    return JsonResponse({"left_s": max(math.ceil((kept.ends_at - timezone.now()).total_seconds()), 0)})


@require_POST
@login_required
def submit(request: HttpRequest, attempt: UUID) -> HttpResponse:
    """Hand in, or («save») keep what is on the page and go on."""
    found = _own(request, attempt)
    given = _changed(found, request.POST)
    try:
        if "save" in request.POST:
            api.save_answers(found, given)
            messages.success(request, _("Saved."))
        else:
            late = found.submitted_at is None and timezone.now() > found.ends_at + api.GRACE
            api.submit(found, given)
            if late:
                messages.info(request, _("The time was up. What had been saved before was graded."))
    except AttemptOver:
        messages.info(request, _("The time was up. What had been saved before was graded."))
    except BadAnswer:
        messages.error(request, _("One answer could not be read. Look through the page and hand in again."))
    return redirect("exams:attempt", found.uuid)
