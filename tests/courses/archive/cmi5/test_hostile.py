"""Whatever arrives: a refusal with a code, never a fault of ours, and never anything left behind."""

from __future__ import annotations

import copy
import io
import json
import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from courses.archive.cmi5.errors import PackageInvalid
from courses.archive.cmi5.gate import Asked, judge_request
from courses.archive.cmi5.packages import Limits, open_package, store
from courses.archive.cmi5.session_rules import StatementRefused, judge
from courses.archive.cmi5.structure import read_structure
from courses.archive.cmi5.vocabulary import COMPLETED, FAILED, INITIALIZED, PASSED, TERMINATED
from courses.archive.cmi5.wording import WORDS
from tests.courses.archive.cmi5.packages import PAGE, au, block, package, structure
from tests.courses.archive.cmi5.test_session_rules import EXPERIENCED, FACTS, said

XML = structure(block(au(0, attributes='moveOn="Passed" masteryScore="0.5"') + au(1)) + au(2)).encode()
ZIP = package(structure(au(0)), {"index.html": PAGE, "a/b.js": "1" * 500}).getvalue()
SMALL = Limits(upload_bytes=10_000_000, total_bytes=10_000_000, files=100)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=8)
    | st.sampled_from(["Agent", "Activity", COMPLETED, FACTS.session, FACTS.registration]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value, way=()):
    """Every place in a JSON value, as a tuple of names and numbers."""
    yield way
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*way, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, (*way, number))


def changed(value, way, new):
    if not way:
        return new
    made = copy.deepcopy(value)
    there = made
    for step in way[:-1]:
        there = there[step]
    there[way[-1]] = new
    return made


@settings(max_examples=400)
@given(st.data())
def test_a_statement_with_anything_anywhere_is_judged(data):
    statement = said(
        data.draw(st.sampled_from([INITIALIZED, COMPLETED, PASSED, FAILED, TERMINATED, EXPERIENCED]))
    )
    way = data.draw(st.sampled_from(list(places(statement))))
    strange = changed(statement, way, data.draw(json_values))
    facts = replace(FACTS, initialized=data.draw(st.booleans()))
    try:
        event = judge(strange, facts)
    except StatementRefused as refused:
        assert refused.code in WORDS
        return
    # What passes is the learner's own, in her registration and session.
    assert strange["actor"]["account"] == FACTS.actor["account"]
    assert strange["context"]["registration"] == FACTS.registration
    assert FACTS.session in strange["context"]["extensions"].values()
    assert event in (None, "initialized", "completed", "passed", "failed", "terminated")


@settings(max_examples=300)
@given(
    method=st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", ""]),
    resource=st.sampled_from(
        [
            "statements",
            "activities/state",
            "activities/profile",
            "agents/profile",
            "agents",
            "activities",
            "about",
            "x",
        ]
    ),
    query=st.dictionaries(
        st.sampled_from(
            ["agent", "stateId", "profileId", "activityId", "registration", "method", "statementId"]
        ),
        st.text(max_size=20)
        | json_values.map(json.dumps)
        | st.sampled_from([json.dumps(FACTS.actor), FACTS.registration, FACTS.activity_id, "LMS.LaunchData"]),
    ),
    body=st.binary(max_size=40) | json_values.map(lambda value: json.dumps(value).encode()),
    statements=st.none() | st.lists(json_values, max_size=3),
)
def test_a_request_with_anything_in_it_is_judged(method, resource, query, body, statements):
    asked = Asked(method, resource, query, "application/json", body, statements)
    try:
        judge_request(asked, FACTS)
    except StatementRefused as refused:
        assert refused.code in WORDS
        return
    # What passes does not write launch data, and touches no other learner's documents.
    if resource == "activities/state":
        assert method in {"GET", "HEAD"} or query["stateId"] != "LMS.LaunchData"
    if resource in {"activities/state", "agents/profile", "agents"}:
        assert json.loads(query["agent"])["account"] == FACTS.actor["account"]


@settings(max_examples=300)
@given(st.data())
def test_a_structure_with_anything_in_it_is_read_or_refused(data):
    begin = data.draw(st.integers(0, len(XML)))
    end = data.draw(st.integers(begin, min(len(XML), begin + 60)))
    strange = (
        XML[:begin] + data.draw(st.binary(max_size=30) | st.text(max_size=20).map(str.encode)) + XML[end:]
    )
    with suppress(PackageInvalid):
        assert read_structure(strange).aus()


@settings(max_examples=500)
@given(st.data())
def test_a_zip_with_anything_in_it_is_stored_whole_or_leaves_nothing(data):
    raw = bytearray(ZIP)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        raw = raw[: data.draw(st.integers(0, len(raw)))]
    folder = Path(tempfile.mkdtemp())
    # A file of the system and one in memory fail in different ways.
    file = io.BytesIO() if data.draw(st.booleans()) else tempfile.TemporaryFile()  # noqa: SIM115
    file.write(raw)
    try:
        store(open_package(file, "application/zip", limits=SMALL), folder / "course")
    except PackageInvalid as refused:
        assert refused.code in WORDS
        assert list(folder.iterdir()) == []
    else:
        assert (folder / "course" / "cmi5.xml").is_file()
        assert [one.name for one in folder.iterdir()] == ["course"]
    finally:
        file.close()
        shutil.rmtree(folder)
