"""The export as one JSON document, and the JSON Schema that describes it."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Sum

from courses.archive.exports.sections import DECIMAL, MOMENT, TEXT, UUID, or_null, registered, text_of
from courses.archive.models import StudyHourEntry
from people.models import Member

__all__ = ["FORMAT", "document", "schema"]

FORMAT = "eschool-archive/2"


def document(member: Member, *, now: datetime) -> dict[str, Any]:
    """Everything that is kept of the member's study: who, when made, the total, one key a section."""
    total = StudyHourEntry.objects.of(member).aggregate(sum=Sum("hours"))["sum"] or Decimal(0)
    organization = member.organization
    head = {
        "format": FORMAT,
        "generated_at": text_of(now),
        "school": str(settings.WAGTAIL_SITE_NAME),
        "member": {
            "uuid": str(member.uuid),
            "name": member.name,
            "username": member.username,
            "membership": member.status,
            "organization_code": organization.code if organization else "",
            "organization_name": organization.name if organization else "",
            "joined_on": text_of(member.joined_on),
            "activated_at": text_of(member.activated_at),
        },
        "total_hours": text_of(total),
    }
    return head | {section.name: section.load(member) for section in registered()}


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of `document`, with the sections that are registered now."""
    sections = registered()
    member = {
        "uuid": UUID, "name": TEXT, "username": TEXT, "membership": TEXT, "organization_code": TEXT,
        "organization_name": TEXT, "joined_on": or_null({"type": "string", "format": "date"}),
        "activated_at": or_null(MOMENT),
    }  # fmt: skip
    head: dict[str, Any] = {
        "format": {"const": FORMAT},
        "generated_at": MOMENT,
        "school": TEXT,
        "member": {"type": "object", "properties": member, "required": sorted(member)},
        "total_hours": DECIMAL,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "/archive/schema.json",
        "title": FORMAT,
        "description": "One member's learning archive. Hours are decimals as text, moments are UTC, lengths "
        "are seconds (_s) or milliseconds (_ms). `entries` is a ledger: total_hours is its sum, an entry with "
        "reversal_of takes another one back; chain_seq and link are explained in courses/archive/chain.py.",
        "type": "object",
        "properties": head | {section.name: section.schema for section in sections},
        "required": [*head, *(section.name for section in sections)],
    }


def as_bytes(value: dict[str, Any]) -> bytes:
    """UTF-8, indented for people, with a newline at the end."""
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
