"""Who speaks to the LRS: clients by Basic authentication, and other kinds of credentials by a register.

A room beside that hands out credentials of its own (cmi5's fetch tokens) appends a function to
`credential_kinds`: (user name, password) -> Credential | None, where None means «not one of mine».
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["SCOPES", "Credential", "credential_kinds"]

SCOPES = (
    "statements/write",
    "statements/read/mine",
    "statements/read",
    "state",
    "define",
    "profile",
    "all/read",
    "all",
)


@dataclass(frozen=True)
class Credential:
    """What a request may do, as whom. `authority` is the agent written into its statements.

    `agent`, `registration`: when set, statements and documents of no other agent or registration pass.
    `check_statement(statement)`: a further rule of the room that made the credential; raises
    StatementForbidden (403).
    """

    client: Any
    scopes: frozenset[str]
    authority: dict[str, Any]
    agent: dict[str, Any] | None = None
    registration: str | None = None
    check_statement: Callable[[dict[str, Any]], None] | None = field(default=None, compare=False)


credential_kinds: list[Callable[[str, str], Credential | None]] = []
