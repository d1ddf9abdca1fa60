"""The fold: what the log says is brought into states, turns and hours.

Keeping a beat and reckoning it are two things. The log may be ahead of the states by what came in the last
moments; whoever reads one member's progress calls `catch_up` first, and a folder in the background
(`manage.py fold_beats`) does it for everybody. Each member is folded under the lock of her archive row, which also
knows up to which beat (`beats_folded`): states, turns, hours and that number change in one transaction, so a
fold that dies in the middle has done nothing, and doing it again does it once.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from itertools import groupby
from typing import Any

from django.db import InterfaceError, OperationalError, connections, router, transaction
from django.db.models import F, Max, OuterRef, QuerySet, Subquery
from django.utils import timezone

from courses.archive import ledger, spans
from courses.archive.beginnings import beginning_of, creditable_s, later_states
from courses.archive.errors import AlreadyCredited, NotReckoned, YearClosed
from courses.archive.fields import EPOCH, MILLISECOND
from courses.archive.hours import hours_for
from courses.archive.log import beats_of, fetch, first_happened_at
from courses.archive.models import Beat, LearningArchive, LessonState, PlayLease, StudyHourEntry, StudyMode
from courses.archive.quick_fold import KeptBeat, fold_session
from courses.archive.rules import RuleBook
from courses.archive.signals import lesson_completed
from courses.archive.spans import PlayRules
from courses.archive.states import credit_key, fold_of, path_of, rules_for, store_fold, studied_at
from courses.catalogue.models import Lesson, LessonVersion
from people.models import Member

__all__ = [
    "all_waiting",
    "catch_up",
    "differs",
    "fold_members",
    "rebuild_state",
    "waiting_between",
    "waiting_members",
    "waiting_of",
]

log = logging.getLogger(__name__)

CANNOT = "the beats of member %d cannot be folded; they stay in the log"

NEAR = 1_000_000
"""Beats that are sooner read than their members' whole logs; what waits is read in any case."""

PROVIDER_MOST = StudyHourEntry._meta.get_field("provider").max_length
"""A course may have a longer title than an entry keeps of it."""

_ROW = "b.version_id, b.session, b.seq, b.body, b.wall_ms, b.received_at, b.happened_at, b.in_lease, b.id"


@dataclass
class _Waiting:
    """What one member's beats since the last fold say of one lesson version, by session, in the order of study."""

    version_id: int
    sessions: list[tuple[str, list[KeptBeat]]] = field(default_factory=list)

    @property
    def first(self) -> tuple[str, int]:
        session, rows = self.sessions[0]
        return session, rows[0][0]

    def rows(self) -> Iterable[KeptBeat]:
        return (row for _session, rows in self.sessions for row in rows)


def all_waiting() -> tuple[list[int], int]:
    """Members of whom any beat waits, by a look at each archive; and the highest number that was in the log before."""
    newest = Beat.objects.aggregate(newest=Max("id"))["newest"] or 0
    beats = Beat.objects.filter(member_id=OuterRef("member_id")).order_by().values("member_id")
    last = Subquery(beats.annotate(last=Max("id")).values("last"))
    found = LearningArchive.objects.filter(beats_folded__lt=last).order_by("member_id")
    return list(found.values_list("member_id", flat=True)), newest


def waiting_members(after: int, *, most: int) -> tuple[list[int], int]:
    """Members with beats above number `after` that no fold has seen, looking at `most` numbers; and the last of those."""
    newest = Beat.objects.aggregate(newest=Max("id"))["newest"] or 0
    last = min(newest, after + most)
    return (waiting_between(after, last), last) if last > after else ([], after)


def waiting_between(after: int, last: int) -> list[int]:
    """Members with beats above number `after`, up to `last`, that no fold has seen."""
    folded = LearningArchive.objects.filter(member_id=OuterRef("member_id")).values("beats_folded")
    return sorted(
        Beat.objects.filter(id__gt=after, id__lte=last)
        .annotate(folded=Subquery(folded))
        .filter(id__gt=F("folded"))
        .order_by()
        .values_list("member_id", flat=True)
        .distinct()
    )


