"""Making an export and writing down that it was made; the member sees the list."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from courses.archive.exports import document
from courses.archive.exports.models import ArchiveExport, ExportKind
from courses.archive.exports.sheet import sheet
from courses.archive.models import StudyHourEntry
from courses.archive.records import issue
from people.api import record
from people.models import Member

__all__ = ["Made", "make", "of", "schema_text"]


@dataclass(frozen=True)
class Made:
    """A file to hand over."""

    content: bytes
    filename: str
    content_type: str
    logged: ArchiveExport


def _json(member: Member, now: datetime) -> bytes:
    return document.as_bytes(document.document(member, now=now))


def _record(member: Member, now: datetime) -> bytes:
    return issue.issue(member, now=now)


_MAKERS: dict[str, tuple[Callable[[Member, datetime], bytes], str, str]] = {
    ExportKind.JSON: (_json, "json", "application/json"),
    ExportKind.PDF: (sheet, "pdf", "application/pdf"),
    ExportKind.RECORD: (_record, "record.json", "application/json"),
}


@transaction.atomic
def make(
    member: Member, kind: str, *, actor: Member | None = None, source: str = "", now: datetime | None = None
) -> Made:
    """Make a file of the member's archive and log it: nothing leaves without its line.

    `actor` None is the member herself. Who may ask is the caller's business; today it is only the member.
    """
    now = now or timezone.now()
    build, ending, content_type = _MAKERS[kind]
    content = build(member, now)
    logged = ArchiveExport.objects.create(
        member=member,
        actor=actor or member,
        kind=kind,
        made_at=now,
        entries=StudyHourEntry.objects.of(member).count(),
        size_bytes=len(content),
        sha256=sha256(content).hexdigest(),
    )
    detail = {"kind": str(kind), "sha256": logged.sha256, "member": str(member.uuid)}
    record(actor or member, "archive.exported", logged, detail=detail, source=source, at=now)
    day = timezone.localdate(now)
    name = _("Learning archive")
    return Made(content, f"{name}_{member.name}_{day:%Y%m%d}.{ending}", content_type, logged)


def of(member: Member) -> QuerySet[ArchiveExport]:
    """Exports of the member's archive, latest first."""
    return ArchiveExport.objects.filter(member=member).select_related("actor")


def schema_text() -> str:
    return json.dumps(document.schema(), ensure_ascii=False, indent=1)
