"""Playing: leave to play, keeping beats, the lease, and the credit when a lesson is completed.

What is written is written under the lock of one member's archive row and in one transaction;
no transaction here touches two members.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from courses.archive import ledger, spans, tokens
from courses.archive.answers import LessonProgress, Play, Receipt
from courses.archive.batches import CLIENT_SEQ_LIMIT, SentBeat, read_batch, read_clock
from courses.archive.beginnings import beginning_of, carried_state, creditable_s, later_states
from courses.archive.errors import AlreadyCredited, BadBeats, LeaseLost, NotOpen, SeqConflict, TokenExpired
from courses.archive.hours import hours_for
from courses.archive.models import Beat, LessonState, PlayLease, StudyMode
from courses.archive.progress import lesson_progress
from courses.archive.rules import RuleBook
from courses.archive.signals import lesson_completed
from courses.archive.spans import PlayRules
from courses.archive.states import credit_key, fold_of, path_of, rules_for, store_fold
from courses.archive.tokens import Claims
from courses.catalogue.models import Lesson, LessonKind, LessonVersion
from people.api import record
from people.models import Member

__all__ = ["complete_reading", "play", "rebuild_state", "record_beats", "take_lease"]


def play(member: Member, version: LessonVersion, *, now: datetime | None = None) -> Play:
    """Leave to play `version`, in a session of its own. Writes nothing: the lease is taken by the first beat.

    The caller has found the lesson through `Lesson.objects.open_to(member)`.
    """
    now = now or timezone.now()
    state = LessonState.objects.filter(member=member, version=version).first()
    rules = rules_for(member, state, timezone.localdate(now))
    state = state or carried_state(member, version, rules)
    token, claims = tokens.issue(member.pk, version.pk, now=now)
    fold = (
        fold_of(state, version.kind) if state else spans.begin(version.duration_s, rules, kind=version.kind)
    )
    completed = state is not None and state.completed_at is not None
    free_seek = completed or not rules.strict_seek
    return Play(
        token=token,
        session=str(claims.session),
        version=str(version.uuid),
        kind=version.kind,
        duration_s=fold.seconds,
        resume_s=_resume_ms(fold, free_seek=free_seek, completed=completed) / 1000,
        frontier_s=fold.frontier_ms / 1000,
        coverage=fold.coverage,
        watched_s=fold.watched_s,
        needed_s=fold.needed_s,
        completed=completed,
        speed_cap=rules.after_speed_cap if completed else rules.speed_cap,
        free_seek=free_seek,
        beat_seconds=rules.beat_s,
        expires_at=claims.expires_at,
    )


def _resume_ms(fold: spans.Fold, *, free_seek: bool, completed: bool) -> int:
    position = fold.position_ms if free_seek else min(fold.position_ms, fold.frontier_ms)
    if position < (fold.seconds - 3) * 1000:
        return position
    if completed:
        return 0
    gaps = [one for one in spans.pieces(fold.watched, fold.seconds) if one.kind != spans.COUNTED]
    return gaps[0].start_s * 1000 if gaps else 0


def _admit(claims: Claims) -> tuple[Member, LessonVersion]:
    """The member and the version of a token, if the member may study it now. Raises NotOpen."""
    member = Member.objects.select_related("organization").filter(pk=claims.member_id, is_active=True).first()
    version = LessonVersion.objects.filter(pk=claims.version_id).first()
    if member is None or version is None:
        raise NotOpen()
    if not Lesson.objects.open_to(member).filter(pk=version.lesson_id).exists():
        raise NotOpen()
    return member, version


@dataclass
class _Turns:
    """The turns of one session among those of all the member's sessions that overlap it."""

    mine: list[PlayLease]
    holds: bool
    slack: timedelta

    def wall_ms(self, now: datetime) -> int:
        """Server time for which the session had its turn until `now`."""
        spent = ((turn.until_at or max(now, turn.from_at)) - turn.from_at for turn in self.mine)
        return int(sum(spent, timedelta()).total_seconds() * 1000)

    def hold(self, moment: datetime) -> bool:
        """Whether `moment` lies in one of the session's turns."""
        return any(
            turn.from_at <= moment and (turn.until_at is None or moment <= turn.until_at + self.slack)
            for turn in self.mine
        )


