"""What may be done with the archive: the door for the rooms above.

Verbs live in closing/ (closed years), claims/ (study elsewhere), playing.py
(leave to play, beats, lease), progress.py (how far), ledger.py (hours),
exemptions/, standing.py (the year), seals.py and verification.py (that nobody changed the ledger);
what they answer in answers.py.
"""

from courses.archive.answers import (
    ChangedItem,
    ContinueItem,
    DueItem,
    Gap,
    LessonProgress,
    ModeHours,
    Play,
    Progress,
    Receipt,
    Span,
    Verification,
    YearStanding,
)
from courses.archive.chain import Finding
from courses.archive.claims.api import (
    approve_claim,
    claims_waiting,
    file_again,
    file_claim,
    return_claim,
    withdraw_claim,
)
from courses.archive.closing.api import close_year, closes_over, reopen_year
from courses.archive.exemptions.api import end_exemption, grant_exemption, revoke_exemption
from courses.archive.exports.sections import register as register_export_section
from courses.archive.folding import catch_up, rebuild_state
from courses.archive.ledger import (
    add_entry,
    entries,
    open_archive,
    open_years,
    reverse_entry,
    years_of,
)
from courses.archive.playing import complete_reading, play, record_beats, study_state, take_lease
from courses.archive.progress import changed_items, continue_item, due_items, lesson_progress, progress_of
from courses.archive.seals import seal
from courses.archive.standing import standings, year_standing
from courses.archive.verification import verify

__all__ = [
    "ChangedItem",
    "ContinueItem",
    "DueItem",
    "Finding",
    "Gap",
    "LessonProgress",
    "ModeHours",
    "Play",
    "Progress",
    "Receipt",
    "Span",
    "Verification",
    "YearStanding",
    "add_entry",
    "approve_claim",
    "catch_up",
    "changed_items",
    "claims_waiting",
    "close_year",
    "closes_over",
    "complete_reading",
    "continue_item",
    "due_items",
    "end_exemption",
    "entries",
    "file_again",
    "file_claim",
    "grant_exemption",
    "lesson_progress",
    "open_archive",
    "open_years",
    "play",
    "progress_of",
    "rebuild_state",
    "record_beats",
    "register_export_section",
    "reopen_year",
    "return_claim",
    "reverse_entry",
    "revoke_exemption",
    "seal",
    "standings",
    "study_state",
    "take_lease",
    "verify",
    "withdraw_claim",
    "year_standing",
    "years_of",
]
