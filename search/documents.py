"""What search knows of the world: one shape of document, and the kinds that upper rooms register.

An upper room calls `register` in its `apps.py ready()`, and `outbox.changed` / `outbox.removed`
in the transaction that changes the thing. Search never imports upwards.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from people.api import scope_of
from people.models import PartyOrganization
from search.errors import KindTaken, KindUnknown

__all__ = [
    "MEMBERS",
    "PUBLIC",
    "Document",
    "Kind",
    "finished_keys",
    "kind_of",
    "kinds",
    "member_token",
    "organization_token",
    "register",
    "register_finished",
    "tokens_of",
]

PUBLIC = "public"
"""Access token of what everybody may see, signed in or not."""

MEMBERS = "members"
"""Access token of what every signed-in account may see."""


@dataclass(frozen=True)
class Document:
    """One thing that can be found.

    `id` is the thing's id within its kind (as text), `title` and `body` plain text without markup,
    `url` where a hit leads. `acl` lists the tokens of which an asker needs one: `PUBLIC`, `MEMBERS`,
    `organization_token(organization)` (its members and all below it), `member_token(member)`;
    an empty list is seen by nobody. `extra` is small JSON data handed back with a hit
    (e.g. {"issuing_body": …, "document_number": …}); what must be found belongs into `body` too.
    `issuing_body` is what results may be narrowed by; `group` joins the parts of one thing.
    """

    id: str
    kind: str
    title: str
    body: str = ""
    url: str = ""
    acl: Sequence[str] = ()
    category: str = ""
    published_on: date | None = None
    duration_s: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    rev: int = 0
    issuing_body: str = ""
    group: str = ""


Load = Callable[[list[str] | None], Iterable[Document]]
"""Given ids (text), the documents of those that exist and may be found now (live); given None, all of them.

An id that is not returned is taken out of the index. The call loads afresh from the database.
"""


@dataclass(frozen=True)
class Kind:
    """One kind of document, e.g. lesson: its name in the addresses, its label on the tab, how to load it."""

    name: str
    label: Any
    load: Load


_kinds: dict[str, Kind] = {}


def register(kind: str, *, label: Any, load: Load) -> None:
    """Make documents of `kind` findable. `label` is a (lazy) translated plural for the tab of results.

    Kinds are shown in the order of registration. Raises KindTaken for a name already registered.
    """
    if kind in _kinds:
        raise KindTaken(kind)
    _kinds[kind] = Kind(kind, label, load)


def kinds() -> list[Kind]:
    """All registered kinds in the order of registration."""
    return list(_kinds.values())


def kind_of(name: str) -> Kind:
    """The registered kind `name`; raises KindUnknown."""
    try:
        return _kinds[name]
    except KeyError:
        raise KindUnknown(name) from None


Finished = Callable[[Any], Iterable[str]]
"""Given a member, the keys (engines.key_of, "lesson:12"; of parts their group's) of what she has finished now."""

_finished: list[Finished] = []


def register_finished(load: Finished) -> None:
    """Let results be narrowed by what a member has finished; a second call with the same `load` changes nothing."""
    if load not in _finished:
        _finished.append(load)


def finished_keys(viewer: Any) -> frozenset[str]:
    """The keys of what `viewer` (Member or AnonymousUser) has finished; none for who is not signed in."""
    if not getattr(viewer, "is_authenticated", False):
        return frozenset()
    return frozenset(key for load in _finished for key in load(viewer))


def organization_token(organization: PartyOrganization) -> str:
    """The access token for members of `organization` and of everything below it.

    By uuid, not by tree path: a new branch with a code in the middle gives its later siblings
    other paths (treebeard node_order_by), and a path kept in an index would then open the
    document to the wrong people. `org:<tree path>` is also accepted in `Document.acl`; it is
    turned into this form in the moment of indexing.
    """
    return f"org:{organization.uuid}"


def member_token(member: Any) -> str:
    """The access token for one person alone; not even administrators have it."""
    return f"member:{member.uuid}"


def tokens_of(viewer: Any) -> frozenset[str]:
    """The access tokens that `viewer` (a Member or AnonymousUser) holds today; at most three queries.

    Everybody holds `PUBLIC`; an active account `MEMBERS`, its own member token, and one for each
    organisation from its own and from those of its scope up to the root. An administrator holds
    `staff`, which every document has that is not purely personal.
    """
    held = {PUBLIC}
    if not getattr(viewer, "is_authenticated", False) or not viewer.is_active:
        return frozenset(held)
    held |= {MEMBERS, member_token(viewer)}
    if viewer.is_superuser:
        held.add("staff")
    own = [viewer.organization.path] if viewer.organization_id else []
    paths = {
        path[:end]
        for path in (*own, *scope_of(viewer).paths)
        for end in range(PartyOrganization.steplen, len(path) + 1, PartyOrganization.steplen)
    }
    if paths:
        found = PartyOrganization.objects.filter(path__in=paths).values_list("uuid", flat=True)
        held |= {f"org:{uuid}" for uuid in found}
    return frozenset(held)
