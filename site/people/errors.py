"""Facts that stop a change in people."""


class PeopleError(Exception):
    """Base of this room's errors."""


class AlreadyActive(PeopleError):
    """The account was activated before."""
