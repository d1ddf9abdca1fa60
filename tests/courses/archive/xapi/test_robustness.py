"""Whatever comes, the LRS answers and keeps its own rules: no 500, nothing half stored."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from courses.archive.xapi import formats, references, strict_json
from courses.archive.xapi.attachments import Attachment, join, split
from courses.archive.xapi.errors import BadRequest, StatementInvalid
from courses.archive.xapi.models import Statement, StatementRef
from courses.archive.xapi.validation import check_statement
from tests.courses.archive.xapi.conftest import (
    ACTIVITY,
    AGENT,
    CONTEXT,
    GROUP,
    RESULT,
    VERB,
    statement,
    sub_statement,
)

KNOWN = [
    "id", "actor", "verb", "object", "result", "context", "timestamp", "stored", "authority", "version",
    "attachments", "objectType", "name", "mbox", "account", "homePage", "member", "definition", "display",
    "extensions", "contextActivities", "registration", "score", "raw", "language", "en", "choices",
    "interactionType", "http://e.com/x",
]  # fmt: skip
GOOD = [AGENT, GROUP, ACTIVITY, VERB, CONTEXT, RESULT, statement(), sub_statement(), "http://e.com/x", "Agent", "Group",
        "SubStatement", "StatementRef", "6690e6c9-3ef0-4ed3-8b37-7f3964730bee", "2013-05-18T05:32:34.804Z", "choice"]  # fmt: skip
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(GOOD)
anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KNOWN) | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)
parts = st.dictionaries(st.sampled_from(KNOWN[:12]), anything, max_size=3)
db = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(anything, st.booleans())
def test_validation_says_yes_or_no_to_anything(value, v2):
    try:
        check_statement(value, v2=v2)
    except StatementInvalid:
        return
    references.named_in(formats.with_lists(value))


@given(parts, st.booleans())
def test_what_is_valid_can_be_compared_and_shown(more, v2):
    made = statement() | more
    try:
        check_statement(made, v2=v2)
    except StatementInvalid:
        return
    whole = formats.with_lists(made)
    assert references.comparable(whole) == references.comparable(formats.with_lists(whole))
    check_statement(whole, v2=v2)
    check_statement(formats.canonical(whole, ["en"], {}), v2=v2)
    formats.ids(whole)


@given(st.binary())
def test_any_bytes_are_json_or_refused(body):
    try:
        value = strict_json.loads(body)
    except BadRequest:
        return
    assert strict_json.loads(strict_json.dumps(value).encode()) == value


@given(anything)
def test_json_that_is_taken_comes_back(value):
    text = json.dumps(value)
    try:
        read = strict_json.loads(text.encode())
    except BadRequest:
        return
    assert read == json.loads(text)
    assert strict_json.loads(strict_json.dumps(read).encode()) == read


@given(st.binary(), st.text(st.sampled_from("abc-'\"; =\\"), max_size=20))
def test_any_multipart_is_parts_or_refused(body, boundary):
    try:
        split(body, boundary)
    except BadRequest:
        return


@given(st.lists(st.binary(max_size=40), max_size=3, unique=True))
def test_parts_come_back_from_what_was_joined(contents):
    sent = [Attachment(hashlib.sha256(one).hexdigest(), "text/plain", one) for one in contents]
    content_type, body = join("[]", sent)
    assert split(body, content_type.split("boundary=")[1]) == (b"[]", sent)


bodies = (
    st.binary()
    | anything.map(lambda value: json.dumps(value).encode())
    | parts.map(lambda more: json.dumps(statement() | more).encode())
)
types = st.sampled_from(["application/json", "multipart/mixed; boundary=a", "text/plain", ""])
NAMES = [
    "statementId", "voidedStatementId", "agent", "verb", "activity", "registration", "since", "until", "limit", "format",
    "attachments", "ascending", "related_agents", "related_activities", "more", "activityId", "stateId", "profileId", "method",
]  # fmt: skip
USUAL = [json.dumps(AGENT), "true", "1", "http://e.com/x", "2013-05-18T05:32:34Z", "GET", "canonical"]
texts = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(USUAL)
RESOURCES = ["statements", "agents", "activities", "activities/state", "activities/profile", "agents/profile"]


@pytest.mark.django_db
@db
@given(body=bodies, kind=types, method=st.sampled_from(["POST", "PUT"]))
def test_no_body_breaks_statements(either, body, kind, method):
    before = Statement.objects.count()
    params = {"statementId": "6690e6c9-3ef0-4ed3-8b37-7f3964730bee"} if method == "PUT" else {}
    answer = either.request(method, "statements", body, type=kind, **params)
    assert answer.status_code in (200, 204, 400, 403, 409)
    if answer.status_code >= 400:
        assert Statement.objects.count() == before
    assert either.get("statements", limit=1).status_code == 200
    assert either.get("statements", limit=1, format="canonical").status_code == 200
    assert StatementRef.objects.exclude(statement__in=Statement.objects.all()).count() == 0


@pytest.mark.django_db
@db
@given(
    params=st.dictionaries(st.sampled_from(NAMES), texts, max_size=4),
    path=st.sampled_from(RESOURCES),
    method=st.sampled_from(["GET", "HEAD", "DELETE", "PUT", "POST"]),
)
def test_no_parameters_break_a_resource(either, params, path, method):
    answer = either.client.generic(
        method,
        f"/xapi/{path}?{urlencode(params)}",
        b'{"a": 1}',
        content_type="application/json",
        headers={"authorization": either.authorization, "x-experience-api-version": either.version},
    )
    assert answer.status_code in (200, 204, 400, 404, 405, 409, 412)
