"""Facts that stop a request to the LRS. `status` is the HTTP answer (xAPI 1.0.3, Communication 3.2)."""

from __future__ import annotations


class LrsError(Exception):
    """Base of this room's errors; the message is for a programmer at the other end."""

    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequest(LrsError):
    """A parameter, a header or a body that is not as it must be."""


class StatementInvalid(BadRequest):
    """A statement breaks a rule; `path` says where, e.g. object.definition.name."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path or 'statement'}: {message}")
        self.path = path


class Unauthorized(LrsError):
    """No credential, or one that nobody knows."""

    status = 401


class Forbidden(LrsError):
    """The credential is known and its scopes do not allow this."""

    status = 403


class StatementForbidden(Forbidden):
    """The rule of whoever made the credential does not allow this statement."""


class NotFound(LrsError):
    status = 404


class Conflict(LrsError):
    """A document that must not be overwritten unseen."""

    status = 409


class StatementConflict(Conflict):
    """The id is taken by another statement."""


class PreconditionFailed(LrsError):
    """If-Match or If-None-Match does not hold."""

    status = 412


class BodyTooLarge(LrsError):
    status = 413


class TooManyRequests(LrsError):
    """The client's allowance for this minute is used up; `retry_after_s` says when the next begins."""

    status = 429

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
