"""Taking a record into the ledger: what would be added (`plan`), and adding it (`take_in`).

An entry is known by the school that first recorded it and its number there; a lesson that both schools know also by
lesson and year. So the same record twice, an older one after a newer one, or the way A → B → A adds nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from courses.archive import ledger
from courses.archive.closing.api import closes_over
from courses.archive.closing.models import YearClose
from courses.archive.errors import NotAllowed, ReasonMissing, WrongPerson
from courses.archive.models import ClassMember, StudyHourEntry
from courses.archive.records import keys
from courses.archive.records.issue import SOURCE
from courses.archive.records.models import RecordImport
from courses.archive.records.reading import Entry, Record, named_alike, phone_matches
from courses.archive.states import path_of
from courses.catalogue.models import Lesson
from people.api import record as remember
from people.api import scope_of
from people.models import Member
from people.querysets import Scope

__all__ = [
    "BY_SIGHT",
    "PHONE",
    "STATED_PHONE",
    "Item",
    "Plan",
    "candidates",
    "closes_of",
    "identify",
    "plan",
    "take_in",
]

REASON_MAX = 300
"""What the ledger's field of the reason holds."""
PHONE, STATED_PHONE, BY_SIGHT = "PHONE", "STATED_PHONE", "BY_SIGHT"

ADD = "ADD"
ADD_AND_TAKE_BACK = "ADD_AND_TAKE_BACK"
TAKE_BACK = "TAKE_BACK"
ALREADY_HERE = "ALREADY_HERE"
CREDITED_HERE = "CREDITED_HERE"
TAKEN_BACK_HERE = "TAKEN_BACK_HERE"
OURS_TAKEN_BACK_THERE = "OURS_TAKEN_BACK_THERE"
TAKEN_BACK_ELSEWHERE = "TAKEN_BACK_ELSEWHERE"

WORDS = {
    ADD: _("will be added"),
    ADD_AND_TAKE_BACK: _("will be added together with its taking back; together 0"),
    TAKE_BACK: _("was added earlier and has been taken back there; it will be taken back here"),
    ALREADY_HERE: _("is here already"),
    CREDITED_HERE: _("the same lesson already counts here for that year"),
    TAKEN_BACK_HERE: _("was taken back here; it stays so"),
    OURS_TAKEN_BACK_THERE: _(
        "is our own entry, taken back at the other school; it stays until somebody here decides"
    ),
    TAKEN_BACK_ELSEWHERE: _(
        "was recorded by a third school, which alone takes it back; it stays until somebody here decides"
    ),
}


@dataclass(frozen=True)
class Item:
    """One entry of the record (reversals stand with the entry that they take back) and what becomes of it."""

    what: str
    entry: Entry
    credit_key: str = ""
    here: StudyHourEntry | None = None
    reason: str = ""
    """Why it was taken back at the other school."""

    @property
    def words(self) -> str:
        return str(WORDS[self.what])

    @property
    def year(self) -> int:
        """The year of the ledger that it moves."""
        return self.here.year if self.here else timezone.localtime(self.entry.finished_at).year

    @property
    def moves(self) -> bool:
        return self.what in {ADD, ADD_AND_TAKE_BACK, TAKE_BACK}


@dataclass(frozen=True)
class Plan:
    """What taking a record in would do for one member."""

    items: tuple[Item, ...]

    def of(self, *kinds: str) -> list[Item]:
        return [one for one in self.items if one.what in kinds]

    @property
    def added(self) -> int:
        return len(self.of(ADD, ADD_AND_TAKE_BACK))

    @property
    def taken_back(self) -> int:
        return len(self.of(ADD_AND_TAKE_BACK, TAKE_BACK))

    @property
    def left_out(self) -> int:
        return sum(not one.moves for one in self.items)

    @property
    def hours(self) -> Decimal:
        """By how much the member's total changes."""
        added = sum((one.entry.hours for one in self.of(ADD)), Decimal(0))
        return added - sum((one.here.hours for one in self.of(TAKE_BACK) if one.here), Decimal(0))

    @property
    def moves(self) -> bool:
        return any(one.moves for one in self.items)


# Whose


