"""What of an object's texts lies in the index of the boxes, and what of a query is asked for there. Pure.

A box promises more than the site's search: each word must be there, a field may be named, half a
word finds only while typing. So each text goes into one or more *spaces*, and a query asks one:

search          texts of SearchFields           by name: the same, one field alone
autocomplete    texts of AutocompleteFields     by name: the same, one field alone

The engines know nothing of spaces: they are fields of their one schema, and marks before a token.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from search import analysis
from search.engines import Some

__all__ = [
    "LAYOUT",
    "LONGEST",
    "Space",
    "Text",
    "entry_tokens",
    "exactly",
    "nearly",
    "phrase",
    "pieces",
    "sounding",
    "whole",
]

LAYOUT = 1
"""Raise by one when the same texts come out as other tokens: every entry then counts as stale for the nightly
comparison, which renews it (`manage.py rebuild_search` does it at once)."""

LONGEST = 200
"""Characters of a query that are looked at."""

NAME = 200
"""A text up to so many characters is a name: it has a sound, and it may be misspelt."""

HEAVY, PLAIN, SOUND, WHOLE = 2.0, 1.0, 0.25, 8.0
"""Weights: a word in a boosted field, in another one, a sound or a misspelling, the very title."""

EDGES = 20
"""Beginnings of a Latin word that are kept; longer ones are found whole."""


@dataclass(frozen=True)
class Text:
    """One text of an object. `name` is the field's name if it is the object's own, "" for a related one's."""

    value: str
    name: str = ""
    boost: float = 1.0
    autocomplete: bool = False


@dataclass(frozen=True)
class Space:
    """Where to look: fields of the engine with weights, and the mark that stands before the tokens there.

    `typing` says that the beginning of a Latin word will do.
    """

    fields: tuple[tuple[str, float], ...]
    mark: str = ""
    typing: bool = False

    @classmethod
    def of(cls, *, typing: bool, name: str = "") -> "Space":
        """The space of all fields, or of the field `name` alone."""
        if name:
            return cls((("body_words", PLAIN),), _mark(typing, name), typing)
        if typing:
            return cls((("title_words", PLAIN),), _mark(typing), typing)
        return cls((("title_bigrams", HEAVY), ("body_bigrams", PLAIN)), _mark(typing), typing)


def _mark(typing: bool, name: str = "") -> str:
    return f"{name}{'>' if typing else '='}" if name else ""


def _secondary_mark(space_mark: str, typing: bool) -> str:
    # Sounds of all spaces share one field, so that they do not lengthen the texts in the eyes of BM25.
    return space_mark or ("typing" if typing else "search")


# Of an object


def entry_tokens(texts: Iterable[Text]) -> dict[str, list[str]]:
    """The tokens of an object by field of the engine."""
    found: dict[str, list[str]] = defaultdict(list)
    for text in texts:
        normal = analysis.normalise(text.value)
        words = [*analysis.bigrams(normal), *_junctions(normal)]
        if text.autocomplete:
            words += _edges(normal)
        field = "title_words" if text.autocomplete else "title_bigrams" if text.boost > 1 else "body_bigrams"
        found[field] += words
        marks = [_secondary_mark("", text.autocomplete)]
        if text.name:
            mark = _mark(text.autocomplete, text.name)
            found["body_words"] += [mark + word for word in words]
            marks.append(mark)
        secondary = list(_secondary(normal))
        found["pinyin"] += [mark + token for mark in marks for token in secondary]
    return dict(found)


def _secondary(normal: str) -> Iterator[str]:
    """Single characters; of a name also its whole, its sound, its initials, and its words less one letter."""
    for character in analysis.characters(normal):
        yield f"1{character}"
    if len(normal) > NAME:
        return
    yield _whole(normal)
    for run in analysis.runs(normal):
        for misspelt in _misspellings(run):
            yield f"?{misspelt}"
    # Only Han characters have a sound here: a Latin word is found as it is written, or not at all.
    spoken = "".join(run for run in analysis.runs(normal) if analysis.is_han(run))
    if spoken:
        for mark, letters in (
            ("~", "".join(analysis.syllables(spoken))),
            ("'", analysis.initials(spoken)),
        ):
            beginnings = (f"^{letters[:1]}", f"^{letters[:2]}")
            for token in dict.fromkeys([*analysis.trigrams(letters), *beginnings]):
                yield mark + token


