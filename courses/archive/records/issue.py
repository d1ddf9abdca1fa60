"""Making a signed record: one member's ledger as of now, in one file."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime
from decimal import Decimal
from hashlib import scrypt
from typing import Any

from django.utils import timezone

from courses.archive.exports.sections import text_of
from courses.archive.models import ArchiveYear, Exemption, LearningArchive, StudyHourEntry
from courses.archive.records import keys
from courses.archive.records.canonical import canonical
from courses.catalogue.models import Lesson
from people.models import Member

__all__ = ["FORMAT", "SOURCE", "issue", "phone_digest", "signed_bytes"]

FORMAT = "eschool-record/1"
SOURCE = "school:"
"""Before a school's uuid in `source_system` of entries that came by a record."""
COPIED = (
    "year", "mode", "hours", "title", "provider", "credit_key", "started_at", "finished_at", "published_duration_s",
    "verified_coverage", "rule_version", "organization_name", "roles", "evidence_type", "reason", "recorded_at",
    "chain_seq", "link",
)  # fmt: skip


def phone_digest(phone: str, salt: str) -> str:
    """64 hex digits. Numbers are few, so the digest is made slow (scrypt, 16 MB, about 50 ms each)."""
    return scrypt(phone.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1, dklen=32).hex()


def signed_bytes(body: dict[str, Any]) -> bytes:
    """What the signature is over: the format's name, a line break, the canonical body."""
    return f"{FORMAT}\n".encode() + canonical(body)


def issue(member: Member, *, now: datetime) -> bytes:
    """The member's whole ledger as a record of this school, signed; canonical JSON."""
    key = keys.own()
    salt = secrets.token_hex(16)
    entries = list(
        StudyHourEntry.objects.of(member)
        .select_related("reversal_of", "lesson_version__lesson")
        .order_by("chain_seq")
    )
    lessons = _lesson_keys(entries)
    end = LearningArchive.objects.filter(member=member).values_list("chain_seq", "chain_link").first()
    exemptions = Exemption.objects.standing().filter(member=member).order_by("year")
    body = {
        "format": FORMAT,
        "record": str(uuid.uuid4()),
        "school": {"uuid": str(key.school), "name": key.school_name},
        "issued_at": text_of(now),
        "person": {
            "uuid": str(member.uuid),
            "name": member.name,
            "organization": member.organization.name if member.organization else "",
            "phone": {"salt": salt, "digest": phone_digest(member.phone, salt)} if member.phone else None,
        },
        "entries": [_entry(one, lessons, str(key.school)) for one in entries],
        "years": list(
            ArchiveYear.objects.filter(member=member).order_by("year").values_list("year", flat=True)
        ),
        # The reason tells of health: it stays here.
        "exemptions": [
            {"year": year, "basis": one.basis}
            for one in exemptions
            for year in one.years(last=timezone.localtime(now).year)
        ],
        "total_hours": text_of(sum((one.hours for one in entries), Decimal("0.00"))),
        "chain": {"entries": end[0] if end else 0, "link": end[1] if end else ""},
    }
    signature = {"alg": "Ed25519", "kid": key.kid, "value": keys.sign(key, signed_bytes(body))}
    return canonical({"body": body, "signature": signature})


def _entry(entry: StudyHourEntry, lessons: dict[str, str], school: str) -> dict[str, Any]:
    came_by_record = entry.source_system.startswith(SOURCE)
    version = entry.lesson_version
    return {name: text_of(getattr(entry, name)) for name in COPIED} | {
        "uuid": str(entry.uuid),
        "origin": {
            "school": entry.source_system.removeprefix(SOURCE) if came_by_record else school,
            "entry": entry.evidence_id if came_by_record else str(entry.uuid),
        },
        "lesson": str(version.lesson.translation_key) if version else lessons.get(entry.credit_key),
        "lesson_version": version.number if version else None,
        "reversal_of": str(entry.reversal_of.uuid) if entry.reversal_of else None,
    }


def _lesson_keys(entries: list[StudyHourEntry]) -> dict[str, str]:
    """Credit key → the lesson's number in all schools, for entries without a version of ours (came by record)."""
    found = {}
    ids = {}
    for one in entries:
        name, _colon, rest = one.credit_key.partition(":")
        if name == "lesson-key":
            found[one.credit_key] = rest
        elif name == "lesson" and rest.isdecimal() and one.lesson_version_id is None:
            ids[int(rest)] = one.credit_key
    for pk, number in Lesson.objects.filter(pk__in=ids).values_list("pk", "translation_key"):
        found[ids[pk]] = str(number)
    return found
