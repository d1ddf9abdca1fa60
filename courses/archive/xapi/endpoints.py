"""/xapi/…: how programs speak to the LRS. Plain views: what each resource takes, who may, what is answered.

Checked in this order: method (405), version (400), credential (401, 429), scope (403), the request (400).
The body is read when the credential is known.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core import signing
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt

from courses.archive.xapi import (
    accounts,
    agents,
    clients,
    documents,
    formats,
    own_player,
    references,
    statements,
    strict_json,
    values,
)
from courses.archive.xapi.attachments import boundary_of, content_type_of, join, plain_header, split
from courses.archive.xapi.clients import Credential
from courses.archive.xapi.consistency import consistent_through
from courses.archive.xapi.errors import (
    BadRequest,
    Forbidden,
    LrsError,
    NotFound,
    TooManyRequests,
    Unauthorized,
)
from courses.archive.xapi.models import DocumentKind, Statement
from courses.archive.xapi.requests import VERSION_HEADER, Asked, hear_out, read
from people.models import Member

__all__ = ["about", "activities", "activity_profile", "activity_state", "agent_profile", "agents_resource"]

log = logging.getLogger(__name__)

CONSISTENT_THROUGH = "X-Experience-API-Consistent-Through"
VERSIONS_1 = ["1.0.0", "1.0.1", "1.0.2", "1.0.3"]
VERSIONS_2 = [*VERSIONS_1, "2.0.0"]
LIMIT, MAX_LIMIT = 100, 500
FILTERS = (
    "agent", "verb", "activity", "registration", "related_activities", "related_agents", "since", "until",
    "limit", "format", "attachments", "ascending",
)  # fmt: skip
MORE_SALT = "courses.archive.xapi.more"
READERS = ("statements/read", "all/read")

Handler = Callable[[Asked, Credential, datetime], HttpResponse]


def _resource(*, of_statements: bool = False, **handlers: Handler) -> Callable[[HttpRequest], HttpResponse]:
    """A view of one resource from its handlers by method; HEAD is GET without the body.

    `of_statements`: whatever the answer, it says up to when it knows of all (Communication 2.1.3).
    """
    methods = set(handlers) | ({"HEAD"} if "GET" in handlers else set())

    @csrf_exempt
    def view(request: HttpRequest) -> HttpResponse:
        now = timezone.now()
        if request.method == "OPTIONS":
            answer = HttpResponse(status=204)
            answer["Access-Control-Allow-Methods"] = ", ".join(sorted(methods))
            answer["Access-Control-Allow-Headers"] = (
                "Authorization, Content-Type, If-Match, If-None-Match, Accept-Language, " + VERSION_HEADER
            )
            answer["Access-Control-Max-Age"] = "86400"
            return _dress(answer, "2.0.0")
        version = _version_when_unread(request)
        through = None
        try:
            if request.method not in methods:
                answer = _refusal(405, "this method is not known here")
                answer["Allow"] = ", ".join(sorted(methods))
                return _dress(answer, version)
            if of_statements:
                through = consistent_through()  # before anything is looked up
            asked, by = read(request, lambda header: clients.authenticate(header, now=now))
            version = asked.version
            handler = handlers.get("GET" if asked.method == "HEAD" else asked.method)
            if handler is None:
                raise BadRequest("this method is not known here")
            answer = handler(asked, by, now)
            if asked.method == "HEAD":
                answer = _without_body(answer)
        except LrsError as refused:
            hear_out(request)
            answer = _refusal(refused.status, refused.message)
            if isinstance(refused, Unauthorized):
                answer["WWW-Authenticate"] = 'Basic realm="xAPI", charset="UTF-8"'
            if isinstance(refused, TooManyRequests):
                answer["Retry-After"] = str(refused.retry_after_s)
        except OperationalError:
            log.exception("the LRS could not reach or lock its database")
            answer = _refusal(503, "busy, try again")
            answer["Retry-After"] = "5"
        return _dress(answer, version, through)

    return view


def _version_when_unread(request: HttpRequest) -> str:
    """The version that a refusal names before the request could be read.

    Both versions ask for «the latest version» here and mean different ones. Whoever sends no version
    hears 2.0.0 when asking for something, and 1.0.3 when asking for a resource as such.
    """
    said = request.headers.get(VERSION_HEADER, "")
    if said:
        return "2.0.0" if said.startswith("2") else "1.0.3"
    return "1.0.3" if request.method in ("GET", "HEAD") and not request.META.get("QUERY_STRING") else "2.0.0"


def _dress(answer: HttpResponse, version: str, through: datetime | None = None) -> HttpResponse:
    answer[VERSION_HEADER] = version
    if through is not None:
        answer[CONSISTENT_THROUGH] = values.as_text(through)
    answer["Cache-Control"] = "no-cache, no-store, private"
    # Documents are of a client's making: should a browser ever show one, it runs nothing and is nobody's.
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    # Whoever knows a credential may come from any page; cookies are never looked at here.
    answer["Access-Control-Allow-Origin"] = "*"
    answer["Access-Control-Expose-Headers"] = (
        f"ETag, Last-Modified, Cache-Control, Content-Type, Content-Length, {VERSION_HEADER}, {CONSISTENT_THROUGH}"
    )
    return answer


def _refusal(status: int, message: str) -> HttpResponse:
    return HttpResponse(message, status=status, content_type="text/plain; charset=utf-8")


def _without_body(answer: HttpResponse) -> HttpResponse:
    length = str(len(answer.content))
    answer.content = b""
    answer["Content-Length"] = length
    return answer


def _json(text: str, *, status: int = 200) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="application/json")


# statements


def _post_statements(asked: Asked, by: Credential, now: datetime) -> HttpResponse:
    asked.only()
    by.demand("statements/write")
    body, parts = _statements_in(asked)
    batch = body if isinstance(body, list) else [body]
    if not all(isinstance(one, dict) for one in batch):
        raise BadRequest("the body is a statement or an array of statements")
    stored = statements.store(batch, by=by, v2=asked.v2, parts=parts)
    if stored.ids and not stored.fresh:
        return HttpResponse(status=204)  # all of them were here and are the same (Communication 2.1.2)
    return _json(strict_json.dumps(stored.ids))


def _put_statement(asked: Asked, by: Credential, now: datetime) -> HttpResponse:
    asked.only("statementId")
    by.demand("statements/write")
    asked.need("statementId")
    wanted = asked.uuid("statementId")
    body, parts = _statements_in(asked)
    if not isinstance(body, dict):
        raise BadRequest("the body is one statement")
    if "id" not in body:
        body = {"id": asked.params["statementId"], **body}
    if values.parse_uuid(body["id"]) != wanted:
        raise BadRequest("the id of the statement differs from the parameter statementId")
    statements.store([body], by=by, v2=asked.v2, parts=parts)
    return HttpResponse(status=204)


def _statements_in(asked: Asked) -> tuple[Any, list[Any]]:
    header = asked.header("Content-Type")
    kind = content_type_of(header)
    if kind == "application/json":
        return strict_json.loads(asked.body), []
    if kind == "multipart/mixed":
        text, parts = split(asked.body, boundary_of(header))
        return strict_json.loads(text, what="the first part"), parts
    raise BadRequest("the Content-Type must be application/json or multipart/mixed")


def _get_statements(asked: Asked, by: Credential, now: datetime) -> HttpResponse:
    if "more" in asked.params:
        return _next_page(asked, by)
    asked.only("statementId", "voidedStatementId", *FILTERS)
    by.demand("statements/read/mine", *READERS)
    ids = [name for name in ("statementId", "voidedStatementId") if name in asked.params]
    shape = _shape(asked)
    if ids:
        if set(asked.params) - {ids[0], "attachments", "format"}:
            raise BadRequest(f"with {ids[0]} only attachments and format may be given")
        uuid = asked.uuid(ids[0])
        assert uuid is not None
        found = statements.one(
            uuid,
            voided=ids[0] == "voidedStatementId",
            client_id=_only_own(by),
            agent=_own_agent(by),
            registration=_own_registration(by),
        )
        if found is None:
            raise NotFound("there is no such statement")
        _count_read(by, [found])
        answer = _shown([found], shape, asked, single=True)
        answer["Last-Modified"] = http_date(found.stored_at.timestamp())
        return answer
    agent = asked.agent("agent") if "agent" in asked.params else None
    filters = statements.Filters(
        agent=_agent(agent, by),
        verb=asked.key("verb"),
        activity=asked.key("activity"),
        registration=_registration(asked.uuid("registration"), by),
        related_activities=asked.flag("related_activities"),
        related_agents=asked.flag("related_agents"),
        since=asked.moment("since"),
        until=asked.moment("until"),
        ascending=asked.flag("ascending"),
        client_id=_only_own(by),
    )
    limit = min(asked.number("limit") or LIMIT, MAX_LIMIT)
    if agent is not None and filters.client_id is None and by.agent is None:
        member = accounts.member_of(agent)
        if member is not None:
            _tell(member, now)
    return _page(filters, limit, None, shape, asked, by)


def _tell(member: Member, now: datetime) -> None:
    try:
        own_player.tell(member, now=now)
    except Exception:  # what is here already is answered all the same
        log.exception("what our own player did could not be told")


def _only_own(by: Credential) -> int | None:
    """The client to whose statements the answer is limited, or None."""
    return None if by.allows(*READERS) else by.client.pk


def _own_agent(by: Credential) -> UUID | None:
    return None if by.agent is None else references.agent_key(by.agent)


def _own_registration(by: Credential) -> UUID | None:
    return values.parse_uuid(by.registration)


def _agent(said: dict[str, Any] | None, by: Credential) -> UUID | None:
    """The key of the agent whose statements are asked for: the credential's own, if it has one."""
    own = _own_agent(by)
    key = references.agent_key(said) if said is not None else own
    if own is not None and key != own:
        raise Forbidden("this credential speaks for another agent")
    return key