def _turns(claims: Claims, now: datetime, slack: timedelta, *, take: bool = False) -> _Turns:
    """The session's turns; a session that beats for the first time is given one.

    The newest session wins: it takes the lease from the moment when the holder was last heard of.
    A session that is older than one which played already (a phone that comes back from offline)
    gets the time between its own start and the other's. With `take` it takes the lease from now on.
    """
    near = PlayLease.objects.filter(member_id=claims.member_id).filter(
        Q(session=claims.session) | Q(until_at=None) | Q(until_at__gt=claims.issued_at)
    )
    turns = list(near.order_by("from_at", "pk"))
    mine = [turn for turn in turns if turn.session == claims.session]
    others = [turn for turn in turns if turn.session != claims.session]
    holder = next((turn for turn in turns if turn.until_at is None), None)
    if holder is not None and holder.session == claims.session:
        return _Turns(mine, holds=True, slack=slack)
    # A turn from the future: our own clock was set back, or history is written afterwards.
    ahead = [turn for turn in others if turn.from_at > now]
    newer = ahead or [turn for turn in others if turn.session > claims.session]
    if (take and not ahead) or (not mine and not newer):
        heard = max((turn.seen_at for turn in others), default=claims.issued_at)
        from_at = now if take and mine else max(claims.issued_at, heard)
        if holder is not None:
            holder.until_at = max(from_at, holder.from_at)
            holder.save(update_fields=["until_at"])
        mine.append(_turn(claims, from_at, seen_at=max(now, from_at), until_at=None))
        return _Turns(mine, holds=True, slack=slack)
    if not mine:
        until_at = min(now, *(turn.from_at for turn in newer))
        before = [turn.until_at or turn.seen_at for turn in others if turn.from_at < until_at]
        from_at = min(max([claims.issued_at, *before]), until_at)
        mine.append(_turn(claims, from_at, seen_at=until_at, until_at=until_at))
    return _Turns(mine, holds=False, slack=slack)


def _turn(claims: Claims, from_at: datetime, *, seen_at: datetime, until_at: datetime | None) -> PlayLease:
    return PlayLease.objects.create(
        member_id=claims.member_id,
        version_id=claims.version_id,
        session=claims.session,
        from_at=from_at,
        seen_at=seen_at,
        until_at=until_at,
    )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def record_beats(
    token: str,
    beats: Sequence[Mapping[str, Any]],
    *,
    now: datetime | None = None,
    sent_ms: int | None = None,
) -> Receipt:
    """Keep a batch of beats and reckon them; durable when it returns. Sending a batch twice changes nothing.

    A beat: {"seq", "intervals": [[a_ms, b_ms], …], "position_ms", "rate", "visible", "clock_ms", "flags"}.
    `sent_ms` is the phone's clock in the moment of sending (default: that of the latest beat).
    Raises TokenInvalid, TokenExpired, NotOpen, BadBeats, SeqConflict (nothing moved), LeaseLost
    (what happened before the hand-over is kept, see its `receipt`).
    """
    now = now or timezone.now()
    claims = tokens.read(token, now=now)
    sent = read_batch(beats, most=settings.STUDY["BATCH_MAX"])
    if sent_ms is not None:
        sent_ms = read_clock("sent_ms", sent_ms)
    member, version = _admit(claims)
    return _keep(member, version, claims, sent, now, sent_ms)


def _keep(
    member: Member,
    version: LessonVersion,
    claims: Claims,
    sent: list[SentBeat],
    now: datetime,
    sent_ms: int | None,
) -> Receipt:
    with transaction.atomic():
        ledger.lock_archive(member, at=now)
        fresh, duplicates, conflicts = _sift(claims, sent)
        if conflicts:
            record(
                member,
                "archive.beat_conflict",
                detail={"session": str(claims.session), "seq": conflicts[:20]},
                source="player",
                at=now,
            )
        else:
            receipt, lost, expired = _write(member, version, claims, fresh, duplicates, now, sent, sent_ms)
    if conflicts:
        raise SeqConflict(conflicts)
    if lost:
        raise LeaseLost(receipt=receipt)
    if expired:
        raise TokenExpired(receipt=receipt)
    return receipt


