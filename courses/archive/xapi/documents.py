"""Documents that programs keep here: states, activity profiles, agent profiles (Communication 2.2-2.7)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from courses.archive.xapi import references, strict_json
from courses.archive.xapi.attachments import content_type_of
from courses.archive.xapi.errors import BadRequest, Conflict, Forbidden, PreconditionFailed
from courses.archive.xapi.models import DocumentKind, LrsClient, LrsDocument

__all__ = ["Condition", "Place", "delete", "delete_all", "get", "merge", "names", "put"]

NIL = UUID(int=0)


@dataclass(frozen=True)
class Place:
    """Where documents lie: the keys that their kind has, the others nil. `registration` None in a list or
    a deletion of many means every registration."""

    kind: DocumentKind
    activity: UUID = NIL
    agent: UUID = NIL
    registration: UUID | None = None


@dataclass(frozen=True)
class Condition:
    """If-Match and If-None-Match of a request, and what holds for a PUT without either.

    `unseen`: "free" writes, "guarded" answers 409 when there is a document, "demanded" 400 when not.
    """

    if_match: str = ""
    if_none_match: str = ""
    unseen: str = "free"


def _at(place: Place, name: str) -> dict[str, Any]:
    return {
        "kind": place.kind,
        "activity": place.activity,
        "agent": place.agent,
        "registration": place.registration or NIL,
        "name_key": references.key(name),
    }


def get(place: Place, name: str, *, only: int | None = None) -> LrsDocument | None:
    """The document; `only`, here and below: of this client alone, those of others are not there."""
    return LrsDocument.objects.filter(_of(only), **_at(place, name)).first()


def _of(only: int | None) -> Q:
    return Q() if only is None else Q(client_id=only)


def names(place: Place, *, since: datetime | None = None, only: int | None = None) -> list[str]:
    """The ids of the documents there that were written after `since`, in the order of writing."""
    found = _all(place, only)
    if since is not None:
        found = found.filter(updated_at__gt=since)
    return list(found.order_by("updated_at", "id").values_list("name", flat=True))


def put(
    place: Place,
    name: str,
    *,
    content: bytes,
    content_type: str,
    now: datetime,
    client: LrsClient | None = None,
    condition: Condition = Condition(),
    only: int | None = None,
) -> str:
    """Write a document in place of whatever is there; answers its ETag.

    Raises BadRequest, Conflict, PreconditionFailed; Forbidden when another client's document is there.
    """
    _check_json(content, content_type)

    def change(before: LrsDocument | None) -> tuple[bytes, str]:
        _check_owner(before, only)
        _check(before, condition, write=True)
        return content, content_type

    return _change(place, name, change, now, client)


def merge(
    place: Place,
    name: str,
    *,
    content: bytes,
    content_type: str,
    now: datetime,
    client: LrsClient | None = None,
    condition: Condition = Condition(),
    only: int | None = None,
) -> str:
    """Write a document, or set its top-level properties in the JSON object that is there (Communication 2.2).

    Raises BadRequest when either of the two is no JSON object; PreconditionFailed, Forbidden.
    """
    came = _check_json(content, content_type)

    def change(before: LrsDocument | None) -> tuple[bytes, str]:
        _check_owner(before, only)
        _check(before, condition, write=False)
        if before is None:
            return content, content_type
        old = _check_json(bytes(before.content), before.content_type)
        if not isinstance(old, dict) or not isinstance(came, dict):
            raise BadRequest("only a JSON object can be merged into a JSON object")
        return strict_json.dumps(old | came).encode(), "application/json"

    return _change(place, name, change, now, client)


def delete(place: Place, name: str, *, condition: Condition = Condition(), only: int | None = None) -> bool:
    """Remove a document; whether there was one. Raises PreconditionFailed."""
    with transaction.atomic():
        found = LrsDocument.objects.select_for_update().filter(_of(only), **_at(place, name))
        before = found.first()
        _check(before, condition, write=False)
        if before is None:
            return False
        before.delete()
    return True


def delete_all(place: Place, *, only: int | None = None) -> int:
    """Remove every document there."""
    return _all(place, only).delete()[0]


def _all(place: Place, only: int | None) -> QuerySet:
    found = LrsDocument.objects.filter(_of(only), kind=place.kind, activity=place.activity, agent=place.agent)
    if place.registration is not None:
        found = found.filter(registration=place.registration)
    return found


def _change(place: Place, name: str, change: Any, now: datetime, client: LrsClient | None) -> str:
    try:
        return _change_once(place, name, change, now, client)
    except IntegrityError:  # somebody wrote the first version meanwhile: now it can be seen
        return _change_once(place, name, change, now, client)


def _change_once(place: Place, name: str, change: Any, now: datetime, client: LrsClient | None) -> str:
    with transaction.atomic():
        before = LrsDocument.objects.select_for_update().filter(**_at(place, name)).first()
        content, content_type = change(before)
        row = before or LrsDocument(**_at(place, name), name=name)
        row.content, row.content_type = content, content_type[:255]
        row.etag = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        row.updated_at, row.client = now, client
        row.save()
    return row.etag


def _check_json(content: bytes, content_type: str) -> Any:
    """The value of a document that says it is JSON, else None. Raises BadRequest."""
    if content_type_of(content_type) != "application/json":
        return None
    return strict_json.loads(content, what="the document")


def _check_owner(before: LrsDocument | None, only: int | None) -> None:
    if before is not None and only is not None and before.client_id != only:
        raise Forbidden("another program keeps a document there")


def _check(before: LrsDocument | None, condition: Condition, *, write: bool) -> None:
    etag = before.etag if before is not None else None
    if condition.if_match:
        if not _matches(condition.if_match, etag):
            raise PreconditionFailed("If-Match: the document is another by now")
        return
    if condition.if_none_match:
        if _matches(condition.if_none_match, etag):
            raise PreconditionFailed("If-None-Match: there is such a document")
        return
    if not write or condition.unseen == "free":
        return
    if before is not None:
        raise Conflict(
            "There is a document already. Read it, then send its ETag in If-Match, "
            "or delete it first and send If-None-Match: *"
        )
    if condition.unseen == "demanded":
        raise BadRequest("a profile is written with If-Match or If-None-Match: *")


def _matches(header: str, etag: str | None) -> bool:
    """Whether one of the tags of the header is the document's; `*` is any that is there (RFC 9110 §13.1)."""
    if etag is None:
        return False
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
    return header.strip() == "*" or etag in tags