def _registration(said: UUID | None, by: Credential) -> UUID | None:
    """The registration that is asked for: the credential's own, if it has one."""
    own = _own_registration(by)
    if own is not None and said not in (None, own):
        raise Forbidden("this credential belongs to another registration")
    return own or said


def _shape(asked: Asked) -> dict[str, Any]:
    wanted = asked.params.get("format", "exact")
    if wanted not in ("ids", "exact", "canonical"):
        raise BadRequest("the parameter format must be ids, exact or canonical")
    return {"format": wanted, "attachments": asked.flag("attachments")}


def _page(
    filters: statements.Filters,
    limit: int,
    after: Any,
    shape: Mapping[str, Any],
    asked: Asked,
    by: Credential,
) -> HttpResponse:
    found, cursor = statements.find(filters, limit=limit, after=after)
    if shape["attachments"]:
        kept = statements.fitting(found, statements.PAGE_BYTES)
        if kept < len(found):
            found = found[:kept]
            cursor = (found[-1].stored_at, found[-1].pk)
    _count_read(by, found)
    more = ""
    if cursor is not None:
        token = _pack(filters, limit, cursor, shape)
        more = f"{reverse('xapi:statements')}?more={token}"
    answer = _shown(found, shape, asked, single=False, more=more)
    if found:
        latest = max(one.stored_at for one in found)
        answer["Last-Modified"] = http_date(latest.timestamp())
    return answer


