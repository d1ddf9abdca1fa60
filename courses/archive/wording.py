"""What the archive says to people: reasons, states, flags, refusals."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from courses.archive import completion, spans

__all__ = ["CLASS_OPEN", "COLOURS", "ERRORS", "FLAGS", "REASONS", "STATES", "UNFINISHED", "clock_label"]

REASONS = {
    spans.NOT_PLAYED: _("Not played yet"),
    spans.TOO_FAST: _("Played faster than %(cap)s×, not counted"),
    spans.SEEK_FORWARD: _("Skipped forward, not counted"),
    spans.BEYOND_FRONTIER: _("Something before it is still missing, not counted"),
    spans.NOT_VISIBLE: _("The page was in the background, not counted"),
    spans.NOT_PRESENT: _("Nobody was there for a while, not counted"),
    spans.GAP: _("The record of playing was interrupted, not counted"),
    spans.OVER_CLOCK: _("Longer than the time that really passed, not counted"),
    spans.OTHER_DEVICE: _("Another device was playing at that time, not counted"),
    spans.TOO_LATE: _("Handed in too late, not counted"),
}

STATES = {
    completion.EXEMPT: _("Exempt"),
    completion.COMPLETED: pgettext_lazy("requirement of the year", "Completed"),
    completion.AT_RISK: pgettext_lazy("requirement of the year", "Behind"),
    completion.IN_PROGRESS: _("Under way"),
    completion.NOT_STARTED: _("Not begun"),
}

UNFINISHED = _("Not completed")

FLAGS = {
    completion.MISSING_CENTRAL_TRAINING: _("Central training still missing"),
    completion.BEHIND_PACE: _("Behind the even pace of the year"),
}

COLOURS = {
    "CENTRAL_OFFLINE": "red",
    "CENTRAL_ONLINE": "green",
    "COLLECTIVE": "gold",
    "SELF_ONLINE": "blue",
}
"""Names of colour tokens of the design, by mode."""

CLASS_OPEN = {
    "NOTHING_HELD": _("No session is entered yet"),
    "NOT_RECORDED": _("Attendance is not recorded yet"),
    "MISSED_TOO_MUCH": _("More missed than the rule allows"),
    "LESSONS_OPEN": _("Required lessons are still open"),
    "EXAM_OPEN": _("The exam is not passed yet"),
}
"""What is still in the way of completing a class (classes/class_rule.py)."""

ERRORS = {
    "TOKEN_INVALID": _("This page is no longer valid. Open the lesson again; what has been counted is kept."),
    "TOKEN_EXPIRED": _(
        "The page has been open too long. Open the lesson again; what has been counted is kept."
    ),
    "NOT_OPEN": _("There is no such lesson."),
    "LEASE_LOST": _("The lesson goes on on another device. To go on here, choose «Continue here»."),
    "SEQ_CONFLICT": _("This record was handed in before with another content. Open the lesson again."),
    "BAD_BEATS": _("The record of playing could not be read."),
    "BUSY": _("The archive is busy. Your record is kept on this device and handed in later."),
}


def clock_label(seconds: float) -> str:
    """244 → 04:04, 3725 → 1:02:05."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes:02}:{left:02}"
