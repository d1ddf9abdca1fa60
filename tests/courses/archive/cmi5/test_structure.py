"""cmi5.xml read as the schema and the text of the specification say, and every refusal by its code."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from courses.archive.cmi5.errors import PackageInvalid
from courses.archive.cmi5.structure import Au, Block, CourseTree, LangString, read_structure, say
from courses.archive.cmi5.wording import worded
from tests.courses.archive.cmi5.packages import NS, au, block, structure, text

OBJECTIVES = (
    f'<objectives><objective id="https://publisher.example/objective/1">{text("title", "目标")}'
    f"{text('description', '说明')}</objective></objectives>"
)
REFERS = '<objectives><objective idref="https://publisher.example/objective/1"/></objectives>'


def read(xml: str) -> CourseTree:
    return read_structure(xml.encode())


def test_a_whole_course_with_everything_in_it():
    # Given a course with objectives, a block in a block, and a unit that says all it can
    full = au(
        1,
        url="\n  a/start.html?x=1&amp;y=2#top \n",
        attributes='moveOn="CompletedAndPassed" masteryScore=" 0.85 " launchMethod="OwnWindow" activityType="http://x.example/t"',
        before=REFERS,
        more="<launchParameters>\n  Start=1 \n</launchParameters><entitlementKey> key </entitlementKey>",
    )
    inner = block(full, id="https://publisher.example/block/1", objectives=REFERS)
    # When it is read
    tree = read(structure(au(0) + block(inner + au(2)), objectives=OBJECTIVES))
    # Then nothing is lost, white space around values is gone, and units are counted in document order
    first, outer = tree.children
    assert isinstance(outer, Block) and isinstance(outer.children[0], Block)
    assert [one.index for one in tree.aus()] == [0, 1, 2]
    assert (outer.index, outer.children[0].index) == (0, 1)
    assert first == Au(
        0,
        "https://publisher.example/au/0",
        (LangString("zh-CN", "第0单元"),),
        (LangString("zh-CN", "说明"),),
        "index.html",
    )
    unit = tree.aus()[1]
    assert unit.url == "a/start.html?x=1&y=2#top"
    assert (unit.move_on, unit.mastery_score, unit.launch_method) == (
        "CompletedAndPassed",
        Decimal("0.85"),
        "OwnWindow",
    )
    assert (unit.launch_parameters, unit.entitlement_key) == ("Start=1", "key")
    assert unit.objectives == ("https://publisher.example/objective/1",)
    # And it comes back the same from its JSON
    assert CourseTree.from_json(json.loads(json.dumps(tree.as_json()))) == tree


def test_defaults_are_the_schema_s():
    (unit,) = read(structure(au(0))).aus()
    assert (unit.move_on, unit.launch_method, unit.mastery_score) == ("NotApplicable", "AnyWindow", None)
    assert (unit.launch_parameters, unit.entitlement_key) == (None, None)


def test_broken_xml_is_told_by_its_place():
    with pytest.raises(PackageInvalid) as refused:
        read('<?xml version="1.0"?>\n<a>\n  <b></a>')
    assert refused.value.values["where"] == "3:8"


def test_a_thousand_units_are_read():
    tree = read(structure("".join(au(n) for n in range(1001))))
    assert [unit.index for unit in tree.aus()] == list(range(1001))


def test_a_publisher_s_own_elements_are_passed_over():
    xml = structure(
        au(0, more='<v:more xmlns:v="https://vendor.example/x"><v:deep/></v:more>'),
        root='xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b"',
    )
    assert len(read(xml).aus()) == 1


def test_addresses_with_chinese_names_and_remote_ones():
    tree = read(structure(au(0, url="课件/第一讲.html") + au(1, url="https://content.example/x?y=1")))
    assert [unit.is_remote for unit in tree.aus()] == [False, True]


def test_words_in_the_language_that_is_asked_for():
    title = (LangString("en-US", "Safety"), LangString("zh-CN", "安全"), LangString("fr", "Sécurité"))
    assert (say(title), say(title, "en"), say(title, "fr-CH"), say(title, "de")) == (
        "安全",
        "Safety",
        "Sécurité",
        "安全",
    )
    assert say((LangString("", "x"),), "de") == "x"
    assert say(()) == ""


SCHEME_LESS = "publisher.example/a"
ENTITY = structure(au(0)).replace(
    "<courseStructure", '<!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/passwd">]><courseStructure'
)

BROKEN = {
    "no XML": ("<a", "XML_BROKEN", "13.2.0.0-1"),
    "not XML at all": ("# Markdown", "XML_BROKEN", "13.2.0.0-1"),
    "a document type": (ENTITY, "XML_DANGEROUS", "13.2.0.0-1"),
    "another root": ("<course/>", "STRUCTURE_ROOT", "13.2.0.0-1"),
    "another namespace": (structure(au(0)).replace(NS, "urn:x"), "STRUCTURE_ROOT", "13.2.0.0-1"),
    "no unit": (structure(""), "STRUCTURE_MISSING_ELEMENT", "13.2.0.0-1"),
    "an empty block": (structure(block("")), "STRUCTURE_MISSING_ELEMENT", "13.2.0.0-1"),
    "a course without a title": (
        structure(au(0)).replace(text("title", "网络安全"), ""), "STRUCTURE_MISSING_ELEMENT", "13.2.0.0-1"
    ),
    "an address before the title": (
        structure(f'<au id="a:b"><url>x</url>{text("title", "t")}{text("description", "d")}</au>'),
        "STRUCTURE_MISSING_ELEMENT",
        "13.2.0.0-1",
    ),
    "a unit after the end": (structure(au(0, more="<url>x</url>")), "STRUCTURE_ELEMENT", "13.2.0.0-1"),
    "an element of no namespace": (structure(au(0, more='<x xmlns=""/>')), "STRUCTURE_ELEMENT", "13.2.0.0-1"),
    "an unknown attribute": (structure(au(0, attributes='moveon="Passed"')), "STRUCTURE_ATTRIBUTE", "13.2.0.0-1"),
    "no id": (structure(au(0)).replace(' id="https://publisher.example/au/0"', ""), "STRUCTURE_MISSING_ATTRIBUTE", "13.2.0.0-1"),
    "an unknown moveOn": (structure(au(0, attributes='moveOn="passed"')), "STRUCTURE_VALUE", "13.2.0.0-1"),
    "an unknown launchMethod": (structure(au(0, attributes='launchMethod="Frame"')), "STRUCTURE_VALUE", "13.2.0.0-1"),
    "a mastery score above one": (structure(au(0, attributes='masteryScore="1.01"')), "STRUCTURE_VALUE", "13.2.0.0-1"),
    "a mastery score below zero": (structure(au(0, attributes='masteryScore="-0.1"')), "STRUCTURE_VALUE", "13.2.0.0-1"),
    "a mastery score in words": (structure(au(0, attributes='masteryScore="NaN"')), "STRUCTURE_VALUE", "13.2.0.0-1"),
    "a mastery score too fine": (structure(au(0, attributes='masteryScore="0.12345"')), "STRUCTURE_VALUE", "13.2.0.0-1"),
    "words between elements": (structure("words" + au(0)), "STRUCTURE_TEXT_BETWEEN", "13.2.0.0-1"),
    "a title without words": (structure(au(0)).replace(text("title", "第0单元"), "<title/>"), "STRUCTURE_MISSING_ELEMENT", "13.2.0.0-1"),
    "a language that is none": (structure(au(0)).replace('lang="zh-CN"', 'lang="zh_CN!"'), "STRUCTURE_VALUE", "13.2.0.0-1"),
    "an empty address": (structure(au(0, url="  ")), "STRUCTURE_VALUE", "13.2.0.0-1"),
    "a course id without scheme": (structure(au(0), id=SCHEME_LESS), "IRI_INVALID", "3.0.0.0-1"),
    "a block id without scheme": (structure(block(au(0), id=SCHEME_LESS)), "IRI_INVALID", "3.0.0.0-1"),
    "a unit id without scheme": (structure(au(0, id=SCHEME_LESS)), "IRI_INVALID", "3.0.0.0-1"),
    "an objective id without scheme": (
        structure(au(0), objectives=OBJECTIVES.replace("https://", "")), "IRI_INVALID", "3.0.0.0-1"
    ),
    "an id with a space": (structure(au(0, id="https://a.example/b c")), "IRI_INVALID", "3.0.0.0-1"),
    "a block twice": (structure(block(au(0)) + block(au(1))), "ID_TWICE", "13.1.2.0-1"),
    "an objective twice": (
        structure(au(0), objectives=OBJECTIVES.replace("</objectives>", OBJECTIVES[len("<objectives>") :])), "ID_TWICE", "13.1.3.0-1"
    ),
    "a unit twice": (structure(au(0) + au(0)), "ID_TWICE", "13.1.4.0-1"),
    "an objective that is not defined": (structure(au(0, before=REFERS)), "OBJECTIVE_UNKNOWN", "13.1.3.0-1"),
    "an address with a space": (structure(au(0, url="http://example.com index.html")), "URL_INVALID", "13.1.4.0-2"),
    "an address without host": (structure(au(0, url="http:///x")), "URL_INVALID", "13.1.4.0-2"),
    "an address that runs": (structure(au(0, url="javascript:alert(1)")), "URL_INVALID", "13.1.4.0-2"),
    "an address of a file": (structure(au(0, url="file:///etc/passwd")), "URL_INVALID", "13.1.4.0-2"),
    "an address of another scheme": (structure(au(0, url="mailto:a@b.example")), "URL_INVALID", "13.1.4.0-2"),
    "a program's address": (structure(au(0, url="ms-word:ofe")), "URL_INVALID", "13.1.4.0-2"),
    "too many languages": (
        structure(au(0)).replace("</title>", '<langstring lang="en">x</langstring>' * 200 + "</title>", 1),
        "STRUCTURE_ELEMENT",
        "13.2.0.0-1",
    ),
    "an address of another host": (structure(au(0, url="//evil.example/x")), "URL_INVALID", "13.1.4.0-2"),
    "a query that collides": (structure(au(0, url="index.html?endpoint=http://x")), "URL_QUERY_CONFLICT", "8.1.0.0-6"),
    "too many units": (structure("".join(au(n) for n in range(10_001))), "TOO_MANY_AUS", "6.1.0.0-2"),
    "too deep": (
        structure(
            "".join(
                f'<block id="a:{n}">{text("title", "t")}{text("description", "d")}' for n in range(51)
            ) + au(0) + "</block>" * 51
        ),
        "TOO_DEEP",
        "13.2.0.0-1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_a_rule_is_refused_by_its_name(name):
    xml, code, requirement = BROKEN[name]
    with pytest.raises(PackageInvalid) as refused:
        read(xml)
    assert (refused.value.code, refused.value.requirement) == (code, requirement)
    # and there is a sentence for whoever imported it, with all its values in it
    said = worded(refused.value)
    assert said["violatedReqId"] == requirement
    assert said["message"] and "%(" not in said["message"]
