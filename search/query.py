"""What a query means, before any engine sees it: which tokens, how heavy, how many must meet. Pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from search import analysis

__all__ = ["EXACT_TITLE", "LONGEST", "NEAR", "Phrase", "Plan", "Related", "Sound", "Weights", "plan"]

LONGEST = 200
"""Characters of a query that are looked at; what follows is left out (a passage is found by its beginning)."""

SYNONYM_WEIGHT = 0.4
WHOLE_IN_TITLE, MOST_FOR_TITLE = 5.0, 40.0
"""Score for each pair of a query that stands in the title as a whole: a word of many titles counts for
little by its rarity there, and would otherwise lose against one mention deep in some text."""
EXACT_TITLE = 60.0
"""Score that puts the title which is exactly the query above everything else."""
NEAR = 4096.0
"""Score by which `Plan.near` stand before everything else to an engine; taken off again by search.meaning.ranking."""
DESCRIBES = 9
"""Telling characters from which on a sentence may describe a thing; a shorter one names it, and is answered quicker so."""
RAREST = 6
"""Single characters of a sentence of which two make a match."""
MOST_RELATED = 48
"""Pairs of official words that are looked for besides those of the query itself."""


@dataclass(frozen=True)
class Weights:
    """How much a token counts in each field: words and bigrams of the title and of the whole text (title
    and body), pinyin of the title, single characters of the body, official
    words for everyday ones."""

    title_words: float
    body_words: float
    title_bigrams: float
    body_bigrams: float
    pinyin: float
    characters: float = 0.0
    related: float = 0.0


KEYWORDS = Weights(0.5, 0.6, 2.0, 1.0, pinyin=0.25)
QUESTION = Weights(0.1, 0.5, 0.2, 0.5, pinyin=0.25, characters=1.0, related=0.4)
LATIN = Weights(0.5, 0.6, 2.0, 1.0, pinyin=1.0)
"""Keywords want the title; what somebody asks or tells wants the text, and there also single characters.
Measured: search/decisions/0001-what-people-say-finds-what-rules-say.md."""


@dataclass(frozen=True)
class Phrase:
    """Bigrams of which at least `minimum` of `required` must stand in one document; all of them add score."""

    required: tuple[str, ...]
    minimum: int
    bigrams: tuple[str, ...]
    words: tuple[str, ...]
    weight: float = 1.0


@dataclass(frozen=True)
class Related:
    """Tokens that only add to the score, in the text: official words for the everyday ones of the query."""

    bigrams: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sound:
    """How a title sounds: `minimum` of `tokens` (trigrams of pinyin or initials, pairs of syllables) must be right;
    `start` (^…) only adds score."""

    tokens: tuple[str, ...] = ()
    minimum: int = 0
    start: str = ""


@dataclass(frozen=True)
class Plan:
    """A query ready for an engine.

    A document matches when it holds enough of `phrase`, or of one of `synonyms`, or when its title
    sounds like `spoken` or `pinyin` or is abbreviated as `initials`, or holds the single `character`; or when it is one of `near`
    (keys), whatever it says: these were found by meaning.
    All that matches adds to the score, and so do `characters` (in the body) and `related` (in the text). Of a
    sentence and of a loose plan `characters_minimum` of `telling` alone make a match (0: they never do).
    """

    text: str
    normal: str
    phrase: Phrase
    weights: Weights
    synonyms: tuple[Phrase, ...] = ()
    spoken: Sound = Sound()
    """Of Han characters: it forgives wrong ones of the right sound."""
    pinyin: Sound = Sound()
    """Of Latin letters."""
    initials: Sound = Sound()
    character: str = ""
    characters: tuple[str, ...] = ()
    telling: tuple[str, ...] = ()
    characters_minimum: int = 0
    related: Related = Related()
    near: tuple[str, ...] = ()
    is_question: bool = False
    is_sentence: bool = False
    """Asked or told, not keywords."""
    is_loose: bool = False
    parts: tuple[str, ...] = ()
    """What of the query is worth marking in a hit, also in pieces; normalised."""
    synonym_texts: tuple[str, ...] = ()
    """What else is worth marking, but only as a whole."""

    @property
    def whole_in_title(self) -> float:
        """What a title earns that holds every pair of the query."""
        return min(MOST_FOR_TITLE, WHOLE_IN_TITLE * len(self.phrase.required))

    @property
    def sounds(self) -> list[tuple[str, Sound]]:
        """What is asked by its sound, and in which field of an index."""
        asked = (("syllable_pairs", self.spoken), ("pinyin", self.pinyin), ("initials", self.initials))
        return [(name, sound) for name, sound in asked if sound.tokens]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to look for (blanks, punctuation, emoji)."""
        return not self.phrase.required


