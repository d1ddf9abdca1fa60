"""Facts that stop a report."""


class ReportError(Exception):
    """Base of this room's errors."""


class OutOfScope(ReportError):
    """The organisation or member lies outside the asker's part of the tree. Views answer as for an absence."""


class PurposeMissing(ReportError):
    """An export needs to say what for."""


class IndicatorNotAllowed(ReportError):
    """This figure must not be used to judge people or branches (domain.md §8.3).

    《政务移动互联网应用程序规范化管理办法》: no installing, log-in, online-time or ranking figures as appraisal.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
