"""Who speaks to the LRS: clients by Basic authentication, and other kinds of credentials by a register.

A room beside that hands out credentials of its own (cmi5's fetch tokens) appends a function to
`credential_kinds`: (user name, password) -> Credential | None, where None means «not one of mine».
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from courses.archive.xapi.accounts import home_page
from courses.archive.xapi.errors import Forbidden, TooManyRequests, Unauthorized
from courses.archive.xapi.models import LrsClient
from people.encryption import digest

__all__ = [
    "RESERVED",
    "SCOPES",
    "Credential",
    "add_client",
    "authenticate",
    "credential_kinds",
    "credential_of",
    "flush_counts",
    "new_secret",
    "note_read_of_others",
]

SCOPES = (
    "statements/write",
    "statements/read/mine",
    "statements/read",
    "state",
    "define",
    "profile",
    "study",
    "cmi5",
    "cmi5/all",
    "all/read",
    "all",
)
"""xAPI 1.0.3, Communication 4.2. `all/read` reads everything, `all` may do everything.
Ours are `study` (what it reports of our lessons being played counts as study: outside.py), `cmi5` (by /api/cmi5/:
import cmi5 courses, launch its own imports) and `cmi5/all` (launch everybody's)."""

RESERVED = frozenset({"own-player", "cmi5"})
"""User names of clients that are the school itself; nobody signs in as one."""

FLUSH_EVERY_S = 10


@dataclass(frozen=True)
class Credential:
    """What a request may do, as whom. `authority` is the agent written into its statements.

    `agent`, `registration`: when set, statements and documents of no other agent or registration pass,
    in either direction.
    `check_statement(statement)`: a further rule of the room that made the credential; raises
    StatementForbidden (403).
    """

    client: Any
    scopes: frozenset[str]
    authority: dict[str, Any]
    agent: dict[str, Any] | None = None
    registration: str | None = None
    check_statement: Callable[[dict[str, Any]], None] | None = field(default=None, compare=False)

    def allows(self, *scopes: str) -> bool:
        """Whether one of `scopes` is held; `all` stands for each of them."""
        return "all" in self.scopes or any(one in self.scopes for one in scopes)

    def demand(self, *scopes: str) -> None:
        """Raises Forbidden unless one of `scopes` is held."""
        if not self.allows(*scopes):
            raise Forbidden(f"this needs the scope {' or '.join(scopes)}")


credential_kinds: list[Callable[[str, str], Credential | None]] = []


def authenticate(header: str, *, now: datetime) -> Credential:
    """The credential of an Authorization header.

    Raises Unauthorized, or TooManyRequests when the client's allowance for this minute is used up
    (counted in each server process by itself).
    """
    name, password = _basic(header)
    for kind in credential_kinds:
        found = kind(name, password)
        if found is not None:
            return found
    client = LrsClient.objects.filter(key=name, active=True).first()
    said = _digest(name, password)
    if client is None or not hmac.compare_digest(client.secret_digest, said):
        raise Unauthorized("the user name or the password is not known")
    _counts.add(client, now)
    return credential_of(client)


def credential_of(client: LrsClient) -> Credential:
    """The client's own credential, with the scopes that it holds."""
    return Credential(client, frozenset(client.scopes.split()), authority_of(client))


def authority_of(client: LrsClient) -> dict[str, Any]:
    """The agent that stands as authority in the client's statements."""
    return {
        "objectType": "Agent",
        "name": client.name,
        "account": {"homePage": home_page(), "name": f"lrs-client:{client.key}"},
    }


def add_client(
    name: str, *, scopes: str, requests_per_minute: int | None = None, key: str = "", secret: str = ""
) -> tuple[LrsClient, str]:
    """Add a client; answers it and its secret, which is kept nowhere. Raises ValueError on unknown
    scopes and on a user name that is RESERVED."""
    unknown = set(scopes.split()) - set(SCOPES)
    if unknown or not scopes.split():
        raise ValueError(f"not a scope: {' '.join(sorted(unknown)) or 'none given'}")
    if key in RESERVED:
        raise ValueError(f"a user name of the school itself: {key}")
    client = LrsClient(name=name, scopes=" ".join(scopes.split()), key=key)
    if requests_per_minute:
        client.requests_per_minute = requests_per_minute
    secret = new_secret(client, secret)
    client.save()
    return client, secret


def new_secret(client: LrsClient, secret: str = "") -> str:
    """Give `client` a new secret (and a user name, if it has none) without saving it; answers the secret."""
    client.key = client.key or secrets.token_hex(8)
    secret = secret or secrets.token_urlsafe(32)
    client.secret_digest = _digest(client.key, secret)
    return secret


def note_read_of_others(client: LrsClient) -> None:
    """Count that `client` was answered statements that are not its own. Only the number is kept."""
    _counts.note_read(client)


def flush_counts(*, now: datetime | None = None) -> None:
    """Write what this process has counted to the clients' rows."""
    _counts.flush(now or timezone.now())


def _digest(key: str, secret: str) -> str:
    return digest(f"lrs-client\n{key}\n{secret}")


def _basic(header: str) -> tuple[str, str]:
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "basic":
        raise Unauthorized("Basic authentication is needed")
    try:
        name, colon, password = base64.b64decode(rest.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError) as bad:
        raise Unauthorized("the Authorization header cannot be read") from bad
    if not colon or "\0" in name:
        raise Unauthorized("the Authorization header cannot be read")
    return name, password


class _Counts:
    """Requests of this process: the allowance of the running minute, and what is not yet in the rows."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.minute: dict[int, tuple[int, int]] = {}
        self.waiting: dict[int, list[int]] = {}
        self.flush_at = 0.0

    def add(self, client: LrsClient, now: datetime) -> None:
        this_minute = int(now.timestamp() // 60)
        with self.lock:
            minute, used = self.minute.get(client.pk, (this_minute, 0))
            used = used + 1 if minute == this_minute else 1
            self.minute[client.pk] = (this_minute, used)
            self.waiting.setdefault(client.pk, [0, 0])[0] += 1
            due = time.monotonic() >= self.flush_at
            if due:
                self.flush_at = time.monotonic() + FLUSH_EVERY_S
        if due:
            self.flush(now)
        if used > client.requests_per_minute:
            wait = timedelta(minutes=1) * (this_minute + 1) - timedelta(seconds=now.timestamp())
            raise TooManyRequests("too many requests in this minute", max(1, int(wait.total_seconds())))

    def note_read(self, client: LrsClient) -> None:
        with self.lock:
            self.waiting.setdefault(client.pk, [0, 0])[1] += 1

    def flush(self, now: datetime) -> None:
        with self.lock:
            waiting, self.waiting = self.waiting, {}
        for pk, (requests, reads) in waiting.items():
            LrsClient.objects.filter(pk=pk).update(
                requests=F("requests") + requests,
                reads_of_others=F("reads_of_others") + reads,
                last_used_at=now,
            )


_counts = _Counts()
