"""Which AUs, blocks and the course are satisfied, by moveOn (cmi5 §13.1.4). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from courses.archive.cmi5.structure import Au, Block, CourseTree

__all__ = [
    "COURSE",
    "AuFacts",
    "Node",
    "asks_for_something",
    "au_satisfied",
    "block_key",
    "earned",
    "newly_satisfied",
]

COURSE = "course"
"""Key of the whole course among what is satisfied; blocks have keys like block:0."""


@dataclass(frozen=True)
class AuFacts:
    """What is known of one AU in one registration."""

    completed: bool = False
    passed: bool = False
    waived: bool = False


@dataclass(frozen=True)
class Node:
    """A block, or the course (`block` None), that has just become satisfied."""

    key: str
    block: Block | None = None


NOTHING = AuFacts()


def block_key(block: Block) -> str:
    return f"block:{block.index}"


def au_satisfied(move_on: str, facts: AuFacts) -> bool:
    """Whether an AU with this moveOn is done. Waived stands for whatever was asked (cmi5 §9.3.7)."""
    if facts.waived:
        return True
    return {
        "NotApplicable": True,
        "Passed": facts.passed,
        "Completed": facts.completed,
        "CompletedAndPassed": facts.completed and facts.passed,
        "CompletedOrPassed": facts.completed or facts.passed,
    }[move_on]


def newly_satisfied(tree: CourseTree, facts: Mapping[int, AuFacts], already: Collection[str]) -> list[Node]:
    """Blocks and the course that are satisfied now and not in `already`: inner before outer, the course last.

    What is in `already` stays satisfied for good, so a block among it counts whatever its AUs say today.
    `facts` is by AU index; a missing one knows nothing.
    """
    found: list[Node] = []

    def done(node: Au | Block) -> bool:
        if isinstance(node, Au):
            return au_satisfied(node.move_on, facts.get(node.index, NOTHING))
        # Each child is asked, also after one that is not done: blocks further down may be.
        all_done = all([done(child) for child in node.children])
        if block_key(node) in already:
            return True
        if all_done:
            found.append(Node(block_key(node), node))
        return all_done

    if all([done(child) for child in tree.children]) and COURSE not in already:
        found.append(Node(COURSE))
    return found


def earned(tree: CourseTree, facts: Mapping[int, AuFacts]) -> bool:
    """Whether the course was satisfied by studying: nothing of it by a waiver alone, and not by nothing at all."""
    return any(one.completed or one.passed for one in facts.values()) and all(
        au_satisfied(au.move_on, _without_waiver(facts.get(au.index, NOTHING))) for au in _aus(tree)
    )


def asks_for_something(tree: CourseTree) -> bool:
    """Whether any AU must be completed or passed; if not, the course is satisfied as soon as somebody begins it."""
    return any(au.move_on != "NotApplicable" for au in _aus(tree))


def _without_waiver(facts: AuFacts) -> AuFacts:
    return AuFacts(completed=facts.completed, passed=facts.passed)


def _aus(tree: CourseTree) -> Iterator[Au]:
    return (node for _depth, node in tree.walk() if isinstance(node, Au))
