"""Where a member's study of a version begins: at zero, or with what carries over from the versions before.

Nothing is copied when a version is published, however many members studied the one before: what carries
over is reckoned from that one's state whenever the new one is looked at or begun. The reckoning itself is
carrying.py; here the rows are found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from courses.archive.carrying import Follows, begin_after, seconds_to_credit
from courses.archive.models import LessonState
from courses.archive.spans import Fold, PlayRules
from courses.archive.states import fold_of, store_fold
from courses.catalogue.affected import Affected
from courses.catalogue.changes import Carry
from courses.catalogue.models import Lesson, LessonVersion
from people.models import Member

__all__ = [
    "affected",
    "beginning_of",
    "carried_state",
    "creditable",
    "creditable_s",
    "later_states",
    "state_of",
    "states_of",
]


def _follows(version: LessonVersion) -> Follows:
    return Follows(
        seconds=version.duration_s,
        kind=version.kind,
        carry=version.carry,
        new_parts=tuple((start, end) for start, end in version.new_parts),
    )


@dataclass
class _Chain:
    """All versions of one lesson up to one of them, in order, and the member's states in those that have one."""

    versions: list[LessonVersion]
    states: dict[int, LessonState]

    def before(self, rules: PlayRules) -> tuple[Fold | None, datetime | None]:
        """How the member stands in the last version but one, and when she was last heard of there or before.

        None where nothing was studied that carries over that far.
        """
        fold: Fold | None = None
        seen: datetime | None = None
        for version in self.versions[:-1]:
            state = self.states.get(version.pk)
            if state is not None:
                fold, seen = fold_of(state, version.kind), state.last_beat_at
                if state.completed_at is not None and not fold.completed:
                    # Completed once is complete for good, whatever a rebuilding under other rules says.
                    fold = replace(fold, completed_ms=int(state.completed_at.timestamp() * 1000))
            elif version.carry == Carry.AGAIN:
                fold, seen = None, None
            elif fold is not None:
                fold = begin_after(fold, _follows(version), rules)
        return fold, seen

    def beginning(self, rules: PlayRules) -> tuple[Fold, datetime | None]:
        """The state before the first beat of the last version."""
        last = self.versions[-1]
        fold, seen = self.before(rules)
        return begin_after(fold, _follows(last), rules), seen if last.carry != Carry.AGAIN else None


def _carries(version: LessonVersion) -> bool:
    return version.number > 1 and version.carry != Carry.AGAIN


def _chains(member_id: int, versions: list[LessonVersion]) -> dict[int, _Chain]:
    """Chains by the id of their last version, in two queries; one alone without a query."""
    long = [version for version in versions if _carries(version)]
    earlier: dict[int, list[LessonVersion]] = {}
    states: dict[int, LessonState] = {}
    if long:
        rows = LessonVersion.objects.filter(lesson_id__in={version.lesson_id for version in long})
        for row in rows.order_by("number"):
            earlier.setdefault(row.lesson_id, []).append(row)
        ids = [row.pk for rows in earlier.values() for row in rows]
        theirs = LessonState.objects.filter(member_id=member_id, version_id__in=ids)
        states = {state.version_id: state for state in theirs}
    return {
        version.pk: _Chain(
            [row for row in earlier.get(version.lesson_id, ()) if row.number < version.number] + [version]
            if _carries(version)
            else [version],
            states,
        )
        for version in versions
    }


def beginning_of(member_id: int, version: LessonVersion, rules: PlayRules) -> Fold:
    """The state before the member's first beat of `version`: zero, or what carries over from the one before."""
    return _chains(member_id, [version])[version.pk].beginning(rules)[0]


def states_of(member: Member, versions: Iterable[LessonVersion], rules: PlayRules) -> dict[int, LessonState]:
    """The member's states by version id: rows, and unsaved ones (`pk` None) where something carries over.

    Versions in which there is nothing yet are left out. One query, three when some version follows
    another and has no row of its own.
    """
    versions = list(versions)
    wanted = [version.pk for version in versions]
    found = {
        state.version_id: state for state in LessonState.objects.filter(member=member, version_id__in=wanted)
    }
    lacking = [version for version in versions if version.pk not in found]
    return found | _carried_states(member, lacking, rules)


def _carried_states(
    member: Member, versions: Iterable[LessonVersion], rules: PlayRules
) -> dict[int, LessonState]:
    found = {}
    following = [version for version in versions if _carries(version)]
    for pk, chain in _chains(member.pk, following).items():
        fold, seen = chain.beginning(rules)
        if seen is None:
            continue
        version = chain.versions[-1]
        found[pk] = LessonState(
            member=member,
            version=version,
            duration_s=version.duration_s,
            needed_s=0,
            params=rules.as_json(),
            last_beat_at=seen,
        )
        store_fold(found[pk], fold)
    return found


def carried_state(member: Member, version: LessonVersion, rules: PlayRules) -> LessonState | None:
    """What carries over to `version`, as an unsaved state, for a member who has no row there; None for nothing."""
    return _carried_states(member, [version], rules).get(version.pk)


def state_of(member: Member, version: LessonVersion, rules: PlayRules) -> LessonState | None:
    """As `states_of`, for one version."""
    return states_of(member, [version], rules).get(version.pk)


def later_states(member_id: int, version: LessonVersion) -> list[LessonState]:
    """The member's rows in versions of the same lesson after `version`, first ones first.

    What they began with may have grown when beats of `version` come late.
    """
    later = LessonVersion.objects.filter(lesson_id=version.lesson_id, number__gt=version.number)
    versions = {one.pk: one for one in later}
    if not versions:
        return []
    states = list(LessonState.objects.filter(member_id=member_id, version_id__in=list(versions)))
    for state in states:
        state.version = versions[state.version_id]
    return sorted(states, key=lambda state: state.version.number)


def creditable(member_id: int, versions: Iterable[LessonVersion]) -> dict[int, int]:
    """By version id: seconds for which completing it brings the member hours (carrying.seconds_to_credit)."""
    found = {}
    for pk, chain in _chains(member_id, list(versions)).items():
        states = (chain.states.get(one.pk) for one in chain.versions)
        completed = [state is not None and state.completed_at is not None for state in states]
        found[pk] = seconds_to_credit([_follows(one) for one in chain.versions], completed)
    return found


def creditable_s(member_id: int, version: LessonVersion) -> int:
    """As `creditable`, for one version."""
    return creditable(member_id, [version])[version.pk]


def affected(lesson: Lesson) -> Affected:
    """How many members have completed `lesson` as it is now, and how many are in the middle of it."""
    versions = list(LessonVersion.objects.filter(lesson=lesson).order_by("-number"))
    chain: list[int] = []
    kept: list[int] = []
    whole = True
    for version in versions:
        chain.append(version.pk)
        if whole:
            kept.append(version.pk)
        whole = whole and version.carry == Carry.KEEP
        if version.carry == Carry.AGAIN:
            break
    done = LessonState.objects.filter(version_id__in=kept).exclude(completed_at=None)
    begun = LessonState.objects.filter(version_id__in=chain).exclude(member_id__in=done.values("member_id"))
    return Affected(
        completed=done.values("member_id").distinct().count(),
        in_progress=begun.values("member_id").distinct().count(),
    )
