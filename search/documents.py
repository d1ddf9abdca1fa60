"""What search knows of the world: one shape of document, and the kinds that upper rooms register.

An upper room calls `register` in its `apps.py ready()`, and `outbox.changed` / `outbox.removed`
in the transaction that changes the thing. Search never imports upwards.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from people.api import scope_of
from people.models import PartyOrganization
from search.errors import KindTaken, KindUnknown

__all__ = [
    "CAPTIONS",
    "MEMBERS",
    "PUBLIC",
    "Document",
    "Kind",
    "finished_keys",
    "is_in_parts",
    "kind_of",
    "kinds",
    "member_token",
    "organization_token",
    "register",
    "register_finished",
    "scope_token",
    "tokens_of",
    "whole",
]

PUBLIC = "public"
"""Access token of what everybody may see, signed in or not."""

MEMBERS = "members"
"""Access token of what every signed-in account may see."""

CAPTIONS = "cue"
"""The kind of stretches of captions, on the site and in foreign indexes."""


@dataclass(frozen=True)
class Document:
    """One thing that can be found.

    `id` is the thing's id within its kind (as text), `title` and `body` plain text without markup,
    `url` where a hit leads. `acl` lists the tokens of which an asker needs one: `PUBLIC`, `MEMBERS`,
    `organization_token(organization)` (its members and all below it), `scope_token(organization)` (its
    organisers), `member_token(member)`; an empty list is seen by nobody. `extra` is small JSON data handed back with a hit
    (e.g. {"issuing_body": …, "document_number": …}); what must be found belongs into `body` too.
    `issuing_body` is what results may be narrowed by; `group` joins the parts of one thing.
    `names` are what it is also called (document number, issuing body): found as its title is, also exactly.

    A stretch of captions has `cues`, (start s, end s, text) in order, instead of a body, the name of
    its `video`, and a title that is only shown: it is found by what was said (`windows.windows_of`).
    `{s}` in its `url` stands for the whole second at which the lecture is to be opened.
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
    video: str = ""
    cues: Sequence[tuple[float, float, str]] = ()
    names: Sequence[str] = ()


Load = Callable[[list[str] | None], Iterable[Document]]
"""Given ids (text), the documents of those that exist and may be found now (live); given None, all of them.

An id that is not returned is taken out of the index. The call loads afresh from the database.
"""


Ids = Callable[[], Iterable[Any]]
"""The ids of all that might be found of a kind (also too many: `load` decides). They are then loaded in
batches, so that memory stays flat and one thing that cannot be read keeps none of the others out."""

Titles = Callable[[list[str], Any], Iterable[Document]]
"""Given words and a viewer, the documents that she may see whose title contains each word, best first: asked
while the index cannot answer. A bounded number; bodies may be left out."""

Names = Callable[[list[str]], Mapping[str, str]]
"""Given ids, what editors call these things, as far as they exist: for the list of what could not be indexed."""


@dataclass(frozen=True)
class Kind:
    """One kind of document, e.g. lesson: its name in the addresses, its label on the tab, how to load it.

    With `parts_of` its documents are parts of things of that kind, e.g. cue of lesson: the ids that the
    outbox, `ids` and `load` speak of are those of the whole thing; a part's own id begins with it and a
    colon ("12:zh-Hans:7"), and `Document.group` is it.
    """

    name: str
    label: Any
    load: Load
    parts_of: str = ""
    ids: Ids | None = None
    titles: Titles | None = None
    names: Names | None = None
    stands_apart: bool = False


_kinds: dict[str, Kind] = {}


def register(
    kind: str,
    *,
    label: Any,
    load: Load,
    parts_of: str = "",
    ids: Ids | None = None,
    titles: Titles | None = None,
    names: Names | None = None,
    stands_apart: bool = False,
) -> None:
    """Make documents of `kind` findable. `label` is a (lazy) translated plural for the tab of results.

    A kind of many documents gives `ids` too; one that should be found by title while the index cannot
    answer, `titles`. Kinds are shown in the order of registration, those that stand apart behind the others
    and not in the list of all (search/apart.py): all their documents are for organisers alone (`scope_token`).
    With `parts_of` (see Kind) every change of the whole thing that the outbox learns of is one of its parts
    too. Raises KindTaken for a name already registered.
    """
    if kind in _kinds:
        raise KindTaken(kind)
    _kinds[kind] = Kind(kind, label, load, parts_of, ids, titles, names, stands_apart)


def kinds() -> list[Kind]:
    """All registered kinds in the order in which they are shown."""
    return sorted(_kinds.values(), key=lambda kind: kind.stands_apart)


def kind_of(name: str) -> Kind:
    """The registered kind `name`; raises KindUnknown."""
    try:
        return _kinds[name]
    except KeyError:
        raise KindUnknown(name) from None


def is_in_parts(kind: str) -> bool:
    """Whether documents of `kind` are parts of things (Kind.parts_of); not for a kind that nobody registered here."""
    return kind in _kinds and bool(_kinds[kind].parts_of)


def whole(kind: str, id: str) -> str:
    """The id by which the outbox speaks of the document `id`: that of the thing it is a part of, else its own."""
    return id.partition(":")[0] if is_in_parts(kind) else id


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


def scope_token(organization: PartyOrganization) -> str:
    """The access token for those who organise `organization` (people.api.scope_of), as long as they do.

    Not for its members, nor for organisers above or below it: a thing that organisers above may see too
    lists the token of each organisation up to the root. `scope:<tree path>` is also accepted, as with `org:`.
    """
    return f"scope:{organization.uuid}"


def member_token(member: Any) -> str:
    """The access token for one person alone; not even administrators have it."""
    return f"member:{member.uuid}"


def tokens_of(viewer: Any) -> frozenset[str]:
    """The access tokens that `viewer` (a Member or AnonymousUser) holds today; at most three queries.

    Everybody holds `PUBLIC`; an active account `MEMBERS`, its own member token, one for each
    organisation from its own and from those of its scope up to the root, and the scope token of each
    organisation that it organises today. An administrator holds `staff`, which every document has that is
    not purely personal, and `scope:staff`, which those have that are for organisers alone.
    """
    held = {PUBLIC}
    if not getattr(viewer, "is_authenticated", False) or not viewer.is_active:
        return frozenset(held)
    held |= {MEMBERS, member_token(viewer)}
    if viewer.is_superuser:
        held |= {"staff", "scope:staff"}
    own = [viewer.organization.path] if viewer.organization_id else []
    organised = set(scope_of(viewer).paths)
    paths = {
        path[:end]
        for path in (*own, *organised)
        for end in range(PartyOrganization.steplen, len(path) + 1, PartyOrganization.steplen)
    }
    if paths:
        found = dict(PartyOrganization.objects.filter(path__in=paths).values_list("path", "uuid"))
        held |= {f"org:{uuid}" for uuid in found.values()}
        held |= {f"scope:{uuid}" for path, uuid in found.items() if path in organised}
    return frozenset(held)
