"""What is satisfied when, by moveOn, over trees."""

from __future__ import annotations

import pytest

from courses.archive.cmi5.move_on import COURSE, AuFacts, au_satisfied, earned, newly_satisfied
from courses.archive.cmi5.structure import Au, Block, CourseTree

DONE, PASSED, BOTH, WAIVED = (
    AuFacts(completed=True),
    AuFacts(passed=True),
    AuFacts(True, True),
    AuFacts(waived=True),
)


def tree(*shape) -> CourseTree:
    """A course from nested lists; a word is a unit with that moveOn."""
    counted = {"au": 0, "block": 0}

    def make(one):
        if isinstance(one, str):
            counted["au"] += 1
            return Au(counted["au"] - 1, f"a:{counted['au']}", (), (), "x", move_on=one)
        counted["block"] += 1
        index = counted["block"] - 1
        return Block(index, f"b:{index}", (), (), tuple(make(inner) for inner in one))

    return CourseTree("c:0", (), (), tuple(make(one) for one in shape))


@pytest.mark.parametrize(
    ("move_on", "satisfied_by"),
    [
        ("NotApplicable", {"nothing", "completed", "passed", "both", "waived"}),
        ("Completed", {"completed", "both", "waived"}),
        ("Passed", {"passed", "both", "waived"}),
        ("CompletedAndPassed", {"both", "waived"}),
        ("CompletedOrPassed", {"completed", "passed", "both", "waived"}),
    ],
)
def test_what_satisfies_a_unit(move_on, satisfied_by):
    facts = {"nothing": AuFacts(), "completed": DONE, "passed": PASSED, "both": BOTH, "waived": WAIVED}
    assert {name for name, known in facts.items() if au_satisfied(move_on, known)} == satisfied_by


TREES = [
    # shape, facts by unit, already, newly satisfied in order
    (("Passed",), {}, (), []),
    (("Passed",), {0: PASSED}, (), [COURSE]),
    (("Passed",), {0: DONE}, (), []),
    (("NotApplicable",), {}, (), [COURSE]),
    ((["NotApplicable"],), {}, (), ["block:0", COURSE]),
    ((["Completed", "Passed"],), {0: DONE}, (), []),
    ((["Completed", "Passed"],), {0: DONE, 1: PASSED}, (), ["block:0", COURSE]),
    # inner before outer
    (([["Completed"]],), {0: DONE}, (), ["block:1", "block:0", COURSE]),
    # a later block is satisfied though an earlier one is not
    ((["Passed"], ["Completed"]), {1: DONE}, (), ["block:1"]),
    ((["Passed", ["Completed"]],), {1: DONE}, (), ["block:1"]),
    # what was stated is not stated again
    ((["Completed"],), {0: DONE}, ("block:0",), [COURSE]),
    ((["Completed"],), {0: DONE}, ("block:0", COURSE), []),
    # and stays
    ((["Completed"], "Passed"), {1: PASSED}, ("block:0",), [COURSE]),
    ((["Completed"], "Passed"), {0: DONE}, (), ["block:0"]),
    ((["Completed"], "Passed"), {0: WAIVED, 1: WAIVED}, (), ["block:0", COURSE]),
    (("Completed", "NotApplicable", ["NotApplicable"]), {}, (), ["block:0"]),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "facts", "already", "expected"), TREES)
def test_what_becomes_satisfied(shape, facts, already, expected):
    assert [node.key for node in newly_satisfied(tree(*shape), facts, already)] == expected


@pytest.mark.parametrize(
    ("shape", "facts", "expected"),
    [
        (("Completed",), {0: DONE}, True),
        (("Completed",), {0: WAIVED}, False),
        (("Completed",), {0: AuFacts(completed=True, waived=True)}, True),
        (("Completed", "Passed"), {0: DONE, 1: WAIVED}, False),
        (("NotApplicable",), {}, False),
        (("NotApplicable", "Completed"), {1: DONE}, True),
        (("NotApplicable",), {0: DONE}, True),
    ],
)
def test_hours_come_from_studying_not_from_waivers_or_from_nothing(shape, facts, expected):
    assert earned(tree(*shape), facts) is expected