def candidates(record: Record, organiser: Member, scope: Scope) -> list[Member]:
    """Members on the roster within `scope`, but for the organiser, who bear the record's name."""
    found = Member.objects.on_roster().within(scope).exclude(pk=organiser.pk).select_related("organization")
    name = record.body.person.name
    # Dots and widths differ between schools: the first sign finds them, the whole name is compared here.
    return [
        one
        for one in found.filter(name__startswith=name.strip()[:1]).by_name()
        if named_alike(one.name, name)
    ]


def identify(record: Record, member: Member, *, stated_phone: str = "") -> str:
    """How we know that the record is this member's: PHONE, STATED_PHONE or BY_SIGHT. Raises WrongPerson.

    `stated_phone` is the number that the person says the other school knew; it is compared and not kept. BY_SIGHT:
    the other school knew no number, so somebody has to look at the person's papers.
    """
    person, school = record.body.person, record.body.school.uuid
    if not named_alike(person.name, member.name):
        raise WrongPerson("name")
    earlier = RecordImport.objects.filter(school=school)
    if earlier.filter(person=person.uuid).exclude(member=member).exists():
        raise WrongPerson("bound")
    if earlier.filter(member=member).exclude(person=person.uuid).exists():
        raise WrongPerson("bound")
    if school == keys.own().school and person.uuid != member.uuid:
        raise WrongPerson("bound")
    if person.phone is None:
        return BY_SIGHT
    if phone_matches(record, member.phone):
        return PHONE
    if stated_phone and phone_matches(record, stated_phone):
        return STATED_PHONE
    raise WrongPerson("phone")


# What


def plan(record: Record, member: Member) -> Plan:
    """What would become of each entry of the record in this member's ledger. Changes nothing; four queries."""
    entries = record.body.entries
    back = {one.reversal_of: one for one in entries if one.reversal_of is not None}
    firsts = [one for one in entries if one.reversal_of is None]
    ours = keys.own().school
    in_classes = _counted_in_classes(member)
    here: dict[tuple[str, str], StudyHourEntry] = {}
    keys_here: dict[tuple[int, str], bool] = {}
    for row in StudyHourEntry.objects.of(member).select_related("reversal"):
        here[(str(ours), str(row.uuid))] = row
        if row.source_system.startswith(SOURCE):
            here[(row.source_system.removeprefix(SOURCE), row.evidence_id)] = row
        if row.credit_key:
            keys_here[(row.year, row.credit_key)] = _is_taken_back(row) and str(row.uuid) not in in_classes
    known = dict(
        Lesson.objects.filter(translation_key__in={one.lesson for one in firsts if one.lesson})
        .order_by("-pk")
        .values_list("translation_key", "pk")
    )
    items = []
    for one in firsts:
        there = back.get(one.uuid)
        row = here.get((str(one.origin.school), str(one.origin.entry)))
        alone = f"record:{one.origin.school}:{one.origin.entry}"
        if row is not None:
            items.append(
                Item(
                    _of_known(row, there, record.body.school.uuid, ours, one),
                    one,
                    here=row,
                    reason=there.reason if there else "",
                )
            )
        elif there is not None:
            # Under a key of its own: what was taken back there does not stop the lesson from counting here.
            items.append(Item(ADD_AND_TAKE_BACK, one, alone, reason=there.reason))
        else:
            year, key = timezone.localtime(one.finished_at).year, _credit_key(one, known, alone)
            taken_back = keys_here.get((year, key))
            if taken_back is False:
                items.append(Item(CREDITED_HERE, one))
                continue
            if taken_back:
                key = alone
            keys_here[(year, key)] = False
            items.append(Item(ADD, one, key))
    return Plan(tuple(items))


def _is_taken_back(row: StudyHourEntry) -> bool:
    return hasattr(row, "reversal")


def _counted_in_classes(member: Member) -> set[str]:
    """Uuids of entries that were reversed since a completed class counts the lesson: its hours are still here."""
    lists = ClassMember.objects.of(member).filter(completed_at__isnull=False)
    return {uuid for one in lists.values_list("replaced", flat=True) for uuid in one}


def _of_known(row: StudyHourEntry, there: Entry | None, sender: UUID, ours: UUID, one: Entry) -> str:
    if there is None:
        return TAKEN_BACK_HERE if _is_taken_back(row) else ALREADY_HERE
    if _is_taken_back(row):
        return ALREADY_HERE
    if one.origin.school == ours:
        return OURS_TAKEN_BACK_THERE
    return TAKE_BACK if one.origin.school == sender else TAKEN_BACK_ELSEWHERE


