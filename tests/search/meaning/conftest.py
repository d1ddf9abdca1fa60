"""The real model in a real child; where people ask it is waited for, so that a busy machine changes no result."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from search.meaning import nearest, process, vectors


@pytest.fixture(autouse=True)
def meaning(settings, monkeypatch):
    """Search by meaning is on, and nothing is known of former tests. Gives the child that is asked."""
    settings.SEARCH = {**settings.SEARCH, "MEANING": "e5"}
    monkeypatch.setattr(process, "QUERY_S", 20.0)
    monkeypatch.setattr(nearest, "FRESH_S", 0.0)
    monkeypatch.setattr(nearest, "LOADS_AGAIN_AFTER", 0.0)
    monkeypatch.setattr(vectors, "_going", None)
    monkeypatch.setattr(vectors, "_rests_until", 0.0)
    nearest.forget()
    yield process.asking()
    nearest.forget()


class Remembering:
    """The model, asked once for each text: its answer is always the same, and reading the labelled texts takes 20 s."""

    known: dict[str, NDArray[np.float32]] = {}

    def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if new := [text for text in dict.fromkeys(texts) if text not in self.known]:
            self.known.update(zip(new, process.reading(threads=2).passages(new), strict=True))
        return np.stack([self.known[text] for text in texts])

    def query(self, text: str) -> NDArray[np.float32]:
        return process.reading(threads=2).query(text)


@pytest.fixture
def embed():
    """A function that brings the vectors of an index up to date; how many documents had to be looked at."""

    def embed(index: str = "") -> int:
        return list(vectors.keep_up(index, Remembering(), at_once=16))[-1][1]

    return embed
