"""What a statement must be, rule by rule, in every place where the rule holds.

The rules: xAPI 1.0.3 Data 2 and 4 (XAPI-00001 to 00138 of the list of requirements); IEEE 9274.1.1 §4.2.
"""

import pytest

from courses.archive.xapi.errors import StatementInvalid
from courses.archive.xapi.validation import VOIDED, check_agent, check_statement
from tests.courses.archive.xapi.conftest import (
    ACTIVITY,
    AGENT,
    CONTEXT,
    GROUP,
    RESULT,
    VERB,
    change,
    new_id,
    statement,
    sub_statement,
)

REF = {"objectType": "StatementRef", "id": "8f87ccde-bb56-4c2e-ab83-44982ef22df0"}
ACCOUNT = {"homePage": "http://example.com/users", "name": "7"}
ATTACHMENT = {
    "usageType": "http://example.com/attachment-usage/test",
    "display": {"en-US": "A test"},
    "description": {"en-US": "A test"},
    "contentType": "text/plain; charset=ascii",
    "length": 27,
    "sha2": "495395e777cd98da653df9615d09c0fd6bb2f8d4788394cd53c56a3bfdcd848a",
    "fileUrl": "http://example.com/file.txt",
}
IDENTIFIERS = {
    "mbox": "mailto:a@example.com",
    "mbox_sha1sum": "cd9b00a5611f94eaa7b1661edab976068e364975",
    "openid": "http://openid.example.org/12345",
    "account": ACCOUNT,
}


def is_valid(made, *, v2: bool) -> bool:
    try:
        check_statement(made, v2=v2)
    except StatementInvalid:
        return False
    return True


def both(made) -> set[bool]:
    return {is_valid(made, v2=False), is_valid(made, v2=True)}


def placed(part: dict, name: str) -> list[dict]:
    """Statements with `part` as `name` at the top and in a SubStatement."""
    return [statement(**{name: part}), statement(object=sub_statement(**{name: part}))]


def agent_places(agent: dict) -> list[dict]:
    """Statements with the agent wherever an Agent or Group may stand, but for the authority."""
    return [
        *placed(agent, "actor"),
        *placed(agent, "object"),
        *placed({"instructor": agent}, "context"),
    ]


# a whole statement


@pytest.mark.parametrize(
    "made",
    [
        statement(),
        statement(id=new_id(), timestamp="2013-05-18T05:32:34.804Z", stored="2011-07-15T00:00:00.000Z"),
        statement(context=CONTEXT, result=RESULT, attachments=[ATTACHMENT], authority=AGENT),
        statement(object=sub_statement(context=CONTEXT, result=RESULT, attachments=[ATTACHMENT])),
        statement(object=REF),
        statement(object=sub_statement(object=REF)),
        statement(object=GROUP),
        statement(verb=change(VERB, "id", VOIDED), object=REF),
        statement(attachments=[]),
        statement(object={"id": "http://example.com/x"}),
        statement(object={"id": "http://example.com/x", "definition": {}}),
        statement(verb={"id": "http://example.com/verbs/x"}),
        statement(result={}),
        statement(context={}),
    ],
)
def test_valid_in_both_versions(made):
    assert both(made) == {True}


@pytest.mark.parametrize("name", ["actor", "verb", "object"])
def test_actor_verb_and_object_are_needed(name):
    assert both(statement(**{name: None})) == {False}
    assert both(statement(object=sub_statement(**{name: None}))) == {False}


@pytest.mark.parametrize(
    "path", ["actor", "verb", "object", "result", "context", "timestamp", "stored", "authority", "version",
             "attachments", "id", "actor.name", "verb.display.en-US", "context.registration", "object.definition",
             "object.definition.moreInfo", "object.definition.name", "result.score", "result.score.raw",
             "context.contextActivities.category", "context.team"]
)  # fmt: skip
def test_null_is_refused_everywhere_but_in_extensions(path):
    made = statement(context=CONTEXT, result=RESULT)
    assert both(change(made, path, None)) == {False}


