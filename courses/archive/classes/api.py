"""What may be done with training classes: one function for each change of state."""

from __future__ import annotations

import hashlib
import json
import time as clock
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from courses.archive import ledger
from courses.archive.certificates import api as certificates
from courses.archive.claims.models import ClaimState, OfflineClaim
from courses.archive.classes.class_rule import Facts, Verdict, judge
from courses.archive.classes.models import (
    Attendance,
    AttendanceStatus,
    ClassMember,
    ClassMode,
    ClassSession,
    TrainingClass,
)
from courses.archive.cmi5.models import Cmi5Course, Cmi5Registration
from courses.archive.errors import ClassRefused, NotAllowed, ReasonMissing, YearClosed
from courses.archive.models import LessonState, StudyHourEntry
from courses.archive.rules import RuleBook
from courses.catalogue.models import Lesson
from courses.quizzes import api as exams
from courses.quizzes.models import Attempt, Paper
from people import api as people
from people.models import Member, PartyOrganization

__all__ = [
    "Conclusion",
    "Standing",
    "add_session",
    "claimed_beside",
    "conclude",
    "enter",
    "leave",
    "mark_attendance",
    "open_class",
    "places_of",
    "remove_session",
    "roster",
    "take_back",
]

PAGE = "/archive/classes/"


@dataclass(frozen=True)
class Standing:
    """One member in one class: `statuses` by session id, `verdict` by the rule."""

    place: ClassMember
    statuses: dict[int, str]
    lessons_open: int
    exam_open: bool
    verdict: Verdict


@dataclass(frozen=True)
class Conclusion:
    """What concluding a class brought: how many were credited, how many are open, and of these `refused`, who has
    completed the class but could not be credited, with the reason."""

    credited: int
    open: int
    refused: tuple[tuple[Member, NotAllowed | YearClosed], ...] = ()
    left: int = 0
    """Who was not looked at, since the time for it was over."""

    @property
    def counts(self) -> tuple[int, int]:
        return self.credited, self.open


def _require_scope(course: TrainingClass, actor: Member) -> None:
    if not TrainingClass.objects.within(people.scope_of(actor)).filter(pk=course.pk).exists():
        raise NotAllowed(f"member {actor.pk} does not organise class {course.pk}")


@transaction.atomic
def open_class(
    organization: PartyOrganization,
    *,
    actor: Member,
    title: str,
    mode: str,
    starts_on: date,
    ends_on: date,
    hours: Decimal | None = None,
    lessons: Iterable[Lesson] = (),
    paper: Paper | None = None,
    gives_certificate: bool = True,
    now: datetime | None = None,
) -> TrainingClass:
    """Open a class of `organization`. Online it says its `hours` and its lessons or its exam; at the place its
    sessions say the hours. It lies in last year, this or the next. Raises NotAllowed, ClassRefused (DATES, YEAR,
    HOURS, MODE).
    """
    if not people.scope_of(actor).holds(organization.path):
        raise NotAllowed(f"member {actor.pk} does not organise {organization.code}")
    required = list(lessons)
    online = ClassMode(mode) == ClassMode.CENTRAL_ONLINE
    if ends_on < starts_on or starts_on.year != ends_on.year:
        raise ClassRefused("DATES")
    now = now or timezone.now()
    if abs(starts_on.year - timezone.localdate(now).year) > 1:
        raise ClassRefused("YEAR")
    if online and (hours is None or hours <= 0):
        raise ClassRefused("HOURS")
    if online and not required and paper is None:
        raise ClassRefused("MODE")
    course = TrainingClass.objects.create(
        organization=organization,
        organization_code=organization.code,
        organization_name=organization.name,
        title=title.strip(),
        mode=mode,
        starts_on=starts_on,
        ends_on=ends_on,
        hours=hours if online else None,
        paper=paper,
        gives_certificate=gives_certificate,
        created_by=actor,
        created_at=now,
    )
    course.lessons.set(required)
    people.record(actor, "class.opened", course, detail={"title": course.title, "mode": mode}, at=now)
    return course


