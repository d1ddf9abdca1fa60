"""Statements in and out: store, void, find. What is valid and what is the same is asked of the pure parts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Length

from courses.archive.xapi import attachments as parts_of
from courses.archive.xapi import formats, outside, references, strict_json, values
from courses.archive.xapi.attachments import Attachment
from courses.archive.xapi.clients import Credential
from courses.archive.xapi.consistency import begin_storing
from courses.archive.xapi.errors import BadRequest, Forbidden, StatementConflict, StatementForbidden
from courses.archive.xapi.models import (
    ActivitySeen,
    AgentSeen,
    LrsAttachment,
    RefKind,
    Statement,
    StatementRef,
    StatementTarget,
    StatementUse,
)
from courses.archive.xapi.recently import Recently
from courses.archive.xapi.signals import statement_recorded
from courses.archive.xapi.signatures import check_signatures
from courses.archive.xapi.validation import check_statement, is_voiding

__all__ = [
    "MAX_BATCH",
    "Filters",
    "Stored",
    "attachments_for",
    "definitions_for",
    "find",
    "fitting",
    "one",
    "store",
]

MAX_BATCH = 1000
MAX_NAMES = 20
DEEP = 8
"""A statement is found by what it refers to, and by what that refers to: so many steps away at most."""
MAX_LINKS = 1000
"""Of a request, besides what its statements refer to directly: a long chain would cost the square of its length."""
MAX_REFS, REFS_EACH = 5000, 20
"""Agents and activities that a request may name, and that each statement of a large batch may name on average."""
PAGE_BYTES = 20 * 1024**2
"""Of an answer with attachments: the page ends there, and `more` goes on."""
_learned = Recently(10_000, for_s=60)
"""The last definition of each activity and the last name of each agent that are in the database."""


@dataclass(frozen=True)
class Stored:
    """What came of a batch: the ids in its order, and how many of them were not here before."""

    ids: list[str]
    fresh: int


@dataclass
class _Prepared:
    """A statement on its way in: what is answered later, and what the row says beside it."""

    row: Statement
    body: dict[str, Any]
    named: references.Named
    said_timestamp: datetime | None


def store(
    statements: Sequence[dict[str, Any]],
    *,
    by: Credential,
    v2: bool,
    now: datetime | None = None,
    parts: Sequence[Attachment] = (),
) -> Stored:
    """Store all or none. One that is here already and is the same moves nothing. `now` is for whoever writes history:
    otherwise the moment is drawn in turn with whoever else is storing (consistency.py).

    Raises BadRequest (StatementInvalid), StatementConflict, Forbidden.
    """
    if len(statements) > MAX_BATCH:
        raise BadRequest(f"more than {MAX_BATCH} statements at once")
    for statement in statements:
        check_statement(statement, v2=v2)
    parts_of.check_parts(statements, parts)
    for statement in statements:
        check_signatures(statement, parts)
    prepared = [_prepare(statement, by, v2) for statement in statements]
    if len({one.row.uuid for one in prepared}) != len(prepared):
        raise BadRequest("an id occurs twice in the batch")
    names = sum(len(one.named.related_agents) + len(one.named.related_activities) for one in prepared)
    if names > max(MAX_REFS, REFS_EACH * len(prepared)):
        raise BadRequest(f"more than {MAX_REFS} agents and activities are named")
    try:
        with transaction.atomic():
            fresh = _write(prepared, by, parts, now)
    except IntegrityError:  # somebody stored one of these ids meanwhile: now it can be seen
        with transaction.atomic():
            fresh = _write(prepared, by, parts, now)
    return Stored([one.body["id"] for one in prepared], fresh)


def _prepare(statement: dict[str, Any], by: Credential, v2: bool) -> _Prepared:
    body = formats.with_lists(statement)
    _check_credential(body, by)
    said = values.moment(body["timestamp"], rfc3339=v2) if "timestamp" in body else None
    body.setdefault("id", str(uuid4()))
    if said is not None and v2 and not body["timestamp"].endswith("Z"):
        body["timestamp"] = values.as_text(said)  # 2.0 §4.2.7: answered in UTC
    body.setdefault("version", "2.0.0" if v2 else "1.0.0")
    body["authority"] = by.authority
    target = body["object"]
    refers_to = UUID(target["id"]) if target.get("objectType") == "StatementRef" else None
    registration = body.get("context", {}).get("registration")
    row = Statement(
        uuid=UUID(body["id"]),
        client=by.client,
        verb=references.key(body["verb"]["id"]),
        registration=UUID(registration) if registration else None,
        voids=refers_to if is_voiding(body) else None,
        target=refers_to,
        version=body["version"],
        digest=hashlib.sha256(references.comparable(body).encode("utf-8")).hexdigest(),
    )
    return _Prepared(row, body, references.named_in(body), said)


def _stamp(one: _Prepared, now: datetime) -> None:
    """Say when it is stored, which is known only when it is its turn."""
    one.body["stored"] = values.as_text(now)
    if one.said_timestamp is None:
        one.body["timestamp"] = one.body["stored"]
    one.row.pk = None
    one.row.stored_at, one.row.timestamp_at = now, one.said_timestamp or now
    one.row.body = strict_json.dumps(one.body)


def _check_credential(body: dict[str, Any], by: Credential) -> None:
    if by.agent is not None and references.agent_key(body["actor"]) != references.agent_key(by.agent):
        raise StatementForbidden("this credential speaks for another agent")
    if by.registration is not None:
        said = body.get("context", {}).get("registration", "")
        if said.lower() != by.registration.lower():
            raise StatementForbidden("this credential belongs to another registration")
    if by.check_statement is not None:
        by.check_statement(body)


def _write(
    prepared: list[_Prepared], by: Credential, parts: Sequence[Attachment], now: datetime | None
) -> int:
    turn = begin_storing(refers=any(one.row.target for one in prepared))
    now = now or turn
    ids = [one.row.uuid for one in prepared]
    near = list(Statement.objects.filter(Q(uuid__in=ids) | Q(target__in=ids)).select_related("client"))
    known = {row.uuid: row for row in near}
    fresh = []
    for one in prepared:
        before = known.get(one.row.uuid)
        if before is None:
            fresh.append(one)
        elif not _is_same(one, before):
            raise StatementConflict(f"the id {one.row.uuid} is taken by another statement")
    if not fresh:
        return 0
    for one in fresh:
        _stamp(one, now)
    Statement.objects.bulk_create([one.row for one in fresh])
    _refer(fresh)
    fresh_ids = {one.row.uuid for one in fresh}
    _follow_targets(fresh, [row for row in near if row.target in fresh_ids], by)
    _keep_parts(fresh, parts, now)
    if by.allows("define"):
        _learn_activities(fresh)
    _learn_names(fresh)
    if by.allows("study"):
        outside.note([(one.row, one.body) for one in fresh], at=now)
    for one in fresh:
        transaction.on_commit(_announce(one, by))
    return len(fresh)


def _is_same(one: _Prepared, before: Statement) -> bool:
    return before.digest == one.row.digest and (
        one.said_timestamp is None or one.said_timestamp == before.timestamp_at
    )


def _announce(one: _Prepared, by: Credential) -> Any:
    def send() -> None:
        statement_recorded.send_robust(
            sender=Statement,
            statement=one.body,
            registration=str(one.row.registration) if one.row.registration else None,
            client=by.client,
        )

    return send


def _refer(fresh: list[_Prepared]) -> None:
    rows: list[StatementRef] = []
    for one in fresh:
        named = one.named
        for kind, related, plain, every in (
            (RefKind.AGENT, RefKind.RELATED_AGENT, named.agents, named.related_agents),
            (RefKind.ACTIVITY, RefKind.RELATED_ACTIVITY, named.activities, named.related_activities),
        ):
            rows.extend(
                StatementRef(kind=kind if key in plain else related, key=key, statement_id=one.row.pk)
                for key in sorted(every, key=lambda key: key.int)
            )
    StatementRef.objects.bulk_create(rows)


def _follow_targets(fresh: list[_Prepared], earlier: list[Statement], by: Credential) -> None:
    """Void what is voided, and link statements that refer to statements, whichever came first.

    `earlier`: statements that were here before and refer to one of the fresh.
    """
    rows = {one.row.uuid: one.row for one in fresh}
    # Within one batch, too, the one that refers may stand before the other.
    referring = earlier + [row for row in rows.values() if row.target in rows]
    targets = {one.row.target for one in fresh if one.row.target}
    if not targets and not referring:
        return
    _void(rows, referring, by)
    direct = {(row.target, row.pk) for row in rows.values() if row.target}
    links: set[tuple[UUID, int]] = set()
    chains = _chains(list(rows.values()))
    for uuid, chain in chains.items():
        links |= {(origin, rows[uuid].pk) for origin in chain}
    for uuid in {row.target for row in referring if row.target}:
        # What refers to it refers to what it refers to.
        if chains.get(uuid):
            _link_later(uuid, chains[uuid], links)
    if len(links - direct) > MAX_LINKS:
        raise BadRequest(f"more than {MAX_LINKS} statements would be found by way of others")
    _link(links)


def _chains(rows: list[Statement]) -> dict[UUID, list[UUID]]:
    """What each of these statements refers to, directly and through others, at most `DEEP` steps away."""
    targets: dict[UUID, UUID | None] = {row.uuid: row.target for row in rows}
    reached = {row.target for row in rows if row.target}
    for _step in range(DEEP - 1):
        if unknown := reached - targets.keys():
            targets |= dict.fromkeys(unknown)
            targets |= dict(Statement.objects.filter(uuid__in=unknown).values_list("uuid", "target"))
        reached = {further for uuid in reached if (further := targets[uuid])}
    chains: dict[UUID, list[UUID]] = {}
    for row in rows:
        chain: list[UUID] = []
        at = row.target
        while at and at not in chain and len(chain) < DEEP:  # a ring comes back to itself
            chain.append(at)
            at = targets.get(at)
        if chain:
            chains[row.uuid] = chain
    return chains


def _link_later(uuid: UUID, chain: list[UUID], links: set[tuple[UUID, int]]) -> None:
    """Add the links of what refers to `uuid`, step by step, to what stands in its chain."""
    seen, level = {uuid}, {uuid}
    for step in range(1, DEEP):
        later = Statement.objects.filter(target__in=level).values_list("uuid", "pk")[: MAX_LINKS + 1]
        level = set()
        for further, pk in later:
            links.update((origin, pk) for origin in chain[: DEEP - step])
            level.add(further)
        level -= seen
        seen |= level
        if not level or len(links) > MAX_BATCH + MAX_LINKS:
            return


def _link(links: set[tuple[UUID, int]]) -> None:
    StatementTarget.objects.bulk_create(
        [StatementTarget(origin=origin, statement_id=pk) for origin, pk in sorted(links, key=str)],
        ignore_conflicts=True,
    )


def _void(rows: dict[UUID, Statement], referring: list[Statement], by: Credential) -> None:
    voids = {row.voids for row in rows.values() if row.voids}
    to_void = set()
    for voided in Statement.objects.filter(uuid__in=voids, voids__isnull=True).only("id", "client_id"):
        if voided.client_id != by.client.pk and not by.allows():
            raise Forbidden("only statements of one's own may be voided")
        to_void.add(voided.pk)
    for earlier in referring:
        row = rows[earlier.voids] if earlier.voids else None
        if row is not None and row.voids is None:
            own = earlier.client_id == row.client_id
            if own or "all" in earlier.client.scopes.split():
                to_void.add(row.pk)
    if to_void:
        Statement.objects.filter(pk__in=to_void).update(voided=True)


def _keep_parts(fresh: list[_Prepared], parts: Sequence[Attachment], now: datetime) -> None:
    if not parts:
        return
    came = {part.sha2: part for part in parts}
    uses, needed = [], set()
    for one in fresh:
        for digest in sorted({named["sha2"].lower() for named in parts_of.attachments_of(one.body)}):
            if digest in came:
                uses.append(StatementUse(statement_id=one.row.pk, sha2=digest))
                needed.add(digest)
    LrsAttachment.objects.bulk_create(
        [
            LrsAttachment(
                sha2=digest,
                content_type=came[digest].content_type,
                content=came[digest].content,
                stored_at=now,
            )
            for digest in sorted(needed)
        ],
        ignore_conflicts=True,
    )
    StatementUse.objects.bulk_create(uses)


def _learn_activities(fresh: list[_Prepared]) -> None:
    came: dict[UUID, tuple[str, dict[str, Any]]] = {}
    marks: dict[UUID, str] = {}
    for one in fresh:
        for activity in one.named.definitions:
            if activity.get("definition"):
                key = references.key(activity["id"])
                said = strict_json.dumps(activity["definition"])
                if key in marks or not _learned.knows(key, said):
                    marks[key] = said
                    before = came.get(key, ("", {}))[1]
                    came[key] = (activity["id"], formats.merge_definition(before, activity["definition"]))
    if not came:
        return
    if _unknown_definitions(came, ActivitySeen.objects.in_bulk(list(came))):
        # Something is new: read again under a lock, so that what two learn at once adds up.
        locked = ActivitySeen.objects.select_for_update().filter(key__in=came).order_by("key")
        ActivitySeen.objects.bulk_create(
            _unknown_definitions(came, {row.key: row for row in locked}),
            update_conflicts=True,
            unique_fields=["key"],
            update_fields=["definition"],
        )
    transaction.on_commit(lambda: _learned.tell(marks))


def _unknown_definitions(
    came: dict[UUID, tuple[str, dict[str, Any]]], known: dict[UUID, ActivitySeen]
) -> list[ActivitySeen]:
    """The rows that say more than before with what came, in the order of their keys."""
    changed = []
    for key, (iri, definition) in sorted(came.items(), key=lambda one: one[0].int):
        before = strict_json.loads(known[key].definition.encode()) if key in known else {}
        after = formats.merge_definition(before, definition)
        if after != before or key not in known:
            changed.append(ActivitySeen(key=key, iri=iri, definition=strict_json.dumps(after)))
    return changed


def _learn_names(fresh: list[_Prepared]) -> None:
    came: dict[UUID, tuple[dict[str, Any], list[str]]] = {}
    marks: dict[UUID, str] = {}
    for one in fresh:
        for agent in one.named.people:
            key = references.agent_key(agent)
            if agent.get("name") and key is not None and not _learned.knows(key, agent["name"]):
                marks[key] = agent["name"]
                names = came.setdefault(key, (references.identifier(agent) or {}, []))[1]
                if agent["name"] not in names:
                    names.append(agent["name"])
    if not came:
        return
    if _unknown_names(came, AgentSeen.objects.in_bulk(list(came))):
        locked = AgentSeen.objects.select_for_update().filter(key__in=came).order_by("key")
        AgentSeen.objects.bulk_create(
            _unknown_names(came, {row.key: row for row in locked}),
            update_conflicts=True,
            unique_fields=["key"],
            update_fields=["names"],
        )
    transaction.on_commit(lambda: _learned.tell(marks))


def _unknown_names(
    came: dict[UUID, tuple[dict[str, Any], list[str]]], known: dict[UUID, AgentSeen]
) -> list[AgentSeen]:
    changed = []
    for key, (ifi, names) in sorted(came.items(), key=lambda one: one[0].int):
        before = strict_json.loads(known[key].names.encode()) if key in known else []
        more = [name for name in names if name not in before]
        if more and len(before) < MAX_NAMES:
            after = strict_json.dumps((before + more)[:MAX_NAMES])
            changed.append(AgentSeen(key=key, ifi=strict_json.dumps(ifi), names=after))
    return changed


@dataclass(frozen=True)
class Filters:
    """What GET /statements asks for; keys as in references.py. `client_id` limits to one client's own."""

    agent: UUID | None = None
    verb: UUID | None = None
    activity: UUID | None = None
    registration: UUID | None = None
    related_activities: bool = False
    related_agents: bool = False
    since: datetime | None = None
    until: datetime | None = None
    ascending: bool = False
    client_id: int | None = None


