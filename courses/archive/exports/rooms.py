"""Sections of what the rooms around the ledger keep of a member: one section a room, registered by apps.py."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from courses.archive.cmi5.launching import actor_of as cmi5_actor_of
from courses.archive.exports.sections import (
    DECIMAL,
    MOMENT,
    NUMBER,
    TEXT,
    UUID,
    or_null,
    register,
    rows,
    text_of,
)
from courses.archive.models import (
    ArchiveExport,
    Certificate,
    ClassMember,
    Cmi5Registration,
    Correction,
    LateLine,
    OfflineClaim,
    RecordImport,
)
from courses.archive.xapi import references
from courses.archive.xapi.models import LrsDocument, RefKind, Statement, StatementRef
from courses.archive.xapi.own_player import actor_of
from courses.quizzes.models import Attempt
from people.models import Member, Notice

__all__ = ["register_rooms"]

DAY: dict[str, Any] = {"type": "string", "format": "date"}
YES_NO: dict[str, Any] = {"type": "boolean"}
ANY_OBJECT: dict[str, Any] = {"type": "object"}

ANSWERS = rows(question=TEXT, points=NUMBER, answered={"type": "array", "items": TEXT}, right=or_null(YES_NO))
EXAMS = rows(
    uuid=UUID, paper=UUID, title=TEXT, number=NUMBER, started_at=MOMENT, ends_at=MOMENT,
    submitted_at=or_null(MOMENT), duration_s=or_null(NUMBER), score=or_null(NUMBER), total_points=NUMBER,
    pass_mark=NUMBER, passed=or_null(YES_NO), answers=ANSWERS,
)  # fmt: skip
ATTENDANCE = rows(title=TEXT, held_on=DAY, hours=DECIMAL, status=TEXT)
CLASSES = rows(
    uuid=UUID, title=TEXT, mode=TEXT, organization_code=TEXT, organization_name=TEXT, starts_on=DAY, ends_on=DAY,
    joined_at=MOMENT, left_at=or_null(MOMENT), left_reason=TEXT, completed_at=or_null(MOMENT), entry=or_null(UUID),
    replaced={"type": "array", "items": UUID}, attendance=ATTENDANCE,
)  # fmt: skip
CERTIFICATES = rows(
    uuid=UUID, number=TEXT, token=TEXT, title=TEXT, holder=TEXT, organization_code=TEXT, organization_name=TEXT,
    year=NUMBER, hours=DECIMAL, starts_on=DAY, ends_on=DAY, issued_at=MOMENT, revoked_at=or_null(MOMENT),
    revoke_reason=TEXT,
)  # fmt: skip
PROOFS = rows(uuid=UUID, name=TEXT, kind=TEXT, size_bytes=NUMBER, sha256=TEXT)
CLAIMS = rows(
    uuid=UUID, mode=TEXT, title=TEXT, provider=TEXT, started_on=DAY, finished_on=DAY, hours=DECIMAL, note=TEXT,
    state=TEXT, filing=NUMBER, filed_at=MOMENT, decided_by=or_null(TEXT), decided_at=or_null(MOMENT), reason=TEXT,
    entry=or_null(UUID), proofs=PROOFS,
)  # fmt: skip
CORRECTIONS = rows(
    uuid=UUID, kind=TEXT, entry=or_null(UUID), text=TEXT, state=TEXT, opened_at=MOMENT, due_on=DAY,
    answered_by=or_null(TEXT), answered_at=or_null(MOMENT), answer=TEXT, reversal=or_null(UUID),
    new_entry=or_null(UUID),
)  # fmt: skip
LATE = rows(
    uuid=UUID, year=NUMBER, kind=TEXT, entry=or_null(UUID), mode=TEXT, title=TEXT, provider=TEXT, started_on=DAY,
    finished_on=DAY, hours=DECIMAL, reason=TEXT, state=TEXT, proposed_by=TEXT, proposed_at=MOMENT,
    decided_by=or_null(TEXT), decided_at=or_null(MOMENT), answer=TEXT, made=or_null(UUID),
)  # fmt: skip
RECORDS = rows(
    uuid=UUID, record=UUID, school=UUID, school_name=TEXT, person=UUID, issued_at=MOMENT, sha256=TEXT,
    identity=TEXT, actor=or_null(TEXT), imported_at=MOMENT, added=NUMBER, taken_back=NUMBER, left_out=NUMBER,
)  # fmt: skip
UNITS = rows(
    index=NUMBER, completed_at=or_null(MOMENT), passed_at=or_null(MOMENT), waived_at=or_null(MOMENT),
    waive_reason=TEXT,
)  # fmt: skip
LAUNCHES = rows(
    uuid=UUID, au_index=NUMBER, launch_mode=TEXT, launched_at=MOMENT, initialized_at=or_null(MOMENT),
    completed_at=or_null(MOMENT), passed_at=or_null(MOMENT), failed_at=or_null(MOMENT),
    terminated_at=or_null(MOMENT), abandoned_at=or_null(MOMENT),
)  # fmt: skip
CMI5 = rows(
    uuid=UUID, course=UUID, title=TEXT, created_at=MOMENT, satisfied_at=or_null(MOMENT), units=UNITS,
    launches=LAUNCHES,
)  # fmt: skip
STATEMENTS = rows(uuid=UUID, stored_at=MOMENT, voided=YES_NO, statement=ANY_OBJECT)
DOCUMENTS = rows(name=TEXT, registration=UUID, content_type=TEXT, content_base64=TEXT, updated_at=MOMENT)
NOTICES = rows(kind=TEXT, title=TEXT, text=TEXT, link=TEXT, created_at=MOMENT, read_at=or_null(MOMENT))
EXPORTS = rows(
    uuid=UUID, kind=TEXT, actor=TEXT, made_at=MOMENT, entries=NUMBER, size_bytes=NUMBER, sha256=TEXT
)  # fmt: skip


def _plain(one: Any, schema: dict[str, Any], **told: Any) -> dict[str, Any]:
    """What the row says under the schema's names, but for those that are `told`."""
    names = schema["items"]["properties"]
    return {name: told[name] if name in told else text_of(getattr(one, name)) for name in names}


