"""Statements of AUs judged one by one: each rule by the smallest change of a statement that is right."""

from __future__ import annotations

import copy
from dataclasses import replace
from decimal import Decimal

import pytest

from courses.archive.cmi5.session_rules import SessionFacts, StatementRefused, check_preferences, judge
from courses.archive.cmi5.vocabulary import (
    CATEGORY_CMI5,
    CATEGORY_MOVE_ON,
    COMPLETED,
    EXTENSION,
    FAILED,
    INITIALIZED,
    PASSED,
    PROGRESS,
    SATISFIED,
    TERMINATED,
    VOIDED,
)
from courses.archive.cmi5.wording import sentence

ACTOR = {"objectType": "Agent", "account": {"homePage": "https://school.example/", "name": "7"}}
FACTS = SessionFacts(
    session="s-1",
    registration="760e3480-ba55-4991-94b0-01820dbd23a2",
    actor=ACTOR,
    activity_id="https://school.example/au/0",
    publisher_id="https://publisher.example/au/0",
    mastery_score=Decimal("0.9"),
    launch_data_read=True,
    preferences_read=True,
    initialized=True,
)
RESULTS = {
    INITIALIZED: None,
    COMPLETED: {"completion": True, "duration": "PT1S"},
    PASSED: {"success": True, "duration": "PT1S", "score": {"scaled": 0.9, "raw": 90, "min": 0, "max": 100}},
    FAILED: {
        "success": False,
        "duration": "PT1S",
        "score": {"scaled": 0.89, "raw": 89, "min": 0, "max": 100},
    },
    TERMINATED: {"duration": "P1DT2H3M4.5S"},
}
EXPERIENCED = "http://adlnet.gov/expapi/verbs/experienced"
MASTERY = f"{EXTENSION}masteryscore"


def said(verb: str) -> dict:
    """A statement with this verb that is right: cmi5's own, or one that it allows."""
    statement = {
        "id": "fd41c918-b88b-4b20-a0a5-a4c32391aaa0",
        "timestamp": "2026-09-30T01:00:00.000Z",
        "actor": copy.deepcopy(ACTOR),
        "verb": {"id": verb},
        "object": {"id": FACTS.activity_id},
        "context": {
            "registration": FACTS.registration,
            "contextActivities": {"grouping": [{"id": FACTS.publisher_id}], "category": []},
            "extensions": {f"{EXTENSION}sessionid": "s-1"},
        },
    }
    categories = statement["context"]["contextActivities"]["category"]
    if verb in RESULTS:
        categories.append({"id": CATEGORY_CMI5})
        if verb in (COMPLETED, PASSED, FAILED):
            categories.append({"id": CATEGORY_MOVE_ON})
        if RESULTS[verb] is not None:
            statement["result"] = copy.deepcopy(RESULTS[verb])
    if verb in (PASSED, FAILED):
        statement["context"]["extensions"][MASTERY] = 0.9
    return statement


def _place(statement: dict, path: str) -> tuple[dict, str]:
    """Where a dotted path leads: the object and the last name, which stands behind «~» where it holds dots itself."""
    way, _, named = path.partition("~")
    names = way.split(".")
    last = named or names.pop()
    for name in names:
        statement = statement[name]
    return statement, last


def put(path: str, value):
    """A change: set the value at a path."""

    def change(statement):
        there, last = _place(statement, path)
        there[last] = value

    return change


def drop(path: str):
    """A change: take away what is at a path."""

    def change(statement):
        there, last = _place(statement, path)
        del there[last]

    return change


def category(*ids):
    return put("context.contextActivities.category", [{"id": one} for one in ids])