def find(
    filters: Filters, *, limit: int, after: tuple[datetime, int] | None = None
) -> tuple[list[Statement], tuple[datetime, int] | None]:
    """One page of statements that are not voided, and the cursor of the next page or None.

    A statement that refers to one which fits is found as well (Communication 2.1.3), unless the times
    exclude it: since and until, and the page, ask for its own `stored`.
    """
    about = _about(filters)
    shown = _shown(filters, after)
    order = ("stored_at", "id") if filters.ascending else ("-stored_at", "-id")
    rows = list(Statement.objects.filter(about, shown).order_by(*order)[: limit + 1])
    if about:
        origins = Statement.objects.filter(about, _mine(filters)).values("uuid")
        linked = StatementTarget.objects.filter(origin__in=origins).values("statement_id")
        more = Statement.objects.filter(shown, id__in=linked).order_by(*order)[: limit + 1]
        by_id = {row.pk: row for row in [*rows, *more]}
        rows = sorted(by_id.values(), key=lambda row: (row.stored_at, row.pk), reverse=not filters.ascending)
    page = rows[:limit]
    cursor = (page[-1].stored_at, page[-1].pk) if len(rows) > limit else None
    return page, cursor


def one(
    uuid: UUID,
    *,
    voided: bool,
    client_id: int | None = None,
    agent: UUID | None = None,
    registration: UUID | None = None,
) -> Statement | None:
    """The statement with this id if it is (or is not) voided and fits what else is given."""
    fits = Filters(agent=agent, registration=registration, client_id=client_id)
    return Statement.objects.filter(_about(fits), _mine(fits), uuid=uuid, voided=voided).first()