def _uuid(entry: Any) -> str | None:
    return str(entry.uuid) if entry else None


def _name(member: Member | None) -> str | None:
    return member.name if member else None


def exams_of(member: Member) -> list[dict[str, Any]]:
    """Attempts with what was answered; whether it was right only once the attempt is over."""
    found = Attempt.objects.of(member).select_related("paper").order_by("started_at", "pk")
    return [
        _plain(
            one,
            EXAMS,
            paper=str(one.paper.uuid),
            duration_s=int((one.submitted_at - one.started_at).total_seconds()) if one.submitted_at else None,
            passed=one.passed if one.submitted_at else None,
            answers=[_answer(asked, one) for asked in one.questions],
        )
        for one in found
    ]


def _answer(asked: dict[str, Any], attempt: Attempt) -> dict[str, Any]:
    chosen = attempt.answers.get(str(asked["id"]), [])
    texts = {option["key"]: option["text"] or option["key"] for option in asked["options"]}
    right = sorted(chosen) == sorted(asked["right"]) if attempt.submitted_at else None
    return {
        "question": asked["text"],
        "points": asked["points"],
        "answered": [texts.get(key, key) for key in chosen],
        "right": right,
    }


def classes_of(member: Member) -> list[dict[str, Any]]:
    """Places in classes with the attendance that was recorded."""
    found = (
        ClassMember.objects.of(member)
        .select_related("training_class", "entry")
        .prefetch_related("attendance__session")
        .order_by("joined_at", "pk")
    )
    of_class = ("uuid", "title", "mode", "organization_code", "organization_name", "starts_on", "ends_on")
    return [
        _plain(
            one,
            CLASSES,
            entry=_uuid(one.entry),
            replaced=[str(uuid) for uuid in one.replaced],
            attendance=[
                {
                    "title": at.session.title,
                    "held_on": text_of(at.session.held_on),
                    "hours": text_of(at.session.hours),
                    "status": at.status,
                }
                for at in sorted(one.attendance.all(), key=lambda at: (at.session.held_on, at.session_id))
            ],
            **{name: text_of(getattr(one.training_class, name)) for name in of_class},
        )
        for one in found
    ]


def certificates_of(member: Member) -> list[dict[str, Any]]:
    """With the code of the public page, which stands on the paper too; revoked ones stay."""
    found = Certificate.objects.of(member).order_by("issued_at", "pk")
    return [_plain(one, CERTIFICATES) for one in found]


def claims_of(member: Member) -> list[dict[str, Any]]:
    """With names and digests of the proofs; the files are fetched from the claim's page."""
    found = OfflineClaim.objects.of(member).select_related("decided_by", "entry").prefetch_related("proofs")
    return [
        _plain(
            one,
            CLAIMS,
            decided_by=_name(one.decided_by),
            entry=_uuid(one.entry),
            proofs=[_plain(proof, PROOFS) for proof in one.proofs.all()],
        )
        for one in found
    ]