@pytest.mark.parametrize(
    ("verb", "facts", "event"),
    [
        (INITIALIZED, replace(FACTS, initialized=False), "initialized"),
        (COMPLETED, FACTS, "completed"),
        (PASSED, FACTS, "passed"),
        (FAILED, FACTS, "failed"),
        (TERMINATED, FACTS, "terminated"),
        (EXPERIENCED, FACTS, None),
        # a verb of cmi5 without its category is a statement like any other
        ("http://adlnet.gov/expapi/verbs/answered", FACTS, None),
        # failing again in another session is no offence, nor is failing after completing
        (FAILED, replace(FACTS, completed=True, completed_before=True), "failed"),
        (PASSED, replace(FACTS, completed=True, completed_before=True), "passed"),
        (COMPLETED, replace(FACTS, passed=True, passed_before=True), "completed"),
        (TERMINATED, replace(FACTS, launch_mode="Browse"), "terminated"),
        (EXPERIENCED, replace(FACTS, launch_mode="Review"), None),
    ],
)
def test_what_is_right_is_accepted(verb, facts, event):
    assert judge(said(verb), facts) == event


def test_completed_without_the_category_moves_nothing():
    statement = said(COMPLETED)
    category()(statement)
    del statement["result"]
    assert judge(statement, FACTS) is None


def test_passed_without_a_score_needs_no_mastery_score():
    statement = said(PASSED)
    drop("result.score")(statement)
    drop("context.extensions~" + MASTERY)(statement)
    assert judge(statement, FACTS) == "passed"


def test_a_score_is_free_where_no_mastery_score_was_set():
    statement = said(PASSED)
    statement["result"]["score"] = {"scaled": 0.1}
    drop("context.extensions~" + MASTERY)(statement)
    assert judge(statement, replace(FACTS, mastery_score=None)) == "passed"


def test_zulu_may_be_written_as_zero_hours():
    statement = said(EXPERIENCED)
    statement["timestamp"] = "2026-09-30T01:00:00+00:00"
    assert judge(statement, FACTS) is None


ENDED = replace(FACTS, ended=True)
FRESH = replace(FACTS, initialized=False)
BROWSE = replace(FACTS, launch_mode="Browse")
REVIEW = replace(FACTS, launch_mode="Review")

