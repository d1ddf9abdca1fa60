"""Reading the answers of a question as an editor writes them: one a line, * before the right ones. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

__all__ = ["Option", "OptionsUnreadable", "parse_options"]

MOST = 8


@dataclass(frozen=True)
class Option:
    text: str
    right: bool


class OptionsUnreadable(ValueError):
    """The lines are no answers; `said` is a sentence for the editor."""

    def __init__(self, said: Any) -> None:
        super().__init__(str(said))
        self.said = said


def parse_options(text: str) -> tuple[Option, ...]:
    """`* 民主集中制` is right, `首长负责制` is not. Two to eight different ones. Raises OptionsUnreadable."""
    options = []
    for line in (one.strip() for one in text.splitlines()):
        if not line:
            continue
        right = line[0] in "*＊"
        said = line[1:].strip() if right else line
        if not said:
            raise OptionsUnreadable(_("A line holds only *, without an answer."))
        options.append(Option(said, right))
    if not 2 <= len(options) <= MOST:
        raise OptionsUnreadable(_("Write two to eight answers, one a line."))
    if len({option.text for option in options}) < len(options):
        raise OptionsUnreadable(_("Two answers are the same."))
    return tuple(options)