@transaction.atomic
def add_session(
    course: TrainingClass, *, actor: Member, title: str, held_on: date, hours: Decimal
) -> ClassSession:
    """Add a part of a class at the place. Raises NotAllowed, ClassRefused (MODE, DATES, HOURS, CONCLUDED)."""
    _require_scope(course, actor)
    course = TrainingClass.objects.select_for_update().get(pk=course.pk)
    if course.online:
        raise ClassRefused("MODE")
    _require_nobody_credited(course)
    if not course.starts_on <= held_on <= course.ends_on:
        raise ClassRefused("DATES")
    if not 0 < hours <= 12:
        raise ClassRefused("HOURS")
    session = course.sessions.create(title=title.strip(), held_on=held_on, hours=hours)
    people.record(
        actor, "class.session_added", course, detail={"on": held_on.isoformat(), "hours": str(hours)}
    )
    return session


def _require_nobody_credited(course: TrainingClass) -> None:
    """Sessions are what hours rest on, also of a conclusion that stopped half-way."""
    if course.concluded_at is not None or course.roster.filter(completed_at__isnull=False).exists():
        raise ClassRefused("CONCLUDED")


@transaction.atomic
def remove_session(session: ClassSession, *, actor: Member) -> None:
    """Take a session away again, with its attendance. Raises NotAllowed, ClassRefused (CONCLUDED)."""
    _require_scope(session.training_class, actor)
    course = TrainingClass.objects.select_for_update().get(pk=session.training_class_id)
    _require_nobody_credited(course)
    detail = {"on": session.held_on.isoformat(), "hours": str(session.hours)}
    session.delete()
    people.record(actor, "class.session_removed", course, detail=detail)


@transaction.atomic
def enter(
    course: TrainingClass, members: Iterable[Member], *, actor: Member, now: datetime | None = None
) -> int:
    """Enter members of the actor's scope; how many are new. Whoever had left is entered again.

    With an exam they are admitted to it. Each gets a notice. Raises NotAllowed for anybody outside.
    """
    _require_scope(course, actor)
    now = now or timezone.now()
    wanted = {member.pk: member for member in members}
    inside = set(
        Member.objects.on_roster()
        .within(people.scope_of(actor))
        .filter(pk__in=wanted)
        .values_list("pk", flat=True)
    )
    if inside != set(wanted):
        raise NotAllowed("members outside the scope")
    there = {place.member_id: place for place in course.roster.filter(member__in=wanted)}
    back = [place for place in there.values() if place.left_at is not None]
    for place in back:
        place.left_at, place.left_reason = None, ""
        place.save(update_fields=["left_at", "left_reason"])
    fresh = [pk for pk in sorted(wanted) if pk not in there]
    ClassMember.objects.bulk_create(
        [ClassMember(training_class=course, member_id=pk, joined_at=now) for pk in fresh],
        ignore_conflicts=True,
    )
    new = [*fresh, *(place.member_id for place in back)]
    if not new:
        return 0
    entered = [wanted[pk] for pk in new]
    if course.paper is not None:
        exams.admit(course.paper, entered, actor=actor)
    people.record(actor, "class.entered", course, detail={"members": len(new)}, at=now)
    with translation.override(settings.LANGUAGE_CODE):
        people.notify_all(
            entered,
            kind="class_entered",
            title=_("You are in the training class «%(title)s»") % {"title": course.title},
            text=_("Until %(day)s. What it asks stands on its page.") % {"day": course.ends_on.isoformat()},
            link=PAGE,
            dedupe_key=f"class:{course.uuid}:{timezone.localdate(now).isoformat()}",
        )
    return len(new)


@transaction.atomic
def leave(place: ClassMember, *, actor: Member, reason: str, now: datetime | None = None) -> ClassMember:
    """Somebody leaves a class (退学): decided by people, with a reason. Raises ClassRefused (COMPLETED)."""
    _require_scope(place.training_class, actor)
    if not reason.strip():
        raise ReasonMissing()
    place = ClassMember.objects.select_for_update(of=("self",)).get(pk=place.pk)
    if place.completed_at is not None:
        raise ClassRefused("COMPLETED")
    place.left_at, place.left_reason = now or timezone.now(), reason.strip()
    place.save(update_fields=["left_at", "left_reason"])
    people.record(
        actor,
        "class.left",
        place.training_class,
        detail={"member": str(place.member.uuid)},  # the reason, often an illness, stays in the row
        at=now,
    )
    return place


