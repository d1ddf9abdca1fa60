"""Facts that stop a change in people."""


class PeopleError(Exception):
    """Base of this room's errors."""


class AlreadyActive(PeopleError):
    """The account was activated before."""


class NotActivated(PeopleError):
    """The account was never activated, so that there is no password to replace."""


class OrganizationInUse(PeopleError):
    """The organisation still has members, posts or organisations below it."""

    def __init__(self, *, members: int, posts: int, below: int) -> None:
        super().__init__(f"{members} members, {posts} posts, {below} organisations below")
        self.members, self.posts, self.below = members, posts, below


class OrganizationBelowItself(PeopleError):
    """An organisation cannot be moved below itself."""


class PostAlreadyHeld(PeopleError):
    """The member holds this post in this organisation already."""
