"""How members stand in a year: rules and ledger in, YearStanding out, for one or for many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from django.db.models import Case, DecimalField, Exists, IntegerField, OuterRef, Sum, Value, When
from django.utils import timezone

from courses.archive import completion, folding
from courses.archive.answers import ModeHours, YearStanding
from courses.archive.models import Exemption, StudyHourEntry, StudyMode
from courses.archive.rules import RuleBook
from courses.archive.wording import COLOURS, STATES, UNFINISHED
from people.models import LEADING_ROLES, Member, MemberStatus, Post

__all__ = ["standings", "year_standing"]

EXEMPT = "EXEMPT"
AT_A_TIME = 5000
"""Members asked for in one round of queries."""


def year_standing(member: Member, year: int, *, today: date | None = None) -> YearStanding:
    """How `member` stands in `year` as of `today` (default: today in Shanghai); what waits in the log is folded first."""
    return standings([member], year, today=today)[member.pk]


def standings(members: Iterable[Member], year: int, *, today: date | None = None) -> dict[int, YearStanding]:
    """Standings by member id for many members; three queries for each 5,000 of them.

    Leaders are those who hold a leading post on the last day looked at. A past year is seen whole.
    """
    today = today or timezone.localdate()
    everybody = list(members)
    found: dict[int, YearStanding] = {}
    book = RuleBook.load(on=min(today, date(year, 12, 31)))
    for start in range(0, len(everybody), AT_A_TIME):
        found |= _round(everybody[start : start + AT_A_TIME], year, today, book)
    return found


def _places(ids: Sequence[int], day: date) -> dict[int, tuple[str, bool]]:
    """By member the tree path of her organisation ("" without one), and whether she leads on `day`. One query.

    Asked for one member alone, her beats that wait in the log are folded.
    """
    posts = Post.objects.filter(member=OuterRef("pk"), role__in=LEADING_ROLES, started_on__lte=day)
    leads = Exists(posts.exclude(ended_on__lt=day))
    waits = Exists(folding.waiting_of(ids[0])) if len(ids) == 1 else Value(False)
    known = Member.objects.filter(pk__in=ids).order_by()
    found = {}
    for pk, path, leader, waiting in known.values_list("pk", "organization__path", leads, waits):
        if waiting:
            folding.fold_if_possible(pk)
        found[pk] = (path or "", leader)
    return found


def _round(members: Sequence[Member], year: int, today: date, book: RuleBook) -> dict[int, YearStanding]:
    ids = [member.pk for member in members]
    day = min(today, date(year, 12, 31))
    places = _places(ids, day)
    recorded: dict[int, dict[str, Decimal]] = defaultdict(dict)
    trainings: dict[int, dict[str, int]] = defaultdict(dict)
    one_each = Case(When(hours__gt=0, then=Value(1)), default=Value(-1), output_field=IntegerField())
    ledger = (
        StudyHourEntry.objects.filter(member_id__in=ids, year=year)
        .order_by()
        .values("member_id", "mode")
        .annotate(sum=Sum("hours"), number=Sum(one_each))
        .values_list("member_id", "mode", "sum", "number")
    )
    # Exemptions come along in the same query, as a mode of their own.
    freed = Exemption.objects.holding_in(year).filter(member_id__in=ids)
    exemptions = freed.values_list(
        "member_id", Value(EXEMPT), Value(Decimal(0), output_field=DecimalField()), Value(1)
    )
    for pk, mode, total, number in ledger.union(exemptions, all=True):
        recorded[pk][mode] = Decimal(total)
        trainings[pk][mode] = number
    rules: dict[str, completion.YearRules] = {}
    found = {}
    for member in members:
        path, leader = places.get(member.pk, ("", False))
        exempt = recorded[member.pk].pop(EXEMPT, None) is not None
        if path not in rules:
            rules[path] = book.year_rules(path)
        verdict = completion.assess(
            completion.MemberYear(
                recorded=recorded[member.pk],
                leader=leader,
                exempt=exempt,
                concerned=member.status != MemberStatus.STAFF and bool(path),
                joined_on=member.joined_on,
                central_offline=trainings[member.pk].get(StudyMode.CENTRAL_OFFLINE, 0),
                central_online=trainings[member.pk].get(StudyMode.CENTRAL_ONLINE, 0),
            ),
            rules[path],
            year=year,
            on=today,
        )
        unfinished = verdict.state in {completion.AT_RISK, completion.IN_PROGRESS}
        label = UNFINISHED if unfinished and year < today.year else STATES[verdict.state]
        found[member.pk] = YearStanding(
            member_id=member.pk,
            year=year,
            hours=verdict.hours,
            target=verdict.target,
            missing=verdict.missing,
            by_mode=[
                ModeHours(
                    code=mode.value,
                    label=str(mode.label),
                    hours=verdict.counted[mode],
                    colour=COLOURS[mode],
                    recorded=recorded[member.pk][mode],
                )
                for mode in StudyMode
                if recorded[member.pk].get(mode, 0) > 0
            ],
            state=verdict.state,
            state_label=str(label),
            flags=list(verdict.flags),
            leader=leader,
            rule_version=book.find("REQ_LEADER_56" if leader else "REQ_MEMBER_32", path).version,
        )
    return found
