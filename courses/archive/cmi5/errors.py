"""Facts that stop a change in the cmi5 room; worded in wording.py."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from courses.archive.errors import ArchiveError

__all__ = [
    "Cmi5Error", "CourseUnknown", "LaunchInvalid", "NoRoom", "PackageInvalid", "SessionOver", "WaivedBefore",
    "no_room_when_full",
]  # fmt: skip


class Cmi5Error(ArchiveError):
    """Base: a `code`, values for the words, and the number of the requirement that was broken, where one was.

    The numbers are those of ADL's list of cmi5 requirements, e.g. 13.1.4.0-1.
    """

    code = "CMI5_ERROR"
    status = 400
    requirement = ""

    def __init__(self, code: str = "", requirement: str = "", **values: Any) -> None:
        self.code = code or type(self).code
        self.requirement = requirement
        self.values = values
        super().__init__(f"{self.code} {values or ''}".strip())


class PackageInvalid(Cmi5Error):
    """The package or its cmi5.xml breaks a rule; nothing of it was kept."""

    code = "PACKAGE_INVALID"


class NoRoom(Cmi5Error):
    """The disk is full; nothing of the package was kept."""

    code, status, retryable = "NO_ROOM", 507, True


class CourseUnknown(Cmi5Error):
    """No such course, AU, registration or session for whoever asks."""

    code, status = "CMI5_UNKNOWN", 404


class LaunchInvalid(Cmi5Error):
    """The launch was asked for with something that cannot be."""

    code, status = "LAUNCH_INVALID", 400


class WaivedBefore(Cmi5Error):
    """The AU was waived in this registration before; a second statement must not be made (cmi5 §9.3.7)."""

    code, status = "WAIVED_BEFORE", 409


class SessionOver(Cmi5Error):
    """The session ended before: terminated, abandoned, or too old."""

    code, status = "SESSION_OVER", 409


@contextmanager
def no_room_when_full() -> Iterator[None]:
    """Turns the system's word for a full disk into NoRoom."""
    try:
        yield
    except OSError as failed:
        if failed.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoRoom() from failed
        raise
