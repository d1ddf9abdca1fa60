"""What an export holds: one section a subject, each with the JSON Schema of what it says.

A room that keeps more of a member (exams, certificates, claims, statements) registers a section in its
`apps.py ready()` and is in every export from then on:

    sections.register("certificates", load=certificates_of, schema={"type": "array", "items": {…}})

`load(member)` gives JSON values: texts, whole numbers, booleans, null, lists and dicts; decimals and moments as
text (`text_of`). A section that gains a field keeps its version; one that changes the meaning of a field raises
FORMAT in document.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from courses.archive import chain, spans
from courses.archive.models import ArchiveYear, Exemption, LessonState, StudyHourEntry
from people.models import Member

__all__ = ["Section", "register", "registered", "text_of"]


@dataclass(frozen=True)
class Section:
    name: str
    load: Callable[[Member], Any]
    schema: dict[str, Any]


_SECTIONS: dict[str, Section] = {}


def register(name: str, *, load: Callable[[Member], Any], schema: dict[str, Any]) -> None:
    """Put a section into every export from now on. ValueError for a name that is taken by another loader."""
    known = _SECTIONS.get(name)
    if known is not None and known.load is not load:
        raise ValueError(f"the section {name!r} is taken")
    _SECTIONS[name] = Section(name, load, schema)


def registered() -> list[Section]:
    """All sections, in the order in which they were registered."""
    return list(_SECTIONS.values())


def text_of(value: Any) -> Any:
    """A database value as JSON says it here: "0.50", "2026-05-01T00:00:00.000000Z", "2026-05-01"; None stays."""
    if isinstance(value, datetime):
        return chain.moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value if value is None or isinstance(value, bool | int) else str(value)


# What this room keeps

TEXT: dict[str, Any] = {"type": "string"}
NUMBER: dict[str, Any] = {"type": "integer"}
UUID: dict[str, Any] = {"type": "string", "format": "uuid"}
MOMENT: dict[str, Any] = {"type": "string", "format": "date-time"}
DECIMAL: dict[str, Any] = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}


def or_null(kind: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [kind, {"type": "null"}]}


def rows(**fields: dict[str, Any]) -> dict[str, Any]:
    """The schema of a list of objects that all have these fields."""
    item = {"type": "object", "properties": fields, "required": sorted(fields)}
    return {"type": "array", "items": item}


ENTRIES = rows(
    uuid=UUID, year=NUMBER, mode=TEXT, hours=DECIMAL, title=TEXT, provider=TEXT, lesson=or_null(UUID),
    lesson_version=or_null(NUMBER), credit_key=TEXT, started_at=or_null(MOMENT), finished_at=MOMENT,
    published_duration_s=or_null(NUMBER), verified_coverage=or_null(DECIMAL), rule_version=TEXT,
    organization_code=TEXT, organization_name=TEXT, roles=TEXT, evidence_type=TEXT, evidence_id=TEXT,
    evidence_hash=TEXT, recorder=or_null(TEXT), approver=or_null(TEXT), approved_at=or_null(MOMENT),
    source_system=TEXT, reason=TEXT, reversal_of=or_null(UUID), recorded_at=MOMENT, chain_seq=NUMBER, link=TEXT,
)  # fmt: skip
YEARS = rows(year=NUMBER, opened_at=MOMENT)
EXEMPTIONS = rows(
    uuid=UUID, year=NUMBER, until_year=or_null(NUMBER), basis=TEXT, reason=TEXT, granted_at=MOMENT,
    revoked_at=or_null(MOMENT), ended_at=or_null(MOMENT), end_reason=TEXT,
)  # fmt: skip
LESSONS = rows(
    lesson=UUID, title=TEXT, version=UUID, number=NUMBER, duration_s=NUMBER, watched_s=NUMBER, needed_s=NUMBER,
    counted={"type": "array", "items": {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}},
    position_ms=NUMBER, last_beat_at=MOMENT, completed_at=or_null(MOMENT), done_by=TEXT,
)  # fmt: skip


def entries_of(member: Member) -> list[dict[str, Any]]:
    """The whole ledger in the order of the chain; `lesson` is the lesson's number in all schools."""
    found = (
        StudyHourEntry.objects.of(member)
        .select_related("recorder", "approver", "reversal_of", "lesson_version__lesson")
        .order_by("chain_seq")
    )
    plain = [name for name in ENTRIES["items"]["properties"] if name not in _RELATED]
    return [
        {name: text_of(getattr(one, name)) for name in plain}
        | {name: tell(one) for name, tell in _RELATED.items()}
        for one in found
    ]


_RELATED: dict[str, Callable[[StudyHourEntry], Any]] = {
    "lesson": lambda one: str(one.lesson_version.lesson.translation_key) if one.lesson_version else None,
    "lesson_version": lambda one: one.lesson_version.number if one.lesson_version else None,
    "recorder": lambda one: one.recorder.name if one.recorder else None,
    "approver": lambda one: one.approver.name if one.approver else None,
    "reversal_of": lambda one: str(one.reversal_of.uuid) if one.reversal_of else None,
}


def years_of(member: Member) -> list[dict[str, Any]]:
    found = ArchiveYear.objects.filter(member=member).order_by("year")
    return [{"year": one.year, "opened_at": text_of(one.opened_at)} for one in found]


def exemptions_of(member: Member) -> list[dict[str, Any]]:
    """With the reason in clear: the member may know what is kept of her."""
    names = EXEMPTIONS["items"]["properties"]
    found = Exemption.objects.filter(member=member).order_by("year", "pk")
    return [{name: text_of(getattr(one, name)) for name in names} for one in found]


def lessons_of(member: Member) -> list[dict[str, Any]]:
    """How far in each version; `counted` are stretches [from, to) in seconds that count."""
    found = (
        LessonState.objects.filter(member=member)
        .select_related("version__lesson")
        .order_by("last_beat_at", "pk")
    )
    return [
        {
            "lesson": str(one.version.lesson.translation_key),
            "title": one.version.title,
            "version": str(one.version.uuid),
            "number": one.version.number,
            "duration_s": one.duration_s,
            "watched_s": one.watched_s,
            "needed_s": one.needed_s,
            "counted": [
                [piece.start_s, piece.end_s]
                for piece in spans.pieces(int.from_bytes(bytes(one.watched), "little"), one.duration_s, ())
                if piece.kind == spans.COUNTED
            ],
            "position_ms": one.position_ms,
            "last_beat_at": text_of(one.last_beat_at),
            "completed_at": text_of(one.completed_at),
            "done_by": one.done_by,
        }
        for one in found
    ]


def register_own() -> None:
    """Called once by apps.py."""
    register("entries", load=entries_of, schema=ENTRIES)
    register("years", load=years_of, schema=YEARS)
    register("exemptions", load=exemptions_of, schema=EXEMPTIONS)
    register("lessons", load=lessons_of, schema=LESSONS)