@pytest.mark.parametrize("path", ["object.definition", "context", "result"])
@pytest.mark.parametrize("value", [None, "", {}, [], 5, True, "x", {"key": None}])
def test_an_extension_may_be_anything(path, value):
    made = statement(context=CONTEXT, result=RESULT)
    extensions = {"http://example.com/ext": value}
    assert both(change(made, f"{path}.extensions", extensions)) == {True}
    assert both(
        change(
            statement(object=made | {"objectType": "SubStatement"}), f"object.{path}.extensions", extensions
        )
    ) == {True}
    assert both(change(made, f"{path}.extensions", {})) == {True}


@pytest.mark.parametrize("path", ["object.definition", "context", "result"])
@pytest.mark.parametrize(
    "extensions", [{"should fail": 1}, {"example.com/x": 1}, {"": 1}, "x", 1, [], {"id": "x"}]
)
def test_the_key_of_an_extension_is_an_iri(path, extensions):
    made = statement(context=CONTEXT, result=RESULT)
    assert both(change(made, f"{path}.extensions", extensions)) == {False}


@pytest.mark.parametrize(
    "path", ["iD", "Actor", "veRb", "oBject", "RESULT", "conText", "timeStamp", "STOred", "auTHORity", "Version",
             "attachmentS", "dummy", "actor.Name", "actor.dummy", "verb.dummy", "verb.Display", "object.dummy",
             "object.definition.dummy", "result.dummy", "result.score.dummy", "context.dummy",
             "context.contextActivities.dummy", "context.statement.dummy", "context.team.dummy"]
)  # fmt: skip
def test_a_property_that_is_not_known_is_refused(path):
    assert both(change(statement(context=CONTEXT, result=RESULT), path, AGENT)) == {False}


@pytest.mark.parametrize("made", [[], "x", 1, None, True, {}])
def test_a_statement_is_an_object(made):
    assert both(made) == {False}


@pytest.mark.parametrize("bad", [12345, {"key": "x"}, "AA97B177-9383-4934-8543-0F91A7A028368", "", "x", True])
@pytest.mark.parametrize("path", ["id", "context.registration", "context.statement.id"])
def test_ids_are_uuids(path, bad):
    assert both(change(statement(context=CONTEXT), path, bad)) == {False}


@pytest.mark.parametrize("bad", [12345, {"key": "x"}, "", "x", ...])
def test_a_statement_ref_has_a_uuid(bad):
    assert both(change(statement(object=REF), "object.id", bad)) == {False}
    assert both(statement(object=change(sub_statement(object=REF), "object.id", bad))) == {False}


@pytest.mark.parametrize(
    "kind", ["statementref", "StatementREF", "Statement", "substatement", "activity", "agent", "", 5, {}, []]
)
def test_the_kind_of_an_object_is_written_exactly(kind):
    for target in (REF, ACTIVITY, sub_statement(), AGENT):
        assert both(statement(object=target | {"objectType": kind})) == {False}
    assert both(statement(object=sub_statement(object=REF | {"objectType": kind}))) == {False}


# times, versions


@pytest.mark.parametrize(
    "text, v1, v2",
    [
        ("2013-05-18T05:32:34.804Z", True, True),
        ("2013-05-18T05:32:34.804+08:00", True, True),
        ("2008-09-15 15:53:00.601+00:00", True, True),
        ("20130518T053234Z", True, False),
        ("2008-09-15T15:53:00.601-00", False, False),
        ("2008-09-15T15:53:00.601-0000", False, False),
        ("2008-09-15T15:53:00.601-00:00", False, False),
        ("01/011/2015", False, False),
        ("should fail", False, False),
        (12345, False, False),
        ({}, False, False),
        ("2999-01-01T00:00:00Z", True, True),
    ],
)
@pytest.mark.parametrize("name", ["timestamp", "stored"])
def test_times(name, text, v1, v2):
    made = statement(**{name: text})
    assert (is_valid(made, v2=False), is_valid(made, v2=True)) == (v1, v2)
    if name == "timestamp":
        made = statement(object=sub_statement(timestamp=text))
        assert (is_valid(made, v2=False), is_valid(made, v2=True)) == (v1, v2)


