"""The sentences for an editor: why a file was refused or failed, and what to bring instead."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

__all__ = ["FAILURES", "REFUSALS", "sentence"]

REFUSALS = {
    "EMPTY": gettext_noop("The file is empty (0 bytes). Please check the recording and upload it again."),
    "NOT_MEDIA": gettext_noop(
        "There is neither picture nor sound in this file; it looks like a document with another ending. "
        "Please upload a recorded video (mp4, mov, mkv, avi, ts, flv, wmv). The file was not kept."
    ),
    "DAMAGED": gettext_noop(
        "The file begins like a video but is not complete; the recording or the copy was probably cut short. "
        "Please export or copy it again and check that it plays. The file was not kept."
    ),
    "NO_STREAMS": gettext_noop(
        "The file can be opened but holds neither picture nor sound. "
        "Please export the recording again. The file was not kept."
    ),
    "NO_PICTURE": gettext_noop(
        "This video has sound but no picture; the picture was probably not recorded. Please export it again. "
        "If it is meant as a sound recording, upload it as mp3 or m4a. The file was not kept."
    ),
    "TYPE": gettext_noop(
        "A file ending in %(suffix)s is no video. Please export slides and documents as a video (mp4), or attach "
        "them to the lesson as an attachment."
    ),
    "TOO_LONG": gettext_noop(
        "The lecture is longer than %(hours)s hours. Please cut it into several lessons. The file was not kept."
    ),
    "TOO_SHORT": gettext_noop(
        "The lecture is shorter than one second. Please check the recording. The file was not kept."
    ),
    "TOO_LARGE": gettext_noop(
        "The picture of %(width)s×%(height)s is larger than we can process (at most 8192×4320). "
        "Please export it smaller. The file was not kept."
    ),
    "TOO_SMALL": gettext_noop(
        "The picture of %(width)s×%(height)s is too small to be read. Please export it larger. "
        "The file was not kept."
    ),
    "UNDECODABLE": gettext_noop(
        "The picture or sound is stored in a way that we cannot read (%(codec)s). "
        "Please export it as H.264 in mp4. The file was not kept."
    ),
    "NO_DECODER": gettext_noop(
        "The picture is stored as %(codec)s, which this server cannot read yet. Please export it as H.264 in mp4, "
        "or ask the administrator to install the second engine (imageio-ffmpeg). The file was not kept."
    ),
    "HOLLOW": gettext_noop(
        "The file says that it lasts %(minutes)s minutes but holds next to nothing. "
        "Please export the recording again and check that it plays. The file was not kept."
    ),
    "HOSTILE": gettext_noop(
        "The check was stopped because the file asked for far more time or memory than a lecture does. "
        "Please export it again as mp4. The file was not kept."
    ),
    "TOO_BIG": gettext_noop(
        "The file of %(size)s is larger than the limit of %(limit)s. Please export it with a lower bit rate "
        "or cut it into several lessons."
    ),
    "QUOTA": gettext_noop(
        "The space for lectures is used up (%(limit)s). Please ask the administrator to make room."
    ),
    "NO_ROOM": gettext_noop(
        "There is not enough room on the server's disk. Please ask the administrator to make room; "
        "your file stays where it is."
    ),
    "ABANDONED": gettext_noop(
        "The upload was broken off and not taken up again for seven days. Please upload the file again."
    ),
    "CANCELLED": gettext_noop("The upload was cancelled. Nothing was kept."),
}
"""Reasons for REFUSED. The values in the sentence come from Asset.refusal_values."""

FAILURES = {
    "ENCODE_FAILED": gettext_noop(
        "Transcoding stopped at a place in the file that cannot be read. The file is kept; try again, "
        "or export the recording once more and upload it anew."
    ),
    "PACKAGE_UNSOUND": gettext_noop(
        "The finished versions did not pass the check and were not published. The file is kept; try again."
    ),
    "KEEPS_DYING": gettext_noop(
        "Transcoding was interrupted %(attempts)s times in a row, perhaps for want of memory. The file is kept; "
        "please tell the administrator and try again."
    ),
    "OVERDUE": gettext_noop(
        "Processing did not come to an end in many times the expected time and was stopped. The file is kept; "
        "please tell the administrator and try again."
    ),
    "CANCELLED_WORK": gettext_noop(
        "Processing was cancelled. What has been made so far is kept; try again to go on from there."
    ),
    "SOURCE_MISSING": gettext_noop("The uploaded file is no longer on the server. Please upload it again."),
    "INTERNAL": gettext_noop(
        "Something unexpected happened while the lecture was processed. The file is kept; "
        "please tell the administrator and try again."
    ),
}
"""Reasons for FAILED."""


def sentence(code: str, values: Mapping[str, Any] | None = None) -> str:
    """The sentence for `code` in the reader's language; "" for an empty code."""
    if not code:
        return ""
    text = REFUSALS.get(code) or FAILURES.get(code) or FAILURES["INTERNAL"]
    translated = _(text)
    try:
        return translated % dict(values or {})
    except KeyError:
        return translated