@transaction.atomic
def mark_attendance(
    session: ClassSession, said: Mapping[int, str], *, actor: Member, now: datetime | None = None
) -> int:
    """Record who was there: {id of a place: status}; how many changed.

    Raises NotAllowed (also for a place of another class, and for one's own), ClassRefused (COMPLETED) when it
    would change what somebody's hours rest on.
    """
    course = session.training_class
    _require_scope(course, actor)
    places = {
        place.pk: place
        for place in course.roster.select_for_update(of=("self",)).filter(pk__in=said).order_by("pk")
    }
    before = dict(session.attendance.filter(place__in=places).values_list("place_id", "status"))
    changed = {
        pk: AttendanceStatus(status)
        for pk, status in said.items()
        if before.get(pk) != AttendanceStatus(status)
    }
    for pk, status in changed.items():
        if pk not in places or places[pk].member_id == actor.pk:
            raise NotAllowed("not in this class, or one's own attendance")
        if places[pk].completed_at is not None:
            raise ClassRefused("COMPLETED")
        Attendance.objects.update_or_create(
            session=session, place=places[pk], defaults={"status": status.value}
        )
    if changed:
        detail = {"session": session.pk, "changed": len(changed)}
        people.record(actor, "class.attendance", course, detail=detail, at=now)
    return len(changed)


def roster(course: TrainingClass) -> list[Standing]:
    """Everybody in the class who has not left, by the pinyin of the name, with the verdict; six queries."""
    places = (
        course.roster.filter(left_at=None)
        .select_related("member__organization", "entry")
        .order_by("member__name_pinyin", "member__name", "pk")
    )
    return _standings(course, list(places))


def claimed_beside(course: TrainingClass) -> dict[int, list[OfflineClaim]]:
    """Member id → her approved claims for days of a class at the place, which the class would count once more; of
    those who are not credited yet. Whether it was the same study is for people to judge. One query."""
    found: dict[int, list[OfflineClaim]] = {}
    if course.online:
        return found
    open_places = course.roster.filter(left_at=None, completed_at=None)
    claims = OfflineClaim.objects.filter(
        member__in=open_places.values("member"),
        state=ClaimState.APPROVED,
        entry__reversal=None,
        started_on__lte=course.ends_on,
        finished_on__gte=course.starts_on,
    )
    for claim in claims.order_by("started_on", "pk"):
        found.setdefault(claim.member_id, []).append(claim)
    return found


def _standings(course: TrainingClass, places: list[ClassMember]) -> list[Standing]:
    sessions = list(course.sessions.all())
    statuses: dict[int, dict[int, str]] = {place.pk: {} for place in places}
    marks = Attendance.objects.filter(session__in=sessions, place__in=places)
    for place_id, session_id, status in marks.values_list("place_id", "session_id", "status"):
        statuses[place_id][session_id] = status
    required = list(course.lessons.values_list("pk", flat=True)) if course.online else []
    begin, end = _counting_days(course)
    done: dict[int, set[int]] = {place.member_id: set() for place in places}
    if required:
        states = LessonState.objects.filter(
            member__in=done, version__lesson__in=required, completed_at__gte=begin, completed_at__lt=end
        )
        for member_id, lesson_id in states.values_list("member_id", "version__lesson_id"):
            done[member_id].add(lesson_id)
    passed = _passed(course, done, begin, end)
    counted = _counted_elsewhere(course, required, done)
    leave_max = _leave_max(course)
    found = []
    for place in places:
        lessons_open = len(set(required) - done[place.member_id])
        exam_open = course.paper_id is not None and place.member_id not in passed
        facts = Facts(
            online_hours=_worth(course, place, required, counted[place.member_id]),
            sessions=[(session.hours, statuses[place.pk].get(session.pk)) for session in sessions],
            lessons_open=lessons_open,
            exam_open=exam_open,
        )
        found.append(Standing(place, statuses[place.pk], lessons_open, exam_open, judge(facts, leave_max)))
    return found


