"""The real model in a real child; where people ask it is waited for, so that a busy machine changes no result."""

import pytest

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


@pytest.fixture
def embed():
    """A function that brings the vectors of an index up to date; how many documents had to be looked at."""

    def embed(index: str = "") -> int:
        return list(vectors.keep_up(index, process.reading(threads=2), at_once=16))[-1][1]

    return embed
