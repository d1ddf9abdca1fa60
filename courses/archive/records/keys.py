"""Keys of schools: ours that signs, ours that once did, and those of others that an administrator trusts.

Ed25519 (RFC 8032) by `cryptography`. In files a key is a JWK (RFC 8037) with its RFC 7638 thumbprint as number:
{"school": {"uuid", "name"}, "keys": [{"kty": "OKP", "crv": "Ed25519", "x", "kid", "since", "until"}]}.
"""

from __future__ import annotations

import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from courses.archive import chain
from courses.archive.records.canonical import canonical, parse
from courses.archive.records.models import SchoolKey
from people.api import record
from people.models import Member

__all__ = [
    "PublicKey",
    "our_keys",
    "own",
    "public_keys",
    "require_trustable",
    "rotate",
    "sign",
    "trust",
    "trusted",
    "valid",
]


@dataclass(frozen=True)
class PublicKey:
    """The public half of a school's key; `x` is base64url. `until`: nothing that was issued later is valid."""

    kid: str
    x: str
    school: uuid.UUID
    school_name: str
    since: datetime
    until: datetime | None = None


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def thumbprint(x: str) -> str:
    """RFC 7638: the SHA-256 of the key's required members, base64url."""
    return _b64(sha256(canonical({"crv": "Ed25519", "kty": "OKP", "x": x})).digest())


# Ours


def own() -> SchoolKey:
    """The key that signs now; the first is made when it is first asked for."""
    mine = SchoolKey.objects.filter(ours=True, until_at=None)
    found = mine.first()
    if found is None:
        try:
            with transaction.atomic():
                found = _make(uuid.uuid4(), str(settings.WAGTAIL_SITE_NAME), timezone.now())
        except IntegrityError:  # another process made it in the same moment
            found = mine.get()
    return found


def _make(school: uuid.UUID, name: str, now: datetime) -> SchoolKey:
    seed = Ed25519PrivateKey.generate()
    x = _b64(seed.public_key().public_bytes_raw())
    return SchoolKey.objects.create(
        kid=thumbprint(x),
        school=school,
        school_name=name,
        public=x,
        seed=_b64(seed.private_bytes_raw()),
        ours=True,
        since_at=now,
    )


@transaction.atomic
def rotate(*, name: str | None = None, actor: Member | None = None, now: datetime | None = None) -> SchoolKey:
    """A new key signs from now on; the old one's private half is destroyed, its public half stays listed."""
    now = now or timezone.now()
    old = SchoolKey.objects.select_for_update().get(pk=own().pk)
    old.until_at, old.seed = now, ""
    old.save(update_fields=["until_at", "seed"])
    fresh = _make(old.school, name or old.school_name, now)
    record(actor, "archive.record_key_rotated", fresh, detail={"old": old.kid, "new": fresh.kid}, at=now)
    return fresh


def sign(key: SchoolKey, said: bytes) -> str:
    """The signature of `said`, base64url."""
    return _b64(Ed25519PrivateKey.from_private_bytes(_bytes(key.seed)).sign(said))


def _public(key: SchoolKey) -> PublicKey:
    return PublicKey(key.kid, key.public, key.school, key.school_name, key.since_at, key.until_at)


def our_keys() -> dict[str, Any]:
    """All public keys that ever were ours, as they stand at /archive/keys.json."""
    current = own()
    mine = SchoolKey.objects.filter(ours=True, school=current.school)
    return {
        "school": {"uuid": str(current.school), "name": current.school_name},
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "use": "sig",
                "kid": one.kid,
                "x": one.public,
                "since": chain.moment(one.since_at),
                "until": chain.moment(one.until_at) if one.until_at else None,
            }
            for one in mine
        ],
    }


# Others'


def public_keys(text: str | bytes) -> list[PublicKey]:
    """The keys in a file as `our_keys` makes it. ValueError when it is none, or a number is not the key's."""
    said = parse(text)
    try:
        school, name = uuid.UUID(said["school"]["uuid"]), said["school"]["name"]
        found = [
            PublicKey(
                kid=one["kid"],
                x=one["x"],
                school=school,
                school_name=name,
                since=datetime.fromisoformat(one["since"]),
                until=datetime.fromisoformat(one["until"]) if one["until"] else None,
            )
            for one in said["keys"]
        ]
        whole = all(len(_bytes(one.x)) == 32 and thumbprint(one.x) == one.kid for one in found)
    except (KeyError, TypeError, AttributeError) as bad:
        raise ValueError("this is no list of keys") from bad
    if not whole or not isinstance(name, str) or not 0 < len(name) <= 120:
        raise ValueError("a key and its number do not belong together")
    return found


def require_trustable(found: Sequence[PublicKey], *, rotate: bool = False) -> None:
    """ValueError for what `trust` refuses: our own school; a key of another school; and, without `rotate`, a school
    that is known already with a new key or under another name."""
    ours = own().school
    for one in found:
        if one.school == ours:
            raise ValueError(f"{one.school} is our own school")
        known = SchoolKey.objects.filter(kid=one.kid).first()
        if known is not None and (known.ours or known.school != one.school):
            raise ValueError(f"the key {one.kid} is known as another's")
        earlier = SchoolKey.objects.filter(school=one.school)
        if rotate or not earlier.exists():
            continue
        if known is None:
            raise ValueError(f"the school {one.school} is known with other keys; ask it, then --rotate")
        if earlier.exclude(school_name=one.school_name).exists():
            raise ValueError(f"the school {one.school} is known under another name; ask it, then --rotate")


@transaction.atomic
def trust(
    found: Sequence[PublicKey], *, rotate: bool = False, actor: Member | None = None
) -> list[SchoolKey]:
    """Take another school's keys for true; those that are known get their end. ValueError as `require_trustable`.

    `rotate`: a school that is known already has a new key or another name, and somebody asked it.
    Whether the file really is of that school, somebody has to make sure by other means, e.g. by telephone.
    """
    require_trustable(found, rotate=rotate)
    kept = []
    for one in found:
        known = SchoolKey.objects.filter(kid=one.kid).first()
        kept.append(
            SchoolKey.objects.update_or_create(
                kid=one.kid,
                defaults={
                    "school": one.school,
                    "school_name": one.school_name,
                    "public": one.x,
                    "since_at": one.since,
                    # What has ended stays ended, whatever an older list says.
                    "until_at": min((at for at in (one.until, known and known.until_at) if at), default=None),
                },
            )[0]
        )
    for one in found:
        SchoolKey.objects.filter(school=one.school).update(school_name=one.school_name)
    record(
        actor,
        "archive.school_trusted",
        kept[-1] if kept else None,
        detail={"keys": [one.kid for one in kept]},
    )
    return kept


def trusted() -> dict[str, PublicKey]:
    """Keys by number: of the schools that we trust, and our own."""
    return {one.kid: _public(one) for one in SchoolKey.objects.all()}


def valid(key: PublicKey, signature: str, said: bytes) -> bool:
    """Whether `signature` (base64url) is this key's over `said`."""
    try:
        Ed25519PublicKey.from_public_bytes(_bytes(key.x)).verify(_bytes(signature), said)
    except (InvalidSignature, ValueError):
        return False
    return True
