"""Drawing questions for an attempt, and grading it. Pure; domain.md §1.5.

A drawn question is what an attempt keeps and what a page shows:
{"id": 7, "kind": "MULTI", "text": "…", "points": 6, "options": [{"key": "A", "text": "…"}, …],
"right": ["A", "C"], "explanation": "…"}; of JUDGE the options are T and F without a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from courses.quizzes.errors import BadAnswer, PaperIncomplete

__all__ = ["Drawn", "Item", "Plan", "checked", "draw", "grade", "right_keys"]

Drawn = dict[str, Any]
Plan = Mapping[str, tuple[int, int]]
"""By kind, in the order of the paper: how many are asked, and what each is worth."""

LETTERS = "ABCDEFGH"


@dataclass(frozen=True)
class Item:
    """One question of a bank: `answers` are (text, right); of JUDGE («right», «wrong») without a text."""

    id: int
    kind: str
    text: str
    answers: tuple[tuple[str, bool], ...]
    explanation: str = ""


def draw(bank: Iterable[Item], plan: Plan, rng: Random) -> list[Drawn]:
    """Questions for one attempt by the `plan`, each once, answers shuffled. Raises PaperIncomplete."""
    by_kind: dict[str, list[Item]] = {kind: [] for kind in plan}
    for item in bank:
        if item.kind in by_kind:
            by_kind[item.kind].append(item)
    drawn = []
    for kind, (wanted, points) in plan.items():
        if len(by_kind[kind]) < wanted:
            raise PaperIncomplete(kind, len(by_kind[kind]), wanted)
        for item in rng.sample(by_kind[kind], wanted):
            drawn.append(_frozen(item, points, rng))
    return drawn


def _frozen(item: Item, points: int, rng: Random) -> Drawn:
    answers = list(item.answers)
    keys: Sequence[str] = "TF" if item.kind == "JUDGE" else LETTERS
    if item.kind != "JUDGE":
        rng.shuffle(answers)
    named = list(zip(keys, answers, strict=False))
    return {
        "id": item.id,
        "kind": item.kind,
        "text": item.text,
        "points": points,
        "options": [{"key": key, "text": text} for key, (text, _right) in named],
        "right": [key for key, (_text, right) in named if right],
        "explanation": item.explanation,
    }


def checked(questions: Sequence[Drawn], answers: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Answers as they are kept: {"<id>": sorted keys}. Raises BadAnswer for what was not asked or offered."""
    asked = {str(question["id"]): question for question in questions}
    kept = {}
    for number, keys in answers.items():
        question = asked.get(str(number))
        if question is None:
            raise BadAnswer(str(number))
        offered = {option["key"] for option in question["options"]}
        chosen = sorted(set(keys))
        if not set(chosen) <= offered or (question["kind"] != "MULTI" and len(chosen) > 1):
            raise BadAnswer(str(number))
        kept[str(number)] = chosen
    return kept


def right_keys(questions: Sequence[Drawn]) -> dict[str, list[str]]:
    return {str(question["id"]): sorted(question["right"]) for question in questions}


def grade(questions: Sequence[Drawn], answers: Mapping[str, Sequence[str]]) -> int:
    """Points: all of a question's for exactly the right answers, else none (also of MULTI)."""
    right = right_keys(questions)
    return sum(
        question["points"]
        for question in questions
        if sorted(answers.get(str(question["id"]), ())) == right[str(question["id"])]
    )