def _counting_days(course: TrainingClass) -> tuple[datetime, datetime]:
    """From the first day of the class's calendar year to the end of its last day."""
    begin = timezone.make_aware(datetime(course.ends_on.year, 1, 1))
    return begin, _day_after(course.ends_on)


def _counted_elsewhere(
    course: TrainingClass, required: list[int], members: Iterable[int]
) -> dict[int, frozenset[int]]:
    """Member id → which of the `required` lessons (without any: the exam) another online class of the same year
    has credited her before; two queries, none for a class at the place."""
    counted: dict[int, set[int]] = {member_id: set() for member_id in members}
    if course.online:
        places = (
            ClassMember.objects.filter(
                member__in=counted,
                completed_at__isnull=False,
                training_class__mode=ClassMode.CENTRAL_ONLINE,
                training_class__ends_on__year=course.ends_on.year,
            )
            .exclude(training_class=course)
            .values_list("member_id", "training_class_id", "training_class__paper_id")
        )
        others = list(places)
        lessons: dict[int, set[int]] = {course_id: set() for _member_id, course_id, _paper_id in others}
        shared = TrainingClass.lessons.through.objects.filter(trainingclass__in=lessons, lesson__in=required)
        for course_id, lesson_id in shared.values_list("trainingclass_id", "lesson_id"):
            lessons[course_id].add(lesson_id)
        for member_id, course_id, paper_id in others:
            counted[member_id] |= lessons[course_id]
            if not required and paper_id is not None and paper_id == course.paper_id:
                counted[member_id].add(paper_id)
    return {member_id: frozenset(found) for member_id, found in counted.items()}


def _worth(
    course: TrainingClass, place: ClassMember, required: list[int], counted: frozenset[int]
) -> Decimal | None:
    """Hours of an online class for one member: its lessons (without any: its exam) stand for equal parts, and a
    part that another class has credited brings nothing again. None for a class at the place."""
    if course.hours is None:
        return None
    if place.entry is not None:
        return place.entry.hours
    parts = len(required) or 1
    return (course.hours * (parts - len(counted)) / parts).quantize(Decimal("0.01"), ROUND_DOWN)


def _passed(course: TrainingClass, members: Iterable[int], begin: datetime, end: datetime) -> set[int]:
    if course.paper_id is None:
        return set()
    attempts = Attempt.objects.filter(
        paper=course.paper_id,
        member__in=list(members),
        passed=True,
        submitted_at__gte=begin,
        submitted_at__lt=end,
    )
    return set(attempts.values_list("member_id", flat=True))


def _leave_max(course: TrainingClass) -> Fraction:
    organization = PartyOrganization.objects.filter(pk=course.organization_id).first()
    path = organization.path if organization else ""
    # Of days before there was such a rule that of today holds: a class must not take its members' page away.
    rule = RuleBook.load(course.ends_on).find_if("LEAVE_1_7", path)
    value = (rule or RuleBook.load(timezone.localdate()).find("LEAVE_1_7", path)).value
    if not isinstance(value, Fraction):
        raise TypeError("LEAVE_1_7 is not a fraction")
    return value


def _day_after(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time()))