def _pack(filters: statements.Filters, limit: int, cursor: Any, shape: Mapping[str, Any]) -> str:
    said = {name: str(value) for name, value in vars(filters).items() if value not in (None, False)}
    for name in ("since", "until"):
        if name in said:
            said[name] = values.as_text(getattr(filters, name))
    state = {"f": said, "n": limit, "c": [values.as_text(cursor[0]), cursor[1]], "s": dict(shape)}
    return signing.dumps(state, salt=MORE_SALT, compress=True)


def _next_page(asked: Asked, by: Credential) -> HttpResponse:
    asked.only("more")
    by.demand("statements/read/mine", *READERS)
    try:
        state = signing.loads(asked.params["more"], salt=MORE_SALT)
    except signing.BadSignature as bad:
        raise BadRequest("the parameter more is not one of ours") from bad
    said = state["f"]
    filters = statements.Filters(
        agent=values.parse_uuid(said.get("agent")),
        verb=values.parse_uuid(said.get("verb")),
        activity=values.parse_uuid(said.get("activity")),
        registration=values.parse_uuid(said.get("registration")),
        related_activities="related_activities" in said,
        related_agents="related_agents" in said,
        since=values.moment(said.get("since")),
        until=values.moment(said.get("until")),
        ascending="ascending" in said,
        client_id=_only_own(by),
    )
    if filters.registration != _registration(filters.registration, by):
        raise Forbidden("this credential belongs to another registration")
    if _own_agent(by) not in (None, filters.agent):
        raise Forbidden("this credential speaks for another agent")
    cursor = (values.moment(state["c"][0]), state["c"][1])
    return _page(filters, state["n"], cursor, state["s"], asked, by)