def corrections_of(member: Member) -> list[dict[str, Any]]:
    """With the texts in clear, since they are hers."""
    related = ("entry", "reversal", "new_entry", "answered_by")
    found = Correction.objects.filter(member=member).select_related(*related).order_by("opened_at", "pk")
    return [
        _plain(
            one,
            CORRECTIONS,
            answered_by=_name(one.answered_by),
            **{name: _uuid(getattr(one, name)) for name in ("entry", "reversal", "new_entry")},
        )
        for one in found
    ]


def late_of(member: Member) -> list[dict[str, Any]]:
    """What organisers proposed for her closed years, whatever was decided."""
    found = LateLine.objects.filter(member=member).order_by("proposed_at", "pk")
    return [
        _plain(
            one,
            LATE,
            entry=_uuid(one.entry),
            made=_uuid(one.made),
            proposed_by=one.proposed_by.name,
            decided_by=_name(one.decided_by),
        )
        for one in found.select_related("entry", "made", "proposed_by", "decided_by")
    ]


def records_of(member: Member) -> list[dict[str, Any]]:
    found = RecordImport.objects.filter(member=member).select_related("actor").order_by("imported_at", "pk")
    return [_plain(one, RECORDS, actor=_name(one.actor)) for one in found]


def cmi5_of(member: Member) -> list[dict[str, Any]]:
    """Registrations for interactive courses: each unit and each launch, without the secrets of launches."""
    found = (
        Cmi5Registration.objects.filter(member=member)
        .select_related("course")
        .prefetch_related("aus", "sessions")
        .order_by("created_at", "pk")
    )
    return [
        _plain(
            one,
            CMI5,
            course=str(one.course.uuid),
            title=one.course.title,
            units=[_plain(unit, UNITS) for unit in sorted(one.aus.all(), key=lambda unit: unit.index)],
            launches=[
                _plain(launch, LAUNCHES)
                for launch in sorted(one.sessions.all(), key=lambda launch: launch.launched_at)
            ],
        )
        for one in found
    ]


def _agent_keys(member: Member) -> set[Any]:
    return {references.agent_key(agent) for agent in (actor_of(member), cmi5_actor_of(member))}


def statements_of(member: Member) -> list[dict[str, Any]]:
    """Statements whose actor or object the member is, under either of the names that she has here."""
    named = StatementRef.objects.filter(kind=RefKind.AGENT, key__in=_agent_keys(member))
    found = Statement.objects.filter(pk__in=named.values("statement")).order_by("stored_at", "pk")
    return [_plain(one, STATEMENTS, statement=json.loads(one.body)) for one in found]


def documents_of(member: Member) -> list[dict[str, Any]]:
    """What programs keep under her name in the LRS, e.g. where she left a unit; the bytes are theirs."""
    found = LrsDocument.objects.filter(agent__in=_agent_keys(member)).order_by("updated_at", "pk")
    return [_plain(one, DOCUMENTS, content_base64=b64encode(bytes(one.content)).decode()) for one in found]


def notices_of(member: Member) -> list[dict[str, Any]]:
    found = Notice.objects.filter(member=member).order_by("created_at", "pk")
    return [_plain(one, NOTICES) for one in found]


def exports_of(member: Member) -> list[dict[str, Any]]:
    """Every export before this one."""
    found = ArchiveExport.objects.filter(member=member).select_related("actor").order_by("made_at", "pk")
    return [_plain(one, EXPORTS, actor=one.actor.name) for one in found]


def register_rooms() -> None:
    """Called once by apps.py."""
    register("exams", load=exams_of, schema=EXAMS)
    register("classes", load=classes_of, schema=CLASSES)
    register("certificates", load=certificates_of, schema=CERTIFICATES)
    register("claims", load=claims_of, schema=CLAIMS)
    register("corrections", load=corrections_of, schema=CORRECTIONS)
    register("late", load=late_of, schema=LATE)
    register("records", load=records_of, schema=RECORDS)
    register("cmi5", load=cmi5_of, schema=CMI5)
    register("statements", load=statements_of, schema=STATEMENTS)
    register("documents", load=documents_of, schema=DOCUMENTS)
    register("notices", load=notices_of, schema=NOTICES)
    register("exports", load=exports_of, schema=EXPORTS)