def conclude(
    course: TrainingClass,
    *,
    actor: Member,
    reason: str = "",
    now: datetime | None = None,
    turn_s: float | None = None,
) -> Conclusion:
    """Credit the hours of everybody who has completed the class, and issue the certificates.

    Once its last day has come. Again it credits only those who were open. Each member is a transaction of her
    own, so that what stops half-way is gone on with, and whose branch has closed the year stays open alone. After
    `turn_s` seconds it stops by itself and tells how many are left: a page must answer. `reason`
    only for a closed year. The actor's own hours and those of members outside her scope stay open: somebody else
    concludes for them.

    Raises NotAllowed, ClassRefused (NOT_OVER); YearClosed and NotAllowed also where nobody could be credited for it.
    """
    _require_scope(course, actor)
    now = now or timezone.now()
    if timezone.localdate(now) < course.ends_on:
        raise ClassRefused("NOT_OVER")
    credited = still_open = left = 0
    until = None if turn_s is None else clock.monotonic() + turn_s
    refused: list[tuple[Member, NotAllowed | YearClosed]] = []
    scope = people.scope_of(actor)
    for standing in roster(course):
        if standing.place.completed_at is not None:
            continue
        if until is not None and credited and clock.monotonic() > until:
            left += 1
            continue
        organization = standing.place.member.organization
        within = organization is not None and scope.holds(organization.path)
        if standing.verdict.met and within and standing.place.member_id != actor.pk:
            try:
                credited += _complete(course, standing.place, actor=actor, reason=reason, now=now)
            except (NotAllowed, YearClosed) as refusal:
                refused.append((standing.place.member, refusal))
                still_open += 1
        else:
            still_open += 1
    if refused and not credited:
        raise refused[0][1]
    if course.concluded_at is None:
        course.concluded_by, course.concluded_at = actor, now
        course.save(update_fields=["concluded_by", "concluded_at"])
    people.record(
        actor, "class.concluded", course, detail={"credited": credited, "open": still_open + left}, at=now
    )
    return Conclusion(credited, still_open, tuple(refused), left)


@transaction.atomic
def _complete(
    course: TrainingClass, place: ClassMember, *, actor: Member, reason: str, now: datetime
) -> bool:
    """One member's hours and certificate; False when somebody was faster or attendance changed meanwhile."""
    place = (
        ClassMember.objects.select_for_update(of=("self",))
        .select_related("member__organization", "training_class")
        .get(pk=place.pk)
    )
    if course.online:  # one class after the other, so that each sees what the other credited
        ledger.lock_archive(place.member, at=now)
    standing = _standings(course, [place])[0]
    if place.completed_at is not None or place.left_at is not None or not standing.verdict.met:
        return False
    finished_at = timezone.make_aware(datetime.combine(course.ends_on, time(12)))
    if course.online:
        place.replaced = _count_lessons_once(course, place.member, actor=actor, reason=reason, now=now)
    number = place.completions + 1
    said = {
        "class": str(course.uuid),
        "sessions": sorted(standing.statuses.items()),
        "hours": str(standing.verdict.hours),
    }
    place.entry = ledger.add_entry(
        place.member,
        mode=course.mode,
        title=course.title,
        hours=standing.verdict.hours,
        provider=course.organization_name,
        started_at=timezone.make_aware(datetime.combine(course.starts_on, time(12))),
        finished_at=min(finished_at, now),
        approver=actor,
        credit_key=f"class:{course.uuid}" + (f":{number}" if number > 1 else ""),
        evidence_type="class",
        evidence_id=str(course.uuid),
        evidence_hash=hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest(),
        reason=reason.strip(),
        now=now,
    )
    place.completed_at, place.completions = now, number
    place.save(update_fields=["entry", "completed_at", "completions", "replaced"])
    if course.gives_certificate:
        certificates.issue(place, actor=actor, now=now)
    people.record(actor, "class.completed", course, detail={"member": str(place.member.uuid)}, at=now)
    with translation.override(settings.LANGUAGE_CODE):
        people.notify(
            place.member,
            kind="class_completed",
            title=(_("Completed: «%(title)s»") % {"title": course.title})[:200],
            text=_("The study hours are in your learning archive."),
            link=PAGE,
            dedupe_key=f"class_completed:{course.uuid}:{number}",
        )
    return True