def plan(text: str, *, loose: bool = False) -> Plan:
    """Read `text` (anything at all) as a query. With `loose` one common token is enough for a match."""
    normal = analysis.normalise(text)[:LONGEST].strip()
    asks = analysis.is_question(normal)
    sentence = asks or analysis.is_told(normal)
    tells = sentence or loose
    parts = analysis.content(normal) or list(analysis.runs(normal))
    required = _once(token for part in parts for token in analysis.bigrams(part))
    minimum = _minimum(len(required), tells)
    phrase = Phrase(required, minimum, _once(analysis.bigrams(normal)), _once(analysis.words(normal)))
    letters = "".join(analysis.runs(normal))
    latin = bool(letters) and letters.isascii()
    single = letters if len(letters) == 1 and not latin else ""
    spoken = pinyin = initials = Sound()
    if latin and not letters.isdigit():
        pinyin, initials = _typed(letters, 0.8, loose), _typed(letters, 1.0, loose)
    elif letters and not latin and not single and not asks:
        spoken = _spoken(normal, loose)
    characters = _once(one for part in parts for one in analysis.telling_characters(part)) if tells else ()
    synonyms = _known_synonyms(normal)
    return Plan(
        text=text,
        normal=normal,
        phrase=phrase,
        weights=LATIN if latin else QUESTION if tells else KEYWORDS,
        synonyms=tuple(_with_rest(normal, term, other) for term, other in synonyms),
        spoken=spoken,
        pinyin=pinyin,
        initials=initials,
        character=single,
        characters=characters,
        telling=characters if loose else _rarest(characters),
        characters_minimum=_minimum_of_characters(len(characters), loose),
        related=_related(normal) if tells else Related(),
        is_question=asks,
        is_sentence=sentence,
        is_loose=loose,
        parts=_once([*parts, *([] if asks else analysis.runs(normal))]),
        synonym_texts=_once(other for _term, other in synonyms),
    )


def _minimum(count: int, tells: bool) -> int:
    """How many of `count` bigrams a document must hold: three keywords all, of longer ones the smaller share.

    Of a sentence one is enough: it wants the answer on top, not a count.
    """
    if tells:
        return min(1, count)
    return count if count <= 3 else math.ceil((0.6 if count <= 8 else 0.4) * count)


def _minimum_of_characters(count: int, loose: bool) -> int:
    """How many telling ones of `count` characters make a match without any pair; 0 when too few were given."""
    if loose:
        return max(2, math.ceil(0.34 * count)) if count > 1 else 0
    return 2 if count >= DESCRIBES else 0


def _rarest(characters: tuple[str, ...]) -> tuple[str, ...]:
    """The RAREST of `characters`, in their order.

    Who describes a thing without its name (那种地块整得方方正正的田叫什么) may share no pair with the text that has it;
    what is rare in the language is likely to stand there all the same.
    """
    kept = set(sorted(characters, key=analysis.rarity, reverse=True)[:RAREST])
    return tuple(one for one in characters if one in kept)


def _typed(letters: str, share: float, loose: bool) -> Sound:
    """Latin letters that may be somebody's pinyin or initials; one or two letters only begin a title."""
    if len(letters) < 3:
        return Sound((f"^{letters}",), 1)
    trigrams = _once(analysis.trigrams(letters, start=False))
    minimum = math.ceil((0.5 * share if loose else share) * len(trigrams))
    return Sound(trigrams, max(1, minimum), f"^{letters[:2]}")


def _spoken(normal: str, loose: bool) -> Sound:
    """How a query in Han characters sounds. A word of the language is meant as it stands (民主 is not 民族), unless
    nothing holds it."""
    if analysis.is_word(normal) and not loose:
        return Sound()
    pairs = _once(analysis.syllable_pairs(normal))
    return Sound(pairs, max(math.ceil((0.5 if loose else 0.7) * len(pairs)), min(2, len(pairs))))


def _known_synonyms(normal: str) -> list[tuple[str, str]]:
    """Pairs (term in the query, what else it is called)."""
    return _translated(normal, analysis.synonyms())


def _translated(normal: str, dictionary: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    """What `dictionary` has for the terms in the query; a term inside a longer known one is left alone."""
    known = [term for term in dictionary if term in normal]
    longest = [term for term in known if not any(term != other and term in other for other in known)]
    return [(term, other) for term in longest for other in dictionary[term] if other not in normal]


def _related(normal: str) -> Related:
    """The official words for what `normal` says in everyday ones; one of a single character must be a word (账, not 账号)."""
    said = set(analysis.words(normal))
    official = [
        other for term, other in _translated(normal, analysis.everyday()) if len(term) > 1 or term in said
    ]
    pairs = _once(token for other in official for token in analysis.bigrams(other))
    its_words = _once(word for other in official for word in analysis.words(other))
    return Related(pairs[:MOST_RELATED], its_words[:MOST_RELATED])


def _with_rest(normal: str, term: str, other: str) -> Phrase:
    # The rest of the query still counts: 三会一课 记录 is not every 党课.
    rest = [token for part in analysis.content(normal.replace(term, " ")) for token in analysis.bigrams(part)]
    required = _once([*analysis.bigrams(other), *rest])
    minimum = len(set(analysis.bigrams(other))) + _minimum(len(set(rest)), False)
    return Phrase(
        required, min(minimum, len(required)), (), _once(analysis.words(other)), weight=SYNONYM_WEIGHT
    )


def _once(tokens: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tokens))
