"""Whose a token is, and whether it still counts: a stolen address dies with the password or the account."""

import hashlib
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet, Subquery
from django.utils.crypto import constant_time_compare

from media_pipeline.models import Asset
from media_pipeline.tokens import NEVER, NOBODY, Grant

__all__ = ["epoch_of", "holder_of", "still_counts", "with_password_of"]


def holder_of(member: Any) -> str:
    """How a token names `member`: the uuid in hex, or NOBODY for somebody who is not signed in."""
    return member.uuid.hex if getattr(member, "uuid", None) else NOBODY


def epoch_of(member: Any) -> str:
    """Eight hex digits that change when sessions of `member` end too: with the password (Django's session digest)."""
    if not getattr(member, "uuid", None):
        return NEVER
    return hashlib.sha256(member.get_session_auth_hash().encode()).hexdigest()[:8]


def with_password_of(assets: "QuerySet[Asset]", grant: Grant) -> "QuerySet[Asset]":
    """`assets` with `holder_password`, that of the grant's member if she may sign in, in the same query."""
    active = get_user_model()._default_manager.filter(uuid=_uuid(grant.member), is_active=True)
    return assets.annotate(holder_password=Subquery(active.values("password")[:1]))


def still_counts(grant: Grant, password: str | None) -> bool:
    """Whether the grant's member may still sign in with the password (as stored) that she had when it was signed."""
    if grant.member == NOBODY:
        return True
    if password is None:
        return False
    today = get_user_model()(password=password)
    today_epoch = hashlib.sha256(today.get_session_auth_hash().encode()).hexdigest()[:8]
    return constant_time_compare(today_epoch, grant.epoch)


def _uuid(member: str) -> str:
    """A uuid to look for; nobody's for NOBODY."""
    return member if len(member) == 32 else "0" * 32
