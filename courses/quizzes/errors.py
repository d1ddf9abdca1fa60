"""Facts that stop an exam."""


class QuizError(Exception):
    """Base of this room's errors."""


class PaperNotOpen(QuizError):
    """The paper is not there for this member: unknown, out of use, or for others."""


class PaperIncomplete(QuizError):
    """The bank holds fewer questions of a kind than the paper asks."""

    def __init__(self, kind: str, there: int, wanted: int) -> None:
        super().__init__(f"{there} of {wanted} {kind}")
        self.kind, self.there, self.wanted = kind, there, wanted


class NoAttemptLeft(QuizError):
    """All attempts are used, or the paper is passed: its answers are shown, so it is not taken again."""


class AttemptOver(QuizError):
    """The attempt was submitted, or its time is up; what had been answered until then is graded."""


class BadAnswer(QuizError):
    """An answer to something that was not asked, or one that was not offered."""
