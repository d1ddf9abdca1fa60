"""Facts that stop the pipeline; whoever shows them to a person words them by `verdicts.py`."""

from typing import Any


class MediaError(Exception):
    """Base of this room's errors."""


class UploadRefused(MediaError):
    """The upload must not begin; `code` is one of verdicts.REFUSALS, `values` fill its sentence."""

    def __init__(self, code: str, **values: Any) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


class UploadBusy(MediaError):
    """Another request is writing to this upload right now."""


class OffsetMismatch(MediaError):
    """The piece does not begin where the file ends; `expected` is where it ends."""

    def __init__(self, expected: int) -> None:
        super().__init__(f"expected offset {expected}")
        self.expected = expected


class UploadBrokenOff(MediaError):
    """The connection ended before the piece did; what had arrived is kept (`offset` bytes in all)."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"broken off at {offset}")
        self.offset = offset


class ChecksumMismatch(MediaError):
    """A piece did not arrive as it was sent; nothing of it was kept."""


class AssetRefused(MediaError):
    """The file is not a lecture that we can make playable: final. `code` as in verdicts.REFUSALS."""

    def __init__(self, code: str, **values: Any) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


class StageFailed(MediaError):
    """A stage cannot succeed however often it is tried: final. `code` as in verdicts.FAILURES."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class StageInterrupted(MediaError):
    """A stage was killed or ran out of memory or time: worth another attempt.

    `from_outside`: killed far below its own limits (an operator, the machine's want of memory), so
    it says nothing about the file.
    """

    from_outside = False


class DiskFull(MediaError):
    """No room on the disk: the job waits, its attempts are not counted."""


class LeaseLost(MediaError):
    """Somebody else has taken this job over: stop at once, change nothing."""


class EngineMissing(MediaError):
    """A program (ffmpeg, ffprobe, packager) is nowhere to be found."""


class NotPlayable(MediaError):
    """The asset has no published media set."""


class TokenInvalid(MediaError):
    """The address was not signed by us, or for something else."""


class TokenExpired(MediaError):
    """The address was ours, but its time is over."""


class BoxesUnsound(MediaError):
    """The boxes of an MP4 do not add up (ISO/IEC 14496-12 §4.2), or are not those of one picture track."""


class CaptionsChanged(MediaError):
    """Somebody else has changed these captions since revision that was named; theirs stay, nothing was written.

    `revision` is what stands now (0: they were removed), `by` whose it is, `at` since when.
    """

    def __init__(self, revision: int, by: str = "", at: Any = None) -> None:
        super().__init__(f"captions are at revision {revision}")
        self.revision = revision
        self.by = by
        self.at = at


class RecogniserMissing(MediaError):
    """Speech cannot be turned into text here; `reason` says what is missing and what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ChaptersUnusable(MediaError):
    """Chapters that cannot be kept: `code` NO_TITLE, TITLE_TOO_LONG, OUTSIDE, TOGETHER or TOO_MANY."""

    def __init__(self, code: str, **values: Any) -> None:
        super().__init__(code)
        self.code = code
        self.values = values
