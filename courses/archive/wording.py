"""What the archive says to people: reasons, states, flags, refusals."""

from typing import Any

from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from courses.archive import completion, spans

__all__ = [
    "CLASS_OPEN",
    "COLOURS",
    "ERRORS",
    "EVIDENCE",
    "FLAGS",
    "REASONS",
    "STATES",
    "UNFINISHED",
    "clock_label",
    "evidence_words",
]

REASONS = {
    spans.NOT_PLAYED: _("Not played yet"),
    spans.NEW_PART: _("New in this lesson, not studied yet"),
    spans.PLAY_ONCE: _("Enough is studied; play this once more and the lesson is completed"),
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
    "COUNTED_ELSEWHERE": _("Another class of this year has counted it already"),
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
    "NOT_RECKONED": _(
        "What you have read is kept, but cannot be reckoned at the moment; nothing is lost. Choose «I have read it» once "
        "more in a few minutes. If it stays like this, tell your branch."
    ),
    "BATCH_TOO_BIG": _(
        "The record of playing is too big to be handed in at once. Hand it in in smaller parts."
    ),
    "ALREADY_ASKED": _("You have asked about this entry before; the answer is still to come."),
    "ALREADY_ANSWERED": _("This request was answered meanwhile. Nothing more was changed."),
    "ALREADY_REVERSED": _("This entry was taken back before. Nothing more was changed."),
    "NOT_ALLOWED": _("This is for somebody else to decide: the member is not within your organisation."),
    "OF_A_CLASS": _(
        "These hours come from a training class of another organisation. Ask its organiser to take the completion "
        "back in the class; then answer this request."
    ),
    "NOT_DONE": _("This could not be done; nothing was changed. Open the page again and look how it stands."),
    "BUSY": _("The archive is busy. Your record is kept on this device and handed in later."),
}


EVIDENCE = {
    "beats": _("Studied on this site: counted second by second while it was played"),
    "correction": _("Entered after a request for correction"),
    "record": _("Taken over from the signed record of another school"),
    "claim": _("Claimed with proof, and approved"),
    "class": _("Training class"),
    "certificate": _("Certificate of a training class"),
    "late": _("Entered late, after the year had been closed"),
    "meeting": _("Meeting record"),
    "exam": _("Exam"),
    "cmi5": _("Completed an interactive course on this site"),
    "import": _("Entered by the organisation from a list"),
}
"""What an entry came from, by `evidence_type`. A room that writes entries of a new kind adds its words here."""


def evidence_words(entry: Any, version: Any) -> tuple[str, list[tuple[str, str]]]:
    """What a ledger entry came from in words, and what was measured: (label, value), only what applies."""
    said = EVIDENCE.get(entry.evidence_type)
    source = str(said) if said else gettext("Entered by the organisation")
    facts = []
    if version is not None:
        facts.append(
            (
                gettext("Lesson"),
                gettext("%(title)s, version %(number)s") % {"title": version.title, "number": version.number},
            )
        )
    if entry.published_duration_s:
        facts.append((gettext("Published length"), clock_label(entry.published_duration_s)))
    if entry.verified_coverage is not None:
        share = f"{entry.verified_coverage * 100:.2f}".rstrip("0").rstrip(".")
        facts.append((gettext("Verified coverage"), f"{share}%"))
    if entry.evidence_id and entry.evidence_type != "beats":
        facts.append((gettext("Number of the evidence"), entry.evidence_id))
    return source, facts


def clock_label(seconds: float) -> str:
    """244 → 04:04, 3725 → 1:02:05."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes:02}:{left:02}"