def _count_lessons_once(
    course: TrainingClass, member: Member, *, actor: Member, reason: str, now: datetime
) -> list[str]:
    """The hours of an online class stand for its lessons: what they, their tests and their interactive courses
    brought this year by themselves is reversed, and what its exam brought as a lesson's test.

    Not for a lesson that another class has counted. The keys of those entries stay taken, so that the lessons
    bring nothing again this year. Uuids of the entries, for `_give_lessons_back`.
    """
    required = list(course.lessons.values_list("pk", flat=True))
    counted = _counted_elsewhere(course, required, [member.pk])[member.pk]
    lessons = [pk for pk in required if pk not in counted]
    tests = {*lessons}
    if course.paper is not None and course.paper.lesson_id is not None:
        tests.add(course.paper.lesson_id)
    publishers = Cmi5Course.objects.filter(lesson__in=lessons).values("publisher_id")
    begun = Cmi5Registration.objects.filter(member=member, course__publisher_id__in=publishers)
    of_lessons = Q(
        evidence_type="cmi5", evidence_id__in=[str(uuid) for uuid in begun.values_list("uuid", flat=True)]
    )
    for key in [*(f"lesson:{pk}" for pk in lessons), *(f"test:{pk}" for pk in sorted(tests))]:
        of_lessons |= Q(credit_key=key) | Q(credit_key__startswith=f"{key}:")
    standing = list(
        StudyHourEntry.objects.of(member)
        .filter(of_lessons, year=course.ends_on.year, reversal=None)
        .order_by("pk")
    )
    with translation.override(settings.LANGUAGE_CODE):
        said = _("Counted in the training class «%(title)s»") % {"title": course.title}
    for entry in standing:
        ledger.reverse_entry(
            entry, actor=None, approver=actor, reason=f"{said} {reason}".strip()[:300], now=now
        )
    return [str(entry.uuid) for entry in standing]


def _give_lessons_back(place: ClassMember, *, actor: Member, reason: str, now: datetime | None) -> None:
    """What single lessons had brought before the class counted them, as entries of their own."""
    for entry in StudyHourEntry.objects.of(place.member).filter(uuid__in=place.replaced).order_by("pk"):
        lesson = ":".join(entry.credit_key.split(":")[:2])
        ledger.add_entry(
            place.member,
            mode=entry.mode,
            title=entry.title,
            hours=entry.hours,
            provider=entry.provider,
            lesson_version=entry.lesson_version,
            started_at=entry.started_at,
            finished_at=entry.finished_at,
            published_duration_s=entry.published_duration_s,
            verified_coverage=entry.verified_coverage,
            rule_version=entry.rule_version,
            approver=actor,
            credit_key=f"{lesson}:{place.training_class.uuid}:{place.completions}",
            evidence_type=entry.evidence_type,
            evidence_id=entry.evidence_id,
            evidence_hash=entry.evidence_hash,
            source_system=entry.source_system,
            reason=reason,
            now=now,
        )


@transaction.atomic
def take_back(place: ClassMember, *, actor: Member, reason: str, now: datetime | None = None) -> ClassMember:
    """Take a completion back: the hours by a reversing entry, the certificate revoked; hours that single lessons
    had brought before are given back. Then the class can be corrected and concluded again.

    Raises NotAllowed, ReasonMissing, YearClosed (the approver is the actor), ClassRefused (NOT_COMPLETED).
    """
    _require_scope(place.training_class, actor)
    if not reason.strip():
        raise ReasonMissing()
    place = (
        ClassMember.objects.select_for_update(of=("self",))
        .select_related("member__organization", "training_class")
        .get(pk=place.pk)
    )
    if place.entry is None:
        raise ClassRefused("NOT_COMPLETED")
    certificates.revoke_of(place, actor=actor, reason=reason, now=now)
    if not StudyHourEntry.objects.filter(reversal_of=place.entry).exists():  # else taken back past the class
        ledger.reverse_entry(place.entry, actor=actor, approver=actor, reason=reason.strip(), now=now)
    _give_lessons_back(place, actor=actor, reason=reason.strip(), now=now)
    place.entry, place.completed_at, place.replaced = None, None, []
    place.save(update_fields=["entry", "completed_at", "replaced"])
    people.record(
        actor,
        "class.completion_taken_back",
        place.training_class,
        detail={"member": str(place.member.uuid), "reason": reason.strip()},
        at=now,
    )
    return place


def places_of(member: Member) -> list[Standing]:
    """The member's own classes, the latest first, with the verdict."""
    places = (
        ClassMember.objects.of(member)
        .filter(left_at=None)
        .select_related("training_class__paper", "member__organization", "entry")
        .prefetch_related("certificates", "training_class__lessons")
        .order_by("-training_class__starts_on", "-pk")
    )
    return [_standings(place.training_class, [place])[0] for place in places]
