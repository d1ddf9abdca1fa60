"""How a statement is shown: format=ids and format=canonical (Communication 2.1.3), and languages. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["accepted_languages", "canonical", "ids", "merge_definition", "with_lists"]

IDENTIFIERS = ("mbox", "mbox_sha1sum", "openid", "account")
ACTOR_PLACES = ("instructor", "team")
LANGUAGE_MAPS = ("name", "description")
COMPONENT_LISTS = ("choices", "scale", "source", "target", "steps")


def with_lists(statement: dict[str, Any]) -> dict[str, Any]:
    """The statement with every context activity in a list, as it is always answered (Data 2.4.6.2)."""
    made = dict(statement)
    if "contextActivities" in made.get("context", ()):
        activities = made["context"]["contextActivities"]
        made["context"] = made["context"] | {
            "contextActivities": {
                name: some if isinstance(some, list) else [some] for name, some in activities.items()
            }
        }
    if made["object"].get("objectType") == "SubStatement":
        made["object"] = with_lists(made["object"])
    return made


def ids(statement: dict[str, Any]) -> dict[str, Any]:
    """Only what is needed to identify agents, activities, verbs and groups."""
    made = _parts(statement, _agent_ids, lambda activity: {"id": activity["id"]})
    made["verb"] = {"id": made["verb"]["id"]}
    if made["object"].get("objectType") == "SubStatement":
        made["object"]["verb"] = {"id": made["object"]["verb"]["id"]}
    return made


def canonical(
    statement: dict[str, Any], languages: Sequence[str], definitions: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """Activities with what the LRS knows of them (`definitions` by IRI), one language of each text."""

    def activity(one: dict[str, Any]) -> dict[str, Any]:
        known = definitions.get(one["id"]) or one.get("definition")
        if not known:
            return one
        return one | {"definition": _one_language_definition(known, languages)}

    made = _parts(statement, lambda agent: agent, activity)
    made["verb"] = _one_language_verb(made["verb"], languages)
    if made["object"].get("objectType") == "SubStatement":
        made["object"]["verb"] = _one_language_verb(made["object"]["verb"], languages)
    return made


def accepted_languages(header: str) -> list[str]:
    """The tags of an Accept-Language header (RFC 9110 §12.5.4), the most wanted first, without `*`."""
    wanted = []
    for number, part in enumerate(header.split(",")):
        tag, _, rest = part.strip().partition(";")
        quality = 1.0
        if rest.strip().startswith("q="):
            try:
                quality = float(rest.strip()[2:])
            except ValueError:
                quality = 0.0
        if tag and tag != "*" and quality > 0:
            wanted.append((-quality, number, tag.lower()))
    return [tag for _quality, _number, tag in sorted(wanted)]


def merge_definition(known: dict[str, Any], came: dict[str, Any]) -> dict[str, Any]:
    """What is known of an activity after another definition came: languages and extensions add up, of
    everything else the later wins."""
    made = known | came
    for name in (*LANGUAGE_MAPS, "extensions"):
        if name in known and name in came:
            made[name] = known[name] | came[name]
    return made


def _parts(part: dict[str, Any], agent: Any, activity: Any) -> dict[str, Any]:
    """A copy in which every agent and every activity went through the given functions."""
    made = dict(part)
    made["actor"] = agent(part["actor"])
    if "authority" in part:
        made["authority"] = agent(part["authority"])
    target = part["object"]
    kind = target.get("objectType", "Activity")
    if kind == "Activity":
        made["object"] = activity(target)
    elif kind in ("Agent", "Group"):
        made["object"] = agent(target)
    elif kind == "SubStatement":
        made["object"] = _parts(target, agent, activity)
    if "context" in part:
        context = dict(part["context"])
        for name in ACTOR_PLACES:
            if name in context:
                context[name] = agent(context[name])
        for place, name in (("contextAgents", "agent"), ("contextGroups", "group")):
            if place in context:
                context[place] = [one | {name: agent(one[name])} for one in context[place]]
        if "contextActivities" in context:
            context["contextActivities"] = {
                name: [activity(one) for one in (some if isinstance(some, list) else [some])]
                for name, some in context["contextActivities"].items()
            }
        made["context"] = context
    return made


def _agent_ids(agent: dict[str, Any]) -> dict[str, Any]:
    made = {name: agent[name] for name in ("objectType", *IDENTIFIERS) if name in agent}
    if not any(name in agent for name in IDENTIFIERS):
        made["member"] = [_agent_ids(one) for one in agent.get("member", ())]
    return made


def _one_language_verb(verb: dict[str, Any], languages: Sequence[str]) -> dict[str, Any]:
    return verb | {"display": _one_language(verb["display"], languages)} if "display" in verb else verb


def _one_language_definition(definition: dict[str, Any], languages: Sequence[str]) -> dict[str, Any]:
    made = dict(definition)
    for name in LANGUAGE_MAPS:
        if name in made:
            made[name] = _one_language(made[name], languages)
    for name in COMPONENT_LISTS:
        if name in made:
            made[name] = [
                one | {"description": _one_language(one["description"], languages)}
                if "description" in one
                else one
                for one in made[name]
            ]
    return made


def _one_language(texts: dict[str, str], languages: Sequence[str]) -> dict[str, str]:
    """The text in the language wanted most: the tag itself, else one that begins alike (RFC 4647 §3.4),
    else the first that is there."""
    by_tag = {tag.lower(): tag for tag in texts}
    for wanted in languages:
        while wanted:
            if wanted in by_tag:
                return {by_tag[wanted]: texts[by_tag[wanted]]}
            longer = [tag for tag in by_tag if tag.startswith(wanted + "-")]
            if longer:
                return {by_tag[longer[0]]: texts[by_tag[longer[0]]]}
            wanted = wanted.rpartition("-")[0]
    return dict([next(iter(texts.items()))]) if texts else {}
