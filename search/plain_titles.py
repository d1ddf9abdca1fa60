"""What is found while the index cannot answer: titles that contain each of the words, straight from the database."""

from typing import Any

from search.analysis import plain
from search.documents import Document, Kind, kinds

__all__ = ["MOST_WORDS", "can_answer", "find", "words_of"]

MOST_WORDS = 8
_WRAPPING = "\"'“”‘’「」『』《》〈〉()（）[]【】,，.。;；:：?？!！、*"


def can_answer() -> bool:
    """Whether any kind can be found by title."""
    return any(kind.titles for kind in kinds())


def words_of(query: str) -> list[str]:
    """What is looked for: the query's words as typed, freed from quotation marks and the like; at most eight."""
    parts = (word.strip(_WRAPPING) for word in plain(query[:200]).split())
    return list(dict.fromkeys(word for word in parts if word))[:MOST_WORDS]


def find(query: str, viewer: Any) -> list[tuple[Kind, Document]]:
    """Documents that `viewer` may see with all words of `query` in their titles, by kinds in their order.

    Of each kind at most as many as it gives (`Kind.titles`). No words: none.
    """
    words = words_of(query)
    if not words:
        return []
    return [(kind, found) for kind in kinds() if kind.titles for found in kind.titles(words, viewer)]