def _sift(claims: Claims, sent: list[SentBeat]) -> tuple[list[SentBeat], list[int], list[int]]:
    """New beats in order, numbers already on record, numbers on record with another body."""
    known = dict(
        Beat.objects.filter(
            member_id=claims.member_id, session=claims.session, seq__in={beat.seq for beat in sent}
        ).values_list("seq", "body_hash")
    )
    fresh: dict[int, SentBeat] = {}
    duplicates: list[int] = []
    conflicts: list[int] = []
    for beat in sent:
        before = known.get(beat.seq) or (fresh[beat.seq].body_hash if beat.seq in fresh else None)
        if before is None:
            fresh[beat.seq] = beat
        elif before != beat.body_hash:
            conflicts.append(beat.seq)
        elif beat.seq in known and beat.seq not in duplicates:
            duplicates.append(beat.seq)
    return [fresh[seq] for seq in sorted(fresh)], duplicates, conflicts


def _write(
    member: Member,
    version: LessonVersion,
    claims: Claims,
    fresh: list[SentBeat],
    duplicates: list[int],
    now: datetime,
    sent: list[SentBeat],
    sent_ms: int | None,
) -> tuple[Receipt, bool, bool]:
    state = LessonState.objects.filter(member=member, version=version).first()
    rules = rules_for(member, state, timezone.localdate(now))
    accepted: list[Beat] = []
    lost = expired = False
    if fresh:
        slack = timedelta(milliseconds=rules.clock_slack_ms)
        happened = _happened(
            claims, fresh, now, max(beat.clock_ms for beat in sent) if sent_ms is None else sent_ms
        )
        in_time = [beat for beat in fresh if happened[beat.seq] <= claims.expires_at]
        expired = len(in_time) < len(fresh)
        if in_time:
            turns = _turns(claims, now, slack)
            wall_ms = turns.wall_ms(now)
            for beat in in_time:
                in_lease = turns.hold(happened[beat.seq])
                if not in_lease and not turns.holds:
                    lost = True
                    continue
                accepted.append(
                    Beat(
                        member_id=member.pk,
                        version_id=version.pk,
                        session=claims.session,
                        seq=beat.seq,
                        body=beat.body,
                        body_hash=beat.body_hash,
                        received_at=now,
                        happened_at=happened[beat.seq],
                        wall_ms=wall_ms,
                        in_lease=in_lease,
                    )
                )
            if turns.holds and turns.mine[-1].seen_at < now:
                turns.mine[-1].seen_at = now
                turns.mine[-1].save(update_fields=["seen_at"])
        Beat.objects.bulk_create(accepted)
    if accepted:
        state = _advance(member, version, state, rules, accepted, now)
    receipt = _receipt(member, version, state, rules, [beat.seq for beat in accepted], duplicates)
    return receipt, lost, expired


def _happened(claims: Claims, fresh: list[SentBeat], now: datetime, sent_ms: int) -> dict[int, datetime]:
    """When each beat happened by our clock: now less the age that the phone's own clock tells.

    Only differences of that clock are used, so it may be a year wrong; a beat is neither from the
    future nor older than its token.
    """
    oldest = (now - claims.issued_at).total_seconds() * 1000
    return {
        beat.seq: now - timedelta(milliseconds=max(0.0, min(sent_ms - beat.clock_ms, oldest)))
        for beat in fresh
    }


def _as_pure(beat: Beat, rules: PlayRules) -> spans.Beat:
    body = beat.body
    return spans.Beat(
        session=str(beat.session),
        seq=beat.seq,
        intervals=tuple((start, end) for start, end in body["intervals"]),
        position_ms=body["position_ms"],
        clock_ms=body["clock_ms"],
        rate=body["rate"],
        visible=body["visible"],
        idle="idle" in body["flags"],
        audio="audio" in body["flags"],
        confirmed="confirmed" in body["flags"],
        wall_ms=beat.wall_ms,
        received_ms=_ms(beat.received_at),
        in_lease=beat.in_lease,
        late=(beat.received_at - beat.happened_at).total_seconds() > rules.offline_max_s,
    )