@pytest.mark.parametrize(
    "version, v1, v2",
    [
        ("1.0", True, True),
        ("1.0.0", True, True),
        ("1.0.9", True, True),
        ("2.0.0", False, True),
        ("0.9.9", False, False),
        ("1.1.0", False, False),
        ("1.0.x", False, False),
        ("should fail", False, False),
        (1.0, False, False),
    ],
)
def test_the_version_of_a_statement(version, v1, v2):
    made = statement(version=version)
    assert (is_valid(made, v2=False), is_valid(made, v2=True)) == (v1, v2)


# agents and groups


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_each_identifier_alone_makes_an_agent_or_a_group(name):
    agent = {"objectType": "Agent", name: IDENTIFIERS[name]}
    group = {"objectType": "Group", name: IDENTIFIERS[name]}
    for made in [*agent_places(agent), *agent_places(group), *placed({"team": group}, "context")]:
        assert both(made) == {True}
    assert both(statement(actor={name: IDENTIFIERS[name]})) == {True}
    assert both(statement(authority=agent)) == {True}
    with_members = group | {"member": [AGENT, {name: IDENTIFIERS[name]}]}
    assert both(statement(actor=with_members)) == {True}
    assert both(statement(actor=group | {"member": []})) == {True}


@pytest.mark.parametrize("one", IDENTIFIERS)
@pytest.mark.parametrize("other", IDENTIFIERS)
def test_two_identifiers_are_one_too_many(one, other):
    if one == other:
        return
    for kind in ("Agent", "Group"):
        two = {"objectType": kind, one: IDENTIFIERS[one], other: IDENTIFIERS[other]}
        for made in [*agent_places(two), statement(authority=two)]:
            assert both(made) == {False}


@pytest.mark.parametrize(
    "name, bad",
    [
        *[("mbox", one) for one in (123, {"key": "x"}, "mailto:should.fail.com", "ab=c@x", "", "a@example.com")],
        *[("mbox_sha1sum", one) for one in (123, {"key": "x"}, "x", "cd9b", "gd9b00a5611f94eaa7b1661edab976068e364975")],
        *[("openid", one) for one in (123, {"key": "x"}, "ab=c://should.fail.com", "open.id.com/testUser", "")],
        *[("account", one) for one in (123, "x", [], {}, {"homePage": "http://example.com"}, {"name": "x"},
                                       ACCOUNT | {"dummy": 1}, ACCOUNT | {"name": 5}, ACCOUNT | {"name": {"a": 1}},
                                       ACCOUNT | {"homePage": "homePage.com/u"}, ACCOUNT | {"homePage": 5})],
        *[("name", one) for one in (123, {"key": "x"}, [], True)],
        *[("objectType", one) for one in (123, {"key": "x"}, "agent", "GROUP", "notagent", "Person", "")],
    ],
)  # fmt: skip
def test_a_bad_property_of_an_agent_is_refused_wherever_it_stands(name, bad):
    for base in ({"objectType": "Agent", "mbox": "mailto:a@example.com"}, GROUP):
        agent = dict(base)
        if name in IDENTIFIERS:
            del agent["mbox"]
        agent[name] = bad
        places = [*agent_places(agent), *placed({"team": agent}, "context"), statement(authority=agent)]
        places.append(statement(actor=GROUP | {"member": [agent]}))
        for made in places:
            assert both(made) == {False}, made


@pytest.mark.parametrize(
    "agent", [{}, {"objectType": "Agent"}, {"name": "x"}, "x", 5, [], None, {"key": "x"}]
)
def test_an_agent_has_an_identifier(agent):
    for made in [*agent_places(agent or {"name": "x"}), statement(authority=agent or {"name": "x"})]:
        assert both(made) == {False}


