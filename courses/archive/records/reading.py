"""Reading a record: is it one, who signed it, was it changed, whose is it. Needs keys, but no database."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from hmac import compare_digest
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from courses.archive.errors import KeyEnded, RecordUnreadable, SignatureWrong, UnknownKey
from courses.archive.records import keys
from courses.archive.records.canonical import parse
from courses.archive.records.issue import FORMAT, phone_digest, signed_bytes

__all__ = ["MOST_BYTES", "Body", "Entry", "Record", "named_alike", "phone_matches", "read"]

MOST_BYTES = 8 * 1024 * 1024
"""A record of 40 years has about 2 MB."""


class _Part(BaseModel):
    """Exactly these fields: what a later format adds makes another number of the format."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class School(_Part):
    uuid: UUID
    name: str = Field(min_length=1, max_length=120)


class Phone(_Part):
    salt: str = Field(pattern="^[0-9a-f]{32}$")
    digest: str = Field(pattern="^[0-9a-f]{64}$")


class Person(_Part):
    uuid: UUID
    name: str = Field(min_length=1, max_length=64)
    organization: str = Field(max_length=120)
    phone: Phone | None


class Origin(_Part):
    """The school that first recorded an entry, and the entry's number there."""

    school: UUID
    entry: UUID


class Entry(_Part):
    """One line of the ledger; the fields are the ledger's (models.StudyHourEntry)."""

    uuid: UUID
    origin: Origin
    year: int = Field(ge=1921, le=9999)
    mode: Literal["CENTRAL_OFFLINE", "CENTRAL_ONLINE", "COLLECTIVE", "SELF_ONLINE"]
    hours: Annotated[Decimal, Field(max_digits=5, decimal_places=2)]
    title: str = Field(max_length=255)
    provider: str = Field(max_length=200)
    lesson: UUID | None
    lesson_version: int | None
    credit_key: str = Field(max_length=120)
    started_at: datetime | None
    finished_at: datetime
    published_duration_s: int | None = Field(ge=0, le=2**31 - 1)
    verified_coverage: Annotated[Decimal, Field(max_digits=5, decimal_places=4)] | None
    rule_version: str = Field(max_length=80)
    organization_name: str = Field(max_length=120)
    roles: str = Field(max_length=200)
    evidence_type: str = Field(max_length=32)
    reason: str = Field(max_length=300)
    recorded_at: datetime
    chain_seq: int
    link: str = Field(max_length=64)
    reversal_of: UUID | None


class Exempted(_Part):
    year: int
    basis: str


class Chain(_Part):
    entries: int
    link: str


class Body(_Part):
    format: Literal["eschool-record/1"]
    record: UUID
    school: School
    issued_at: datetime
    person: Person
    entries: list[Entry]
    years: list[int]
    exemptions: list[Exempted]
    total_hours: Decimal
    chain: Chain


@dataclass(frozen=True)
class Record:
    """A record that was checked: unchanged since its school signed it."""

    body: Body
    kid: str
    sha256: str

    @property
    def total(self) -> Decimal:
        return self.body.total_hours


def read(content: bytes, known: Mapping[str, keys.PublicKey]) -> Record:
    """Check a file against the keys in `known` (by number). Raises, in this order of looking:

    RecordUnreadable (no record, or too large), UnknownKey, SignatureWrong (changed since it was signed, or signed in
    the name of another school), KeyEnded, RecordUnreadable (signed, but not what the format says).
    """
    if len(content) > MOST_BYTES:
        raise RecordUnreadable("too large")
    try:
        said = parse(content)
        body, signature = said["body"], said["signature"]
        kid, value, school = signature["kid"], signature["value"], body["school"]
        told = (kid, value, school["uuid"], school["name"], body["format"])
        texts = all(isinstance(one, str) and len(one) <= 200 for one in told)
        "".join(map(str, told)).encode()  # half a sign cannot be shown to anybody
    except (ValueError, KeyError, TypeError, RecursionError) as bad:
        raise RecordUnreadable("not a record") from bad
    if not texts or body["format"] != FORMAT or signature.get("alg") != "Ed25519":
        raise RecordUnreadable("another format")
    key = known.get(kid)
    if key is None:
        raise UnknownKey(kid, school["name"])
    try:
        signed = keys.valid(key, value, signed_bytes(body))
    except (
        TypeError,
        ValueError,
        RecursionError,
    ):  # holds something that has no canonical form: it was never signed
        signed = False
    if not signed or str(key.school) != school["uuid"]:
        raise SignatureWrong(school["name"])
    try:
        checked = Body.model_validate(body)
    except ValidationError as bad:
        raise RecordUnreadable(_first(bad)) from bad
    if key.until is not None and checked.issued_at > key.until:
        raise KeyEnded(kid, school["name"])
    _consistent(checked)
    return Record(body=checked, kid=kid, sha256=sha256(content).hexdigest())


def _first(bad: ValidationError) -> str:
    error: Any = bad.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, error['loc']))}: {error['msg']}"


def _consistent(body: Body) -> None:
    """What a signature does not promise: each reversal takes back exactly one entry of the record, the sum is right."""
    seen: dict[UUID, Entry] = {}
    taken_back = set()
    for one in body.entries:
        if one.uuid in seen:
            raise RecordUnreadable(f"the entry {one.uuid} comes twice")
        if (one.started_at is not None and one.started_at.tzinfo is None) or one.finished_at.tzinfo is None:
            raise RecordUnreadable(f"the entry {one.uuid} has a moment without time zone")
        if one.reversal_of is not None:
            back = seen.get(one.reversal_of)
            if back is None or back.uuid in taken_back or back.reversal_of or one.hours != -back.hours:
                raise RecordUnreadable(f"the entry {one.uuid} takes back what is not there")
            taken_back.add(one.reversal_of)
        elif one.hours <= 0:
            raise RecordUnreadable(f"the entry {one.uuid} has no hours")
        seen[one.uuid] = one
    if sum((one.hours for one in body.entries), Decimal(0)) != body.total_hours:
        raise RecordUnreadable("the hours do not add up to the total")


# Whose it is


def named_alike(one: str, other: str) -> bool:
    """The same name, whatever width its signs have, however the dot in it is written, blanks aside."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    for dot in "•・‧∙.":
        name = name.replace(dot, "·")
    return "".join(unicodedata.normalize("NFKC", name).split())


def phone_matches(record: Record, phone: str) -> bool:
    """Whether this is the number that the issuing school knew; False when it knew none."""
    kept = record.body.person.phone
    return bool(kept and phone) and compare_digest(phone_digest(phone, kept.salt), kept.digest)