WRONG = [
    # verb, change, facts, code
    (EXPERIENCED, None, ENDED, "SESSION_ENDED"),
    (TERMINATED, None, ENDED, "SESSION_ENDED"),
    (INITIALIZED, None, replace(FRESH, launch_data_read=False), "LAUNCH_DATA_NOT_READ"),
    (INITIALIZED, None, replace(FRESH, preferences_read=False), "PREFERENCES_NOT_READ"),
    (EXPERIENCED, drop("id"), FACTS, "ID_MISSING"),
    (EXPERIENCED, put("id", "1"), FACTS, "ID_MISSING"),
    (EXPERIENCED, drop("timestamp"), FACTS, "TIMESTAMP_MISSING"),
    (EXPERIENCED, put("timestamp", "soon"), FACTS, "TIMESTAMP_MISSING"),
    (EXPERIENCED, put("timestamp", "2026-09-30T01:00:00-06:00"), FACTS, "TIMESTAMP_NOT_UTC"),
    (EXPERIENCED, put("timestamp", "2026-09-30T01:00:00"), FACTS, "TIMESTAMP_NOT_UTC"),
    (EXPERIENCED, put("verb", {"id": VOIDED}), FACTS, "VOIDING"),
    (PASSED, put("actor.objectType", "Group"), FACTS, "ACTOR_NOT_AN_AGENT"),
    (PASSED, put("actor.objectType", "Unknown"), FACTS, "ACTOR_NOT_AN_AGENT"),
    (PASSED, drop("actor"), FACTS, "ACTOR_NOT_AN_AGENT"),
    (PASSED, put("actor", {"mbox": "mailto:a@b.example"}), FACTS, "ACTOR_OTHER"),
    (PASSED, put("actor.mbox", "mailto:a@b.example"), FACTS, "ACTOR_OTHER"),
    (EXPERIENCED, put("actor.account.name", "8"), FACTS, "ACTOR_OTHER"),
    (PASSED, drop("context"), FACTS, "CONTEXT_MISSING"),
    (PASSED, drop("context.registration"), FACTS, "REGISTRATION_OTHER"),
    (PASSED, put("context.registration", "ccaf384c-f8d4-4e7a-8304-49af58f0b176"), FACTS, "REGISTRATION_OTHER"),
    (EXPERIENCED, drop("context.extensions"), FACTS, "SESSION_OTHER"),
    (EXPERIENCED, put("context.extensions", {f"{EXTENSION}sessionid": "s-2"}), FACTS, "SESSION_OTHER"),
    (EXPERIENCED, drop("context.contextActivities.grouping"), FACTS, "CONTEXT_TEMPLATE"),
    (EXPERIENCED, put("context.contextActivities", []), FACTS, "CONTEXT_TEMPLATE"),
    (EXPERIENCED, category(CATEGORY_CMI5), FACTS, "VERB_NOT_DEFINED"),
    (TERMINATED, put("verb", {"id": SATISFIED}), FACTS, "VERB_NOT_DEFINED"),
    (TERMINATED, put("verb", "terminated"), FACTS, "VERB_NOT_DEFINED"),
    (PASSED, put("result", "good"), FACTS, "RESULT_INVALID"),
    (PASSED, put("object.id", "http://example.com/other"), FACTS, "OBJECT_OTHER"),
    (PASSED, put("object.objectType", "StatementRef"), FACTS, "OBJECT_OTHER"),
    (PASSED, put("result.completion", True), FACTS, "COMPLETION_NOT_HERE"),
    (PASSED, drop("result.success"), FACTS, "SUCCESS_WRONG"),
    (PASSED, put("result.success", False), FACTS, "SUCCESS_WRONG"),
    (PASSED, put("result.success", 1), FACTS, "SUCCESS_WRONG"),
    (FAILED, drop("result.success"), FACTS, "SUCCESS_WRONG"),
    (FAILED, put("result.success", True), FACTS, "SUCCESS_WRONG"),
    (COMPLETED, put("result.success", True), FACTS, "SUCCESS_NOT_HERE"),
    (COMPLETED, drop("result.completion"), FACTS, "COMPLETION_WRONG"),
    (COMPLETED, put("result.completion", False), FACTS, "COMPLETION_WRONG"),
    (TERMINATED, put("result.completion", True), FACTS, "COMPLETION_NOT_HERE"),
    (COMPLETED, put("result.score", {"scaled": 0.5}), FACTS, "SCORE_NOT_HERE"),
    (TERMINATED, drop("result"), FACTS, "DURATION_MISSING"),
    *[(verb, drop("result.duration"), FACTS, "DURATION_MISSING") for verb in (TERMINATED, COMPLETED, PASSED, FAILED)],
    (COMPLETED, put("result.duration", "a while"), FACTS, "DURATION_MISSING"),
    (COMPLETED, put("result.duration", "PT"), FACTS, "DURATION_MISSING"),
    (COMPLETED, put("result.duration", "P"), FACTS, "DURATION_MISSING"),
    (COMPLETED, put("result.extensions", {PROGRESS: 101}), FACTS, "PROGRESS_INVALID"),
    (COMPLETED, put("result.extensions", {PROGRESS: 0.5}), FACTS, "PROGRESS_INVALID"),
    (PASSED, put("result.score", {"scaled": 0.89}), FACTS, "PASSED_BELOW"),
    (FAILED, put("result.score", {"scaled": 0.9}), FACTS, "FAILED_ABOVE"),
    (FAILED, put("result.score", {"scaled": 0.91}), FACTS, "FAILED_ABOVE"),
    (PASSED, drop("result.score.min"), FACTS, "SCORE_WITHOUT_BOUNDS"),
    (PASSED, drop("result.score.max"), FACTS, "SCORE_WITHOUT_BOUNDS"),
    (PASSED, put("result.score.raw", 101), FACTS, "SCORE_INVALID"),
    (PASSED, put("result.score.scaled", 1.1), FACTS, "SCORE_INVALID"),
    (PASSED, put("result.score.scaled", "1"), FACTS, "SCORE_INVALID"),
    (PASSED, put("result.score.scaled", True), FACTS, "SCORE_INVALID"),
    (PASSED, put("result.score", 1), FACTS, "SCORE_INVALID"),
    (PASSED, drop("context.extensions~" + MASTERY), FACTS, "MASTERY_SCORE_OTHER"),
    (PASSED, put("context.extensions~" + MASTERY, 0.8), FACTS, "MASTERY_SCORE_OTHER"),
    (PASSED, put("context.extensions~" + MASTERY, "0.9"), FACTS, "MASTERY_SCORE_OTHER"),
    (PASSED, None, replace(FACTS, mastery_score=None), "MASTERY_SCORE_OTHER"),
    *[(verb, category(CATEGORY_CMI5), FACTS, "CATEGORY_MOVE_ON") for verb in (COMPLETED, PASSED, FAILED)],
    (TERMINATED, category(CATEGORY_CMI5, CATEGORY_MOVE_ON), FACTS, "CATEGORY_MOVE_ON"),
    (EXPERIENCED, category(CATEGORY_MOVE_ON), FACTS, "CATEGORY_MOVE_ON"),
    (PASSED, category(CATEGORY_MOVE_ON), FACTS, "CATEGORY_MOVE_ON"),
    *[(verb, None, FRESH, "NOT_INITIALIZED") for verb in (EXPERIENCED, COMPLETED, PASSED, FAILED, TERMINATED)],
    (INITIALIZED, category(), FRESH, "NOT_INITIALIZED"),
    (INITIALIZED, None, FACTS, "TWICE_IN_SESSION"),
    *[(verb, None, facts, "NOT_IN_THIS_MODE") for verb in (COMPLETED, PASSED, FAILED) for facts in (BROWSE, REVIEW)],
    (COMPLETED, None, FACTS.after("completed"), "TWICE_IN_SESSION"),
    (PASSED, None, FACTS.after("passed"), "TWICE_IN_SESSION"),
    (FAILED, None, FACTS.after("failed"), "TWICE_IN_SESSION"),
    (PASSED, None, FACTS.after("failed"), "TWICE_IN_SESSION"),
    (FAILED, None, FACTS.after("passed"), "TWICE_IN_SESSION"),
    (COMPLETED, None, replace(FACTS, completed_before=True), "TWICE_IN_REGISTRATION"),
    (PASSED, None, replace(FACTS, passed_before=True), "TWICE_IN_REGISTRATION"),
    (FAILED, None, replace(FACTS, passed_before=True), "FAILED_AFTER_PASSED"),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "change", "facts", "code"), WRONG)
