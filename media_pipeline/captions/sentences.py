"""What we say to an editor about a captions file: why it was refused, what we mended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

__all__ = ["NOTES", "REFUSALS", "CaptionsRefused", "Note"]

REFUSALS = {
    "EMPTY": gettext_noop("The captions file is empty. Please export the captions again."),
    "TOO_BIG": gettext_noop(
        "This file is larger than %(limit)s and hardly captions. Please choose the subtitle file, not the video."
    ),
    "NOT_TEXT": gettext_noop(
        "This file is no text. Please choose captions saved as .srt, .vtt or .ass, not a Word document or a video."
    ),
    "WRONG_ENCODING": gettext_noop(
        "The file cannot be read as %(encoding)s. Please choose another encoding, or save it as UTF-8."
    ),
    "NO_TIMES": gettext_noop(
        "Line %(line)s: there are no times in this file, such as 00:00:01,000 --> 00:00:03,500. "
        "Please export it from the subtitle program as .srt, .vtt or .ass."
    ),
    "NO_WORDS": gettext_noop(
        "The file holds times but no words. Please export the captions again from the subtitle program."
    ),
    "BAD_TIME": gettext_noop(
        "Line %(line)s: the time “%(text)s” cannot be read. Write it like 00:00:01.000 --> 00:00:03.500."
    ),
    "TOO_MANY": gettext_noop(
        "There are more than %(limit)s captions in this file. Please check that it is the right file."
    ),
    "TEXT_TOO_LONG": gettext_noop(
        "The caption at %(at)s has %(length)s characters; at most %(limit)s are possible. Please divide it."
    ),
    "ALL_BEYOND": gettext_noop(
        "All captions begin after the lecture's end (%(end)s). Please check whether they belong to this lecture."
    ),
    "LANGUAGE": gettext_noop("“%(lang)s” is no language code. Please choose a language from the list."),
}
NOTES = {
    "LINE_LEFT_OUT": gettext_noop(
        "Line %(line)s: the time “%(text)s” cannot be read; this caption was left out."
    ),
    "MORE_LEFT_OUT": gettext_noop("%(count)s more captions with unreadable times were left out."),
    "OVERLAPS": gettext_noop("%(count)s captions overlapped the next one; they now end when it begins."),
    "NO_LENGTH": gettext_noop("%(count)s captions ended before they began; they now last a moment."),
    "BEYOND": gettext_noop("%(count)s captions after the lecture's end were left out."),
    "EMPTY_ONES": gettext_noop("%(count)s captions without words were left out."),
    "MERGED": gettext_noop("%(count)s captions at the same time were joined into one of several lines."),
}


@dataclass(frozen=True)
class Note:
    """Something that was mended while reading; `code` is one of NOTES. `str(note)` is the sentence."""

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return _(NOTES[self.code]) % dict(self.values)


class CaptionsRefused(ValueError):
    """These are no captions that we can take; `code` is one of REFUSALS. `str(refused)` is the sentence."""

    def __init__(self, code: str, **values: Any) -> None:
        super().__init__(code)
        self.code = code
        self.values = values

    def __str__(self) -> str:
        return _(REFUSALS[self.code]) % self.values