def catch_up(member: Member, *, now: datetime | None = None) -> None:
    """Bring what is reckoned of `member` up to the log, or leave it as it is (`fold_if_possible`). One query when
    nothing waits."""
    if waiting_of(member.pk).exists():
        fold_if_possible(member.pk, now=now)


def fold_if_possible(member_id: int, *, now: datetime | None = None) -> None:
    """As `fold_members` for one. A log that cannot be folded leaves what is reckoned as it is (the error is logged):
    her pages show that much. Raises only when the database is away."""
    try:
        fold_members([member_id], now=now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception(CANNOT, member_id)


def fold_locked_or_say(archive: LearningArchive, *, now: datetime | None = None) -> None:
    """As `fold_locked` for one, where what is written next depends on it. Raises NotReckoned for a log that cannot be
    folded (the error is logged), and as it is when the database is away."""
    try:
        fold_locked([archive], now=now)
    except (OperationalError, InterfaceError):
        raise
    except Exception as broken:
        log.exception(CANNOT, archive.member_id)
        raise NotReckoned(archive.member_id) from broken


def waiting_of(member_id: int) -> QuerySet[Beat]:
    """One member's beats that no fold has seen."""
    folded = LearningArchive.objects.filter(member_id=member_id).values("beats_folded")
    return Beat.objects.filter(member_id=member_id, id__gt=Subquery(folded))


def fold_members(member_ids: Sequence[int], *, now: datetime | None = None) -> int:
    """Fold all that waits of these members, in one transaction; how many of them something waited of.

    Members are locked in the order of their numbers. Called again, or at the same time, it adds nothing.
    Hours that come of it are recorded at `now` (default: the moment when they are), however long ago the lesson was
    completed: nothing comes to light below a seal, and a closed year is seen.
    """
    with transaction.atomic():
        mine = LearningArchive.objects.filter(member_id__in=member_ids).order_by("member_id")
        archives = list(mine.select_for_update())
        before = {archive.member_id: archive.beats_folded for archive in archives}
        fold_locked(archives, now=now)
        return sum(archive.beats_folded != before[archive.member_id] for archive in archives)


def fold_locked(
    archives: Sequence[LearningArchive],
    *,
    version: LessonVersion | None = None,
    state: LessonState | None = None,
    now: datetime | None = None,
) -> dict[tuple[int, int], LessonState]:
    """As `fold_members`, for archives that the caller has locked; the states that changed, by (member, version).

    `beats_folded` of each archive is brought up. A version and a state that the caller has just read are not
    read again.
    """
    waiting = _read(archives)
    return _fold(archives, waiting, version, state, now) if waiting else {}


def fold_locked_if_possible(
    archive: LearningArchive,
    *,
    version: LessonVersion | None = None,
    state: LessonState | None = None,
    now: datetime | None = None,
) -> dict[tuple[int, int], LessonState] | None:
    """As `fold_locked` for one archive; None when its log cannot be folded (the error is logged): then nothing is
    reckoned, `state` is not to be used any more, and keeping goes on. Raises only when the database is away.

    Until when the sessions were heard is noted even then: turns (turns.py) must not begin before.
    """
    waiting = _read([archive])
    if not waiting:
        return {}
    folded = archive.beats_folded
    try:
        with transaction.atomic():
            return _fold([archive], waiting, version, state, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception(CANNOT, archive.member_id)
        archive.beats_folded = folded
        _note_seen([(member_id, one) for member_id, (_last, many) in waiting.items() for one in many])
        return None


def _fold(
    archives: Sequence[LearningArchive],
    waiting: dict[int, tuple[int, list[_Waiting]]],
    version: LessonVersion | None,
    state: LessonState | None,
    now: datetime | None,
) -> dict[tuple[int, int], LessonState]:
    pairs = [(member_id, one) for member_id, (_last, many) in waiting.items() for one in many]
    states, versions = _known(pairs, version, state)
    members = _Members()
    changed: list[LessonState] = []
    completed: list[tuple[LessonState, LessonVersion]] = []
    for member_id, one in pairs:
        version = versions[one.version_id]
        state = states.get((member_id, version.pk)) or _begun(member_id, version, one, members)
        was_studied = studied_at(state) is not None
        _advance(member_id, version, state, one, until=waiting[member_id][0])
        changed.append(state)
        if studied_at(state) is not None and not was_studied:
            completed.append((state, version))
    _store(changed)
    completed += _pass_on(
        changed, versions, {member_id: last for member_id, (last, _many) in waiting.items()}
    )
    _note_seen(pairs)
    _note_folded(archives, {member_id: last for member_id, (last, _many) in waiting.items()})
    for state, version in sorted(completed, key=lambda pair: (studied_at(pair[0]) or EPOCH, pair[1].pk)):
        _credit(members[state.member_id], version, state, now or timezone.now())
    return {(state.member_id, state.version_id): state for state in changed}


def _known(
    pairs: Sequence[tuple[int, _Waiting]], version: LessonVersion | None, state: LessonState | None
) -> tuple[dict[tuple[int, int], LessonState], dict[int, LessonVersion]]:
    wanted = {one.version_id for _member_id, one in pairs}
    versions = {version.pk: version} if version is not None else {}
    if not wanted <= set(versions):
        versions = LessonVersion.objects.in_bulk(wanted)
    states = {(state.member_id, state.version_id): state} if state is not None else {}
    if not {(member_id, one.version_id) for member_id, one in pairs} <= set(states):
        found = LessonState.objects.filter(
            member_id__in={member_id for member_id, _one in pairs}, version_id__in=wanted
        )
        states = {(one.member_id, one.version_id): one for one in found}
    return states, versions


class _Members(dict[int, Member]):
    """Members by number, looked up when first asked for: most folds need none."""

    def __missing__(self, member_id: int) -> Member:
        self[member_id] = Member.objects.select_related("organization").get(pk=member_id)
        return self[member_id]


def _read(archives: Sequence[LearningArchive]) -> dict[int, tuple[int, list[_Waiting]]]:
    """Beats above each archive's `beats_folded`: by member the last number, and what they say by version."""
    if not archives:
        return {}
    marks = ", ".join(["%s"] * len(archives))
    lowest = min(archive.beats_folded for archive in archives)
    rows = fetch(
        f"SELECT b.member_id, {_ROW} FROM {_beats_above(lowest, archives)} {LearningArchive._meta.db_table} a"
        f" WHERE a.member_id IN ({marks}) AND b.member_id = a.member_id AND b.id > a.beats_folded AND b.id > %s"
        " ORDER BY b.member_id, b.version_id, b.session, b.seq",
        [*(archive.member_id for archive in archives), lowest],
    )
    found = {}
    for member_id, mine in groupby(rows, key=lambda row: row[0]):
        own = [row[1:] for row in mine]
        found[member_id] = max(row[-1] for row in own), _by_version(own)
    return found


def _beats_above(lowest: int, archives: Sequence[LearningArchive]) -> str:
    """Where beats above number `lowest` are found for these members, in SQL, up to the archives that they are joined with.

    One member's by the member. Many members' by their numbers, as long as those are few: left to itself, the database
    would look at all that each of them ever sent.
    """
    table, database = Beat._meta.db_table, connections[router.db_for_write(Beat)]
    newest = Beat.objects.aggregate(newest=Max("id"))["newest"] or 0 if len(archives) > 1 else 0
    if len(archives) == 1 or newest - lowest > NEAR:
        return f"{table} b,"
    if database.vendor == "sqlite":
        return f"(SELECT * FROM {table} NOT INDEXED WHERE id > {lowest:d}) b CROSS JOIN"
    return f"(SELECT * FROM {table} WHERE id > {lowest:d} OFFSET 0) b CROSS JOIN"


def _by_version(rows: Iterable[tuple]) -> list[_Waiting]:
    found = []
    for version_id, own in groupby(rows, key=lambda row: row[0]):
        one = _Waiting(version_id)
        for session, beats in groupby(own, key=lambda row: row[1]):
            name = str(session if isinstance(session, uuid.UUID) else uuid.UUID(session))
            one.sessions.append((name, [row[2:8] for row in beats]))
        found.append(one)
    return found


def _begun(member_id: int, version: LessonVersion, waiting: _Waiting, members: _Members) -> LessonState:
    """A new state (not saved), at what carries over from the versions before (beginnings.py)."""
    on = timezone.localdate(EPOCH + min(row[3] for row in waiting.rows()) * MILLISECOND)
    rules = rules_for(members[member_id], None, on)
    state = LessonState(
        member_id=member_id, version=version, duration_s=version.duration_s, params=rules.as_json()
    )
    store_fold(state, beginning_of(member_id, version, rules))
    return state


def _advance(
    member_id: int, version: LessonVersion, state: LessonState, waiting: _Waiting, *, until: int
) -> None:
    """Fold new beats, up to number `until`, into the state (not saved).

    Beats that belong before what is folded already (late or out of order) fold the log afresh, so
    that the state depends on what is in the log and not on how it came.
    """
    happened_at = EPOCH + max(row[4] for row in waiting.rows()) * MILLISECOND
    state.last_beat_at = max(state.last_beat_at, happened_at) if state.pk else happened_at
    rules = PlayRules.from_json(state.params)
    fold = fold_of(state, version.kind)
    if waiting.first <= (fold.session, fold.seq):
        fold = _fold_log(member_id, version, rules, until=until)
    else:
        for session, rows in waiting.sessions:
            fold = fold_session(fold, session, rows, rules)
    store_fold(state, fold)


def _pass_on(
    changed: Sequence[LessonState], versions: dict[int, LessonVersion], until: dict[int, int]
) -> list[tuple[LessonState, LessonVersion]]:
    """Beats of a version that was replaced meanwhile: what the later ones began with has grown with them.

    The later states that this completed; `until` says by member up to which beat is folded. One query as long
    as nothing was replaced. A later version may have been begun in the same fold, before the earlier one was
    stored: then it is folded again here.
    """
    lessons = {version.lesson_id for version in versions.values()}
    rows = LessonVersion.objects.filter(lesson_id__in=lessons).order_by().values_list("lesson_id")
    newest = dict(rows.annotate(newest=Max("number")))
    here = {(state.member_id, state.version_id): state for state in changed}
    completed = []
    for state in changed:
        version = versions[state.version_id]
        if version.number == newest[version.lesson_id]:
            continue
        for found in later_states(state.member_id, version):
            later = here.get((found.member_id, found.version_id), found)
            later.version = found.version
            rules = PlayRules.from_json(later.params)
            begins_completed = beginning_of(state.member_id, later.version, rules).completed
            was_completed = studied_at(later) is not None or begins_completed
            store_fold(later, _fold_log(state.member_id, later.version, rules, until=until[state.member_id]))
            later.save()
            if studied_at(later) is not None and not was_completed:
                completed.append((later, later.version))
    return completed


def _fold_log(member_id: int, version: LessonVersion, rules: PlayRules, *, until: int) -> spans.Fold:
    """The state of one lesson out of its whole log, up to beat number `until`."""
    fold = beginning_of(member_id, version, rules)
    for session, beats in beats_of(member_id, version.pk, until=until):
        fold = fold_session(fold, session, beats, rules)
    return fold


_KEPT = (
    "watched",
    "watched_s",
    "needed_s",
    "position_ms",
    "frontier_ms",
    "refused",
    "fold",
    "last_beat_at",
    "completed_at",
)


def _store(states: Sequence[LessonState]) -> None:
    if len(states) == 1:
        states[0].save()
        return
    for known in (True, False):
        LessonState.objects.bulk_create(
            [state for state in states if (state.pk is not None) is known],
            update_conflicts=True,
            unique_fields=["member", "version"],
            update_fields=_KEPT,
            batch_size=500,
        )


def _note_seen(pairs: Iterable[tuple[int, _Waiting]]) -> None:
    """Until when each session that holds its member's lease was heard."""
    database = connections[router.db_for_write(PlayLease)]
    session_of = PlayLease._meta.get_field("session")
    values = []
    for member_id, one in pairs:
        for session, rows in one.sessions:
            moment = EPOCH + max(row[3] for row in rows) * MILLISECOND
            seen_at = database.ops.adapt_datetimefield_value(moment)
            values.append(
                (seen_at, member_id, session_of.get_db_prep_value(uuid.UUID(session), database), seen_at)
            )
    with database.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {PlayLease._meta.db_table} SET seen_at = %s"
            " WHERE member_id = %s AND session = %s AND until_at IS NULL AND seen_at < %s",
            values,
        )


def _note_folded(archives: Sequence[LearningArchive], last: dict[int, int]) -> None:
    values = []
    for archive in archives:
        if archive.member_id in last:
            archive.beats_folded = last[archive.member_id]
            values.append((archive.beats_folded, archive.member_id))
    with connections[router.db_for_write(LearningArchive)].cursor() as cursor:
        cursor.executemany(
            f"UPDATE {LearningArchive._meta.db_table} SET beats_folded = %s WHERE member_id = %s", values
        )


def rebuild_state(state: LessonState) -> bool:
    """Reckon a state again out of the log and keep the result; whether anything was different."""
    changed = differs(state)
    if changed:
        state.save()
    return changed


def differs(state: LessonState) -> bool:
    """Reckon a state again out of that part of the log that was folded; whether anything is different (not saved)."""
    before = _said(state)
    version = LessonVersion.objects.get(pk=state.version_id)
    folded = LearningArchive.objects.values_list("beats_folded", flat=True).get(member_id=state.member_id)
    rules = PlayRules.from_json(state.params)
    store_fold(state, _fold_log(state.member_id, version, rules, until=folded))
    return before != _said(state)


def _said(state: LessonState) -> list[Any]:
    said = [getattr(state, name) for name in _KEPT]
    return [bytes(one) if isinstance(one, memoryview) else one for one in said]


def _credit(member: Member, version: LessonVersion, state: LessonState, now: datetime) -> None:
    """Hours for a lesson completed by studying, once a calendar year whatever its version, and the news of it."""
    completed_at = studied_at(state)
    assert completed_at is not None
    rule = RuleBook.load(timezone.localdate(completed_at)).hours_rule(path_of(member))
    length_s = creditable_s(member.pk, version)
    hours = hours_for(length_s, rule)
    if hours > 0:
        course = Lesson.objects.get(pk=version.lesson_id).get_parent()
        coverage = Decimal(state.watched_s) / state.duration_s
        started_at = first_happened_at(member.pk, version.pk)

        def enter(finished_at: datetime) -> None:
            ledger.add_entry(
                member,
                mode=StudyMode.SELF_ONLINE,
                title=version.title,
                hours=hours,
                started_at=started_at,
                finished_at=finished_at,
                provider=course.title[:PROVIDER_MOST] if course else "",
                credit_key=credit_key(version),
                evidence_type="beats",
                evidence_id=str(version.uuid),
                evidence_hash=hashlib.sha256(bytes(state.watched)).hexdigest(),
                rule_version=rule.version,
                lesson_version=version,
                published_duration_s=length_s,
                verified_coverage=coverage.quantize(Decimal("0.0001"), rounding=ROUND_DOWN),
                now=now,
            )

        # Another version of the same lesson may have brought its hours this year (domain.md §1.3, SH10).
        with suppress(AlreadyCredited):
            try:
                enter(completed_at)
            except (
                YearClosed
            ):  # reckoned after its year was closed: it counts for the year in which it is reckoned
                enter(now)
    if not state.done_by:  # else it was told when something else completed the lesson
        lesson_completed.send(sender=LessonState, member=member, version=version, at=completed_at)
