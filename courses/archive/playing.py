"""Playing: leave to play, keeping beats and reckoning them at once, the lease, «I have read it».

What is written is written under the lock of one member's archive row and in one transaction;
no transaction here touches two members.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import BinaryField, ExpressionWrapper, F, Max
from django.utils import timezone

from courses.archive import folding, ledger, log_order, spans, tokens
from courses.archive.answers import LessonProgress, Play, Receipt
from courses.archive.batches import (
    CLIENT_SEQ_LIMIT,
    SentBeat,
    in_tenths,
    kept_age_ms,
    read_batch,
    read_clock,
)
from courses.archive.beginnings import beginning_of, carried_state
from courses.archive.errors import (
    BadBeats,
    LeaseLost,
    NotOpen,
    NotReckoned,
    SeqConflict,
    TokenExpired,
)
from courses.archive.fields import EPOCH, MILLISECOND
from courses.archive.log import is_packed
from courses.archive.models import Beat, LearningArchive, LessonState
from courses.archive.progress import lesson_progress
from courses.archive.sharing import Played, took
from courses.archive.spans import PlayRules
from courses.archive.states import fold_of, rules_for
from courses.archive.tokens import Claims
from courses.archive.turns import Turns, is_sharing, played_by, turns_of
from courses.catalogue.models import Lesson, LessonKind, LessonVersion
from people.api import record
from people.models import Member

__all__ = [
    "admit",
    "complete_reading",
    "keep_reported",
    "play",
    "record_beats",
    "study_state",
    "take_lease",
]


def play(member: Member, version: LessonVersion, *, now: datetime | None = None) -> Play:
    """Leave to play `version`, in a session of its own. Writes nothing: the lease is taken by the first beat.

    The caller has found the lesson through `Lesson.objects.open_to(member)`.
    """
    now = now or timezone.now()
    folding.catch_up(member, now=now)
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


def admit(claims: Claims) -> tuple[Member, LessonVersion]:
    """The member and the version of a token, if the member may study it now. Raises NotOpen."""
    member = Member.objects.select_related("organization").filter(pk=claims.member_id, is_active=True).first()
    version = LessonVersion.objects.filter(pk=claims.version_id).first()
    if member is None or version is None:
        raise NotOpen()
    if not Lesson.objects.open_to(member).filter(pk=version.lesson_id).exists():
        raise NotOpen()
    return member, version


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
    member, version = admit(claims)
    return _keep(member, version, claims, sent, now, sent_ms)


def keep_reported(claims: Claims, beats: Sequence[Mapping[str, Any]], *, now: datetime) -> Receipt:
    """As `record_beats`, for a session that never had a token: another program played, and told at `now`
    (xapi/outside.py), in however many beats."""
    member, version = admit(claims)
    return _keep(member, version, claims, read_batch(beats, most=len(beats)), now, None)


def _keep(
    member: Member,
    version: LessonVersion,
    claims: Claims,
    sent: list[SentBeat],
    now: datetime,
    sent_ms: int | None,
) -> Receipt:
    with transaction.atomic():
        archive = _our_turn(member, claims, now)
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
            state = LessonState.objects.filter(member=member, version=version).first()
            rules = rules_for(member, state, timezone.localdate(now))
            accepted, lost, expired = _add(claims, fresh, rules, now, sent, sent_ms)
            if accepted:
                folded = folding.fold_locked_if_possible(archive, version=version, state=state, now=now)
                if folded is None:  # kept, not reckoned: what is said is what was known before
                    state = LessonState.objects.filter(member=member, version=version).first()
                else:
                    state = folded[member.pk, version.pk]
            receipt = _receipt(member, version, state, rules, accepted, duplicates)
    if conflicts:
        raise SeqConflict(conflicts)
    if lost:
        raise LeaseLost(receipt=receipt)
    if expired:
        raise TokenExpired(receipt=receipt)
    return receipt


def _sift(claims: Claims, sent: list[SentBeat]) -> tuple[list[SentBeat], list[int], list[int]]:
    """New beats in order, numbers already on record, numbers on record with another body."""
    kept = Beat.objects.filter(
        member_id=claims.member_id, session=claims.session, seq__in={beat.seq for beat in sent}
    )
    # As bytes: what cannot be read any more is another body than any that is sent.
    packed = ExpressionWrapper(F("body"), output_field=BinaryField())
    known = {seq: bytes(body) for seq, body in kept.values_list("seq", packed)}
    fresh: dict[int, SentBeat] = {}
    duplicates: list[int] = []
    conflicts: list[int] = []
    for beat in sent:
        before = known.get(beat.seq) or (fresh[beat.seq].packed if beat.seq in fresh else None)
        if before is None:
            fresh[beat.seq] = beat
        elif before != beat.packed:
            conflicts.append(beat.seq)
        elif beat.seq in known and beat.seq not in duplicates:
            duplicates.append(beat.seq)
    return [fresh[seq] for seq in sorted(fresh)], duplicates, conflicts


def _our_turn(member: Member, claims: Claims, now: datetime, *, reckoned: bool = False) -> LearningArchive:
    """Wait until nobody else writes of this member, and bring up to the log what is reckoned of her.

    A session that is packed takes nothing more, whatever its token says by the settings of today: TokenExpired.
    A log that cannot be folded stops nobody from adding to it; with `reckoned`, where what is written depends on the
    state, it raises NotReckoned.
    """
    archive = ledger.lock_archive(member, at=now)
    log_order.wait_for_turn(member.pk)
    if is_packed(member.pk, claims.session, now=now):
        raise TokenExpired()
    if reckoned:
        folding.fold_locked_or_say(archive, now=now)
    else:
        folding.fold_locked_if_possible(archive, now=now)
    return archive


def _add(
    claims: Claims,
    fresh: list[SentBeat],
    rules: PlayRules,
    now: datetime,
    sent: list[SentBeat],
    sent_ms: int | None,
) -> tuple[list[int], bool, bool]:
    """Put new beats into the log: which, and whether some were refused for the lease or for the token's age."""
    if not fresh:
        return [], False, False
    latest_ms = max(beat.clock_ms for beat in sent)
    sent_ms = latest_ms if sent_ms is None else sent_ms
    happened = _happened(claims, fresh, now, sent_ms)
    in_time = [beat for beat in fresh if happened[beat.seq] <= claims.expires_at]
    if not in_time:
        return [], False, True
    played = {beat.seq: _played(claims, beat, happened[beat.seq], now) for beat in in_time}
    slack = timedelta(milliseconds=rules.clock_slack_ms)
    turns = turns_of(claims, now, slack, played=list(played.values()))
    received_at = EPOCH + in_tenths((now - EPOCH) // MILLISECOND) * MILLISECOND
    oldest_ms = (now - claims.issued_at) // MILLISECOND
    budget = _Budget(claims, turns, received_at)
    accepted = [
        Beat(
            member_id=claims.member_id,
            version_id=claims.version_id,
            session=claims.session,
            seq=beat.seq,
            body=beat.packed,
            received_at=received_at,
            happened_at=received_at - kept_age_ms(beat.clock_ms, latest_ms, sent_ms, oldest_ms) * MILLISECOND,
            wall_ms=budget.wall_ms(played[beat.seq]),
            in_lease=turns.hold(happened[beat.seq]),
        )
        for beat in in_time
        if turns.holds or turns.hold(happened[beat.seq])
    ]
    Beat.objects.bulk_create(accepted)
    return [beat.seq for beat in accepted], len(accepted) < len(in_time), len(in_time) < len(fresh)


class _Budget:
    """What each beat may count, the session's beats before it with it: `wall_ms` of the log."""

    def __init__(self, claims: Claims, turns: Turns, received_at: datetime) -> None:
        self._turns, self._wall_ms = turns, turns.wall_ms(received_at)
        self._sharing = is_sharing(turns.mine)
        if self._sharing:
            self._age_ms = max((received_at - claims.issued_at) // MILLISECOND, 0)
            before = played_by(claims.member_id, claims.session) or []
            self._spent = sum((beat.took for beat in before), timedelta())
            self._room = self._wall_ms * MILLISECOND + turns.slack

    def wall_ms(self, beat: Played) -> int:
        """The server's time in the session's turns. Where turns are shared, beats are counted as they come, whatever
        their numbers: one that has room in the turns gets the age of its session, which bounds nothing; of others not
        even the slack is left."""
        if not self._sharing:
            return self._wall_ms
        if not self._turns.hold(beat.ended_at) or self._spent + beat.took > self._room:
            return -(self._turns.slack // MILLISECOND)
        self._spent += beat.took
        return self._age_ms


def _played(claims: Claims, beat: SentBeat, ended_at: datetime, now: datetime) -> Played:
    """Nothing was played before its lesson was opened: of a clock that was put forward, the moment of opening is left."""
    length = took(beat.packed)
    return Played(max(ended_at - length, claims.issued_at), ended_at, now, length)


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


def _receipt(
    member: Member,
    version: LessonVersion,
    state: LessonState | None,
    rules: PlayRules,
    accepted: list[int],
    duplicates: list[int],
) -> Receipt:
    return Receipt(
        accepted=accepted, duplicates=duplicates, state=_study_state(member, version, state, rules)
    )


def study_state(member: Member, version: LessonVersion, *, now: datetime | None = None) -> dict[str, Any]:
    """How the lesson stands for a player (`state` of a Receipt), with all beats that were kept until now.

    The caller has found the lesson through `Lesson.objects.open_to(member)`.
    """
    folding.catch_up(member, now=now)
    state = LessonState.objects.filter(member=member, version=version).first()
    rules = rules_for(member, state, timezone.localdate(now))
    return _study_state(member, version, state, rules)


def _study_state(
    member: Member, version: LessonVersion, state: LessonState | None, rules: PlayRules
) -> dict[str, Any]:
    state = state or carried_state(member, version, rules)
    progress = lesson_progress(member, version, state=state)
    completed = progress.completed
    return {
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
    }


def take_lease(token: str, *, now: datetime | None = None) -> Receipt:
    """Let this session go on and the others stop. Raises TokenInvalid, TokenExpired, NotOpen."""
    now = now or timezone.now()
    claims = tokens.read(token, now=now)
    if now > claims.expires_at:
        raise TokenExpired()
    member, version = admit(claims)
    with transaction.atomic():
        _our_turn(member, claims, now)
        state = LessonState.objects.filter(member=member, version=version).first()
        rules = rules_for(member, state, timezone.localdate(now))
        turns_of(claims, now, timedelta(milliseconds=rules.clock_slack_ms), take=True)
        return _receipt(member, version, state, rules, [], [])


def complete_reading(token: str, *, now: datetime | None = None) -> LessonProgress:
    """«I have read it» for a READING lesson: counts the time since the page was opened, by our clock.

    Completes the lesson when that is long enough; otherwise progress says what is missing. Time
    that beats of this session counted already is not counted again.
    Raises as `record_beats`, BadBeats for a lesson of another kind, and NotReckoned (nothing moved) when the member's
    log cannot be folded, since what is claimed goes on from what is reckoned.
    """
    now = now or timezone.now()
    claims = tokens.read(token, now=now)
    member, version = admit(claims)
    if version.kind != LessonKind.READING:
        raise BadBeats("only a reading lesson is completed by saying so")
    with transaction.atomic():
        archive = _our_turn(member, claims, now, reckoned=True)
        state = LessonState.objects.filter(member=member, version=version).first()
        rules = rules_for(member, state, timezone.localdate(now))
        # Whoever says so is here now: this session takes the lease, and counts from when it was free.
        turns = turns_of(claims, now, timedelta(milliseconds=rules.clock_slack_ms), take=True)
        fold = fold_of(state, version.kind) if state else beginning_of(member.pk, version, rules)
        claimed_ms = fold.claimed_ms if fold.session == str(claims.session) else 0
        left_ms = max(0, turns.wall_ms(now) - claimed_ms)
        end_ms = min(fold.frontier_ms + left_ms, fold.seconds * 1000)
        mine = Beat.objects.filter(member_id=member.pk, session=claims.session)
        try:
            last = mine.order_by("-seq").values_list("body", flat=True).first()
        except ValueError as broken:  # it was folded once, and cannot be read any more
            raise NotReckoned(member.pk) from broken
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
        _accepted, _lost, expired = _add(claims, sent, rules, now, sent, None)
        folding.fold_locked_or_say(archive, now=now)
    if expired:
        raise TokenExpired()
    return lesson_progress(member, version)