@pytest.mark.parametrize(
    "member, fine",
    [
        ([AGENT], True),
        ([AGENT, {"account": ACCOUNT}], True),
        ([], False),
        (..., False),
        (AGENT, False),
        ("x", False),
        ([GROUP], False),
        ([{"objectType": "Group", "member": [AGENT]}], False),
        ([{}], False),
        (["x"], False),
    ],
)
def test_an_anonymous_group_has_agents_as_members(member, fine):
    group = {"objectType": "Group", "name": "甲组"}
    if member is not ...:
        group["member"] = member
    for made in [*agent_places(group), *placed({"team": group}, "context")]:
        assert both(made) == {fine}


def test_members_belong_to_groups_only():
    for made in [
        *agent_places(AGENT | {"member": [AGENT]}),
        statement(actor={"mbox": AGENT["mbox"], "member": [AGENT]}),
    ]:
        assert both(made) == {False}


def test_a_team_is_a_group():
    for team in (AGENT, {"mbox": AGENT["mbox"]}, "x", {}):
        for made in placed({"team": team}, "context"):
            assert both(made) == {False}


def test_an_agent_as_object_names_its_kind():
    assert both(statement(object={"mbox": AGENT["mbox"]})) == {False}
    assert both(statement(object={"name": "x", "member": [AGENT]})) == {False}


@pytest.mark.parametrize(
    "authority, fine",
    [
        (AGENT, True),
        ({"objectType": "Group", "member": [{"account": ACCOUNT}, AGENT]}, True),
        ({"objectType": "Group", "member": [AGENT]}, False),
        ({"objectType": "Group", "member": [{"account": ACCOUNT}, AGENT, AGENT]}, False),
        ({"objectType": "Group"}, False),
        (GROUP, False),
        (GROUP | {"member": [{"account": ACCOUNT}, AGENT]}, False),
    ],
)
def test_the_authority_is_an_agent_or_an_anonymous_pair(authority, fine):
    assert both(statement(authority=authority)) == {fine}


# verbs, activities


@pytest.mark.parametrize("bad", [..., "", "should fail", "adlnet.gov/verbs/x", 123, {"key": "x"}, None])
def test_a_verb_has_an_iri(bad):
    assert both(change(statement(), "verb.id", bad)) == {False}
    assert both(change(statement(object=sub_statement()), "object.verb.id", bad)) == {False}


@pytest.mark.parametrize("bad", ["x", 5, [], {}])
def test_a_verb_is_an_object_with_an_id(bad):
    assert both(statement(verb=bad)) == {False}


LANGUAGE_MAPS = ["verb.display", "object.definition.name", "object.definition.description",
                 "attachments.0.display", "attachments.0.description"]  # fmt: skip


@pytest.mark.parametrize("path", LANGUAGE_MAPS)
@pytest.mark.parametrize(
    "bad", [{}, "x", 5, [], {"a12345": "x"}, {"de-419-DE": "x"}, {"en": 5}, {"en": None}, {"en": {}}]
)
def test_language_maps(path, bad):
    made = statement(attachments=[ATTACHMENT])
    assert both(change(made, path, bad)) == {False}
    inside = statement(object=made | {"objectType": "SubStatement"})
    assert both(change(inside, "object." + path, bad)) == {False}


@pytest.mark.parametrize("bad", [..., "", "x y", "ab=c://should.fail.com", "www.example.com/x", 5, {}])
def test_an_activity_has_an_iri(bad):
    assert both(change(statement(), "object.id", bad)) == {False}
    assert both(statement(object=change(sub_statement(), "object.id", bad))) == {False}
    made = change(statement(context=CONTEXT), "context.contextActivities.category.0.id", bad)
    assert both(made) == {False}


@pytest.mark.parametrize("name", ["type", "moreInfo"])
@pytest.mark.parametrize("bad", ["should error", "virtual.example.com/1", "", 5, {}])
def test_iris_of_a_definition(name, bad):
    assert both(change(statement(), f"object.definition.{name}", bad)) == {False}


