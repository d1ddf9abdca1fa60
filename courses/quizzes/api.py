"""What may be done with exams: the door for the rooms above."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random, SystemRandom

from django.db import IntegrityError, transaction
from django.utils import timezone

from courses.quizzes.drawing import checked, draw, grade
from courses.quizzes.errors import AttemptOver, NoAttemptLeft, PaperNotOpen
from courses.quizzes.models import Admission, Attempt, Paper
from courses.quizzes.signals import exam_passed
from people.api import record
from people.models import Member

__all__ = [
    "PaperStanding",
    "admit",
    "finish_overdue",
    "passed_attempts",
    "save_answers",
    "standing",
    "standings",
    "start",
    "submit",
]

GRACE = timedelta(seconds=15)
"""A form that was sent as the time ran out is still taken when it arrives so much later."""


@dataclass(frozen=True)
class PaperStanding:
    """How one member is with one paper. `best` is the best score, None before the first graded attempt."""

    paper: Paper
    attempts: list[Attempt]

    @property
    def graded(self) -> list[Attempt]:
        return [one for one in self.attempts if one.submitted_at is not None]

    @property
    def going_on(self) -> Attempt | None:
        return next((one for one in self.attempts if one.submitted_at is None), None)

    @property
    def best(self) -> int | None:
        return max((one.score or 0 for one in self.graded), default=None)

    @property
    def passed(self) -> bool:
        return any(one.passed for one in self.attempts)

    @property
    def left(self) -> int:
        return 0 if self.passed else max(self.paper.attempts - len(self.attempts), 0)

    @property
    def answers_shown(self) -> bool:
        """After a pass, or once no attempt is left (domain.md §1.5)."""
        return self.passed or (self.left == 0 and self.going_on is None and bool(self.attempts))


def standing(paper: Paper, member: Member, *, now: datetime | None = None) -> PaperStanding:
    """How `member` is with `paper`. An attempt whose time is up is graded first."""
    return standings([paper], member, now=now)[paper.pk]


def standings(
    papers: Sequence[Paper], member: Member, *, now: datetime | None = None
) -> dict[int, PaperStanding]:
    """`standing` for many papers by their id, with one query."""
    now = now or timezone.now()
    attempts: dict[int, list[Attempt]] = {paper.pk: [] for paper in papers}
    for attempt in Attempt.objects.of(member).filter(paper__in=papers).order_by("number"):
        late = attempt.submitted_at is None and now > attempt.ends_at + GRACE
        attempts[attempt.paper_id].append(_finish(attempt, now=now) if late else attempt)
    return {paper.pk: PaperStanding(paper, attempts[paper.pk]) for paper in papers}


def start(paper: Paper, member: Member, *, now: datetime | None = None, rng: Random | None = None) -> Attempt:
    """Begin an attempt, or go on with the one that is open: a second tab or device gets the same one.

    Raises PaperNotOpen, NoAttemptLeft, PaperIncomplete; nothing is kept then.
    """
    now = now or timezone.now()
    before = standing(paper, member, now=now)
    if before.going_on is not None:
        return before.going_on
    if not Paper.objects.open_to(member).filter(pk=paper.pk).exists():
        raise PaperNotOpen(paper.pk)
    if not before.left:
        raise NoAttemptLeft(paper.pk)
    items = [question.item() for question in paper.bank.questions.filter(live=True).order_by("pk")]
    drawn = draw(items, paper.plan, rng or SystemRandom())
    try:
        with transaction.atomic():
            return Attempt.objects.create(
                member=member,
                paper=paper,
                number=len(before.attempts) + 1,
                revision=paper.revision,
                title=paper.title,
                pass_mark=paper.pass_mark,
                total_points=paper.total_points,
                questions=drawn,
                started_at=now,
                ends_at=now + timedelta(minutes=paper.minutes),
            )
    except IntegrityError:  # begun a moment ago in another tab
        open_one = Attempt.objects.of(member).open().filter(paper=paper).first()
        if open_one is None:
            raise
        return open_one


def save_answers(
    attempt: Attempt, answers: Mapping[str, Sequence[str]], *, now: datetime | None = None
) -> Attempt:
    """Keep answers as they are given, some or all; of one question the last that arrives counts.

    Raises AttemptOver when it was submitted or the time is up (it is graded then), BadAnswer (nothing kept).
    """
    now = now or timezone.now()
    with transaction.atomic():
        fresh = _locked(attempt)
        in_time = fresh.submitted_at is None and now <= fresh.ends_at + GRACE
        if in_time:
            fresh.answers = fresh.answers | checked(fresh.questions, answers)
            fresh.save(update_fields=["answers"])
            return fresh
    _finish(fresh, now=now)
    raise AttemptOver(fresh.pk)


def submit(
    attempt: Attempt, answers: Mapping[str, Sequence[str]] | None = None, *, now: datetime | None = None
) -> Attempt:
    """Hand an attempt in and grade it. `answers`, those that the page changed, are added to what was saved.

    Handed in twice, the first counts and is returned. Too late, only what was saved in time counts. Raises
    BadAnswer; the attempt stays open then.
    """
    now = now or timezone.now()
    return _finish(attempt, answers=answers, now=now)


def _finish(
    attempt: Attempt, *, answers: Mapping[str, Sequence[str]] | None = None, now: datetime
) -> Attempt:
    with transaction.atomic():
        fresh = _locked(attempt)
        if fresh.submitted_at is not None:
            return fresh
        if answers and now <= fresh.ends_at + GRACE:
            fresh.answers = fresh.answers | checked(fresh.questions, answers)
        fresh.submitted_at = min(now, fresh.ends_at)
        fresh.score = grade(fresh.questions, fresh.answers)
        fresh.passed = fresh.score >= fresh.pass_mark
        fresh.save(update_fields=["answers", "submitted_at", "score", "passed"])
        if fresh.passed:
            exam_passed.send(
                sender=Attempt,
                member=fresh.member,
                paper=fresh.paper,
                attempt=fresh,
                at=fresh.submitted_at,
            )
    return fresh


def _locked(attempt: Attempt) -> Attempt:
    return (
        Attempt.objects.select_for_update(of=("self",))
        .select_related("paper", "member__organization")
        .get(pk=attempt.pk)
    )


def finish_overdue(*, now: datetime | None = None) -> int:
    """Grade attempts whose time is up though nobody handed them in (a closed browser); how many."""
    now = now or timezone.now()
    overdue = list(Attempt.objects.overdue(now - GRACE).order_by("pk")[:1000])
    for attempt in overdue:
        _finish(attempt, now=now)
    return len(overdue)


def passed_attempts(paper: Paper, members: Iterable[Member]) -> dict[int, Attempt]:
    """Member id → the attempt with which she passed `paper` (one query)."""
    found = Attempt.objects.filter(paper=paper, member__in=list(members), passed=True).order_by("-number")
    return {attempt.member_id: attempt for attempt in found}


@transaction.atomic
def admit(paper: Paper, members: Iterable[Member], *, actor: Member | None) -> int:
    """Let members take a paper whatever its audience, e.g. those of a training class; how many are new."""
    wanted = {member.pk for member in members}
    there = set(Admission.objects.filter(paper=paper, member__in=wanted).values_list("member_id", flat=True))
    fresh = sorted(wanted - there)
    Admission.objects.bulk_create(
        [Admission(paper=paper, member_id=one) for one in fresh], ignore_conflicts=True
    )
    if fresh:
        record(actor, "exam.admitted", paper, detail={"members": len(fresh)})
    return len(fresh)
