"""A plan as a query of Elasticsearch: the same clauses and the same constants as for the embedded engine.

Scores agree because both reckon BM25 with k1 = 1.2 and b = 0.75 and keep the factor k1 + 1 (Lucene
dropped it, Elasticsearch did not), so the fixed bonuses weigh the same beside them.
"""

from collections.abc import Iterable

from elasticsearch.dsl.query import Bool, ConstantScore, Query, Term, Terms

from search.engines import Filters, Some
from search.query import EXACT_TITLE, NEAR, Phrase, Plan, Sound

__all__ = ["by_key", "exactly", "scored", "some_of", "visible"]


def visible(access: frozenset[str]) -> Query:
    """Documents that somebody with one of these keys may see."""
    return Terms(access=sorted(access))


def exactly(name: str, value: str) -> Query:
    return Term(**{name: value})


def by_key(filters: Filters) -> tuple[list[Query], list[Query]]:
    """What must hold, and what must not, of a document's own key, or of that of its group."""
    only: list[Query] = [Terms(group=sorted(filters.only))] if filters.only is not None else []
    without: list[Query] = [Terms(group=sorted(filters.without))] if filters.without else []
    return only, without


def scored(plan: Plan, titles: bool) -> tuple[Query, list[Query]]:
    """What a document must match, and what only adds to its score."""
    weights = plan.weights
    ways = [_enough(plan.phrase, plan, titles, () if titles else plan.related.bigrams)]
    ways += [_enough(phrase, plan, titles) for phrase in plan.synonyms]
    extra: list[Query] = []
    for name, sound in plan.sounds:
        ways.append(_sounding(name, sound, weights.pinyin))
        if sound.start:
            extra.append(_term(name, sound.start, weights.pinyin))
    if plan.character:
        ways.append(_term("title_characters", plan.character))
    if plan.characters_minimum and not titles:
        some = [_term("body_characters", one) for one in plan.telling]
        enough = Bool(should=some, minimum_should_match=plan.characters_minimum)
        ways.append(ConstantScore(filter=enough, boost=0.0))
    if plan.near and not titles:
        ways.append(ConstantScore(filter=Terms(key=sorted(plan.near)), boost=NEAR))
    required = set(plan.phrase.required)
    name, weight = _where(plan, titles)
    light = [token for token in plan.phrase.bigrams if token not in required]
    extra += [_term(name, token, weight) for token in light]
    for phrase in (plan.phrase, *plan.synonyms):
        if not titles:
            pairs = [*phrase.required, *light] if phrase is plan.phrase else phrase.required
            heavy = weights.title_bigrams * phrase.weight
            extra += [_term("title_bigrams", token, heavy) for token in pairs]
        for word in phrase.words:
            extra.append(_term("title_words", word, weights.title_words * phrase.weight))
            if not titles:
                extra.append(_term("body_words", word, weights.body_words * phrase.weight))
    if not titles:
        extra += [_term("body_characters", one, weights.characters) for one in plan.characters]
        extra += [_term("body_words", word, weights.related) for word in plan.related.words]
    whole = Bool(filter=[_term("title_bigrams", token) for token in plan.phrase.required])
    extra.append(ConstantScore(filter=whole, boost=plan.whole_in_title))
    extra.append(ConstantScore(filter=exactly("exact_title", plan.normal), boost=EXACT_TITLE))
    return Bool(should=ways, minimum_should_match=1), extra


def some_of(ways: Iterable[Some]) -> Query:
    """What matches in one of `ways`."""
    return Bool(
        should=[
            Bool(
                should=[
                    Bool(should=[_term(name, token, weight) for name, weight in way.fields])
                    for token in way.tokens
                ],
                minimum_should_match=way.minimum,
            )
            for way in ways
        ],
        minimum_should_match=1,
    )


def _term(name: str, token: str, weight: float = 1.0) -> Query:
    return Term(**{name: {"value": token, "boost": weight}})


def _where(plan: Plan, titles: bool) -> tuple[str, float]:
    """The field in which pairs are looked for, and what one counts there."""
    if titles:
        return "title_bigrams", plan.weights.title_bigrams
    return "body_bigrams", plan.weights.body_bigrams


def _enough(phrase: Phrase, plan: Plan, titles: bool, related: tuple[str, ...] = ()) -> Query:
    """Enough of the pairs in the title, or in the text, which the title is part of."""
    name, weight = _where(plan, titles)
    return Bool(
        should=[
            *(_term(name, token, weight) for token in phrase.required),
            *(_term("body_bigrams", token, plan.weights.related) for token in related),
        ],
        minimum_should_match=phrase.minimum,
        boost=phrase.weight,
    )


def _sounding(name: str, sound: Sound, weight: float) -> Query:
    return Bool(
        should=[_term(name, token) for token in sound.tokens],
        minimum_should_match=sound.minimum,
        boost=weight,
    )