@pytest.mark.parametrize("bad", ["x", 12345, [], True])
def test_a_definition_is_an_object(bad):
    assert both(change(statement(), "object.definition", bad)) == {False}
    assert both(statement(object=change(sub_statement(), "object.definition", bad))) == {False}


COMPONENTS = {
    "true-false": [], "choice": ["choices"], "fill-in": [], "long-fill-in": [], "matching": ["source", "target"],
    "performance": ["steps"], "sequencing": ["choices"], "likert": ["scale"], "numeric": [], "other": [],
}  # fmt: skip
LISTS = ["choices", "scale", "source", "target", "steps"]
SOME = [{"id": "a", "description": {"zh-CN": "甲"}}, {"id": "b"}]


@pytest.mark.parametrize("kind", COMPONENTS)
def test_each_interaction_type_takes_its_own_lists(kind):
    definition = {"interactionType": kind, "correctResponsesPattern": ["a", "b[,]c"]}
    assert both(statement(object={"id": "http://example.com/q", "definition": definition})) == {True}
    for name in LISTS:
        target = {"id": "http://example.com/q", "definition": definition | {name: SOME}}
        fine = name in COMPONENTS[kind]
        assert both(statement(object=target)) == {fine}
        assert both(statement(object=sub_statement(object=target))) == {fine}


@pytest.mark.parametrize(
    "kind", ["true-faLse", "choiCe", "Other", "", "http://example.com/x", 5, {}, [], True]
)
def test_the_interaction_type_is_one_of_ten(kind):
    target = {"id": "http://example.com/q", "definition": {"interactionType": kind}}
    assert both(statement(object=target)) == {False}


@pytest.mark.parametrize("name", [*LISTS, "correctResponsesPattern"])
def test_lists_of_an_interaction_need_its_type(name):
    target = {"id": "http://example.com/q", "definition": {name: ["a"] if name.startswith("c") else SOME}}
    assert both(statement(object=target)) == {False}


@pytest.mark.parametrize(
    "some",
    ["x", {}, 5, ["x"], [{}], [{"id": 5}], [{"description": {"en": "x"}}], [{"id": "a"}, {"id": "a"}],
     [{"id": "a", "description": "x"}], [{"id": "a", "description": {}}], [{"id": "a", "dummy": 1}],
     [{"id": "a", "description": {"a12345": "x"}}]],
)  # fmt: skip
def test_components_have_ids_of_their_own(some):
    target = {"id": "http://example.com/q", "definition": {"interactionType": "choice", "choices": some}}
    assert both(statement(object=target)) == {False}


@pytest.mark.parametrize("pattern", ["x", {}, 5, [5], [{}], [None]])
def test_a_correct_response_is_text(pattern):
    definition = {"interactionType": "other", "correctResponsesPattern": pattern}
    assert both(statement(object={"id": "http://example.com/q", "definition": definition})) == {False}


# SubStatements, voiding


@pytest.mark.parametrize(
    "name, value",
    [
        ("id", "7f9c3f0e-0f3a-4c55-9d7e-2a8d3f4b5c61"),
        ("stored", "2013-05-18T05:32:34.804Z"),
        ("version", "1.0.0"),
        ("authority", AGENT),
    ],
)
def test_a_sub_statement_has_less_than_a_statement(name, value):
    assert both(statement(object=sub_statement(**{name: value}))) == {False}


def test_a_sub_statement_has_none_inside():
    assert both(statement(object=sub_statement(object=sub_statement()))) == {False}


@pytest.mark.parametrize("target", [ACTIVITY, AGENT, GROUP, sub_statement()])
def test_only_a_statement_can_be_voided(target):
    assert both(statement(verb={"id": VOIDED}, object=target)) == {False}


# results


