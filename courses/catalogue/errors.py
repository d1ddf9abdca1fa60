"""What can go wrong in the catalogue, named after the fact."""

from typing import Any


class LectureNotPlayable(Exception):
    """A lesson was about to go live although its lecture cannot be played yet; nothing was changed.

    `lesson` is the page as it would have gone live, `reason` a sentence for the editor: why, and what
    to do next.
    """

    def __init__(self, lesson: Any, reason: str) -> None:
        super().__init__(reason)
        self.lesson = lesson
        self.reason = reason
