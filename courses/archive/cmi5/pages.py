"""What members see: the page of an interactive course with its units as they stand, beginning one, and all of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef
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
from courses.archive.models import StudyHourEntry
from people.models import Member

__all__ = ["begin", "course", "mine"]


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
    """Context: `course`, `rows` (Row), `registration` (None before the first unit was begun), `earlier` (her latest
    registration in a version that this one replaced, or None), `entry` (the hours that it brought, or None).
    """
    member = cast(Member, request.user)
    found = _open(member, course)
    registration = Cmi5Registration.objects.filter(course=found, member=member).first()
    known = {au.index: au for au in registration.aus.all()} if registration else {}
    begun = set(registration.sessions.values_list("au_index", flat=True)) if registration else set()
    tree = found.tree
    rows = [_row(depth, node, known, begun) for depth, node in tree.walk()]
    context = {
        "course": found,
        "rows": rows,
        "registration": registration,
        "earlier": _earlier(member, found) if registration is None else None,
        "entry": _entries(member, [registration]).get(str(registration.uuid))
        if registration and registration.satisfied_at
        else None,
    }
    answer = render(request, "archive/cmi5_course.html", context)
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


@dataclass(frozen=True)
class Taken:
    """One course that the member began. `url`: its page, "" where she may not open it any more."""

    registration: Cmi5Registration
    url: str
    entry: StudyHourEntry | None
    waived: bool


@login_required
@never_cache
@require_GET
def mine(request: HttpRequest) -> HttpResponse:
    """All interactive courses that the member began, the latest first, with the hours that each brought. Context:
    `taken` (Taken). Eight queries, the frame of the site with them, however many there are.
    """
    member = cast(Member, request.user)
    registrations = list(
        Cmi5Registration.objects.filter(member=member)
        .select_related("course")
        .defer("course__structure")
        .annotate(waived=Exists(Cmi5Au.objects.filter(registration=OuterRef("pk"), waived_at__isnull=False)))
        .order_by("-created_at", "-pk")
    )
    courses = [one.course_id for one in registrations]
    open_ones = set(Cmi5Course.objects.open_to(member).filter(pk__in=courses).values_list("pk", flat=True))
    entries = _entries(member, registrations)
    taken = [
        Taken(
            registration=one,
            url=reverse("cmi5:course", args=[one.course.uuid]) if one.course_id in open_ones else "",
            entry=entries.get(str(one.uuid)),
            waived=one.waived,
        )
        for one in registrations
    ]
    return render(request, "archive/cmi5_mine.html", {"taken": taken})


def _entries(member: Member, registrations: Sequence[Cmi5Registration]) -> dict[str, StudyHourEntry]:
    """The member's lines of the ledger that rest on these registrations and stand, by the registration's uuid."""
    numbers = [str(one.uuid) for one in registrations]
    found = StudyHourEntry.objects.of(member).filter(
        evidence_type="cmi5", evidence_id__in=numbers, reversal=None
    )
    return {one.evidence_id: one for one in found}


def _earlier(member: Member, course: Cmi5Course) -> Cmi5Registration | None:
    """How the member stood in the version before, or in the one before that."""
    before = course.replaces_id
    while before is not None:
        found = Cmi5Registration.objects.filter(course=before, member=member).first()
        if found is not None:
            return found
        before = Cmi5Course.objects.values_list("replaces_id", flat=True).get(pk=before)
    return None


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
