"""From cmi5.xml to a course tree, and every reason why not. Pure.

The rules are those of the published schema (CourseStructure.xsd, version 1: order of elements, required
attributes, value spaces) and of the text around it (cmi5 §13, §14.1, §14.2). Elements and attributes of other
namespaces are a publisher's own and are passed over (§13.1.5); anything else that the schema does not know
is refused. External entities and document types are refused before anything is read of them.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from courses.archive.cmi5.errors import PackageInvalid

__all__ = [
    "LAUNCH_PARAMETERS",
    "Au",
    "Block",
    "CourseTree",
    "LangString",
    "Objective",
    "read_structure",
    "say",
]

NAMESPACE = "https://w3id.org/xapi/profiles/cmi5/v1/CourseStructure.xsd"

LAUNCH_PARAMETERS = ("endpoint", "fetch", "actor", "registration", "activityId")
"""Names that the launch adds to an AU's address; its own query must not use them (cmi5 §8.1)."""

MOVE_ON = ("NotApplicable", "Passed", "Completed", "CompletedAndPassed", "CompletedOrPassed")
LAUNCH_METHODS = ("AnyWindow", "OwnWindow")

MAX_BYTES = 16 * 1024 * 1024
MAX_AUS = 10_000
MAX_DEPTH = 50
MAX_LANGUAGES = 200

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.+")
_NOT_IN_URLS = re.compile(r"[\s<>\"{}|\\^`\x00-\x20\x7f]")
_LANGUAGE = re.compile(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*")


@dataclass(frozen=True)
class LangString:
    """Words in one language, e.g. ("zh-CN", "第一讲"). `lang` is empty where the package says none."""

    lang: str
    text: str


Text = tuple[LangString, ...]


@dataclass(frozen=True)
class Objective:
    id: str
    title: Text
    description: Text


@dataclass(frozen=True)
class Au:
    """One assignable unit: what is launched. `index` counts the AUs of the course in document order, from 0."""

    index: int
    id: str
    title: Text
    description: Text
    url: str
    move_on: str = "NotApplicable"
    mastery_score: Decimal | None = None
    launch_method: str = "AnyWindow"
    activity_type: str = ""
    launch_parameters: str | None = None
    entitlement_key: str | None = None
    objectives: tuple[str, ...] = ()

    @property
    def is_remote(self) -> bool:
        """Whether it lives at an address of its own, and not in the package."""
        return _ABSOLUTE.fullmatch(self.url) is not None


@dataclass(frozen=True)
class Block:
    """A group of AUs and blocks. `index` counts the blocks of the course in document order, from 0."""

    index: int
    id: str
    title: Text
    description: Text
    children: tuple[Au | Block, ...]
    objectives: tuple[str, ...] = ()


@dataclass(frozen=True)
class CourseTree:
    """A whole course structure."""

    id: str
    title: Text
    description: Text
    children: tuple[Au | Block, ...]
    objectives: tuple[Objective, ...] = ()

    def walk(self) -> Iterator[tuple[int, Au | Block]]:
        """All blocks and AUs in document order with their depth (0 = directly in the course)."""
        yield from _walk(self.children, 0)

    def aus(self) -> list[Au]:
        return [node for _depth, node in self.walk() if isinstance(node, Au)]

    def as_json(self) -> dict[str, Any]:
        """A value for a JSON column; `from_json` makes the same tree of it."""
        return {
            "id": self.id,
            "title": _said(self.title),
            "description": _said(self.description),
            "objectives": [
                {"id": one.id, "title": _said(one.title), "description": _said(one.description)}
                for one in self.objectives
            ],
            "children": [_node_json(child) for child in self.children],
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> CourseTree:
        counted = {"au": 0, "block": 0}
        return cls(
            id=kept["id"],
            title=_heard(kept["title"]),
            description=_heard(kept["description"]),
            objectives=tuple(
                Objective(one["id"], _heard(one["title"]), _heard(one["description"]))
                for one in kept["objectives"]
            ),
            children=tuple(_node(child, counted) for child in kept["children"]),
        )


def say(text: Text, language: str = "zh-hans") -> str:
    """The words in `language` where the package has them, else in Chinese, else the first that there are."""
    for wanted in (language.lower(), language.lower().partition("-")[0], "zh"):
        for one in text:
            if one.lang.lower() == wanted or one.lang.lower().startswith(f"{wanted}-"):
                return one.text
    return text[0].text if text else ""


def read_structure(xml: bytes) -> CourseTree:
    """The course of a cmi5.xml. Raises PackageInvalid with the rule that it breaks.

    What the addresses of its AUs lead to is not looked at here (see `packages`).
    """
    if len(xml) > MAX_BYTES:
        raise PackageInvalid("STRUCTURE_TOO_BIG", "13.2.0.0-1", limit=MAX_BYTES // 1024 // 1024)
    try:
        root = fromstring(xml, forbid_dtd=True)
    except DefusedXmlException as dangerous:
        raise PackageInvalid("XML_DANGEROUS", "13.2.0.0-1") from dangerous
    except ParseError as bad:
        line, column = bad.position
        raise PackageInvalid("XML_BROKEN", "13.2.0.0-1", where=f"{line}:{column + 1}") from bad
    except (ValueError, LookupError) as bad:  # an encoding that nobody knows
        raise PackageInvalid("XML_BROKEN", "13.2.0.0-1", where="1:1") from bad
    return _Reader().course(root)


@dataclass
class _Reader:
    """One reading of one file: what has been counted and seen so far."""

    aus: int = 0
    blocks: int = 0
    seen: dict[str, set[str]] = field(
        default_factory=lambda: {"au": set(), "block": set(), "objective": set()}
    )

    def course(self, root: Element) -> CourseTree:
        if root.tag != f"{{{NAMESPACE}}}courseStructure":
            raise _broken("ROOT", root, expected=f"courseStructure ({NAMESPACE})")
        _attributes(root, ())
        parts = _Sequence(root)
        course = parts.one("course")
        _attributes(course, ("id",), required=("id",))
        about = _Sequence(course)
        title, description = _text(about.one("title")), _text(about.one("description"))
        about.end()
        objectives = self._objectives(parts.maybe("objectives"))
        return CourseTree(
            id=_iri(course, "id"),
            title=title,
            description=description,
            objectives=objectives,
            children=self._children(parts, 0),
        )

    def _objectives(self, element: Element | None) -> tuple[Objective, ...]:
        if element is None:
            return ()
        _attributes(element, ())
        parts = _Sequence(element)
        found = []
        while (one := parts.maybe("objective")) is not None:
            _attributes(one, ("id",), required=("id",))
            inner = _Sequence(one)
            # The schema lets these two stand in either order.
            both = {part.tag.rpartition("}")[2]: part for part in inner.rest()}
            if set(both) != {"title", "description"} or len(list(_ours(one))) != 2:
                raise _broken("ELEMENT", one, expected="title, description")
            iri = self._once("objective", _iri(one, "id"))
            found.append(Objective(iri, _text(both["title"]), _text(both["description"])))
        parts.end()
        if not found:
            raise _broken("MISSING_ELEMENT", element, expected="objective")
        return tuple(found)

    def _children(self, parts: _Sequence, depth: int) -> tuple[Au | Block, ...]:
        found: list[Au | Block] = []
        while (child := parts.maybe("au", "block")) is not None:
            found.append(self._au(child) if child.tag.endswith("}au") else self._block(child, depth + 1))
        parts.end()
        if not found:
            raise _broken("MISSING_ELEMENT", parts.element, expected="au | block")
        return tuple(found)

    def _block(self, element: Element, depth: int) -> Block:
        if depth > MAX_DEPTH:
            raise PackageInvalid("TOO_DEEP", "13.2.0.0-1", limit=MAX_DEPTH)
        _attributes(element, ("id",), required=("id",))
        iri = self._once("block", _iri(element, "id"))
        index, self.blocks = self.blocks, self.blocks + 1
        parts = _Sequence(element)
        title, description = _text(parts.one("title")), _text(parts.one("description"))
        objectives = self._references(parts.maybe("objectives"))
        return Block(index, iri, title, description, self._children(parts, depth), objectives)

    def _au(self, element: Element) -> Au:
        known = ("id", "moveOn", "masteryScore", "launchMethod", "activityType")
        _attributes(element, known, required=("id",))
        iri = self._once("au", _iri(element, "id"))
        index, self.aus = self.aus, self.aus + 1
        if index >= MAX_AUS:
            raise PackageInvalid("TOO_MANY_AUS", "6.1.0.0-2", limit=MAX_AUS)
        parts = _Sequence(element)
        title, description = _text(parts.one("title")), _text(parts.one("description"))
        objectives = self._references(parts.maybe("objectives"))
        url = _url(parts.one("url"), iri)
        parameters, key = parts.maybe("launchParameters"), parts.maybe("entitlementKey")
        parts.end()
        return Au(
            index=index,
            id=iri,
            title=title,
            description=description,
            objectives=objectives,
            url=url,
            move_on=_one_of(element, "moveOn", MOVE_ON),
            launch_method=_one_of(element, "launchMethod", LAUNCH_METHODS),
            mastery_score=_score(element),
            activity_type=element.get("activityType", "").strip(),
            launch_parameters=None if parameters is None else _content(parameters),
            entitlement_key=None if key is None else _content(key),
        )

    def _references(self, element: Element | None) -> tuple[str, ...]:
        if element is None:
            return ()
        _attributes(element, ())
        parts = _Sequence(element)
        found = []
        while (one := parts.maybe("objective")) is not None:
            _attributes(one, ("idref",), required=("idref",))
            wanted = one.get("idref", "").strip()
            if wanted not in self.seen["objective"]:
                raise PackageInvalid("OBJECTIVE_UNKNOWN", "13.1.3.0-1", value=wanted)
            found.append(wanted)
        parts.end()
        if not found:
            raise _broken("MISSING_ELEMENT", element, expected="objective")
        return tuple(found)

    def _once(self, kind: str, iri: str) -> str:
        if iri in self.seen[kind]:
            requirement = {"block": "13.1.2.0-1", "objective": "13.1.3.0-1", "au": "13.1.4.0-1"}[kind]
            raise PackageInvalid("ID_TWICE", requirement, element=kind, value=iri)
        self.seen[kind].add(iri)
        return iri


class _Sequence:
    """The children of an element, taken one after the other as an xs:sequence asks; foreign ones passed over."""

    def __init__(self, element: Element) -> None:
        self.element = element
        if _text_between(element).strip():
            raise _broken("TEXT_BETWEEN", element)
        self._left = deque(_ours(element))

    def maybe(self, *names: str) -> Element | None:
        if self._left and self._left[0].tag in {f"{{{NAMESPACE}}}{name}" for name in names}:
            return self._left.popleft()
        return None

    def one(self, name: str) -> Element:
        found = self.maybe(name)
        if found is None:
            raise _broken("MISSING_ELEMENT", self.element, expected=name)
        return found

    def rest(self) -> list[Element]:
        left, self._left = list(self._left), deque()
        return left

    def end(self) -> None:
        if self._left:
            raise _broken("ELEMENT", self._left[0], expected="–")


def _broken(rule: str, element: Element, **more: Any) -> PackageInvalid:
    return PackageInvalid(f"STRUCTURE_{rule}", "13.2.0.0-1", element=_local(element), **more)


def _local(element: Element) -> str:
    name = element.tag.rpartition("}")[2]
    said = element.get("id")
    return f"{name} ({said.strip()})" if said else name


def _ours(element: Element) -> Iterator[Element]:
    """Children of the schema's namespace, and of none (which the schema refuses); others are the publisher's."""
    for child in element:
        if not child.tag.startswith("{") or child.tag.startswith(f"{{{NAMESPACE}}}"):
            yield child


def _text_between(element: Element) -> str:
    return (element.text or "") + "".join(child.tail or "" for child in element)


def _attributes(element: Element, known: tuple[str, ...], required: tuple[str, ...] = ()) -> None:
    for name in element.attrib:
        if not name.startswith("{") and name not in known:
            raise _broken("ATTRIBUTE", element, attribute=name)
    for name in required:
        if name not in element.attrib:
            raise _broken("MISSING_ATTRIBUTE", element, attribute=name)


def _content(element: Element) -> str:
    """The words of an element without the white space around them (cmi5 §13.1)."""
    return "".join(element.itertext()).strip()


def _iri(element: Element, attribute: str) -> str:
    value = element.get(attribute, "").strip()
    if not _ABSOLUTE.fullmatch(value) or _NOT_IN_URLS.search(value):
        raise PackageInvalid("IRI_INVALID", "3.0.0.0-1", element=_local(element), value=value)
    return value


def _text(element: Element) -> Text:
    _attributes(element, ())
    parts = _Sequence(element)
    found: list[LangString] = []
    while (one := parts.maybe("langstring")) is not None:
        _attributes(one, ("lang",))
        lang = one.get("lang", "").strip()
        if "lang" in one.attrib and not _LANGUAGE.fullmatch(lang):
            raise _broken("VALUE", one, attribute="lang", value=lang)
        if list(_ours(one)):
            raise _broken("ELEMENT", one, expected="–")
        if len(found) == MAX_LANGUAGES:
            raise _broken("ELEMENT", element, expected="–")
        found.append(LangString(lang, (one.text or "").strip()))
    parts.end()
    if not found:
        raise _broken("MISSING_ELEMENT", element, expected="langstring")
    return tuple(found)


def _one_of(element: Element, attribute: str, allowed: tuple[str, ...]) -> str:
    value = element.get(attribute, allowed[0]).strip()
    if value not in allowed:
        raise _broken("VALUE", element, attribute=attribute, value=value)
    return value


def _score(element: Element) -> Decimal | None:
    said = element.get("masteryScore")
    if said is None:
        return None
    said = said.strip()
    if re.fullmatch(r"[+-]?(\d+(\.\d{0,4}0*)?|\.\d{1,4}0*)", said):
        try:
            value = Decimal(said)
        except InvalidOperation:
            value = Decimal(-1)
        if 0 <= value <= 1:
            return value
    raise _broken("VALUE", element, attribute="masteryScore", value=said)


def _url(element: Element, au: str) -> str:
    _attributes(element, ())
    if list(_ours(element)):
        raise _broken("ELEMENT", element, expected="–")
    value = _content(element)
    if not value:
        raise _broken("VALUE", element, attribute="url", value="")

    def refuse(code: str, requirement: str) -> PackageInvalid:
        return PackageInvalid(code, requirement, element=au, value=value)

    if _NOT_IN_URLS.search(value):
        raise refuse("URL_INVALID", "13.1.4.0-2")
    try:
        parts = urlsplit(value)
        names = {name for name, _value in parse_qsl(parts.query, keep_blank_values=True)}
        if parts.scheme in {"http", "https"} and not parts.hostname:
            raise ValueError(value)
    except ValueError as bad:
        raise refuse("URL_INVALID", "13.1.4.0-2") from bad
    if parts.scheme not in {"", "http", "https"} or (not parts.scheme and parts.netloc):
        raise refuse("URL_INVALID", "13.1.4.0-2")
    if names & set(LAUNCH_PARAMETERS):
        raise refuse("URL_QUERY_CONFLICT", "8.1.0.0-6")
    return value


def _said(text: Text) -> list[list[str]]:
    return [[one.lang, one.text] for one in text]


def _heard(kept: list[list[str]]) -> Text:
    return tuple(LangString(lang, words) for lang, words in kept)


def _walk(nodes: tuple[Au | Block, ...], depth: int) -> Iterator[tuple[int, Au | Block]]:
    for node in nodes:
        yield depth, node
        if isinstance(node, Block):
            yield from _walk(node.children, depth + 1)


def _node_json(node: Au | Block) -> dict[str, Any]:
    kept: dict[str, Any] = {
        "id": node.id,
        "title": _said(node.title),
        "description": _said(node.description),
        "objectives": list(node.objectives),
    }
    if isinstance(node, Block):
        return {"type": "block"} | kept | {"children": [_node_json(child) for child in node.children]}
    return {
        "type": "au",
        **kept,
        "url": node.url,
        "moveOn": node.move_on,
        "masteryScore": None if node.mastery_score is None else str(node.mastery_score),
        "launchMethod": node.launch_method,
        "activityType": node.activity_type,
        "launchParameters": node.launch_parameters,
        "entitlementKey": node.entitlement_key,
    }


def _node(kept: dict[str, Any], counted: dict[str, int]) -> Au | Block:
    index = counted[kept["type"]]
    counted[kept["type"]] += 1
    title, description = _heard(kept["title"]), _heard(kept["description"])
    if kept["type"] == "block":
        children = tuple(_node(child, counted) for child in kept["children"])
        return Block(index, kept["id"], title, description, children, tuple(kept["objectives"]))
    score = kept["masteryScore"]
    return Au(
        index=index,
        id=kept["id"],
        title=title,
        description=description,
        objectives=tuple(kept["objectives"]),
        url=kept["url"],
        move_on=kept["moveOn"],
        mastery_score=None if score is None else Decimal(score),
        launch_method=kept["launchMethod"],
        activity_type=kept["activityType"],
        launch_parameters=kept["launchParameters"],
        entitlement_key=kept["entitlementKey"],
    )