def _count_read(by: Credential, found: list[Statement]) -> None:
    if any(one.client_id != by.client.pk for one in found):
        clients.note_read_of_others(by.client)


def _shown(
    rows: list[Statement], shape: Mapping[str, Any], asked: Asked, *, single: bool, more: str = ""
) -> HttpResponse:
    if shape["format"] == "exact":
        texts = [row.body for row in rows]
    else:
        bodies = [strict_json.loads(row.body.encode()) for row in rows]
        if shape["format"] == "ids":
            made = [formats.ids(body) for body in bodies]
        else:
            languages = formats.accepted_languages(asked.header("Accept-Language"))
            known = statements.definitions_for(bodies)
            made = [formats.canonical(body, languages, known) for body in bodies]
        texts = [strict_json.dumps(body) for body in made]
    many = f'{{"statements":[{",".join(texts)}],"more":{strict_json.dumps(more)}}}'
    text = texts[0] if single else many
    if not shape["attachments"]:
        return _json(text)
    content_type, content = join(text, statements.attachments_for(rows))
    return HttpResponse(content, content_type=content_type)


# documents


def _state(asked: Asked, by: Credential) -> documents.Place:
    asked.only("activityId", "agent", "registration", "stateId", "since")
    agent, registration = _agent(asked.agent("agent"), by), asked.uuid("registration")
    if _own_registration(by) not in (None, registration):
        raise Forbidden("this credential belongs to another registration")
    return documents.Place(
        DocumentKind.STATE,
        activity=references.key(asked.iri("activityId")),
        agent=agent or documents.NIL,
        registration=registration,
    )


def _activity_profile(asked: Asked, by: Credential) -> documents.Place:
    asked.only("activityId", "profileId", "since")
    return documents.Place(DocumentKind.ACTIVITY_PROFILE, activity=references.key(asked.iri("activityId")))


def _agent_profile(asked: Asked, by: Credential) -> documents.Place:
    asked.only("agent", "profileId", "since")
    agent = _agent(asked.agent("agent"), by)
    return documents.Place(DocumentKind.AGENT_PROFILE, agent=agent or documents.NIL)


def _whose(by: Credential, *scopes: str) -> int | None:
    """The client to whose documents a request is limited, or None: for `scopes` (and `all`), and where the
    credential itself is limited to one agent and registration."""
    return None if by.allows(*scopes) or by.agent is not None else by.client.pk