def _about(filters: Filters) -> Q:
    about = Q()
    if filters.verb:
        about &= Q(verb=filters.verb)
    if filters.registration:
        about &= Q(registration=filters.registration)
    if filters.agent:
        kinds = [RefKind.AGENT, RefKind.RELATED_AGENT] if filters.related_agents else [RefKind.AGENT]
        about &= Q(id__in=_named(filters.agent, kinds))
    if filters.activity:
        kinds = [RefKind.ACTIVITY]
        if filters.related_activities:
            kinds.append(RefKind.RELATED_ACTIVITY)
        about &= Q(id__in=_named(filters.activity, kinds))
    return about


def _named(key: UUID, kinds: list[RefKind]) -> QuerySet:
    return StatementRef.objects.filter(kind__in=kinds, key=key).values("statement_id")


def _mine(filters: Filters) -> Q:
    return Q() if filters.client_id is None else Q(client_id=filters.client_id)


def _shown(filters: Filters, after: tuple[datetime, int] | None) -> Q:
    shown = Q(voided=False) & _mine(filters)
    if filters.since:
        shown &= Q(stored_at__gt=filters.since)
    if filters.until:
        shown &= Q(stored_at__lte=filters.until)
    if after is not None:
        at, pk = after
        if filters.ascending:
            shown &= Q(stored_at__gt=at) | Q(stored_at=at, id__gt=pk)
        else:
            shown &= Q(stored_at__lt=at) | Q(stored_at=at, id__lt=pk)
    return shown


