"""Statements over HTTP: what PUT, POST and GET promise (xAPI 1.0.3 Data 2.3, 2.5, Communication 2.1)."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from courses.archive.xapi import values
from courses.archive.xapi.models import Statement, StatementRef, StatementTarget
from courses.archive.xapi.validation import VOIDED
from tests.courses.archive.xapi.conftest import (
    ACTIVITY,
    AGENT,
    CONTEXT,
    GROUP,
    RESULT,
    V1,
    V2,
    change,
    new_id,
    statement,
    sub_statement,
)

pytestmark = pytest.mark.django_db

AUTHORITY = "http://127.0.0.1:8000"


def voiding(uuid: str, **parts):
    return statement(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": uuid}, **parts)


def referring(uuid: str, **parts):
    return statement(object={"objectType": "StatementRef", "id": uuid}, **parts)


def stored(lrs, made) -> str:
    """Post one statement; answers its id."""
    answer = lrs.post("statements", made)
    assert answer.status_code == 200, answer.content
    return answer.json()[0]


# PUT and POST


def test_put_then_get_gives_the_statement_with_what_the_lrs_sets(either):
    made = statement(context=CONTEXT, result=RESULT)
    uuid = new_id()
    before = timezone.now()

    assert either.put("statements", made, statementId=uuid).status_code == 204

    answer = either.get("statements", statementId=uuid)
    found = answer.json()
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert {name: found[name] for name in made} == made
    assert found["id"] == uuid
    assert found["version"] == ("1.0.0" if either.version == V1 else "2.0.0")
    assert found["authority"]["account"] == {"homePage": AUTHORITY, "name": "lrs-client:provider"}
    assert found["timestamp"] == found["stored"]
    at = values.moment(found["stored"], rfc3339=True)
    assert before <= at <= timezone.now()
    assert parsedate_to_datetime(answer["Last-Modified"]) == at.replace(microsecond=0)


def test_post_answers_the_ids_in_their_order(either):
    ids = [new_id(), new_id()]
    batch = [statement(id=ids[0]), statement(), statement(id=ids[1])]

    answer = either.post("statements", batch)

    assert answer.status_code == 200
    assert [answer.json()[0], answer.json()[2]] == ids
    assert len(answer.json()) == len(set(answer.json())) == 3
    assert either.post("statements", []).json() == []


def test_put_needs_the_id_as_a_parameter_and_the_same_in_the_statement(either):
    made = statement(id=new_id())
    refused = [
        either.put("statements", made),
        either.put("statements", made, StatementId=made["id"]),
        either.put("statements", made, statementId=new_id()),
        either.put("statements", made, statementId="true"),
        either.put("statements", change(made, "id", True), statementId="true"),
        either.put("statements", change(made, "id", {"key": "x"}), statementId=made["id"]),
        either.put("statements", [made], statementId=made["id"]),
        either.put("statements", made, statementId=made["id"], foo="bar"),
    ]
    assert [answer.status_code for answer in refused] == [400] * len(refused)
    assert not Statement.objects.exists()
    assert either.put("statements", made, statementId=made["id"].upper()).status_code == 204


def test_the_same_id_and_statement_moves_nothing(either):
    made = statement(
        id=new_id(), context=CONTEXT | {"team": GROUP | {"member": [AGENT, {"mbox": "mailto:b@example.com"}]}}
    )
    stored(either, made)
    row = Statement.objects.values().get()
    found = either.get("statements", statementId=made["id"]).json()
    again = change(made, "context.team.member", list(reversed(made["context"]["team"]["member"])))

    assert either.put("statements", made, statementId=made["id"]).status_code == 204
    assert either.post("statements", made).status_code == 204
    assert either.post("statements", [again]).status_code == 204
    assert either.put("statements", found, statementId=made["id"]).status_code == 204

    assert Statement.objects.values().get() == row
    mixed = either.post("statements", [made, statement()])
    assert mixed.status_code == 200 and mixed.json()[0] == made["id"]


@pytest.mark.parametrize(
    "path, new",
    [
        ("verb.id", "http://example.com/verbs/other"),
        ("actor.mbox", "mailto:other@example.com"),
        ("object.definition.name.zh-CN", "别的"),
        ("result.score.raw", 94),
        ("timestamp", "2013-05-18T05:32:34.805Z"),
        ("context.registration", "6690e6c9-3ef0-4ed3-8b37-7f3964730bee"),
        ("result", ...),
    ],
)
def test_the_same_id_and_another_statement_is_a_conflict(either, path, new):
    made = statement(id=new_id(), result=RESULT, context=CONTEXT, timestamp="2013-05-18T05:32:34.804Z")
    stored(either, made)
    row = Statement.objects.values().get()
    other = change(made, path, new)

    assert either.put("statements", other, statementId=made["id"]).status_code == 409
    assert either.post("statements", other).status_code == 409
    assert either.post("statements", [statement(), other]).status_code == 409

    assert Statement.objects.values().get() == row


def test_an_id_twice_in_a_batch_is_refused(either):
    made = statement(id=new_id())
    assert either.post("statements", [made, made]).status_code == 400
    assert either.post("statements", [made, made | {"id": made["id"].upper()}]).status_code == 400
    assert not Statement.objects.exists()


def test_one_bad_statement_spoils_the_batch(either):
    good = statement(id=new_id())
    bad = change(statement(id=new_id()), "verb.id", "should fail")

    assert either.post("statements", [good, bad]).status_code == 400

    assert either.get("statements", statementId=good["id"]).status_code == 404
    assert not StatementRef.objects.exists()


@pytest.mark.parametrize("body", ["x", 5, None, True, [5], ["x"], [[]], {}, [None]])
def test_a_body_that_is_no_statement(either, body):
    answer = either.request("POST", "statements", json.dumps(body).encode(), type="application/json")
    assert answer.status_code == 400
    assert not Statement.objects.exists()


def test_stored_of_the_sender_is_not_kept(either):
    uuid = stored(either, statement(stored="2011-07-15T00:00:00.000Z"))
    assert either.get("statements", statementId=uuid).json()["stored"] > "2026"


@pytest.mark.parametrize(
    "sent, in_1, in_2",
    [
        ("2013-05-18T05:32:34.804Z",) * 3,
        ("2013-05-18T13:32:34.804+08:00", "2013-05-18T13:32:34.804+08:00", "2013-05-18T05:32:34.804000Z"),
        ("2013-05-18T05:32:34.80412345Z",) * 3,
    ],
)
def test_a_timestamp_keeps_its_precision_and_is_utc_in_version_2(lrs, sent, in_1, in_2):
    for version, expected in ((V1, in_1), (V2, in_2)):
        uuid = stored(lrs.speaking(version), statement(timestamp=sent))
        assert lrs.get("statements", statementId=uuid).json()["timestamp"] == expected


@pytest.mark.parametrize(
    "said, version", [(said, version) for version in (V1, V2) for said in ("1.0", "1.0.9")] + [("2.0.0", V2)]
)
def test_the_version_of_a_statement_stays(lrs, said, version):
    uuid = stored(lrs.speaking(version), statement(version=said))
    assert lrs.get("statements", statementId=uuid).json()["version"] == said


def test_numbers_keep_their_precision(either):
    score = {"min": 0.12123434, "raw": 12.125, "max": 45.45, "scaled": 0.12123434}
    uuid = stored(
        either, statement(result={"score": score, "extensions": {"http://e.com/x": 12345678901234567890}})
    )
    found = either.get("statements", statementId=uuid).json()["result"]
    assert found["score"] == score
    assert found["extensions"] == {"http://e.com/x": 12345678901234567890}


def test_text_is_utf_8(either):
    verb = {
        "id": "http://example.com/verbs/x",
        "display": {"ja-JP": "出席した", "ar-EG": "حضر", "is-IS": "sótti", "x-emoji": "🎓"},
    }
    stored(either, statement(verb=verb))
    assert either.get("statements", verb=verb["id"]).json()["statements"][0]["verb"] == verb


@pytest.mark.parametrize("name", ["parent", "grouping", "category", "other"])
def test_context_activities_are_answered_as_lists(either, name):
    context = {"contextActivities": {name: ACTIVITY}}
    for made, way in (
        (statement(context=context), []),
        (statement(object=sub_statement(context=context)), ["object"]),
    ):
        found = either.get("statements", statementId=stored(either, made)).json()
        for step in way:
            found = found[step]
        assert found["context"]["contextActivities"] == {name: [ACTIVITY]}


# GET one


@pytest.mark.parametrize("name", ["statementId", "voidedStatementId"])
def test_a_statement_that_is_not_there(either, name):
    answer = either.get("statements", **{name: new_id()})
    assert answer.status_code == 404
    assert values.moment(answer["X-Experience-API-Consistent-Through"], rfc3339=True) is not None


ALONE = {
    "agent": AGENT, "verb": "http://example.com/v", "activity": "http://example.com/a", "registration": new_id(),
    "related_activities": True, "related_agents": True, "since": "2012-06-01T19:09:13.245Z",
    "until": "2012-06-01T19:09:13.245Z", "limit": 1, "ascending": True,
}  # fmt: skip


@pytest.mark.parametrize("name", ["statementId", "voidedStatementId"])
def test_one_statement_takes_format_and_attachments_only(either, name):
    uuid = stored(either, statement(id=new_id()))
    if name == "voidedStatementId":
        stored(either, voiding(uuid))
    for other, value in ALONE.items():
        assert either.get("statements", **{name: uuid, other: value}).status_code == 400, other
    assert either.get("statements", statementId=uuid, voidedStatementId=uuid).status_code == 400
    assert either.get("statements", **{name: uuid, "format": "ids"}).status_code == 200
    assert either.get("statements", **{name: uuid, "attachments": True}).status_code == 200


@pytest.mark.parametrize(
    "params",
    [
        {"statementId": "wrong"}, {"voidedStatementId": "wrong"}, {"agent": "wrong"}, {"agent": {"name": "x"}},
        {"verb": "not.a.valid.iri.com/verb"}, {"activity": "not.a.valid.iri.com/activity"}, {"registration": "wrong"},
        {"since": "wrong"}, {"until": "true"}, {"limit": "-1"}, {"limit": "x"}, {"limit": "1.5"}, {"format": "other"},
        {"ascending": "yes"}, {"related_agents": "1"}, {"attachments": "x"}, {"foo": "bar"}, {"more": "forged"},
        {"StatementId": new_id()}, {"VoidedStatementId": new_id()}, {"Agent": AGENT}, {"Verb": "http://e.com"},
        {"Activity": "http://e.com"}, {"Registration": new_id()}, {"Related_Activities": True}, {"Related_Agents": True},
        {"Since": "2012-06-01T19:09:13.245Z"}, {"Until": "2012-06-01T19:09:13.245Z"}, {"Limit": 10},
        {"Format": "ids"}, {"Attachments": True}, {"Ascending": True},
    ],
)  # fmt: skip
def test_parameters_that_are_not_known_or_not_right(either, params):
    assert either.get("statements", **params).status_code == 400


# GET many


def test_nothing_found_is_an_empty_list(either):
    assert either.get("statements", verb="http://example.com/none").json() == {"statements": [], "more": ""}


@pytest.fixture
def library(either):
    """Two statements with different everything, and one that only speaks of them inside a SubStatement."""
    one = statement(
        id=new_id(),
        actor={"mbox": "mailto:one@example.com"},
        verb={"id": "http://example.com/verbs/one"},
        object={"id": "http://example.com/activities/one"},
        context={
            "registration": new_id(),
            "instructor": {"account": {"homePage": "http://example.com", "name": "teacher"}},
            "team": GROUP | {"member": [{"openid": "http://open.id/member"}]},
            "contextActivities": {"grouping": [{"id": "http://example.com/activities/group"}]},
        },
    )
    two = statement(id=new_id(), actor={"objectType": "Group", "member": [AGENT]}, object=GROUP)
    inside = sub_statement(
        actor={"mbox": "mailto:inner@example.com"},
        object={"id": "http://example.com/activities/inner"},
        context={"contextActivities": {"other": {"id": "http://example.com/activities/one"}}},
    )
    three = statement(id=new_id(), actor={"mbox": "mailto:three@example.com"}, object=inside)
    for made in (one, two, three):
        stored(either, made)
    return {"one": one, "two": two, "three": three}


@pytest.mark.parametrize(
    "params, expected",
    [
        ({"agent": {"mbox": "mailto:one@example.com"}}, ["one"]),
        ({"agent": {"mbox": "mailto:one@example.com", "name": "ignored", "objectType": "Agent"}}, ["one"]),
        ({"agent": AGENT}, ["two"]),
        ({"agent": GROUP}, ["two"]),
        ({"agent": GROUP, "related_agents": True}, ["two", "one"]),
        ({"agent": {"account": {"homePage": "http://example.com", "name": "teacher"}}}, []),
        ({"agent": {"account": {"homePage": "http://example.com", "name": "teacher"}}, "related_agents": True}, ["one"]),
        ({"agent": {"openid": "http://open.id/member"}, "related_agents": True}, ["one"]),
        ({"agent": {"mbox": "mailto:inner@example.com"}}, []),
        ({"agent": {"mbox": "mailto:inner@example.com"}, "related_agents": True}, ["three"]),
        ({"agent": {"account": {"homePage": AUTHORITY, "name": "lrs-client:provider"}}, "related_agents": True},
         ["three", "two", "one"]),
        ({"verb": "http://example.com/verbs/one"}, ["one"]),
        ({"verb": "http://adlnet.gov/expapi/verbs/attended"}, ["three", "two"]),
        ({"activity": "http://example.com/activities/one"}, ["one"]),
        ({"activity": "http://example.com/activities/one", "related_activities": True}, ["three", "one"]),
        ({"activity": "http://example.com/activities/group"}, []),
        ({"activity": "http://example.com/activities/group", "related_activities": True}, ["one"]),
        ({"activity": "http://example.com/activities/inner"}, []),
        ({"activity": "http://example.com/activities/inner", "related_activities": True}, ["three"]),
        ({"related_activities": True}, ["three", "two", "one"]),
        ({"related_agents": True}, ["three", "two", "one"]),
        ({"verb": "http://example.com/verbs/one", "agent": AGENT}, []),
        ({"ascending": True}, ["one", "two", "three"]),
        ({"since": "2012-06-01T19:09:13.245Z"}, ["three", "two", "one"]),
        ({"until": "2012-06-01T19:09:13.245Z"}, []),
        ({"limit": 0}, ["three", "two", "one"]),
    ],
)  # fmt: skip
def test_filters(either, library, params, expected):
    assert either.ids(**params) == [library[name]["id"] for name in expected]


def test_filter_by_registration(either, library):
    assert either.ids(registration=library["one"]["context"]["registration"]) == [library["one"]["id"]]
    assert either.ids(registration=new_id()) == []


def test_since_is_after_and_until_includes(either, library):
    at = values.as_text(Statement.objects.get(uuid=library["two"]["id"]).stored_at)
    assert either.ids(since=at) == [library["three"]["id"]]
    assert either.ids(until=at) == [library["two"]["id"], library["one"]["id"]]


@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("verb", [None, "http://adlnet.gov/expapi/verbs/attended"])
def test_pages(either, ascending, verb):
    ids = [stored(either, statement(id=new_id())) for _ in range(5)]
    params = {"limit": 2, "ascending": ascending} | ({"verb": verb} if verb else {})
    meanwhile = {"verb": {"id": "http://example.com/other"}} if ascending else {}

    answer = either.get("statements", **params).json()
    found, pages = [one["id"] for one in answer["statements"]], 1
    while answer["more"]:
        assert answer["more"].startswith("/xapi/statements?more=")
        if verb or not ascending:  # what comes meanwhile does not disturb the pages
            stored(either, statement(**meanwhile))
        more = parse_qs(urlsplit(answer["more"]).query)["more"][0]
        answer = either.get("statements", more=more).json()
        found += [one["id"] for one in answer["statements"]]
        pages += 1

    assert found == (ids if ascending else list(reversed(ids)))
    assert pages == 3
    for forged in ("x" + more, more[:-1], ""):
        assert either.get("statements", more=forged).status_code == 400
    assert either.get("statements", more=more, limit=1).status_code == 400


def test_consistent_through_is_not_before_what_is_answered(either, library):
    answer = either.get("statements")
    through = values.moment(answer["X-Experience-API-Consistent-Through"], rfc3339=True)
    assert all(values.moment(one["stored"]) <= through for one in answer.json()["statements"])


# formats


def test_format_ids_and_exact(either):
    inner = sub_statement(actor=GROUP, object=ACTIVITY, context=CONTEXT)
    made = statement(id=new_id(), object=inner, actor={"objectType": "Group", "name": "x", "member": [AGENT]})
    stored(either, made)

    exact = either.get("statements", statementId=made["id"], format="exact").json()
    ids = either.get("statements", statementId=made["id"], format="ids").json()

    assert {name: exact[name] for name in made} == made
    assert ids["actor"] == {"objectType": "Group", "member": [{"objectType": "Agent", "mbox": AGENT["mbox"]}]}
    assert ids["verb"] == {"id": made["verb"]["id"]}
    assert ids["object"]["actor"] == {"objectType": "Group", "mbox": GROUP["mbox"]}
    assert ids["object"]["verb"] == {"id": made["verb"]["id"]}
    assert ids["object"]["object"] == {"id": ACTIVITY["id"]}
    assert ids["object"]["context"]["team"] == {"objectType": "Group", "mbox": GROUP["mbox"]}
    assert ids["authority"].keys() == {"objectType", "account"}
    assert either.get("statements", format="ids").json()["statements"] == [ids]


@pytest.mark.parametrize(
    "header, language",
    [
        ("en-GB", "en-GB"),
        ("en-gb", "en-GB"),
        ("zh", "zh-CN"),
        ("fr, en-US;q=0.5, zh-CN;q=0.1", "en-US"),
        ("zh-CN;q=0.1, en-US;q=0.5", "en-US"),
        ("zh-Hans-CN", "zh-CN"),
        ("fr", "zh-CN"),
        ("*", "zh-CN"),
        ("", "zh-CN"),
        ("en-GB;q=x, en-US", "en-US"),
    ],
)
def test_format_canonical_is_in_one_language(either, header, language):
    made = statement(
        id=new_id(), object=sub_statement(), context={"contextActivities": {"category": ACTIVITY}}
    )
    stored(either, made)
    headers = {"accept-language": header}

    found = either.get("statements", statementId=made["id"], format="canonical", headers=headers).json()
    exact = either.get("statements", statementId=made["id"], headers=headers).json()

    assert list(found["verb"]["display"]) == [language]
    assert list(found["object"]["verb"]["display"]) == [language]
    for activity in (found["object"]["object"], found["context"]["contextActivities"]["category"][0]):
        assert list(activity["definition"]["name"]) == [language]
        assert list(activity["definition"]["description"]) == [language]
        assert activity["definition"]["extensions"] == ACTIVITY["definition"]["extensions"]
    assert found["actor"] == AGENT
    assert exact["verb"] == made["verb"]
    assert exact["object"] == made["object"]


def test_format_canonical_knows_what_other_statements_told(either):
    stored(either, statement(id=new_id()))
    uuid = stored(either, statement(object={"id": ACTIVITY["id"]}))
    found = either.get(
        "statements", statementId=uuid, format="canonical", headers={"accept-language": "en-GB"}
    ).json()
    assert found["object"]["definition"]["name"] == {"en-GB": "Lesson 7"}
    assert either.get("statements", statementId=uuid).json()["object"] == {"id": ACTIVITY["id"]}


# voiding and references


@pytest.mark.parametrize("voider_first", [False, True])
def test_a_voided_statement_is_found_by_its_own_parameter_only(either, voider_first):
    made = statement(id=new_id())
    void = voiding(made["id"], id=new_id())
    for one in (void, made) if voider_first else (made, void):
        stored(either, one)

    assert either.get("statements", statementId=made["id"]).status_code == 404
    assert either.get("statements", voidedStatementId=made["id"]).json()["id"] == made["id"]
    assert either.get("statements", statementId=void["id"]).status_code == 200
    assert either.get("statements", voidedStatementId=void["id"]).status_code == 404
    assert either.ids() == [void["id"]]


def test_in_one_batch_too(either):
    made = statement(id=new_id())
    void = voiding(made["id"], id=new_id())
    assert either.post("statements", [void, made]).status_code == 200
    assert either.ids() == [void["id"]]


def test_a_voiding_statement_cannot_be_voided(either):
    made = statement(id=new_id())
    void = voiding(made["id"], id=new_id())
    for one in (made, void):
        stored(either, one)

    stored(either, voiding(void["id"]))
    stored(either, voiding(made["id"]))

    assert either.get("statements", statementId=void["id"]).status_code == 200
    assert either.get("statements", statementId=made["id"]).status_code == 404


def test_what_is_not_there_may_be_voided(either):
    stored(either, voiding(new_id()))


def test_a_statement_that_refers_to_one_that_fits_is_found_as_well(either):
    verb = {"id": "http://example.com/verbs/target"}
    made = statement(id=new_id(), verb=verb, context={"registration": new_id()})
    void, refer, further = (
        voiding(made["id"], id=new_id()),
        referring(made["id"], id=new_id(), verb=verb),
        referring(new_id(), id=new_id()),
    )
    further["object"]["id"] = refer["id"]
    began = timezone.now() - timedelta(seconds=5)
    for one in (made, void, refer, further):
        stored(either, one)
    expected = [further["id"], refer["id"], void["id"]]

    assert either.ids(verb=verb["id"]) == expected
    assert either.ids(verb=verb["id"], since=values.as_text(began)) == expected
    assert (
        either.ids(verb=verb["id"], until=values.as_text(timezone.now() + timedelta(seconds=5))) == expected
    )
    assert either.ids(verb=verb["id"], ascending=True) == list(reversed(expected))
    assert either.ids(verb=verb["id"], limit=1) == expected[:1]
    assert either.ids(registration=made["context"]["registration"]) == expected
    assert either.ids(activity=ACTIVITY["id"]) == expected
    assert either.ids(agent={"mbox": "mailto:nobody@example.com"}) == []


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 2, 1), (1, 2, 0), (2, 0, 1)])
def test_chains_of_references_in_any_order_of_arrival(either, order):
    verb = {"id": "http://example.com/verbs/first"}
    first = statement(id=new_id(), verb=verb)
    second = referring(first["id"], id=new_id())
    third = referring(second["id"], id=new_id())
    chain = [first, second, third]

    for number in order:
        stored(either, chain[number])

    assert set(either.ids(verb=verb["id"])) == {one["id"] for one in chain}


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_a_chain_within_one_batch(lrs, order):
    verb = {"id": "http://example.com/verbs/first"}
    chain = [statement(id=new_id(), verb=verb)]
    for _ in range(3):
        chain.append(referring(chain[-1]["id"], id=new_id()))

    assert lrs.post("statements", [chain[number] for number in order]).status_code == 200

    assert set(lrs.ids(verb=verb["id"])) == {one["id"] for one in chain}


def test_a_ring_of_references_ends(either):
    one, two = new_id(), new_id()
    stored(either, referring(two, id=one))
    stored(either, referring(one, id=two))
    itself = new_id()
    stored(either, referring(itself, id=itself))
    assert set(either.ids(agent=AGENT)) == {one, two, itself}


@pytest.mark.parametrize("backwards", [False, True])
def test_a_chain_is_followed_eight_steps_and_costs_no_square(lrs, backwards):
    verb = {"id": "http://example.com/verbs/first"}
    chain = [statement(id=new_id(), verb=verb)]
    for _ in range(40):
        chain.append(referring(chain[-1]["id"], id=new_id()))

    for one in reversed(chain) if backwards else chain:
        stored(lrs, one)

    assert set(lrs.ids(verb=verb["id"])) == {one["id"] for one in chain[:9]}
    assert StatementTarget.objects.count() == sum(min(8, number) for number in range(41))


def test_a_long_chain_at_once_is_refused(lrs):
    chain = [statement(id=new_id())]
    for _ in range(200):
        chain.append(referring(chain[-1]["id"], id=new_id()))
    assert lrs.post("statements", chain).status_code == 400
    assert not Statement.objects.exists() and not StatementTarget.objects.exists()
    assert lrs.post("statements", chain[:140]).status_code == 200
    assert StatementTarget.objects.count() == 139 + sum(min(7, number) for number in range(139))


def test_many_may_refer_to_one(lrs):
    first = statement(id=new_id())
    stored(lrs, first)
    assert (
        lrs.post("statements", [referring(first["id"], id=new_id()) for _ in range(1000)]).status_code == 200
    )
    assert StatementTarget.objects.count() == 1000


def test_a_request_names_so_many_and_no_more(lrs):
    members = [{"mbox": f"mailto:{number}@example.com"} for number in range(5000)]
    group = {"objectType": "Group", "member": members}
    assert lrs.post("statements", statement(actor=group)).status_code == 400
    assert not Statement.objects.exists() and not StatementRef.objects.exists()
    group["member"] = members[:4900]
    assert lrs.post("statements", statement(actor=group)).status_code == 200
    many = statement(
        context={"contextActivities": {"other": [{"id": f"http://e.com/{n}"} for n in range(8)]}}
    )
    assert lrs.post("statements", [many] * 1000).status_code == 200


# agents and activities


def test_a_person_has_lists(either):
    stored(either, statement(actor=AGENT))
    stored(either, statement(actor={"mbox": AGENT["mbox"], "name": "学员乙"}))
    person = either.get("agents", agent=AGENT).json()
    assert person == {"objectType": "Person", "name": ["学员甲", "学员乙"], "mbox": [AGENT["mbox"]]}


@pytest.mark.parametrize(
    "agent",
    [
        {"mbox_sha1sum": "cd9b00a5611f94eaa7b1661edab976068e364975"},
        {"openid": "http://openid.example.org/12345"},
        {"account": {"homePage": "http://example.com", "name": "x"}},
    ],
)
def test_a_person_of_whom_nothing_is_known(either, agent):
    person = either.get("agents", agent=agent).json()
    assert person == {"objectType": "Person", "name": []} | {name: [value] for name, value in agent.items()}


@pytest.mark.parametrize(
    "params", [{}, {"agent": "x"}, {"agent": {"name": "x"}}, {"agent": AGENT, "foo": "bar"}, {"Agent": AGENT}]
)
def test_agents_needs_an_agent(either, params):
    assert either.get("agents", **params).status_code == 400


def test_an_activity_is_what_all_statements_told(either):
    stored(either, statement())
    french = {
        "id": ACTIVITY["id"],
        "definition": {"name": {"fr-FR": "réunion"}, "type": "http://example.com/new"},
    }
    stored(either, statement(context={"contextActivities": {"parent": french}}))

    found = either.get("activities", activityId=ACTIVITY["id"]).json()

    assert found["definition"]["name"] == ACTIVITY["definition"]["name"] | {"fr-FR": "réunion"}
    assert found["definition"]["description"] == ACTIVITY["definition"]["description"]
    assert found["definition"]["type"] == "http://example.com/new"


def test_an_activity_seen_once_and_one_never_seen(either):
    stored(either, statement())
    assert either.get("activities", activityId=ACTIVITY["id"]).json() == ACTIVITY
    unknown = "http://example.com/path/../unknown"
    assert either.get("activities", activityId=unknown).json() == {"objectType": "Activity", "id": unknown}


@pytest.mark.parametrize(
    "params", [{}, {"activityId": "true"}, {"activityId": "x y"}, {"ActivityId": "http://e.com"}]
)
def test_activities_needs_an_iri(either, params):
    assert either.get("activities", **params).status_code == 400


def test_the_later_definition_wins_again_and_again(either, django_capture_on_commit_callbacks):
    for name in ("甲", "乙", "甲", "甲"):
        target = {"id": "http://example.com/x", "definition": {"name": {"zh-CN": name}}}
        with django_capture_on_commit_callbacks(execute=True):
            stored(either, statement(object=target))
        assert (
            either.get("activities", activityId="http://example.com/x").json()
            == {"objectType": "Activity"} | target
        )


@pytest.mark.parametrize(
    "again, status",
    [("0.12", 204), ("0.1237", 204), ("0,129", 204), ("0.120", 204), ("0.13", 409), ("1.12", 409)],
)
def test_a_statement_sent_again_with_another_precision_is_the_same(either, again, status):
    made = statement(id=new_id(), result={"duration": "P1DT12H36M0.12S"})
    assert either.post("statements", made).status_code == 200
    made["result"]["duration"] = f"P1DT12H36M{again}S"
    assert either.post("statements", made).status_code == status
    assert Statement.objects.count() == 1