def _advance(
    member: Member,
    version: LessonVersion,
    state: LessonState | None,
    rules: PlayRules,
    accepted: list[Beat],
    now: datetime,
) -> LessonState:
    """Fold new beats into the state; credit the lesson if that completed it.

    Beats that belong before what is folded already (late or out of order) fold the log afresh, so
    that the state depends on what is in the log and not on how it came.
    """
    if state is None:
        state = LessonState(
            member=member,
            version=version,
            duration_s=version.duration_s,
            needed_s=0,
            params=rules.as_json(),
            last_beat_at=now,
        )
        fold = beginning_of(member.pk, version, rules)
    else:
        fold = fold_of(state, version.kind)
    was_completed = state.completed_at is not None or fold.completed
    pure = [_as_pure(beat, rules) for beat in accepted]
    if (pure[0].session, pure[0].seq) <= (fold.session, fold.seq):
        fold = _fold_log(member.pk, version, rules)
    else:
        for beat in pure:
            fold = spans.fold_beat(fold, beat, rules)
    store_fold(state, fold)
    state.last_beat_at = (
        max(state.last_beat_at, *(beat.happened_at for beat in accepted))
        if state.pk
        else max(beat.happened_at for beat in accepted)
    )
    state.save()
    if state.completed_at is not None and not was_completed:
        _credit(member, version, state)
    _pass_on(member, version)
    return state


def _pass_on(member: Member, version: LessonVersion) -> None:
    """Beats of a version that was replaced meanwhile: what the later ones began with has grown with them."""
    for state in later_states(member.pk, version):
        later, rules = state.version, PlayRules.from_json(state.params)
        was_completed = state.completed_at is not None or beginning_of(member.pk, later, rules).completed
        store_fold(state, _fold_log(member.pk, later, rules))
        state.save()
        if state.completed_at is not None and not was_completed:
            _credit(member, later, state)


def _fold_log(member_id: int, version: LessonVersion, rules: PlayRules) -> spans.Fold:
    """The state of one lesson out of its whole log, from where it began for the member."""
    fold = beginning_of(member_id, version, rules)
    log = Beat.objects.filter(member_id=member_id, version_id=version.pk)
    pure = sorted((_as_pure(beat, rules) for beat in log), key=lambda beat: (beat.session, beat.seq))
    for beat in pure:
        fold = spans.fold_beat(fold, beat, rules)
    return fold


def rebuild_state(state: LessonState) -> bool:
    """Reckon a state again out of the log and keep the result; whether anything was different."""
    before = [getattr(state, name) for name in _FOLDED]
    version = LessonVersion.objects.get(pk=state.version_id)
    store_fold(state, _fold_log(state.member_id, version, PlayRules.from_json(state.params)))
    changed = before != [getattr(state, name) for name in _FOLDED]
    if changed:
        state.save()
    return changed


_FOLDED = (
    "watched",
    "watched_s",
    "needed_s",
    "position_ms",
    "frontier_ms",
    "refused",
    "fold",
    "completed_at",
)


def _credit(member: Member, version: LessonVersion, state: LessonState) -> None:
    """Hours for a completed lesson, once a calendar year whatever its version, and the news of it."""
    completed_at = state.completed_at
    assert completed_at is not None
    rule = RuleBook.load(timezone.localdate(completed_at)).hours_rule(path_of(member))
    length_s = creditable_s(member.pk, version)
    hours = hours_for(length_s, rule)
    if hours > 0:
        course = Lesson.objects.get(pk=version.lesson_id).get_parent()
        coverage = Decimal(state.watched_s) / state.duration_s
        first = (
            Beat.objects.filter(member_id=member.pk, version_id=version.pk).order_by("session", "seq").first()
        )
        # Another version of the same lesson may have brought its hours this year (domain.md §1.3, SH10).
        with suppress(AlreadyCredited):
            ledger.add_entry(
                member,
                mode=StudyMode.SELF_ONLINE,
                title=version.title,
                hours=hours,
                started_at=first.happened_at if first else None,
                finished_at=completed_at,
                provider=course.title if course else "",
                credit_key=credit_key(version),
                evidence_type="beats",
                evidence_id=str(version.uuid),
                evidence_hash=hashlib.sha256(bytes(state.watched)).hexdigest(),
                rule_version=rule.version,
                lesson_version=version,
                published_duration_s=length_s,
                verified_coverage=coverage.quantize(Decimal("0.0001"), rounding=ROUND_DOWN),
                now=completed_at,
            )
    lesson_completed.send(sender=LessonState, member=member, version=version, at=completed_at)


