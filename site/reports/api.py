"""What may be asked of reports: the completion table, its export, reminders. Always within a scope."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from courses.archive import api as archive
from courses.archive.models import StudyMode
from people import api as people
from people.models import Member, Notice, PartyOrganization
from people.querysets import Scope
from reports import table
from reports.errors import OutOfScope, PurposeMissing
from reports.workbook import write_workbook

__all__ = [
    "HELP",
    "REMINDER",
    "REMIND_AFTER_DAYS",
    "Completion",
    "Place",
    "Reminded",
    "completion",
    "export",
    "member_row",
    "places_of",
    "remind",
]

REMINDER = "study_reminder"
"""Kind of the notices that organisers send."""
HELP = "HELP"
"""In the place of a state: everybody who may need help, whatever the state."""
REMIND_AFTER_DAYS = 7
"""Nobody is reminded twice within this many days."""


STUDY_PAGE = "/study/"
"""A promised address (README.md); its view lives upstairs, in portal."""


@dataclass(frozen=True)
class Place:
    """An organisation that the asker may choose; `level` is its depth below the top of her scope."""

    id: int
    uuid: str
    code: str
    name: str
    full_name: str
    path: str
    level: int


@dataclass(frozen=True)
class Completion:
    """How the members of one organisation (or of the whole scope) stand in a year.

    `rows` are those asked for (filtered by state and text, ordered by the pinyin of the name);
    `totals`, `branches` and `help` always speak of everybody in `place`, so that no filter bends a
    denominator. `branches` stand in the order of their codes.
    """

    year: int
    place: Place | None
    places: list[Place]
    rows: list[table.Row]
    everybody: list[table.Row]
    branches: list[table.Branch]
    totals: table.Counts
    help: list[table.Row]
    checksum: str
    as_of: datetime
    state: str
    text: str

    @property
    def place_name(self) -> str:
        return self.place.name if self.place else _("All organisations")

    @property
    def full_place_name(self) -> str:
        return self.place.full_name if self.place else _("All organisations")


@dataclass(frozen=True)
class Reminded:
    """How many were told now, and how many of those meant had been told within the last days."""

    told: int
    spared: int


def places_of(scope: Scope) -> list[Place]:
    """All organisations inside `scope` in the order of their codes (one query)."""
    found = list(PartyOrganization.objects.within(scope).order_by("path"))
    places: list[Place] = []
    tops: list[PartyOrganization] = []
    for one in found:
        if not tops or not one.path.startswith(tops[-1].path):
            tops.append(one)
        level = one.depth - tops[-1].depth
        places.append(Place(one.pk, str(one.uuid), one.code, str(one), one.name, one.path, level))
    return places


def completion(
    scope: Scope,
    *,
    year: int,
    organization: PartyOrganization | None = None,
    state: str | None = None,
    text: str | None = None,
    today: date,
    as_of: datetime | None = None,
) -> Completion:
    """The completion table of `organization` (default: the top of the scope) and everything below it.

    `state` is one of the archive's states, or HELP.

    Six queries however many members there are, seven with `text`. Raises OutOfScope when
    `organization` lies outside `scope`.
    """
    places = places_of(scope)
    place = _chosen(places, organization)
    members = Member.objects.on_roster().within(scope).select_related("organization").by_name()
    if place:
        members = members.filter(organization__path__startswith=place.path)
    everybody = _rows(list(members), year, today)
    meant = everybody
    if text and text.strip():
        found = set(members.matching(text).order_by().values_list("pk", flat=True))
        meant = [row for row in meant if row.member_id in found]
    if state == HELP:
        meant = [row for row in meant if table.needs_help(row)]
    elif state:
        meant = [row for row in meant if row.state == state]
    children = [p for p in places if p.level == (place.level + 1 if place else 0)]
    if place:
        children = [p for p in children if p.path.startswith(place.path)]
    heading = f"{year}\t{place.code if place else ''}\t{state or ''}\t{(text or '').strip()}"
    return Completion(
        year=year,
        place=place,
        places=places,
        rows=meant,
        everybody=everybody,
        branches=table.branch_counts(everybody, map(_line, children), _line(place) if place else None),
        totals=table.count(everybody),
        help=[row for row in everybody if table.needs_help(row)],
        checksum=table.checksum(heading, map(table.cells, meant)),
        as_of=as_of or timezone.now(),
        state=state or "",
        text=(text or "").strip(),
    )


def _chosen(places: list[Place], organization: PartyOrganization | None) -> Place | None:
    if organization is not None:
        for place in places:
            if place.id == organization.pk:
                return place
        raise OutOfScope(organization.pk)
    tops = [place for place in places if place.level == 0]
    return tops[0] if len(tops) == 1 else None


def _line(place: Place) -> tuple[str, str, str, str]:
    return place.uuid, place.code, place.name, place.path


def _rows(members: list[Member], year: int, today: date) -> list[table.Row]:
    standings = archive.standings(members, year, today=today)
    reminded = Notice.objects.filter(member__in=members).latest_per_member(REMINDER)
    return [_row(member, standings[member.pk], reminded.get(member.pk)) for member in members]


def _row(member: Member, standing: archive.YearStanding, reminded_at: datetime | None) -> table.Row:
    assert member.organization is not None and standing.target is not None  # on_roster()
    by_mode = {mode.code: mode.hours for mode in standing.by_mode}
    return table.Row(
        member_id=member.pk,
        uuid=str(member.uuid),
        name=member.name,
        membership=str(member.get_status_display()),
        organization_code=member.organization.code,
        organization_name=str(member.organization),
        organization_path=member.organization.path,
        activated=member.activated_at is not None,
        leader=standing.leader,
        state=standing.state,
        state_label=str(standing.state_label),
        hours=standing.hours,
        target=standing.target,
        missing=standing.missing,
        modes=tuple(by_mode.get(code, Decimal(0)) for code in StudyMode.values),
        flags=tuple(standing.flags),
        flag_labels=tuple(standing.flag_labels),
        reminded_on=timezone.localdate(reminded_at) if reminded_at else None,
    )


def member_row(scope: Scope, member_uuid: object, *, year: int, today: date) -> tuple[Member, table.Row]:
    """One person of the scope. Raises OutOfScope for everybody else, whether they exist or not."""
    roster = Member.objects.on_roster().within(scope).select_related("organization")
    member = roster.filter(uuid=member_uuid).first()
    if member is None:
        raise OutOfScope(member_uuid)
    return member, _rows([member], year, today)[0]


def export(
    scope: Scope,
    *,
    actor: Member,
    purpose: str,
    year: int,
    organization: PartyOrganization | None = None,
    state: str | None = None,
    text: str | None = None,
    today: date,
    as_of: datetime | None = None,
    source: str = "",
) -> tuple[Completion, bytes]:
    """The same table as an .xlsx file; who took it, and what for, goes into the audit trail.

    Raises PurposeMissing (nothing is recorded then) and OutOfScope.
    """
    if len(purpose.strip()) < 2:
        raise PurposeMissing
    found = completion(
        scope, year=year, organization=organization, state=state, text=text, today=today, as_of=as_of
    )
    content = write_workbook(found, maker=actor.name)
    people.record(
        actor,
        "board.exported",
        organization,
        detail={
            "purpose": purpose.strip(),
            "year": year,
            "organization": found.place.code if found.place else "",
            "state": found.state,
            "text": found.text,
            "rows": len(found.rows),
            "checksum": found.checksum,
        },
        source=source,
    )
    return found, content


@transaction.atomic
def remind(
    scope: Scope,
    *,
    actor: Member,
    year: int,
    organization: PartyOrganization | None = None,
    member_uuid: object | None = None,
    today: date,
    source: str = "",
) -> Reminded:
    """Put a notice into the inbox of everybody in `help` (or of that one person, if she is in it).

    Whoever was reminded less than REMIND_AFTER_DAYS days ago is spared. Raises OutOfScope.
    """
    if member_uuid is not None:
        _member, row = member_row(scope, member_uuid, year=year, today=today)
        meant = [row] if table.needs_help(row) else []
    else:
        meant = completion(scope, year=year, organization=organization, today=today).help
    due = [row for row in meant if not recently(row, today)]
    with translation.override(settings.LANGUAGE_CODE):
        told = people.deliver(
            Notice(
                member_id=row.member_id,
                kind=REMINDER,
                title=_reminder_title(row, year),
                text=_(
                    "Open «My study» and go on where you stopped. Offline study counts too: ask your branch."
                ),
                link=STUDY_PAGE,
                dedupe_key=f"{REMINDER}:{today.isoformat()}",
            )
            for row in due
        )
    if told:
        detail = {"year": year, "organization": organization.code if organization else "", "told": len(told)}
        people.record(actor, "board.reminded", organization, detail=detail, source=source)
    return Reminded(told=len(told), spared=len(meant) - len(told))


def recently(row: table.Row, today: date) -> bool:
    """Whether the person was reminded less than REMIND_AFTER_DAYS days ago."""
    return row.reminded_on is not None and today - row.reminded_on < timedelta(days=REMIND_AFTER_DAYS)


def _reminder_title(row: table.Row, year: int) -> str:
    if row.missing:
        return _("%(hours)s study hours are still missing in %(year)s") % {
            "hours": table.plain(row.missing),
            "year": year,
        }
    return _("A central training is still missing in %(year)s") % {"year": year}