def test_what_breaks_a_rule_is_refused(verb, change, facts, code):
    statement = said(verb)
    if change:
        change(statement)
    with pytest.raises(StatementRefused) as refused:
        judge(statement, facts)
    assert refused.value.code == code
    assert sentence(code)


@pytest.mark.parametrize("nonsense", [None, 1, "x", [], {}, {"id": 1}, {"actor": [], "verb": []}])
def test_nonsense_is_refused_and_never_breaks_us(nonsense):
    with pytest.raises(StatementRefused):
        judge(nonsense, FACTS)


def test_a_session_from_beginning_to_end():
    facts = FRESH
    for verb in (INITIALIZED, EXPERIENCED, COMPLETED, PASSED, TERMINATED):
        facts = facts.after(judge(said(verb), facts))
    assert facts.ended and facts.completed_before and facts.passed_before


@pytest.mark.parametrize(
    ("document", "whole", "code"),
    [
        ({"languagePreference": "zh-CN,en", "audioPreference": "on"}, True, None),
        ({"languagePreference": "zh-CN", "audioPreference": "off", "more": 1}, True, None),
        ({"audioPreference": "off"}, False, None),
        ("text", True, "PREFERENCES_INVALID"),
        ([], True, "PREFERENCES_INVALID"),
        ({"languagePreference": "en"}, True, "PREFERENCES_INVALID"),
        ({"audioPreference": "on"}, True, "PREFERENCES_INVALID"),
        (
            {"languagePreference": "not comma separated", "audioPreference": "on"},
            True,
            "PREFERENCES_LANGUAGE",
        ),
        ({"languagePreference": "", "audioPreference": "on"}, True, "PREFERENCES_LANGUAGE"),
        ({"languagePreference": 1}, False, "PREFERENCES_LANGUAGE"),
        ({"languagePreference": "en", "audioPreference": "loud"}, True, "PREFERENCES_AUDIO"),
    ],
)
def test_preferences(document, whole, code):
    if code is None:
        check_preferences(document, whole=whole)
        return
    with pytest.raises(StatementRefused) as refused:
        check_preferences(document, whole=whole)
    assert refused.value.code == code
