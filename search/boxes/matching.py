"""A query of the library as sets: which objects match, with which score. The engine is asked run by run.

And, Or and Not are done here on what the engine answers: a few thousand keys at the most, exact, and
the same for every engine.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from modelsearch.query import And, Boost, Fuzzy, MatchAll, Not, Or, Phrase, PlainText, SearchQuery

from search.boxes import tokens
from search.boxes.tokens import Space
from search.engines import Some

__all__ = ["Ask", "Matches", "matches"]

Ask = Callable[[list[Some]], dict[str, float]]
"""Ask the engine: score by id of everything that matches in one of the ways."""


@dataclass(frozen=True)
class Matches:
    """Ids with scores; or, if `all_but` is given, everything but those (ids in `scores` then only score more)."""

    scores: dict[str, float] = field(default_factory=dict)
    all_but: frozenset[str] | None = None

    def __contains__(self, id: str) -> bool:
        return id in self.scores if self.all_but is None else id not in self.all_but


def matches(query: SearchQuery, spaces: list[Space], ask: Ask) -> Matches:
    """What matches `query` in `spaces` (several: in any of them, piece by piece). Raises what the engine raises."""
    found = _Question(spaces, ask).answer(query)
    if isinstance(query, PlainText) and found.scores and found.all_but is None:
        # What a person typed stands first where it is the very name; inside a compound only its words count.
        for id, score in ask([tokens.whole(query.query_string, space) for space in spaces]).items():
            if id in found.scores:
                found.scores[id] += score
    return found


@dataclass(frozen=True)
class _Question:
    spaces: list[Space]
    ask: Ask
    by_sound: bool = True

    def answer(self, query: SearchQuery) -> Matches:
        match query:
            case PlainText():
                return _weighed(self._words(query.query_string, query.operator, near=False), query.boost)
            case Fuzzy():
                return self._words(query.query_string, query.operator, near=True)
            case Phrase():
                return self._asked(
                    [way for space in self.spaces for way in tokens.phrase(query.query_string, space)]
                )
            case Boost():
                return _weighed(self.answer(query.subquery), query.boost)
            case MatchAll():
                return Matches(all_but=frozenset())
            case Not():
                # Not 消防 shuts out what says 消防, not what sounds like it.
                return _turned(_Question(self.spaces, self.ask, by_sound=False).answer(query.subquery))
            case And():
                return _all_of([self.answer(one) for one in query.subqueries])
            case Or():
                return _any_of([self.answer(one) for one in query.subqueries])
        raise NotImplementedError(f"The search boxes do not know the query {type(query).__name__}.")

    def _words(self, text: str, operator: str, *, near: bool) -> Matches:
        found = [self._piece(piece, near) for piece in tokens.pieces(text)]
        if not found:
            return Matches()
        return _any_of(found) if operator == "or" else _all_of(found)

    def _piece(self, piece: str, near: bool) -> Matches:
        ways: list[Some] = []
        for space in self.spaces:
            ways += tokens.exactly(piece, space)
            if self.by_sound:
                ways += tokens.sounding(piece, space)
            if near:
                ways += tokens.nearly(piece, space)
        return self._asked(ways)

    def _asked(self, ways: list[Some]) -> Matches:
        return Matches(self.ask(ways)) if ways else Matches()


def _weighed(found: Matches, boost: float) -> Matches:
    return Matches({id: score * boost for id, score in found.scores.items()}, found.all_but)


def _turned(found: Matches) -> Matches:
    if found.all_but is None:
        return Matches(all_but=frozenset(found.scores))
    return Matches(dict.fromkeys(found.all_but, 0.0))


def _all_of(parts: list[Matches]) -> Matches:
    finite = [one for one in parts if one.all_but is None]
    if finite:
        smallest = min(finite, key=lambda one: len(one.scores))
        ids = [id for id in smallest.scores if all(id in one for one in parts)]
        return Matches({id: sum(one.scores.get(id, 0.0) for one in parts) for id in ids})
    without = frozenset().union(*(one.all_but for one in parts if one.all_but is not None))
    return Matches(_summed(parts), without)


def _any_of(parts: list[Matches]) -> Matches:
    endless = [one.all_but for one in parts if one.all_but is not None]
    if not endless:
        return Matches(_summed(parts))
    named = {id for one in parts if one.all_but is None for id in one.scores}
    return Matches(_summed(parts), endless[0].intersection(*endless[1:]) - named)


def _summed(parts: list[Matches]) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in parts:
        for id, score in one.scores.items():
            found[id] = found.get(id, 0.0) + score
    return found