def _credit_key(one: Entry, known: dict, alone: str) -> str:
    """A lesson that we have: our own key of it. One that we lack: its number in all schools. Anything else: itself."""
    if one.lesson is None:
        return alone
    return f"lesson:{known[one.lesson]}" if one.lesson in known else f"lesson-key:{one.lesson}"


# Doing it


@transaction.atomic
def take_in(
    record: Record,
    member: Member,
    *,
    actor: Member | None,
    stated_phone: str = "",
    by_sight: bool = False,
    reason: str = "",
    now: datetime | None = None,
) -> tuple[RecordImport, Plan]:
    """Take a checked record into the member's ledger, all of it or nothing; again adds nothing.

    `actor` None is the administrator at the command line. `by_sight`: the organiser has looked at the person's
    papers; without it a record that knows no number is refused. `reason` is why lines are still written for years that
    are closed; it stands in them. Raises NotAllowed (not in scope, or oneself), WrongPerson, ReasonMissing (a year
    is closed and nobody said why), and what the ledger raises.
    """
    now = now or timezone.now()
    if actor is not None:
        scope, path = scope_of(actor), path_of(member)
        if actor.pk == member.pk or not (scope.everything or (bool(path) and scope.holds(path))):
            raise NotAllowed(f"member {actor.pk} may not take in a record for member {member.pk}")
    ledger.lock_archive(member, at=now)
    identity = identify(record, member, stated_phone=stated_phone)
    if identity == BY_SIGHT and not by_sight:
        raise WrongPerson("papers")
    planned = plan(record, member)
    late = {close.year for close in closes_of(planned, member)}
    if late and not reason.strip():
        raise ReasonMissing()
    for one in planned.items:
        _apply(one, record, member, actor, reason.strip() if one.year in late else "", now)
    body = record.body
    made = RecordImport.objects.create(
        member=member,
        record=body.record,
        school=body.school.uuid,
        school_name=body.school.name,
        person=body.person.uuid,
        issued_at=body.issued_at,
        sha256=record.sha256,
        identity=identity,
        actor=actor,
        imported_at=now,
        added=planned.added,
        taken_back=planned.taken_back,
        left_out=planned.left_out,
    )
    detail = {
        "member": str(member.uuid),
        "school": str(body.school.uuid),
        "sha256": record.sha256,
        "identity": identity,
        "added": planned.added,
        "hours": str(planned.hours),
    }
    remember(actor, "archive.record_imported", made, detail=detail, at=now)
    return made, planned


def closes_of(planned: Plan, member: Member) -> list[YearClose]:
    """The closes that hold for `member` in the years in which the plan moves something; four queries a year."""
    years = {one.year for one in planned.items if one.moves}
    return [close for year in sorted(years) for close in closes_over(member, year)]


def _apply(
    item: Item, record: Record, member: Member, actor: Member | None, late: str, now: datetime
) -> None:
    """Write one item; `late` is the organiser's reason where the year is closed."""
    one, row = item.entry, item.here
    after = f": {late}" if late else ""
    came_from = gettext("Taken over from %(school)s") % {"school": record.body.school.name}
    if item.what in {ADD, ADD_AND_TAKE_BACK}:
        row = ledger.add_entry(
            member,
            mode=one.mode,
            title=one.title,
            hours=one.hours,
            started_at=one.started_at,
            finished_at=one.finished_at,
            provider=one.provider or record.body.school.name,
            recorder=actor,
            approver=actor,
            credit_key=item.credit_key,
            evidence_type="record",
            evidence_id=str(one.origin.entry),
            evidence_hash=one.link,
            rule_version=one.rule_version,
            published_duration_s=one.published_duration_s,
            verified_coverage=one.verified_coverage,
            source_system=f"{SOURCE}{one.origin.school}",
            reason=(came_from + after)[:REASON_MAX],
            studied_at=(one.organization_name, one.roles),
            now=now,
        )
    if item.what in {ADD_AND_TAKE_BACK, TAKE_BACK} and row is not None:
        ledger.reverse_entry(
            row,
            actor=actor,
            approver=actor,
            reason=((item.reason or record.body.school.name)[: REASON_MAX - len(after)] + after),
            now=now,
        )


def imports_of(member: Member) -> Sequence[RecordImport]:
    """Records that were taken in for the member, latest first."""
    return RecordImport.objects.filter(member=member).order_by("-imported_at")