def _document_resource(
    place_of: Callable[[Asked, Credential], documents.Place], name: str, scope: str
) -> Callable[[HttpRequest], HttpResponse]:
    """The four methods of a document resource; `name` is the parameter that names one document."""
    is_state = name == "stateId"

    def condition(asked: Asked) -> documents.Condition:
        in_version_1 = "free" if is_state else "demanded"
        unseen = "guarded" if asked.v2 else in_version_1
        return documents.Condition(asked.header("If-Match"), asked.header("If-None-Match"), unseen)

    def get(asked: Asked, by: Credential, now: datetime) -> HttpResponse:
        by.demand(scope, "all/read")
        place, since = place_of(asked, by), asked.moment("since")
        only = _whose(by, "all/read")
        if name not in asked.params:
            return _json(strict_json.dumps(documents.names(place, since=since, only=only)))
        found = documents.get(place, asked.text(name), only=only)
        if found is None:
            raise NotFound("there is no such document")
        answer = HttpResponse(bytes(found.content), content_type=found.content_type)
        answer["ETag"] = f'"{found.etag}"'
        answer["Last-Modified"] = http_date(found.updated_at.timestamp())
        return answer

    def write(how: Callable[..., str]) -> Handler:
        def handler(asked: Asked, by: Credential, now: datetime) -> HttpResponse:
            by.demand(scope)
            place = place_of(asked, by)
            if "since" in asked.params:
                raise BadRequest("the parameter 'since' is not known here")
            how(
                place,
                asked.text(name),
                content=asked.body,
                content_type=plain_header(asked.header("Content-Type")) or "application/octet-stream",
                now=now,
                client=by.client,
                condition=condition(asked),
                only=_whose(by),
            )
            return HttpResponse(status=204)

        return handler

    def delete(asked: Asked, by: Credential, now: datetime) -> HttpResponse:
        by.demand(scope)
        place = place_of(asked, by)
        if name not in asked.params and is_state:
            documents.delete_all(place, only=_whose(by))
        else:
            documents.delete(place, asked.text(name), condition=condition(asked), only=_whose(by))
        return HttpResponse(status=204)

    return _resource(GET=get, PUT=write(documents.put), POST=write(documents.merge), DELETE=delete)


# agents, activities, about


def _get_person(asked: Asked, by: Credential, now: datetime) -> HttpResponse:
    asked.only("agent")
    by.demand("statements/read/mine", *READERS)
    agent = asked.agent("agent")
    _agent(agent, by)
    return _json(strict_json.dumps(agents.person(agent, with_names=by.allows(*READERS))))


def _get_activity(asked: Asked, by: Credential, now: datetime) -> HttpResponse:
    asked.only("activityId")
    by.demand("statements/read/mine", *READERS)
    return _json(strict_json.dumps(agents.activity(asked.iri("activityId"))))


@csrf_exempt
def about(request: HttpRequest) -> HttpResponse:
    """Which versions are spoken here; for everybody, with or without a version in the request."""
    version = _version_when_unread(request)
    if request.method not in ("GET", "HEAD"):
        answer = _refusal(405, "this method is not known here")
        answer["Allow"] = "GET, HEAD"
        return _dress(answer, version)
    said = request.headers.get(VERSION_HEADER, "")
    # 1.0.3 lets the list name versions of its own line only (Communication 2.8).
    versions = VERSIONS_1 if said.startswith("1.") else VERSIONS_2
    answer = _json(strict_json.dumps({"version": versions}))
    return _dress(_without_body(answer) if request.method == "HEAD" else answer, version)


statements_resource = _resource(
    of_statements=True, GET=_get_statements, POST=_post_statements, PUT=_put_statement
)
activity_state = _document_resource(_state, "stateId", "state")
activity_profile = _document_resource(_activity_profile, "profileId", "profile")
agent_profile = _document_resource(_agent_profile, "profileId", "profile")
agents_resource = _resource(GET=_get_person)
activities = _resource(GET=_get_activity)
