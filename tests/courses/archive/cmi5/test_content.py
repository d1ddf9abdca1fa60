"""What launched content may do, over HTTP and with the real LRS behind: a whole session, and each refusal."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from courses.archive.cmi5 import launching, views
from courses.archive.cmi5.allowance import Allowance
from courses.archive.cmi5.models import Cmi5Registration, Cmi5Session
from courses.archive.cmi5.vocabulary import EXTENSION, LAUNCH_DATA, VOIDED
from courses.archive.xapi.models import LrsDocument
from tests.courses.archive.cmi5.conftest import LEARNER, Content, recorded, verbs
from tests.courses.archive.cmi5.packages import PAGE, au, block

EXPERIENCED = "http://adlnet.gov/expapi/verbs/experienced"
GOOD = {"languagePreference": "zh-CN,en", "audioPreference": "on"}


def test_a_session_from_the_launch_to_satisfied(imported, content):
    # Given a launched unit that asks for completed and passed
    course = imported(
        block(
            au(
                0,
                attributes='moveOn="CompletedAndPassed" masteryScore="0.9"',
                more="<launchParameters> sample string </launchParameters><entitlementKey> sample value </entitlementKey>",
            )
        )
    )
    unit = content(course, return_url="https://provider.example/done")
    # When it starts
    unit.start()
    # Then its launch data are those of the structure
    session = Cmi5Session.objects.get()
    assert unit.launch_data == {
        "contextTemplate": {
            "contextActivities": {"grouping": [{"id": "https://publisher.example/au/0"}]},
            "extensions": {f"{EXTENSION}sessionid": str(session.uuid)},
        },
        "launchMode": "Normal",
        "moveOn": "CompletedAndPassed",
        "launchParameters": "sample string",
        "masteryScore": 0.9,
        "returnURL": "https://provider.example/done",
        "entitlementKey": {"courseStructure": "sample value"},
    }
    # When it passes, says something of its own, completes and terminates
    for verb in ("passed", EXPERIENCED, "completed"):
        assert unit.say(verb).status_code == 204
    # Then block and course are satisfied at once, in this session, before it ends
    assert unit.say("terminated").status_code == 204
    assert verbs(unit.registration) == [
        "launched", "initialized", "passed", "experienced", "completed", "satisfied", "satisfied", "terminated"
    ]  # fmt: skip
    said = recorded(unit.registration)
    launched, of_block, of_course = said[0], said[5], said[6]
    extensions = launched["context"]["extensions"]
    assert {
        name.rpartition("/")[2]: value for name, value in extensions.items() if "launchurl" not in name
    } == {
        "sessionid": unit.session,
        "masteryscore": 0.9,
        "launchmode": "Normal",
        "moveon": "CompletedAndPassed",
        "launchparameters": "sample string",
    }
    for one, kind, publisher in (
        (of_block, "block", "https://publisher.example/block/0"),
        (of_course, "course", "https://publisher.example/course"),
    ):
        assert one["object"]["definition"]["type"] == f"https://w3id.org/xapi/cmi5/activitytype/{kind}"
        assert one["object"]["id"] != publisher
        assert one["context"]["contextActivities"]["grouping"] == [{"id": publisher}]
        assert {"id": "https://w3id.org/xapi/cmi5/context/categories/cmi5"} in one["context"][
            "contextActivities"
        ]["category"]
        assert one["context"]["extensions"][f"{EXTENSION}sessionid"] == unit.session
        assert one["actor"] == unit.actor
    assert Cmi5Registration.objects.get().satisfied == ["block:0", "course"]


def test_the_fetch_url_works_once(imported, content, client):
    unit = content(imported())
    path = urlsplit(unit.fetch_url).path
    # A look at it uses nothing up
    assert client.get(path).status_code == 405
    first = client.post(path)
    assert first.status_code == 200 and first["Content-Type"].startswith("application/json")
    assert set(first.json()) == {"auth-token"}
    assert first["Access-Control-Allow-Origin"] == "*"
    again = client.post(path)
    assert (again.status_code, again.json()["error-code"]) == (200, "1")
    assert "auth-token" not in again.json()
    # A guess, and a launch that never was
    for wrong in (path.replace(path.split("/")[-2], "x" * 43), f"/cmi5/fetch/{uuid.uuid4()}/x/"):
        assert client.post(wrong).json()["error-code"] == "2"


def test_a_launch_that_is_too_old_gives_no_token(imported, content):
    unit = content(imported(), now=timezone.now() - timedelta(hours=13))
    assert unit.fetch()["error-code"] == "1"
    # and a token runs out with its session
    other = content(imported(), now=timezone.now() - timedelta(hours=11)).start()
    Cmi5Session.objects.update(expires_at=timezone.now())
    assert other.say(EXPERIENCED).status_code == 401


def test_without_a_good_token_nothing_is_heard(imported, content):
    unit = content(imported())
    statement = {"id": str(uuid.uuid4())}
    for header in ({}, {"Authorization": ""}, {"Authorization": "Basic !"}, {"Authorization": "Bearer x"},
                   {"Authorization": "Basic Y2F0YXB1bHQ6eA=="}):  # fmt: skip
        answer = unit.ask("PUT", "statements", {"statementId": statement["id"]}, statement, headers=header)
        assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_UNKNOWN")
        assert answer["Access-Control-Allow-Origin"] == "*"
    assert verbs(unit.registration) == ["launched"]


def test_the_token_opens_nothing_at_the_lrs_itself(imported, content, client):
    unit = content(imported()).start()
    answer = client.get(
        "/xapi/statements",
        headers={"Authorization": f"Basic {unit.token}", "X-Experience-API-Version": "1.0.3"},
    )
    assert answer.status_code == 401


def test_first_launch_data_then_preferences_then_initialized(imported, content):
    unit = content(imported())
    unit.token = unit.fetch()["auth-token"]
    unit.launch_data = {
        "contextTemplate": {
            "contextActivities": {"grouping": [{"id": "https://publisher.example/au/0"}]},
            "extensions": {f"{EXTENSION}sessionid": str(Cmi5Session.objects.get().uuid)},
        }
    }
    steps = []
    for step in (lambda: None, lambda: unit.document("GET", LAUNCH_DATA), lambda: unit.preferences()):
        step()
        answer = unit.say("initialized")
        steps.append((answer.status_code, json.loads(answer.content or b"{}").get("code")))
    assert steps == [(403, "LAUNCH_DATA_NOT_READ"), (403, "PREFERENCES_NOT_READ"), (204, None)]
    assert verbs(unit.registration) == ["launched", "initialized"]


@pytest.mark.parametrize(
    ("break_it", "code"),
    [
        (lambda s: s.pop("timestamp"), "TIMESTAMP_MISSING"),
        (lambda s: s.update(timestamp="2026-09-30T01:00:00-06:00"), "TIMESTAMP_NOT_UTC"),
        (lambda s: s["actor"].update(objectType="Group"), "ACTOR_NOT_AN_AGENT"),
        (lambda s: s["actor"].update(objectType="Unknown"), "ACTOR_NOT_AN_AGENT"),
        (lambda s: s.pop("context"), "CONTEXT_MISSING"),
        (lambda s: s["context"].pop("registration"), "REGISTRATION_OTHER"),
        (lambda s: s["object"].update(id="http://example.com/other"), "OBJECT_OTHER"),
        (lambda s: s["result"].pop("duration"), "DURATION_MISSING"),
        (lambda s: s["context"]["contextActivities"]["category"].pop(), "CATEGORY_MOVE_ON"),
        (lambda s: s.update(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": str(uuid.uuid4())}), "VOIDING"),
    ],
)  # fmt: skip
def test_a_statement_that_breaks_a_rule_is_forbidden_and_not_recorded(imported, content, break_it, code):
    unit = content(imported()).start()
    statement = unit.statement("passed")
    break_it(statement)
    for answer in (unit.put(statement), unit.ask("POST", "statements", None, [statement])):
        assert (answer.status_code, answer.json()["code"]) == (403, code)
        assert answer["Access-Control-Allow-Origin"] == "*"
    assert verbs(unit.registration) == ["launched", "initialized"]
    assert Cmi5Session.objects.get().passed_at is None


def test_a_statement_without_an_id_is_forbidden(imported, content):
    unit = content(imported()).start()
    statement = unit.statement(EXPERIENCED)
    del statement["id"]
    answer = unit.ask("POST", "statements", None, statement)
    assert (answer.status_code, answer.json()["code"]) == (403, "ID_MISSING")
    assert unit.ask("POST", "statements", None, b"nonsense").status_code == 403


def test_a_batch_is_judged_in_its_order_and_kept_whole_or_not_at_all(imported, content):
    unit = content(imported()).start()
    good = [unit.statement("completed"), unit.statement("passed"), unit.statement("terminated")]
    # When the end stands before something else, nothing of it is kept
    wrong = [good[0], good[2], good[1]]
    assert unit.ask("POST", "statements", None, wrong).json()["code"] == "SESSION_ENDED"
    assert verbs(unit.registration) == ["launched", "initialized"]
    # In the right order all of it is
    assert unit.ask("POST", "statements", None, good).status_code == 200
    assert verbs(unit.registration)[2:] == ["completed", "passed", "terminated", "satisfied", "satisfied"]


def test_what_is_refused_by_the_lrs_moves_nothing(imported, content):
    unit = content(imported()).start()
    statement = unit.statement("passed") | {"unknown": 1}
    assert unit.put(statement).status_code == 400
    assert Cmi5Session.objects.get().passed_at is None
    assert not Cmi5Registration.objects.get().aus.exists()


def test_the_same_statement_again_moves_nothing_and_is_no_offence(imported, content):
    """A unit whose line broke sends again what was stored."""
    unit = content(imported()).start()
    statement = unit.statement("completed")
    assert unit.put(statement).status_code == 204
    assert unit.put(statement).status_code == 204
    assert unit.put(statement | {"timestamp": "2026-09-30T02:00:00.000Z"}).status_code == 409
    assert verbs(unit.registration) == ["launched", "initialized", "completed"]


def test_after_the_end_nothing_is_heard(imported, content):
    unit = content(imported()).start()
    known = unit.statement(EXPERIENCED)
    assert unit.put(known).status_code == 204
    assert unit.say("terminated").status_code == 204
    for answer in (unit.put(known), unit.say("terminated"), unit.document("GET", "mine"), unit.preferences()):
        assert answer.status_code == 401
    assert verbs(unit.registration)[-1] == "terminated"


def test_twice_in_a_registration(imported, content):
    # Given a unit that was completed but not passed, and another session of the same registration
    course = imported()
    first = content(course).start()
    assert first.say("completed").status_code == 204
    second = content(course, registration=uuid.UUID(first.registration)).start()
    # Then the first was abandoned by the launch, the activity is the same, and completed is refused
    assert second.activity == first.activity
    assert first.say(EXPERIENCED).status_code == 401
    answer = second.say("completed")
    assert (answer.status_code, answer.json()["code"]) == (403, "TWICE_IN_REGISTRATION")
    assert second.say("passed").status_code == 204
    assert verbs(first.registration) == [
        "launched", "initialized", "completed", "abandoned", "launched", "initialized", "passed", "satisfied", "satisfied"
    ]  # fmt: skip
    # And what is satisfied is launched to be looked at again
    third = content(course, registration=uuid.UUID(first.registration)).start()
    assert third.launch_data["launchMode"] == "Review"
    assert [third.say(verb).status_code for verb in ("completed", "passed", "failed")] == [403, 403, 403]


@pytest.mark.parametrize("mode", ["Browse", "Review"])
def test_nothing_is_completed_in_other_modes(imported, content, mode):
    unit = content(imported(), mode=mode).start()
    assert unit.launch_data["launchMode"] == mode
    for verb in ("completed", "failed", "passed"):
        assert unit.say(verb).json()["code"] == "NOT_IN_THIS_MODE"
    assert unit.say("terminated").status_code == 204
    assert verbs(unit.registration) == ["launched", "initialized", "terminated"]


def test_what_asks_for_nothing_is_satisfied_when_somebody_registers(imported, content):
    unit = content(imported(block(au(0, attributes='moveOn="NotApplicable"'))))
    assert verbs(unit.registration) == ["satisfied", "satisfied", "launched"]
    sessions = [one["context"]["extensions"][f"{EXTENSION}sessionid"] for one in recorded(unit.registration)]
    assert sessions[0] == sessions[1] != sessions[2]
    # and it may still complete
    assert unit.start().say("completed").status_code == 204
    assert verbs(unit.registration).count("satisfied") == 2


# documents


def test_launch_data_can_only_be_read(imported, content):
    unit = content(imported()).start()
    for method, body in (("PUT", {"test": True}), ("POST", {"test": True}), ("DELETE", None)):
        answer = unit.document(method, LAUNCH_DATA, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "LAUNCH_DATA_READ_ONLY")
    many = {"activityId": unit.activity, "agent": json.dumps(unit.actor), "registration": unit.registration}
    assert unit.ask("DELETE", "activities/state", many).status_code == 403
    assert json.loads(unit.document("GET", LAUNCH_DATA).content) == unit.launch_data


def test_a_unit_keeps_its_own_state(imported, content):
    course = imported()
    unit = content(course).start()
    assert unit.document("GET", "place").status_code == 404
    assert unit.document("PUT", "place", {"page": 3}).status_code == 204
    again = content(course, registration=uuid.UUID(unit.registration)).start()
    assert json.loads(again.document("GET", "place").content) == {"page": 3}
    assert again.document("DELETE", "place").status_code == 204


def test_a_unit_reads_and_writes_for_nobody_else(imported, content):
    course = imported()
    other = content(
        course, actor={"account": {"homePage": "https://provider.example/", "name": "4712"}}
    ).start()
    other.document("PUT", "place", {"page": 9})
    unit = content(course).start()
    strangers = [other.actor, {"mbox": "mailto:a@b.example"}, {}]
    for agent in strangers:
        query = {"stateId": "place", "activityId": unit.activity, "agent": json.dumps(agent)}
        for method in ("GET", "PUT", "DELETE"):
            assert unit.ask(method, "activities/state", query, {}).json()["code"] == "AGENT_OTHER"
        assert unit.preferences("GET", agent=agent or {"x": 1}).status_code == 403
        assert unit.ask("GET", "agents", {"agent": json.dumps(agent)}).status_code == 403
    query = {"stateId": "place", "activityId": unit.activity, "agent": json.dumps(unit.actor)}
    assert (
        unit.ask("GET", "activities/state", query | {"registration": other.registration}).status_code == 403
    )
    assert unit.ask("GET", "statements", {"registration": other.registration}).status_code == 403
    assert unit.ask("GET", "statements").status_code == 403
    assert unit.ask("GET", "statements", {"statementId": str(uuid.uuid4())}).status_code == 403
    assert json.loads(other.document("GET", "place").content) == {"page": 9}
    # its own it may read
    found = unit.ask("GET", "statements", {"registration": unit.registration, "ascending": "true"})
    assert [one["verb"]["id"].rpartition("/")[2] for one in found.json()["statements"]] == [
        "launched",
        "initialized",
    ]
    assert unit.ask("GET", "agents", {"agent": json.dumps(unit.actor)}).status_code == 200
    assert unit.ask("GET", "about").status_code == 200


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (GOOD, "text/plain;charset=UTF-8", "PREFERENCES_INVALID"),
        ("just some text", "text/plain", "PREFERENCES_INVALID"),
        ("{", "application/json", "PREFERENCES_INVALID"),
        ({"audioPreference": "on"}, "application/json", "PREFERENCES_INVALID"),
        ({"languagePreference": "en"}, "application/json", "PREFERENCES_INVALID"),
        (GOOD | {"languagePreference": "not comma separated"}, "application/json", "PREFERENCES_LANGUAGE"),
        (GOOD | {"languagePreference": ""}, "application/json", "PREFERENCES_LANGUAGE"),
    ],
)
def test_preferences_that_are_none_are_forbidden(imported, content, body, kind, code):
    unit = content(imported()).start()
    answer = unit.preferences("PUT", body, content_type=kind)
    assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert unit.preferences().status_code == 404


def test_a_document_of_nobody_is_a_bad_request_and_good_preferences_are_kept(imported, content):
    """Without an agent xAPI cannot tell whose it is: 400, not 403 (adlnet/CATAPULT issue 35)."""
    unit = content(imported()).start()
    for method in ("PUT", "GET", "DELETE"):
        for query in (
            {"profileId": "cmi5LearnerPreferences"},
            {"profileId": "cmi5LearnerPreferences", "agent": ""},
        ):
            answer = unit.ask(method, "agents/profile", query, GOOD if method == "PUT" else None)
            assert (answer.status_code, answer.json()["code"]) == (400, "AGENT_MISSING")
            assert answer["Access-Control-Allow-Origin"] == "*"
    unread = unit.ask("GET", "activities/state", {"activityId": unit.activity, "stateId": "s"})
    assert unread.status_code == 400
    assert unit.preferences().status_code == 404
    assert unit.preferences("PUT", GOOD, headers={"If-None-Match": "*"}).status_code == 204
    assert unit.preferences().json() == GOOD


def test_no_detour_leads_round_the_gate(imported, content):
    unit = content(imported()).start()
    assert unit.ask("POST", "statements", {"method": "PUT"}, "statementId=1").status_code == 403
    assert unit.ask("PATCH", "statements").status_code == 403
    assert unit.ask("DELETE", "statements").status_code == 403
    assert unit.ask("GET", "nothing").status_code == 403
    assert unit.ask("OPTIONS", "statements").status_code == 204
    query = {"profileId": "x", "activityId": "https://other.example/"}
    assert (
        unit.ask("PUT", "activities/profile", query, {"a": 1}, headers={"If-None-Match": "*"}).status_code
        == 403
    )


# files


def files(client, course, path, **headers):
    url = launching.launch(course, 0, actor=LEARNER, site="http://testserver").url
    root = urlsplit(url).path.rpartition("/")[0]
    return client.get(f"{root}/{path}", headers=headers)


def body(answer) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_a_page_of_a_package_is_handed_out_in_a_sandbox(imported, client):
    course = imported("", {"index.html": PAGE, "课件/a b.mp4": bytes(range(100)), "x.unknown": b"1"})
    answer = files(client, course, "index.html")
    assert (answer.status_code, body(answer).decode()) == (200, PAGE)
    assert answer["Content-Type"] == "text/html"
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts") and "allow-same-origin" not in policy
    assert "default-src 'self'" in policy and "form-action 'none'" in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cross-Origin-Opener-Policy"] == "unsafe-none"
    assert "X-Frame-Options" not in answer
    assert not answer.cookies
    assert files(client, course, "index.html", **{"If-None-Match": answer["ETag"]}).status_code == 304
    part = files(client, course, "课件/a b.mp4", Range="bytes=10-19")
    assert (part.status_code, body(part)) == (206, bytes(range(10, 20)))
    assert part["Content-Range"] == "bytes 10-19/100"
    assert files(client, course, "课件/a b.mp4", Range="bytes=200-").status_code == 416
    assert files(client, course, "x.unknown")["Content-Type"] == "application/octet-stream"


def test_nothing_else_is_handed_out(imported, client, settings):
    course, other = imported(), imported("", {"index.html": PAGE, "secret.html": "x"})
    (settings.STUDY["CMI5_DIR"] / "outside.txt").write_text("x")
    for path in (
        f"../{other.uuid}/secret.html",
        "../outside.txt",
        "%2e%2e/outside.txt",
        "nothing.html",
        "index.html/",
        ".",
    ):
        assert files(client, course, path).status_code == 404, path
    assert client.get("/cmi5/content/forged/index.html").status_code == 404
    url = launching.launch(
        course, 0, actor=LEARNER, site="http://testserver", now=timezone.now() - timedelta(hours=13)
    ).url
    assert client.get(urlsplit(url).path).status_code == 404
    assert client.post(urlsplit(url).path).status_code == 405


def test_an_expired_session_is_abandoned_by_the_clock(imported, content):
    course = imported()
    old = content(course, now=timezone.now() - timedelta(hours=13))
    young = Content(None, launching.launch(course, 0, actor=LEARNER, site="http://testserver").url)
    assert launching.abandon_expired() == 1
    assert verbs(old.registration) == ["launched", "abandoned"]
    assert verbs(young.registration) == ["launched"]
    assert launching.abandon_expired() == 0


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
def test_a_unit_reaches_documents_of_its_own_activity_and_the_preferences_only(imported, content, method):
    unit = content(imported()).start()
    agent = json.dumps(unit.actor)
    kept = {"agent": agent, "activityId": "http://elsewhere.example/a", "registration": unit.registration}
    for resource, query in (
        ("activities/state", kept | {"stateId": "s"}),
        ("activities/profile", {"activityId": "http://elsewhere.example/a", "profileId": "p"}),
        ("agents/profile", {"agent": agent, "profileId": "another"}),
        ("agents/profile", {"agent": agent}),
    ):
        answer = unit.ask(method, resource, query, None if method in ("GET", "DELETE") else {"a": 1})
        assert (answer.status_code, resource) == (403, resource)
    assert LrsDocument.objects.count() == 1  # the launch data
    assert unit.document("PUT", "s", {"a": 1}).status_code == 204
    assert unit.document("GET", "s").json() == {"a": 1}


def test_a_unit_that_asks_too_often_is_told_to_wait(imported, content, monkeypatch):
    course = imported()
    unit, other = content(course).start(), content(course, actor=SOMEBODY).start()
    monkeypatch.setattr(views, "_allowance", Allowance(3))
    now = timezone.now().replace(second=20, microsecond=0)
    monkeypatch.setattr(views.timezone, "now", lambda: now)
    answers = [unit.document("PUT", "place", {"page": page}) for page in range(5)]
    assert [answer.status_code for answer in answers] == [204, 204, 204, 429, 429]
    assert answers[-1]["Retry-After"] == "40"
    assert other.document("GET", "place").status_code == 404
    monkeypatch.setattr(views.timezone, "now", lambda: now + timedelta(minutes=1))
    assert unit.document("GET", "place").json() == {"page": 2}


SOMEBODY = {"account": {"homePage": "https://provider.example/", "name": "4713"}}
