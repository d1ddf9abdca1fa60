"""Documents, captions and queries for the search benchmark, made of a seed: the same number gives the same text.

Words are those of pypinyin (MIT), as frequent as rjieba's dictionary (MIT) has them; they come in set phrases, which are
as uneven as words are (Zipf), and a document keeps to a subject, so that pairs of characters repeat as they do in real
text: drawn singly, words would make a dictionary of pairs that no language has.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

PHRASES = 60_000
SUBJECT = 24
CUES_OF_A_LECTURE = 100
KINDS = ("law", "notice", "guide", "news")
ASKING = ("什么是{}", "{}怎么办理", "{}需要多少时间", "为什么要{}")


@dataclass(frozen=True)
class Query:
    """What is asked; `sort` says what it is like, `kind` narrows (None: all kinds)."""

    sort: str
    text: str
    kind: str | None = None


class Language:
    """Words and set phrases, each as frequent as it would be."""

    def __init__(self, seed: int = 2026) -> None:
        import rjieba
        from pypinyin import lazy_pinyin
        from pypinyin.phrases_dict import phrases_dict

        dictionary = rjieba.Jieba()
        dice = random.Random(seed)
        signs = [chr(code) for code in range(0x4E00, 0x9FA6)]
        words = [one for one in [*phrases_dict, *signs] if dictionary.has_word(one) and len(one) <= 4]
        weights = list(accumulate(dictionary.suggest_freq(one) for one in words))
        self.phrases = [
            "".join(dice.choices(words, cum_weights=weights, k=dice.choice((1, 2, 2, 3))))
            for _ in range(PHRASES)
        ]
        self.weights = list(accumulate(1 / (place + 10) for place in range(PHRASES)))
        sounds: dict[str, list[str]] = {}
        for sign, sound in zip(signs[:], lazy_pinyin(signs), strict=True):
            if dictionary.suggest_freq(sign) > 2000:
                sounds.setdefault(sound, []).append(sign)
        self.alike = {one: [other for other in its if other != one] for its in sounds.values() for one in its}


class Writer:
    """Documents one after the other."""

    def __init__(self, language: Language, seed: int = 7) -> None:
        self.language, self.dice = language, random.Random(seed)

    def _subject(self) -> list[str]:
        return self.dice.choices(self.language.phrases, cum_weights=self.language.weights, k=SUBJECT)

    def _text(self, subject: list[str], length: int) -> str:
        dice, language = self.dice, self.language
        parts: list[str] = []
        size = 0
        while size < length:
            clause = [
                dice.choice(subject)
                if dice.random() < 0.4
                else dice.choices(language.phrases, cum_weights=language.weights)[0]
                for _ in range(dice.randint(2, 5))
            ]
            parts.append("".join(clause) + dice.choice("，，，。；"))
            size += len(parts[-1])
        return "".join(parts)

    def document(self, number: int) -> dict[str, Any]:
        """One of about 420 characters with its title."""
        subject = self._subject()
        return {
            "id": f"d{number}",
            "kind": KINDS[number % len(KINDS)],
            "title": "".join(subject[:3])[:40],
            "body": self._text(subject, 400),
            "category": f"第{number % 12 + 1}类",
            "date": f"{2000 + number % 26}-{number % 12 + 1:02}-01",
        }

    def cues(self, number: int) -> Iterator[dict[str, Any]]:
        """The captions of one lecture: clauses of 8 to 20 characters, of 2 to 5 seconds."""
        said = self._text(self._subject(), CUES_OF_A_LECTURE * 13).replace("。", "，").replace("；", "，")
        at = 0.0
        for clause in said.split("，"):
            for piece in (clause[place : place + 20] for place in range(0, len(clause), 20)):
                end = round(at + 1.5 + len(piece) / 5, 2)
                yield {"video": f"v{number}", "start": at, "end": end, "text": piece}
                at = end


@dataclass(frozen=True)
class Made:
    """What was written: documents, cues, their text in characters and in bytes (UTF-8), and queries about them."""

    documents: int
    cues: int
    characters: int
    text_bytes: int
    queries: list[Query]


def make(path: Path, documents: int, lectures: int, queries: int) -> Made:
    """Write a set to `path` (JSON Lines)."""
    language = Language()
    writer = Writer(language)
    asked = random.Random(11)
    every = max(1, documents // queries)
    titles: list[str] = []
    bodies: list[str] = []
    said: list[str] = []
    characters = size = cues = 0
    with path.open("w", encoding="utf-8") as file:
        for number in range(documents):
            one = writer.document(number)
            file.write(json.dumps(one, ensure_ascii=False) + "\n")
            text = one["title"] + one["body"]
            characters, size = characters + len(text), size + len(text.encode())
            if number % every == 0:
                titles.append(one["title"])
                bodies.append(one["body"])
        for number in range(lectures):
            for cue in writer.cues(number):
                file.write(json.dumps(cue, ensure_ascii=False) + "\n")
                characters, size = characters + len(cue["text"]), size + len(cue["text"].encode())
                cues += 1
                if len(cue["text"]) > 12:
                    said.append(cue["text"])
    return Made(
        documents, cues, characters, size, list(_queries(language, asked, titles, bodies, said, queries))
    )


def _queries(
    language: Language, dice: random.Random, titles: list[str], bodies: list[str], said: list[str], count: int
) -> Iterator[Query]:
    from pypinyin import Style, lazy_pinyin

    def one(sort: str) -> Query:
        title, body = dice.choice(titles), dice.choice(bodies)
        clause = max(body.replace("。", "，").replace("；", "，").split("，"), key=len)
        match sort:
            case "title":
                return Query(sort, title)
            case "core":
                return Query(sort, title[2:10])
            case "typo":
                place = dice.randrange(len(title))
                wrong = dice.choice(language.alike.get(title[place]) or ["的"])
                return Query(sort, title[:place] + wrong + title[place + 1 :])
            case "pinyin":
                return Query(sort, "".join(lazy_pinyin(title[:8])))
            case "initials":
                return Query(sort, "".join(lazy_pinyin(title[:8], style=Style.FIRST_LETTER)))
            case "question":
                return Query(sort, dice.choice(ASKING).format(clause[:8]))
            case "passage":
                return Query(sort, clause)
            case "words":
                return Query(sort, f"{dice.choice(language.phrases)} {clause[:4]}")
            case _:
                return Query(sort, dice.choice(said or bodies)[:20], "cue" if sort == "cue" else None)

    sorts = ("title", "core", "typo", "pinyin", "initials", "question", "passage", "words", "said", "cue")
    for number in range(count):
        yield one(sorts[number % len(sorts)])


def made_of(files: list[Path], queries: int) -> Made:
    """What stands in `files` (as index_documents reads them), and queries cut from it."""
    language, dice = Language(), random.Random(11)
    documents = cues = characters = size = 0
    titles: list[str] = []
    bodies: list[str] = []
    said: list[str] = []
    for file in files:
        with file.open(encoding="utf-8-sig") as lines:
            for line in filter(str.strip, lines):
                one = json.loads(line)
                text = (one.get("title") or "") + (one.get("body") or one.get("text") or "")
                characters, size = characters + len(text), size + len(text.encode("utf-8", "replace"))
                if "video" in one:
                    cues += 1
                    kept = said
                else:
                    documents += 1
                    kept = bodies
                    if one.get("title") and (len(titles) < queries or dice.random() < 0.01):
                        titles.append(one["title"])
                if text and (len(kept) < queries or dice.random() < 0.01):
                    kept.append(one.get("body") or text)
    titles, bodies = titles or bodies or said, bodies or said
    return Made(
        documents, cues, characters, size, list(_queries(language, dice, titles, bodies, said, queries))
    )