def attachments_for(rows: Iterable[Statement]) -> list[Attachment]:
    """The bytes that these statements name and that are here, each once."""
    digests = (
        StatementUse.objects.filter(statement__in=[row.pk for row in rows])
        .order_by("statement_id", "sha2")
        .values_list("sha2", flat=True)
    )
    wanted = list(dict.fromkeys(digests))
    kept = LrsAttachment.objects.in_bulk(wanted)
    return [
        Attachment(digest, kept[digest].content_type, bytes(kept[digest].content))
        for digest in wanted
        if digest in kept
    ]


def fitting(rows: Sequence[Statement], at_most: int) -> int:
    """How many of these statements, with their attachments, have `at_most` bytes; the first always fits."""
    uses: dict[int, list[str]] = {}
    for pk, sha2 in StatementUse.objects.filter(statement__in=[row.pk for row in rows]).values_list(
        "statement_id", "sha2"
    ):
        uses.setdefault(pk, []).append(sha2)
    digests = {sha2 for some in uses.values() for sha2 in some}
    sizes = dict(LrsAttachment.objects.filter(pk__in=digests).values_list("pk", Length("content")))
    total = 0
    for number, row in enumerate(rows):
        # Each content stands in the answer once.
        total += len(row.body) + sum(sizes.pop(sha2, 0) for sha2 in uses.get(row.pk, ()))
        if total > at_most and number:
            return number
    return len(rows)


def definitions_for(statements: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What is known of the activities in these statements, by IRI."""
    keys = {
        references.key(activity["id"])
        for statement in statements
        for activity in references.named_in(statement).definitions
    }
    return {
        row.iri: strict_json.loads(row.definition.encode())
        for row in ActivitySeen.objects.filter(key__in=keys)
    }
