"""Labelled queries by suite: the written questions, and variants of titles and sentences made by rule.

Always the same ones: chance is seeded by the text that is varied. Half A is for tuning, half B for judging.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from random import Random

import rjieba
from pypinyin import Style, lazy_pinyin

from tests.search.labelled.documents import lectures, written

__all__ = ["Asked", "Said", "asked", "said"]

_HAN = re.compile("[\u4e00-\u9fff]")
_CLAUSE = re.compile("[，。；：！？、\u3000]")
_WRITTEN = {
    ("rule", "asked"): "lay question to rule",
    ("rule", "asked_later"): "later lay question",
    ("passage", "asked"): "question to passage",
    ("passage", "named"): "question that names it",
    ("passage", "described"): "thing described",
}
"""The written questions of a document. The later ones, those that name the thing and those that only describe it were
written by somebody who saw neither the earlier questions nor the lexicon."""
FILLERS = ("那么", "就是说", "这个", "呃")


@dataclass(frozen=True)
class Asked:
    """A query and the ids (kind:id) of the documents that answer it."""

    suite: str
    text: str
    answers: frozenset[str]


@dataclass(frozen=True)
class Said:
    """A sentence, and where it is said: the lecture and the second at which its first cue begins."""

    text: str
    lecture: str
    start_s: float
    suite: str = "sentence to second"


def half_of(text: str) -> str:
    """A or B, by a hash of the query."""
    return "AB"[hashlib.sha256(text.encode()).digest()[0] % 2]


@cache
def asked(half: str) -> tuple[Asked, ...]:
    """The queries of one half for texts."""
    return tuple(one for one in _asked() if half_of(one.text) == half)


@cache
def said(half: str) -> tuple[Said, ...]:
    """The sentences of one half for lectures: as spoken, with a word less or more, or misheard."""
    return tuple(one for one in _said() if half_of(one.text) == half)


def _asked() -> Iterator[Asked]:
    titles = [row["title"] for row in written()]
    for row in written():
        answers = frozenset({f"{row['kind']}:{row['id']}"})
        for (kind, key), suite in _WRITTEN.items():
            if row["kind"] == kind:
                yield from (Asked(suite, question, answers) for question in row.get(key, ()))
        if row["kind"] == "notice":
            for suite, text in _variants(row["title"]):
                yield Asked(f"title, {suite}", text, answers)
        if row["kind"] != "passage" and titles.count(row["title"]) == 1:
            clauses = [one for one in _CLAUSE.split(row["body"]) if 4 <= len(one) <= 30]
            if len(clauses) >= 3:
                chosen = clauses[-3:]
                Random(row["title"]).shuffle(chosen)
                yield Asked("shuffled clauses", "，".join(chosen), answers)


def _variants(title: str) -> Iterator[tuple[str, str]]:
    chance = Random(title)
    _issuer, _, subject = title.partition("关于")
    subject = re.sub("的..$", "", subject)
    place = chance.choice([place for place, one in enumerate(title) if _HAN.match(one)])
    sound = lazy_pinyin(title[place])[0]
    if alike := sorted(one for one in _by_sound().get(sound, ()) if one != title[place]):
        yield "typo", title[:place] + chance.choice(alike) + title[place + 1 :]
    yield "dropped", subject[: (lost := chance.randrange(len(subject)))] + subject[lost + 1 :]
    words = [word for word in rjieba.cut(subject) if len(word) > 1]
    yield "core", " ".join(words[: max(2, len(words) * 2 // 3)])
    middle = len(subject) // 2
    yield "swapped", f"{subject[middle:]} {subject[:middle]}"
    yield "prefix", title[: len(title) * 2 // 3]
    yield "pinyin", "".join(lazy_pinyin(subject))
    yield "initials", "".join(lazy_pinyin(subject, style=Style.FIRST_LETTER))


@cache
def _by_sound() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for row in written():
        for one in _HAN.findall(row["title"] + row["body"]):
            found.setdefault(lazy_pinyin(one)[0], set()).add(one)
    return {sound: frozenset(alike) for sound, alike in found.items()}


def _said() -> Iterator[Said]:
    for lecture in lectures():
        cues = lecture["cues"]
        for number, (start, _end, text) in enumerate(cues):
            chance = Random(text)
            if len(text) < 6:
                continue
            if number + 1 < len(cues) and chance.random() < 0.4:
                text += cues[number + 1][2]
            yield Said(_changed(text, chance), lecture["id"], start)


def _changed(text: str, chance: Random) -> str:
    letters = list(text)
    for _ in range(chance.choice((0, 1, 2, 3))):
        place = chance.randrange(len(letters))
        match chance.choice(("lost", "misheard", "filler")):
            case "lost":
                del letters[place]
            case "misheard":
                alike = sorted(_by_sound().get(lazy_pinyin(letters[place])[0], ()))
                letters[place] = chance.choice(alike) if alike else letters[place]
            case "filler":
                letters.insert(place, chance.choice(FILLERS))
    return "".join(letters)