@pytest.mark.parametrize(
    "path, bad",
    [
        *[("score", one) for one in (5, "x", [], True)],
        *[
            (f"score.{name}", one)
            for name in ("scaled", "raw", "min", "max")
            for one in ("5", "x", {}, True, [])
        ],
        *[("score.scaled", one) for one in (1.01, -1.00001, 5)],
        *[("score.raw", one) for one in (100.5, -0.5)],
        *[("score.min", one) for one in (100, 101, 96)],
        *[("score.max", one) for one in (-1, 94)],
        *[
            (name, one)
            for name in ("success", "completion")
            for one in ("true", "false", "yes", 1, 0, {}, [])
        ],
        *[("response", one) for one in (5, {}, [], True)],
        *[("duration", one) for one in (5, {}, "x", "PA1H0M0S", "P4W1D", "PT")],
    ],
)
def test_a_bad_part_of_a_result(path, bad):
    for made in placed(change(RESULT, path, bad), "result"):
        assert both(made) == {False}


@pytest.mark.parametrize("score", [{}, {"scaled": 1.0}, {"scaled": -1.0}, {"raw": -7}, {"min": 0.1}, {"max": 100.6767676},
                                   {"min": 0.12123434, "raw": 12.125, "max": 45.45, "scaled": 0.12123434}, {"raw": 10**30}])  # fmt: skip
def test_scores_within_their_bounds(score):
    for made in placed({"score": score}, "result"):
        assert both(made) == {True}


@pytest.mark.parametrize("bad", ["x", 5, [], True])
def test_result_and_context_are_objects(bad):
    for name in ("result", "context"):
        for made in placed(bad, name):
            assert both(made) == {False}


# contexts


@pytest.mark.parametrize("name", ["parent", "grouping", "category", "other"])
def test_context_activities_alone_or_in_a_list(name):
    for some in (ACTIVITY, [ACTIVITY], [ACTIVITY, {"id": "http://example.com/x"}], []):
        for made in placed({"contextActivities": {name: some}}, "context"):
            assert both(made) == {True}
    for bad in ("x", 5, {}, [{}], ["x"], [ACTIVITY, {"key": "x"}], AGENT, [AGENT], REF):
        for made in placed({"contextActivities": {name: bad}}, "context"):
            assert both(made) == {False}


@pytest.mark.parametrize("bad", ["x", 5, [], {"Parent": ACTIVITY}, {"grandparent": ACTIVITY}])
def test_context_activities_have_four_kinds(bad):
    for made in placed({"contextActivities": bad}, "context"):
        assert both(made) == {False}


@pytest.mark.parametrize("name", ["revision", "platform"])
def test_revision_and_platform_go_with_an_activity(name):
    context = {name: "x"}
    for target, fine in [(ACTIVITY, True), ({"id": "http://example.com/x"}, True), (AGENT, False), (GROUP, False),
                         (REF, False), (sub_statement(), False)]:  # fmt: skip
        assert both(statement(object=target, context=context)) == {fine}
        if target != sub_statement():
            assert both(statement(object=sub_statement(object=target, context=context))) == {fine}
    for bad in (5, {}, [], True):
        for made in placed({name: bad}, "context"):
            assert both(made) == {False}


@pytest.mark.parametrize("bad", ["a12345678", "should fail", "", 5, {}, {"a12345": "x"}])
def test_the_language_of_a_context(bad):
    for made in placed({"language": bad}, "context"):
        assert both(made) == {False}


@pytest.mark.parametrize(
    "bad", ["x", 5, {}, ACTIVITY, AGENT, {"id": REF["id"]}, REF | {"objectType": "Statement"}]
)
def test_the_statement_of_a_context_is_a_reference(bad):
    for made in placed({"statement": bad}, "context"):
        assert both(made) == {False}


TYPES = ["http://example.com/types/player"]


