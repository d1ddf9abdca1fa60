"""What other programs' players report of our lessons becomes beats: played seconds count, whoever shows the video.

A Video Profile statement about one of our lessons by one of our members, from a client that holds the scope `study`,
begins a play session with the first that comes and adds to it with each that tells more `played-segments` than before.
The segments are cut into beats and go the way of every beat: the session counts no more than the server saw it last
since its first statement, nobody seeks ahead, turns of devices do not overlap. What it says of progress counts nothing.

A report waits in the database from the commit of its statement until its beats are kept, so none is lost or counted
twice when a process dies in between.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from courses.archive.batches import CLOCK_MAX_MS, LONGEST_MS
from courses.archive.errors import ArchiveError
from courses.archive.models import LessonState
from courses.archive.playing import keep_reported
from courses.archive.states import rules_for
from courses.archive.tokens import Claims, new_session
from courses.archive.xapi import accounts, references, strict_json, values, video_profile
from courses.archive.xapi.models import OutsideReport, OutsideSession, Statement
from courses.catalogue.models import LessonKind, LessonVersion
from people.api import record
from people.models import Member

__all__ = ["beats_of", "count_waiting", "lesson_of", "note", "sessions_of"]

log = logging.getLogger(__name__)

PLAYED = (LessonKind.LECTURE, LessonKind.PANORAMA, LessonKind.AUDIO)


def lesson_of(activity: dict[str, Any]) -> LessonVersion | None:
    """The version of a lesson that is played and whose IRI (own_player.lesson_iri) the activity has, or None."""
    before, _, name = str(activity.get("id", "")).rpartition("/lessons/")
    uuid = values.parse_uuid(name)
    if uuid is None or before != accounts.home_page():
        return None
    return LessonVersion.objects.filter(uuid=uuid, kind__in=PLAYED).first()


def note(fresh: Sequence[tuple[Statement, dict[str, Any]]], *, at: datetime) -> None:
    """Begin the sessions of statements that are being stored, and let their segments wait; counted after the commit."""
    waiting = []
    for row, body in fresh:
        told = video_profile.read(body)
        if told is None or body["object"].get("objectType", "Activity") != "Activity":
            continue
        version, member = lesson_of(body["object"]), accounts.member_of(body["actor"])
        name = f"{row.registration or ''} {told.session}"
        if version is None or member is None or not name.strip():
            continue
        session = OutsideSession.objects.get_or_create(
            client_id=row.client_id,
            member=member,
            version=version,
            told=references.key(name),
            defaults={"session": new_session(at), "began_at": at},
        )[0]
        if told.segments:
            waiting.append(OutsideReport(statement=row, session=session))
    if waiting:
        OutsideReport.objects.bulk_create(waiting)
        numbers = [one.pk for one in waiting]
        transaction.on_commit(lambda: _count_all(numbers))


def count_waiting() -> int:
    """Count what waits still, e.g. since a process died between two commits; how many reports. Again moves nothing."""
    return _count_all(list(OutsideReport.objects.order_by("statement_id").values_list("pk", flat=True)))


def _count_all(numbers: Sequence[int]) -> int:
    counted = 0
    for number in numbers:
        try:
            with transaction.atomic():
                counted += _count(number)
        except Exception:  # its statement is stored whatever becomes of it
            log.exception("report %d cannot be counted now, it waits", number)
    return counted


def _count(number: int) -> bool:
    """Turn one report into beats, in the transaction in which it stops waiting."""
    report = OutsideReport.objects.select_for_update().filter(pk=number).first()
    if report is None:
        return False
    session = (
        OutsideSession.objects.select_for_update()
        .select_related("member", "version")
        .get(pk=report.session_id)
    )
    statement = report.statement
    beats, segments = _beats(session, strict_json.loads(statement.body.encode()))
    if beats:
        claims = Claims(session.member_id, session.version_id, session.session, session.began_at)
        try:
            keep_reported(claims, beats, now=statement.stored_at)
        except (
            ArchiveError
        ) as refused:  # not hers to study any more, too late, another device's turn: only stored
            log.info("of outside session %s: %s", session.session, refused)
        if not session.beats:
            detail = {"client": session.client_id, "session": str(session.session)}
            record(session.member, "archive.outside_session", session.version, detail=detail, source="xapi")
        session.beats += len(beats)
        session.segments = video_profile.write_segments(segments)
        session.save(update_fields=["beats", "segments"])
    report.delete()
    return True


def _beats(
    session: OutsideSession, statement: dict[str, Any]
) -> tuple[list[dict[str, Any]], video_profile.Segments]:
    """The beats for what this statement tells beyond the ones before, and all that is told by now."""
    told = video_profile.read(statement)
    before = video_profile.parse_segments(session.segments)
    if told is None:
        return [], before
    length_s = session.version.duration_s
    said = [(start, min(end, length_s)) for start, end in told.segments if start < length_s]
    member: Member = session.member
    state = LessonState.objects.filter(member=member, version=session.version).first()
    rules = rules_for(member, state, timezone.localdate(session.began_at))
    at = values.moment(statement["timestamp"])
    beats = beats_of(
        video_profile.beyond(said, before),
        first=session.beats,
        each_ms=min(rules.beat_s * 1000, rules.gap_ms),
        clock_ms=int(at.timestamp() * 1000) if at else 0,
        position_s=told.time_s,
        rate=told.speed,
    )
    return beats, video_profile.united([*before, *said])


def beats_of(
    segments: video_profile.Segments,
    *,
    first: int,
    each_ms: int,
    clock_ms: int,
    position_s: float | None,
    rate: float,
) -> list[dict[str, Any]]:
    """Beats as a player of ours would have sent them: at most `each_ms` of the lesson in each, the last of them made
    at `clock_ms` of the program's own clock, the others as long before as it took to play them. Pure."""
    cuts: list[tuple[int, int]] = []
    for start, end in segments:
        ends = [*range(round(start * 1000), round(end * 1000), each_ms), round(end * 1000)]
        cuts += [(a, b) for a, b in pairwise(ends) if a < b <= LONGEST_MS]
    left_ms = sum(b - a for a, b in cuts)
    clock_ms = min(max(clock_ms, left_ms), CLOCK_MAX_MS)
    beats = []
    for number, (a, b) in enumerate(cuts):
        left_ms -= b - a
        beats.append(
            {
                "seq": first + number,
                "intervals": [[a, b]],
                "position_ms": b,
                "rate": rate,
                "clock_ms": clock_ms - left_ms,
            }
        )
    if beats and position_s is not None and 0 <= position_s * 1000 <= LONGEST_MS:
        beats[-1]["position_ms"] = round(position_s * 1000)
    return beats


def sessions_of(member: Member) -> set[UUID]:
    """The play sessions of a member that other programs reported."""
    return set(OutsideSession.objects.filter(member=member).values_list("session", flat=True))
