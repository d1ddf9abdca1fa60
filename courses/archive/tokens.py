"""Play tokens: leave to send beats for one lesson version in one session, signed, for some hours.

A token stands for the member, so that a beat needs no session of the site. It does not stand for
the right to see the lesson: that is looked up with each batch.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core import signing

from courses.archive.errors import TokenExpired, TokenInvalid

__all__ = ["Claims", "issue", "new_session", "read"]

SALT = "courses.archive.play"


@dataclass(frozen=True)
class Claims:
    """What a token says. `issued_at` is our own clock: nothing of this session can be older."""

    member_id: int
    version_id: int
    session: uuid.UUID
    issued_at: datetime

    @property
    def expires_at(self) -> datetime:
        """Until then beats may happen; what happened before may be handed in for BEAT_MAX_AGE_S longer."""
        return self.issued_at + timedelta(seconds=settings.STUDY["PLAY_TOKEN_TTL_S"])


def new_session(now: datetime) -> uuid.UUID:
    """A session number that begins with its start (UUID version 7, RFC 9562 §5.7): later ones sort later."""
    milliseconds = int(now.timestamp() * 1000)
    number = (milliseconds << 80) | (0x7 << 76) | (secrets.randbits(12) << 64)
    return uuid.UUID(int=number | (0b10 << 62) | secrets.randbits(62))


def issue(member_id: int, version_id: int, *, now: datetime) -> tuple[str, Claims]:
    """A new token in a new session."""
    issued_ms = int(now.timestamp() * 1000)
    claims = Claims(member_id, version_id, new_session(now), datetime.fromtimestamp(issued_ms / 1000, UTC))
    said = {"m": member_id, "v": version_id, "s": claims.session.hex, "i": issued_ms}
    return _signer().sign_object(said), claims


def read(token: object, *, now: datetime) -> Claims:
    """What `token` says. Raises TokenInvalid; TokenExpired when not even late beats may come with it."""
    try:
        said = _signer().unsign_object(token if isinstance(token, str) else "")
        claims = Claims(
            int(said["m"]),
            int(said["v"]),
            uuid.UUID(said["s"]),
            datetime.fromtimestamp(said["i"] / 1000, UTC),
        )
    except (signing.BadSignature, ValueError, KeyError, TypeError) as bad:
        raise TokenInvalid() from bad
    if now > claims.expires_at + timedelta(seconds=settings.STUDY["BEAT_MAX_AGE_S"]):
        raise TokenExpired()
    return claims


def _signer() -> signing.Signer:
    return signing.Signer(key=settings.STUDY["PLAY_TOKEN_KEY"], salt=SALT)
