"""Facts that stop a change in the cmi5 room; worded in wording.py."""

from __future__ import annotations

from typing import Any

from courses.archive.errors import ArchiveError

__all__ = ["Cmi5Error", "CourseUnknown", "LaunchInvalid", "PackageInvalid", "SessionOver", "WaivedBefore"]


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