@pytest.mark.parametrize(
    "name, one, fine",
    [
        ("contextAgents", {"objectType": "contextAgent", "agent": AGENT}, True),
        ("contextAgents", {"objectType": "contextAgent", "agent": AGENT, "relevantTypes": TYPES}, True),
        ("contextAgents", {"objectType": "contextAgent", "agent": AGENT, "relevantTypes": []}, False),
        ("contextAgents", {"objectType": "contextAgent", "agent": AGENT, "relevantTypes": ["abc"]}, False),
        ("contextAgents", {"objectType": "contextAgent", "agent": AGENT, "relevantTypes": "x"}, False),
        ("contextAgents", {"objectType": "Should fail", "agent": AGENT}, False),
        ("contextAgents", {"agent": AGENT}, False),
        ("contextAgents", {"objectType": "contextAgent"}, False),
        ("contextAgents", {"objectType": "contextAgent", "agent": {"key": "x"}}, False),
        ("contextAgents", {"objectType": "contextAgent", "agent": GROUP}, False),
        ("contextAgents", {"objectType": "contextAgent", "agent": AGENT, "dummy": 1}, False),
        ("contextAgents", "x", False),
        ("contextGroups", {"objectType": "contextGroup", "group": GROUP}, True),
        (
            "contextGroups",
            {"objectType": "contextGroup", "group": GROUP | {"member": [AGENT]}, "relevantTypes": TYPES},
            True,
        ),
        (
            "contextGroups",
            {"objectType": "contextGroup", "group": {"objectType": "Group", "member": [AGENT]}},
            True,
        ),
        ("contextGroups", {"objectType": "contextGroup", "group": GROUP, "relevantTypes": []}, False),
        ("contextGroups", {"objectType": "contextGroup", "group": GROUP, "relevantTypes": ["abc"]}, False),
        ("contextGroups", {"objectType": "Should fail", "group": GROUP, "member": [AGENT]}, False),
        ("contextGroups", {"objectType": "contextGroup", "group": {"key": "x"}}, False),
        ("contextGroups", {"objectType": "contextGroup", "group": AGENT}, False),
        ("contextGroups", {"objectType": "contextGroup"}, False),
    ],
)
def test_context_agents_and_groups_are_of_version_2(name, one, fine):
    for made in placed({name: [one]}, "context"):
        assert not is_valid(made, v2=False)
        assert is_valid(made, v2=True) is fine
    for made in placed({name: one}, "context"):
        assert both(made) == {False}


# attachments


@pytest.mark.parametrize(
    "name, bad",
    [
        *[("usageType", one) for one in (..., "x", "example.com/x", 5)],
        *[("display", one) for one in (...,)],
        *[("contentType", one) for one in (..., 5, "x", "")],
        *[("length", one) for one in (..., "27", "x", 27.5, -1, True, {})],
        *[("sha2", one) for one in (..., 5, "x", "", "495395e7")],
        *[("fileUrl", one) for one in ("x", "over.there.com/file.txt", 5)],
        ("dummy", 1),
    ],
)
def test_a_bad_part_of_an_attachment(name, bad):
    for made in placed([change(ATTACHMENT, name, bad)], "attachments"):
        assert both(made) == {False}


@pytest.mark.parametrize("bad", [ATTACHMENT, "x", 5, [5], ["x"], [None]])
def test_attachments_are_a_list_of_objects(bad):
    for made in placed(bad, "attachments"):
        assert both(made) == {False}


@pytest.mark.parametrize("name", ["description", "fileUrl"])
def test_what_an_attachment_may_lack(name):
    for made in placed([change(ATTACHMENT, name, ...)], "attachments"):
        assert both(made) == {True}


# agents as parameters


@pytest.mark.parametrize(
    "agent, fine",
    [
        (AGENT, True),
        ({"mbox": AGENT["mbox"]}, True),
        (GROUP, True),
        ({"objectType": "Group", "member": [AGENT]}, False),
        ({"objectType": "Agent", "name": "x"}, False),
        ("x", False),
        (5, False),
        (None, False),
        ([], False),
        (True, False),
    ],
)
def test_an_agent_as_a_parameter_is_identified(agent, fine):
    if fine:
        check_agent(agent)
    else:
        with pytest.raises(StatementInvalid):
            check_agent(agent)


def test_the_message_says_where():
    with pytest.raises(StatementInvalid, match=r"^object\.definition\.name\.en: must be a string$"):
        check_statement(change(statement(), "object.definition.name", {"en": 5}), v2=False)