def _receipt(
    member: Member,
    version: LessonVersion,
    state: LessonState | None,
    rules: PlayRules,
    accepted: list[int],
    duplicates: list[int],
) -> Receipt:
    progress = lesson_progress(member, version, state=state)
    completed = progress.completed
    return Receipt(
        accepted=accepted,
        duplicates=duplicates,
        state={
            "duration_s": progress.duration_s,
            "coverage": progress.coverage,
            "watched_s": progress.watched_s,
            "needed_s": progress.needed_s,
            "position_s": progress.position_s,
            "frontier_s": (state.frontier_ms if state else 0) / 1000,
            "completed": completed,
            "completed_at": progress.completed_at.isoformat() if progress.completed_at else None,
            "hours_on_offer": float(progress.hours_on_offer),
            "credited_hours": float(progress.credited_hours),
            "speed_cap": rules.after_speed_cap if completed else rules.speed_cap,
            "free_seek": completed or not rules.strict_seek,
            "spans": [asdict(one) for one in progress.spans],
            "missing": [asdict(one) for one in progress.missing],
        },
    )


def take_lease(token: str, *, now: datetime | None = None) -> Receipt:
    """Let this session go on and the others stop. Raises TokenInvalid, TokenExpired, NotOpen."""
    now = now or timezone.now()
    claims = tokens.read(token, now=now)
    if now > claims.expires_at:
        raise TokenExpired()
    member, version = _admit(claims)
    with transaction.atomic():
        ledger.lock_archive(member, at=now)
        state = LessonState.objects.filter(member=member, version=version).first()
        rules = rules_for(member, state, timezone.localdate(now))
        _turns(claims, now, timedelta(milliseconds=rules.clock_slack_ms), take=True)
        state = state or carried_state(member, version, rules)
        return _receipt(member, version, state, rules, [], [])


def complete_reading(token: str, *, now: datetime | None = None) -> LessonProgress:
    """«I have read it» for a READING lesson: counts the time since the page was opened, by our clock.

    Completes the lesson when that is long enough; otherwise progress says what is missing. Time
    that beats of this session counted already is not counted again.
    Raises as `record_beats`, and BadBeats for a lesson of another kind.
    """
    now = now or timezone.now()
    claims = tokens.read(token, now=now)
    member, version = _admit(claims)
    if version.kind != LessonKind.READING:
        raise BadBeats("only a reading lesson is completed by saying so")
    with transaction.atomic():
        ledger.lock_archive(member, at=now)
        state = LessonState.objects.filter(member=member, version=version).first()
        rules = rules_for(member, state, timezone.localdate(now))
        # Whoever says so is here now: this session takes the lease, and counts from when it was free.
        turns = _turns(claims, now, timedelta(milliseconds=rules.clock_slack_ms), take=True)
        fold = fold_of(state, version.kind) if state else beginning_of(member.pk, version, rules)
        claimed_ms = fold.claimed_ms if fold.session == str(claims.session) else 0
        left_ms = max(0, turns.wall_ms(now) - claimed_ms)
        end_ms = min(fold.frontier_ms + left_ms, fold.seconds * 1000)
        mine = Beat.objects.filter(member_id=member.pk, session=claims.session)
        last = mine.order_by("-seq").values_list("body", flat=True).first()
        number = max(mine.aggregate(last=Max("seq"))["last"] or 0, CLIENT_SEQ_LIMIT) + 1
        clock_ms = last["clock_ms"] if last else _ms(now)
        said = {
            "seq": number,
            "intervals": [[fold.frontier_ms, end_ms]],
            "position_ms": end_ms,
            "rate": 1,
            "visible": True,
            "clock_ms": clock_ms,
            "flags": ["confirmed"],
        }
        sent = read_batch([said], most=1, seq_limit=2**31 - 1)
        receipt, _lost, expired = _write(member, version, claims, sent, [], now, sent, None)
    if expired:
        raise TokenExpired(receipt=receipt)
    return lesson_progress(member, version)