def _edges(normal: str) -> list[str]:
    return [
        run[:end]
        for run in analysis.runs(normal)
        if not analysis.is_han(run)
        for end in range(1, min(len(run), EDGES + 1))
    ]


def _junctions(normal: str) -> list[str]:
    """Where two runs meet: pairs that bigrams do not have, so that a phrase knows the order of words."""
    runs = list(analysis.runs(normal))
    return [f"{_end(before)}_{_start(after)}" for before, after in pairwise(runs)]


def _start(run: str) -> str:
    return run[0] if analysis.is_han(run) else run


def _end(run: str) -> str:
    return run[-1] if analysis.is_han(run) else run


def _misspellings(run: str) -> list[str]:
    """A Latin word of four letters or more, and all that is left of it when one letter is dropped.

    Two words that share one of these differ by a letter too many, missing, wrong, or by two swapped.
    """
    if analysis.is_han(run) or run.isdigit() or not 4 <= len(run) <= 30:
        return []
    return list(dict.fromkeys([run, *(run[:place] + run[place + 1 :] for place in range(len(run)))]))


def _whole(normal: str) -> str:
    return f"={''.join(analysis.runs(normal))}"


# Of a query


def pieces(text: str) -> list[str]:
    """The runs of Han characters or of Latin letters in `text` (anything at all), each to be looked for by itself."""
    return list(dict.fromkeys(analysis.runs(analysis.normalise(text[: 4 * LONGEST])[:LONGEST])))


def exactly(piece: str, space: Space) -> list[Some]:
    """A run as it is written: a Latin word, or all pairs of Han characters (of more than three, six in ten)."""
    if analysis.is_han(piece) and len(piece) == 1:
        return [_some(space, (piece,)), _secondary_some(space, (f"1{piece}",), 1)]
    tokens = tuple(dict.fromkeys(analysis.bigrams(piece)))
    minimum = len(tokens) if len(tokens) <= 3 else math.ceil(0.6 * len(tokens))
    return [_some(space, tokens, minimum)]


def sounding(piece: str, space: Space) -> list[Some]:
    """A run that may be somebody's pinyin or initials, or Han characters of which one is wrong but sounds right."""
    if piece.isdigit():
        return []
    if not analysis.is_han(piece):
        if len(piece) < 3:
            return [_secondary_some(space, (f"~^{piece}", f"'^{piece}"), 1)] if space.typing else []
        trigrams = tuple(dict.fromkeys(analysis.trigrams(piece, start=False)))
        return [
            _secondary_some(space, tuple(f"~{one}" for one in trigrams), math.ceil(0.8 * len(trigrams))),
            _secondary_some(space, tuple(f"'{one}" for one in trigrams), len(trigrams)),
        ]
    letters = "".join(analysis.syllables(piece))
    if len(piece) < 2 or len(letters) < 4:
        return []
    trigrams = tuple(dict.fromkeys(analysis.trigrams(letters, start=False)))
    minimum = max(2, math.ceil(0.7 * len(trigrams)))
    return [_secondary_some(space, tuple(f"~{one}" for one in trigrams), minimum)]


def nearly(piece: str, space: Space) -> list[Some]:
    """A Latin word with a letter too many, missing, wrong, or two swapped; nothing for other runs."""
    near = tuple(f"?{one}" for one in _misspellings(piece))
    return [_secondary_some(space, near, 1)] if near else []


def phrase(text: str, space: Space) -> list[Some]:
    """The runs of `text` one after another as they stand; an empty list when there is nothing to look for."""
    normal = analysis.normalise(text[: 4 * LONGEST])[:LONGEST]
    tokens = tuple(dict.fromkeys([*analysis.bigrams(normal), *_junctions(normal)]))
    if not tokens:
        return []
    if len(tokens) == 1:
        return exactly(tokens[0], space)
    return [_some(space, tokens, len(tokens))]


def whole(text: str, space: Space) -> Some:
    """A name that is the query and nothing else."""
    return _secondary_some(space, (_whole(analysis.normalise(text[: 4 * LONGEST])[:LONGEST]),), 1, WHOLE)


def _some(space: Space, tokens: tuple[str, ...], minimum: int = 1) -> Some:
    return Some(tuple(space.mark + token for token in tokens), minimum, space.fields)


def _secondary_some(space: Space, tokens: tuple[str, ...], minimum: int, weight: float = SOUND) -> Some:
    mark = _secondary_mark(space.mark, space.typing)
    return Some(tuple(mark + token for token in tokens), max(1, minimum), (("pinyin", weight),))
