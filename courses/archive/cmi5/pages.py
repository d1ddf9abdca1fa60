"""The member's page of an interactive course: its units as they stand, and beginning one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from courses.archive.cmi5 import launching
from courses.archive.cmi5.errors import Cmi5Error
from courses.archive.cmi5.models import Cmi5Au, Cmi5Course, Cmi5Registration
from courses.archive.cmi5.move_on import AuFacts, au_satisfied
from courses.archive.cmi5.structure import Au, Block, say
from people.models import Member

__all__ = ["begin", "course"]


@dataclass(frozen=True)
class Row:
    """One line of the outline: a block's heading, or a unit with how far it is."""

    depth: int
    title: str
    description: str
    index: int | None = None
    completed: bool = False
    passed: bool = False
    waived: bool = False
    done: bool = False
    begun: bool = False


@login_required
@never_cache
@require_GET
def course(request: HttpRequest, course: UUID) -> HttpResponse:
    """Context: `course`, `rows` (Row), `registration` (None before the first unit was begun)."""
    member = cast(Member, request.user)
    found = _open(member, course)
    registration = Cmi5Registration.objects.filter(course=found, member=member).first()
    known = {au.index: au for au in registration.aus.all()} if registration else {}
    begun = set(registration.sessions.values_list("au_index", flat=True)) if registration else set()
    tree = found.tree
    rows = [_row(depth, node, known, begun) for depth, node in tree.walk()]
    answer = render(
        request, "archive/cmi5_course.html", {"course": found, "rows": rows, "registration": registration}
    )
    elsewhere = {urlsplit(au.url).netloc for au in tree.aus() if au.is_remote}
    if elsewhere:  # the form's answer sends the window there
        answer._csp_update = {"form-action": sorted(elsewhere)}  # type: ignore[attr-defined]
    return answer


@login_required
@never_cache
@require_POST
def begin(request: HttpRequest, course: UUID, index: int) -> HttpResponse:
    """Open a session and send the window to the unit."""
    member = cast(Member, request.user)
    found = _open(member, course)
    try:
        begun = launching.launch(
            found,
            index,
            actor=launching.actor_of(member),
            member=member,
            site=request.build_absolute_uri("/").rstrip("/"),
            return_url=request.build_absolute_uri(reverse("cmi5:course", args=[found.uuid])),
        )
    except Cmi5Error as refused:
        raise Http404 from refused
    answer = HttpResponse(status=303)
    answer["Location"] = begun.url
    answer["Referrer-Policy"] = "no-referrer"
    return answer


def _open(member: Member, number: UUID) -> Cmi5Course:
    found = Cmi5Course.objects.open_to(member).select_related("lesson").filter(uuid=number).first()
    if found is None:
        raise Http404
    return found


def _row(depth: int, node: Au | Block, known: dict[int, Cmi5Au], begun: set[int]) -> Row:
    language = get_language() or "zh-hans"
    title, description = say(node.title, language), say(node.description, language)
    if isinstance(node, Block):
        return Row(depth, title, description)
    au = known.get(node.index)
    facts = AuFacts(
        completed=bool(au and au.completed_at),
        passed=bool(au and au.passed_at),
        waived=bool(au and au.waived_at),
    )
    return Row(
        depth,
        title,
        description,
        index=node.index,
        completed=facts.completed,
        passed=facts.passed,
        waived=facts.waived,
        done=facts != AuFacts() and au_satisfied(node.move_on, facts),
        begun=node.index in begun,
    )
